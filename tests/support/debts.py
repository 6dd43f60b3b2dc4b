"""Lists of debts for tests: files of them, and lists taken in without ceremony."""

import io
from collections.abc import Sequence
from hashlib import sha256

import xlsxwriter

from core import clock
from core.crypto import Cipher
from core.db import Database
from payments.debts.commands import NewDebtList, TakenList, take_list
from payments.debts.comparing import BATCH, ListName
from payments.debts.kinds import DebtKind
from payments.debts.loading import load_list
from payments.debts.sheets import read_debts
from tests.support.markets import ACTOR, KEY

CIPHER = Cipher(b"c" * 32)
LAND_HEADING = (
    "Mã khoản phải nộp,Mã hồ sơ,Số quyết định,Ngày quyết định,Họ tên,Mã số thuế,Địa chỉ,"
    "Kho bạc,Chương,Tiểu mục,Hạn nộp,Số tiền"
)
UTILITY_HEADING = "Mã hóa đơn,Họ và tên,Số tiền phải nộp,Nội dung"


def land(code: str, amount: str = "1.530.000", name: str = "Nguyễn Văn An", **said: str) -> str:
    """A row of land and tax obligations."""
    cells = {
        "dossier": f"H01-{code}",
        "number": "123/QĐ-CCT",
        "decided": "15/10/2026",
        "tax": "0100109106",
        "address": "1 đường Thử",
        "treasury": "KBNN Ba Đình",
        "chapter": "757",
        "sub_item": "1401",
        "due": "30/12/2026",
    } | said
    told = (code, cells["dossier"], cells["number"], cells["decided"], name, cells["tax"])
    rest = ("address", "treasury", "chapter", "sub_item", "due")
    return ",".join((*told, *(cells[one] for one in rest), amount))


def land_file(*rows: str) -> bytes:
    """A CSV file of land and tax obligations."""
    return "\n".join([LAND_HEADING, *rows, ""]).encode()


def utility_file(*rows: str) -> bytes:
    """A CSV file of utility bills."""
    return "\n".join([UTILITY_HEADING, *rows, ""]).encode()


def workbook(headings: Sequence[str], *rows: Sequence[object]) -> bytes:
    """An XLSX file; a text that begins with = is a formula, a pair gives what it came to too."""
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Danh sách")
        for place, heading in enumerate(headings):
            sheet.write_string(0, place, heading)
        for number, cells in enumerate(rows, start=1):
            for place, cell in enumerate(cells):
                if isinstance(cell, tuple):
                    sheet.write_formula(number, place, cell[0], None, cell[1])
                elif isinstance(cell, str):
                    sheet.write_string(number, place, cell)
                else:
                    sheet.write(number, place, cell)
    return made.getvalue()


async def take_file(
    database: Database,
    agency_id: str,
    content: bytes,
    *,
    kind: DebtKind = DebtKind.LAND_TAX,
    code: str = "dat-2026",
    load: bool = True,
    size: int = BATCH,
) -> TakenList:
    """Take a list in, and load it unless told otherwise; `size` rows are a batch."""
    sheet = read_debts(content, kind, clock.business_date(clock.now()))
    sheet.check()
    new = NewDebtList(
        ListName(agency_id, kind, code), "tep.csv", sha256(content).hexdigest(), sheet.debts
    )
    async with database.transaction() as session:
        taken = await take_list(session, new, cipher=CIPHER, key=KEY, actor=ACTOR, size=size)
    if load:
        await load_list(database, taken.id, CIPHER, KEY)
    return taken
