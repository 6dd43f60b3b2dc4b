"""What is wrong with a file is told once, in its reader's language: its place and its reason."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from markupsafe import escape

from app.web.file_faults import ToldFault, told_fault
from app.web.translations import WORDS
from core.errors import FieldError
from payments.billing.sheets import HEADINGS

ROOT = Path(__file__).parents[2]
_OF_DEBTS = ("sheets.py", "faults.py", "comparing.py", "reading.py")
#: Whatever reads a file that staff load from a page, and says what is wrong with it.
READERS = (
    *(ROOT / "reconciliation" / "formats").glob("*.py"),
    ROOT / "reconciliation" / "statements" / "intake.py",
    *(ROOT / "payments" / "debts" / name for name in _OF_DEBTS),
    ROOT / "payments" / "billing" / "sheets.py",
    ROOT / "payments" / "billing" / "importing.py",
    *(ROOT / "payments/catalogue/upkeep/sheets" / name for name in ("cells.py", "files.py")),
    *(ROOT / "core" / name for name in ("foreign_files.py", "workbooks.py", "tax_numbers.py")),
)
#: A letter that Vietnamese alone writes.
_VIETNAMESE = re.compile(
    "[ăâđêôơưạảãắằẳẵặấầẩẫậẹẻẽếềểễệỉĩịọỏõốồổỗộớờởỡợụủũứừửữựỳỷỹỵ]", re.IGNORECASE
)
#: Parts of sentences, which stand whole in `COMPOSED` and among the catalogue's, and what no person
#: is told: patterns, words that a file may use, and a narrative of our own.
PARTS = frozenset(
    {
        *("Số dư cuối kỳ", "Dòng x1: số dư", "x1 ghi x1, theo các dòng trước phải là x1"),
        *("(đảo giao dịch)", "Lô x1 giao dịch", "Ntry thứ x1: ", "ngày", "tuần", "tháng"),
        *("x1; hãy xuất lại tệp từ ngân hàng", "ô x1 x1", "ô là giá trị đúng, sai", ", cột x1"),
        *("ô là ngày giờ: bảng tính đã đổi nội dung của ô", "ô là số x1: bảng tính đã làm tròn"),
        *("ô là số lẻ x1: bảng tính có thể đã đổi số", "là công thức; hãy dán lại dạng Giá trị"),
        *("Dòng x1, cột x1: x1", "Dòng x1x1: x1"),
        *("Hãy định dạng ô là Văn bản rồi gõ lại số điện thoại.", "có", "không"),
        "Hãy ghi lại có số 0; số nước ngoài thì ghi dấu + và mã nước.",
        *(
            "Số máy bàn này có thể đã mất số 0 ở đầu. x1",
            "Ô này là số nên có thể đã mất số 0 ở đầu. x1",
        ),
        *("báo lỗi công thức", "tài khoản x1 có từ x1", "quá xa về trước", "ngày x1: x1"),
        *("cả hai bên đều có số tiền", "không bên nào có số tiền", "x1 (x1, x1)", "x1 là x1"),
        *("Tệp có x1 lỗix1; chưa nhận dòng nào.", " (x1 lỗi đầu được nêu)", r"\blãi\b"),
        *("dưới 1.000 đồng trong tệp không có số nào từ 1.000 đến 999.999", "x1x1"),
        *("bảng tính có thể đã đọc 20.000 thành 20", "[A-Za-zÀ-ÖØ-öø-ɏẠ-ỹ0-9./ -]"),
        "số tiền trong tệp có thể là đồng, chưa nhân x1",
        "x1: x1; hãy xuất lại tệp từ cổng, hoặc chọn mẫu khác",
        "x1: bảng tính có thể đã đọc 20.000 thành 20; hãy xuất lại tệp từ ngân hàng",
    }
)
_NOT_READ = ("layouts.py", "mappings.py", "tcvn3.py", "settlement_layouts.py", "proposing.py")


def sentences(path: Path) -> Iterator[str]:
    """The Vietnamese texts of a module, `x1` where a value stands."""
    tree = ast.parse(path.read_text("utf-8"))
    apart: set[int] = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            apart.add(id(body[0].value))
        if isinstance(node, ast.JoinedStr):
            apart.update(id(part) for part in ast.walk(node) if part is not node)
    for node in ast.walk(tree):
        said = None
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            said = node.value
        elif isinstance(node, ast.JoinedStr):
            parts = (one.value if isinstance(one, ast.Constant) else "x1" for one in node.values)
            said = "".join(map(str, parts))
        if said and id(node) not in apart and _VIETNAMESE.search(said):
            yield said


READ = sorted({one for one in READERS if one.name not in _NOT_READ})
#: Where a sentence begins with its place.
_PLACED = re.compile("Dòng x1(, cột x1)?: ")


def is_english(said: str) -> bool:
    """Whether an English page has words for what a room below says."""
    found = WORDS["en"].detail(said)
    return found != said and 'lang="vi"' not in found


@pytest.mark.parametrize("path", READ, ids=lambda one: str(one.relative_to(ROOT)))
def test_every_sentence_about_a_file_has_english_words(path: Path) -> None:
    found = set(sentences(path)) - PARTS - set(HEADINGS)
    assert [one for one in sorted(found) if not is_english(_PLACED.sub("", one))] == []


def test_the_readers_have_sentences_and_one_without_english_is_noticed(tmp_path: Path) -> None:
    assert sum(len(list(sentences(path))) for path in READ) > 150
    module = tmp_path / "reader.py"
    module.write_text('"""Đọc."""\nWHY = f"ô {at} không ai dịch"\nNAME = "x"\n', "utf-8")
    (said,) = sentences(module)
    assert said == "ô x1 không ai dịch"
    assert not is_english(said)
    # One word of ours with a value makes no sentence of whatever follows it.
    assert not is_english("Dòng 3 không ai dịch")


_AGAIN = "; export the file from the bank again"
_FEW = "is below 1,000 đồng in a file without any amount from 1,000 to 999,999"
_FEW_VI = "là dưới 1.000 đồng trong tệp không có số nào từ 1.000 đến 999.999"
_LAYOUT = "hãy xuất lại tệp từ cổng, hoặc chọn mẫu khác"
#: What is put together of parts, and what is easily taken for another sentence.
COMPOSED = {
    "Số máy bàn này có thể đã mất số 0 ở đầu. Hãy ghi lại có số 0; số nước ngoài thì ghi dấu + và"
    " mã nước.": (
        "This landline may have lost its leading 0. Write it with the 0; a number of another"
        " country with + and the country's code."
    ),
    "Ô này là số nên có thể đã mất số 0 ở đầu. Hãy định dạng ô là Văn bản rồi gõ lại số điện"
    " thoại.": (
        "This cell is a number and may have lost a leading 0. Format the cell as text and type the"
        " telephone number again."
    ),
    '"1/1" không phải thời điểm dạng dd/mm/yyyy, dd/mm/yyyy hh:mm:ss': (
        '"1/1" is no time like dd/mm/yyyy, dd/mm/yyyy hh:mm:ss'
    ),
    "Ô là số 20: nếu là 20.000 đ, hãy gõ 20000; nếu đúng là 20 đ, hãy định dạng ô là Văn bản rồi gõ"
    " lại.": (
        "The cell is the number 20: if 20,000 VND is meant, type 20000; if it is 20 VND, format the"
        " cell as text and type it again."
    ),
    "Các ô thứ 5, 7 không thuộc cột nào.": "Cells 5, 7 of the row are in no column.",
    "Các ô thứ 5, 6, 7, 8, 9 và 31 ô khác không thuộc cột nào.": (
        "Cells 5, 6, 7, 8, 9 and 31 more of the row are in no column."
    ),
    "cả hai bên đều có số tiền (Nợ, Có)": "both sides have an amount (Nợ, Có)",
    "không bên nào có số tiền (Nợ, Có)": "neither side has an amount (Nợ, Có)",
    "ngày 01/11/2026: quá xa về trước": "01/11/2026: too long ago",
    "ngày 01/11/2026: tài khoản tk có từ 02/11/2026": (
        "01/11/2026: the account tk is there since 02/11/2026"
    ),
    f"20 {_FEW_VI}: bảng tính có thể đã đọc 20.000 thành 20; hãy xuất lại tệp từ ngân hàng": (
        f"20 {_FEW}: a spreadsheet may have read 20.000 as 20{_AGAIN}"
    ),
    f"20 {_FEW_VI}: bảng tính có thể đã đọc 20.000 thành 20; {_LAYOUT}": (
        f"20 {_FEW}: a spreadsheet may have read 20.000 as 20; export the file from the gateway"
        " again, or choose another layout"
    ),
    f"20 {_FEW_VI}: số tiền trong tệp có thể là đồng, chưa nhân 100; {_LAYOUT}": (
        f"20 {_FEW}: the amounts may be in đồng, not times 100; export the file from the gateway"
        " again, or choose another layout"
    ),
    "ô là giá trị đúng, sai; hãy xuất lại tệp từ ngân hàng": (
        f"the cell is a value true or false{_AGAIN}"
    ),
    "ô là ngày giờ: bảng tính đã đổi nội dung của ô; hãy xuất lại tệp từ ngân hàng": (
        f"the cell is a date: a spreadsheet has changed what it held{_AGAIN}"
    ),
    "ô là số lẻ 0.5: bảng tính có thể đã đổi số; hãy xuất lại tệp từ ngân hàng": (
        f"the cell is the fraction 0.5: a spreadsheet may have changed the number{_AGAIN}"
    ),
    "ô là số 1e20: bảng tính đã làm tròn; hãy xuất lại tệp từ ngân hàng": (
        f"the cell is the number 1e20: a spreadsheet has rounded it{_AGAIN}"
    ),
    "ô C3 là công thức; hãy dán lại dạng Giá trị": "cell C3 is a formula; paste its value instead",
    "ô C3 báo lỗi công thức": "cell C3 shows a formula's error",
    "Tệp có 3 lỗi; chưa nhận dòng nào.": "Faults in the file: 3. No row was taken in.",
    "Tệp có 1.300 lỗi (200 lỗi đầu được nêu); chưa nhận dòng nào.": (
        "Faults in the file: 1,300 (the first 200 are named). No row was taken in."
    ),
    "Dòng 7: số dư ghi 1, theo các dòng trước phải là 2": (
        "Row 7: the balance says 1; by the rows before it must be 2"
    ),
    "Số dư cuối kỳ ghi 1, theo các dòng trước phải là 2": (
        "The closing balance says 1; by the rows before it must be 2"
    ),
    "không có ngày hạch toán 31/2": "there is no booking date 31/2",
    # What the file says is shown as it stands, however like a sum of ours it looks.
    '"20.000" không phải số tiền kiểu 1.000.000': '"20.000" is no amount like 1.000.000',
    "ghi 20.000, số tiền trừ phí là 19.000": "says 20.000, the amount without the fee is 19.000",
}


@pytest.mark.parametrize(("said", "english"), COMPOSED.items())
def test_what_is_put_together_is_english_as_a_whole(said: str, english: str) -> None:
    assert WORDS["en"].detail(said) == english


@pytest.mark.parametrize(
    ("field", "detail", "vietnamese", "english"),
    [
        (
            *("row 2, column Số tiền", "Dòng 2, cột Số tiền: Chưa ghi."),
            *(("Dòng 2, cột Số tiền", "Chưa ghi."), ("Row 2, column Số tiền", "Missing.")),
        ),
        (
            *("row 2, column Vào, ra", "để trống"),
            *(("Dòng 2, cột Vào, ra", "để trống"), ("Row 2, column Vào, ra", "empty")),
        ),
        (
            *("row 1", "Dòng 1: thiếu cột Mã."),
            *(("Dòng 1", "thiếu cột Mã."), ("Row 1", "the column Mã is missing.")),
        ),
        (
            "row 9",
            "trùng với dòng 3",
            ("Dòng 9", "trùng với dòng 3"),
            ("Row 9", "the same as row 3"),
        ),
        (
            *("row 5", "Dòng 5 có ký tự điều khiển."),
            *(("", "Dòng 5 có ký tự điều khiển."), ("", "Row 5 has control characters.")),
        ),
        (
            *("cell C3", "Ô C3 có công thức hoặc lỗi."),
            *(("", "Ô C3 có công thức hoặc lỗi."), ("", "Cell C3 has a formula or an error.")),
        ),
        (
            *("cell C3", "Ô báo lỗi của bảng tính."),
            ("Ô C3", "Ô báo lỗi của bảng tính."),
            ("Cell C3", "The cell shows a spreadsheet's error."),
        ),
        (
            *("row 40, column Amt", 'Ntry thứ 3: "x" không phải số tiền'),
            ("Dòng 40, cột Amt, Ntry 3", '"x" không phải số tiền'),
            ("Row 40, column Amt, Ntry 3", '"x" is no amount'),
        ),
        (
            *("file", "Tệp không có dòng nào."),
            *(("", "Tệp không có dòng nào."), ("", "The file has no row.")),
        ),
        (
            *("fees!2.code", "Khoản thu, dòng 2, cột Mã: Có mã ghi hai lần."),
            ("Khoản thu, dòng 2, cột Mã", "Có mã ghi hai lần."),
            ("Khoản thu, row 2, column Mã", "A code is there twice."),
        ),
        (
            *("fees!7", "Khoản thu, dòng 7: Ô thứ 9 không thuộc cột nào."),
            ("Khoản thu, dòng 7", "Ô thứ 9 không thuộc cột nào."),
            ("Khoản thu, row 7", "Cell 9 of the row is in no column."),
        ),
        ("bill", "Chưa ghi.", (None, "Chưa ghi."), (None, "Missing.")),
        # A heading may have a line break (Alt+Enter).
        (
            *("row 2, column Số\ntiền\nghi có", "để trống"),
            ("Dòng 2, cột Số tiền ghi có", "để trống"),
            ("Row 2, column Số tiền ghi có", "empty"),
        ),
        (
            *("row 2, column Số\ntiền", "Dòng 2, cột Số\ntiền: Chưa ghi."),
            *(("Dòng 2, cột Số tiền", "Chưa ghi."), ("Row 2, column Số tiền", "Missing.")),
        ),
        # So may a value, and the words of a sheet's column.
        (
            *("row 2, column Loại", '"BÁO\nCÓ" không phải số tiền'),
            ("Dòng 2, cột Loại", '"BÁO\nCÓ" không phải số tiền'),
            ("Row 2, column Loại", '"BÁO\nCÓ" is no amount'),
        ),
        (
            *("fees!2.code", "Khoản thu, dòng 2, cột Mã\nsố: Có mã ghi hai lần."),
            ("Khoản thu, dòng 2, cột Mã số", "Có mã ghi hai lần."),
            ("Khoản thu, row 2, column Mã số", "A code is there twice."),
        ),
        # A row is not another one whose number begins alike.
        (
            *("row 2", "Dòng 23 có ký tự điều khiển."),
            ("Dòng 2", "Dòng 23 có ký tự điều khiển."),
            ("Row 2", "Row 23 has control characters."),
        ),
        # What has a place of its own is not of the sheet that its words seem to name.
        (
            *("file", "Tệp st_1, dòng 5: Chưa ghi."),
            ("", "Tệp st_1, dòng 5: Chưa ghi."),
            ("", '<span lang="vi">Tệp st_1, dòng 5: Chưa ghi.</span>'),
        ),
    ],
)
def test_a_place_stands_once_in_the_readers_language(
    field: str, detail: str, vietnamese: tuple[str, str], english: tuple[str, str]
) -> None:
    fault = FieldError(field, "bad", detail)
    assert told_fault(WORDS["vi"], fault) == ToldFault(*vietnamese)
    assert told_fault(WORDS["en"], fault) == ToldFault(*english)


@pytest.mark.parametrize(
    ("field", "detail"),
    [
        ("row 2, column Thu & <chi>", "để trống"),
        ("row 2, column Thu & <chi>", "Ntry thứ 3: để trống"),
        ("A & B!2.x", "A & B, dòng 2, cột Thu & <chi>: Chưa ghi."),
    ],
)
def test_what_a_file_calls_a_place_is_escaped_once(field: str, detail: str) -> None:
    place = told_fault(WORDS["vi"], FieldError(field, "bad", detail)).place
    assert "Thu &amp; &lt;chi&gt;" in str(escape(place))
    assert "&amp;amp;" not in str(escape(place))
