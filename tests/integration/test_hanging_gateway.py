"""A gateway that hangs: its own attempts wait, and everybody else's are found in time."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from adapters.paygov.gateway import PayGov
from payments.attempts import inquiry
from payments.attempts.inquiry import AT_ONCE, Inquiries
from payments.context import Context
from payments.ports import AttemptKey, GatewayResult, OutcomeUnknown
from tests.support.gateway_setups import PAYGOV, VNPAY
from tests.support.system import System

pytestmark = pytest.mark.asyncio

#: Enough that one account would take every place there was.
STUCK = AT_ONCE + 3


class Hanging:
    """PayGov's questions, each of which hangs until it is let go, and then has no answer."""

    def __init__(self) -> None:
        self.under_way = 0
        self.most = 0
        self.asked = 0
        self.go = asyncio.Event()

    async def query(self, _: PayGov, __: AttemptKey) -> GatewayResult:
        self.asked += 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.go.wait()
        finally:
            self.under_way -= 1
        raise OutcomeUnknown("no answer")


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Hanging:
    hanging = Hanging()

    async def query(gateway: PayGov, attempt: AttemptKey) -> GatewayResult:
        return await hanging.query(gateway, attempt)

    monkeypatch.setattr(PayGov, "query", query)
    return hanging


async def make_due(system: System) -> None:
    """Every attempt is due, and those of the gateway that hangs have been for longer."""
    async with system.parts.database.transaction() as session:
        await session.execute(
            text(
                "UPDATE payment SET ask_at = now() - CASE gateway WHEN 'paygov'"
                " THEN interval '2 hours' ELSE interval '1 second' END WHERE ask_at IS NOT NULL"
            )
        )


async def with_a_lost_callback(system: System) -> dict[str, Any]:
    """A paid bill whose callback was lost, behind many attempts at the gateway that hangs."""
    for _ in range(STUCK):
        await system.start(await system.create_bill(), PAYGOV)
    bill = await system.create_bill()
    await system.decide(await system.start(bill, VNPAY), "lost_callback")
    await make_due(system)
    return bill


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - a task's end is no event of ours
            await asyncio.sleep(0.02)


async def test_anothers_lost_callback_is_found_while_a_gateway_hangs(
    system: System, hanging: Hanging
) -> None:
    bill = await with_a_lost_callback(system)
    inquiries = Inquiries(system.parts.payments)
    await inquiries.begin()
    assert (await system.until(bill, "paid"))["status"] == "paid"
    assert hanging.under_way == hanging.most == AT_ONCE
    assert hanging.asked == AT_ONCE  # the others of its account wait for these
    await inquiries.aclose()
    assert hanging.under_way == 0
    assert await system.broken() == []


async def test_a_gateway_that_answers_nothing_is_left_alone_and_then_asked_once(
    system: System, hanging: Hanging
) -> None:
    for _ in range(3):
        await system.start(await system.create_bill(), PAYGOV)
    hanging.go.set()
    inquiries = Inquiries(system.parts.payments)

    def ended() -> bool:
        return not inquiries._lanes

    await make_due(system)
    await inquiries.begin()
    await until(ended)
    assert hanging.asked == 3
    await make_due(system)
    await inquiries.begin()
    await until(ended)
    assert hanging.asked == 3  # it rests
    inquiries._silent = {account: (times, 0.0) for account, (times, _) in inquiries._silent.items()}
    await make_due(system)
    await inquiries.begin()
    await until(ended)
    assert hanging.asked == 4


async def test_where_all_wait_for_one_account_nothing_is_found(
    system: System, hanging: Hanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: the account whose attempts are due longest, and nobody beside it."""
    due_accounts = inquiry._due_accounts

    async def first_only(context: Context) -> list[str]:
        return (await due_accounts(context))[:1]

    monkeypatch.setattr(inquiry, "_due_accounts", first_only)
    bill = await with_a_lost_callback(system)
    inquiries = Inquiries(system.parts.payments)
    await inquiries.begin()
    await until(lambda: hanging.under_way == AT_ONCE)
    await inquiries.begin()
    assert (await system.read(bill))["status"] == "open"
    await inquiries.aclose()
