"""Billing runs on a real database: what is owed is billed once, whatever is run again."""

import asyncio
from datetime import date

import pytest
from sqlalchemy import text

from app.invariants import broken
from core.crypto import Cipher
from core.db import Database
from core.errors import Invalid
from core.sessions import WriteSession
from payments.billing.contracts import ReadingBilled, end_contract, record_reading
from payments.billing.periods import Period, period_of
from payments.billing.rebilling import PeriodPaid
from payments.billing.runs import RunOutcome, run_billing
from payments.billing.setting_up import NewContract, StallHeld, add_contracts
from payments.bills.queries import get_bill
from tests.support.locks import until_someone_waits
from tests.support.markets import ACTOR, MarketStalls, add_rate, lay_out, standing

CIPHER = Cipher(b"c" * 32)
NOVEMBER = period_of("month", "2026-11")
OPENED = date(2026, 11, 1)
MONTH_RENT = 10 * 2_000 * 30


async def run(
    database: Database, laid: MarketStalls, period: Period = NOVEMBER, opened_on: date = OPENED
) -> RunOutcome:
    return await run_billing(
        database, CIPHER, laid.market, period, actor=ACTOR, opened_on=opened_on, batch=2
    )


async def in_order(database: Database) -> None:
    async with database.transaction() as session:
        assert await broken(session) == []


async def test_a_month_is_one_ordinary_bill_for_each_contract(database: Database) -> None:
    laid = await lay_out(database, CIPHER)
    done = await run(database, laid)
    assert (done.stalls, done.bills, done.charges, done.problems) == (5, 5, 5, [])
    found = await standing(database, "2026-11")
    assert found == [
        ("rent", code, date(2026, 11, 1), date(2026, 11, 30), MONTH_RENT, 0, "open")
        for code in sorted(laid.stalls)
    ]
    async with database.transaction() as session:
        bill_id = (await session.execute(text("SELECT min(id) FROM bill"))).scalar_one()
        bill = await get_bill(session, bill_id, [laid.market.agency_id])
    assert (bill.amount, bill.channel, bill.opened_on) == (MONTH_RENT, "billing_run", OPENED)
    (line,) = bill.lines
    assert (line.nature, line.amount, line.sub_item) == ("price", MONTH_RENT, None)
    assert line.explanation == "Diện tích 10 m², 30 ngày (01/11/2026–30/11/2026)"
    await in_order(database)


async def test_a_second_run_adds_nothing_and_a_new_stall_is_added(database: Database) -> None:
    laid = await lay_out(database, CIPHER, count=3)
    await run(database, laid)
    before = await standing(database, "2026-11")
    again = await run(database, laid)
    assert (again.bills, again.charges) == (0, 0)
    assert await standing(database, "2026-11") == before
    more = await lay_out(
        database, CIPHER, count=1, agency_id=laid.market.agency_id, code="cho-2", contracts=False
    )
    async with database.transaction() as session:
        held = NewContract(more.stalls["A-001"], laid.vendors["TT-001"], OPENED)
        await add_contracts(session, more.market, [held], actor=ACTOR)
    assert (await run(database, more)).bills == 1
    assert len(await standing(database, "2026-11")) == 4


async def test_two_runs_at_once_bill_once(database: Database) -> None:
    laid = await lay_out(database, CIPHER, count=6)
    first, second = await asyncio.gather(run(database, laid), run(database, laid))
    assert first.bills + second.bills == 6
    assert len(await standing(database, "2026-11")) == 6


async def test_a_hand_over_after_the_bill_is_billed_by_days(database: Database) -> None:
    laid = await lay_out(database, CIPHER, count=1)
    await run(database, laid)
    stall, vendor = laid.stalls["A-001"], laid.vendors["TT-001"]
    agencies = [laid.market.agency_id]
    async with database.transaction() as session:
        held = (await session.execute(text("SELECT id FROM stall_contract"))).scalar_one()
    new = NewContract(stall, vendor, date(2026, 11, 11))

    async def hand_over(session: WriteSession) -> None:
        await add_contracts(session, laid.market, [new], actor=ACTOR)

    with pytest.raises(StallHeld):
        await database.run(hand_over)
    async with database.transaction() as session:
        done = await end_contract(session, held, date(2026, 11, 10), agencies, CIPHER, actor=ACTOR)
        assert (done.anew, done.kept) == (1, 0)
        await hand_over(session)
    await run(database, laid)
    found = await standing(database, "2026-11")
    assert [row[4] for row in found] == [200_000, 400_000]
    assert sum(row[4] for row in found) == MONTH_RENT
    async with database.transaction() as session:
        told = (await session.execute(text("SELECT status, amount FROM bill ORDER BY id"))).all()
    assert [tuple(one) for one in told] == [
        *(("cancelled", 600_000), ("open", 200_000), ("open", 400_000)),
    ]
    await in_order(database)


async def test_a_contract_whose_period_is_paid_ends_later_or_not_at_all(
    database: Database,
) -> None:
    laid = await lay_out(database, CIPHER, count=1)
    await run(database, laid)
    async with database.transaction() as session:
        held = (await session.execute(text("SELECT id FROM stall_contract"))).scalar_one()
        await session.execute(text("UPDATE bill SET status = 'paid', paid_at = now()"))
    agencies = [laid.market.agency_id]
    with pytest.raises(PeriodPaid):
        async with database.transaction() as session:
            await end_contract(session, held, date(2026, 11, 10), agencies, CIPHER, actor=ACTOR)
    async with database.transaction() as session:
        await end_contract(session, held, date(2026, 11, 30), agencies, CIPHER, actor=ACTOR)
    assert [row[4] for row in await standing(database, "2026-11")] == [MONTH_RENT]


async def test_of_two_who_end_a_contract_at_once_the_second_makes_it_no_longer(
    database: Database,
) -> None:
    laid = await lay_out(database, CIPHER, count=1)
    await run(database, laid)
    agencies = [laid.market.agency_id]
    async with database.transaction() as session:
        held = (await session.execute(text("SELECT id FROM stall_contract"))).scalar_one()

    async def end(day: int) -> None:
        async with database.transaction() as session:
            last = date(2026, 11, day)
            await end_contract(session, held, last, agencies, CIPHER, actor=ACTOR)

    async with database.transaction() as session:
        await end_contract(session, held, date(2026, 11, 10), agencies, CIPHER, actor=ACTOR)
        second = asyncio.create_task(end(20))
        await until_someone_waits(database)
    with pytest.raises(Invalid):
        await second
    assert [row[3] for row in await standing(database, "2026-11")] == [date(2026, 11, 10)]
    await in_order(database)


async def test_a_withdrawn_bill_is_billed_anew(database: Database) -> None:
    laid = await lay_out(database, CIPHER, count=2)
    await run(database, laid)
    async with database.transaction() as session:
        await session.execute(
            text("UPDATE bill SET status = 'cancelled' WHERE id = (SELECT min(id) FROM bill)")
        )
    again = await run(database, laid)
    assert again.bills == 1
    assert [row[6] for row in await standing(database, "2026-11")] == ["open", "open"]


async def test_meters_are_billed_from_reading_to_reading(database: Database) -> None:
    laid = await lay_out(database, CIPHER, count=1)
    stall, agencies = laid.stalls["A-001"], [laid.market.agency_id]

    async def read(day: date, shows: int, *, began_anew: bool = False) -> None:
        async with database.transaction() as session:
            told = (stall, "electricity", day, shows, agencies)
            await record_reading(session, *told, actor=ACTOR, began_anew=began_anew)

    async with database.transaction() as session:
        await add_rate(session, laid.market.id)
    await read(date(2026, 9, 30), 100)
    await read(date(2026, 10, 31), 130)
    await run(database, laid)
    found = {row[0]: row for row in await standing(database, "2026-11")}
    assert found["electricity"][2:5] == (date(2026, 10, 1), date(2026, 10, 31), 90_000)
    with pytest.raises(ReadingBilled):
        await read(date(2026, 10, 31), 131)
    with pytest.raises(Invalid, match="chạy lùi"):
        await read(date(2026, 11, 5), 129)
    # A reading in between is another way to the same sum.
    await read(date(2026, 11, 10), 140)
    await read(date(2026, 11, 20), 99_990)
    await read(date(2026, 11, 28), 10, began_anew=True)
    december = period_of("month", "2026-12")
    await run(database, laid, december, opened_on=date(2026, 11, 29))
    found = {row[0]: row for row in await standing(database, "2026-12")}
    assert found["electricity"][4] == (100_000 + 10 - 130) * 3_000
    await in_order(database)


async def test_a_hand_over_without_a_reading_is_told_and_billed_once_it_is_read(
    database: Database,
) -> None:
    laid = await lay_out(database, CIPHER, count=1, contracts=False)
    stall, vendor = laid.stalls["A-001"], laid.vendors["TT-001"]
    agencies = [laid.market.agency_id]
    async with database.transaction() as session:
        await add_rate(session, laid.market.id)
        days = (date(2026, 1, 1), date(2026, 10, 10)), (date(2026, 10, 11), None)
        held = [NewContract(stall, vendor, first, last) for first, last in days]
        await add_contracts(session, laid.market, held, actor=ACTOR)
        for day, shows in ((date(2026, 9, 30), 100), (date(2026, 10, 31), 130)):
            await record_reading(session, stall, "electricity", day, shows, agencies, actor=ACTOR)
    done = await run(database, laid)
    # Nobody has said either what the place costs.
    assert [one.code for one in done.problems] == ["tariff_unclear", "reading_wanted"]
    assert await standing(database, "2026-11") == []
    async with database.transaction() as session:
        day = date(2026, 10, 10)
        await record_reading(session, stall, "electricity", day, 110, agencies, actor=ACTOR)
    await run(database, laid)
    found = await standing(database, "2026-11")
    assert [(row[0], row[4]) for row in found] == [
        *(("electricity", 30_000), ("electricity", 60_000)),
    ]


async def test_what_one_statement_writes_of_a_bill_copy_writes_too(database: Database) -> None:
    """A run's bills have the columns that every bill has, and the same audit entry."""
    laid = await lay_out(database, CIPHER, count=1)
    await run(database, laid)
    async with database.transaction() as session:
        entry = (
            await session.execute(
                text("SELECT action, details FROM audit_entry e JOIN bill b ON b.id = e.object_id")
            )
        ).one()
        assert tuple(entry) == ("bill.opened", {"amount": MONTH_RENT, "status": "open"})
        sealed = (
            await session.execute(
                text("SELECT p.data, b.id FROM payer_data p JOIN bill b ON b.id = p.subject_id")
            )
        ).one()
    assert "Nguyễn Thị 001" in CIPHER.decrypt(sealed[0], f"payer:{sealed[1]}").decode()


async def test_a_period_too_far_ahead_is_refused(database: Database) -> None:
    laid = await lay_out(database, CIPHER, count=1)
    with pytest.raises(Invalid, match="quá xa"):
        await run(database, laid, period_of("month", "2027-03"))


@pytest.mark.parametrize(
    "change",
    ["amount = amount - 1", "amount = 0, waived = 600000", "voided_at = now()"],
)
async def test_charges_that_are_not_their_bill_are_named(database: Database, change: str) -> None:
    """The negative control: a charge that is lost, or said to be void, does not go unseen."""
    laid = await lay_out(database, CIPHER, count=2)
    await run(database, laid)
    await in_order(database)
    async with database.transaction() as session:
        await session.execute(
            text(f"UPDATE charge SET {change} WHERE id = (SELECT min(id) FROM charge)")
        )
    async with database.transaction() as session:
        (told,) = await broken(session)
    assert "a market's bill is the charges on it" in told
