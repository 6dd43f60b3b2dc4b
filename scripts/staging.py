"""The process in which a room's tests stand ready, and the forks in which faults are tried."""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import IO, Any, NamedTuple

import pytest

from scripts.judging import Entered, Judge
from scripts.mutations import Mutant
from scripts.trying import (
    COLD,
    WARM,
    Asked,
    FirstFailure,
    Fork,
    Prepared,
    Unchangeable,
    carry_out,
    change,
    choose,
    fork,
    functions_of,
    run_pytest,
    unchangeable,
)
from scripts.watching import ChangedModule, EnteredLines

ROOT = Path(__file__).resolve().parents[1]
OURS = ("core", "payments", "receipts", "reconciliation", "adapters", "app", "tests")
#: A test that names one of these opens the whole service.
_SERVICES = frozenset({"system", "shared_system", "opened_world", "money_machine"})


class Run(NamedTuple):
    """The folder that all forks share, and how many work at once."""

    folder: Path
    jobs: int


def try_all(
    found: Sequence[tuple[str, Mutant]],
    tests: Sequence[str],
    run: Run,
    say: Callable[[str], None],
    done: Callable[[int, str], None],
) -> None:
    """Try mutants of files by some tests; `done` is told the place and the verdict of each.

    Verdicts: seen, not seen, not entered, stillborn where the changed module cannot be loaded.
    """
    judge, loaded, cold = Judge(Entered(), say), list[str](), list[int]()
    for told in _stage(found, tests, run):
        match told:
            case {"entered": known, "loaded": names}:
                entered, loaded = Entered.read(known), names
                judge = Judge(entered, say)
                say(f"{len(entered.seconds)} tests as they are")
                for test, why in entered.failed.items():
                    say(f"{test} fails while it is watched and is not asked: {why}")
            case {"mutant": int(n), "verdict": "unchangeable"}:
                cold.append(n)
            case {"mutant": int(n), "verdict": str(verdict)}:
                done(n, verdict)
            case {"word": str(word)}:
                say(word)
            case {"end": passed}:
                judge.passed.update(passed)
    if cold:
        for name in loaded:  # paid once here, and not by each mutant
            with suppress(Exception):
                import_module(name)
    wanted = [(n, judge.tries(*found[n])) for n in sorted(cold)]
    carry_out(wanted, partial(_begin_cold, run), COLD, run.jobs, done)


def end_server(run: Run) -> None:
    """End the PostgreSQL server of the run, if there is one."""
    pid = os.fork()
    if pid == 0:
        from tests.support.database import end_the_server

        end_the_server(run.folder)
        os._exit(0)
    os.waitpid(pid, 0)


def _stage(
    found: Sequence[tuple[str, Mutant]], tests: Sequence[str], run: Run
) -> Iterator[dict[str, Any]]:
    """Collect tests, watch them, and try each mutant that can be tried so; what comes of it, in the
    order in which it comes. A mutant that has to be tried cold is called unchangeable."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        with os.fdopen(write, "w") as told:
            plugin = Prepared(partial(_work, found, run, told))
            _share_the_server(run)
            status = run_pytest(tests, plugin)
            plugin.at_end()
        os._exit(status)
    os.close(write)
    ended = False
    with os.fdopen(read) as lines:
        for line in lines:
            said = json.loads(line)
            ended = ended or "end" in said
            yield said
    os.waitpid(pid, 0)
    if not ended:
        sys.exit("The tests cannot be collected as they are, or none passes: mend that first.")


def _begin_cold(run: Run, asked: Asked) -> Fork:
    """Try it in a fork that loads the module with its fault."""
    begun, write = fork(run.folder, asked.seconds)
    if begun is not None:
        return begun
    if asked.mutant is not None:
        module = _module_of(asked.path)
        tree = asked.mutant.tree
        sys.meta_path.insert(0, ChangedModule(module, tree, str(ROOT / asked.path)))
    _share_the_server(run)
    os._exit(run_pytest(["-x", *asked.tests], FirstFailure(write)))


def _work(
    found: Sequence[tuple[str, Mutant]],
    run: Run,
    told: IO[str],
    plugin: Prepared,
    session: pytest.Session,
) -> bool | None:
    """What the prepared process does: see `_stage`. None in a fork of it."""

    def say(**what: Any) -> None:
        told.write(json.dumps(what) + "\n")
        told.flush()

    paths = sorted({path for path, _ in found})
    for path in paths:
        import_module(_module_of(path))
    _open_once(session)
    loaded = [name for name in sys.modules if name.partition(".")[0] not in (*OURS, *_NOT_ASKED)]
    if not _make_once(run, session):
        return None
    functions = functions_of(str(ROOT / path) for path in paths)
    entered = _watch(paths, functions, run, plugin, session)
    if entered is None:
        return None
    say(entered=entered.write(), loaded=loaded)
    if not entered.seconds:
        return True
    judge = Judge(entered, lambda word: say(word=word))

    def begin(asked: Asked) -> Fork | None:
        begun, write = fork(run.folder, asked.seconds)
        if begun is not None:
            return begun
        if asked.mutant is not None:
            file = str(ROOT / asked.path)
            try:
                change(functions[file], asked.mutant.source, asked.mutant.tree, file)
            except Unchangeable:
                unchangeable()
        choose(session, asked.tests, judge.patience(asked.tests))
        session.config.pluginmanager.register(FirstFailure(write))
        return None

    for n, (_, mutant) in enumerate(found):
        if mutant.at_load:
            say(mutant=n, verdict="unchangeable")
    warm = ((n, judge.tries(*one)) for n, one in enumerate(found) if not one[1].at_load)
    if not carry_out(
        warm, begin, WARM, run.jobs, lambda n, verdict: say(mutant=n, verdict=verdict)
    ):
        return None
    say(end=judge.passed)
    return True


_NOT_ASKED = ("__main__", "_pytest", "pytest", "scripts")


def _make_once(run: Run, session: pytest.Session) -> bool:
    """Have everything made that a run makes once, lest the first test of all be taken for a slow
    one; False in the fork that does it, which runs the first test of each such fixture."""
    first: dict[str, pytest.Item] = {}
    for item in session.items:
        for name in _fixtures_of(item, "session"):
            first.setdefault(name, item)
    begun, _ = fork(run.folder, 600)
    if begun is None:
        session.items[:] = list(dict.fromkeys(first.values()))
        return False
    begun.end(WARM)
    return True


def _fixtures_of(item: pytest.Item, scope: str) -> set[str]:
    """The fixtures of a test that live so long."""
    if not isinstance(item, pytest.Function):
        return set()
    known = item._fixtureinfo.name2fixturedefs.items()
    return {name for name, found in known if any(one.scope == scope for one in found)}


def _watch(
    paths: Sequence[str],
    functions: dict[str, list[FunctionType]],
    run: Run,
    plugin: Prepared,
    session: pytest.Session,
) -> Entered | None:
    """Run the tests as they are, in as many forks as may work at once, noting the lines they enter;
    None in such a fork."""
    by_module: dict[str, list[str]] = {}
    for item in session.items:
        by_module.setdefault(item.nodeid.partition("::")[0], []).append(item.nodeid)
    shares: list[list[str]] = [[] for _ in range(run.jobs)]
    for tests in sorted(by_module.values(), key=len, reverse=True):
        min(shares, key=len).extend(tests)
    forks = list[tuple[Fork, Path]]()
    for n, tests in enumerate(shares):
        answer = run.folder / f"entered-{n}.json"
        answer.unlink(missing_ok=True)
        begun, _ = fork(run.folder, 3600)
        if begun is None:
            notes = EnteredLines(paths, functions)
            items = {item.nodeid: item for item in session.items}
            session.items[:] = [items[test] for test in tests]
            session.config.pluginmanager.register(notes)
            plugin.at_end = partial(_note, answer, notes, session)
            return None
        forks.append((begun, answer))
    entered = Entered()
    for begun, answer in forks:
        begun.end(WARM)
        if answer.exists():
            entered.add(Entered.read(json.loads(answer.read_text("utf-8"))))
    return entered


def _note(answer: Path, notes: EnteredLines, session: pytest.Session) -> None:
    sharing = {
        item.nodeid.partition("::")[0] for item in session.items if _fixtures_of(item, "module")
    }
    entered = Entered(notes.lines, notes.seconds, sorted(sharing), notes.failed)
    answer.write_text(json.dumps(entered.write()), "utf-8")


def _open_once(session: pytest.Session) -> None:
    """Where a test opens the service, do here what each fork would else do again: load all of it,
    and let FastAPI make of the routes what it makes of them at a first request."""
    if not any(_SERVICES & set(getattr(item, "fixturenames", ())) for item in session.items):
        return
    import httpx2

    from tests.support import money_world, shared_application, system  # noqa: F401

    async def ask() -> None:
        transport = httpx2.ASGITransport(shared_application._first())
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            await client.get("/api/v1/nothing-here")

    with suppress(Exception):  # it was never opened, and need not answer
        asyncio.run(ask())


def _share_the_server(run: Run) -> None:
    os.environ["LEPHI_TEST_SHARED_RUN"] = f"{run.folder}:{os.getppid()}"


def _module_of(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
