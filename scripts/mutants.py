"""`make mutants`: small faults put into the money rooms one at a time; does a test see each?

    python -m scripts.mutants                        every room
    python -m scripts.mutants payments/books         what is in one folder, or one file
    python -m scripts.mutants payments --every 10    each tenth mutant only
    python -m scripts.mutants --limit 50             at most so many of a file
    python -m scripts.mutants --sample 15 --seed 7   so many of each room, drawn by lot
    python -m scripts.mutants --jobs 3               so many at once; two unless said

A room's tests are run once as they are, and it is noted which test enters which line. Each mutant
is then a fork with one change (`scripts/trying.py`); only the tests that enter the changed line are
run, first those that have seen faults near it and those that are quick and enter little else, until
one fails. No file is changed. All use one PostgreSQL server.

A mutant that no test enters, or that none sees, is printed with its line and the changed source,
and `docs/mutants.md` says why those that are left are left. Of these the type checker is asked too:
what it refuses could not land, and is counted and named apart. What a test starts as a process of
its own runs the unchanged source.
"""

import argparse
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from scripts.mutations import Mutant, mutants_of
from scripts.staging import ROOT, Run, end_server, try_all
from scripts.typed import Types

#: Files that declare and decide nothing.
DECLARING = frozenset({"models.py", "schemas.py", "api.py"})
#: The test that compares the tables that modules declare with those that migrations make.
DECLARED = (
    "tests/integration/test_migrations.py::test_the_models_and_the_migrations_make_the_same_schema"
)
#: Each room: its files, and the tests that ought to see what is wrong in them.
ROOMS = {
    "books": (
        ("payments/books/*.py", "payments/agencies/tree.py"),
        (
            *("tests/unit/test_placing_of_money.py", "tests/integration/test_notices_known.py"),
            *("tests/integration/test_two_people_over_books.py", DECLARED),
            *("tests/integration/test_fees_of_a_day.py", "tests/integration/test_books_asked.py"),
            *("tests/integration/test_named_by_words.py", "tests/integration/test_money_posted.py"),
            "tests/integration/test_steps_of_the_books.py",
            "tests/integration/test_waiting_money_asked.py",
            "tests/integration/test_money_of_statements.py",
            "tests/integration/test_money_moved_on.py",
            "tests/integration/test_credits_as_told.py",
            "tests/integration/test_money_decided.py",
            "tests/integration/test_period_totals_asked.py",
            *("tests/properties/test_allocation.py", "tests/integration/test_identity_of_money.py"),
            *("tests/integration/test_where_money_goes.py", "tests/api/test_approvals.py"),
            *("tests/integration/test_money_dated_ahead.py", "tests/api/test_withdrawals.py"),
            *("tests/integration/test_callback_storms.py", "tests/integration/test_odd_money.py"),
            *("tests/integration/test_two_amounts.py", "tests/integration/test_agency_tree.py"),
            *("tests/integration/test_money_rooms.py", "tests/api/test_find_receipt.py"),
            *("tests/integration/test_money_in_transit.py", "tests/api/test_statements.py"),
            *("tests/integration/test_reconcile_both_ways.py", "tests/api/test_reports.py"),
            *("tests/integration/test_payouts.py", "tests/integration/test_handovers.py"),
            *("tests/integration/test_several_bills.py", "tests/api/test_closing.py"),
            *("tests/integration/test_part_payments_assigned.py", "tests/api/test_refunds.py"),
            *("tests/integration/test_virtual_accounts.py", "tests/integration/test_biller_day.py"),
        ),
    ),
    "attempts": (
        ("payments/attempts/*.py",),
        (
            *("tests/integration/test_told_results.py", "tests/integration/test_owed_and_taken.py"),
            "tests/integration/test_straight_transfers.py",
            "tests/integration/test_billed_dossiers.py",
            "tests/integration/test_asking_gateways.py",
            "tests/integration/test_starting_attempts.py",
            "tests/integration/test_rounds_of_asking.py",
            "tests/integration/test_gateways_for_a_bill.py",
            *("tests/api/test_payments.py", "tests/integration/test_open_attempts.py"),
            *("tests/integration/test_status_inquiry.py", "tests/api/test_offers.py"),
            *("tests/integration/test_callback_storms.py", "tests/integration/test_odd_money.py"),
            *("tests/integration/test_two_amounts.py", "tests/integration/test_money_rooms.py"),
            *("tests/api/test_working_discrepancies.py", "tests/integration/test_biller.py"),
            *("tests/integration/test_gateway_receipts.py", "tests/api/test_stall_pages.py"),
            *("tests/api/test_idempotency.py", "tests/contracts/test_biller.py"),
            *("tests/integration/test_portal_dossiers.py", "tests/integration/test_clocks.py"),
            "tests/integration/test_order_checks.py",
            "tests/integration/test_gateway_breakers.py",
        ),
    ),
    "incoming": (
        ("payments/incoming/*.py",),
        (
            *("tests/unit/test_proving.py", "tests/integration/test_told_notices.py"),
            "tests/integration/test_notices_set_aside.py",
            "tests/integration/test_lines_money.py",
            *("tests/integration/test_kept_notices.py", "tests/api/test_statements.py"),
            *("tests/integration/test_rejected_callbacks.py", "tests/unit/test_notice_json.py"),
            *("tests/integration/test_callback_storms.py", "tests/api/test_withdrawals.py"),
            *("tests/integration/test_money_rooms.py", "tests/integration/test_biller.py"),
            *("tests/integration/test_forged_callbacks.py", "tests/api/test_rotated_secrets.py"),
            *(
                "tests/integration/test_credits_of_one_notice.py",
                "tests/api/test_accounts_above.py",
            ),
            "tests/integration/test_feed_token_route.py",
            *(
                "tests/integration/test_authentic_is_kept.py",
                "tests/contracts/test_rotated_secrets.py",
            ),
            *("tests/api/test_working_discrepancies.py", "tests/integration/test_read_again.py"),
        ),
    ),
    "issuing": (
        ("receipts/commands.py", "receipts/numbering.py"),
        (
            "tests/integration/test_receipts_issued.py",
            *("tests/integration/test_numbering.py", "tests/integration/test_day_of_issue.py"),
            *("tests/unit/test_receipt_content.py", "tests/api/test_parties.py"),
            *("tests/api/test_natures.py", "tests/integration/test_money_rooms.py"),
            *("tests/integration/test_clocks.py", "tests/integration/test_outbox.py"),
            "tests/integration/test_returned_by_bank.py",
        ),
    ),
    "matching": (
        (
            "reconciliation/matching/day.py",
            "reconciliation/matching/engine.py",
            "reconciliation/matching/reversals.py",
        ),
        (
            *("tests/unit/test_whole_day.py", "tests/unit/test_matching_engine.py"),
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
        ("tests/integration/test_outbox.py", "tests/integration/test_clocks.py", DECLARED),
    ),
    "idempotency": (
        ("core/idempotency.py",),
        (
            *("tests/integration/test_idempotent_work.py", "tests/integration/test_clocks.py"),
            *("tests/api/test_idempotency.py", DECLARED),
        ),
    ),
}


#: The verdicts of which the type checker is asked, and its own.
_UNSEEN, _REFUSED = ("not seen", "not entered"), "refused by the types"


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
    parser.add_argument("--jobs", type=int, default=2, help="try so many at once")
    asked = parser.parse_args(arguments)
    share = Share(asked.every, asked.limit, asked.sample, asked.seed)
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    tally: Counter[str] = Counter()
    with TemporaryDirectory(prefix="lephi-mutants-") as folder:
        run = Run(Path(folder), asked.jobs)
        try:
            for room, (patterns, tests) in ROOMS.items():
                chosen = [path for path in _files(patterns) if _is_within(path, asked.within)]
                if chosen:
                    tally += _run_room(room, share.of(room, chosen), tests, run)
        finally:
            end_server(run)
    seen, unseen = tally["seen"], tally["not seen"] + tally["not entered"] + tally["broken"]
    print(f"{seen + unseen} mutants: {dict(tally)}")
    return 1 if unseen else 0


def _files(patterns: Sequence[str]) -> list[str]:
    found = (path for pattern in patterns for path in Path().glob(pattern))
    return sorted(str(path) for path in found if path.name not in DECLARING)


def _is_within(path: str, within: Sequence[str]) -> bool:
    asked = [one.rstrip("/") for one in within]
    return not asked or any(path == one or path.startswith(f"{one}/") for one in asked)


def _run_room(
    room: str, found: list[tuple[str, Mutant]], tests: Sequence[str], run: Run
) -> Counter[str]:
    began = time.monotonic()
    verdicts: dict[int, str] = {}

    def say(word: str) -> None:
        print(f"  {word} [{time.monotonic() - began:.0f} s]", flush=True)

    def tell(n: int) -> None:
        path, mutant = found[n]
        say(f"{path}:{mutant.line}: {mutant.what} ({verdicts[n]})")

    def done(n: int, verdict: str) -> None:
        verdicts[n] = verdict
        if verdict not in ("seen", "stillborn"):
            tell(n)

    print(f"{room}: {len(found)} mutants", flush=True)
    try_all(found, tests, run, say, done)
    types = Types(ROOT, run.folder, say)
    for n in sorted(verdicts):
        if verdicts[n] in _UNSEEN and types.refuse(*found[n]):
            verdicts[n] = _REFUSED
            tell(n)
    tally = Counter(verdicts.values())
    say(f"tried: {dict(tally)}")
    return tally


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
