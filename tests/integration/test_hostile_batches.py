"""Batches that no payout can be of are refused by name when they are asked for, not later."""

import pytest

from core.ids import new_id
from tests.integration.test_payouts import credited
from tests.support.places import looking
from tests.support.problems import problem
from tests.support.settlements import (
    ask_payout,
    new_batch,
    paid_at_gateway,
    pay_over,
    settled,
    take_settlement,
    undo_payout,
)
from tests.support.staff import finance_office
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_batch_of_which_more_goes_back_than_came_is_refused(shared_system: System) -> None:
    system, office = shared_system, await finance_office(shared_system)
    batch = new_batch()
    rows = [
        settled(batch, new_id("r"), 2000, 0, "refund"),
        settled(batch, new_id("a"), 7000, 0, "adjustment"),
    ]
    assert (await take_settlement(system, *rows)).status_code == 201
    payment = await credited(system, office, 5000)
    asked = await ask_payout(office, payment, batch)
    problem(asked, 409, "more_back_than_taken")


async def test_a_batch_of_adjustments_alone_clears_nothing_and_is_undone(
    shared_system: System,
) -> None:
    system, office = shared_system, await finance_office(shared_system)
    await paid_at_gateway(system)
    batch = new_batch()
    row = settled(batch, new_id("a"), 5003, 0, "adjustment")
    assert (await take_settlement(system, row)).status_code == 201
    payment = await credited(system, office, 5003)
    async with looking(system) as seen:
        done = await pay_over(office, payment, batch)
        await undo_payout(office, done["outcome"]["payout"])
        await pay_over(office, payment, batch)
    assert seen[0].ledger == {"suspense": 5003, "gateway_fee": -5003}
    assert await system.broken() == []
