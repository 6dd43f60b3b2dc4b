"""Files of stalls taken in: all or nothing, again without harm, in any order of their rows."""

import io
import random
from collections.abc import Callable

import pytest
import xlsxwriter
from sqlalchemy import text

from core.crypto import Cipher
from core.db import Database
from payments.billing.importing import ImportOut, import_stalls
from payments.billing.markets import get_market
from payments.billing.setting_up import NewMarket, create_market
from payments.billing.sheets import HEADINGS, StallSheetRefused, read_rows
from tests.support.markets import ACTOR, KEY, new_body

CIPHER = Cipher(b"c" * 32)
HEADING = "Mã sạp,Loại,Diện tích (m²),Mã tiểu thương,Họ tên,Điện thoại,Từ ngày,Đến ngày,Thu theo"
ROWS = [
    'A-1,covered,"12,5",T1,Nguyễn Thị Một,0912000001,01/01/2026,31/10/2026,tháng',
    'A-1,covered,"12,5",T2,Trần Văn Hai,0912000002,01/11/2026,,tháng',
    "A-2,open,4,T1,Nguyễn Thị Một,0912000001,2026-02-01,,ngày",
    "A-3,open,4,,,,,,",
]
CONTENT = """
SELECT s.code, s.kind, s.area, v.code, c.first_on, c.last_on, c.billed_by
FROM stall s LEFT JOIN stall_contract c ON c.stall_id = s.id
LEFT JOIN vendor v ON v.id = c.vendor_id
ORDER BY s.code, c.first_on
"""


def csv_of(rows: list[str]) -> bytes:
    return "\n".join([HEADING, *rows, ""]).encode()


async def take(database: Database, market_id: str, content: bytes) -> ImportOut:
    async with database.transaction() as session:
        market = await get_market(session, market_id)
        rows = read_rows(content)
        return await import_stalls(session, market, rows, cipher=CIPHER, key=KEY, actor=ACTOR)


async def market_of(database: Database, code: str) -> str:
    async with database.transaction() as session:
        body = await new_body(session)
        return await create_market(session, body, NewMarket(code, "Chợ", "Market", 3), actor=ACTOR)


async def held(database: Database) -> list[tuple[object, ...]]:
    async with database.transaction() as session:
        return [tuple(row) for row in await session.execute(text(CONTENT))]


async def test_the_order_of_rows_does_not_matter_and_twice_is_once(database: Database) -> None:
    market_id = await market_of(database, "cho-a")
    shuffled = random.Random(7).sample(ROWS, len(ROWS))
    first = await take(database, market_id, csv_of(shuffled))
    assert (first.stalls, first.vendors, first.contracts) == (3, 2, 3)
    before = await held(database)
    again = await take(database, market_id, csv_of(ROWS))
    assert (again.stalls, again.vendors, again.contracts, again.known) == (0, 0, 0, 4)
    assert await held(database) == before
    more = await take(database, market_id, csv_of([*ROWS, "A-4,open,4,T9,Lê Ba,,01/03/2026,,"]))
    assert (more.stalls, more.vendors, more.contracts) == (1, 1, 1)


async def test_a_workbook_says_the_same(database: Database) -> None:
    market_id = await market_of(database, "cho-b")
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as workbook:
        sheet = workbook.add_worksheet("Sạp")
        for place, heading in enumerate(HEADINGS):
            sheet.write_string(0, place, heading)
        for place, cell in enumerate(("A-1", "covered", 12.5, 2)):
            sheet.write(1, place, cell)
    assert (await take(database, market_id, made.getvalue())).stalls == 1
    assert (await held(database))[0][:3] == ("A-1", "covered", 1_250)


@pytest.mark.parametrize(
    ("row", "field", "code"),
    [
        ("A 9,open,4,,,,,,", "row 2, column Mã sạp", "malformed"),
        ("A-9,Sạp,4,,,,,,", "row 2, column Loại", "malformed"),
        ("A-9,open,0,,,,,,", "row 2, column Diện tích (m²)", "not_an_area"),
        ("A-9,open,4.125,,,,,,", "row 2, column Diện tích (m²)", "not_an_area"),
        (",open,4,,,,,,", "row 2, column Mã sạp", "missing"),
        ("A-9,open,4,T9,,,01/01/2026,,", "row 2, column Họ tên", "missing"),
        ("A-9,open,4,T9,Lê Ba,,,,", "row 2, column Từ ngày", "missing"),
        ("A-9,open,4,,Lê Ba,,,,", "row 2, column Mã tiểu thương", "missing"),
        ("A-9,open,4,T9,Lê Ba,,31/02/2026,,", "row 2, column Từ ngày", "not_a_date"),
        ("A-9,open,4,T9,Lê Ba,,02/01/2026,01/01/2026,", "row 2, column Đến ngày", "out_of_range"),
        ("A-9,open,4,T9,Lê Ba,,02/01/2026,,quý", "row 2, column Thu theo", "unknown"),
        ("A-9,open,4,T9,Lê\u200bBa,,02/01/2026,,", "row 2, column Họ tên", "unseen"),
        ("A-9,open,4,T9,Lê Ba,09x,02/01/2026,,", "row 2, column Điện thoại", "malformed"),
    ],
)
def test_each_fault_is_named_by_row_column_and_reason(row: str, field: str, code: str) -> None:
    with pytest.raises(StallSheetRefused) as caught:
        read_rows(csv_of([row]))
    assert [(one.field, one.code) for one in caught.value.errors] == [(field, code)]
    assert caught.value.errors[0].detail.startswith("Dòng 2, cột ")


def test_a_file_with_a_heading_alone_says_so() -> None:
    with pytest.raises(StallSheetRefused) as caught:
        read_rows(csv_of([]))
    assert [one.detail for one in caught.value.errors] == ["Tệp chỉ có dòng tiêu đề."]


def test_a_cell_under_no_heading_is_a_fault_and_not_left_out() -> None:
    with pytest.raises(StallSheetRefused) as caught:
        read_rows(csv_of(["A-1,open,4,,,,,,,,thừa"]))
    (fault,) = caught.value.errors
    assert (fault.field, fault.code) == ("row 2", "no_heading")
    assert fault.detail == "Dòng 2: Ô thứ 11 không thuộc cột nào."


def test_a_row_has_one_fault_however_many_of_its_cells_are_under_no_heading() -> None:
    with pytest.raises(StallSheetRefused) as caught:
        read_rows(csv_of(["A-1,open,4,,,,,,,,a,b,c", "A-2,open,4,,,,,,,,d,e", "A-3,open,4"]))
    assert [one.field for one in caught.value.errors] == ["row 2", "row 3"]
    assert caught.value.errors[0].detail == "Dòng 2: Các ô thứ 11, 12, 13 không thuộc cột nào."


def workbook_of_phones(*phones: object) -> bytes:
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as workbook:
        sheet = workbook.add_worksheet("Sạp")
        sheet.write_row(0, 0, HEADING.split(",")[:7])
        for row, phone in enumerate(phones, start=1):
            there = (f"A-{row}", "open", 4, f"T{row}", "Lê Ba", phone, "01/01/2026")
            sheet.write_row(row, 0, there)
    return made.getvalue()


def csv_of_phones(*phones: object) -> bytes:
    rows = [f"A-{at},open,4,T{at},Lê Ba,{phone},01/01/2026,," for at, phone in enumerate(phones)]
    return csv_of(rows)


#: Numbers that companies are called at: no 0 of theirs was ever there to be lost.
SERVICES = ("19001234", "1900545463", "18001090", "1800588822")


@pytest.mark.parametrize("made_by", [workbook_of_phones, csv_of_phones])
def test_a_phone_that_lost_its_nought_gets_it_back(made_by: Callable[..., bytes]) -> None:
    whole = ("0912345678", "84912345678", "842438230000", "+84912345678", *SERVICES)
    typed = [int(one) if made_by is workbook_of_phones and one[0] in "18" else one for one in whole]
    rows = read_rows(made_by(912345678, "358 123 456", *typed))
    assert [row.phone for row in rows] == ["0912345678", "0358 123 456", *whole]
    assert [row.mended_phone for row in rows] == [True, True, *(False for _ in whole)]


@pytest.mark.parametrize("made_by", [workbook_of_phones, csv_of_phones])
def test_a_phone_that_may_have_lost_its_nought_is_asked_about(
    made_by: Callable[..., bytes],
) -> None:
    """Ten digits from a 2 on are a landline without its 0, or a number of another country."""
    with pytest.raises(StallSheetRefused) as caught:
        read_rows(made_by("0912345678", 2438230000))
    (fault,) = caught.value.errors
    assert fault.field.endswith("column Điện thoại")
    assert "có thể đã mất số 0 ở đầu" in fault.detail


def test_one_vendors_phone_is_the_same_with_its_nought_and_without() -> None:
    rows = [
        f"A-{at},open,4,T1,Lê Ba,{phone},0{at}/01/2026,,"
        for at, phone in enumerate(("0912345678", "912345678"), start=1)
    ]
    assert [row.phone for row in read_rows(csv_of(rows))] == ["0912345678", "0912345678"]
    # The control: another number for the same code.
    with pytest.raises(StallSheetRefused) as caught:
        read_rows(csv_of([rows[0], rows[1].replace("912345678", "912345679")]))
    assert [one.code for one in caught.value.errors] == ["differs"]


def test_rows_that_disagree_are_refused() -> None:
    other = "A-1,open,4,,,,,,"
    meets = 'A-1,covered,"12,5",T3,Lê Ba,,01/10/2026,,'
    renamed = "A-5,open,4,T1,Người Khác,,01/01/2026,,"
    with pytest.raises(StallSheetRefused) as caught:
        read_rows(csv_of([*ROWS, other, meets, renamed]))
    assert [one.code for one in caught.value.errors] == [
        *("differs", "stall_held", "stall_held", "differs"),
    ]


async def test_a_file_that_contradicts_what_is_there_leaves_nothing(database: Database) -> None:
    market_id = await market_of(database, "cho-c")
    await take(database, market_id, csv_of(ROWS))
    before = await held(database)
    larger = 'A-1,covered,"13,5",,,,,,'
    meets = "A-2,open,4,T2,Trần Văn Hai,0912000002,01/03/2026,,"
    with pytest.raises(StallSheetRefused) as caught:
        await take(database, market_id, csv_of([larger, meets, "A-8,open,4,,,,,,"]))
    assert {one.code for one in caught.value.errors} == {"differs", "stall_held"}
    assert await held(database) == before
