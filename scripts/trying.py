"""How `scripts.mutants` tries a fault: in a fork of a run of pytest that stands ready.

The tests are collected once. For each try that process forks, the fork gets the changed code into
the functions that are there, and goes on as a run of pytest of its own, over the chosen tests only.
What is changed where a module is loaded has no function that could be changed: such a fault is
tried cold, in a fork that has loaded none of our modules yet and compiles the one with the fault.
"""

import ast
import gc
import json
import os
import select
import shutil
import signal
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, NamedTuple, TypeVar

import pytest

from scripts.mutations import Mutant

#: What an exit status of pytest says of a fault; every other says that the run itself broke off.
WARM = {int(pytest.ExitCode.OK): "not seen", int(pytest.ExitCode.TESTS_FAILED): "seen"}
#: Of a fork that loads the changed module itself: one that cannot be loaded is no fault that
#: anybody could leave behind, and is counted apart.
COLD = WARM | {
    int(pytest.ExitCode.INTERRUPTED): "stillborn",
    int(pytest.ExitCode.USAGE_ERROR): "stillborn",
}
_BROKEN = 70
_UNCHANGEABLE = 71
WARM[_UNCHANGEABLE] = "unchangeable"


K = TypeVar("K")


class Asked(NamedTuple):
    """Tests to be run over a module that has a fault; None: as it is. At most so many seconds."""

    path: str
    mutant: Mutant | None
    tests: list[str]
    seconds: float


class Told(NamedTuple):
    """What became of it: the verdict, the test that failed and why."""

    verdict: str
    failed: str
    why: str


#: The tries of one mutant, one after the other; what it returns is the mutant's verdict.
Tries = Generator[Asked, Told, str]


@dataclass(slots=True)
class Fork:
    """A process that tries something."""

    pid: int
    held: int
    told: int
    ends_at: float
    folder: Path

    def end(self, verdicts: dict[int, str]) -> Told:
        """Wait for its end; that of one which takes too long is made now, and says: seen."""
        late = time.monotonic() >= self.ends_at and not _has_ended(self.held)
        if late:
            os.kill(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        os.close(self.held)
        os.set_blocking(
            self.told, False
        )  # a process that a test left behind may hold the other end
        said = b""
        with suppress(BlockingIOError):
            said = os.read(self.told, 65_536)
        os.close(self.told)
        shutil.rmtree(self.folder, ignore_errors=True)
        failed, why = json.loads(said.partition(b"\n")[0]) if said else ("", "")
        if late:
            return Told("seen", "", "it does not end")
        if not os.WIFEXITED(status):
            return Told("seen", "", "it breaks down")
        return Told(verdicts.get(os.WEXITSTATUS(status), "broken"), failed, why)


def fork(folder: Path, seconds: float) -> tuple[Fork | None, int]:
    """A new process with a folder of its own; in it: None, and where to tell what failed."""
    folder = folder / f"try-{time.monotonic_ns()}"
    folder.mkdir()
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(folder)
        return None, write
    os.close(write)
    return Fork(pid, os.pidfd_open(pid), read, time.monotonic() + seconds, folder), -1


def carry_out(
    wanted: Iterable[tuple[K, Tries]],
    begin: Callable[[Asked], Fork | None],
    verdicts: dict[int, str],
    jobs: int,
    done: Callable[[K, str], None],
) -> bool:
    """Have the tries of all mutants, several mutants at once; `done` is told of each.

    False in a fork, which has something else to do.
    """
    waiting, running = iter(wanted), list[tuple[K, Tries, Fork]]()

    def step(key: K, tries: Tries, told: Told | None) -> bool:
        try:
            asked = next(tries) if told is None else tries.send(told)
        except StopIteration as ended:
            done(key, ended.value)
            return True
        begun = begin(asked)
        if begun is None:
            return False
        running.append((key, tries, begun))
        return True

    while True:
        while len(running) < jobs and (following := next(waiting, None)) is not None:
            if not step(*following, None):
                return False
        if not running:
            return True
        ready = _first_ended([one for _, _, one in running])
        key, tries, ended = running.pop(ready)
        if not step(key, tries, ended.end(verdicts)):
            return False


def _has_ended(held: int) -> bool:
    ended = select.poll()
    ended.register(held, select.POLLIN)
    return bool(ended.poll(0))


def _first_ended(forks: Sequence[Fork]) -> int:
    """The place of one that has ended or has no time left."""
    ended = select.poll()
    for one in forks:
        ended.register(one.held, select.POLLIN)
    left = min(one.ends_at for one in forks) - time.monotonic()
    found = ended.poll(max(left, 0) * 1000)
    if found:
        return [one.held for one in forks].index(found[0][0])
    return min(range(len(forks)), key=lambda n: forks[n].ends_at)


class Unchangeable(Exception):
    """No function that is there can be given the changed code."""


def functions_of(files: Iterable[str]) -> dict[str, list[FunctionType]]:
    """The functions that are there of each file, whatever was made of them since."""
    found: dict[str, list[FunctionType]] = {file: [] for file in files}
    gc.unfreeze()  # what is frozen (tests/conftest.py) is not among the objects that are told
    for one in gc.get_objects():
        if type(one) is FunctionType and one.__code__.co_filename in found:
            found[one.__code__.co_filename].append(one)
    return found


def change(functions: Sequence[FunctionType], source: str, tree: ast.Module, file: str) -> None:
    """Give the functions of a file the code of a changed tree.

    Raises Unchangeable where none of them has changed, or one cannot be changed.
    """
    was = _codes(compile(source, file, "exec", dont_inherit=True))
    now = _codes(compile(tree, file, "exec", dont_inherit=True))
    names = {code: name for name, code in was.items()}
    changed = 0
    for function in functions:
        name = names.get(function.__code__)
        if name is None:
            raise Unchangeable(f"{function.__qualname__} is not of this source")
        if now.get(name) == function.__code__:
            continue
        try:
            function.__code__ = now[name]
        except (KeyError, ValueError) as refused:
            raise Unchangeable(str(refused)) from refused
        changed += 1
    if not changed:
        raise Unchangeable("no function has changed")


#: The name of a code object within its module: whose it is, its line, the how-manieth there.
_Place = tuple[str, int, int]


def _codes(module: CodeType) -> dict[_Place, CodeType]:
    found: dict[_Place, CodeType] = {}

    def look(code: CodeType) -> None:
        for inner in code.co_consts:
            if isinstance(inner, CodeType):
                n = 0
                while (place := (inner.co_qualname, inner.co_firstlineno, n)) in found:
                    n += 1
                found[place] = inner
                look(inner)

    look(module)
    return found


class FirstFailure:
    """A plugin: tells the name of the first test that fails, and the last line of why."""

    def __init__(self, told: int) -> None:
        self._told, self._failed = told, False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self._failed:
            self._failed = True
            why = (report.longreprtext.strip().splitlines() or [""])[-1][:200]
            os.write(self._told, json.dumps([report.nodeid, why]).encode() + b"\n")


class Prepared:
    """A plugin: once the tests are collected `work` is done in the place of running them.

    `work` says True when that is all. In a fork of it that has chosen its tests it says None, and
    the fork runs them as any run of pytest would, and does `at_end` when they have been run.
    """

    def __init__(self, work: Callable[["Prepared", pytest.Session], bool | None]) -> None:
        self._work = work
        self.at_end: Callable[[], None] = lambda: None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        return self._work(self, session)


def choose(session: pytest.Session, tests: Sequence[str], patience: dict[str, float]) -> None:
    """From now on the session runs these tests in this order, until one fails or one takes longer
    than it may, in seconds."""
    items = {item.nodeid: item for item in session.items}
    session.items[:] = [items[test] for test in tests]
    session.config.option.maxfail = 1
    for item in session.items:
        if item.nodeid in patience:
            item.add_marker(pytest.mark.timeout(patience[item.nodeid]))


def run_pytest(arguments: Sequence[str], *plugins: Any) -> int:
    """Be a run of pytest that says nothing; its exit status, or one that no run of pytest has."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    options = ["-q", "-s", "-p", "no:xdist", "-p", "no:cacheprovider", "--hypothesis-seed=0"]
    # What was imported before the fork cannot be rewritten, and is not ours.
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    try:
        return int(pytest.main([*options, *arguments], plugins=list(plugins)))
    except BaseException:  # noqa: BLE001  a fork must never go on as its parent
        return _BROKEN


def unchangeable() -> None:
    """End this fork: its fault has to be tried cold."""
    os._exit(_UNCHANGEABLE)
