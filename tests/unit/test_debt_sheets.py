"""Files of debts: what is read, what is refused and where, and the sheet that marks it."""

import io
import re
import zipfile
from datetime import date

import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook

from payments.debts.columns import COLUMNS, column_of
from payments.debts.error_sheet import FAULT_HEADING, write_error_sheet
from payments.debts.faults import DebtSheetRefused
from payments.debts.kinds import DebtKind, nature_of_debt
from payments.debts.sheets import DebtSheet, read_debts
from payments.debts.writing import OwedDebt, line_of_debt, people_of
from tests.support.catalogue_files import parts_of
from tests.support.debts import LAND_HEADING, land, land_file, utility_file, workbook

TODAY = date(2026, 11, 30)
UTILITY = ("Mã hóa đơn", "Họ tên", "Số tiền", "Nội dung")


def read_land(*rows: str) -> DebtSheet:
    return read_debts(land_file(*rows), DebtKind.LAND_TAX, TODAY)


def read_utility(content: bytes) -> DebtSheet:
    return read_debts(content, DebtKind.UTILITY, TODAY)


def test_a_row_says_all_that_the_treasury_asks_for() -> None:
    sheet = read_land(land("ID-1"))
    sheet.check()
    (debt,) = sheet.debts
    assert (debt.code, debt.amount, debt.due_on) == ("ID-1", 1_530_000, date(2026, 12, 30))
    line = line_of_debt(DebtKind.LAND_TAX, "dat", OwedDebt(debt, debt.amount))
    assert (line.nature, line.sub_item, line.amount) == ("state_revenue", "1401", 1_530_000)
    assert line.notice == {
        "number": "123/QĐ-CCT",
        "issued_on": "2026-10-15",
        "treasury": "KBNN Ba Đình",
        "chapter": "757",
        "sub_item": "1401",
    }
    assert line.explanation is not None
    assert "123/QĐ-CCT ngày 15/10/2026" in line.explanation


def test_who_pays_and_who_owes_are_both_kept() -> None:
    heading = LAND_HEADING + ",Người nộp thay,MST người nộp thay"
    row = land("ID-1") + ",Trần Thị Bình,012345678901"
    (debt,) = read_debts(f"{heading}\n{row}\n".encode(), DebtKind.LAND_TAX, TODAY).debts
    people = people_of(debt)
    assert (people["name"], people["behalf_name"]) == ("Trần Thị Bình", "Nguyễn Văn An")
    assert people["behalf_tax_number"] == people["tax_number"] == "0100109106"
    alone = people_of(read_land(land("ID-2")).debts[0])
    assert alone["name"] == "Nguyễn Văn An"
    assert "behalf_name" not in alone


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1.530.000", 1_530_000),
        ("1530000", 1_530_000),
        ("=1530000+225000", 1_755_000),
        ("=1530000 - 30000", 1_500_000),
        ("=3*50000+1000", 151_000),
    ],
)
def test_an_amount_is_read_as_offices_write_it(text: str, amount: int) -> None:
    sheet = read_utility(utility_file(f"HD-1,Lê Ba,{text},Tiền nước"))
    sheet.check()
    assert sheet.debts[0].amount == amount
    assert sheet.calculated == int(text.startswith("="))


@pytest.mark.parametrize(
    "text", ["=A1+2", "=SUM(1;2)", "=1+", "=1e9+1", "=2**9", "=1/3", "=-5+1", "=1+(2)", "= 5"]
)
def test_nothing_else_is_calculated(text: str) -> None:
    sheet = read_utility(utility_file(f"HD-1,Lê Ba,{text},"))
    assert [one.column for one in sheet.faults] == ["amount"]


def test_a_workbooks_amount_is_what_was_calculated_and_no_other_cell_may_be() -> None:
    good = workbook(UTILITY, ("HD-1", "Lê Ba", ("=1530000+225000", 1_755_000), "Tiền nước"))
    sheet = read_utility(good)
    assert (sheet.amount, sheet.calculated, list(sheet.faults)) == (1_755_000, 1, [])
    bad = workbook(
        UTILITY,
        ("HD-1", "Lê Ba", ("=1530000+225000", ""), "Tiền nước"),
        ("HD-2", ('="Lê "&"Ba"', "Lê Ba"), 150_000, "Tiền nước"),
        ("HD-3", "Lê Ba", ("=1/0", "#DIV/0!"), "Tiền nước"),
    )
    faults = read_utility(bad).faults
    told = [(one.row, one.column, one.code) for one in faults]
    assert (2, "amount", "not_calculated") in told
    assert (3, "name", "formula") in told
    assert {row for row, _, _ in told} == {2, 3, 4}


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        (land("ID 1", dossier="H01"), "Mã khoản phải nộp", "malformed"),
        (land("", dossier="H01"), "Mã khoản phải nộp", "missing"),
        (land("ID-1", name=""), "Họ tên", "missing"),
        (land("ID-1", amount=""), "Số tiền", "missing"),
        (land("ID-1", amount="0"), "Số tiền", "out_of_range"),
        (land("ID-1", amount="-5"), "Số tiền", "negative"),
        (land("ID-1", amount="15,5"), "Số tiền", "not_an_integer"),
        (land("ID-1", tax="0100109107"), "Mã số thuế", "malformed"),
        (land("ID-1", tax=""), "Mã số thuế", "missing"),
        (land("ID-1", treasury=""), "Kho bạc", "missing"),
        (land("ID-1", chapter="75"), "Chương", "malformed"),
        (land("ID-1", sub_item="14010"), "Tiểu mục", "malformed"),
        (land("ID-1", decided="31/02/2026"), "Ngày quyết định", "not_a_date"),
        (land("ID-1", decided="01/12/2026"), "Ngày quyết định", "out_of_range"),
        (land("ID-1", dossier="H 1"), "Mã hồ sơ", "malformed"),
        (land("ID-1", name="Lê\u200bBa"), "Họ tên", "unseen"),
        (land("ID-1", name="李"), "Họ tên", "undrawable"),
    ],
)
def test_each_fault_is_named_by_row_column_and_reason(row: str, column: str, code: str) -> None:
    row = row.replace("15,5", '"15,5"')
    sheet = read_land(row)
    with pytest.raises(DebtSheetRefused) as caught:
        sheet.check()
    (error,) = caught.value.errors
    assert (error.field, error.code) == (f"row 2, column {column}", code)
    assert error.detail.startswith(f"Dòng 2, cột {column}: ")


def test_a_phone_that_lost_its_nought_gets_it_back_and_is_counted() -> None:
    heading = (*UTILITY, "Điện thoại")

    def debt(code: str, phone: object) -> tuple[object, ...]:
        return (code, "Lê Ba", 150_000, "Tiền nước", phone)

    good = [debt("HD-1", 912345678), debt("HD-2", "0912345678"), debt("HD-3", "")]
    sheet = read_utility(workbook(heading, *good))
    assert [one.phone for one in sheet.debts] == ["0912345678", "0912345678", ""]
    assert (sheet.mended_phones, list(sheet.faults)) == (1, [])
    # Of any other number nobody knows what it was.
    odd = [debt("HD-1", 243823000), debt("HD-2", 9123456789), debt("HD-3", 91234567.5)]
    told = [(one.row, one.column, one.code) for one in read_utility(workbook(heading, *odd)).faults]
    assert told == [(row, "phone", "not_a_text") for row in (2, 3, 4)]
    by_row = [one.reason for one in read_utility(workbook(heading, *odd)).faults]
    assert not any("có lẽ là" in reason for reason in by_row)
    # A text of a workbook, or of CSV, may have lost it before: nine digits lack it all the same.
    given = ("912345678", "358.123.456", "912345678.0", "84912345678", "91234567.5", "912.34.56.78")
    texts = [debt(f"HD-{at}", phone) for at, phone in enumerate(given)]
    in_csv = "\n".join(",".join(map(str, row)) for row in (heading, *texts)).encode()
    for content in (workbook(heading, *texts), in_csv):
        typed = read_utility(content)
        whole = ["0912345678", "0358.123.456", "0912345678", *given[3:5], "0912.34.56.78"]
        assert ([one.phone for one in typed.debts], typed.mended_phones) == (whole, 4)
        assert [one.mended_phone for one in typed.debts] == [True] * 3 + [False] * 2 + [True]
    # What a program made of a number is read without its decimals.
    decimals = workbook(heading, debt("HD-1", "84912345678.0"))
    assert [one.phone for one in read_utility(decimals).debts] == ["84912345678"]
    # The control: a landline that may lack it is asked about.
    for landline in ("2438230000", "2438230000.0"):
        asked = read_utility(workbook(heading, debt("HD-1", landline)))
        told = [(one.row, one.column, one.code) for one in asked.faults]
        assert told == [(2, "phone", "ambiguous")]


def test_a_phone_that_had_no_nought_lost_nothing_in_a_number_cell() -> None:
    """A spreadsheet leaves the + of +84 out; a service's number (1900, 1800) never had a 0."""
    heading = (*UTILITY, "Điện thoại")
    rows = [
        (f"HD-{at}", "Lê Ba", 150_000, "Tiền nước", phone)
        for at, phone in enumerate((84912345678, 842438230000, 19001234, 1800588822))
    ]
    sheet = read_utility(workbook(heading, *rows))
    whole = ["84912345678", "842438230000", "19001234", "1800588822"]
    assert [one.phone for one in sheet.debts] == whole
    assert (sheet.mended_phones, list(sheet.faults)) == (0, [])
    # The control: as long, and of no country's form of ours, nor of a service's number.
    for phone in (85912345678, 190012345, 17001234, 1900123456789):
        odd = workbook(heading, ("HD-1", "Lê Ba", 150_000, "Tiền nước", phone))
        assert [one.code for one in read_utility(odd).faults] == ["not_a_text"]


def test_a_cell_under_no_heading_is_a_fault_and_not_left_out() -> None:
    """A comma in words that no quotation marks hold together cuts a cell in two."""
    heading = ("Mã khoản phải nộp", "Họ tên", "Số tiền", "Nội dung")
    cut = f"{','.join(heading)}\nHD-1,Lê Ba,150000,Tiền nước, tháng 11\n".encode()
    beyond = workbook((*heading, "", ""), ("HD-1", "Lê Ba", 150_000, "Tiền nước", "", "ghi chú"))
    for content, place in ((cut, 5), (beyond, 6)):
        told = [(one.row, one.column, one.code, one.reason) for one in read_utility(content).faults]
        assert told == [(2, "", "no_heading", f"Ô thứ {place} không thuộc cột nào.")]
    # The control: cells with nothing in them are none.
    blank = f"{','.join(heading)},,\nHD-1,Lê Ba,150000,Tiền nước, ,\n".encode()
    assert list(read_utility(blank).faults) == []
    # Nor are those whose every character is one that nobody sees.
    unseen = f"{','.join(heading)}\nHD-1,Lê Ba,150000,Tiền nước,\u200b,\ufeff\n".encode()
    assert list(read_utility(unseen).faults) == []


def test_a_row_with_many_cells_under_no_heading_has_one_fault_that_names_the_first() -> None:
    rows = "".join(f"HD-{at},Lê Ba,150000,Tiền nước{',thừa' * 36}\n" for at in range(50))
    faults = read_utility(f"{','.join(UTILITY)}\n{rows}".encode()).faults
    assert [one.row for one in faults] == list(range(2, 52))
    (said,) = {one.reason for one in faults}
    assert said == "Các ô thứ 5, 6, 7, 8, 9 và 31 ô khác không thuộc cột nào."
    two = f"{','.join(UTILITY)}\nHD-1,Lê Ba,150000,Tiền nước,a,,b\n".encode()
    assert [one.reason for one in read_utility(two).faults] == [
        "Các ô thứ 5, 7 không thuộc cột nào."
    ]


def test_a_code_stands_once_in_a_file() -> None:
    faults = read_land(land("ID-1"), land("ID-2"), land("ID-1", amount="5000")).faults
    assert [(one.row, one.code) for one in faults] == [(4, "repeated")]
    assert "dòng 2" in faults[0].words


@pytest.mark.parametrize(
    "heading", ["Mã khoản phải nộp,Họ tên", "Mã,Họ tên,Số tiền", f"{LAND_HEADING},Số tiền"]
)
def test_headings_are_strict(heading: str) -> None:
    with pytest.raises(DebtSheetRefused):
        read_debts(f"{heading}\nx,y,1\n".encode(), DebtKind.LAND_TAX, TODAY)


def test_usual_headings_are_understood_and_none_is_two_columns() -> None:
    headings = [heading for listed in COLUMNS.values() for heading in listed]
    assert len(set(map(str.casefold, headings))) == len(headings)
    assert column_of("  MST ") == "tax_number"
    assert column_of("Số quyết định/thông báo") == "decision_number"
    assert column_of("Ghi chú") is None


def test_the_error_sheet_has_the_rows_with_marks_and_reasons() -> None:
    sheet = read_land(land("ID-1"), land("ID-2", amount="x"), land("ID-1", treasury=""))
    written = write_error_sheet(sheet)
    assert written == write_error_sheet(sheet)
    rows = CalamineWorkbook.from_filelike(io.BytesIO(written)).get_sheet_by_index(0).to_python()
    assert rows[0][-1] == FAULT_HEADING
    assert [row[0] for row in rows] == ["Mã khoản phải nộp", "ID-1", "ID-2", "ID-1"]
    assert rows[1][-1] == ""
    assert "Dòng 3, cột Số tiền" in str(rows[2][-1])
    assert "Dòng 4, cột Kho bạc" in str(rows[3][-1])
    assert "FFC7CE" in parts_of(written)["xl/styles.xml"].decode()
    # What was mended there and sent again is read: the column of faults is taken out.
    kept = "\n".join(",".join(map(str, row[:-1])) for row in rows[:2])
    assert len(read_debts(kept.encode(), DebtKind.LAND_TAX, TODAY).debts) == 1


def marked_cells(written: bytes) -> set[str]:
    """The cells of a workbook's sheet that have the colour of faults, by their names in it."""
    styles = parts_of(written)["xl/styles.xml"].decode()
    fills = re.findall("<fill>.*?</fill>", styles)
    (fill,) = [at for at, one in enumerate(fills) if "FFC7CE" in one]
    looks = re.findall("<xf [^>]*>", styles.split("<cellXfs", 1)[1].split("</cellXfs>")[0])
    faulty = {str(at) for at, one in enumerate(looks) if f'fillId="{fill}"' in one}
    page = parts_of(written)["xl/worksheets/sheet1.xml"].decode()
    return {
        cell
        for cell, look in re.findall('<c r="([A-Z]+[0-9]+)" s="([0-9]+)"', page)
        if look in faulty
    }


def test_the_error_sheet_marks_what_is_wrong_and_what_stands_in_no_column() -> None:
    rows = (
        "HD-1,Lê Ba,150000,Tiền nước",
        "HD-2,Lê Ba,x,nước,a, ,b",
        "HD-3,Lê Ba,1500,nước,,\u200b,c",
    )
    sheet = read_utility("\n".join([",".join(UTILITY), *rows]).encode())
    assert marked_cells(write_error_sheet(sheet)) == {"C3", "E3", "G3", "G4"}


def test_what_a_debt_is_in_law_decides_what_proves_it() -> None:
    natures = {kind: nature_of_debt(kind, "", "") for kind in DebtKind}
    assert natures[DebtKind.LAND_TAX] == natures[DebtKind.FINE] == "state_revenue"
    assert natures[DebtKind.UTILITY] == natures[DebtKind.SCHOOL] == "price"
    assert nature_of_debt(DebtKind.OTHER, "Tiền thuê đất", "3600") == "state_revenue"
    assert nature_of_debt(DebtKind.OTHER, "Lệ phí môn bài", "2860") == "fee"


def books(*sheets: tuple[str, bool]) -> bytes:
    """A workbook of sheets that each have one debt of that code; those that are true are hidden."""
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as book:
        pages = [book.add_worksheet(code) for code, _ in sheets]
        for page, (code, hidden) in zip(pages, sheets, strict=True):
            page.write_row(0, 0, UTILITY)
            page.write_row(1, 0, (code, "Lê Ba", 150_000, "Tiền nước"))
            if not hidden:
                page.activate()
        for page, (_, hidden) in zip(pages, sheets, strict=True):
            if hidden:
                page.hide()
    return made.getvalue()


def test_the_sheet_that_is_read_is_the_one_that_is_seen_and_none_is_left_out() -> None:
    assert [one.code for one in read_utility(books(("AN", True), ("HIEN", False))).debts] == [
        "HIEN"
    ]
    with pytest.raises(DebtSheetRefused) as caught:
        read_utility(books(("MOT", False), ("HAI", False)))
    assert [one.code for one in caught.value.errors] == ["several_sheets"]


def test_a_number_that_is_none_comes_back_marked() -> None:
    parts = parts_of(workbook(UTILITY, ("A1", "Lê Ba", 123_456, "Tiền nước")))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content.replace(b"<v>123456</v>", b"<v>1E400</v>"))
    sheet = read_utility(made.getvalue())
    assert [one.code for one in sheet.faults] == ["not_an_integer"]
    rows = CalamineWorkbook.from_filelike(io.BytesIO(write_error_sheet(sheet)))
    assert rows.get_sheet_by_index(0).to_python()[1][2] == "inf"
