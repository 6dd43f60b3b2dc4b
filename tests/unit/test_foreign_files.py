"""What is no file of rows at all, or breaks off, is told as what it is, with its row."""

import io
import zipfile
from collections.abc import Callable
from datetime import date

import pytest
import xlsxwriter

from app.settlement_layouts import settlement_layouts
from core.errors import Invalid
from core.foreign_files import foreign_kind
from payments.billing.sheets import read_rows
from payments.catalogue.upkeep.sheets.files import read_file
from payments.debts.kinds import DebtKind
from payments.debts.sheets import read_debts
from reconciliation.formats.preview import preview
from reconciliation.formats.reading_task import ReadingTask
from reconciliation.formats.registry import read_statement
from reconciliation.formats.settlement_file import read_settlement
from reconciliation.formats.settlement_layouts import get_layout
from tests.unit.test_statement_csv import golden

ON = date(2026, 11, 2)
ACCOUNT = "0011004567890"
#: What a picture of a list, or a list that was printed, begins with.
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0"
MHTML = b"MIME-Version: 1.0\r\nX-Document-Type: Workbook\r\n\r\n<html>"
HTML = b"\n<!DOCTYPE html><html><body><table><tr><td>1</td></tr></table></body></html>"


def no_rows() -> bytes:
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as workbook:
        workbook.add_worksheet("Trang1")
    return made.getvalue()


def archive() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as packed:
        packed.writestr("a.txt", "x")
    return made.getvalue()


def of_statement(content: bytes) -> None:
    read_statement(content, ReadingTask("kbnn-so-phu", ON, ACCOUNT))


def looked_at(content: bytes) -> None:
    if faults := preview(content, ReadingTask("", ON)).faults:
        raise Invalid("", errors=faults)


def of_camt(content: bytes) -> None:
    read_statement(content, ReadingTask("camt", ON, ACCOUNT))


def of_gateway(content: bytes) -> None:
    read_settlement(content, get_layout(settlement_layouts(), "lephi-settlement", ON), ON)


def of_debts(content: bytes) -> None:
    read_debts(content, DebtKind.LAND_TAX, ON)


READERS: tuple[Callable[[bytes], object], ...] = (
    *(of_statement, of_camt, looked_at, of_gateway, of_debts, read_rows, read_file),
)


def fault(read: Callable[[bytes], object], content: bytes) -> tuple[str, str]:
    with pytest.raises(Invalid) as caught:
        read(content)
    (one,) = caught.value.errors
    return one.field, one.detail


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("content", [b"", b"\n \r\n", b"\xef\xbb\xbf", no_rows()])
def test_a_file_of_nothing_is_said_to_be(read: Callable[[bytes], object], content: bytes) -> None:
    if read is of_camt and content.startswith(b"PK"):
        # What was named to be a message is told to be no text, whatever stands in it.
        assert fault(read, content)[1].startswith("Đây là tệp Excel")
    else:
        assert fault(read, content) == ("file", "Tệp không có dòng nào.")


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    ("content", "what"),
    [
        (PDF, "Đây là tệp PDF"),
        (PNG, "Đây là tệp ảnh"),
        (JPEG, "Đây là tệp ảnh"),
        (HTML, "Đây là trang web (HTML)"),
        (b"<table border=1><tr><td>1</table>", "Đây là trang web (HTML)"),
        (b"<!-- a --> <!-- b -->\n<html><table></html>", "Đây là trang web (HTML)"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a --><html/>", "Đây là trang web (HTML)"),
        (MHTML, "Đây là trang web lưu thành một tệp (MHTML)"),
        (b"\r\nmime-version: 1.0\r\n", "Đây là trang web lưu thành một tệp (MHTML)"),
    ],
)
def test_what_is_no_table_is_called_what_it_is(
    read: Callable[[bytes], object], content: bytes, what: str
) -> None:
    field, detail = fault(read, content)
    assert field == "file"
    assert detail.startswith(what)
    assert ".xlsx" in detail


@pytest.mark.parametrize("read", READERS)
def test_a_broken_workbook_is_told_in_vietnamese(read: Callable[[bytes], object]) -> None:
    field, detail = fault(read, archive())
    assert field == "file"
    assert "tệp Excel" in detail or "Tệp Excel" in detail


def test_a_message_in_xml_is_no_web_page() -> None:
    prolog = b"<?xml version='1.0'?>\n<!-- of <html> and <table> -->"
    for root in (b"<Document/>", b"<html:Document/>", b"<tables/>"):
        assert foreign_kind(prolog + root) is None
    assert foreign_kind(b"table,html\n<table>,MIME-Version: 1.0\n") is None
    # Comments without end, or without number, take no time that grows with their square.
    assert foreign_kind(b"<!--" * 1_000_000) is None
    assert foreign_kind(b"<!-- -->" * 500_000 + b"<x>") is None


QUOTES = "row 3", "dấu ngoặc kép mở mà không đóng"


def test_a_quotation_mark_that_is_never_closed_is_named_by_its_row() -> None:
    rows = golden("kbnn-so-phu").decode().split("\n")
    at = next(at for at, one in enumerate(rows) if one.startswith("STT;")) + 2
    cells = rows[at].split(";")
    rows[at] = ";".join([*cells[:3], f'"{cells[3]}', *cells[4:]])
    where = f"row {at + 1}"
    for read in (of_statement, looked_at):
        assert fault(read, "\n".join(rows).encode()) == (where, QUOTES[1])
    # With more behind it than a cell can hold, it is still that mark, most likely.
    long = "\n".join([*rows, *[rows[at + 1]] * 2_000]).encode()
    assert len(long) > 131_072
    for read in (of_statement, looked_at):
        assert fault(read, long) == (where, f"{QUOTES[1]}, hoặc ô quá dài")
    settled = "batch_ref,settled_on,kind,order_ref,gateway_ref,amount,fee,net,paid_at\n"
    good = "V1,2026-11-01,payment,,G1,20000,0,20000,\n"
    assert fault(of_gateway, (settled + good + '"V1,2026').encode()) == QUOTES
    # Words after a closing mark: what stands in one must be doubled.
    assert fault(of_gateway, (settled + good + '"V"1,2026\n').encode()) == (
        "row 3",
        "sau dấu ngoặc kép đóng còn chữ: dấu ngoặc kép ở trong ô phải viết hai lần",
    )
