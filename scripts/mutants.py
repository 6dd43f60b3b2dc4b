"""`make mutants`: small faults put into the money rooms one at a time; does a test see each?

    python -m scripts.mutants                        every room
    python -m scripts.mutants payments/books         what is in one folder, or one file
    python -m scripts.mutants payments --every 10    each tenth mutant only
    python -m scripts.mutants --limit 50             at most so many of a file
    python -m scripts.mutants --sample 15 --seed 7   so many of each room, drawn by lot

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
import random
import select
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest

from scripts.mutations import Mutant, mutants_of
from scripts.watching import ChangedModule, EnteredLines, FirstFailure

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
            *("tests/integration/test_money_rooms.py", "tests/api/test_find_receipt.py"),
            *("tests/integration/test_money_in_transit.py", "tests/api/test_statements.py"),
            "tests/integration/test_reconcile_both_ways.py",
        ),
    ),
    "attempts": (
        ("payments/attempts/*.py",),
        (
            *("tests/api/test_payments.py", "tests/integration/test_open_attempts.py"),
            *("tests/integration/test_status_inquiry.py", "tests/api/test_offers.py"),
            *("tests/integration/test_callback_storms.py", "tests/integration/test_odd_money.py"),
            *("tests/integration/test_two_amounts.py", "tests/integration/test_money_rooms.py"),
            "tests/api/test_working_discrepancies.py",
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
            "tests/integration/test_clocks.py",
        ),
    ),
    "matching": (
        (
            "reconciliation/matching/day.py",
            "reconciliation/matching/engine.py",
            "reconciliation/matching/reversals.py",
        ),
        (
            *("tests/unit/test_reconciliation_day.py", "tests/properties/test_matching.py"),
            *(
                "tests/integration/test_money_rooms.py",
                "tests/integration/test_returned_by_bank.py",
            ),
            "tests/integration/test_runs_of_one_day.py",
        ),
    ),
    "outbox": (
        ("core/outbox.py",),
        ("tests/integration/test_outbox.py", "tests/integration/test_clocks.py"),
    ),
    "idempotency": (
        ("core/idempotency.py",),
        (
            *("tests/integration/test_idempotent_work.py", "tests/integration/test_clocks.py"),
            "tests/api/test_idempotency.py",
        ),
    ),
}

#: A test that takes this much longer than it did, in seconds, has seen that something is wrong.
PATIENCE = 60.0
#: So many tests are tried for a line that more of them enter.
MOST_TESTS = 60

#: What pytest's exit status says of a change. A module that cannot even be loaded is no fault that
#: anybody could leave behind, and is counted apart.
_VERDICTS = {
    int(pytest.ExitCode.OK): "not seen",
    int(pytest.ExitCode.TESTS_FAILED): "seen",
    int(pytest.ExitCode.INTERRUPTED): "stillborn",
    int(pytest.ExitCode.USAGE_ERROR): "stillborn",
}
_BROKEN = 70


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


class Share(NamedTuple):
    """Which of a room's mutants are tried."""

    #: each nth of a file
    every: int
    #: at most so many of a file
    limit: int
    #: so many of the room, drawn by lot; None for all
    sample: int | None
    seed: int

    def of(self, room: str, paths: Sequence[str]) -> list[tuple[str, Mutant]]:
        """The chosen mutants with their files, in order of files and lines."""
        found = [
            (path, mutant)
            for path in paths
            for mutant in list(mutants_of(Path(path).read_text("utf-8")))[:: self.every][
                : self.limit
            ]
        ]
        if self.sample is None or self.sample >= len(found):
            return found
        lot = random.Random(f"{self.seed}:{room}")  # noqa: S311  a draw that can be repeated
        return [found[n] for n in sorted(lot.sample(range(len(found)), self.sample))]


def main(arguments: Sequence[str]) -> int:
    """Run the mutants that were asked for; 0 where every one of them was seen."""
    parser = argparse.ArgumentParser(prog="make mutants")
    parser.add_argument("within", nargs="*", help="files or folders; every room's unless given")
    parser.add_argument("--every", type=int, default=1, help="try each nth mutant only")
    parser.add_argument("--limit", type=int, default=10**6, help="try at most so many of a file")
    parser.add_argument("--sample", type=int, help="try so many of each room, drawn by lot")
    parser.add_argument("--seed", type=int, default=1, help="the same seed draws the same mutants")
    asked = parser.parse_args(arguments)
    share = Share(asked.every, asked.limit, asked.sample, asked.seed)
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    tally: Counter[str] = Counter()
    with TemporaryDirectory(prefix="lephi-mutants-") as folder:
        os.environ["LEPHI_TEST_SHARED_RUN"] = f"{folder}:{os.getpid()}"
        try:
            for room, (patterns, tests) in ROOMS.items():
                chosen = [path for path in _files(patterns) if _is_within(path, asked.within)]
                if chosen:
                    tally += _run_room(room, chosen, tests, share)
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


def _run_room(room: str, paths: list[str], tests: Sequence[str], share: Share) -> Counter[str]:
    found = share.of(room, paths)
    began = time.monotonic()
    entered = _enter(sorted({path for path, _ in found}), tests)
    took = time.monotonic() - began
    print(f"{room}: {len(entered.seconds)} tests as they are in {took:.0f} s", flush=True)
    tally: Counter[str] = Counter()
    for path, mutant in found:
        verdict = _verdict(path, mutant, entered)
        tally[verdict] += 1
        if verdict not in ("seen", "stillborn"):
            print(f"  {path}:{mutant.line}: {mutant.what} ({verdict})", flush=True)
    took = time.monotonic() - began
    print(f"  {len(found)} mutants tried in {took:.0f} s: {dict(tally)}", flush=True)
    return tally


def _enter(paths: Sequence[str], tests: Sequence[str]) -> Entered:
    """Run the tests on the unchanged source, noting the lines they enter."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        notes = EnteredLines({str(ROOT / path): path for path in paths})
        status = _pytest(tests, notes)
        with os.fdopen(write, "w") as told:
            loaded = [name for name in sys.modules if name.partition(".")[0] not in OURS]
            json.dump([notes.lines, notes.seconds, loaded, notes.failed], told)
        os._exit(status)
    os.close(write)
    with os.fdopen(read) as told:
        said = told.read()
    _, status = os.waitpid(pid, 0)
    lines, seconds, loaded, failed = json.loads(said) if said else ({}, {}, [], {})
    if not seconds or len(failed) == len(seconds):
        sys.exit(f"No test passes as it is: mend that first ({failed or status}).")
    for test, why in failed.items():
        print(f"  {test} fails while it is watched and is not asked: {why}", flush=True)
        seconds.pop(test, None)
    for name in loaded:  # paid once here, and not by each mutant
        if not name.startswith(("__main__", "_pytest", "pytest", "scripts")):
            with suppress(Exception):
                import_module(name)
    by_number = {
        path: {int(n): [one for one in some if one in seconds] for n, some in found.items()}
        for path, found in lines.items()
    }
    return Entered(by_number, seconds)


def _verdict(path: str, mutant: Mutant, entered: Entered) -> str:
    """What becomes of a mutant. A test that fails without the fault too has seen nothing of it."""
    chosen = entered.tests_of(path, mutant)
    if not chosen:
        return "not entered"
    unchanged = ast.parse(Path(path).read_text("utf-8"))
    while True:
        verdict, failed = _try(path, mutant.tree, chosen, entered)
        if verdict == "broken":
            if _try(path, unchanged, chosen, entered)[0] == "not seen":
                return "seen"
            sys.exit(f"pytest itself breaks off on {path} as it is.")
        if verdict != "seen" or failed not in chosen:
            return verdict
        if _try(path, unchanged, [failed], entered)[0] == "not seen":
            return verdict
        print(f"  {failed} fails by itself and is not asked", flush=True)
        chosen.remove(failed)


def _try(path: str, tree: ast.Module, tests: list[str], entered: Entered) -> tuple[str, str]:
    """Run tests in a fork that has a changed module: the verdict, and the test that failed.

    Seen is a fault by which one fails or does not end. Of a run that breaks off by itself nobody
    knows yet whether the fault did it.
    """
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        module = path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        sys.meta_path.insert(0, ChangedModule(module, tree, str(ROOT / path)))
        os._exit(_pytest(["-x", *tests], FirstFailure(write)))
    os.close(write)
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
        os.set_blocking(read, False)  # a process that a test left behind may hold the other end
        failed = ""
        with suppress(BlockingIOError):
            failed = os.read(read, 65_536).decode()
        os.close(read)
    if not os.WIFEXITED(status):
        return "seen", ""
    return _VERDICTS.get(os.WEXITSTATUS(status), "broken"), failed


def _pytest(arguments: Sequence[str], *plugins: object) -> int:
    """Be a run of pytest that says nothing; its exit status, or `_BROKEN`."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    options = ["-q", "-p", "no:xdist", "-p", "no:cacheprovider", "--hypothesis-seed=0"]
    # What was imported before the fork cannot be rewritten, and is not ours.
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    try:
        return int(pytest.main([*options, *arguments], plugins=list(plugins)))
    except BaseException:  # noqa: BLE001  a fork must never go on as its parent
        return _BROKEN


def _end_server(run: Path) -> None:
    pid = os.fork()
    if pid == 0:
        from tests.support.database import end_the_server

        end_the_server(run)
        os._exit(0)
    os.waitpid(pid, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
