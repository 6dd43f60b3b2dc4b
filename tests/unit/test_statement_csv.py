"""Statements in CSV: each layout by its own grammar, every bad cell named, nothing half taken."""

import io
import unicodedata
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import VIETNAM
from core.references import find_references
from reconciliation.formats import headers
from reconciliation.formats.cells import CellRefused, NumberStyle, read_time
from reconciliation.formats.csv_statement import read, read_by, read_day_file
from reconciliation.formats.decoding import decode
from reconciliation.formats.limits import Limits
from reconciliation.formats.mappings import (
    UnknownMapping,
    get_mapping,
    list_mappings,
    read_mappings,
)
from reconciliation.formats.rows import FAULTS_LISTED, StatementRefused, StatementRow

FOLDER = Path(__file__).parents[1] / "golden" / "statements"
ON = date(2026, 11, 2)
ONE = "LPAAAAAAAAABFE"


def golden(code: str) -> bytes:
    return (FOLDER / f"{code}.csv").read_bytes()


def faults(content: bytes | str, code: str) -> list[tuple[str, str]]:
    if isinstance(content, str):
        content = content.encode()
    with pytest.raises(StatementRefused) as refused:
        read(content, code, ON)
    return [(fault.field, fault.code) for fault in refused.value.errors]


def basic(*rows: str) -> str:
    header = "line_id,booked_at,amount,direction,reference,narrative,bank_ref"
    return "\n".join([header, *rows]) + "\n"


def basic_row(number: int, **other: str) -> str:
    cells = {
        "line_id": f"S{number}",
        "booked_at": "2026-11-02T08:00:00+07:00",
        "amount": "5000",
        "direction": "credit",
        "reference": "",
        "narrative": "NOP",
        "bank_ref": "FT1",
    }
    return ",".join((cells | other).values())


@pytest.mark.parametrize("mapping", list_mappings(), ids=lambda mapping: mapping.code)
def test_every_layout_has_a_statement_that_it_reads(mapping: object) -> None:
    code = getattr(mapping, "code")  # noqa: B009 - parametrized values come in as objects

    rows = read(golden(code), code, ON)

    assert len(rows) >= 3
    assert {row.direction for row in rows} == {"credit", "debit"}
    assert all(row.booked_at.astimezone(VIETNAM).date() == ON for row in rows)


def test_the_basic_layout_is_that_of_reconcile_files() -> None:
    first, second, third = read(golden("lephi-basic"), "lephi-basic", ON)

    assert first == StatementRow(
        line_no=2,
        booked_at=datetime(2026, 11, 2, 1, 1, tzinfo=UTC),
        amount=5_000,
        direction="credit",
        reference=ONE,
        narrative="NOP LE PHI",
        bank_ref="FT26306001",
    )
    assert second.reference is None
    assert find_references(second.narrative) == ["LPAAAAAAAAACR6"]
    assert (third.amount, third.direction) == (25_000, "debit")


def test_the_treasury_layout_reads_both_sides_and_a_correction() -> None:
    rows = read(golden("kbnn-so-phu"), "kbnn-so-phu", ON)

    assert [(row.amount, row.direction, row.balance) for row in rows] == [
        (50_000, "credit", 1_050_000),
        (1_250_000, "credit", 2_300_000),
        (50_000, "credit", 2_350_000),
        (50_000, "debit", 2_300_000),
        (1_300_000, "debit", 1_000_000),
    ]
    assert [row.line_no for row in rows] == [7, 8, 9, 10, 11]
    assert rows[0].narrative == f"Nộp lệ phí {ONE}"
    assert rows[2].bank_ref == rows[3].bank_ref == "KB260003"


def test_a_cancel_pair_of_one_id_stays_two_lines() -> None:
    rows = read(golden("agribank-gl02"), "agribank-gl02", ON)

    pair = [(row.amount, row.direction) for row in rows if row.bank_ref == "2000FT0002"]
    assert pair == [(50_000, "credit"), (50_000, "debit")]


def test_a_signed_amount_tells_its_side() -> None:
    rows = read(golden("ebank-signed"), "ebank-signed", ON)

    assert [(row.amount, row.direction) for row in rows] == [
        (1_000_000, "credit"),
        (1_000_000, "debit"),
        (5_000, "credit"),
    ]


@pytest.mark.parametrize(
    ("style", "cell", "amount"),
    [
        (NumberStyle("."), "1.000.000", 1_000_000),
        (NumberStyle(","), "1,000,000", 1_000_000),
        (NumberStyle(".", suffixes=("đ", "VND")), "1000000đ", 1_000_000),
        (NumberStyle(".", suffixes=("đ", "VND")), "1.000.000 vnd", 1_000_000),
        (NumberStyle(",", decimals=2), "1,000,000.00", 1_000_000),
        (NumberStyle(".", decimals=2), "-1.000,00", -1_000),
        (NumberStyle(","), " \N{MINUS SIGN}5,000 ", -5_000),
        (NumberStyle(), "10000000000000", 10**13),
        (NumberStyle("."), "0", 0),
    ],
)
def test_amounts_are_read_by_the_grammar_of_their_layout(
    style: NumberStyle, cell: str, amount: int
) -> None:
    assert style.read(cell) == amount


@pytest.mark.parametrize(
    ("style", "cells"),
    [
        (
            NumberStyle("."),
            ["1,000,000", "1.00", "1.0000", "1..000", ".000", "1.000,5", "1E+06", "1e3", "", "-"],
        ),
        (NumberStyle(","), ["1.000.000", "1,00", "0,500", "1,000.00", "1 000", "đ", "5000đ"]),
        (NumberStyle(), ["1.000", "1,000", "1000.0", "05", "0x10", "nan", "٥", "10000000000001"]),
        (NumberStyle(",", decimals=2), ["1,000.50", "1,000.0", "1,000.000", "100,00"]),
    ],
)
def test_an_amount_of_another_grammar_is_refused_and_never_zero(
    style: NumberStyle, cells: list[str]
) -> None:
    for cell in cells:
        with pytest.raises(CellRefused):
            style.read(cell)


@given(
    st.integers(-(10**13), 10**13),
    st.sampled_from([NumberStyle("."), NumberStyle(","), NumberStyle(), NumberStyle(",", 2)]),
)
def test_what_a_bank_writes_in_its_style_comes_back(amount: int, style: NumberStyle) -> None:
    written = f"{amount:,}".replace(",", style.thousands)
    fraction = ".00" if style.decimals else ""

    assert style.read(written + fraction) == amount


def test_times_without_an_offset_are_vietnamese() -> None:
    formats = ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y")

    assert read_time("02/11/2026 15:59:59", formats).astimezone(UTC) == datetime(
        2026, 11, 2, 8, 59, 59, tzinfo=UTC
    )
    assert read_time("02/11/2026", formats).utcoffset() == timedelta(hours=7)


@pytest.mark.parametrize(
    "cell", ["31/02/2026", "11/22/2026", "2026-11-02", "02/11/26", "02/11/1026", "46328", "", "x"]
)
def test_a_day_of_another_shape_is_refused(cell: str) -> None:
    with pytest.raises(CellRefused, match="dd/mm/yyyy"):
        read_time(cell, ("%d/%m/%Y",))


@pytest.mark.parametrize("cell", ["2026-11-02T08:00:00", "2026-11-02", "20261102T080000+0700"])
def test_iso_times_need_an_offset(cell: str) -> None:
    with pytest.raises(CellRefused):
        read_time(cell, ("iso",))


def test_every_bad_cell_is_named_with_row_and_column() -> None:
    text = basic(
        basic_row(1),
        basic_row(2, amount="1E+06"),
        basic_row(3, booked_at="02/11/2026", amount=""),
        basic_row(4, direction="C"),
        basic_row(5, amount="-5000"),
        basic_row(1),
        basic_row(7, amount="0"),
        basic_row(8, line_id=""),
    )

    assert faults(text, "lephi-basic") == [
        ("row 3, column amount", "amount"),
        ("row 4, column booked_at", "time"),
        ("row 4, column amount", "amount"),
        ("row 5, column direction", "direction"),
        ("row 6, column amount", "amount"),
        ("row 7, column line_id", "duplicate"),
        ("row 8, column amount", "amount"),
        ("row 9, column line_id", "empty"),
    ]


def test_reasons_are_for_a_vietnamese_clerk() -> None:
    with pytest.raises(StatementRefused) as refused:
        read(basic(basic_row(1, amount="1.000")).encode(), "lephi-basic", ON)

    assert "không phải số tiền" in refused.value.errors[0].detail
    assert refused.value.status == 422


def test_a_file_full_of_faults_lists_some_and_counts_the_rest() -> None:
    text = basic(*(basic_row(n, amount="x") for n in range(FAULTS_LISTED + 5)))

    with pytest.raises(StatementRefused) as refused:
        read(text.encode(), "lephi-basic", ON)

    assert len(refused.value.errors) == FAULTS_LISTED + 1
    assert "5" in refused.value.errors[-1].detail
    assert str(FAULTS_LISTED + 5) in refused.value.detail


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("0,100.000", "100.000,100.000", [("row 2, column CRAMOUNT", "amount")]),
        ("0,100.000", ",", [("row 2, column CRAMOUNT", "amount")]),
        ("0,100.000", '0,"100,000"', [("row 2, column CRAMOUNT", "amount")]),
        ("0,100.000", "0,100.00", [("row 2, column CRAMOUNT", "amount")]),
        ("421101,VND,GL,01,2001,,C,2000FT0001", "421101,USD,GL,01,2001,,C,2000FT0001",
         [("row 2, column CCY", "value")]),
        ("20261102,2000,API01,000101", "20261302,2000,API01,000101",
         [("row 2, column TRDATE", "time")]),
        (",CRTDTM", "", [("row 1, column CRTDTM", "missing_column")]),
        (",CUSTOMER", ",CCY", [("row 1, column CCY", "missing_column"),
                               ("row 1, column CUSTOMER", "missing_column")]),
    ],
)  # fmt: skip
def test_a_bank_file_with_one_thing_wrong_is_refused_there(
    old: str, new: str, expected: list[tuple[str, str]]
) -> None:
    text = golden("agribank-gl02").decode()
    assert old in text

    found = faults(text.replace(old, new, 1), "agribank-gl02")

    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (";;50.000;2.350.000", ";;60.000;2.350.000", ("row 12, column Phát sinh có", "total")),
        ("Số giao dịch;5", "Số giao dịch;6", ("row 13", "count")),
        ("Số giao dịch;5", "Số giao dịch;", ("row 13", "count")),
        ("Cộng phát sinh;;;;1.300.000;1.300.000;\n", "", ("file", "cut")),
        ("Số giao dịch;5;;;;;\n", "", ("file", "cut")),
        (";Kế toán trưởng;", "6;02/11/2026;K;x;;5.000;;", ("row 14", "after_trailer")),
        (";;50.000;2.350.000", ";;50.000;x", ("row 9, column Số dư", "amount")),
        (";;50.000;2.350.000", ";;50.000;2.350.000;thừa", ("row 9", "width")),
        (";;50.000;2.350.000", ";;50.000", ("row 9", "width")),
    ],
)
def test_totals_counts_and_cut_files_are_noticed(
    old: str, new: str, expected: tuple[str, str]
) -> None:
    text = golden("kbnn-so-phu").decode()
    assert old in text

    assert faults(text.replace(old, new, 1), "kbnn-so-phu") == [expected]


def test_a_header_that_is_not_there_names_what_is_missing() -> None:
    text = golden("kbnn-so-phu").decode().replace("Nội dung", "Diễn giải", 1)

    assert faults(text, "kbnn-so-phu") == [("row 5, column Nội dung", "missing_column")]


def test_a_quotation_mark_that_is_not_closed_is_refused() -> None:
    text = basic(basic_row(1), basic_row(2, narrative='"NOP'), basic_row(3))

    assert faults(text, "lephi-basic")[-1] == ("row 3", "csv")


def test_a_statement_without_lines_is_empty() -> None:
    assert read(basic().encode(), "lephi-basic", ON) == []
    # It may have been cut behind its heading, so it says so.
    found = read_day_file(basic().encode(), "lephi-basic", ON)
    assert (found.rows, found.notes) == ([], ("Tệp không có dòng giao dịch nào.",))
    assert faults("", "lephi-basic")[0] == ("file", "empty")


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode(),
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.encode("utf-16"),
        lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
        lambda text: unicodedata.normalize("NFD", text).encode(),
        lambda text: as_windows(text),
        lambda text: text.replace("\n", "\r\n").encode(),
    ],
    ids=["utf-8", "bom", "utf-16-le", "utf-16-be", "nfd", "cp1258", "crlf"],
)
def test_every_encoding_gives_the_same_rows(encode: object) -> None:
    text = golden("kbnn-so-phu").decode()
    assert callable(encode)

    rows = read(encode(text), "kbnn-so-phu", ON)

    assert rows == read(text.encode(), "kbnn-so-phu", ON)


def as_windows(text: str) -> bytes:
    """Text in code page 1258, which has base letters and combining tones."""
    tones = "\u0300\u0301\u0303\u0309\u0323"
    written = b""
    for letter in text:
        try:
            written += letter.encode("cp1258")
        except UnicodeEncodeError:
            parts = unicodedata.normalize("NFD", letter)
            tone = "".join(mark for mark in parts if mark in tones)
            base = unicodedata.normalize("NFC", "".join(m for m in parts if m not in tones))
            written += (base + tone).encode("cp1258")
    return written


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04rest of a workbook",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        basic(basic_row(1)).encode("utf-16-le"),
        b"\xff\xfea",
        basic(basic_row(1, narrative="\x00")).encode(),
        b"\x8a\x8d not in any code page of ours",
    ],
)
def test_what_is_not_text_we_know_is_refused(content: bytes) -> None:
    assert faults(content, "lephi-basic") == [("file", "encoding")]


def test_decoding_gives_one_form_of_each_letter() -> None:
    assert decode("Lệ phí".encode()) == decode(unicodedata.normalize("NFD", "Lệ phí").encode())


def test_limits_are_kept() -> None:
    text = basic(basic_row(1), basic_row(2, narrative="x" * 50)).encode()
    mapping = get_mapping("lephi-basic", ON)
    for limits, code in (
        (Limits(size=10), "too_large"),
        (Limits(rows=1), "too_many_rows"),
        (Limits(cell=40), "too_long"),
    ):
        with pytest.raises(StatementRefused) as refused:
            read_by(text, mapping, limits=limits)
        assert refused.value.errors[-1].code == code


def test_layouts_are_dated() -> None:
    mapping = get_mapping("lephi-basic", ON)
    later = replace(mapping, valid_from=date(2027, 1, 1))
    earlier = replace(mapping, valid_to=date(2026, 12, 31))

    assert [one.is_valid(date(2026, 12, 31)) for one in (earlier, later)] == [True, False]
    assert [one.is_valid(date(2027, 1, 1)) for one in (earlier, later)] == [False, True]


def test_an_unknown_layout_lists_the_known_ones() -> None:
    codes = sorted({one.code for one in list_mappings() if one.is_valid(ON)})
    assert {"agribank-gl02", "ebank-signed", "kbnn-so-phu"} <= set(codes)
    with pytest.raises(UnknownMapping, match=", ".join(codes)):
        get_mapping("no-such-bank", ON)
    with pytest.raises(UnknownMapping):
        get_mapping("lephi-basic", date(2019, 12, 31))


ENTRY = """
[[mapping]]
code = "a"
title = "A"
valid_from = 2026-01-01
times = ["iso"]
columns = { booked_at = "t", narrative = "n" }
amount = { kind = "signed", column = "s" }
"""


def test_layouts_that_overlap_or_are_misspelt_are_refused() -> None:
    assert len(read_mappings(ENTRY + ENTRY.replace('"a"', '"b"'))) == 2
    with pytest.raises(ValueError, match="two layouts a"):
        read_mappings(ENTRY + ENTRY.replace("2026-01-01", "2026-06-01"))
    with pytest.raises(ValueError, match="thousand"):
        read_mappings(ENTRY.replace('column = "s"', 'column = "s", thousand = "."'))
    ended = ENTRY.replace("times", "valid_to = 2026-05-31\ntimes")
    assert len(read_mappings(ended + ENTRY.replace("2026-01-01", "2026-06-01"))) == 2


@given(st.text(alphabet='a,"\r\n\x0b\u2028đ', max_size=30))
def test_lines_end_where_a_file_says_that_they_end(text: str) -> None:
    assert list(headers._lines_of(text)) == list(io.StringIO(text, newline=""))
