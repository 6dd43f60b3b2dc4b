"""What keeps no day open is no open exception: in the list, in its files, and in the minutes."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from python_calamine import CalamineWorkbook

from core import clock
from core.clock import FrozenClock
from core.ids import new_id
from reconciliation.cases.standing import standing_of
from reconciliation.matching.ageing import WAITING
from reconciliation.matching.values import CLASSES
from tests.support.callbacks import credit
from tests.support.closing import close, discrepancies, reconcile_on, resolve, today
from tests.support.staff import finance_office
from tests.support.statements import take_statement
from tests.support.system import System

#: A Monday, 10:00 in Vietnam.
MONDAY = datetime(2026, 11, 16, 3, tzinfo=UTC)
_EXPLAINED = {("payment", "late"), ("line", "late"), ("line", "reversed")}


@pytest.fixture
def now() -> Iterator[FrozenClock]:
    with clock.frozen(MONDAY) as frozen:
        yield frozen


def bank() -> str:
    return f"FT26{int(new_id('f')[-10:], 16) % 10**9:09d}"


def sheet_of(content: bytes, name: str) -> list[dict[str, object]]:
    """A workbook's sheet by its headings."""
    heading, *rows = (
        CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_name(name).to_python()
    )
    return [dict(zip(map(str, heading), row, strict=True)) for row in rows]


def test_what_keeps_no_day_open_waits_or_explains_itself() -> None:
    for kind in CLASSES:
        for side in ("payment", "line", "account"):
            expected = "waiting" if kind in WAITING else "open"
            if (side, kind) in _EXPLAINED or kind == "late":
                expected = "explained"
            assert standing_of(side, kind) == expected, (side, kind)


async def test_late_and_returned_money_never_grows_overdue_and_minutes_name_what_they_list(
    system: System, now: FrozenClock
) -> None:
    office, monday = await finance_office(system), today()
    bill, awaited, back = [await system.create_bill() for _ in range(3)]
    late, unknown, returned = bank(), bank(), bank()
    await credit(system, 5000, bill["reference"], bank_ref=late)
    await credit(system, 5000, awaited["reference"], bank_ref=bank())
    await take_statement(
        system,
        f"7000|credit|TIEN KHAC|{unknown}",
        f"5000|credit|NOP {back['reference']}|{returned}",
        f"5000|debit|HOAN TRA {back['reference']}|{returned}",
    )
    now.advance(timedelta(days=1))
    await take_statement(system, f"5000|credit|NOP {bill['reference']}|{late}")
    now.advance(timedelta(days=7))
    run = (await reconcile_on(system, monday)).json()
    found = await discrepancies(office, run)
    assert {(one["side"], one["class"]): (one["standing"], one["overdue"]) for one in found} == {
        ("payment", "late"): ("explained", False),
        ("line", "reversed"): ("explained", False),
        ("line", "unknown_in_ledger"): ("open", True),
        ("payment", "missing_in_ledger"): ("open", True),
    }
    path = f"/api/v1/reconciliations/{run['id']}"
    told = (await system.office.get(f"{path}/discrepancies.csv")).content.decode("utf-8-sig")
    rows = {one["class"]: one for one in csv.DictReader(io.StringIO(told))}
    missing = rows["missing_in_ledger"]
    assert (missing["stage"], missing["expected_on"]) == ("missing", monday)
    assert {one["stage"] for kind, one in rows.items() if kind != "missing_in_ledger"} == {""}
    book = (await system.office.get(f"{path}/discrepancies.xlsx")).content
    shown = {one["Loại"]: one for one in sheet_of(book, "Chênh lệch")}
    assert shown["Đã thu, chưa có trên sao kê"]["Chờ ghi có"] == "mất dấu"
    assert shown["Trong đó: ghi sổ muộn"]["Trạng thái"] == "đã rõ, không phải xử lý"
    assert shown["Ghi có chưa rõ"]["Trạng thái"] == "chưa xử lý"
    for one in found:
        if one["standing"] == "open":
            assert (await resolve(office, one, "accept"))["status"] == "approved"
    await close(office, run)
    minutes = (await system.office.get(f"{path}/minutes.xlsx")).content
    named = {one["Loại"]: one["Đối tượng"] for one in sheet_of(minutes, "Chênh lệch")}
    assert named["Ghi có chưa rõ"] == f"dòng sao kê ngày 16/11/2026, số tham chiếu {unknown}"
    paid = str(named["Đã thu, chưa có trên sao kê"])
    assert paid.startswith(f"khoản thu {awaited['reference']}, số tham chiếu FT26")
