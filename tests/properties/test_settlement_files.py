"""Whatever becomes of a settlement file: a refusal that says why, or the rows that stand in it."""

import contextlib
import random
import re
from dataclasses import replace
from datetime import UTC, date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.settlement_layouts import settlement_layouts
from reconciliation.formats.decoding import UnknownEncoding
from reconciliation.formats.rows import StatementRefused
from reconciliation.formats.settlement_file import read_settlement
from reconciliation.formats.settlement_layouts import get_layout
from reconciliation.formats.settlement_rows import SettlementRow
from reconciliation.formats.version_differences import difference_of
from tests.support.mutations import damaged
from tests.support.workbooks import part_of, with_part, workbook

ON = date(2026, 11, 28)
LAYOUT = get_layout(settlement_layouts(), "lephi-settlement", ON)
HEADER = "batch_ref,settled_on,kind,order_ref,gateway_ref,amount,fee,net,paid_at"
ROWS = (
    "B1,2026-11-28,payment,LP1,G1,5000,55,4945,2026-11-27T09:00:00+07:00",
    "B1,2026-11-28,payment,LP2,G2,120000,1320,118680,",
    "B1,2026-11-28,refund,,G3,2000,20,1980,",
    "B2,2026-11-28,chargeback,,G4,7000,0,7000,",
    "B2,2026-11-28,adjustment,,,-500,0,-500,",
    "TOTAL,,,,,115500,1355,114145,",
)
GOOD = "\n".join((HEADER, *ROWS)).encode()
BOOK = workbook([HEADER.split(","), *(row.split(",") for row in ROWS)])
_SHEET = "xl/worksheets/sheet1.xml"


def found(content: bytes) -> list[SettlementRow] | None:
    """What was read, None if it was refused with a reason; anything else fails the test."""
    try:
        return read_settlement(content, LAYOUT, ON)
    except UnknownEncoding:
        return None
    except StatementRefused as refused:
        errors = refused.errors
    assert errors
    assert all(one.field.startswith(("row ", "file")) and one.detail for one in errors)
    return None


def sound(rows: list[SettlementRow]) -> bool:
    """What every row has, whatever its file: amounts that add up, none of them a silent zero."""
    return bool(rows) and all(
        (row.net == row.amount - row.fee and row.net != 0) or row.amount == row.fee != 0
        for row in rows
    )


def test_the_good_file_is_read_whole_both_ways() -> None:
    for content in (GOOD, BOOK):
        rows = read_settlement(content, LAYOUT, ON)
        assert [row.paid_over for row in rows] == [4945, 118_680, -1980, -7000, -500]


@given(st.data())
def test_a_damaged_file_gives_a_refusal_or_rows_that_stand_in_it(data: st.DataObject) -> None:
    content = data.draw(damaged(GOOD))
    rows = found(content)
    if rows is not None:
        assert sound(rows)
        numbers = set(re.findall(rb"[0-9]+", content))
        for row in rows:
            told = (row.amount, row.fee, row.net)
            assert {str(abs(one)).encode() for one in told} <= numbers | {b"0"}, row


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(content: bytes) -> None:
    assert found(content) is None


@given(st.binary(max_size=300))
def test_any_bytes_below_the_heading_are_refused_or_rows(content: bytes) -> None:
    rows = found(HEADER.encode() + b"\n" + content)
    assert rows is None or sound(rows)


@given(st.data())
def test_a_damaged_workbook_gives_a_refusal_or_rows(data: st.DataObject) -> None:
    if data.draw(st.booleans()):
        rows = found(data.draw(damaged(BOOK)))
    else:
        sheet = data.draw(damaged(part_of(BOOK, _SHEET)))
        rows = found(with_part(BOOK, _SHEET, sheet))
    assert rows is None or sound(rows)


@given(st.lists(st.sampled_from(ROWS[:-1])), st.lists(st.sampled_from(ROWS[:-1])), st.integers())
def test_a_difference_is_exact_and_of_no_order(old: list[str], new: list[str], seed: int) -> None:
    def read(rows: list[str]) -> list[SettlementRow]:
        return read_settlement("\n".join((HEADER, *rows)).encode(), LAYOUT, ON) if rows else []

    before, after = read(old), read(new)
    difference = difference_of(before, after)
    assert difference.counts["added"] - difference.counts["gone"] == len(after) - len(before)
    assert difference.net_after - difference.net_before == sum(
        (0 if one.after is None else one.after.paid_over)
        - (0 if one.before is None else one.before.paid_over)
        for one in difference.rows
    )
    assert (difference.rows == ()) is (sorted(old) == sorted(new))
    mixed = random.Random(seed)  # to mix, not to hide
    mixed.shuffle(before)
    mixed.shuffle(after)
    again = difference_of(before, after)
    assert (again.counts, again.batches) == (difference.counts, difference.batches)


def test_what_is_stored_in_utc_is_no_other_time() -> None:
    """The database gives moments in UTC, the file in Vietnam: the same row has not changed."""
    rows = read_settlement(GOOD, LAYOUT, ON)
    stored = [
        replace(row, paid_at=None if row.paid_at is None else row.paid_at.astimezone(UTC))
        for row in rows
    ]
    assert stored[0].paid_at is not None
    assert difference_of(stored, rows).rows == ()


@pytest.mark.parametrize("code", [one.code for one in settlement_layouts()])
@given(st.data())
def test_no_layout_crashes_on_a_damaged_file(code: str, data: st.DataObject) -> None:
    layout = get_layout(settlement_layouts(), code, ON)
    heading = ",".join(layout.columns.values())
    content = f"{heading}\n{','.join('1' for _ in layout.columns)}\n".encode()
    with contextlib.suppress(StatementRefused, UnknownEncoding):
        read_settlement(data.draw(damaged(content)), layout, ON)
