"""The status inquiry: what no callback told is found by asking, and nothing ends unpaid without it.

The whole service runs in this process under a clock that the test moves; see `MoneyWorld`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.paygov.gateway import PayGov
from adapters.registry import Directory
from adapters.sandbox.engine.deliveries import DeliveryState
from adapters.sandbox.engine.faults import Fault, Operation
from adapters.sandbox.engine.state import PayerOutcome
from adapters.sandbox.engine.store import Order
from core import clock
from core.errors import LephiError
from payments.agencies.memory import Agencies
from payments.agencies.queries import GatewayAccountValue
from payments.attempts.asking import AGAIN, ASKED_FOR, GRACE, STILL_ASKED
from payments.attempts.conclusion import FIRST_ASK
from payments.attempts.inquiry import (
    expire_bills,
    inquire,
    pause,
)
from payments.attempts.leaving import AFTER_LEAVING
from payments.gateway_info import OPEN_FOR
from payments.ports import (
    AttemptKey,
    GatewayAccount,
    GatewayMisuse,
    GatewayResult,
    GatewayUnavailable,
    NoticeReader,
    OutcomeUnknown,
    PaymentGateway,
)
from tests.support.money_service import MERCHANT
from tests.support.money_world import MoneyWorld, Opened

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


async def a_bill(world: MoneyWorld, expires_in: timedelta | None = None) -> Opened:
    await world.create_bill([{"fee": "2.000815", "quantity": 3}], expires_in)
    return world.bills[-1]


async def started(
    world: MoneyWorld, expires_in: timedelta | None = None, fault: Fault | None = None
) -> Opened:
    """A bill with one attempt."""
    bill = await a_bill(world, expires_in)
    await world.start(bill, fault)
    return bill


def order_of(world: MoneyWorld, bill: Opened) -> Order:
    """The bill's only order at the gateway."""
    (order,) = (
        o for o in world.sandbox.store.orders.values() if o.order_id.startswith(bill.reference)
    )
    return order


async def attempt(world: MoneyWorld, bill: Opened) -> dict[str, Any]:
    """The bill's only attempt."""
    (row,) = await world.service.read("SELECT * FROM payment WHERE bill_id = :id", id=bill.id)
    return dict(row)


async def states(world: MoneyWorld, bill: Opened) -> tuple[str, str]:
    """The states of a bill and of its only attempt."""
    (row,) = await world.service.read("SELECT status FROM bill WHERE id = :id", id=bill.id)
    return row["status"], (await attempt(world, bill))["status"]


async def ask(world: MoneyWorld) -> int:
    return await inquire(world.service.parts.payments)


async def expire(world: MoneyWorld) -> int:
    return await expire_bills(world.service.parts.payments)


async def ask_when_due(world: MoneyWorld) -> None:
    """Let the longest pause go by, and ask once."""
    world.advance(pause(99))
    assert await ask(world) == 1


def refuse_everything(world: MoneyWorld) -> None:
    """The next order ends in a server error, and the gateway has not taken it."""
    world.sandbox.faults.script(
        MERCHANT.id, Operation.CREATE, Fault.SERVER_ERROR, takes_effect=False
    )


class Other(PayGov):
    """PayGov with something else in place of its answers to questions."""

    asked: Callable[[str], Any]

    async def query(self, attempt: AttemptKey) -> GatewayResult:
        await self.asked(attempt.order_ref)
        return await super().query(attempt)


class Dumb(PayGov):
    """A gateway that cannot be asked."""

    query = None  # type: ignore[assignment]  # it keeps no `Queryable`


class OtherDirectory(Directory):
    """A directory with one gateway for everybody."""

    def __init__(self, only: PaymentGateway) -> None:
        super().__init__()
        self._only = only

    def gateway(self, account: GatewayAccount) -> PaymentGateway:
        return self._only

    def reader(self, account: GatewayAccount) -> NoticeReader:
        return self._only


async def with_gateway(world: MoneyWorld, made: type[PayGov]) -> tuple[PayGov, Any]:
    """A gateway of another class at the same sandbox, and the context that knows only it."""
    context = world.service.parts.payments
    (row,) = await world.service.read("SELECT id FROM gateway_account WHERE gateway = 'paygov'")
    account = await context.agencies.get_gateway_by_id(row["id"])
    gateway = made(account.access, http=world.sender.http("paygov"))
    return gateway, replace(context, gateways=OtherDirectory(gateway))


async def test_money_whose_callback_was_lost_is_found_by_asking(world: MoneyWorld) -> None:
    bill = await started(world)
    await world.pay(order_of(world, bill), PayerOutcome.LOST_CALLBACK)
    await world.deliver_due()
    world.advance(FIRST_ASK - SECOND)
    assert await ask(world) == 0
    assert await states(world, bill) == ("open", "submitted")
    world.advance(SECOND)
    assert await ask(world) == 1
    assert await states(world, bill) == ("paid", "succeeded")
    assert {d.state for d in world.sandbox.deliveries.all} == {DeliveryState.LOST}
    # What is settled is not asked about again.
    world.advance(OPEN_FOR)
    assert await ask(world) == 0


async def test_the_callback_that_comes_after_the_answer_changes_nothing(world: MoneyWorld) -> None:
    bill = await started(world)
    await world.pay(order_of(world, bill), PayerOutcome.SUCCESS)
    world.advance(FIRST_ASK)
    assert await ask(world) == 1
    before = await attempt(world, bill)
    assert before["status"] == "succeeded"
    await world.deliver_due()
    assert await attempt(world, bill) == before


@pytest.mark.parametrize("fault", [Fault.TIMEOUT, Fault.TRUNCATED, Fault.TIMEOUT_AFTER_CHARGE])
async def test_an_attempt_without_an_answer_is_asked_about_and_never_sent_again(
    world: MoneyWorld, fault: Fault
) -> None:
    bill = await started(world, fault=fault)
    assert await states(world, bill) == ("open", "unknown")
    # Its key is used up, and the gateway is left in peace for a while.
    await world.replay(world.asked[-1])
    assert world.problems == []
    assert await ask(world) == 0
    order = order_of(world, bill)
    if fault is not Fault.TIMEOUT_AFTER_CHARGE:
        world.advance(FIRST_ASK)
        assert await ask(world) == 1
        # The gateway knows it and nobody has paid.
        assert await states(world, bill) == ("open", "submitted")
        await world.pay(order, PayerOutcome.LOST_CALLBACK)
    await ask_when_due(world)
    assert await states(world, bill) == ("paid", "succeeded")
    assert world.sandbox.store.create_calls == {(MERCHANT.id, order.order_id): 1}


async def test_not_found_means_nothing_before_the_grace_is_over(world: MoneyWorld) -> None:
    bill = await a_bill(world)
    refuse_everything(world)
    await world.start(bill)
    assert world.sandbox.store.orders == {}
    begun = (await attempt(world, bill))["created_at"]
    for after in (FIRST_ASK, GRACE - timedelta(minutes=6), GRACE):
        world.time.move_to(begun + after)
        assert await ask(world) == 1
        assert await states(world, bill) == ("open", "unknown")
    await ask_when_due(world)
    assert await states(world, bill) == ("open", "expired")
    # The bill is owed as before, and there may be another attempt.
    await world.start(bill)
    assert len(world.open_orders()) == 1


async def test_an_order_that_is_denied_stays_open_as_long_as_its_page_takes_money(
    world: MoneyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some gateways learn of an order only when the payer comes: nothing else is payable then."""
    monkeypatch.setattr(PayGov, "info", replace(PayGov.info, open_for=4 * GRACE))
    bill = await started(world)
    for after, expected in ((2 * GRACE, "submitted"), (2 * GRACE + SECOND, "expired")):
        world.advance(after)
        await world.work(lie=Fault.NOT_FOUND)
        assert (await attempt(world, bill))["status"] == expected


async def test_an_order_once_denied_is_found_when_the_gateway_remembers(world: MoneyWorld) -> None:
    bill = await started(world, fault=Fault.TIMEOUT)
    await world.pay(order_of(world, bill), PayerOutcome.LOST_CALLBACK)
    world.advance(FIRST_ASK)
    await world.work(lie=Fault.NOT_FOUND)
    assert await states(world, bill) == ("open", "unknown")
    await ask_when_due(world)
    assert await states(world, bill) == ("paid", "succeeded")


async def test_a_request_that_stopped_before_its_call_ends_unpaid(world: MoneyWorld) -> None:
    bill = await a_bill(world)
    await world.start(bill, crash="checkout.after_intent")
    assert await states(world, bill) == ("open", "created")
    await ask_when_due(world)
    assert await states(world, bill) == ("open", "unknown")
    world.advance(GRACE)
    assert await ask(world) == 1
    assert await states(world, bill) == ("open", "expired")
    assert world.sandbox.store.create_calls == {}


async def test_an_attempt_ends_past_its_deadline_and_late_money_still_settles(
    world: MoneyWorld,
) -> None:
    bill = await started(world)
    world.advance(OPEN_FOR)
    assert await ask(world) == 1
    assert await states(world, bill) == ("open", "submitted")
    await ask_when_due(world)
    assert await states(world, bill) == ("open", "expired")
    await world.pay(order_of(world, bill), PayerOutcome.SUCCESS)
    await world.deliver_due()
    assert await states(world, bill) == ("paid", "succeeded")


async def test_money_taken_after_an_attempts_end_is_found_though_its_callback_is_lost(
    world: MoneyWorld,
) -> None:
    bill = await started(world)
    world.advance(OPEN_FOR)
    await ask(world)
    await ask_when_due(world)
    assert await states(world, bill) == ("open", "expired")
    await world.pay(order_of(world, bill), PayerOutcome.LOST_CALLBACK)
    assert await ask(world) == 0
    world.advance(STILL_ASKED)
    assert await ask(world) == 1
    assert await states(world, bill) == ("paid", "succeeded")


async def test_an_attempt_that_is_over_is_not_asked_about_for_ever(world: MoneyWorld) -> None:
    bill = await started(world)
    world.advance(OPEN_FOR)
    await ask(world)
    await ask_when_due(world)
    assert await states(world, bill) == ("open", "expired")
    world.advance(ASKED_FOR)
    assert await ask(world) == 1
    world.advance(ASKED_FOR)
    assert await ask(world) == 0


async def test_an_attempt_at_a_gateway_that_cannot_be_asked_never_ends_by_itself(
    world: MoneyWorld,
) -> None:
    bill = await started(world, expires_in=HOUR)
    _, context = await with_gateway(world, Dumb)
    for _ in range(3):
        world.advance(OPEN_FOR)
        assert await inquire(context) == 1
        assert await expire_bills(context) == 0
    assert await states(world, bill) == ("open", "submitted")
    await world.pay(order_of(world, bill), PayerOutcome.SUCCESS)
    await world.deliver_due()
    assert await states(world, bill) == ("paid", "succeeded")


async def test_a_bill_past_its_time_waits_for_its_live_attempt(world: MoneyWorld) -> None:
    bill = await started(world, expires_in=HOUR)
    idle = await a_bill(world, expires_in=HOUR)
    world.advance(HOUR - SECOND)
    assert await expire(world) == 0
    world.advance(2 * SECOND)
    # Nobody ever tried to pay the other one, so there is nobody to ask.
    assert await expire(world) == 1
    rows = await world.service.read("SELECT id FROM bill WHERE status = 'expired'")
    assert [row["id"] for row in rows] == [idle.id]
    assert await states(world, bill) == ("open", "submitted")
    assert await ask(world) == 1
    assert await states(world, bill) == ("open", "expired")
    assert await expire(world) == 1
    assert await states(world, bill) == ("expired", "expired")
    assert await expire(world) == 0


async def test_a_gateway_that_does_not_answer_keeps_the_bill_open(world: MoneyWorld) -> None:
    bill = await started(world, expires_in=HOUR)
    world.advance(HOUR + SECOND)
    await world.work(lie=Fault.TIMEOUT)
    assert await states(world, bill) == ("open", "submitted")
    world.advance(pause(99))
    await world.work()
    assert await states(world, bill) == ("expired", "expired")


async def test_late_money_settles_an_expired_bill(world: MoneyWorld) -> None:
    bill = await started(world, expires_in=HOUR)
    world.advance(HOUR + SECOND)
    await world.work()
    assert await states(world, bill) == ("expired", "expired")
    await world.pay(order_of(world, bill), PayerOutcome.SUCCESS)
    await world.deliver_due()
    await world.work()
    assert await states(world, bill) == ("paid", "succeeded")
    receipts = await world.service.read(
        "SELECT number FROM receipt WHERE bill_id = :id", id=bill.id
    )
    assert [row["number"] for row in receipts] == [1]


@pytest.mark.parametrize(
    "error",
    [
        GatewayUnavailable("away"),
        OutcomeUnknown("no clear answer"),
        GatewayMisuse("not like this"),
        LephiError("something else that is foreseen"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_question_that_fails_does_not_keep_others_from_being_asked(
    world: MoneyWorld, error: LephiError
) -> None:
    bills = [await started(world) for _ in range(3)]
    for bill in bills:
        await world.pay(order_of(world, bill), PayerOutcome.LOST_CALLBACK)
    bad = order_of(world, bills[0]).order_id

    async def fail_for_one(order_ref: str) -> None:
        if order_ref == bad:
            raise error

    gateway, context = await with_gateway(world, Other)
    assert isinstance(gateway, Other)
    gateway.asked = fail_for_one
    world.advance(FIRST_ASK)
    assert await inquire(context) == 3
    found = [await states(world, bill) for bill in bills]
    assert found == [("open", "submitted"), ("paid", "succeeded"), ("paid", "succeeded")]
    # It was not forgotten.
    await ask_when_due(world)
    assert await states(world, bills[0]) == ("paid", "succeeded")


async def test_a_slow_gateway_does_not_keep_others_waiting(world: MoneyWorld) -> None:
    bills = [await started(world) for _ in range(2)]
    slow = order_of(world, bills[0]).order_id
    another_was_asked = asyncio.Event()

    async def wait_for_the_other(order_ref: str) -> None:
        if order_ref == slow:
            await another_was_asked.wait()
        another_was_asked.set()

    gateway, context = await with_gateway(world, Other)
    assert isinstance(gateway, Other)
    gateway.asked = wait_for_the_other
    world.advance(FIRST_ASK)
    async with asyncio.timeout(30):
        assert await inquire(context) == 2


async def test_two_sweeps_at_once_ask_once(world: MoneyWorld) -> None:
    bill = await started(world)
    world.advance(FIRST_ASK)
    assert sorted(await asyncio.gather(ask(world), ask(world))) == [0, 1]
    assert (await attempt(world, bill))["asked"] == 1


async def test_questions_come_at_growing_pauses(world: MoneyWorld) -> None:
    bill = await started(world)
    world.advance(FIRST_ASK)
    waited = []
    for _ in range(7):
        assert await ask(world) == 1
        due = (await attempt(world, bill))["ask_at"]
        waited.append((due - clock.now()).total_seconds())
        world.time.move_to(due)
    assert waited == [15, 30, 60, 120, 240, 300, 300]


async def test_it_is_asked_as_often_and_as_long_as_is_promised() -> None:
    """By docs/ARCHITECTURE.md; other times have to be promised first."""
    times = (FIRST_ASK, AGAIN, GRACE, STILL_ASKED, ASKED_FOR, AFTER_LEAVING)
    assert [one.total_seconds() for one in times] == [15, 5, 900, 3_600, 259_200, 300]


async def test_only_a_time_that_no_pause_reaches_is_a_wrong_clocks(world: MoneyWorld) -> None:
    """Two clocks may be half a minute apart; what is to be asked later waits for nobody."""
    bill = await started(world)

    async def asked_with(ahead: timedelta) -> int:
        put = "UPDATE payment SET ask_at = :at WHERE bill_id = :id RETURNING id"
        await world.service.read(put, at=world.time.at + ahead, id=bill.id)
        return await ask(world)

    async def wrong_beyond(furthest: timedelta) -> None:
        assert await asked_with(furthest) == 0
        assert await asked_with(furthest + timedelta(microseconds=1)) == 1

    await wrong_beyond(timedelta(minutes=5, seconds=30))
    world.advance(OPEN_FOR)
    await ask_when_due(world)
    assert await states(world, bill) == ("open", "expired")
    await wrong_beyond(timedelta(hours=1, seconds=30))


class OneAccount:
    """Agencies of which every account at a gateway has these settings."""

    def __init__(self, agencies: Agencies, access: GatewayAccount) -> None:
        self._agencies = agencies
        self._access = access

    async def get_gateway_by_id(self, account_id: str) -> GatewayAccountValue:
        found = await self._agencies.get_gateway_by_id(account_id)
        return replace(found, access=self._access)


async def test_a_unit_that_answers_no_question_is_asked_none(world: MoneyWorld) -> None:
    """A setting of the account, and no other adapter."""
    bill = await started(world)
    await world.pay(order_of(world, bill), PayerOutcome.LOST_CALLBACK)
    asked: list[str] = []

    class Noted(PayGov):
        async def query(self, attempt: AttemptKey) -> GatewayResult:
            asked.append(attempt.order_ref)
            return await super().query(attempt)

    gateway, context = await with_gateway(world, Noted)
    for says, questions in (("no", 0), ("yes", 1)):
        world.advance(FIRST_ASK + OPEN_FOR)
        access = replace(
            gateway.account, credentials={**gateway.account.credentials, "query": says}
        )
        await inquire(replace(context, agencies=OneAccount(context.agencies, access)))
        assert len(asked) == questions
    assert await states(world, bill) == ("paid", "succeeded")
