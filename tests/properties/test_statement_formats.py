"""Whatever becomes of a statement's file: a refusal that says why, or rows that stand in it."""

import re
import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciliation.formats.preview import preview
from reconciliation.formats.reading_task import ReadingTask
from reconciliation.formats.registry import read_statement
from reconciliation.formats.rows import StatementRefused
from reconciliation.formats.statement_file import StatementFile
from tests.support.camt import balance, detail, document, entry, statement, totals
from tests.support.mutations import damaged
from tests.support.swift import ACCOUNT, interim, line, message
from tests.support.workbooks import part_of, treasury, with_part

ON = date(2026, 11, 2)
MT940 = (
    message(
        line("CD5000,", "166?20NOP PHI LPAAAAAAAAABFE?21HO SO?32NGUYEN VAN A"),
        line("D12000,00", "QUET SO DU"),
        line("RCD5000,", "NOP PHI", ref="LPAAAAAAAAABFE//FT3"),
        closing=988_000,
    )
    + message(line("RD7000,"), line("C0,"), opening=988_000, closing=995_000, number="2/1")
    + interim(line("C9000,"), totals=(":90D:0VND0,", ":90C:1VND9000,"))
).encode()
_SIDE = {"C": "credit", "RD": "credit", "D": "debit", "RC": "debit"}
_LINE = re.compile(
    rb":61:[0-9]{6}(?:[0-9]{4}| {4})?(R?[CD])[DR]?[ ]?([0-9]+),0{0,2}[SNF][A-Z0-9 ]{3}"
)


CAMT = document(
    statement(
        *(balance("OPBD", "1000"), balance("CLBD", "1000.00"), totals((2, 7_000), (1, 7_000))),
        entry("5000.00", "CRDT", detail("2000", "NOP PHI", ref="FT1"), detail("3000", "HO SO 12")),
        entry("2000", "CRDT", detail("", "NOP PHI", payer="LPAAAAAAAAABFE")),
        entry("7000", "DBIT", more="<RvslInd>true</RvslInd>"),
        entry("4000", status="PDNG"),
    )
).encode()
#: A good file of each format, by what a caller names.
GOOD = {"mt940": MT940, "camt": CAMT}


WORKBOOK = treasury(
    ["02/11/2026", "FT26306001", "NOP PHI LPAAAAAAAAABFE", "", 50_000],
    ["02/11/2026", "FT26306002", "QUET SO DU", 20_000, ""],
)
_SHEET = "xl/worksheets/sheet1.xml"


def found(content: bytes, mapping: str) -> StatementFile | None:
    """What was read, None if it was refused with a reason; anything else fails the test."""
    try:
        return read_statement(content, ReadingTask(mapping, ON, ACCOUNT))
    except StatementRefused as refused:
        errors = refused.errors
    assert errors
    assert all(one.field.startswith(("row ", "file")) and one.detail for one in errors)
    return None


@pytest.mark.parametrize("mapping", GOOD)
@given(st.data())
def test_a_damaged_file_gives_a_refusal_or_rows(mapping: str, data: st.DataObject) -> None:
    read = found(data.draw(damaged(GOOD[mapping])), mapping)
    if read is not None:
        assert all(row.amount > 0 and row.booked_at.tzinfo is not None for row in read.rows)
        assert all(unicodedata.is_normalized("NFC", row.narrative) for row in read.rows)


@pytest.mark.parametrize("mapping", GOOD)
@given(st.binary(max_size=300))
def test_any_bytes_are_refused(mapping: str, content: bytes) -> None:
    assert found(content, mapping) is None


def test_the_good_file_is_read_whole() -> None:
    read = found(MT940, "mt940")
    assert read is not None
    assert [(row.direction, row.amount) for row in read.rows] == [
        *(("credit", 5_000), ("debit", 12_000), ("debit", 5_000), ("credit", 7_000)),
        ("credit", 9_000),
    ]


@given(damaged(MT940))
def test_a_damaged_mt940_gives_a_refusal_or_the_sides_that_stand_in_it(content: bytes) -> None:
    read = found(content, "mt940")
    if read is None:
        return
    lines = re.split(
        rb"\r\n|\r|\n", content.translate(None, b"\x01\x03").removeprefix(b"\xef\xbb\xbf")
    )
    for row in read.rows:
        said = _LINE.match(lines[row.line_no - 1])
        assert said is not None
        assert (row.direction, row.amount) == (_SIDE[said[1].decode()], int(said[2]))
    # No line is left out without a word: it is taken, or counted.
    shown = sum(line.startswith(b":61:") for line in lines)
    assert len(read.rows) + read.skipped.get("zero", 0) + read.skipped.get(
        "expected", 0
    ) == shown or ("other_account" in read.skipped)


@given(damaged(CAMT))
def test_a_damaged_camt_keeps_its_totals_or_is_refused(content: bytes) -> None:
    read = found(content, "camt")
    if read is None:
        return
    sums = dict.fromkeys(("credit", "debit"), 0)
    for row in read.rows:
        assert str(row.amount).encode() in content
        sums[row.direction] += row.amount
    # Damage of an amount or a side is seen as long as the totals are there.
    if read.has_totals:
        told = [int(one) for one in re.findall(rb"<Sum>([0-9]+)</Sum>", content)]
        assert sorted(sums.values()) == sorted(told) or read.skipped != {"pending": 1}


@given(st.data(), st.sampled_from([_SHEET, "xl/sharedStrings.xml", "xl/workbook.xml"]))
def test_a_workbook_damaged_inside_keeps_its_sums_or_is_refused(
    data: st.DataObject, name: str
) -> None:
    part = data.draw(damaged(part_of(WORKBOOK, name)))
    read = found(with_part(WORKBOOK, name, part), "kbnn-so-phu")
    if read is not None:
        assert len(read.rows) == 2
        assert all(
            str(row.amount).encode() in part_of(WORKBOOK, _SHEET) + part for row in read.rows
        )
        assert read.has_totals


@given(damaged(WORKBOOK))
def test_a_damaged_archive_is_read_as_it_was_or_refused(content: bytes) -> None:
    read = found(content, "kbnn-so-phu")
    assert read is None or [row.amount for row in read.rows] == [50_000, 20_000]


COLUMNS = (
    "Ngày hạch toán;Số bút toán;Diễn giải;Ghi nợ;Ghi có;Số dư\n"
    "02/11/2026 08:15;FT001;NOP PHI;;1.250.000;1.250.000\n"
    "02/11/2026 09:40;FT002;QUET;250.000;;1.000.000\n"
    "Tổng cộng;;;250.000;1.250.000;\n"
).encode()


@given(damaged(COLUMNS) | damaged(WORKBOOK) | st.binary(max_size=200))
def test_a_look_into_any_file_shows_rows_or_says_why_not(content: bytes) -> None:
    shown = preview(content, ReadingTask("", ON))
    assert bool(shown.faults) == (shown.file is None)
    assert all(one.field and one.detail for one in shown.faults)
    assert not (shown.faults and shown.lines)
