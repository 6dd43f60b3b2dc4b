"""A tariff of a class of markets and the runs of all markets of that class take turns."""

import asyncio
from datetime import date

from core.crypto import Cipher
from core.db import Database
from payments.billing.approvals import STALL_TARIFF, market_kinds
from payments.billing.periods import period_of
from payments.billing.runs import begin_run
from tests.support.markets import ACTOR, lay_out

CIPHER = Cipher(b"c" * 32)


async def test_no_market_of_the_class_is_billed_while_its_tariff_is_decided(
    database: Database,
) -> None:
    first = await lay_out(database, CIPHER, count=1)
    body = first.market.agency_id
    second = await lay_out(database, CIPHER, count=1, agency_id=body, code="cho-2")

    async def begin() -> str:
        async with database.transaction() as session:
            period = period_of("month", "2026-11")
            opened = date(2026, 11, 1)
            return await begin_run(session, second.market, period, actor=ACTOR, opened_on=opened)

    wanted = {
        "market": first.market.id,
        "market_class": 2,
        "kind": "covered",
        "valid_from": "2026-11-10",
    }
    async with database.transaction() as session:
        await market_kinds(CIPHER)[STALL_TARIFF].look(session, "startariff_x", wanted)
        run = asyncio.create_task(begin())
        # Whoever waits for the market waits now; nobody else does anything for so long.
        done, _ = await asyncio.wait([run], timeout=0.5)
    assert not done
    assert await run
