"""Failures of docs/failures.md that only the whole service can show: forgotten keys, gateways that
answer with errors, tables that were restored."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from adapters.paygov.gateway import PayGov
from adapters.sandbox.engine.faults import Fault, Operation
from app.web.staff.keeping_words import RESTING
from core import clock
from core.ids import new_id
from payments.agencies.breakers import PAUSE, SILENCES
from payments.attempts.asking import ASKED_FOR, GRACE, STILL_ASKED
from payments.attempts.inquiry import inquire, pause
from payments.ports import AttemptKey, GatewayResult, StartRequest
from tests.integration.test_callback_storms import by_bank, by_gateway, settled_once
from tests.integration.test_status_inquiry import (
    ask,
    attempt,
    order_of,
    started,
    states,
    with_gateway,
)
from tests.support.gateway_setups import MERCHANT, PAYGOV
from tests.support.markup import words_of
from tests.support.money_service import MERCHANT as WORLD_MERCHANT
from tests.support.money_world import MoneyWorld
from tests.support.staff_browser import signed_in_as
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: For tests that need a system to themselves.
alone = pytest.mark.asyncio(loop_scope="function")

DAY = timedelta(days=1)


def forget(world: MoneyWorld) -> None:
    """The gateway has dropped what it knew of orders and their keys, as after a day."""
    world.sandbox.store.orders.clear()


def create_calls(world: MoneyWorld) -> int:
    """How often the gateway was asked to take money, for whatever order."""
    return sum(world.sandbox.store.create_calls.values())


async def test_an_attempt_whose_key_the_gateway_has_forgotten_is_only_asked_about(
    world: MoneyWorld,
) -> None:
    bill = await started(world, fault=Fault.TIMEOUT)
    assert await states(world, bill) == ("open", "unknown")
    key = order_of(world, bill).order_id
    forget(world)
    world.advance(DAY + timedelta(hours=1))
    asked = 0
    while world.time.at - (await attempt(world, bill))["created_at"] < ASKED_FOR + DAY:
        asked += await ask(world)
        world.advance(max(pause(99), STILL_ASKED))
    assert asked > 1
    assert create_calls(world) == 1
    # It ended as what it is: not found, long after the grace. The bill is owed as before.
    assert await states(world, bill) == ("open", "expired")
    await world.start(bill)
    keys = set(world.sandbox.store.create_calls)
    assert len(keys) == 2
    assert (WORLD_MERCHANT.id, key) in keys
    assert world.sandbox.store.create_calls[WORLD_MERCHANT.id, key] == 1


async def test_before_the_grace_is_over_a_forgotten_key_is_no_failure(world: MoneyWorld) -> None:
    bill = await started(world, fault=Fault.TIMEOUT)
    begun = (await attempt(world, bill))["created_at"]
    forget(world)
    world.time.move_to(begun + GRACE - timedelta(minutes=1))
    assert await ask(world) == 1
    assert await states(world, bill) == ("open", "unknown")
    assert create_calls(world) == 1


class SendsAgain(PayGov):
    """Asks by sending the order once more, as if its key were known for ever."""

    sent: StartRequest

    async def start(self, request: StartRequest) -> Any:
        type(self).sent = request
        return await super().start(request)

    async def query(self, attempt: AttemptKey) -> GatewayResult:
        await super().start(type(self).sent)
        return await super().query(attempt)


async def test_a_gateway_that_is_sent_the_order_again_is_caught(world: MoneyWorld) -> None:
    """The negative control: with the key forgotten, the repeat is a second order."""
    bill = await started(world, fault=Fault.TIMEOUT)
    row = await attempt(world, bill)
    gateway, context = await with_gateway(world, SendsAgain)
    SendsAgain.sent = StartRequest(
        *(row["order_ref"], row["request_code"], row["amount"], "Le phi"),
        *("https://a.example/b", "https://a.example/c"),
        created_at=row["created_at"],
    )
    assert isinstance(gateway, SendsAgain)
    forget(world)
    world.advance(DAY)
    assert await inquire(context) == 1
    assert create_calls(world) == 2
    assert len(world.sandbox.store.orders) == 1


async def pay_at(system: System) -> dict[str, Any]:
    """A citizen presses the gateway's button; what the service answers."""
    bill = await system.create_bill()
    answer = await system.post(f"/api/v1/bills/{bill['id']}/payments", {"gateway": PAYGOV.name})
    return {"status_code": answer.status_code, **answer.json()}


@alone
@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_gateway_that_answers_with_errors_is_left_alone_and_staff_see_it(
    system: System, status: int
) -> None:
    merchant = MERCHANT["partner_code"]
    system.sandbox.faults.script(
        *(merchant, Operation.CREATE, Fault.SERVER_ERROR),
        count=1000,
        status=status,
        takes_effect=False,
    )
    with clock.frozen(clock.now()) as now:
        for _ in range(SILENCES):
            assert (await pay_at(system))["status"] == "unknown"
        # What may have been taken is not sent again.
        assert set(system.sandbox.store.create_calls.values()) == {1}
        system.parts.payments.breakers.forget()
        calls = len(system.sandbox.store.create_calls)
        assert calls == SILENCES
        refused = await pay_at(system)
        assert (refused["status_code"], refused["code"]) == (503, "gateway_resting")
        assert len(system.sandbox.store.create_calls) == calls
        async with signed_in_as(system, "admin") as admin:
            page = words_of((await admin.get("/staff/settings/gateways")).text)
            assert RESTING in page
        system.sandbox.faults.clear()
        now.advance(PAUSE + timedelta(seconds=1))
        assert (await pay_at(system))["status"] == "submitted"


async def restored(system: System) -> None:
    """The table of notices is that of a backup from before they came; the books are not."""
    async with system.parts.database.transaction() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(text("DELETE FROM callback"))


@alone
@pytest.mark.parametrize("way", [by_gateway, by_bank])
async def test_a_notice_told_again_after_its_table_was_restored_settles_nothing_more(
    system: System, way: Any
) -> None:
    bill, send = await way(system)
    answers = [await send()]
    await restored(system)
    answers += [await send(), await send()]
    await settled_once(system, bill, answers)


@alone
async def test_without_the_money_s_own_name_a_restored_table_counts_it_twice(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: no constraint binds what has another name each time."""
    bill, send = await by_gateway(system)
    monkeypatch.setattr("payments.attempts.results.settlement_key", lambda *_: new_id("key"))
    answers = [await send()]
    await restored(system)
    answers.append(await send())
    with pytest.raises(AssertionError):
        await settled_once(system, bill, answers)
