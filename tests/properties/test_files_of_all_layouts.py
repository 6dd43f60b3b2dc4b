"""Files of every layout that we have, damaged: refused with a reason, or rows that stand in them.

No amount that is none is read as 0, and no row is left out without a word, whatever the format.
"""

import re
from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.settlement_layouts import settlement_layouts
from core.errors import FieldError
from reconciliation.formats.cells import CellRefused, NumberStyle
from reconciliation.formats.mappings import list_mappings
from reconciliation.formats.reading_task import ReadingTask
from reconciliation.formats.registry import read_statement
from reconciliation.formats.rows import StatementRefused
from reconciliation.formats.settlement_file import read_settlement
from reconciliation.formats.settlement_layouts import SettlementLayout
from reconciliation.formats.settlement_rows import SettlementRow
from reconciliation.formats.statement_file import StatementFile
from tests.support.camt import document, entry, statement
from tests.support.mutations import damaged
from tests.support.settlement_files import lines_of, settlement_csv, settlement_xlsx, written
from tests.support.swift import ACCOUNT, line, message
from tests.support.workbooks import Cell, treasury
from tests.unit.test_statement_csv import golden

ON = date(2026, 11, 28)
MAPPINGS = [one.code for one in list_mappings() if one.is_valid(ON)]
LAYOUTS = {one.code: one for one in settlement_layouts() if one.is_valid(ON)}
#: Made once: a workbook holds the moment of its making.
WORKBOOKS = {code: settlement_xlsx(one, lines_of(one)) for code, one in LAYOUTS.items()}

#: What stands where an amount should, and is none; nothing of it is a zero.
NO_AMOUNTS = [
    *("12..34", "1.00.000", "1,00,000", "5O000", "1e5", "50 000", "50'000", "--5000", "5000-"),
    *("#REF!", "NaN", "inf", "=50000", "0x1388", "\uff15\uff10\uff10\uff10", "\u0665\u0660\u0660"),
    *("năm nghìn", "5000.5", "5000,5", "USD 5000", ".", "-", "+", "99999999999999999999"),
]


def check_reasons(errors: Sequence[FieldError]) -> None:
    """A refusal says where and why."""
    assert errors
    assert all(one.field and one.code and one.detail for one in errors)


def read_or_refused(content: bytes, mapping: str) -> StatementFile | None:
    """What was read, None if it was refused with a reason; anything else fails the test."""
    try:
        return read_statement(content, ReadingTask(mapping, ON, ACCOUNT))
    except StatementRefused as refused:
        errors = refused.errors
    check_reasons(errors)
    return None


def settled_or_refused(content: bytes, layout: SettlementLayout) -> list[SettlementRow] | None:
    """As `read_or_refused`, of a settlement."""
    try:
        return read_settlement(content, layout, ON)
    except StatementRefused as refused:
        errors = refused.errors
    check_reasons(errors)
    return None


def stands_in(amount: int, content: bytes) -> bool:
    """Whether the figures of an amount are in a file, with whatever separators."""
    return str(amount).encode() in re.sub(rb"(?<=[0-9])[.,](?=[0-9])", b"", content)


@pytest.mark.parametrize("mapping", MAPPINGS)
@given(st.data())
def test_a_damaged_statement_of_columns_is_refused_or_stands_in_the_file(
    mapping: str, data: st.DataObject
) -> None:
    content = data.draw(damaged(golden(mapping)))
    read = read_or_refused(content, mapping)
    if read is not None:
        assert all(row.amount > 0 and stands_in(row.amount, content) for row in read.rows)
        assert all(row.booked_at.tzinfo is not None for row in read.rows)


@pytest.mark.parametrize("code", LAYOUTS)
@given(st.data())
def test_a_damaged_settlement_is_refused_or_stands_in_the_file(
    code: str, data: st.DataObject
) -> None:
    layout = LAYOUTS[code]
    content = data.draw(damaged(settlement_csv(layout, lines_of(layout))))
    rows = settled_or_refused(content, layout)
    if rows is not None:
        assert rows
        for row in rows:
            assert row.amount > 0
            assert row.net == row.amount - row.fee
            assert stands_in(row.amount * layout.scale, content)


@pytest.mark.parametrize("code", LAYOUTS)
@given(st.data())
def test_a_damaged_workbook_of_a_settlement_is_read_as_it_was_or_refused(
    code: str, data: st.DataObject
) -> None:
    layout, good = LAYOUTS[code], WORKBOOKS[code]
    rows = settled_or_refused(data.draw(damaged(good)), layout)
    assert rows is None or rows == settled_or_refused(good, layout)


@pytest.mark.parametrize("code", LAYOUTS)
@given(st.binary(max_size=300))
def test_any_bytes_are_no_settlement(code: str, content: bytes) -> None:
    assert settled_or_refused(content, LAYOUTS[code]) is None


@pytest.mark.parametrize("code", LAYOUTS)
def test_a_good_settlement_is_read_whole(code: str) -> None:
    layout = LAYOUTS[code]
    lines = lines_of(layout)
    for content in (settlement_csv(layout, lines), WORKBOOKS[code]):
        rows = settled_or_refused(content, layout)
        assert rows is not None
        assert [(row.amount, row.fee, row.kind == "refund") for row in rows] == [
            (line.amount, line.fee, line.is_refund) for line in lines
        ]


def _statement_with(mapping: str, cell: str) -> tuple[bytes, str, str]:
    """A good file with one amount written as `cell`; what a caller names it by; the row of it."""
    if mapping == "mt940":
        return message(line(f"CD{cell}"), line("D12000,"), closing=0).encode(), mapping, "row 5, "
    if mapping == "camt":
        return (
            document(statement(entry(cell, "CRDT"), entry("2000.00"))).encode(),
            mapping,
            "row 6, ",
        )
    if mapping == "xlsx":
        row: list[Cell] = ["02/11/2026", "FT1", "NOP PHI", "", cell]
        other: list[Cell] = ["02/11/2026", "FT2", "NOP PHI", "", 20_000]
        return treasury(row, other), "kbnn-so-phu", "row 2, "
    good = golden(mapping).decode()
    amounts = {
        "lephi-basic": ",5000,",
        "kbnn-so-phu": ";50.000;",
        "agribank-gl02": ",100.000,",
        "ebank-signed": ",5000 VND,",
    }
    before, amount, after = good.partition(amounts[mapping])
    assert amount
    quoted = f'"{cell}"' if "," in cell else cell
    changed = f"{before}{amount[0]}{quoted}{amount[-1]}{after}"
    return changed.encode(), mapping, f"row {before.count(chr(10)) + 1}, "


STATEMENTS = [*MAPPINGS, "mt940", "camt", "xlsx"]


def check_no_amount(mapping: str, cell: str) -> None:
    """A file in which an amount is `cell` has to be refused, by that row and for its amount."""
    content, named, row = _statement_with(mapping, cell)
    with pytest.raises(StatementRefused) as refused:
        read_statement(content, ReadingTask(named, ON, ACCOUNT))
    told = [one.code for one in refused.value.errors if one.field.startswith(row)]
    # Of MT940 the whole line is no line where its amount is none.
    assert {"amount", "line"} & set(told), (cell, refused.value.errors)


@pytest.mark.parametrize("mapping", STATEMENTS)
@pytest.mark.parametrize("cell", NO_AMOUNTS)
def test_what_is_no_amount_is_refused_and_never_read_as_nothing(mapping: str, cell: str) -> None:
    check_no_amount(mapping, cell)


@pytest.mark.parametrize("code", LAYOUTS)
@pytest.mark.parametrize("cell", NO_AMOUNTS)
@pytest.mark.parametrize("at", ["amount", "fee", "net"])
def test_what_is_no_amount_of_a_settlement_is_refused(code: str, cell: str, at: str) -> None:
    layout = LAYOUTS[code]
    first = lines_of(layout)[0]
    money = {"amount": first.amount, "fee": first.fee, "net": first.amount - first.fee}
    good = settlement_csv(layout, lines_of(layout)).decode()
    right = written(layout, money[at])
    right = f'"{right}"' if "," in right and layout.delimiters[0] == "," else right
    assert right in good
    quoted = f'"{cell}"' if "," in cell else cell
    with pytest.raises(StatementRefused) as refused:
        read_settlement(good.replace(right, quoted, 1).encode(), layout, ON)
    named = layout.columns[at]
    assert (f"row 2, column {named}", "amount") in [
        (one.field, one.code) for one in refused.value.errors
    ]


def test_a_reader_that_takes_a_bad_amount_for_nothing_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The negative control: with it the row is counted as one of nothing, and its money is gone."""
    sound = NumberStyle.read
    check_no_amount("agribank-gl02", "12..34")

    def careless(style: NumberStyle, cell: str) -> int:
        try:
            return sound(style, cell)
        except CellRefused:
            return 0

    monkeypatch.setattr(NumberStyle, "read", careless)
    with pytest.raises(pytest.fail.Exception):
        check_no_amount("agribank-gl02", "12..34")
