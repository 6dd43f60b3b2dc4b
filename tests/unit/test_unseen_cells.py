"""What a clerk does not see of a workbook: calculated cells are refused, hidden ones are told."""

from collections.abc import Callable

import pytest
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from core import workbooks
from core.sheet_markings import Markings, Place, letters_of, markings_of
from payments.catalogue.upkeep.sheets.columns import COLUMNS, GUIDE
from payments.catalogue.upkeep.sheets.exports import write_workbook
from payments.catalogue.upkeep.sheets.faults import FileRefused, SheetFault
from payments.catalogue.upkeep.sheets.files import read_file
from payments.catalogue.upkeep.sheets.intake import IntakeResult, take
from tests.support.catalogue_files import (
    FEE,
    HEADER,
    csv_of,
    fees_sheet,
    parts_of,
    sheet_with,
    workbook_of,
    workbook_with,
)

SHEET = "xl/worksheets/sheet1.xml"


def taken(content: bytes, table: str | None = None) -> IntakeResult:
    return take(read_file(content, table))


def places(content: bytes) -> list[tuple[int | None, str, str]]:
    return [(one.row, one.column, one.code) for one in taken(content).faults]


def place_of(key: str) -> int:
    return HEADER.index(key)


def title_of(key: str) -> str:
    return next(one.title for one in COLUMNS["fees"] if one.key == key)


def calculated(key: str, value: object, row: int = 1) -> bytes:
    """A fee whose cell is a formula that stores a value."""

    def change(_: Workbook, sheet: Worksheet) -> None:
        sheet.write_formula(row, place_of(key), "=1+1", None, value)

    return fees_sheet(change)


def with_cell(cell: bytes, address: str) -> bytes:
    """A fee whose cell at an address was written by hand."""

    def change(_: Workbook, sheet: Worksheet) -> None:
        row, column = int(address[1:]) - 1, ord(address[0]) - ord("A")
        sheet.write_number(row, column, 987_654_321)

    parts = parts_of(fees_sheet(change))
    written = b'<c r="' + address.encode() + b'"><v>987654321</v></c>'
    assert written in parts[SHEET]
    parts[SHEET] = parts[SHEET].replace(written, cell)
    return workbook_of(parts)


@pytest.mark.parametrize("said", [b"_x0000_", b"_x0007_", b"&#x1;", b"_x000B_"])
def test_a_control_character_is_refused_as_in_any_text(said: bytes) -> None:
    """A spreadsheet writes it by its number; no database keeps the first of these in a text."""
    parts = parts_of(fees_sheet(lambda *_: None))
    texts = "xl/sharedStrings.xml"
    code = f"<t>{FEE['code']}-1</t>".encode()
    assert code in parts[texts]
    parts[texts] = parts[texts].replace(code, code.replace(b"</t>", said + b"</t>"))
    with pytest.raises(FileRefused) as refused:
        read_file(workbook_of(parts))
    (fault,) = refused.value.faults
    assert fault.code == "control_character"
    assert "dòng 2" in fault.reason


@pytest.mark.parametrize("value", ["", 0, 200_000, "200000", "chữ", True, "#REF!", "#N/A"])
@pytest.mark.parametrize("key", ["cap", "valid_to", "amount", "code", "name_vi", "sub_item"])
def test_a_calculated_cell_is_refused_whatever_it_stores(key: str, value: object) -> None:
    (fault,) = taken(calculated(key, value)).faults
    assert (fault.sheet, fault.row, fault.column, fault.code) == ("fees", 2, key, "formula")
    address = f"{letters_of(place_of(key) + 1)}2"
    assert fault.words.startswith(
        f"Khoản thu, dòng 2, cột {title_of(key)}: Ô {address} là công thức; "
    )
    assert fault.reason.endswith(".")


@pytest.mark.parametrize(
    "cell",
    [
        b'<c r="K2"><f>100000*2</f></c>',
        b'<c r="K2"><f>100000*2</f><v></v></c>',
        b'<c r="K2"><f>100000*2</f><v/></c>',
        b'<c r="K2" t="str"><f>A1</f><v></v></c>',
        b'<c r="K2"><v>5</v><f>5</f></c>',
        b'<c r="K2"><f/></c>',
        b'<c r="K2"><f\n t="shared" si="0"/><v>5</v></c>',
        b'<c r="K2"><f ca="1" a=">">NOW()</f><v>5</v></c>',
        b"<c r='K2' s='1' ><f >1</f ></c>",
        b'<x:c xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main" r="K2">'
        b"<x:f>1</x:f><x:v>5</x:v></x:c>",
        b'<c r="K2" t="e"><f>1/0</f><v>#DIV/0!</v></c>',
        b"<c><f>1</f></c>",  # which stands after J2 without saying so
    ],
)
def test_a_formula_is_found_however_it_is_written(cell: bytes) -> None:
    assert places(with_cell(cell, "K2")) == [(2, "cap", "formula")]


def test_a_cap_whose_formula_stores_nothing_is_not_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    content = with_cell(b'<c r="K2"><f>100000*2</f></c>', "K2")
    assert taken(content).placed == ()
    # A reader that looks at values alone takes the fee, without its cap.
    monkeypatch.setattr(workbooks, "markings_of", lambda part: Markings())
    (placed,) = taken(content).placed
    assert "cap" not in placed.entry.model_dump(exclude_none=True)["rule"]


def test_a_shared_formula_is_named_at_each_of_its_cells() -> None:
    parts = parts_of(fees_sheet(lambda *_: None, rows=3))
    for row, formula in enumerate((b'<f t="shared" ref="K2:K4" si="0">1</f>', *[b"<f/>"] * 2), 2):
        end = b'<c r="L%d"' % row
        cell = b'<c r="K%d">%s<v>200000</v></c>' % (row, formula)
        before, found, after = parts[SHEET].partition(end)
        # Blank cells are not written: K stands wherever the next cell of its row begins.
        if not found:
            before, found, after = parts[SHEET].partition(b'<c r="P%d"' % row)
        parts[SHEET] = before + cell + found + after
    assert places(workbook_of(parts)) == [(row, "cap", "formula") for row in (2, 3, 4)]


@pytest.mark.parametrize("kind", [b"array", b"dataTable"])
def test_every_cell_that_an_array_or_a_data_table_fills_is_refused(kind: bytes) -> None:
    cell = b'<c r="K2"><f t="%s" ref="K2:L3">1</f><v>5</v></c>' % kind
    found = [(row, column) for row, column, _ in places(with_cell(cell, "K2"))]
    keys = [HEADER[place_of("cap")], HEADER[place_of("cap") + 1]]
    assert found == [(row, key) for row in (2, 3) for key in keys]


def test_an_array_formula_as_a_spreadsheet_writes_it_is_refused() -> None:
    def change(_: Workbook, sheet: Worksheet) -> None:
        place = place_of("amount")
        sheet.write_array_formula(1, place, 2, place, "{=A1:A2*2}", None, 20_000)
        sheet.write_number(2, place, 20_000)
        sheet.write_dynamic_array_formula(3, place, 3, place, "=SORT(A1)", None, 20_000)

    found = places(fees_sheet(change, rows=3))
    assert found == [(row, "amount", "formula") for row in (2, 3, 4)]


def test_an_endless_range_of_an_array_costs_no_more_than_it_needs_to() -> None:
    cell = b'<c r="K2"><f t="array" ref="A1:XFD1048576">1</f><v>5</v></c>'
    part = b"<sheetData>" + cell * 50 + b"</sheetData>"
    assert len(markings_of(part).formulas) <= 2001
    assert Place(2, 11) in markings_of(part).formulas


def test_formulas_in_the_heading_are_named() -> None:
    known = fees_sheet(lambda _, sheet: sheet.write_formula(0, 1, "=1", None, "procedure"))
    assert places(known) == [(1, "procedure", "formula")]
    blank = places(fees_sheet(lambda _, sheet: sheet.write_formula(0, 1, "=1", None, "")))
    assert (1, "B", "formula") in blank
    assert (1, "procedure", "missing_column") in blank


def test_a_formula_under_no_heading_is_named_by_its_letters() -> None:
    content = fees_sheet(lambda _, sheet: sheet.write_formula(7, 27, "=1", None, ""))
    assert places(content) == [(8, "AB", "formula")]


def test_a_row_and_a_sheet_of_nothing_but_formulas_are_refused() -> None:
    def change(_: Workbook, sheet: Worksheet) -> None:
        for place in range(len(HEADER)):
            sheet.write_formula(2, place, "=A2", None, "")

    assert places(fees_sheet(change)) == [(3, key, "formula") for key in HEADER]
    cells = b'<row r="1"><c r="A1"><f>1</f></c></row>'
    (fault,) = taken(workbook_with(sheet_with(cells))).faults
    assert (fault.sheet, fault.row, fault.column) == ("legal_references", 1, "A")


def test_all_formulas_are_told_together_with_the_other_faults() -> None:
    def change(_: Workbook, sheet: Worksheet) -> None:
        sheet.write_formula(1, place_of("percent"), "=1", None, 5)
        sheet.write_string(1, place_of("valid_from"), "mai")
        sheet.write_string(2, place_of("certainty"), "sure")

    assert places(fees_sheet(change, rows=3)) == [
        (2, "percent", "formula"),
        (2, "valid_from", "not_a_date"),
        (3, "certainty", "not_a_choice"),
    ]


def test_an_error_without_its_formula_is_named_too() -> None:
    found = places(with_cell(b'<c r="K2" t="e"><v>#REF!</v></c>', "K2"))
    assert found == [(2, "cap", "formula_error")]


def test_what_is_no_cell_of_a_table_may_calculate() -> None:
    def change(workbook: Workbook, sheet: Worksheet) -> None:
        guide = workbook.add_worksheet(GUIDE)
        guide.write_formula(0, 0, "=1/0", None, "#DIV/0!")
        sheet.data_validation(1, 0, 9, 0, {"validate": "list", "source": f"='{GUIDE}'!$A$1:$A$9"})
        sheet.conditional_format(0, 0, 9, 9, {"type": "formula", "criteria": "=$A$1=1"})
        workbook.define_name("Mức", "=Khoản!$A$1")

    found = taken(fees_sheet(change))
    assert (found.faults, found.warnings, len(found.placed)) == ((), (), 1)
    parts = parts_of(fees_sheet(change))
    rule = b"<extLst><ext><x14:cfRule><xm:f>A1</xm:f></x14:cfRule></ext></extLst></worksheet>"
    assert markings_of(parts[SHEET].replace(b"</worksheet>", rule)) == Markings()


def test_only_the_sheet_that_is_asked_for_is_looked_at() -> None:
    def change(workbook: Workbook, _: Worksheet) -> None:
        other = workbook.add_worksheet("Miễn giảm")
        other.write_formula(0, 0, "=1", None, "code")

    content = fees_sheet(change)
    assert taken(content, "fees").faults == ()
    found: list[SheetFault] = list(taken(content).faults)
    assert (found[0].sheet, found[0].column, found[0].code) == ("reliefs", "code", "formula")


def test_an_exported_workbook_has_nothing_unseen() -> None:
    entries = [one.entry for one in taken(csv_of(FEE)).placed]
    found = taken(write_workbook({"fees": entries}))
    assert (len(found.placed), found.faults, found.warnings) == (1, (), ())


def hide_rows(_: Workbook, sheet: Worksheet) -> None:
    for row in (2, 3, 4, 7, 40):
        sheet.set_row(row, None, None, {"hidden": True})


def filter_rows(_: Workbook, sheet: Worksheet) -> None:
    sheet.autofilter(0, 0, 9, 5)
    sheet.filter_column(0, "x == phi-moi-1")
    for row in (2, 3, 4, 7):
        sheet.set_row(row, None, None, {"hidden": True})


def flatten_rows(_: Workbook, sheet: Worksheet) -> None:
    for row in (2, 3, 4, 7):
        sheet.set_row(row, 0)


def fold_rows(_: Workbook, sheet: Worksheet) -> None:
    for row in (2, 3, 4, 7):
        sheet.set_row(row, None, None, {"level": 1, "hidden": True})


@pytest.mark.parametrize("change", [hide_rows, filter_rows, flatten_rows, fold_rows])
def test_hidden_rows_are_taken_and_said(change: Callable[[Workbook, Worksheet], None]) -> None:
    found = taken(fees_sheet(change, rows=9))
    assert len(found.placed) == 9
    assert found.warnings == (
        "Khoản thu: 4 dòng đang ẩn trong tệp (ẩn dòng hoặc bộ lọc), vẫn được đọc: dòng 3–5, 8.",
    )


def test_a_cell_of_a_hidden_row_that_says_it_stands_elsewhere_is_hidden_there() -> None:
    part = b'<sheetData><row r="9" hidden="true"><c r="A2"><v>1</v></c></row></sheetData>'
    assert markings_of(part).hidden_rows == {2, 9}


def test_many_hidden_rows_are_named_up_to_a_number() -> None:
    def change(_: Workbook, sheet: Worksheet) -> None:
        for row in range(1, 200, 2):
            sheet.set_row(row, None, None, {"hidden": True})

    (warning,) = taken(fees_sheet(change, rows=200)).warnings
    assert warning.startswith("Khoản thu: 100 dòng đang ẩn")
    assert warning.endswith("78, 80 và 60 dòng khác.")


@pytest.mark.parametrize("options", [(None, {"hidden": True}), (0, {})])
def test_hidden_columns_are_said(options: tuple[float | None, dict[str, bool]]) -> None:
    def change(_: Workbook, sheet: Worksheet) -> None:
        width, rest = options
        sheet.set_column(place_of("cap"), place_of("cap") + 1, width, None, rest)
        sheet.set_column(60, 70, width, None, rest)

    (warning,) = taken(fees_sheet(change)).warnings
    after = title_of(HEADER[place_of("cap") + 1])
    assert warning == (
        f"Khoản thu: 2 cột đang ẩn trong tệp, vẫn được đọc: cột {title_of('cap')}; {after}."
    )


@pytest.mark.parametrize("how", ["hide", "very_hidden"])
def test_a_hidden_sheet_is_said(how: str) -> None:
    def change(workbook: Workbook, sheet: Worksheet) -> None:
        workbook.add_worksheet(GUIDE).activate()
        getattr(sheet, how)()

    assert taken(fees_sheet(change)).warnings == (
        "Khoản thu: cả trang đang ẩn trong tệp, vẫn được đọc (2 dòng).",
    )


def test_letters_of_columns() -> None:
    assert [letters_of(n) for n in (1, 26, 27, 52, 703)] == ["A", "Z", "AA", "AZ", "AAA"]
