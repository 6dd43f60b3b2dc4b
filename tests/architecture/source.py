"""The project's own source files, read as syntax trees by the tests of this folder."""

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: What is shipped, lowest layer first.
PACKAGES = ("core", "payments", "receipts", "reconciliation", "adapters", "app")
#: What is not shipped, but kept to the same sizes and names.
WORKSHOP = ("tests", "bench", "scripts")


@dataclass(frozen=True, slots=True)
class Source:
    """One file: `path` is relative to the project, with forward slashes."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        """The syntax tree, not to be changed; raises SyntaxError where the file is not Python."""
        return _parsed(self.text, self.path)

    @property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node of the tree, as `ast.walk` gives them."""
        return _walked(self.text, self.path)

    @property
    def lines(self) -> int:
        """How many lines the file has."""
        return len(self.text.splitlines())


def sources(folders: tuple[str, ...] = PACKAGES, root: Path = ROOT) -> list[Source]:
    """Every Python file below `folders`, in order of path."""
    return list(_sources(folders, root))


@cache
def _sources(folders: tuple[str, ...], root: Path) -> tuple[Source, ...]:
    return tuple(
        Source(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8"))
        for folder in folders
        for path in sorted((root / folder).rglob("*.py"))
    )


@cache
def _parsed(text: str, path: str) -> ast.Module:
    """Every rule reads every file: parsing each once is most of their time saved."""
    return ast.parse(text, path)


@cache
def _walked(text: str, path: str) -> tuple[ast.AST, ...]:
    """Every rule looks at every node: walking each tree once is most of what is left."""
    return tuple(ast.walk(_parsed(text, path)))


@cache
def calls(source: Source) -> tuple[ast.Call, ...]:
    """Every call in a file."""
    return tuple(node for node in source.nodes if isinstance(node, ast.Call))


def place(source: Source, node: ast.expr | ast.stmt) -> str:
    """Where to look, as `path:line`."""
    return f"{source.path}:{node.lineno}"
