"""The frame agrees with the folders, and every file keeps the house's shape."""

import ast
import tomllib
from importlib import import_module
from pathlib import Path

from tests.architecture.source import PACKAGES, ROOT, WORKSHOP, Source, sources

LONGEST = 400
#: A list of cases of one thing is read otherwise than code.
LONGEST_TEST = 600
#: A migration is written once and read as a list; splitting one would split a transaction.
NO_ROOMS = "app/migrations/versions/"
#: Rooms without a purpose: whatever is in them belongs somewhere else.
FORBIDDEN_NAMES = frozenset({"utils", "util", "helpers", "manager", "service", "common", "misc"})


def packages_on_disk(root: Path) -> list[str]:
    """The dotted names of every folder with an `__init__.py` that should be shipped."""
    return sorted(
        ".".join(init.parent.relative_to(root).parts)
        for package in PACKAGES
        for init in (root / package).rglob("__init__.py")
    )


def folders_without_init(root: Path) -> list[str]:
    """Folders that hold Python files but are no package, so would be left out silently."""
    return sorted(
        {
            module.parent.relative_to(root).as_posix()
            for package in PACKAGES
            for module in (root / package).rglob("*.py")
            if not (module.parent / "__init__.py").exists()
        }
    )


def forbidden_parts(source: Source) -> set[str]:
    """The words in a file's path that say nothing about what is inside."""
    return {part.removesuffix(".py") for part in source.path.split("/")} & FORBIDDEN_NAMES


def holds_code(source: Source) -> bool:
    """Whether an `__init__.py` holds anything beside its docstring (ruff asks for that one)."""
    body = source.tree.body
    return len(body) > (0 if ast.get_docstring(source.tree) is None else 1)


def shipped(root: Path) -> list[str]:
    """What the build finds below `root`, as pyproject.toml has it."""
    frame = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    find = frame["tool"]["setuptools"]["packages"]["find"]
    assert find.keys() == {"include", "namespaces"}
    assert find["namespaces"] is False
    found: list[str] = import_module("setuptools").find_packages(str(root), include=find["include"])
    return sorted(found)


def test_what_is_shipped_is_what_is_on_disk() -> None:
    assert shipped(ROOT) == packages_on_disk(ROOT)


def data_left_out(root: Path) -> list[str]:
    """Files in the packages that are no code and that no pattern of the build's names."""
    frame = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = frame["tool"]["setuptools"]["package-data"]
    named = {
        file
        for package in packages_on_disk(root)
        for pattern in (*patterns["*"], *patterns.get(package, ()))
        for file in (root / package.replace(".", "/")).glob(pattern)
    }
    return sorted(
        file.relative_to(root).as_posix()
        for package in PACKAGES
        for file in (root / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".py"
        if file not in named
    )


def test_no_file_of_data_is_left_out_of_what_is_shipped() -> None:
    """The checkout would not miss it: there the files are where they always were."""
    assert data_left_out(ROOT) == []


def test_a_file_that_nobody_ships_is_noticed(tmp_path: Path) -> None:
    for folder in ("core", "receipts", "receipts/fonts"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "words.txt").touch()
    for package in ("core", "receipts"):
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / "core" / "look.sql").touch()
    # Of what is no package nothing is shipped, a pattern that fits or not.
    (tmp_path / "core" / "loose").mkdir()
    (tmp_path / "core" / "loose" / "look.sql").touch()
    assert data_left_out(tmp_path) == [
        "core/loose/look.sql",
        "core/words.txt",
        "receipts/words.txt",
    ]


def test_no_folder_with_code_is_left_out_of_the_packages() -> None:
    assert folders_without_init(ROOT) == []


def test_a_package_added_to_the_disk_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "core" / "extra").mkdir(parents=True)
    (tmp_path / "core" / "__init__.py").touch()
    (tmp_path / "core" / "extra" / "__init__.py").touch()
    (tmp_path / "core" / "loose").mkdir()
    (tmp_path / "core" / "loose" / "module.py").touch()
    (tmp_path / "corelike").mkdir()
    (tmp_path / "corelike" / "__init__.py").touch()
    assert packages_on_disk(tmp_path) == shipped(tmp_path) == ["core", "core.extra"]
    assert folders_without_init(tmp_path) == ["core/loose"]


def test_every_module_is_one_room() -> None:
    everything = sources(PACKAGES + WORKSHOP)
    too_long = [
        source.path
        for source in everything
        if source.lines > (LONGEST if source.path.startswith(PACKAGES) else LONGEST_TEST)
    ]
    assert [path for path in too_long if not path.startswith(NO_ROOMS)] == []
    assert [source.path for source in everything if forbidden_parts(source)] == []


def test_an_init_holds_its_docstring_and_nothing_else() -> None:
    inits = [
        source for source in sources(PACKAGES + WORKSHOP) if source.path.endswith("__init__.py")
    ]
    assert len(inits) > len(PACKAGES)
    assert [source.path for source in inits if holds_code(source)] == []


def test_a_badly_named_module_and_a_busy_init_are_noticed() -> None:
    assert forbidden_parts(Source("core/utils.py", "")) == {"utils"}
    assert forbidden_parts(Source("payments/common/money.py", "")) == {"common"}
    assert holds_code(Source("core/__init__.py", "import os\n"))
    assert holds_code(Source("core/__init__.py", '"""Core."""\nimport os\n'))
    assert not holds_code(Source("core/__init__.py", '"""Core."""\n'))
