"""The pieces of docs/extend.md, put where the page says that they belong.

A whole file goes into a folder that the package it belongs to is searched in as well, so that it is
imported, discovered and read like any other. A piece of a file is put into a copy of that file.
"""

import ast
import importlib
import re
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

from adapters.sandbox.engine import discovery
from tests.architecture.source import ROOT

PAGE: Final = ROOT / "docs" / "extend.md"
TEXT: Final = PAGE.read_text(encoding="utf-8")
_BLOCK: Final = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
_HEADED: Final = re.compile(r"(?:# |\{# )([\w./-]+\.\w+)(?:, (in|instead of) (\w+))?(?: #\})?\n")


def _blocks() -> Iterator[tuple[str, str, str, str]]:
    """Of each piece that names its place: file, "in" or "instead of" or "", of what, the text."""
    for _, _, code in _BLOCK.findall(TEXT):
        piece = textwrap.dedent(code)
        headed = _HEADED.match(piece)
        if headed is not None:
            path, how, name = headed.groups()
            yield path, how or "", name or "", piece[headed.end() :]


#: path → whole file
FILES: Final = {path: piece for path, how, _, piece in _blocks() if not how}
#: path and what it goes into → pieces of a file, in the page's order
PIECES: Final = [(path, how, name, piece) for path, how, name, piece in _blocks() if how]


def section(title: str) -> str:
    """The text of one section of the page."""
    return TEXT.split(f"\n## {title}\n")[1].split("\n## ")[0]


def row_of(title: str, start: str) -> str:
    """The one line in a section that begins so, blanks aside."""
    (found,) = [
        one for line in section(title).splitlines() if (one := line.strip()).startswith(start)
    ]
    return found


def edited(path: str, *wanted: str) -> str:
    """A file of ours with the page's pieces put in: all of them, or those that mention `wanted`."""
    text = (ROOT / path).read_text(encoding="utf-8")
    pieces = [
        (how, name, piece)
        for file, how, name, piece in PIECES
        if file == path and (not wanted or any(word in piece for word in wanted))
    ]
    assert pieces, f"the page says nothing of {path}"
    for how, name, piece in pieces:
        text = _replaced(text, name, piece) if how == "instead of" else _added(text, name, piece)
    return text


def _added(text: str, name: str, piece: str) -> str:
    """The imports of a piece on top, its other lines at the end of the class or value `name`."""
    lines = piece.strip("\n").splitlines()
    imports = [line for line in lines if line.startswith(("from ", "import "))]
    others = [line for line in lines if line and line not in imports]
    node = _named(text, name)
    assert node.end_lineno is not None
    at = node.end_lineno - (0 if isinstance(node, ast.ClassDef) else 1)
    whole = text.splitlines()
    whole[at:at] = others
    first = next(i for i, line in enumerate(whole) if line.startswith(("from ", "import ")))
    whole[first:first] = imports
    return "\n".join(whole) + "\n"


def _replaced(text: str, name: str, piece: str) -> str:
    node = _named(text, name)
    whole = text.splitlines()
    whole[node.lineno - 1 : node.end_lineno] = piece.strip("\n").splitlines()
    return "\n".join(whole) + "\n"


def _named(text: str, name: str) -> ast.stmt:
    """The statement of a module that makes a class or value of that name."""
    for node in ast.parse(text).body:
        targets: list[ast.expr] = []
        if isinstance(node, ast.ClassDef) and node.name == name:
            return node
        if isinstance(node, ast.Assign):
            targets = [one for target in node.targets for one in ast.walk(target)
                       if isinstance(one, ast.Name)]  # fmt: skip
        elif isinstance(node, ast.AnnAssign):
            targets = [node.target]
        if any(isinstance(one, ast.Name) and one.id == name for one in targets):
            return node
    raise LookupError(name)


def module_from(text: str, name: str, patch: pytest.MonkeyPatch) -> Any:
    """A module made of a text, under a name of its own."""
    made = ModuleType(name)
    patch.setitem(sys.modules, name, made)
    exec(compile(text, name, "exec"), made.__dict__)  # noqa: S102  our own page and source
    return made


@contextmanager
def added(folder: Path, *paths: str) -> Iterator[None]:
    """The page's files at these paths are there, as far as importing and discovering go."""
    known = set(sys.modules)
    before: dict[ModuleType, list[str]] = {}
    for path in paths:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(FILES[path], encoding="utf-8")
        package, inside = file.parent, path.rpartition("/")[0]
        if not (ROOT / inside).is_dir():  # a package of its own
            (package / "__init__.py").write_text('"""Of the page."""\n', encoding="utf-8")
            package, inside = package.parent, inside.rpartition("/")[0]
        within = importlib.import_module(inside.replace("/", "."))
        if within not in before:
            before[within] = list(within.__path__)
            within.__path__ = [*within.__path__, str(package)]
    importlib.invalidate_caches()
    discovery.dialects.cache_clear()
    try:
        yield
    finally:
        for within, searched in before.items():
            within.__path__ = searched
        for name in set(sys.modules) - known:
            if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(folder)):
                del sys.modules[name]
                parent, _, last = name.rpartition(".")
                vars(sys.modules.get(parent, ModuleType("gone"))).pop(last, None)
        discovery.dialects.cache_clear()
