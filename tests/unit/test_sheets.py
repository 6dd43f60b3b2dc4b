"""Files of the catalogue that a clerk may send: what is understood, and how the rest is refused."""

import csv
import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from app.seed.catalogue import read_seed
from core.folding import caseless
from payments.catalogue.upkeep.sheets import archives, files
from payments.catalogue.upkeep.sheets.cells import (
    CellMisread,
    read_amount,
    read_codes,
    read_date,
    read_flag,
    read_percent,
    read_share,
    read_steps,
    read_text,
    read_whole,
)
from payments.catalogue.upkeep.sheets.columns import COLUMNS, GUIDE, TITLES, find_column
from payments.catalogue.upkeep.sheets.exports import write_csv, write_workbook
from payments.catalogue.upkeep.sheets.faults import MOST_FAULTS, FileRefused, SheetFault
from payments.catalogue.upkeep.sheets.files import read_file
from payments.catalogue.upkeep.sheets.intake import IntakeResult, take
from tests.support.catalogue_files import (
    FEE,
    HEADER,
    RELIEF,
    bomb,
    csv_of,
    fees_csv,
    fees_workbook,
    liar,
    sheet_with,
    workbook_with,
)

Reader = Callable[[Any], object]


def taken(content: bytes, table: str | None = None) -> IntakeResult:
    return take(read_file(content, table))


def only_fault(content: bytes, table: str | None = None) -> SheetFault:
    found = taken(content, table)
    (fault,) = found.faults
    return fault


def refused(content: bytes, table: str | None = None) -> str:
    with pytest.raises(FileRefused) as caught:
        taken(content, table)
    (fault,) = caught.value.faults
    assert fault.sheet == "file"
    return fault.code


@pytest.mark.parametrize(
    ("reader", "cell", "value"),
    [
        (read_whole, "2000", 2000),
        (read_whole, " 2.000 ", 2000),
        (read_whole, "1.234.567", 1_234_567),
        (read_whole, "2000.0", 2000),
        (read_whole, 2000.0, 2000),
        (read_whole, 0, 0),
        (read_amount, 0.0, 0),
        (read_amount, 1000.0, 1000),
        (read_amount, "500", 500),
        (read_amount, "2", 2),
        (read_amount, "2.000", 2000),
        (read_date, "01/03/2027", date(2027, 3, 1)),
        (read_date, "1/3/2027", date(2027, 3, 1)),
        (read_date, "2027-03-01", date(2027, 3, 1)),
        (read_date, date(2027, 3, 1), date(2027, 3, 1)),
        (read_date, datetime(2027, 3, 1), date(2027, 3, 1)),  # noqa: DTZ001  # as a file has it
        (read_flag, "Có", True),
        (read_flag, "KHÔNG", False),
        (read_flag, "true", True),
        (read_flag, False, False),
        (read_percent, "50", 50),
        (read_percent, "50 %", 50),
        (read_percent, "1", 1),
        (read_percent, 50.0, 50),
        (read_share, "0,15", "0.15"),
        (read_share, "0.15 %", "0.15"),
        (read_steps, "1: 2000; 3: 1.000;", [{"from": 1, "each": 2000}, {"from": 3, "each": 1000}]),
        (read_codes, "b; a", ["b", "a"]),
        (read_text, 2716.0, "2716"),
        (read_text, "  x  ", "x"),
    ],
)
def test_a_cell_is_understood(reader: Reader, cell: object, value: object) -> None:
    assert reader(cell) == value


@pytest.mark.parametrize(
    ("reader", "cell", "code"),
    [
        (read_whole, "1e3", "not_an_integer"),
        (read_whole, "2,000", "not_an_integer"),
        (read_whole, "2.00", "not_an_integer"),
        (read_whole, "2 000", "not_an_integer"),
        (read_whole, "0200", "not_an_integer"),
        (read_whole, "٢٠٠٠", "not_an_integer"),
        (read_whole, "2000 đ", "not_an_integer"),
        (read_whole, "=1+1", "not_an_integer"),
        (read_whole, "-5", "negative"),
        (read_whole, -5.0, "negative"),
        (read_whole, 2000.5, "not_an_integer"),
        (read_whole, float("nan"), "not_an_integer"),
        (read_whole, float("inf"), "not_an_integer"),
        (read_whole, True, "not_an_integer"),
        (read_whole, date(2027, 3, 1), "not_an_integer"),
        (read_whole, 1e15, "too_big"),
        (read_whole, "9" * 18, "too_big"),
        (read_amount, 2.0, "ambiguous"),  # was 2.000, where a point parts decimals
        (read_amount, 1, "ambiguous"),
        (read_amount, 999.0, "ambiguous"),
        (read_amount, 2.5, "not_an_integer"),  # was 2.500
        (read_date, "31/02/2027", "not_a_date"),
        (read_date, "03-01-2027", "not_a_date"),
        (read_date, "01/03/27", "not_a_date"),
        (read_date, 46447.0, "not_a_date"),
        (read_date, "01/03/0207", "out_of_range"),
        (read_date, datetime(2027, 3, 1, 7), "not_a_date"),  # noqa: DTZ001  # as a file has it
        (read_date, timedelta(1), "not_a_date"),
        (read_flag, "yes", "not_a_flag"),
        (read_flag, 1.0, "not_a_flag"),
        (read_percent, 1.0, "ambiguous"),  # what a spreadsheet makes of 100 %
        (read_percent, 0.5, "not_an_integer"),
        (read_share, 0.0015, "ambiguous"),
        (read_steps, "1: 2000, 3: 1000", "not_steps"),
        (read_steps, "2000", "not_steps"),
        (read_codes, "a; a", "doubled"),
        (read_text, 2.00091, "not_a_text"),  # was 2.000910
        (read_text, date(2027, 3, 1), "not_a_text"),
        (read_text, True, "not_a_text"),
    ],
)
def test_a_cell_that_could_mean_something_else_is_refused(
    reader: Reader, cell: object, code: str
) -> None:
    with pytest.raises(CellMisread) as caught:
        reader(cell)
    assert caught.value.code == code
    assert caught.value.detail.endswith(".")


def test_no_two_columns_of_a_table_can_be_confused() -> None:
    for table, columns in COLUMNS.items():
        names = [caseless(name) for column in columns for name in {column.key, column.title}]
        assert len(set(names)) == len(names), table
        assert [find_column(table, column.title) for column in columns] == list(columns)


def test_a_clerks_file_is_understood() -> None:
    (placed,) = taken(fees_csv({})).placed
    assert placed.row == 2
    assert placed.entry.model_dump(exclude_none=True) == {
        "code": "phi-moi",
        "procedure": "2.000815",
        "name_vi": "Phí mới",
        "name_en": "New fee",
        "unit_vi": "bản",
        "unit_en": "copy",
        "kind": "fixed",
        "rule": {"amount": 10_000},
        "charged": "choice",
        "sub_item": "2716",
        "nature": "charge",
        "refundable": "unknown",
        "basis": "226/2016/TT-BTC",
        "source": "Công báo",
        "certainty": "confirmed",
        "checked_on": date(2026, 11, 22),
        "valid_from": date(2027, 3, 1),
    }


@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_headings_may_be_titles_in_any_order(delimiter: str, mark: bytes) -> None:
    titles = {column.title: column.key for column in reversed(COLUMNS["fees"])}
    row = {title: FEE.get(key, "") for title, key in titles.items()}
    content = mark + csv_of(row, header=list(titles), delimiter=delimiter)
    assert taken(content).placed == taken(fees_csv({})).placed


def test_blank_rows_and_blank_cells_at_the_end_do_not_count() -> None:
    content = fees_csv({}).replace(b"\r\n", b"\r\n,,,\r\n\r\n", 1) + b",,,,\r\n,,\r\n"
    (placed,) = taken(content).placed
    assert placed.row == 4


@pytest.mark.parametrize(
    ("changes", "column", "code"),
    [
        ({"amount": "1e3"}, "amount", "not_an_integer"),
        ({"amount": "-5"}, "amount", "negative"),
        ({"amount": ""}, "amount", "missing"),
        ({"cap": "5000"}, "cap", "unknown"),
        ({"kind": "gratis"}, "kind", "unknown"),
        ({"kind": ""}, "kind", "missing"),
        ({"kind": "per_unit", "amount": "", "steps": "2: 10"}, "steps", "no_start"),
        ({"kind": "percentage", "amount": "", "percent": "120"}, "percent", "not_a_percentage"),
        ({"valid_from": "2027/03/01"}, "valid_from", "not_a_date"),
        ({"valid_from": ""}, "valid_from", "missing"),
        ({"valid_to": "28/02/2027"}, "valid_to", "invalid"),
        ({"code": "phí mới"}, "code", "invalid"),
        ({"code": ""}, "code", "missing"),
        ({"name_vi": "=HYPERLINK(1)"}, "name_vi", "invalid"),
        ({"name_vi": "@SUM(1)"}, "name_vi", "invalid"),
        ({"name_vi": "hai\ndòng"}, "name_vi", "invalid"),
        ({"name_vi": "x" * 501}, "name_vi", "too_long"),
        ({"sub_item": "271"}, "sub_item", "invalid"),
        ({"certainty": "sure"}, "certainty", "not_a_choice"),
        ({"charged": "sometimes"}, "charged", "not_a_choice"),
    ],
)
def test_a_faulty_cell_is_named_with_row_column_and_reason(
    changes: dict[str, str], column: str, code: str
) -> None:
    fault = only_fault(fees_csv({}, changes))
    assert (fault.sheet, fault.row, fault.column, fault.code) == ("fees", 3, column, code)
    title = next(one.title for one in COLUMNS["fees"] if one.key == column)
    assert fault.words.startswith(f"Khoản thu, dòng 3, cột {title}: ")
    assert fault.field == f"fees!3.{column}"
    assert fault.reason.endswith(".")


@pytest.mark.parametrize(
    ("changes", "column", "code"),
    [
        ({"percent": ""}, "percent", "invalid"),
        ({"each": "0"}, "percent", "invalid"),
        ({"percent": "101"}, "percent", "out_of_range"),
        ({"cap": "0"}, "cap", "out_of_range"),
        ({"fees": ""}, "fees", "missing"),
        ({"fees": "a, b"}, "fees", "invalid"),
        ({"ground": "rich"}, "ground", "not_a_choice"),
        ({"channel": "fax"}, "channel", "invalid"),
        ({"age_from": "18", "age_below": "16"}, "age_below", "invalid"),
        ({"once_a_year": "maybe"}, "once_a_year", "not_a_flag"),
    ],
)
def test_a_faulty_relief_is_named(changes: dict[str, str], column: str, code: str) -> None:
    fault = only_fault(csv_of(RELIEF | changes, table="reliefs"))
    assert (fault.sheet, fault.row, fault.column, fault.code) == ("reliefs", 2, column, code)


def test_all_faults_of_a_file_are_found_at_once() -> None:
    bad = {"amount": "x", "valid_from": "y", "sub_item": "z", "certainty": ""}
    found = taken(fees_csv(bad, {}, {"name_en": ""}))
    assert [(fault.row, fault.column) for fault in found.faults] == [
        (2, "amount"),
        (2, "valid_from"),
        (2, "certainty"),
        (2, "sub_item"),
        (4, "name_en"),
    ]
    assert [one.row for one in found.placed] == [3]


def test_no_more_than_two_hundred_faults_are_listed_and_the_rest_are_counted() -> None:
    found = taken(fees_csv(*[{"amount": "x"}] * 250))
    error = FileRefused(found.faults)
    assert len(error.errors) == MOST_FAULTS == 200
    assert error.count == 250
    assert "250" in error.detail


@pytest.mark.parametrize(
    ("header", "column", "code"),
    [
        ([*HEADER, "colour"], "colour", "unknown_column"),
        ([*HEADER, "rule."], "rule.", "unknown_column"),
        ([*HEADER, "Mã"], "code", "doubled"),
        ([*HEADER, "rule.cap"], "cap", "doubled"),
        ([key for key in HEADER if key != "cap"], "cap", "missing_column"),
    ],
)
def test_a_wrong_heading_is_named(header: list[str], column: str, code: str) -> None:
    fault = only_fault(csv_of(FEE, header=header))
    assert (fault.row, fault.column, fault.code) == (1, column, code)


PROCEDURE = {
    "code": "9.000001",
    "name_vi": "Thủ tục mới",
    "name_en": "New procedure",
    "field": "Thử",
    "code_certainty": "confirmed",
}


def test_a_file_of_before_may_lack_the_columns_that_came_later() -> None:
    later = {"ministry_code": "", "province_code": "", "commune_code": "", "other_codes": ""}
    without = taken(csv_of(PROCEDURE, table="procedures", header=list(PROCEDURE)))
    blank = taken(csv_of(PROCEDURE | later, table="procedures"))
    assert (without.faults, blank.faults) == ((), ())
    assert [one.entry for one in without.placed] == [one.entry for one in blank.placed]
    assert taken(csv_of(PROCEDURE, header=list(PROCEDURE)), "procedures").faults == ()
    # Every other column must be there as before.
    short = [key for key in PROCEDURE if key != "field"]
    fault = only_fault(csv_of(PROCEDURE, table="procedures", header=short))
    assert (fault.column, fault.code) == ("field", "missing_column")


def test_the_other_codes_of_a_procedure_are_read_and_refused_by_column() -> None:
    codes = {"commune_code": "1.116410", "other_codes": "1.2; 1.1"}
    (placed,) = taken(csv_of(PROCEDURE | codes, table="procedures")).placed
    assert placed.entry.columns()["other_codes"] == ["1.1", "1.2"]
    assert placed.entry.columns()["commune_code"] == "1.116410"
    for wrong in ({"commune_code": "mã xã"}, {"other_codes": "1.1; mã"}):
        fault = only_fault(csv_of(PROCEDURE | wrong, table="procedures"))
        assert (fault.column, fault.code) == (next(iter(wrong)), "invalid")


def test_a_cell_under_no_heading_is_named() -> None:
    fault = only_fault(fees_csv({}) + b",5")
    assert (fault.row, fault.code) == (2, "no_heading")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \r\n", "empty"),
        (fees_csv({}).replace(b"ph", b"p\x00h"), "control_character"),
        ("mã;tên".encode("cp1258", "replace") + b"\xff", "not_utf8"),
        ("code,name".encode("utf-16"), "not_utf8"),
        (b'code,name\r\n"a"b,c', "not_csv"),
        (b'code,name\r\n"a,c', "not_csv"),
        (b"x" * (files.MOST_BYTES + 1), "too_large"),
        (b"code\r\n" + b"a\r\n" * archives.MOST_ROWS, "too_large"),
        (b"code" + b"\r\n" * 4_000_000, "too_large"),
        (b"," * archives.MOST_COLUMNS + b"x", "too_large"),
        (b"code\r\n" + b"a" * 20_000, "too_large"),
        (b"\xd0\xcf\x11\xe0" + bytes(600), "old_excel"),
        (write_workbook({})[:3000], "not_a_workbook"),
        (b"PK\x03\x04" + bytes(100), "not_a_workbook"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_as_a_whole(content: bytes, code: str) -> None:
    assert refused(content) == code


def test_a_file_nobody_recognises_is_refused() -> None:
    fault = only_fault(b"a,b\r\n1,2\r\n")
    assert fault.code == "unknown_table"


def test_every_way_to_cut_a_workbook_short_is_refused() -> None:
    content = write_workbook({"fees": []})
    for size in range(0, len(content) - 1, 97):
        with pytest.raises(FileRefused):
            read_file(content[:size] or b"PK\x03\x04")


def far_away(parts: dict[str, bytes]) -> None:
    sheet_with(b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')(parts)


def far_right(parts: dict[str, bytes]) -> None:
    sheet_with(b"<row><c r='XFD1'><v>1</v></c></row>")(parts)


def many_cells(parts: dict[str, bytes]) -> None:
    sheet_with(b'<row r="1">' + b"<c/>" * (archives.MOST_CELLS + 1) + b"</row>")(parts)


def many_rows(parts: dict[str, bytes]) -> None:
    sheet_with(b"<row/>" * (archives.MOST_ROWS + 1))(parts)


def repeated(parts: dict[str, bytes]) -> None:
    text = b"<si><t>" + b"x" * 2_000_000 + b"</t></si></sst>"
    parts["xl/sharedStrings.xml"] = parts["xl/sharedStrings.xml"].replace(b"</sst>", text)
    sheet_with(b'<row r="1">' + b'<c t="s"><v>9</v></c>' * 1000 + b"</row>")(parts)


def utf_16(parts: dict[str, bytes]) -> None:
    name = "xl/worksheets/sheet2.xml"
    parts[name] = parts[name].decode().replace("UTF-8", "UTF-16").encode("utf-16")


def no_xml(parts: dict[str, bytes]) -> None:
    parts["xl/workbook.xml"] = b"<workbook"


def no_book(parts: dict[str, bytes]) -> None:
    del parts["xl/workbook.xml"]


def doubled_name(parts: dict[str, bytes]) -> None:
    book = parts["xl/workbook.xml"].decode()
    parts["xl/workbook.xml"] = book.replace('"Miễn giảm"', '"Khoản thu"').encode()


def two_places(parts: dict[str, bytes]) -> None:
    links = parts["xl/_rels/workbook.xml.rels"]
    other = b'<Relationship Id="rId2" Target="worksheets/sheet4.xml"/></Relationships>'
    parts["xl/_rels/workbook.xml.rels"] = links.replace(b"</Relationships>", other)


def long_book(parts: dict[str, bytes]) -> None:
    book = parts["xl/workbook.xml"]
    parts["xl/workbook.xml"] = book.replace(b"<sheets>", b"<x/>" * 400_000 + b"<sheets>")


def no_links(parts: dict[str, bytes]) -> None:
    parts["xl/_rels/workbook.xml.rels"] = b"<Relationships/>"


def many_parts(parts: dict[str, bytes]) -> None:
    parts.update({f"xl/media/{n}": b"" for n in range(300)})


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (far_away, "too_large"),
        (far_right, "too_large"),
        (many_cells, "too_large"),
        (many_rows, "too_large"),
        (repeated, "too_large"),
        (many_parts, "too_large"),
        (two_places, "not_a_workbook"),
        (doubled_name, "not_a_workbook"),
        (long_book, "too_large"),
        (no_links, "not_a_workbook"),
        (utf_16, "not_a_workbook"),
        (no_xml, "not_a_workbook"),
        (no_book, "empty"),
    ],
)
def test_a_workbook_that_would_hurt_or_mislead_is_refused(
    change: Callable[[dict[str, bytes]], None], code: str
) -> None:
    assert refused(workbook_with(change)) == code


@pytest.mark.parametrize("made", [bomb, liar])
def test_a_zip_bomb_is_refused_before_it_unfolds(made: Callable[[int], bytes]) -> None:
    content = made(archives.MOST_UNPACKED)
    assert len(content) < 200_000
    assert refused(content) in {"too_large", "not_a_workbook"}
    # The same file without the bomb is only empty.
    assert only_fault(workbook_with(lambda _: None)).code == "empty"


def test_sheets_are_found_by_name_and_the_guide_is_left_alone() -> None:
    seed = read_seed()
    tables = {table: [e for e in seed.national if e.table == table] for table in COLUMNS}
    content = write_workbook(tables)
    names = CalamineWorkbook.from_filelike(io.BytesIO(content)).sheet_names
    assert names == [GUIDE, *TITLES.values()]
    assert len(taken(content).placed) == len(seed.national)
    fees = taken(content, "fees").placed
    assert {one.table for one in fees} == {"fees"}
    only = write_workbook({"fees": tables["fees"]})
    assert refused(only, "reliefs") == "no_such_sheet"


PER_UNIT: dict[str, str | float] = {"kind": "per_unit", "amount": "", "steps": "1: 2000"}
SHARE: dict[str, str | float] = {"kind": "percentage", "amount": "", "percent": "0,15"}


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ({"amount": 2}, "amount"),
        (PER_UNIT | {"cap": 200}, "cap"),
        (PER_UNIT | {"minimum": 2}, "minimum"),
        (SHARE | {"floor": 100}, "floor"),
        (SHARE | {"ceiling": 500}, "ceiling"),
    ],
)
def test_thousands_that_lost_their_zeros_in_a_spreadsheet_are_refused(
    row: dict[str, str | float], column: str
) -> None:
    fault = only_fault(fees_workbook(row))
    assert (fault.row, fault.column, fault.code) == (2, column, "ambiguous")
    number = row[column]
    assert f"Ô là số {number}: nếu là {number}.000 đ, hãy gõ {number}000" in fault.reason
    assert "Văn bản" in fault.reason
    for typed in (f"{number}", f"{number}.000", float(number) * 1000):
        assert taken(fees_workbook(row | {column: typed})).faults == ()


def test_steps_that_became_a_number_are_refused() -> None:
    fault = only_fault(fees_workbook(PER_UNIT | {"steps": 2}))
    assert (fault.column, fault.code) == ("steps", "not_steps")


def test_a_reliefs_amounts_may_be_small_only_as_text() -> None:
    by_key = {column.key: column.shape.read for column in COLUMNS["reliefs"]}
    for key in ("each", "cap"):
        assert by_key[key]("500") == 500
        with pytest.raises(CellMisread, match="Văn bản"):
            by_key[key](500.0)
    assert by_key["age_below"](16.0) == 16


def test_a_small_amount_in_a_foreign_currency_may_be_a_number() -> None:
    row: dict[str, str | float] = {"kind": "foreign_currency", "amount": 25, "currency": "USD"}
    found = taken(fees_workbook(row))
    assert found.faults == ()
    assert [one.entry.model_dump()["rule"] for one in found.placed] == [
        {"amount": 25, "currency": "USD"}
    ]


def test_a_small_amount_is_exported_as_text_and_comes_back() -> None:
    entries = [one.entry for one in taken(fees_csv({"amount": "500"}, {"code": "b"})).placed]
    content = write_workbook({"fees": entries})
    rows = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_name("Khoản thu")
    place = HEADER.index("amount")
    assert [row[place] for row in rows.to_python()[1:]] == ["500", 10_000]
    assert [one.entry for one in taken(content).placed] == entries


@pytest.mark.parametrize(
    "content",
    [
        csv_of(),
        csv_of(table="reliefs"),
        csv_of() + b"\r\n,,,,\r\n , ,\r\n",
        b",,,,\r\n,,,,\r\n",
        write_workbook({"fees": []}),
        workbook_with(lambda _: None),
    ],
)
def test_a_file_without_a_row_is_told_so(content: bytes) -> None:
    fault = only_fault(content)
    assert (fault.sheet, fault.code) == ("file", "empty")
    assert "không có dòng nào" in fault.reason


def test_two_sheets_of_one_table_are_refused() -> None:
    def rename(parts: dict[str, bytes]) -> None:
        book = parts["xl/workbook.xml"].decode()
        parts["xl/workbook.xml"] = book.replace('"Miễn giảm"', '"fees"').encode()

    assert [fault.code for fault in taken(workbook_with(rename)).faults] == ["doubled"]


def test_nothing_in_an_exported_file_is_a_formula() -> None:
    rows = [FEE | {"name_vi": name} for name in ("-1+1", "'x", "2000", "1e3", "https://a.vn")]
    entries = [one.entry for one in taken(csv_of(*rows)).placed]
    content = write_workbook({"fees": entries})
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            part = archive.read(name)
            assert b"<f>" not in part
            assert b"<f " not in part
            assert b"hyperlink" not in part
    text = write_csv("fees", entries).decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    assert "'-1+1" in cells


def test_equal_catalogues_give_equal_files() -> None:
    entries = {"fees": [one.entry for one in taken(fees_csv({})).placed]}
    assert write_workbook(entries) == write_workbook(entries)


@pytest.mark.parametrize("column", ["name_vi", "basis", "code"])
def test_a_cell_with_a_character_that_nobody_sees_is_refused(column: str) -> None:
    assert taken(fees_csv({})).faults == ()
    fault = only_fault(fees_csv({column: f"{FEE[column][:2]}\u202e{FEE[column][2:]}"}), "fees")
    assert (fault.row, fault.column, fault.code) == (2, column, "unseen")
    assert "U+202E" in fault.reason
