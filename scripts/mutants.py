"""`make mutants`: small faults put into the money rooms one at a time; does a test see each?

    python -m scripts.mutants                        every room
    python -m scripts.mutants payments/books         what is in one folder, or one file
    python -m scripts.mutants payments --every 10    each tenth mutant only
    python -m scripts.mutants --limit 50             at most so many of a file

A room's tests are run once as they are, and it is noted which test enters which line. Each mutant
is then a fork of this process in which one module is compiled with one change; only the tests that
enter the changed line are run, the quickest first, until one fails. No file is changed. All use one
PostgreSQL server.

A mutant that no test enters, or that none sees, is printed with its line and the changed source,
and `docs/mutants.md` says why those that are left are left. What a test starts as a process of its
own runs the unchanged source.
"""

import argparse
import ast
import json
import os
import select
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType, ModuleType
from typing import Any

import pytest

from scripts.mutations import Mutant, mutants_of

#: What `sys.settrace` takes.
Tracer = Callable[[FrameType, str, Any], Any]

ROOT = Path(__file__).resolve().parents[1]
OURS = ("core", "payments", "receipts", "reconciliation", "adapters", "app", "tests")

#: Files that declare and decide nothing.
DECLARING = frozenset({"models.py", "schemas.py", "api.py"})
#: Each room: its files, and the tests that ought to see what is wrong in them.
ROOMS = {
    "books": (
        ("payments/books/*.py", "payments/agencies/tree.py"),
        (
            *("tests/properties/test_allocation.py", "tests/integration/test_identity_of_money.py"),
            *("tests/integration/test_where_money_goes.py", "tests/api/test_approvals.py"),
            *("tests/integration/test_money_dated_ahead.py", "tests/api/test_withdrawals.py"),
            *("tests/integration/test_callback_storms.py", "tests/integration/test_odd_money.py"),
            *("tests/integration/test_two_amounts.py", "tests/integration/test_agency_tree.py"),
            "tests/integration/test_money_rooms.py",
        ),
    ),
    "attempts": (
        ("payments/attempts/*.py",),
        (
            *("tests/api/test_payments.py", "tests/integration/test_open_attempts.py"),
            *("tests/integration/test_status_inquiry.py", "tests/api/test_offers.py"),
            *("tests/integration/test_callback_storms.py", "tests/integration/test_odd_money.py"),
            *("tests/integration/test_two_amounts.py", "tests/integration/test_money_rooms.py"),
        ),
    ),
    "incoming": (
        ("payments/incoming/*.py",),
        (
            *("tests/integration/test_kept_notices.py", "tests/api/test_statements.py"),
            *("tests/integration/test_rejected_callbacks.py", "tests/unit/test_notice_json.py"),
            *("tests/integration/test_callback_storms.py", "tests/api/test_withdrawals.py"),
            "tests/integration/test_money_rooms.py",
        ),
    ),
    "issuing": (
        ("receipts/commands.py", "receipts/numbering.py"),
        (
            *("tests/integration/test_numbering.py", "tests/integration/test_day_of_issue.py"),
            *("tests/unit/test_receipt_content.py", "tests/api/test_parties.py"),
            *("tests/api/test_natures.py", "tests/integration/test_money_rooms.py"),
        ),
    ),
    "matching": (
        ("reconciliation/day.py", "reconciliation/matching.py", "reconciliation/reversals.py"),
        (
            *("tests/unit/test_reconciliation_day.py", "tests/properties/test_matching.py"),
            "tests/unit/test_money_rooms.py",
        ),
    ),
    "outbox": (
        ("core/outbox.py", "core/idempotency.py"),
        ("tests/integration/test_outbox.py", "tests/api/test_idempotency.py"),
    ),
}

#: A test that takes this much longer than it did, in seconds, has seen that something is wrong.
PATIENCE = 60.0
#: So many tests are tried for a line that more of them enter.
MOST_TESTS = 60


@dataclass(frozen=True, slots=True)
class Entered:
    """Which tests entered a line of a file, and how long each test takes, in seconds."""

    lines: dict[str, dict[int, list[str]]]
    seconds: dict[str, float]

    def tests_of(self, path: str, mutant: Mutant) -> list[str]:
        """The tests that enter a mutant's lines, the quickest first; all of the file's tests for
        what is carried out when the file is loaded."""
        entered = self.lines.get(path, {})
        wanted = entered.values() if mutant.at_load else [entered.get(mutant.entered_at, [])]
        tests = {test for some in wanted for test in some}
        return sorted(tests, key=lambda test: (self.seconds.get(test, 0.0), test))[:MOST_TESTS]


def main(arguments: Sequence[str]) -> int:
    """Run the mutants that were asked for; 0 where every one of them was seen."""
    parser = argparse.ArgumentParser(prog="make mutants")
    parser.add_argument("within", nargs="*", help="files or folders; every room's unless given")
    parser.add_argument("--every", type=int, default=1, help="try each nth mutant only")
    parser.add_argument("--limit", type=int, default=10**6, help="try at most so many of a file")
    asked = parser.parse_args(arguments)
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    tally: Counter[str] = Counter()
    with TemporaryDirectory(prefix="lephi-mutants-") as folder:
        os.environ["LEPHI_TEST_SHARED_RUN"] = f"{folder}:{os.getpid()}"
        try:
            for room, (patterns, tests) in ROOMS.items():
                chosen = [path for path in _files(patterns) if _is_within(path, asked.within)]
                if chosen:
                    there = [test for test in tests if Path(test).exists()]
                    _run_room(room, chosen, there, asked.every, asked.limit, tally)
        finally:
            _end_server(Path(folder))
    seen, unseen = tally["seen"], tally["not seen"] + tally["not entered"]
    print(f"{seen + unseen} mutants: {dict(tally)}")
    return 1 if unseen else 0


def _files(patterns: Sequence[str]) -> list[str]:
    found = (path for pattern in patterns for path in Path().glob(pattern))
    return sorted(str(path) for path in found if path.name not in DECLARING)


def _is_within(path: str, within: Sequence[str]) -> bool:
    asked = [one.rstrip("/") for one in within]
    return not asked or any(path == one or path.startswith(f"{one}/") for one in asked)


def _run_room(
    room: str, paths: list[str], tests: list[str], every: int, limit: int, tally: Counter[str]
) -> None:
    began = time.monotonic()
    entered = _enter(paths, tests)
    took = time.monotonic() - began
    print(f"{room}: {len(entered.seconds)} tests as they are in {took:.0f} s", flush=True)
    for path in paths:
        found = list(mutants_of(Path(path).read_text("utf-8")))[::every][:limit]
        for mutant in found:
            chosen = entered.tests_of(path, mutant)
            verdict = _try(path, mutant, chosen, entered) if chosen else "not entered"
            tally[verdict] += 1
            if verdict != "seen":
                print(f"  {path}:{mutant.line}: {mutant.what} ({verdict})", flush=True)
        print(f"  {path}: {len(found)} mutants tried", flush=True)


def _enter(paths: Sequence[str], tests: Sequence[str]) -> Entered:
    """Run the tests on the unchanged source, noting the lines they enter."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        notes = _Notes({str(ROOT / path): path for path in paths})
        status = _pytest(tests, notes)
        with os.fdopen(write, "w") as told:
            loaded = [name for name in sys.modules if name.partition(".")[0] not in OURS]
            json.dump([notes.lines, notes.seconds, loaded], told)
        os._exit(status)
    os.close(write)
    with os.fdopen(read) as told:
        said = told.read()
    _, status = os.waitpid(pid, 0)
    if status or not said:
        sys.exit("The tests fail as they are: mend that first.")
    lines, seconds, loaded = json.loads(said)
    for name in loaded:  # paid once here, and not by each mutant
        if not name.startswith(("__main__", "_pytest", "pytest", "scripts")):
            with suppress(Exception):
                import_module(name)
    by_number = {path: {int(n): some for n, some in found.items()} for path, found in lines.items()}
    return Entered(by_number, seconds)


def _try(path: str, mutant: Mutant, tests: list[str], entered: Entered) -> str:
    """Run tests in a fork that has the mutant: `seen` where one fails or does not end."""
    pid = os.fork()
    if pid == 0:
        module = path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        sys.meta_path.insert(0, _Changed(module, mutant.tree, str(ROOT / path)))
        os._exit(_pytest(["-x", *tests]))
    ended = select.poll()
    held = os.pidfd_open(pid)
    ended.register(held, select.POLLIN)
    allowed = PATIENCE + 2 * sum(entered.seconds.get(test, 0.0) for test in tests)
    try:
        if not ended.poll(allowed * 1000):
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    finally:
        os.close(held)
    return "seen" if status else "not seen"


def _pytest(arguments: Sequence[str], *plugins: object) -> int:
    """Be a run of pytest that says nothing; its exit status."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    options = ["-q", "-p", "no:xdist", "-p", "no:cacheprovider", "--hypothesis-seed=0"]
    return int(pytest.main([*options, *arguments], plugins=list(plugins)))


def _end_server(run: Path) -> None:
    pid = os.fork()
    if pid == 0:
        from tests.support.database import end_the_server

        end_the_server(run)
        os._exit(0)
    os.waitpid(pid, 0)


class _Changed(MetaPathFinder, Loader):
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


class _Notes:
    """A plugin: which test enters which line of which file."""

    def __init__(self, paths: dict[str, str]) -> None:
        self._paths = paths
        self._test = ""
        self._sets: dict[tuple[str, int], set[str]] = {}
        self.seconds: dict[str, float] = {}

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

    def _enter(self, frame: FrameType, event: str, given: object) -> Tracer | None:
        path = self._paths.get(frame.f_code.co_filename)
        if path is None:
            return None

        def line(inner: FrameType, _event: str, _given: object) -> Tracer | None:
            self._sets.setdefault((path, inner.f_lineno), set()).add(self._test)
            return line

        return line(frame, event, given)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
