"""A receipt bears the day of its issue and a number of that day's year, whenever the money came."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from core import clock
from receipts.content import ReceiptContent
from receipts.verification import verify
from receipts.xml import parse
from tests.support.callbacks import credit, notice_of, notify
from tests.support.pdf import text_of
from tests.support.receipts import content
from tests.support.rows import count
from tests.support.system import System

#: A year that is still to come, for the signing key of a test is not older than the test.
YEAR = clock.now().year + 1
#: 22:30 in Vietnam on its last day.
NEW_YEARS_EVE = datetime(YEAR, 12, 31, 15, 30, tzinfo=UTC)


async def receipt_of(system: System, bill: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """The one receipt of a bill, and its XML."""
    (receipt,) = (await system.read(bill))["receipts"]
    return receipt, (await system.browser.get(receipt["xml_url"])).content


async def test_a_december_payment_told_of_in_january_is_issued_in_januarys_series(
    system: System,
) -> None:
    with clock.frozen(NEW_YEARS_EVE) as now:
        early = await system.create_bill()
        await credit(system, 5000, early["reference"])
        await system.work()
        late = await system.create_bill()
        await credit(system, 5000, late["reference"])
        now.advance(timedelta(days=10))  # the worker was away
        await system.work()
    first, xml = await receipt_of(system, early)
    assert (first["symbol"], first["number"]) == (f"{YEAR % 100}TAA", 1)
    assert parse(xml).issued_on.isoformat() == f"{YEAR}-12-31"
    second, xml = await receipt_of(system, late)
    assert (second["symbol"], second["number"]) == (f"{(YEAR + 1) % 100}TAA", 1)
    with clock.frozen(NEW_YEARS_EVE + timedelta(days=10)):
        result = verify(xml)
    told = result.content
    assert result.valid
    assert told is not None
    assert told.issued_on.isoformat() == f"{YEAR + 1}-01-10"
    assert told.paid_at == NEW_YEARS_EVE
    pdf = text_of((await system.browser.get(second["pdf_url"])).content)
    assert f"Ngày 10/01/{YEAR + 1}" in pdf
    assert f"Thời điểm thanh toán (Paid at) 31/12/{YEAR} 22:30:00" in pdf
    page = await system.browser.get(second["check_url"])
    assert "22:30" in page.text
    assert await system.broken() == []


async def test_the_moment_of_payment_is_the_banks_however_late_we_are_told(system: System) -> None:
    with clock.frozen(NEW_YEARS_EVE) as now:
        bill = await system.create_bill()
        notice = notice_of(system, 5000, bill["reference"])
        now.advance(timedelta(days=5))
        answer = await notify(system, notice)
        assert answer.status_code == 200, answer.text
        await system.work()
    _, xml = await receipt_of(system, bill)
    told = parse(xml)
    assert told.paid_at == NEW_YEARS_EVE
    assert told.issued_on.isoformat() == f"{YEAR + 1}-01-05"


async def test_days_rise_with_the_numbers_however_the_payments_came(system: System) -> None:
    told = []
    with clock.frozen(datetime(YEAR, 11, 20, 3, tzinfo=UTC)) as now:
        slow = await system.create_bill()
        await credit(system, 5000, slow["reference"])
        now.move_to(datetime(YEAR, 11, 21, 3, tzinfo=UTC))
        # A worker that does not come to this bill: its delivery is due later.
        later = text("UPDATE outbox_delivery SET due_at = :at WHERE state <> 'done'")
        async with system.parts.database.transaction() as session:
            await session.execute(later, {"at": datetime(YEAR, 11, 21, 3, 9, tzinfo=UTC)})
        quick = await system.create_bill()
        await credit(system, 5000, quick["reference"])
        await system.work()
        now.move_to(datetime(YEAR, 11, 23, 3, tzinfo=UTC))
        await system.work()
    for bill in (quick, slow):
        receipt, xml = await receipt_of(system, bill)
        told.append((receipt["number"], parse(xml).issued_on.isoformat()))
    assert told == [(1, f"{YEAR}-11-21"), (2, f"{YEAR}-11-23")]
    assert await system.broken() == []


@pytest.mark.parametrize(
    "change",
    [
        # as it was before: the date of the payment
        "UPDATE receipt SET issued_on = CAST(paid_at AT TIME ZONE 'Asia/Ho_Chi_Minh' AS date)",
        # a worker whose clock goes back a week
        "UPDATE receipt SET issued_on = issued_on - 7, issued_at = issued_at - interval '7 days'"
        " WHERE number = 2",
    ],
)
async def test_a_date_out_of_order_is_seen(system: System, change: str) -> None:
    """The broken variants of the rule; the guard of frozen receipts is held back for them."""
    with clock.frozen(datetime(YEAR, 11, 20, 3, tzinfo=UTC)) as now:
        for _ in range(2):
            bill = await system.create_bill()
            await credit(system, 5000, bill["reference"])
            now.advance(timedelta(days=3))
            await system.work()
    assert await system.broken() == []
    async with system.parts.database.transaction() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(text(change))
    assert any("days rise with the numbers" in line for line in await system.broken())


async def test_a_receipt_of_before_keeps_its_date_and_is_no_breach(system: System) -> None:
    bill = await system.create_bill()
    await credit(system, 5000, bill["reference"])
    await system.work()
    async with system.parts.database.transaction() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        before = "UPDATE receipt SET issued_on = issued_on - 40, paid_at = NULL"
        await session.execute(text(before))
    # Its rows are held against what was signed as well, which this one's are not any more.
    assert [line for line in await system.broken() if "what was signed" not in line] == []
    assert await count(system.parts.database, "receipt", "paid_at IS NULL") == 1


def test_what_was_frozen_before_the_moment_was_kept_is_read() -> None:
    stored = content(paid_at=None).to_json()
    del stored["paid_at"]
    assert ReceiptContent.from_json(stored) == content(paid_at=None)
