"""A look into a file before it is taken in: what is proposed or refused, what it would say."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from core import json
from reconciliation.formats.layouts import BadLayout, layout_json, read_layout
from reconciliation.formats.mappings import UnknownMapping, get_mapping, list_mappings
from reconciliation.formats.preview import StatementPreview, preview
from reconciliation.formats.reading_task import ReadingTask
from tests.support.camt import document, entry, statement
from tests.support.swift import line, message
from tests.support.tcvn3 import as_bytes
from tests.support.workbooks import Cell, treasury, workbook
from tests.unit.test_statement_csv import golden

ON = date(2026, 11, 2)
#: A bank of which nobody has written a mapping.
UNKNOWN = """NGÂN HÀNG THỬ NGHIỆM;;;;
Tài khoản: 0011004567890;;;;
Ngày giao dịch;Ngày hạch toán;Số bút toán;Diễn giải;Ghi nợ;Ghi có;Số dư
01/11/2026 08:00;02/11/2026 08:15;FT001;NOP PHI;;1.250.000;1.250.000
01/11/2026 09:00;02/11/2026 09:40;FT002;QUET;250.000;;1.000.000
Tổng cộng;;;;250.000;1.250.000;
"""


def look(content: bytes | str, mapping: str = "", layout: str = "") -> StatementPreview:
    sent = content.encode() if isinstance(content, str) else content
    return preview(sent, ReadingTask(mapping, ON), layout)


def lines(shown: StatementPreview) -> list[tuple[str, int, str]]:
    return [(row.direction, row.amount, row.bank_ref) for row in shown.lines]


@pytest.mark.parametrize("mapping", list_mappings(), ids=lambda mapping: mapping.code)
def test_a_file_of_a_mapping_of_ours_is_known_by_its_columns(mapping: Any) -> None:
    shown = look(golden(mapping.code))
    assert (shown.mapping, shown.is_proposed, shown.faults) == (mapping.code, True, ())
    assert len(shown.lines) >= 3
    assert shown.header_row is not None
    named = look(golden(mapping.code), mapping.code)
    assert (named.lines, named.is_proposed) == (shown.lines, False)


def test_of_an_unknown_bank_a_layout_is_proposed_with_rows_and_sums() -> None:
    shown = look(UNKNOWN)
    assert (shown.format, shown.encoding, shown.delimiter, shown.header_row) == (
        *("csv", "utf-8", ";"),
        3,
    )
    assert lines(shown) == [("credit", 1_250_000, "FT001"), ("debit", 250_000, "FT002")]
    assert shown.lines[0].booked_at.date() == ON, "the day of booking, not of the order"
    assert shown.lines[0].balance == 1_250_000
    assert shown.file is not None
    assert shown.file.accounts == ("0011004567890",)
    assert shown.file.has_totals
    assert shown.raw_rows[0] == (1, ["NGÂN HÀNG THỬ NGHIỆM", "", "", "", ""])


def test_what_was_proposed_can_be_changed_and_tried_again() -> None:
    proposed = look(UNKNOWN).layout
    assert proposed is not None
    columns = {**proposed["columns"], "booked_at": "Ngày giao dịch"}
    written = json.dumps({**proposed, "code": "own", "columns": columns}).decode()
    shown = look(UNKNOWN, layout=written)
    assert (shown.mapping, shown.is_proposed) == ("own", False)
    assert shown.lines[0].booked_at.date() == date(2026, 11, 1)
    assert shown.layout == layout_json(read_layout(written))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            'Ngày,Nội dung,Số tiền\n02/11/2026,A,"1,000"\n02/11/2026,B,"-2,000"\n',
            [("credit", 1_000), ("debit", 2_000)],
        ),
        (
            "Ngày\tNội dung\tSố tiền\tLoại\n02-11-2026\tA\t1.000\tC\n02-11-2026\tB\t2.000\tD\n",
            [("credit", 1_000), ("debit", 2_000)],
        ),
        (
            "Date|Description|Debit|Credit\n2026-11-02|A||1000.00\n2026-11-02|B|2000.00|\n",
            [("credit", 1_000), ("debit", 2_000)],
        ),
        ("Ngày;Nội dung;Nợ;Có\n20261102;A;;1000000\n", [("credit", 1_000_000)]),
    ],
)
def test_amounts_days_and_sides_are_proposed_as_they_stand(
    text: str, found: list[tuple[str, int]]
) -> None:
    shown = look(text)
    assert shown.faults == ()
    assert [(row.direction, row.amount) for row in shown.lines] == found


def test_a_column_of_accounts_holds_no_amounts() -> None:
    """Agribank's OSB report names the accounts of both sides; its one amount tells no side."""
    shown = look(
        "STT,Kênh,Mã giao dịch,TK ghi nợ,TK ghi có,Tài khoản chuyên thu,Tiền tệ,Số tiền,"
        "Ngày giao dịch,Ngày hạch toán,Nội dung\n"
        "1,MB,G1,1500201001234,1500201009999,1500201009999,VND,100.000,01/11/2026,02/11/2026,A\n"
    )
    assert shown.layout is not None
    assert (shown.layout["amount"]["kind"], shown.layout["amount"]["column"]) == (
        "signed",
        "Số tiền",
    )
    assert lines(shown) == [("credit", 100_000, "G1")]


@pytest.mark.parametrize(
    ("text", "found", "day"),
    [
        (
            "Ngày hiệu lực;Ngày giao dịch;Số giao dịch;Diễn giải;Tiền rút ra;Tiền gửi vào;Số dư\n"
            "01/11/2026;02/11/2026;123;A;;5.000;105.000\n",
            ("credit", 5_000, "123"),
            ON,
        ),
        (
            "Ngày phát sinh;Mô tả;Số tiền phát sinh Nợ - Debit Amount;Số tiền phát sinh Có - Credit"
            " Amount;Số dư - Account balance;Số giao dịch - Transaction number\n"
            "02-11-2026 08:00:00;A;5,000;;100,000;T7\n",
            ("debit", 5_000, "T7"),
            ON,
        ),
        (
            "Value date,Transaction date,Description,Withdrawal,Deposit,Reference\n"
            "2026-11-01,2026-11-02,A,,5000,R1\n",
            ("credit", 5_000, "R1"),
            ON,
        ),
    ],
)
def test_headings_as_banks_write_them_are_known(
    text: str, found: tuple[str, int, str], day: date
) -> None:
    shown = look(text)
    assert (lines(shown), shown.faults) == ([found], ())
    assert shown.lines[0].booked_at.date() == day, "the day of value is no day of booking"


def test_a_workbook_and_a_format_of_its_own_are_shown_too() -> None:
    book = look(treasury(["02/11/2026", "FT1", "NOP PHI", "", 50_000]))
    assert (book.format, book.mapping, len(book.lines)) == ("xlsx", "kbnn-so-phu", 1)
    unknown: list[list[Cell]] = [["Ngày", "Nội dung", "Số tiền"], ["02/11/2026", "A", 5_000]]
    assert lines(look(workbook(unknown))) == [("credit", 5_000, "")]
    swift = look(message(line("C5000,"), closing=1_005_000), "mt940")
    assert (swift.format, lines(swift)) == ("mt940", [("credit", 5_000, "FT26306001")])
    assert swift.layout is None


def test_an_encoding_is_known_by_the_heading_of_an_unknown_bank_too() -> None:
    shown = look(as_bytes(UNKNOWN))
    assert (shown.encoding, len(shown.lines)) == ("tcvn3", 2)


def test_faults_are_shown_and_no_line_is() -> None:
    shown = look(UNKNOWN.replace("1.250.000;1", "12..34;1"))
    assert shown.lines == []
    assert shown.file is None
    assert [one.field for one in shown.faults] == ["row 4, column Ghi có"]
    assert shown.raw_rows
    assert [one.code for one in look("a;b\n1;2\n").faults] == ["no_heading"]
    assert [one.code for one in look("n\xe9p\n".encode("latin-1")).faults] == ["encoding"]
    assert [one.code for one in look("<a/>", "camt").faults] == ["not_camt"]
    with pytest.raises(UnknownMapping):
        look(UNKNOWN, "no-such")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"columns": {"booked_at": "Ngày"}}, "layout.columns"),
        ({"columns": {"booked_at": "Ngày", "narrative": "Ngày"}}, "layout.columns"),
        ({"columns": {"booked_at": "Ngày", "narrative": "B", "payer": "C"}}, "layout.columns"),
        ({"columns": {"booked_at": "Ngày", "narrative": " "}}, "layout.columns"),
        ({"times": ["%d/%m/%Y %Z"]}, "layout.times"),
        ({"times": ["%d%%%m"]}, "layout.times"),
        ({"times": []}, "layout.times"),
        ({"delimiters": ["ab"]}, "layout.delimiters"),
        ({"header_within": 10**6}, "layout.header_within"),
        ({"skip": [""]}, "layout.skip"),
        ({"times": ["%d"] * 11}, "layout.times"),
        ({"skip": ["a"] * 21}, "layout.skip"),
        ({"present": [f"c{number}" for number in range(60)]}, "layout.columns"),
        ({"amount": {"kind": "sides", "credit_column": "Có"}}, "layout.amount.debit_column"),
        ({"amount": {"kind": "signed", "column": "A", "style": {"decimals": 99}}},
         "layout.amount.style.decimals"),
        ({"amount": {"kind": "none"}}, "layout.amount.kind"),
        ({"nonsense": 1}, "layout.nonsense"),
        ({"valid_from": "never"}, "layout.valid_from"),
    ],
)  # fmt: skip
def test_a_layout_that_says_what_it_must_not_is_refused(change: dict[str, Any], place: str) -> None:
    good = layout_json(get_mapping("kbnn-so-phu", ON))
    assert read_layout(json.dumps(good).decode()) == get_mapping("kbnn-so-phu", ON)
    with pytest.raises(BadLayout) as refused:
        read_layout(json.dumps({**good, **change}).decode())
    assert place in [one.field for one in refused.value.errors]


@pytest.mark.parametrize("text", ["", "[]", "{", "x" * 20_001, '"a"'])
def test_what_is_no_layout_is_refused(text: str) -> None:
    with pytest.raises(BadLayout):
        read_layout(text)


def test_every_mapping_of_ours_could_be_written_down() -> None:
    for mapping in list_mappings():
        assert read_layout(json.dumps(layout_json(mapping)).decode()) == replace(mapping)


def test_a_file_that_says_itself_what_it_is_needs_no_name() -> None:
    swift = look(message(line("C5000,"), closing=1_005_000))
    assert (swift.format, swift.mapping) == ("mt940", "mt940")
    assert lines(swift) == [("credit", 5_000, "FT26306001")]
    assert swift.faults == ()
    iso = look("\ufeff" + document(statement(entry("5000"))))
    assert (iso.format, iso.mapping, len(iso.lines)) == ("camt", "camt", 1)
    assert [one.code for one in look("<?xml version='1.0'?><a/>").faults] == ["not_camt"]
    assert [one.code for one in look("<table><tr><td>1</table>").faults] == ["not_a_table"]


def test_columns_that_hold_the_marks_of_other_formats_are_columns() -> None:
    told = look(UNKNOWN.replace("NOP PHI", "<a> :20: :25:"))
    assert (told.format, told.is_proposed) == ("csv", True)
