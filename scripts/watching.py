"""What `scripts.mutants` puts into a run of pytest: a changed module, and who enters what."""

import ast
import builtins
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

from scripts.trying import change

#: What a watched statement calls, with the place of its file and its line.
_ENTERED = "__lephi_entered__"


class ChangedModule(MetaPathFinder, Loader):
    """Finds one module, and compiles it as it was changed."""

    def __init__(self, name: str, tree: ast.Module, path: str) -> None:
        self._name, self._tree, self._path = name, tree, path

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != self._name:
            return None
        spec = ModuleSpec(name, self, origin=self._path)
        spec.has_location = True
        return spec

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._tree, self._path, "exec"), vars(module))  # noqa: S102  the module's own


class EnteredLines:
    """A plugin: which test enters which statement of which file.

    Their functions are given code that says of each statement that it is entered: all else runs as
    quickly as ever.
    """

    def __init__(self, paths: Sequence[str], functions: dict[str, list[FunctionType]]) -> None:
        self._test = ""
        #: path → line → the tests that entered it, for each statement of a function
        self._lines: dict[str, dict[int, set[str]]] = {path: {} for path in paths}
        self.seconds: dict[str, float] = {}
        #: the tests that fail, each with the last line of why
        self.failed: dict[str, str] = {}
        setattr(builtins, _ENTERED, self._enter)
        for path, there in zip(paths, functions.values(), strict=True):
            source = Path(path).read_text("utf-8")
            probes = _Probes(path)
            tree = ast.fix_missing_locations(probes.visit(ast.parse(source)))
            self._lines[path] = {line: set() for line in probes.lines}
            if there and probes.lines:
                change(there, source, tree, there[0].__code__.co_filename)

    @property
    def lines(self) -> dict[str, dict[int, list[str]]]:
        return {
            path: {line: sorted(tests) for line, tests in found.items()}
            for path, found in self._lines.items()
        }

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._test = nodeid

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        took = self.seconds.get(report.nodeid, 0.0) + report.duration
        self.seconds[report.nodeid] = took
        if report.failed:
            self.failed[report.nodeid] = report.longreprtext.splitlines()[-1]

    def _enter(self, path: str, line: int) -> None:
        self._lines[path][line].add(self._test)


class _Probes(ast.NodeTransformer):
    """Puts a call before each statement of a function, but for its docstring."""

    def __init__(self, path: str) -> None:
        self._path, self._depth = path, 0
        self.lines: set[int] = set()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._inside(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._inside(node)

    def _inside(self, node: ast.AST) -> ast.AST:
        self._depth += 1
        node = self.generic_visit(node)
        self._depth -= 1
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        for name in ("body", "orelse", "finalbody"):
            found = getattr(node, name, None)
            if self._depth and isinstance(found, list):
                setattr(node, name, [one for each in found for one in self._with_probe(each)])
        return node

    def _with_probe(self, statement: ast.stmt) -> list[ast.stmt]:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            return [statement]
        self.lines.add(statement.lineno)
        told: list[ast.expr] = [ast.Constant(self._path), ast.Constant(statement.lineno)]
        probe = ast.Expr(ast.Call(ast.Name(_ENTERED, ast.Load()), told, []))
        return [ast.copy_location(probe, statement), statement]
