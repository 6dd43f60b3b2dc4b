"""A statement's line that comes again in other words is one line, and two credits are never one.

An account's life is walked, and its bank exports pieces of it again and again, each time in words
of its own. What may be told apart by nothing but words stays two lines: that is people's to say.
"""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.references import check_characters
from reconciliation.formats.rows import Direction, StatementRow
from reconciliation.statements import rewording
from reconciliation.statements.intake import with_fingerprints
from reconciliation.statements.rewording import (
    RewordedRow,
    line_of_each,
    references_of_lone_rows,
)
from tests.support.days import at

ON = date(2026, 11, 6)
ACCOUNT = "acc_1"
PAYERS = [f"LP{body}{check_characters(body)}" for body in ("ABCDEFGHJK", "BBCDEFGHJK")]

#: Seconds since the one before, side, amount, the bank's reference, the payer.
MOVES = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 1, 60]),
        st.sampled_from(["credit", "credit", "debit"]),
        st.sampled_from([5000, 5000, 7000]),
        st.sampled_from(["FT26331000123", "FT26331000124", "NONREF"]),
        st.sampled_from(["", *PAYERS]),
    ),
    max_size=8,
)


def life_of(moves: Sequence[tuple[int, str, int, str, str]], *, timed: bool) -> list[StatementRow]:
    """The lines of an account as its bank has them, one for each thing that happened."""
    moment, balance = at(ON, 9 if timed else 0), 100_000
    rows: list[StatementRow] = []
    for number, (seconds, side, amount, ref, payer) in enumerate(moves, start=2):
        moment += timedelta(seconds=seconds if timed else 0)
        balance += amount if side == "credit" else -amount
        direction: Direction = "credit" if side == "credit" else "debit"
        rows.append(StatementRow(number, moment, amount, direction, None, payer, ref, balance))
    return rows


def stored(files: Sequence[Sequence[StatementRow]], *, rewords: bool = True) -> list[StatementRow]:
    """What stands after these files came one after the other, as `taking` does it.

    Without `rewords` a line is known by its fingerprint alone.
    """
    lines: dict[str, StatementRow] = {}
    for rows in files:
        named = references_of_lone_rows(rows)
        told = [fingerprint for _, fingerprint in with_fingerprints(ACCOUNT, iter(rows))]
        pairs = [
            RewordedRow(
                str(place), known, ACCOUNT, row.booked_at, row.amount, row.direction, names,
                row.bank_ref, line.bank_ref, row.balance, line.balance, known,
            )
            for place, (row, names, own) in enumerate(zip(rows, named, told, strict=True))
            if names is not None and own not in lines
            for known, line in lines.items()
            if (line.booked_at, line.amount, line.direction)
            == (row.booked_at, row.amount, row.direction)
        ]  # fmt: skip
        same = line_of_each(pairs) if rewords else {}
        for place, row in enumerate(rows):
            lines.setdefault(same.get(str(place), told[place]), row)
    return list(lines.values())


def said_again(rows: Sequence[StatementRow], chance: random.Random) -> list[StatementRow]:
    """The same lines as another export has them: other words, perhaps a label or no balance."""
    label = chance.choice(["", "/VCB", "\\BNK"])
    words = chance.choice(["CT DI:9704 {}", "{} NOP PHI-CHUYEN TIEN", "{}"])
    keeps = chance.random() < 0.8
    return [
        replace(
            row,
            narrative=words.format(row.narrative),
            bank_ref=f"{row.bank_ref}{label}",
            balance=row.balance if keeps else None,
        )
        for row in rows
    ]


def check_nothing_is_merged(
    moves: Sequence[tuple[int, str, int, str, str]], chance: random.Random, *, timed: bool
) -> None:
    """Whatever pieces are exported, each thing that fingerprints tell apart has its line."""
    life = life_of(moves, timed=timed)
    pieces = []
    for _ in range(3):
        ends = sorted(chance.choices(range(len(life) + 1), k=2))
        pieces.append(life[ends[0] : ends[1]])
    files = [said_again(piece, chance) for piece in pieces]
    by_fingerprint = {row.line_no for row in stored(files, rewords=False)}
    assert {row.line_no for row in stored(files)} == by_fingerprint, "two credits are one line"


@given(MOVES, st.randoms(use_true_random=False))
def test_two_things_that_happened_are_never_one_line(
    moves: list[tuple[int, str, int, str, str]], chance: random.Random
) -> None:
    check_nothing_is_merged(_without_named_twins(moves), chance, timed=True)


@given(MOVES, st.randoms(use_true_random=False))
def test_where_only_days_are_told_nothing_is_guessed(
    moves: list[tuple[int, str, int, str, str]], chance: random.Random
) -> None:
    """An account that is emptied at once has one balance after every credit."""
    check_nothing_is_merged(_without_named_twins(moves), chance, timed=False)


def _without_named_twins(
    moves: Sequence[tuple[int, str, int, str, str]],
) -> list[tuple[int, str, int, str, str]]:
    """Without a second thing of one payer, reference, amount and side: a fingerprint has no more.

    It tells such two apart within a file alone, by their number there.
    """
    met: Counter[object] = Counter()
    kept = []
    for move in moves:
        _, side, amount, ref, payer = move
        key = (side, amount, ref, payer) if payer and ref != "NONREF" else object()
        met[key] += 1
        kept += [move] if met[key] == 1 else []
    return kept


def a_row(**changes: object) -> StatementRow:
    row = StatementRow(2, at(ON, 9), 5000, "credit", None, "NOP PHI", "FT26331000123", 60_000)
    return replace(row, **changes)  # type: ignore[arg-type]  # fields by their names


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({"narrative": "CT DI:9704 NOP PHI-CHUYEN TIEN"}, 1),
        ({"narrative": "nop", "bank_ref": "ft26331000123/VCB"}, 1),
        ({"narrative": "nop", "balance": 65_000}, 2),
        ({"narrative": "nop", "balance": None}, 2),
        ({"narrative": "nop", "booked_at": at(ON, 9) + timedelta(seconds=1)}, 2),
        ({"narrative": "nop", "booked_at": at(ON, 0)}, 2),
        ({"narrative": "nop", "amount": 5001}, 2),
        ({"narrative": "nop", "direction": "debit"}, 2),
        ({"narrative": "nop", "bank_ref": "FT26331000124"}, 2),
        ({"narrative": "nop", "bank_ref": "NONREF"}, 2),
    ],
)
def test_a_line_in_other_words_is_one_where_all_else_agrees(
    changes: dict[str, object], lines: int
) -> None:
    assert len(stored([[a_row()], [a_row(**changes)]])) == lines
    assert len(stored([[a_row(**changes)], [a_row()]])) == lines


def test_words_that_name_a_payer_are_not_lost_to_a_line_without() -> None:
    plain, named = a_row(), a_row(narrative=PAYERS[0])
    assert len(stored([[plain], [named]])) == 2
    # The other way round the line that stands says more than the row.
    assert stored([[named], [plain]]) == [named]


def test_a_label_beside_one_payers_reference_makes_no_second_line() -> None:
    named = a_row(narrative=PAYERS[0], balance=None)
    for other in (replace(named, bank_ref="FT26331000123/VCB"), a_row(narrative=PAYERS[0])):
        assert len(stored([[named], [other]])) == 1
    assert len(stored([[named], [replace(named, bank_ref="FT26331000123/VCB", amount=1)]])) == 2
    others = replace(named, bank_ref="FT26331000123/VCB", narrative=PAYERS[1])
    assert len(stored([[named], [others]])) == 2


def test_balances_that_differ_are_two_credits_also_of_one_payer() -> None:
    """Paid twice in one second, each in a file of its own: one must not be lost in the other."""
    named = a_row(narrative=PAYERS[0])
    again = replace(named, bank_ref="FT26331000123/VCB", balance=65_000)
    assert len(stored([[named], [again]])) == 2
    assert len(stored([[again], [named]])) == 2
    assert len(stored([[named], [replace(again, balance=60_000)]])) == 1


def test_both_in_one_file_are_two() -> None:
    twins = [a_row(), a_row(line_no=3, narrative="nop")]
    assert len(stored([twins])) == 2
    # And of two in a later file nobody knows which of them the line is.
    assert len(stored([[a_row(narrative="tien")], twins])) == 3
    assert len(stored([twins, [a_row(narrative="tien")]])) == 3


@pytest.mark.parametrize(
    ("careless", "shown_by"),
    [
        (lambda pair: True, {"balance": 65_000}),
        (lambda pair: pair.row_balance == pair.line_balance, {"bank_ref": "FT26331000124"}),
    ],
)
def test_a_rule_that_looks_at_less_is_seen(
    monkeypatch: pytest.MonkeyPatch,
    careless: Callable[[RewordedRow], bool],
    shown_by: dict[str, object],
) -> None:
    """The negative control: two credits become one line."""
    monkeypatch.setattr(rewording, "_is_same", careless)
    assert len(stored([[a_row()], [a_row(narrative="nop", **shown_by)]])) == 1


def test_a_rule_that_believes_days_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: a credit, its sweep, and another credit, each in a file of its own."""
    moves = [(0, "credit", 5000, "FT26331000123", ""), (0, "debit", 5000, "FT9", "")] * 2
    life = life_of(moves[:3], timed=False)
    files = [[life[0]], [replace(life[2], narrative="nop")]]
    assert len(stored(files)) == 2
    monkeypatch.setattr(rewording, "_tells_time", lambda moment: True)
    assert len(stored(files)) == 1
