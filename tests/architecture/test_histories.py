"""The judge of histories shares nothing with what it judges."""

import ast
import sys

import pytest

from tests.architecture.source import Source, place, sources

#: What else it may use: an HTTP client, and what runs its own tests.
FOREIGN = frozenset({"httpx2", "pytest"})
OWN = "tests.histories"


def house_imports(source: Source) -> list[str]:
    """Imports of anything but Python's own library, `FOREIGN` and the folder itself."""
    found = []
    for node in source.nodes:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "."]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            names = ["import_module"]
        else:
            continue
        found += [place(source, node) for name in names if not _is_allowed(name)]
    return found


def _is_allowed(name: str) -> bool:
    top = name.partition(".")[0]
    own = name == OWN or name.startswith(f"{OWN}.")
    return own or top in FOREIGN or top in sys.stdlib_module_names


def test_the_judge_imports_nothing_of_ours() -> None:
    files = sources(("tests/histories",))
    assert "tests/histories/judge.py" in {file.path for file in files}
    assert [breach for file in files for breach in house_imports(file)] == []


@pytest.mark.parametrize(
    "line",
    [
        *("from core import json", "import app.invariants", "from payments.states import LIVE"),
        *("from tests.crash.oracle import settle", "import sqlalchemy", "from . import x"),
        'importlib.import_module("core")',
    ],
)
def test_an_import_of_ours_is_caught(line: str) -> None:
    assert house_imports(Source("tests/histories/judge.py", line)) == ["tests/histories/judge.py:1"]


def test_what_is_nobodys_passes() -> None:
    code = "import json\nimport httpx2\nfrom tests.histories.record import Call\n"
    assert house_imports(Source("tests/histories/judge.py", code)) == []
