"""Statements in XLSX: what the bank wrote, not what a spreadsheet made of it."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime

import pytest

from core.clock import VIETNAM
from reconciliation.formats import xlsx_statement
from reconciliation.formats.limits import Limits
from reconciliation.formats.reading_task import ReadingTask
from reconciliation.formats.registry import read_statement
from reconciliation.formats.rows import StatementRefused
from reconciliation.formats.statement_file import StatementFile
from tests.support.tcvn3 import as_latin
from tests.support.workbooks import TREASURY, Cell, part_of, treasury, with_part, workbook

ON = date(2026, 11, 2)
SHEET = "xl/worksheets/sheet1.xml"
TEXTS = "xl/sharedStrings.xml"
GOOD: list[Cell] = ["02/11/2026", "FT26306001", "NOP PHI", "", 50_000]


def at(*parts: int) -> datetime:
    """A day of a spreadsheet, which knows no zones."""
    return datetime(*(*parts, 0, 0, 0, 0)[:7])  # type: ignore[arg-type]  # noqa: DTZ001


def read(content: bytes, mapping: str = "kbnn-so-phu", *, forced: bool = False) -> StatementFile:
    task = ReadingTask(mapping, ON, forced=forced, limits=Limits(rows=50))
    return read_statement(content, task)


def faults(content: bytes, mapping: str = "kbnn-so-phu") -> list[tuple[str, str]]:
    with pytest.raises(StatementRefused) as refused:
        read(content, mapping)
    return [(fault.field, fault.code) for fault in refused.value.errors]


def line(**other: Cell) -> list[Cell]:
    cells: dict[str, Cell] = dict(
        zip(("day", "ref", "words", "debit", "credit"), GOOD, strict=True)
    )
    return list((cells | other).values())


def agribank(**other: Cell) -> bytes:
    cells: dict[str, Cell] = {
        "TRBRCD": "1500", "USERID": "U1", "JOURSEQ": 1, "DYTRSEQ": 1.5, "LOCAC": "101",
        "BUSCD": True, "CCY": "VND", "UNIT": "U", "TRCD": "T", "CUSTOMER": None, "TRTP": "TP",
        "REFERENCE": "FT01", "REMARK": "NOP PHI", "DRAMOUNT": 0, "CRAMOUNT": 11_000,
        "CRTDTM": at(2026, 11, 2, 8, 0), "TRDATE": 20_261_102,
    }  # fmt: skip
    cells |= other
    return workbook([list(cells), list(cells.values())])


def test_the_same_rows_as_from_csv() -> None:
    rows = read(
        workbook(
            [
                ["Kho bạc Nhà nước khu vực I"],
                ["Tài khoản: 3511.0.1054321"],
                [],
                TREASURY,
                ["Số dư đầu kỳ", None, None, None, None, 1_000_000],
                ["02/11/2026", "FT1", "NOP PHI", None, "50.000", 1_050_000],
                ["02/11/2026", "FT2", "QUET", 250_000, 0, "800.000"],
                ["Cộng phát sinh", None, None, 250_000, 50_000],
                ["Số giao dịch", 2],
                [None, None, "Người lập"],
            ]
        )
    )
    assert [(one.line_no, one.amount, one.direction, one.balance) for one in rows.rows] == [
        (6, 50_000, "credit", 1_050_000),
        (7, 250_000, "debit", 800_000),
    ]
    assert rows.accounts == ("351101054321",)
    assert (rows.balances.opening, rows.gaps, rows.has_totals) == (1_000_000, (), True)
    assert rows.skipped == {"balance": 1}


@pytest.mark.parametrize(
    ("cell", "moment"),
    [
        (at(2026, 11, 2), "2026-11-02T00:00:00"),
        (date(2026, 11, 2), "2026-11-02T00:00:00"),
        (at(2026, 11, 2, 8, 15, 30), "2026-11-02T08:15:30"),
        (at(2026, 11, 2, 8, 14, 59, 999_700), "2026-11-02T08:15:00"),
        ("02/11/2026 08:15:30", "2026-11-02T08:15:30"),
    ],
)
def test_a_day_is_what_its_cell_shows(cell: Cell, moment: str) -> None:
    (row,) = read(treasury(line(day=cell))).rows
    assert row.booked_at == datetime.fromisoformat(moment).replace(tzinfo=VIETNAM)


@pytest.mark.parametrize("cell", [46_328, 46_328.5, "2026-11-02", True, None, at(2026, 11, 5)])
def test_a_number_that_is_not_shown_as_a_day_is_none(cell: Cell) -> None:
    [(field, code)] = faults(treasury(line(day=cell)))
    assert field == "row 2, column Ngày hạch toán"
    assert code in ("time", "future")


def test_days_of_two_kinds_may_be_months_and_are_refused() -> None:
    both = treasury(line(day=at(2026, 2, 11)), line(day="25/10/2026"))
    assert faults(both) == [("row 2, column Ngày hạch toán", "mixed_dates")]
    assert len(read(treasury(line(day=at(2026, 2, 11)), line(day=at(2026, 10, 25)))).rows)


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        *((50_000.5, "amount"), (1.234, "amount"), (1e20, "amount"), (True, "amount")),
        *((at(2026, 5, 1), "amount"), ("5e4", "amount"), ("12..34", "amount")),
        ("1,5", "amount"),
    ],
)
def test_an_amount_that_a_spreadsheet_has_changed_is_refused(cell: Cell, code: str) -> None:
    assert faults(treasury(line(credit=cell)))[0] == ("row 2, column Phát sinh có", code)


def test_thousands_that_were_lost_are_refused_until_two_people_say_otherwise() -> None:
    content = treasury(line(credit=20), line(credit=35))
    assert {code for _, code in faults(content)} == {"lost_thousands"}
    assert [row.amount for row in read(content, forced=True).rows] == [20, 35]


@pytest.mark.parametrize("cell", [12_345, 12_345.0, 5.26e15, 1.5, "5.26E+15"])
def test_a_reference_that_is_a_number_has_perhaps_lost_digits(cell: Cell) -> None:
    assert faults(treasury(line(ref=cell))) == [("row 2, column Số tham chiếu", "mangled")]
    assert read(treasury(line(ref="0012345"))).rows[0].bank_ref == "0012345"


@pytest.mark.parametrize("cell", [0.5, 1e18, at(2026, 11, 2)])
def test_words_that_a_spreadsheet_has_changed_are_refused(cell: Cell) -> None:
    assert faults(treasury(line(words=cell))) == [("row 2, column Nội dung", "mangled")]
    assert read(treasury(line(words=20_261_102))).rows[0].narrative == "20261102"


@pytest.mark.parametrize("said", ["_x0000_", "_x0001_", "_x000B_", "_x001F_", "&#x1;", "\x7f"])
@pytest.mark.parametrize(("within", "column"), [("FT1", "Số tham chiếu"), ("NOP", "Nội dung")])
def test_a_control_character_is_refused_as_in_any_text(said: str, within: str, column: str) -> None:
    """A spreadsheet writes it by its number; no database keeps the first of these in a text."""
    good = treasury(["02/11/2026", "FT1", "NOP PHI", "", 50_000])
    texts = part_of(good, TEXTS).replace(within.encode(), f"{within}{said}".encode())
    assert faults(with_part(good, TEXTS, texts)) == [(f"row 2, column {column}", "control")]


def test_tones_that_are_marks_of_their_own_are_joined_to_their_letters() -> None:
    whole = treasury(["02/11/2026", "FT1", "NỘP PHÍ", "", 50_000])
    apart = part_of(whole, TEXTS).decode()
    content = with_part(whole, TEXTS, unicodedata.normalize("NFD", apart).encode())
    assert read(content).rows == read(whole).rows
    assert read(content).rows[0].narrative == "NỘP PHÍ"


@pytest.mark.parametrize("name", [SHEET, TEXTS, "xl/workbook.xml", "xl/styles.xml"])
def test_a_document_type_in_any_part_is_refused(name: str) -> None:
    good = treasury(line())
    head, _, rest = part_of(good, name).partition(b"?>")
    typed = head + b'?><!DOCTYPE a [<!ENTITY x "50000">]>' + rest
    assert faults(with_part(good, name, typed)) == [("file", "doctype")]


def test_what_nobody_reads_may_hold_anything() -> None:
    (row,) = read(agribank(), "agribank-gl02").rows
    assert (row.amount, row.direction, row.booked_at.date()) == (11_000, "credit", ON)
    assert faults(agribank(CCY="USD"), "agribank-gl02") == [("row 2, column CCY", "value")]


def test_a_calculated_cell_is_refused_wherever_it_stands() -> None:
    assert faults(treasury(line(credit=("=25000*2", 50_000)))) == [
        ("row 2, column Phát sinh có", "formula")
    ]
    total: list[Sequence[Cell]] = [
        TREASURY,
        line(),
        ["Cộng phát sinh", "", "", 0, ("=SUM(E2:E2)", 50_000)],
        ["Số giao dịch", 1],
    ]
    assert faults(workbook(total))[0][1] == "formula"


def test_what_is_hidden_is_read_and_told() -> None:
    found = read(treasury(line(), line(ref="FT2"), hidden_rows=[3]))
    assert len(found.rows) == 2
    assert found.notes == ("1 dòng đang ẩn trong tệp, vẫn được đọc: 3.",)
    column = with_part(
        treasury(line()),
        SHEET,
        part_of(treasury(line()), SHEET).replace(
            b"<sheetData>", b'<cols><col min="3" max="3" width="9" hidden="1"/></cols><sheetData>'
        ),
    )
    assert read(column).notes == ("Cột đang ẩn trong tệp, vẫn được đọc: Nội dung.",)


def test_the_one_sheet_with_the_columns_is_the_statement() -> None:
    rows: Sequence[Sequence[Cell]] = [
        [*TREASURY],
        line(),
        ["Cộng phát sinh", "", "", 0, 50_000],
        ["Số giao dịch", 1],
    ]
    assert len(read(workbook([["Hướng dẫn"]], rows)).rows) == 1
    assert faults(workbook(rows, rows)) == [("file", "several_sheets")]
    assert {code for _, code in faults(workbook([["Hướng dẫn"]]))} == {"missing_column"}


def test_letters_of_tcvn3_are_known_by_the_heading() -> None:
    words = [as_latin(name) for name in TREASURY]
    cells: list[Cell] = ["02/11/2026", "FT1", as_latin("nộp lệ phí"), "", 50_000]
    sums: list[list[Cell]] = [
        [as_latin("Cộng phát sinh"), "", "", 0, 50_000],
        [as_latin("Số giao dịch"), 1],
    ]
    assert words[0] == "Ngµy h¹ch to¸n"
    assert read(workbook([words, cells, *sums])).rows[0].narrative == "nộp lệ phí"


def test_a_sheet_without_its_sums_was_cut() -> None:
    assert {code for _, code in faults(workbook([TREASURY, line()]))} == {"cut"}


def test_what_unfolds_too_far_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    good = treasury(line())
    bomb = with_part(good, SHEET, part_of(good, SHEET) + b"<!--" + b" " * (20 * 2**20) + b"-->")
    assert len(bomb) < 2**16
    assert faults(bomb) == [("file", "too_large")]
    far = part_of(good, SHEET).replace(
        b"</sheetData>", b'<row r="1048576"><c r="A1048576"/></row></sheetData>'
    )
    assert faults(with_part(good, SHEET, far)) == [("file", "too_large")]
    unplaced = (
        b"<row>" + b"<c><v>1</v></c>" * 3_000 + b'</row><row r="100000"><c r="A100000"/></row>'
    )
    hidden = part_of(good, SHEET).replace(b"</sheetData>", unplaced + b"</sheetData>")
    assert faults(with_part(good, SHEET, hidden)) == [("file", "too_large")]
    large = part_of(good, SHEET).replace(
        b"</sheetData>", b'<row r="150000"><c r="CA150000"/></row></sheetData>'
    )
    assert faults(with_part(good, SHEET, large)) == [("file", "too_large")]
    wide = part_of(good, SHEET).replace(
        b"</sheetData>", b'<row r="9"><c r="XFD9"/></row></sheetData>'
    )
    assert faults(with_part(good, SHEET, wide)) == [("file", "too_large")]
    called = False

    def reader(*_: object) -> None:
        nonlocal called
        called = True

    monkeypatch.setattr(xlsx_statement, "CalamineWorkbook", reader)
    assert faults(bomb) == [("file", "too_large")]
    assert not called


def test_one_part_is_not_two_sheets() -> None:
    good = treasury(line())
    book, once = part_of(good, "xl/workbook.xml"), b'<sheet name="Sheet1" sheetId="1" r:id="rId1"/>'
    assert once in book
    twice = book.replace(once, once + once.replace(b"Sheet1", b"Sheet2"))
    assert faults(with_part(good, "xl/workbook.xml", twice)) == [("file", "not_a_workbook")]


def test_cells_that_do_not_say_where_they_stand_are_read() -> None:
    good = treasury(line())
    part = re.sub(rb'(<(?:c|row)) r="[A-Z0-9]+"', rb"\1", part_of(good, SHEET))
    assert b' r="' not in part
    assert len(read(with_part(good, SHEET, part)).rows) == 1


def test_more_rows_than_are_taken_are_refused() -> None:
    assert faults(treasury(*(line() for _ in range(51))))[0][1] == "too_many_rows"


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04rest", b"PK\x03\x04" + bytes(100), treasury(line())[:-50]]
)
def test_a_broken_archive_is_refused(content: bytes) -> None:
    assert faults(content) == [("file", "not_a_workbook")]


def test_an_old_workbook_is_refused_with_what_to_do() -> None:
    assert faults(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") == [("file", "encoding")]
