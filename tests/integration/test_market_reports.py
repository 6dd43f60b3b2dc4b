"""Reports of a market: ages to the day, rates that add up, and how each stall stands."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Subquery, text

from core import clock
from core.ids import new_id
from payments.billing.periods import month_of
from payments.billing.reports import arrears, rates, standings
from payments.billing.reports.arrears import StallArrears, list_kind_arrears, list_stall_arrears
from payments.billing.reports.rates import MarketRate, list_rates, sum_credit_of
from payments.billing.reports.standings import (
    HolderDebt,
    StallPlacing,
    page_of_standings,
    standing_of,
)
from payments.billing.reports.states import StandingState
from payments.billing.runs import run_billing
from payments.books import suspense
from tests.support.callbacks import credit
from tests.support.markets import ACTOR, MarketStalls, lay_out
from tests.support.rates import charged_of, misfits
from tests.support.staff import finance_office
from tests.support.stalls import stall
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Days after the due day, the first and last of each age.
AGES = {-1: "not_due", 0: "not_due", 1: "to_30", 30: "to_30", 31: "to_60", 60: "to_60"}
AGES |= {61: "to_90", 90: "to_90", 91: "over_90", 400: "over_90"}
OWED = 300_000
#: When nothing had come for anything.
LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)


def today() -> date:
    return clock.business_date(clock.now())


async def aged(system: System, prefix: str) -> dict[int, StallArrears]:
    """A stall for each day of `AGES` that owes since then, as the arrears tell of it."""
    market_id = ""
    for days in AGES:
        at = await stall(system, f"{prefix}{days}")
        await at.owe(OWED, due_in=-days)
        market_id = at.market_id
    async with system.parts.database.reading() as session:
        told = await list_stall_arrears(session, market_id, today())
    return {int(one.stall[len(prefix) :]): one for one in told if one.stall.startswith(prefix)}


async def test_what_is_owed_is_as_old_as_the_days_since_it_was_due(
    shared_system: System,
) -> None:
    found = await aged(shared_system, "R")
    ages = ("not_due", "to_30", "to_60", "to_90", "over_90")
    assert {days: [name for name in ages if getattr(one, name)] for days, one in found.items()} == {
        days: [name] for days, name in AGES.items()
    }
    assert {one.total for one in found.values()} == {OWED}
    assert list(found) == sorted(AGES, reverse=True)  # the oldest first


async def test_an_age_that_ends_a_day_early_is_noticed(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrears, "AGES", (29, 59, 89))
    found = await aged(shared_system, "Q")
    assert found[30].to_60 == OWED


async def test_what_came_in_part_is_no_arrears(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = await stall(shared_system, "P1")
    await at.owe(OWED, due_in=-5)
    await credit(shared_system, 100_000, f"gop {at.reference}")
    await shared_system.work()

    async def told() -> int:
        async with shared_system.parts.database.reading() as session:
            found = await list_stall_arrears(session, at.market_id, today())
        return next(one.total for one in found if one.stall == "P1")

    assert await told() == OWED - 100_000

    def nothing(_: object) -> Subquery:
        return suspense.waiting_at(LONG_AGO)

    monkeypatch.setattr(arrears, "waiting_at", nothing)
    assert await told() == OWED


async def test_the_kinds_come_to_what_the_stalls_come_to(shared_system: System) -> None:
    at = await stall(shared_system, "K1")
    await at.owe(OWED, due_in=-100)
    async with shared_system.parts.database.reading() as session:
        stalls = await list_stall_arrears(session, at.market_id, today())
        kinds = await list_kind_arrears(session, [at.market_id], today())
        nothing = await list_kind_arrears(session, [at.market_id], today() - timedelta(days=900))
    assert arrears.sum_ages(kinds) == arrears.sum_ages(stalls)
    assert sum(one.bills for one in kinds) == sum(one.bills for one in stalls)
    # Before any of it was billed nobody owed anything.
    assert nothing == []


async def mixed_market(system: System) -> MarketStalls:
    """A market's month: paid, in part, open, withdrawn, let off whole, paid ahead."""
    parts, period = system.parts, month_of(today())
    code = new_id("cho")[-12:]
    laid = await lay_out(
        parts.database, parts.cipher, count=6, agency_id=system.body.agency_id, code=code
    )
    office = await finance_office(system)
    waiver = {"stall": laid.stalls["A-005"], "percent": 100, "kind": "hardship", "basis": "Đơn"}
    waiver |= {"first_on": f"{period.first}", "last_on": f"{period.last}", "reason": "ốm"}
    asked = await office.post(f"/markets/{laid.market.id}/waivers", waiver)
    await office.approve(asked.json())
    await run_billing(parts.database, parts.cipher, laid.market, period, actor=ACTOR)
    rent = 20_000 * ((period.last - period.first).days + 1)
    async with parts.database.transaction() as session:
        wanted = text("SELECT code, reference FROM stall WHERE market_id = :market")
        held = await session.execute(wanted, {"market": laid.market.id})
        references: dict[str, str] = {row[0]: row[1] for row in held}
        bill = text("SELECT bill_id FROM charge WHERE stall_id = :stall AND voided_at IS NULL")
        bill_id = await session.scalar(bill, {"stall": laid.stalls["A-004"]})
    for stall_code, amount in (("A-001", rent), ("A-002", 50_000), ("A-006", rent + 70_000)):
        await credit(system, amount, f"TT {references[stall_code]}")
    cancelled = await system.client.post(
        f"/api/v1/bills/{bill_id}/cancel", headers={"Idempotency-Key": new_id("k")}
    )
    assert cancelled.status_code == 200, cancelled.text
    await system.work()
    return laid


async def rates_of(system: System, laid: MarketStalls) -> tuple[list[MarketRate], list[str]]:
    """The market's rates, and what is wrong with them."""
    async with system.parts.database.transaction() as session:
        period = month_of(today())
        found = await list_rates(session, [laid.market.id], period.first, period.last)
        return found, misfits(found, await charged_of(session, laid.market.id))


async def test_rates_add_up_and_are_what_the_rows_say(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    laid = await mixed_market(shared_system)
    (rate,), wrong = await rates_of(shared_system, laid)
    assert wrong == []
    rent = rate.billed // 6
    assert (rate.paid, rate.waived, rate.withdrawn) == (2 * rent, rent, rent)
    assert (rate.waiting, rate.owed) == (50_000, 2 * rent - 50_000)
    assert rate.percent == (2 * rent + 50_000) * 100 // (4 * rent)
    assert rate.tenths == (2 * rent + 50_000) * 1000 // (4 * rent)
    async with shared_system.parts.database.reading() as session:
        assert await sum_credit_of(session, [laid.market.id]) == {laid.market.id: 70_000}
        page = await page_of_standings(session, laid.market.id, today(), limit=10)
    late = today() > page.items[2].due_on  # type: ignore[operator]  # it owes
    assert {one.stall.code: one.state for one in page.items} == {
        **dict.fromkeys(("A-001", "A-004", "A-006"), "paid"),
        "A-002": "overdue" if late else "part",
        "A-003": "overdue" if late else "owed",
        "A-005": "waived",
    }
    # The negative controls: a report that forgets what is owed, or what waits.
    with monkeypatch.context() as broken:
        broken.setattr(rates, "OWED", ())
        assert (await rates_of(shared_system, laid))[1]
    with monkeypatch.context() as broken:
        broken.setattr(rates, "waiting_at", lambda: suspense.waiting_at(LONG_AGO))
        assert (await rates_of(shared_system, laid))[1]


async def test_stalls_are_paged_in_the_order_of_a_walk(shared_system: System) -> None:
    parts = shared_system.parts
    code = new_id("cho")[-12:]
    agency_id = shared_system.body.agency_id
    laid = await lay_out(parts.database, parts.cipher, count=5, agency_id=agency_id, code=code)
    async with parts.database.transaction() as session:
        moved = text("UPDATE stall SET lane = 'B', route_order = 1 WHERE id = :id")
        await session.execute(moved, {"id": laid.stalls["A-001"]})
        moved = text("UPDATE stall SET route_order = 9 WHERE id = :id")
        await session.execute(moved, {"id": laid.stalls["A-002"]})
    seen: list[str] = []
    after: str | None = None
    async with parts.database.reading() as session:
        while True:
            page = await page_of_standings(session, laid.market.id, today(), after=after, limit=2)
            seen += [one.stall.code for one in page.items]
            if (after := page.next_cursor) is None:
                break
        assert await standings.list_lanes(session, laid.market.id) == ["", "B"]
    assert seen == ["A-003", "A-004", "A-005", "A-002", "A-001"]


PLACE = StallPlacing(*("s", "m", "A", "covered", 100, 1, "", 0, "LP", None, None, "c", "v", "TT"))
NOW = date(2026, 11, 30)


@pytest.mark.parametrize(
    ("owed", "waiting", "due_in", "let_off", "state"),
    [
        (0, 0, 0, False, "paid"),
        (0, 0, 0, True, "waived"),
        (5, 0, 0, True, "owed"),
        (5, 0, 1, False, "owed"),
        (5, 3, 1, False, "part"),
        (5, 3, -1, False, "overdue"),
        (5, 0, -1, True, "overdue"),
    ],
)
async def test_a_stall_stands_by_its_worst(
    owed: int, waiting: int, due_in: int, let_off: bool, state: StandingState
) -> None:
    debt = HolderDebt("s", "v", owed, waiting, NOW + timedelta(days=due_in))
    told = standing_of(PLACE, debt if owed else None, NOW, let_off=let_off)
    assert (told.state, told.owed) == (state, owed)


async def test_a_stall_that_nobody_holds_is_empty_whatever_was_owed_there() -> None:
    empty = replace(PLACE, contract_id=None, vendor_id=None, vendor=None)
    debt = HolderDebt("s", "v", 5, 0, NOW)
    assert standing_of(empty, debt, NOW, let_off=True).state == "empty"
