"""Numbers of slips, prices of tickets, and a word for whatever an action may come to."""

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.staff.collecting_words import KINDS, REASONS, reason_words
from payments.collecting.blocks import BlockUse, BlockValue
from payments.collecting.cash_book import CollectorSums
from payments.collecting.commands import slip_name
from payments.collecting.models import BLOCK, CollectedAction
from payments.collecting.schemas import WALK_ACTION
from payments.collecting.tickets import TicketRate

ROOM = Path(__file__).parents[2] / "payments" / "collecting"
A_BLOCK = BlockValue("slips_1", "staff_1", "phone-01", 101)
ONE = {"id": "0b9f1c50-0000-4000-8000-000000000001", "device": "phone-01"}
ONE |= {"done_at": "2026-11-30T01:00:00Z"}


@given(st.sets(st.integers(101, 150)), st.sets(st.integers(101, 150)))
def test_every_number_of_a_block_is_accounted_for_once(used: set[int], void: set[int]) -> None:
    use = BlockUse(A_BLOCK, tuple(sorted(used)), tuple(sorted(void - used)))
    assert len(use.used) + len(use.void) + len(use.missing) + use.free == BLOCK
    later = max(use.used + use.void, default=0)
    assert all(number < later for number in use.missing)


@pytest.mark.parametrize(
    ("rate", "vat", "price"), [(3_000, 0, 3_000), (3_000, 10, 3_300), (5, 10, 6), (4, 10, 4)]
)
def test_a_ticket_costs_whole_dong_with_its_tax(rate: int, vat: int, price: int) -> None:
    assert TicketRate("a", "Vé", "Ticket", rate, vat, "").price == price


def test_what_is_held_is_what_was_taken_less_what_was_counted() -> None:
    sums = CollectorSums(booked=700, unbooked=50, tickets=30, counted=600, deposited=500)
    assert (sums.held, sums.on_the_way) == (150, 100)
    assert slip_name(123) == "PT-000123"


def reasons_given() -> set[str]:
    """The codes that the room's commands give."""
    found = set()
    for path in (ROOM / "commands.py", ROOM / "blocks.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(attr="refuse"), args=[argument]):
                    given_ = argument
                case ast.Call(
                    func=ast.Attribute(attr="append", value=ast.Attribute(attr="reasons")),
                    args=[argument],
                ):
                    given_ = argument
                case ast.Return(value=ast.Constant(value=str()) as argument):
                    given_ = argument
                case _:
                    continue
            found |= {one.value for one in ast.walk(given_) if isinstance(one, ast.Constant)}
    return {code for code in found if isinstance(code, str) and "_" in code}


def test_every_reason_and_kind_has_its_words() -> None:
    codes = reasons_given()
    assert len(codes) >= 12
    assert codes - set(REASONS) == set()
    allowed = next(
        str(one.sqltext)
        for one in CollectedAction.__table__.constraints  # type: ignore[attr-defined]
        if str(getattr(one, "sqltext", "")).startswith("kind IN")
    )
    assert all(f"'{kind}'" in allowed for kind in KINDS)
    assert allowed.count("'") == 2 * len(KINDS)


def test_a_reason_without_words_is_noticed() -> None:
    assert "odd_reason" not in REASONS
    assert reason_words("vi", ["odd_reason"], {}) == []


def test_amounts_are_told_as_the_language_writes_them() -> None:
    (vi,) = reason_words("vi", ["paid_meanwhile"], {"kept": 300_000, "owed": 0})
    (en,) = reason_words("en", ["paid_meanwhile"], {"kept": 300_000, "owed": 0})
    assert "300.000 đ" in vi
    assert "300,000 VND" in en


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "cash", "stall": "s", "amount": -5, "number": 1},
        {"kind": "cash", "stall": "s", "amount": "5000", "number": 1},
        {"kind": "cash", "stall": "s", "amount": 5000, "number": 1, "done_at": "2026-11-30T01:00"},
        {"kind": "cash", "stall": "s", "amount": 5000, "number": 1, "id": "x"},
        {"kind": "cash", "stall": "s", "amount": 5000, "number": 1, "more": 1},
        {"kind": "reading", "stall": "s", "meter": "gas", "shows": 1, "read_on": "2026-11-30"},
        {"kind": "gift"},
    ],
)
def test_what_a_phone_cannot_have_meant_is_not_read(wrong: dict[str, object]) -> None:
    right = {"kind": "cash", "stall": "s", "amount": 5000, "number": 1}
    assert WALK_ACTION.validate_python(ONE | right).kind == "cash"
    with pytest.raises(ValueError, match="validation error"):
        WALK_ACTION.validate_python(ONE | wrong)
