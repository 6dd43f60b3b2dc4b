"""What `scripts.mutants` puts into a run of pytest: a changed module, and plugins that watch."""

import ast
import sys
import threading
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import FrameType, ModuleType
from typing import Any

import pytest

#: What `sys.settrace` takes.
Tracer = Callable[[FrameType, str, Any], Any]


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
    """A plugin: which test enters which line of which file."""

    def __init__(self, paths: dict[str, str]) -> None:
        self._paths = paths
        self._test = ""
        self._sets: dict[tuple[str, int], set[str]] = {}
        self.seconds: dict[str, float] = {}
        #: the tests that fail, each with the last line of why
        self.failed: dict[str, str] = {}

    @property
    def lines(self) -> dict[str, dict[int, list[str]]]:
        found: dict[str, dict[int, list[str]]] = {path: {} for path in self._paths.values()}
        for (path, line), tests in self._sets.items():
            found[path][line] = sorted(tests)
        return found

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._test = nodeid
        sys.settrace(self._enter)
        threading.settrace(self._enter)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        took = self.seconds.get(report.nodeid, 0.0) + report.duration
        self.seconds[report.nodeid] = took
        if report.failed:
            self.failed[report.nodeid] = report.longreprtext.splitlines()[-1]

    def _enter(self, frame: FrameType, event: str, given: object) -> Tracer | None:
        path = self._paths.get(frame.f_code.co_filename)
        if path is None:
            return None

        def line(inner: FrameType, _event: str, _given: object) -> Tracer | None:
            self._sets.setdefault((path, inner.f_lineno), set()).add(self._test)
            return line

        return line(frame, event, given)
