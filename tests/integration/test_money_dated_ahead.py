"""Money dated far ahead, or before its account, is kept and settles nothing by itself."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import col, select

from core import clock
from core.audit import AuditEntry
from core.clock import VIETNAM
from core.ids import new_id
from payments.agencies.queries import find_collection_account
from payments.bills.models import Payment, SuspenseItem
from payments.bills.reasons import Reason
from payments.books import credits, dates
from payments.books.credits import record_credit
from payments.books.dates import AHEAD, MoneyDate, money_date
from payments.books.identity import STATEMENT
from payments.ports import Credit
from tests.support.callbacks import call, notice_of, notify, order_of, result_of
from tests.support.places import Kept, looking
from tests.support.staff import finance_office
from tests.support.system import System

YEARS = timedelta(days=365 * 36)


async def tell(
    system: System, bill: dict[str, Any], ahead: timedelta, source: str = "feed", **said: str
) -> None:
    """A notice of 5,000 đ for a bill, dated `ahead` of now, straight into the books."""
    told = Credit(
        feed_ref=said.get("notice") or new_id("n"),
        bank_ref=said.get("bank_ref") or f"FT{new_id('m')[-12:]}",
        account_number="",
        amount=5000,
        narrative=bill["reference"],
        credited_at=clock.now() + ahead,
    )
    async with system.parts.database.transaction() as session:
        account = await find_collection_account(session, system.body.collection_code)
        assert account is not None
        await record_credit(
            session, account, told, source=source, actor="test", cipher=system.parts.cipher
        )


async def booked(system: System) -> list[tuple[str, date | None]]:
    async with system.parts.database.reading() as session:
        payments = await session.all(select(Payment).where(col(Payment.credited).is_not(None)))
        return [(payment.status, payment.accounting_on) for payment in payments]


async def alerts(system: System) -> list[dict[str, Any]]:
    async with system.parts.database.reading() as session:
        wanted = select(AuditEntry).where(AuditEntry.action == "payment.dated_ahead")
        return [entry.details for entry in await session.all(wanted)]


def today() -> date:
    return clock.business_date(clock.now())


async def test_a_notice_dated_far_ahead_waits_on_the_day_it_was_told_of(system: System) -> None:
    bill = await system.create_bill()
    async with looking(system) as seen:
        await tell(system, bill, YEARS, notice="n1")
        await tell(system, bill, YEARS, notice="n1")
    assert seen[0] == Kept([(5000, True)], [], [("suspense", "dated_ahead", 5000)], seen[0].ledger)
    assert (await system.read(bill))["status"] == "open"
    assert await booked(system) == [("succeeded", today())]
    (alert,) = await alerts(system)
    assert alert["dated"].startswith(f"{(clock.now() + YEARS).year}-")
    assert 'lephi_alerts{kind="payment.dated_ahead"} 1' in (await system.metrics()).text


@pytest.mark.parametrize("ahead", [timedelta(hours=-30), timedelta(), timedelta(hours=47)])
async def test_a_clock_that_is_a_little_wrong_stops_nothing(
    system: System, ahead: timedelta
) -> None:
    bill = await system.create_bill()
    await tell(system, bill, ahead)
    assert (await system.read(bill))["status"] == "paid"
    assert await alerts(system) == []


@pytest.mark.parametrize("year", [2062, 2150, 9999])
async def test_a_banks_notice_over_http_is_kept_whatever_year_it_says(
    system: System, year: int
) -> None:
    bill = await system.create_bill()
    body = json.loads(notice_of(system, 5000, bill["reference"]))
    body["transactionDate"] = f"{year}-12-31 23:59:59"
    async with looking(system) as seen:
        answer = await notify(system, json.dumps(body).encode())
        assert answer.status_code == 200
    assert seen[0].waiting == [("suspense", "dated_ahead", 5000)]
    assert await booked(system) == [("succeeded", today())]


async def test_two_people_let_it_pay_or_say_that_it_is_none(system: System) -> None:
    office = await finance_office(system)
    for kind, status in (("other_money", "paid"), ("same_money", "open")):
        bill = await system.create_bill()
        await tell(system, bill, YEARS)
        async with system.parts.database.reading() as session:
            items = await session.all(
                select(SuspenseItem.id).where(SuspenseItem.bill_id == bill["id"])
            )
        done = await office.approve(await office.propose(items[0], kind))
        assert done["status"] == "approved"
        assert (await system.read(bill))["status"] == status
    assert await system.broken() == []


async def test_the_rest_of_the_money_is_asked_for_and_settles_alone(system: System) -> None:
    bill = await system.create_bill()
    await tell(system, bill, YEARS)
    async with looking(system) as seen:
        await tell(system, bill, timedelta())
    assert seen[0].allocated == [5000]
    assert (await system.read(bill))["status"] == "paid"


async def test_the_statements_line_of_that_money_is_not_other_money(system: System) -> None:
    bill = await system.create_bill()
    async with looking(system) as seen:
        await tell(system, bill, YEARS, bank_ref="FT26332000000042")
        await tell(system, bill, timedelta(), STATEMENT, bank_ref="FT26332000000042")
    assert seen[0].payments == [(5000, True)]
    assert seen[0].waiting == [("suspense", "dated_ahead", 5000)]


async def test_a_gateways_result_dated_far_ahead_is_held(system: System) -> None:
    bill = await system.create_bill()
    payment = await system.start(bill)
    day = (clock.now() + YEARS).astimezone(VIETNAM)
    async with looking(system) as seen:
        body = result_of(system, order_of(system, payment), payDate=f"{day:%Y%m%d%H%M%S}")
        assert (await call(system, body)).status_code == 200
    assert seen[0].waiting == [("suspense", "dated_ahead", 5000)]
    assert await booked(system) == [("held", today())]
    assert len(await alerts(system)) == 1


async def test_without_the_look_at_the_date_it_would_pay_and_be_booked_then(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control."""
    monkeypatch.setattr(credits, "money_date", lambda told, *_: MoneyDate(told))
    for far, year in ((YEARS, today().year + 30), (-YEARS, today().year - 30)):
        bill = await system.create_bill()
        await tell(system, bill, far)
        assert (await system.read(bill))["status"] == "paid"
        days = [on for _, on in await booked(system) if on is not None]
        assert any(on.year > year if far > timedelta() else on.year < year for on in days)


async def opened(system: System, on: date) -> None:
    async with system.parts.database.transaction() as session:
        account = await find_collection_account(session, system.body.collection_code)
        assert account is not None
        told = {"id": account.id, "on": on}
        await session.execute(
            text("UPDATE collection_account SET opened_on = :on WHERE id = :id"), told
        )


@pytest.mark.parametrize("year", [1, 1899, 1970, 2000, 2019])
async def test_a_banks_notice_of_before_its_account_is_kept_and_pays_nothing(
    system: System, year: int
) -> None:
    await opened(system, date(2020, 1, 1))
    bill = await system.create_bill()
    body = json.loads(notice_of(system, 5000, bill["reference"]))
    body["transactionDate"] = f"{year:04}-12-31 23:59:59"
    async with looking(system) as seen:
        for _ in range(2):
            assert (await notify(system, json.dumps(body).encode())).status_code == 200
    assert seen[0].waiting == [("suspense", "dated_before", 5000)]
    assert (await system.read(bill))["status"] == "open"
    assert await booked(system) == [("succeeded", today())]
    assert 'lephi_alerts{kind="payment.dated_before"} 1' in (await system.metrics()).text
    page = await system.browser.get(f"/b/{bill['reference']}")
    assert page.status_code == 200
    office = await finance_office(system)
    (item,) = await office.suspense(reason="dated_before")
    await office.approve(await office.propose(item["id"], "other_money"))
    assert (await system.read(bill))["status"] == "paid"


async def test_the_accounts_first_day_is_one_of_its_days(system: System) -> None:
    await opened(system, today())
    bill = await system.create_bill()
    await tell(system, bill, timedelta())
    assert (await system.read(bill))["status"] == "paid"
    bill = await system.create_bill()
    async with looking(system) as seen:
        await tell(system, bill, timedelta(days=-1))
    assert seen[0].waiting == [("suspense", "dated_before", 5000)]


async def test_a_gateways_result_of_before_its_account_is_held(system: System) -> None:
    await opened(system, today())
    payment = await system.start(await system.create_bill())
    day = (clock.now() - timedelta(days=2)).astimezone(VIETNAM)
    async with looking(system) as seen:
        body = result_of(system, order_of(system, payment), payDate=f"{day:%Y%m%d%H%M%S}")
        assert (await call(system, body)).status_code == 200
    assert seen[0].waiting == [("suspense", "dated_before", 5000)]
    assert await booked(system) == [("held", today())]


def test_the_limit_is_more_than_two_days() -> None:
    now = clock.now()
    assert timedelta(days=2) == dates.AHEAD
    assert money_date(now + AHEAD, now, None) == MoneyDate(now + AHEAD)
    further = now + AHEAD + timedelta(microseconds=1)
    assert money_date(further, now, None) == MoneyDate(now, further, Reason.DATED_AHEAD)


@pytest.mark.parametrize("opened_on", [None, date(1990, 1, 1), date(2026, 11, 2)])
def test_no_money_came_before_its_account_was_there(opened_on: date | None) -> None:
    now = clock.now()
    first = opened_on or date(2001, 1, 1)
    begin, _ = clock.day_bounds(max(first, date(2001, 1, 1)), now.date())
    assert money_date(begin, now, opened_on) == MoneyDate(begin)
    earlier = begin - timedelta(microseconds=1)
    assert money_date(earlier, now, opened_on) == MoneyDate(now, earlier, Reason.DATED_BEFORE)
