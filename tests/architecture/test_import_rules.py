"""The import rules hold, and each of them catches the import it is there for."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.source import PACKAGES, ROOT

#: The kind of rule that reads docstrings; the import linter loads it from the project's folder.
PURE_CONTRACT = "scripts/pure_modules.py"


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the import rules of the copy of the project in `folder`."""
    return subprocess.run(
        [
            *(
                sys.executable,
                "-c",
                "from importlinter.cli import lint_imports_command as run; run()",
            ),
            *("--no-cache", "--no-logo"),
        ],
        cwd=folder,
        env={"PATH": "", "PYTHONPATH": str(folder), "LC_ALL": "C.UTF-8", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the packages and their rules, to plant something in."""
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__", "templates", "static", "data")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    plant(tmp_path, "scripts/pure_modules.py", (ROOT / PURE_CONTRACT).read_text(encoding="utf-8"))
    return tmp_path


def plant(project: Path, module: str, code: str) -> None:
    """Add `code` at the end of a module, which is made if it is not there yet."""
    path = project / module
    path.parent.mkdir(exist_ok=True)
    for folder in path.parent.relative_to(project).parents:
        if folder.parts:
            (project / folder / "__init__.py").touch()
    (path.parent / "__init__.py").touch()
    with path.open("a", encoding="utf-8") as file:
        file.write(f"\n{code}\n")


#: What may be imported, and is in nearly every place where something else may not.
ALLOWED = [
    ("adapters/sandbox/planted.py", "import payments.ports\nimport adapters.http"),
    ("adapters/registry.py", "import adapters.sandbox.planted"),
    ("receipts/planted.py", "import payments.books.queries"),
    ("reconciliation/days/planted.py", "import payments.incoming.commands"),
]


def test_the_import_rules_hold(project: Path) -> None:
    """With what they allow planted beside, which hides nothing of the project: one reading."""
    for module, code in ALLOWED:
        plant(project, module, code)
    done = lint_imports(project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


# Several are planted at once, for reading the whole project takes a second or two; what is
# reported must name every one of them.
PLANTED = [
    ("core/planted.py", "import app.planted", "core.planted -> app.planted"),
    ("payments/planted.py", "from receipts import planted", "payments.planted -> receipts.planted"),
    ("receipts/planted.py", "import payments.models", "receipts.planted -> payments.models"),
    ("receipts/planted.py", "import payments.commands", "receipts.planted -> payments.commands"),
    (
        "reconciliation/planted.py",
        "from payments.models import Bill",
        "reconciliation.planted -> payments.models",
    ),
    (
        "adapters/sandbox/planted.py",
        "from payments.models import Bill",
        "adapters.sandbox.planted -> payments.models",
    ),
    (
        "adapters/sandbox/planted.py",
        "import adapters.paygov.planted",
        "adapters.sandbox.planted -> adapters.paygov.planted",
    ),
    (
        "adapters/paygov/planted.py",
        "from core.sessions import WriteSession",
        "adapters.paygov.planted -> core.sessions",
    ),
    ("adapters/bank_qr/planted.py", "import fastapi", "adapters.bank_qr.planted -> fastapi"),
    ("adapters/http.py", "import adapters.paygov", "adapters.http -> adapters.paygov"),
    ("payments/states.py", "import sqlmodel", "payments.states -> sqlmodel"),
    ("payments/catalogue/rules/fees.py", "import core.planted_db", "core.planted_db -> sqlalchemy"),
    ("core/planted_db.py", "import sqlalchemy", "core.planted_db -> sqlalchemy"),
    ("receipts/words.py", "import fastapi", "receipts.words -> fastapi"),
    ("adapters/bank_qr/emv.py", "import httpx2", "adapters.bank_qr.emv -> httpx2"),
    (
        "payments/billing/states.py",
        '"""Which moves there are. Pure."""\nimport stripe',
        "payments.billing.states -> stripe",
    ),
    # A package speaks for what is in it.
    ("payments/planted_rules/__init__.py", '"""Rules.\n\nPure.\n"""', ""),
    ("payments/planted_rules/one.py", "import psycopg", "payments.planted_rules.one -> psycopg"),
    # Two rooms that import each other.
    ("receipts/planted_one.py", "import receipts.planted_two", ""),
    ("receipts/planted_two.py", "import receipts.planted_one", ".planted_two -> .planted_one"),
]


def test_every_kind_of_planted_import_is_caught(project: Path) -> None:
    for module in ("app/planted.py", "receipts/planted.py", "adapters/paygov/planted.py"):
        plant(project, module, "")
    for module in ("payments/models.py", "payments/commands.py"):
        plant(project, module, "")
    for module, code, _ in PLANTED:
        plant(project, module, code)
    done = lint_imports(project)
    assert done.returncode == 1, done.stdout + done.stderr
    said = done.stdout.replace("\n", " ")
    assert [expected for _, _, expected in PLANTED if expected not in said] == []


def test_the_picture_of_the_floors_is_that_of_the_rules() -> None:
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = rules["tool"]["importlinter"]["contracts"]
    floors = next(one["layers"] for one in contracts if one["id"] == "payments-floors")
    packages = next(one["layers"] for one in contracts if one["id"] == "layers")
    page = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert drawn_floors(page, "flowchart RL") == packages
    assert drawn_floors(page, "flowchart BT") == [
        "ground" if " | " in floor else floor for floor in floors
    ]
    ground = page.split('ground["')[1].split('"]')[0]
    (shared,) = (floor for floor in floors if " | " in floor)
    assert sorted(ground.split(" · ")) == sorted(shared.split(" | "))
    assert drawn_floors(page.replace("books --> bills", ""), "flowchart BT") != floors


def drawn_floors(page: str, diagram: str) -> list[str]:
    """The rooms of a diagram from the top down; none where they are no chain."""
    drawn = page.split(f"```mermaid\n{diagram}\n")[1].split("```")[0]
    stands_on = dict(re.findall(r"(\w+) --> (\w+)", drawn))
    tops = set(stands_on) - set(stands_on.values())
    if len(tops) != 1:
        return []
    floor = tops.pop()
    floors = [floor]
    while floor in stands_on:
        floor = stands_on[floor]
        floors.append(floor)
    return floors
