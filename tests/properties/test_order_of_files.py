"""The order of lines and of files does not matter, and twice is once; rules that mind it are seen.

The negative controls are rules that other systems have: the first that fits wins, whatever comes
after it. Each of them has to fail the very check that ours passes.
"""

import random
from collections.abc import Callable, Sequence
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciliation.formats.rows import StatementRow
from reconciliation.settlements import matching as settlement_matching
from reconciliation.settlements.batch_matching import BankCredit, compare_batches
from reconciliation.settlements.matching import SettledLine, TakenPayment, compare_settlement
from reconciliation.statements.intake import with_fingerprints
from tests.support.days import at

ON = date(2026, 11, 6)
ROWS = st.integers(0, 3).map(
    lambda number: StatementRow(number + 2, at(ON, 9), 5000, "credit", "", "NOP PHI", f"FT{number}")
)
FILES = st.lists(st.lists(ROWS, max_size=6), min_size=1, max_size=4)


def stored(files: Sequence[Sequence[StatementRow]]) -> set[str]:
    """What stands after these files came one after the other, by fingerprint."""
    found: set[str] = set()
    for rows in files:
        found |= {fingerprint for _, fingerprint in with_fingerprints("account", list(rows))}
    return found


@given(FILES, st.randoms(use_true_random=False))
def test_the_order_of_overlapping_files_does_not_matter_and_twice_is_once(
    files: list[list[StatementRow]], chance: random.Random
) -> None:
    mixed = [chance.sample(rows, len(rows)) for rows in chance.sample(files, len(files))]
    assert stored(mixed) == stored(files)
    assert stored([*files, *files]) == stored(files)


@given(FILES)
def test_of_each_row_there_are_as_many_as_the_file_with_most_of_them_has(
    files: list[list[StatementRow]],
) -> None:
    refs = {row.bank_ref for rows in files for row in rows}
    most = sum(max(sum(row.bank_ref == ref for row in rows) for rows in files) for ref in refs)
    assert len(stored(files)) == most


PAYMENTS = [TakenPayment(f"p{n}", f"G{n}", "", 5000, ON) for n in range(4)]
LINES = [
    SettledLine(f"l{n}", f"BATCH-{n % 2}", "payment", f"G{n}", "", 5000, 50, "g") for n in range(4)
]
CREDITS = [BankCredit(f"c{n}", "PAYGOV", 9900, True) for n in range(2)]


def check_order(
    compare: Callable[[Sequence[SettledLine], Sequence[BankCredit]], object],
) -> None:
    """Any order of lines and credits has to give the same."""
    chance = random.Random(7)
    first = compare(LINES, CREDITS)
    for _ in range(20):
        lines = chance.sample(LINES, len(LINES))
        credits_ = chance.sample(CREDITS, len(CREDITS))
        assert compare(lines, credits_) == first


def first_come(
    lines: Sequence[SettledLine], credits_: Sequence[BankCredit]
) -> list[tuple[str, str]]:
    """The control: a batch takes the first credit of its net that nobody has."""
    left, found = list(credits_), []
    for ref in sorted({line.batch_ref for line in lines}):
        net = sum(line.paid_over for line in lines if line.batch_ref == ref)
        fit = next((one for one in left if one.amount == net), None)
        if fit is not None:
            left.remove(fit)
            found.append((ref, fit.line_id))
    return found


def test_batches_alike_are_nobodys_in_any_order() -> None:
    check_order(compare_batches)
    places, _ = compare_batches(LINES, CREDITS)
    assert {place.kind for place in places} == {"ambiguous"}


def test_a_rule_by_which_the_first_wins_is_seen() -> None:
    with pytest.raises(AssertionError):
        check_order(first_come)


def check_one_place(lines: Sequence[SettledLine]) -> None:
    """Each payment and each line has one place, and the money of the lines is all there."""
    places = compare_settlement(PAYMENTS, lines, {ON})
    assert sorted(one for place in places for one in place.line_ids) == sorted(
        line.line_id for line in lines
    )
    own = [place.payment_id for place in places if place.payment_id is not None]
    assert sorted(own) == [one.payment_id for one in PAYMENTS]
    amount_of = {line.line_id: line.amount for line in lines}
    went = sum(amount_of[one] for place in places for one in place.line_ids)
    assert went == sum(line.amount for line in lines)


def test_a_comparison_that_loses_a_second_line_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control of having exactly one place."""
    twice = [*LINES, SettledLine("l9", "BATCH-1", "payment", "G0", "", 5000, 50, "g")]
    check_one_place(twice)
    sound = settlement_matching.SettlementPlace

    def careless(
        kind: object, payment_id: object, line_ids: tuple[str, ...], *more: object
    ) -> object:
        return sound(kind, payment_id, line_ids[:1], *more)  # type: ignore[arg-type] # a control

    monkeypatch.setattr(settlement_matching, "SettlementPlace", careless)
    with pytest.raises(AssertionError):
        check_one_place(twice)
