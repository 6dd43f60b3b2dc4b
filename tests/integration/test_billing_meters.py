"""What a meter showed is billed once, also where a bill was withdrawn after the next was made."""

from datetime import date

import pytest
from sqlalchemy import text

from core.crypto import Cipher
from core.db import Database
from payments.billing.contracts import ReadingBilled, record_reading
from payments.billing.periods import period_of
from payments.billing.runs import run_billing
from payments.billing.setting_up import NewContract, add_contracts
from tests.support.markets import (
    ACTOR,
    MarketStalls,
    add_rate,
    add_stall_tariff,
    lay_out,
    standing,
)

CIPHER = Cipher(b"c" * 32)


async def run(database: Database, laid: MarketStalls, kind: str, name: str, opened: date) -> None:
    period = period_of(kind, name)  # type: ignore[arg-type]  # one of those that there are
    await run_billing(database, CIPHER, laid.market, period, actor=ACTOR, opened_on=opened)


async def read(database: Database, laid: MarketStalls, *shown: tuple[date, int]) -> None:
    stall, agencies = laid.stalls["A-001"], [laid.market.agency_id]
    async with database.transaction() as session:
        for day, shows in shown:
            told = (stall, "electricity", day, shows, agencies)
            await record_reading(session, *told, actor=ACTOR)


async def metered(database: Database, *periods: str) -> list[tuple[date, date, int]]:
    found = [row for period in periods for row in await standing(database, period)]
    return [row[2:5] for row in found if row[0] == "electricity" and row[6] != "cancelled"]


async def test_what_a_withdrawn_bill_had_of_a_meter_is_billed_anew_after_later_periods(
    database: Database,
) -> None:
    laid = await lay_out(database, CIPHER, count=1)
    async with database.transaction() as session:
        await add_rate(session, laid.market.id)
    months = [
        (date(2026, 8, 31), 100),
        (date(2026, 9, 30), 110),
        (date(2026, 10, 31), 130),
        (date(2026, 11, 30), 170),
    ]
    await read(database, laid, *months)
    for number in (9, 10, 11):
        await run(database, laid, "month", f"2026-{number:02}", date(2026, number + 1, 1))
    periods = ("2026-09", "2026-10", "2026-11")
    whole = await metered(database, *periods)
    assert [row[2] for row in whole] == [30_000, 60_000, 120_000]
    async with database.transaction() as session:
        await session.execute(
            text(
                "UPDATE bill SET status = 'cancelled' WHERE id IN"
                " (SELECT bill_id FROM charge WHERE period = '2026-10')"
            )
        )
    await run(database, laid, "month", "2026-10", date(2026, 12, 2))
    assert await metered(database, *periods) == whole
    # What is on a bill still is as it is.
    with pytest.raises(ReadingBilled):
        await read(database, laid, (date(2026, 10, 31), 131))


async def test_a_contract_billed_by_the_week_owes_its_meter_though_the_next_was_billed_first(
    database: Database,
) -> None:
    laid = await lay_out(database, CIPHER, count=1, contracts=False)
    stall, vendor = laid.stalls["A-001"], laid.vendors["TT-001"]
    async with database.transaction() as session:
        await add_rate(session, laid.market.id)
        await add_stall_tariff(session, laid.market.agency_id)
        held = [
            NewContract(stall, vendor, date(2026, 1, 1), date(2026, 11, 8), billed_by="week"),
            NewContract(stall, vendor, date(2026, 11, 9)),
        ]
        await add_contracts(session, laid.market, held, actor=ACTOR)
    await read(
        database,
        laid,
        (date(2026, 11, 1), 100),
        (date(2026, 11, 8), 110),
        (date(2026, 11, 30), 130),
    )
    await run(database, laid, "month", "2026-11", date(2026, 12, 1))
    await run(database, laid, "week", "2026-W45", date(2026, 12, 1))
    found = sorted(await metered(database, "2026-11", "2026-W45"))
    assert found == [
        (date(2026, 11, 2), date(2026, 11, 8), 30_000),
        (date(2026, 11, 9), date(2026, 11, 30), 60_000),
    ]
