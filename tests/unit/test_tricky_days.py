"""Days on which money is easily given to the wrong payment: none is, with the database or in files.

Each day says which matches are right. A day may leave money to people, and must never guess.
"""

import csv
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from core.clock import VIETNAM
from core.references import find_references, new_reference
from payments.books.queries import DayPayment
from reconciliation.matching import day as matching_of_days
from reconciliation.matching.files import reconcile_files
from reconciliation.matching.values import DayLine
from tests.unit.test_reconciliation_day import MONDAY, MORNING, line, matched, payment, run

A, B, C, STRANGER = (new_reference() for _ in range(4))
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
Matches = dict[str, str]
Day = tuple[list[DayPayment], list[DayLine], Matches]


def misspelt(reference: str, place: int = 6) -> str:
    other = "A" if reference[place] != "A" else "B"
    return reference[:place] + other + reference[place + 1 :]


def swapped(reference: str) -> str:
    place = next(n for n in range(3, 12) if reference[n] != reference[n + 1])
    pair = reference[place + 1] + reference[place]
    return reference[:place] + pair + reference[place + 2 :]


def back(words: str, amount: int = 10_000, ref: str = "", at: datetime = MORNING + HOUR) -> DayLine:
    return line("back", words, amount, ref=ref, at=at, direction="debit")


def of_field(field: str, words: str) -> DayLine:
    return replace(line("l1", words), reference=field)


ONE: Final = [payment("p1", A, ref="FT100001")]
TWO: Final = [*ONE, payment("p2", B, ref="FT100002")]
FOUND: Final = {"p1": "l1"}

#: What a day's words or references do to one payment, or two of one amount.
DAYS: Final[dict[str, Day]] = {
    "blank memos, other references": (TWO, [line("l1"), line("l2")], {}),
    "blank memos, the bank's references crossed": (
        TWO,
        [line("l1", ref="FT100002"), line("l2", ref="FT100001")],
        {"p1": "l2", "p2": "l1"},
    ),
    "a wrong character": (ONE, [line("l1", misspelt(A))], {}),
    "a wrong check character": (ONE, [line("l1", misspelt(A, 13))], {}),
    "two characters swapped": (ONE, [line("l1", swapped(A))], {}),
    "one lost": (ONE, [line("l1", A[:-1])], {}),
    "one too many": (ONE, [line("l1", f"{A[:7]}X{A[7:]}")], {}),
    "in small and apart": (ONE, [line("l1", f"nop {' '.join(A.lower())}")], FOUND),
    "wrapped": (ONE, [line("l1", f"NOP {A[:6]}\r\n{A[6:]}")], FOUND),
    "wrapped around other words": (ONE, [line("l1", f"NOP {A[:6]} CT TU {A[6:]}")], {}),
    "in the text of a bank": (ONE, [line("l1", f"MBVCB.12.{A}34.CT tu 0011 A toi B")], FOUND),
    "wide letters": (ONE, [line("l1", "".join(chr(ord(one) + 0xFEE0) for one in A))], FOUND),
    "with marks": (ONE, [line("l1", A.replace("E", "É").replace("A", "Á"))], FOUND),
    "named twice": (ONE, [line("l1", f"{A} {A}")], FOUND),
    "another's": (ONE, [line("l1", STRANGER)], {}),
    "another's under the bank's reference": (ONE, [line("l1", STRANGER, ref="FT100001")], {}),
    "one dong less": (ONE, [line("l1", A, 9_999)], {}),
    "ten times as much": (ONE, [line("l1", A, 100_000)], {}),
    "two in one": (TWO, [line("l1", f"{A} {B}", 20_000)], {}),
    "two named, money of one": (TWO, [line("l1", f"{A} {B}")], {}),
    "one named, another misspelt": (TWO, [line("l1", f"{A} {misspelt(B)}", 20_000)], {}),
    "one in two halves": (ONE, [line("l1", A, 5_000), line("l2", A, 5_000)], {}),
    "two in one without words": (TWO, [line("l1", "nop ho", 20_000)], {}),
    "credited twice": (ONE, [line("l1", A, ref="F1"), line("l2", A, ref="F2")], {}),
    "no reference of the bank": (
        [payment("p1", A, ref="NONREF"), payment("p2", B, ref="NONREF")],
        [line("l1", ref="NONREF"), line("l2", B, ref="NONREF")],
        {"p2": "l2"},
    ),
    "zeros": ([payment("p1", A, ref="0")], [line("l1", ref="000")], {}),
    "a batch under one reference": (
        [payment("p1", A, ref="LO100001"), payment("p2", B, ref="LO100001")],
        [line("l1", B, ref="LO100001"), line("l2", A, ref="LO100001")],
        {"p1": "l2", "p2": "l1"},
    ),
    "a batch of which one came": (
        [payment("p1", A, ref="LO100001"), payment("p2", B, ref="LO100001")],
        [line("l1", ref="LO100001")],
        {},
    ),
    "numbers that differ in zeros": (
        [payment("p1", A, ref="00123456"), payment("p2", B, ref="123456")],
        [line("l1", ref="0123456")],
        {},
    ),
    "the field names one, the words another": (TWO, [of_field(B, f"nop {A}")], {"p2": "l1"}),
    "the field is damaged": (ONE, [of_field(misspelt(B), f"nop {A}")], {}),
    "the field is a placeholder": (ONE, [of_field("NONREF", f"nop {A}")], FOUND),
    "taken back": (ONE, [line("l1", A, ref="FT100001"), back(f"hoan tra {A}")], {}),
    "taken back by the bank's reference": (
        TWO,
        [line("l1", A, ref="FT100001"), line("l2", B, ref="FT100002"), back("HUY", ref="FT100001")],
        {"p2": "l2"},
    ),
    "one of two equal credits taken back": (
        [payment("p1", A, ref="FT100002")],
        [line("l1", A, ref="FT100001"), line("l2", A, ref="FT100002"), back(A, ref="FT100001")],
        {"p1": "l2"},
    ),
    "another amount taken back": (
        ONE,
        [line("l1", A, ref="FT100001"), back(f"hoan tra {A}", 9_000)],
        FOUND,
    ),
    "taken back days later": (
        ONE,
        [line("l1", A, ref="FT100001"), back("REVERSAL", ref="FT100001", at=MORNING + 3 * DAY)],
        {},
    ),
    "booked past midnight": (
        [payment("p1", A, at=datetime(2026, 11, 23, 16, 59, tzinfo=UTC))],
        [line("l1", A, at=datetime(2026, 11, 23, 17, 1, tzinfo=UTC))],
        FOUND,
    ),
    "booked two weeks later": (ONE, [line("l1", A, at=MORNING + 15 * DAY)], FOUND),
    "three alike, one of them misspelt": (
        [*TWO, payment("p3", C)],
        [line("l1", B), line("l2", C), line("l3", misspelt(A))],
        {"p2": "l1", "p3": "l2"},
    ),
    "a gateway's batch less its fee": (
        TWO,
        [line("l1", "PAYGOV QUYET TOAN", 9_900), line("l2", B)],
        {"p2": "l2"},
    ),
}


@pytest.mark.parametrize("name", DAYS)
def test_a_day_of_the_database_matches_what_is_right_and_nothing_else(name: str) -> None:
    payments, lines, right = DAYS[name]
    assert {one: where for one, (where, _) in matched(run(payments, lines)).items()} == right


def in_files(payments: Sequence[DayPayment], lines: Sequence[DayLine], folder: Path) -> Matches:
    """What `reconcile files` matches of a Monday."""
    paid, ledger = folder / "payments.csv", folder / "ledger.csv"
    with paid.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [
                ["payment_id", "reference", "amount", "paid_at", "gateway", "gateway_ref"],
                *(
                    [x.payment_id, x.reference, x.amount, _local(x.paid_at), "bank", x.gateway_ref]
                    for x in payments
                ),
            ]
        )
    with ledger.open("w", newline="", encoding="utf-8") as file:
        head = "line_id booked_at amount direction reference narrative bank_ref"
        csv.writer(file).writerows(
            [
                head.split(),
                *(
                    [
                        *(x.line_id, _local(x.booked_at), x.amount, x.direction),
                        *(x.reference, x.narrative, x.bank_ref),
                    ]
                    for x in lines
                ),
            ]
        )
    reconcile_files(paid, ledger, MONDAY, folder / "out", threads=1)
    with (folder / "out" / "matches.csv").open(encoding="utf-8") as file:
        return {row["payment_id"]: row["line_id"] for row in csv.DictReader(file)}


def _local(moment: datetime) -> str:
    return moment.astimezone(VIETNAM).isoformat()


@pytest.mark.parametrize("name", DAYS)
def test_files_match_nothing_that_is_wrong(name: str, tmp_path: Path) -> None:
    """They know no more than words: what the bank's reference alone tells is left to people."""
    payments, lines, right = DAYS[name]
    found = in_files(payments, lines, tmp_path)
    assert found.items() <= right.items()
    by_words = {one: where for one, where in right.items() if _names(lines, where, payments, one)}
    taken_back = any(
        line.direction == "debit" and find_references(line.narrative) for line in lines
    )
    assert taken_back or found == by_words


def _names(lines: Sequence[DayLine], where: str, payments: Sequence[DayPayment], one: str) -> bool:
    """Whether the line names the payment."""
    named = next(line.references for line in lines if line.line_id == where)
    return next(x.reference for x in payments if x.payment_id == one) in named


def test_one_who_overlooks_what_was_taken_back_is_seen_to_match_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The negative control."""
    monkeypatch.setattr(matching_of_days, "reversals_of", lambda lines: {})
    payments, lines, right = DAYS["taken back"]
    assert matched(run(payments, lines)).keys() == {"p1"}
    assert right == {}
