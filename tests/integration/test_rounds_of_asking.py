"""The worker's rounds: which attempts are due, which bills are over, and leaving an attempt.

Row by row, beside a scripted gateway (`ScriptedWorld`). A round looks at every row there is, so
each test begins with nothing that is due.
"""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from core import clock
from core.clocks import MOST_APART
from core.ids import new_id
from payments.attempts import inquiry
from payments.attempts.asking import AskedAttempt
from payments.attempts.inquiry import Inquiries, expire_bills, inquire, pause
from payments.attempts.leaving import AttemptUnclear, leave, open_until
from payments.attempts.queries import get_payment
from payments.bills.locks import LockedBill
from payments.ports import GatewayResult, GatewayUnavailable, Outcome
from tests.support.scripted import INFO, Scripted, ScriptedWorld

pytestmark = pytest.mark.asyncio(loop_scope="module")

INQUIRY = "system:status_inquiry"
MOMENT = timedelta(microseconds=1)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


@pytest_asyncio.fixture(loop_scope="module")
async def world(scripted: ScriptedWorld) -> ScriptedWorld:
    """The module's world, in which nothing is due and no bill ends."""
    async with scripted.parts.database.transaction() as session:
        await session.execute(text("UPDATE payment SET ask_at = NULL"))
        await session.execute(text("UPDATE bill SET expires_at = NULL"))
    return scripted


class Word(Scripted):
    """One that calls every order unpaid, whatever its name, and those in `silent` not at all."""

    def __init__(self, *silent: str) -> None:
        super().__init__()
        self.silent = silent

    async def query(self, attempt: Any) -> GatewayResult:
        self.asked.append(attempt)
        if attempt.order_ref in self.silent:
            raise GatewayUnavailable("silent")
        return GatewayResult(attempt.order_ref, Outcome.PENDING)

    @property
    def names(self) -> list[str]:
        return [one.order_ref for one in self.asked]


async def due(world: ScriptedWorld, **changes: Any) -> str:
    """An attempt that is to be asked about now, of a bill of its own."""
    return await world.attempt(await world.bill(), **({"ask_at": clock.now()} | changes))


async def order_of(world: ScriptedWorld, payment: str) -> str:
    return str((await world.payment(payment))["order_ref"])


async def test_a_gateway_is_left_alone_for_longer_and_longer() -> None:
    seconds = [pause(asked).total_seconds() for asked in (0, 1, 2, 3, 4, 5, 10, 99)]
    assert seconds == [15, 30, 60, 120, 240, 300, 300, 300]


@pytest.mark.parametrize(
    ("status", "after", "asks"),
    [
        ("submitted", timedelta(0), True),
        ("submitted", -HOUR, True),
        ("created", timedelta(0), True),
        ("unknown", timedelta(0), True),
        ("expired", timedelta(0), True),
        ("failed", -HOUR, False),
        ("submitted", MOMENT, False),
        ("expired", MOMENT, False),
        # Only a clock that was put forward has set these.
        ("submitted", 5 * MINUTE + MOST_APART, False),
        ("submitted", 5 * MINUTE + MOST_APART + MOMENT, True),
        ("expired", 5 * MINUTE + MOST_APART + MOMENT, False),
        ("expired", HOUR + MOST_APART, False),
        ("expired", HOUR + MOST_APART + MOMENT, True),
        ("failed", 9 * HOUR, False),
    ],
)
async def test_what_is_due_by_its_state_and_its_time(
    world: ScriptedWorld, status: str, after: timedelta, asks: bool
) -> None:
    now, gateway = clock.now(), Word()
    payment = await due(world, status=status, ask_at=now + after, asked=2)
    await due(world, ask_at=None)
    with clock.frozen(now):
        assert await inquire(world.context(gateway)) == int(asks)
    assert gateway.names == ([await order_of(world, payment)] if asks else [])
    row = await world.payment(payment)
    assert row["asked"] == (3 if asks else 2)
    if asks and status != "expired":
        assert (row["ask_at"], row["asked_at"]) == (now + MINUTE, now)
    elif not asks:
        assert (row["ask_at"], row["asked_at"]) == (now + after, None)


async def test_each_account_is_asked_about_its_own_the_longest_due_first(
    world: ScriptedWorld,
) -> None:
    now = clock.now()
    other = await world.account_at(world.body.collection_account_id)
    first = await due(world, ask_at=now - 3 * SECOND)
    theirs = await due(world, ask_at=now - 5 * SECOND, gateway_account_id=other.id)
    third = await due(world, ask_at=now - SECOND)
    second = await due(world, ask_at=now - 2 * SECOND)
    # Of none it cannot be asked.
    await due(world, ask_at=now - HOUR, gateway_account_id=None)
    context = world.context(Word())
    own = await world.account()
    assert await inquiry._due_accounts(context) == [other.id, own.id]
    gateway = Word(await order_of(world, second))
    context = world.context(gateway)
    with clock.frozen(now):
        assert await inquiry._answers_of(context, own.id, 2) == [True, False]
    assert sorted(gateway.names) == sorted([await order_of(world, p) for p in (first, second)])
    for payment, asked in ((first, 1), (second, 1), (third, 0), (theirs, 0)):
        assert (await world.payment(payment))["asked"] == asked
    with clock.frozen(now):
        assert await inquire(context, 1) == 2
    assert (await world.payment(third))["asked"] == 1
    assert (await world.payment(theirs))["asked"] == 1


async def test_twenty_of_an_account_are_asked_about_in_one_round(
    world: ScriptedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def ask(_: object, attempt: AskedAttempt) -> None:
        asked.append(attempt.id)

    monkeypatch.setattr(inquiry, "ask_safely", ask)
    model = await due(world)
    async with world.parts.database.transaction() as session:
        copies = text(
            "INSERT INTO payment (id, kind, agency_id, bill_id, gateway, gateway_account_id,"
            " collection_account_id, status, amount, order_ref, created_at, ask_at, asked)"
            " SELECT id || n, kind, agency_id, bill_id, gateway, gateway_account_id,"
            " collection_account_id, status, amount, order_ref || n, created_at, ask_at, asked"
            " FROM payment, generate_series(2, 21) n WHERE id = :id"
        )
        await session.execute(copies, {"id": model})
    assert await inquire(world.context(Word())) == 20
    assert len(set(asked)) == 20


async def test_what_another_worker_has_is_left_to_it(world: ScriptedWorld) -> None:
    mine, theirs = await due(world), await due(world)
    gateway = Word()
    async with world.parts.database.transaction() as session:
        await session.execute(
            text("SELECT id FROM payment WHERE id = :id FOR UPDATE"), {"id": theirs}
        )
        assert await asyncio.wait_for(inquire(world.context(gateway)), 20) == 1
    assert gateway.names == [await order_of(world, mine)]


async def test_a_worker_asks_about_each_account_in_a_lane_of_its_own(
    world: ScriptedWorld,
) -> None:
    other = await world.account_at(world.body.collection_account_id)
    payments = [await due(world) for _ in range(3)]
    payments.append(await due(world, gateway_account_id=other.id))
    gateway = Word()
    lanes = Inquiries(world.context(gateway))
    assert await lanes.begin() == 0
    await asyncio.gather(*lanes._lanes.values())
    assert sorted(gateway.names) == sorted([await order_of(world, one) for one in payments])
    assert (lanes._name, lanes._at_once) == ("gateways", 10)
    assert [lanes._pause(times) for times in (0, 1, 99)] == [15, 30, 300]
    await lanes.aclose()


async def test_one_that_is_silent_is_left_alone(world: ScriptedWorld) -> None:
    payment = await due(world)
    gateway = Word(await order_of(world, payment))
    lanes = Inquiries(world.context(gateway))
    for _ in range(2):
        await lanes.begin()
        await asyncio.gather(*lanes._lanes.values())
        await world.change("payment", payment, ask_at=clock.now())
    assert len(gateway.asked) == 1
    await lanes.aclose()


@pytest.mark.parametrize(
    ("status", "ends", "attempt", "closes"),
    [
        ("open", timedelta(0), None, True),
        ("open", -HOUR, None, True),
        ("open", MOMENT, None, False),
        ("open", None, None, False),
        ("paid", -HOUR, None, False),
        ("cancelled", -HOUR, None, False),
        ("open", -HOUR, "created", False),
        ("open", -HOUR, "submitted", False),
        ("open", -HOUR, "unknown", False),
        ("open", -HOUR, "failed", True),
        ("open", -HOUR, "expired", True),
    ],
)
async def test_a_bill_ends_past_its_time_unless_an_attempt_is_open(
    world: ScriptedWorld,
    status: str,
    ends: timedelta | None,
    attempt: str | None,
    closes: bool,
) -> None:
    now = clock.now()
    bill = await world.bill(
        status=status,
        expires_at=None if ends is None else now + ends,
        paid_at=now if status == "paid" else None,
    )
    await world.attempt(await world.bill())
    if attempt is not None:
        await world.attempt(bill, status=attempt)
    with clock.frozen(now):
        assert await expire_bills(world.context(Word())) == int(closes)
    assert await world.status(bill) == ("expired" if closes else status)
    moved = [("bill.expired", INQUIRY, {"before": "open"})]
    assert await world.told(bill) == (moved if closes else [])


async def test_a_hundred_bills_end_in_one_round_the_earliest_first(
    world: ScriptedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, ended = clock.now(), list[str]()

    async def note(_: object, __: str, bill: LockedBill, *___: object) -> None:
        ended.append(bill.id)

    monkeypatch.setattr(inquiry, "move_bill", note)
    model = await world.bill(expires_at=now - HOUR)
    late = await world.bill(expires_at=now - MINUTE)
    async with world.parts.database.transaction() as session:
        copies = text(
            "INSERT INTO bill (id, agency_id, reference, status, amount, channel, language,"
            " extra, created_at, opened_on, expires_at)"
            " SELECT id || n, agency_id, reference || n, status, amount, channel, language,"
            " extra, created_at, opened_on, expires_at"
            " FROM bill, generate_series(2, 100) n WHERE id = :id"
        )
        await session.execute(copies, {"id": model})
    assert await expire_bills(world.context(Word())) == 100
    assert len(set(ended)) == 100
    assert late not in ended


async def test_bills_that_wait_for_an_attempt_keep_no_others_from_ending(
    world: ScriptedWorld,
) -> None:
    now = clock.now()
    waits = await world.bill(expires_at=now - HOUR)
    await world.attempt(waits)
    free = await world.bill(expires_at=now - MINUTE)
    assert await expire_bills(world.context(Word()), limit=1) == 1
    assert (await world.status(waits), await world.status(free)) == ("open", "expired")


async def test_a_bill_that_somebody_holds_is_ended_in_the_next_round(
    world: ScriptedWorld,
) -> None:
    past = clock.now() - HOUR
    held, free = await world.bill(expires_at=past), await world.bill(expires_at=past)
    async with world.parts.database.transaction() as session:
        await session.execute(text("SELECT id FROM bill WHERE id = :id FOR UPDATE"), {"id": held})
        assert await asyncio.wait_for(expire_bills(world.context(Word())), 20) == 1
    assert (await world.status(held), await world.status(free)) == ("open", "expired")


async def opened(world: ScriptedWorld, **changes: Any) -> tuple[str, str]:
    """A bill and its attempt."""
    bill = await world.bill()
    return bill, await world.attempt(bill, **changes)


async def left(world: ScriptedWorld, payment: str, gateway: Scripted, patience: float = 30) -> str:
    """How an attempt stands after its payer wants another way; `unclear` where that is said."""
    reach = {world.body.agency_id}
    try:
        await leave(world.context(gateway), payment, reach, actor="payer", patience=patience)
    except AttemptUnclear as refused:
        told = [(e.field, e.code, e.detail) for e in refused.errors]
        retryable = refused.retryable
    else:
        return str((await world.payment(payment))["status"])
    assert told == [("instead_of", "unclear", payment)]
    assert retryable
    return "unclear"


def answering(outcome: Outcome | None, payment: str, closes: Outcome | None = None) -> Scripted:
    """A gateway that says this of the attempt, and that when it is to close it."""
    order = f"order-{payment[-12:]}"
    says = GatewayUnavailable("x") if outcome is None else GatewayResult(order, outcome)
    return Scripted(says, None if closes is None else GatewayResult(order, closes))


@pytest.mark.parametrize(
    ("status", "outcome", "became"),
    [
        ("submitted", Outcome.PENDING, "expired"),
        ("submitted", Outcome.NOT_FOUND, "expired"),
        ("submitted", Outcome.FAILED, "failed"),
        ("submitted", None, "unclear"),
        ("unknown", Outcome.PENDING, "expired"),
        ("unknown", Outcome.NOT_FOUND, "unclear"),
        ("unknown", None, "unclear"),
        ("created", Outcome.NOT_FOUND, "unclear"),
    ],
)
async def test_an_attempt_is_left_once_its_gateway_calls_it_unpaid(
    world: ScriptedWorld, status: str, outcome: Outcome | None, became: str
) -> None:
    now = clock.now()
    bill, payment = await opened(world, status=status, created_at=now - 2 * MINUTE)
    beside = await world.attempt(bill)
    gateway = answering(outcome, payment, Outcome.NOT_FOUND)
    with clock.frozen(now):
        assert await left(world, payment, gateway) == became
    assert len(gateway.asked) == 1
    # One whose answer was lost at first is open at its gateway all the same.
    unpaid = became == "expired"
    assert len(gateway.closed) == int(unpaid)
    if outcome is not None and unpaid:
        assert (await world.payment(payment))["ask_at"] == now + 5 * MINUTE
        details = {"before": "submitted", "gateway_says": outcome.value, "left": True}
        assert (await world.told(payment))[-1] == ("payment.expired", "payer", details)
    assert (await world.payment(beside))["status"] == "submitted"


@pytest.mark.parametrize("status", ["unknown", "submitted"])
@pytest.mark.parametrize(
    ("bill_ends", "over_after"),
    [(None, INFO.open_for), (12 * MINUTE, 12 * MINUTE), (HOUR, INFO.open_for)],
)
async def test_while_nobody_knows_an_attempt_is_left_past_its_time(
    world: ScriptedWorld, status: str, bill_ends: timedelta | None, over_after: timedelta
) -> None:
    now = clock.now()
    bill, payment = await opened(world, status=status, created_at=now)
    if bill_ends is not None:
        await world.change("bill", bill, expires_at=now + bill_ends)
    gateway = answering(None, payment)
    with clock.frozen(now + over_after) as time:
        assert await left(world, payment, gateway) == "unclear"
        time.advance(MOMENT)
        assert await left(world, payment, gateway) == "expired"
    details = {"before": status, "gateway_says": "nothing", "left": True}
    assert (await world.told(payment))[-1] == ("payment.expired", "payer", details)
    assert gateway.closed == []


async def test_what_has_ended_or_is_at_no_gateway_is_left_as_it_is(world: ScriptedWorld) -> None:
    for changes in (
        {"status": "failed"},
        {"status": "expired"},
        {"gateway_account_id": None},
    ):
        _, payment = await opened(world, **changes)
        gateway, before = answering(Outcome.PENDING, payment), await world.payment(payment)
        assert await left(world, payment, gateway) == before["status"]
        assert await world.payment(payment) == before
        assert gateway.asked == []


@pytest.mark.parametrize(
    ("status", "ago", "asked"),
    [("created", 89, False), ("created", 90, True), ("submitted", 0, True)],
)
async def test_what_is_just_being_started_is_not_asked_about(
    world: ScriptedWorld, status: str, ago: int, asked: bool
) -> None:
    now = clock.now()
    _, payment = await opened(world, status=status, created_at=now - ago * SECOND)
    gateway = answering(None, payment)
    with clock.frozen(now):
        assert await left(world, payment, gateway) == "unclear"
    assert bool(gateway.asked) is asked


@pytest.mark.parametrize("closes", [Outcome.FAILED, Outcome.NOT_FOUND, Outcome.PENDING])
async def test_what_its_gateway_closed_is_over_at_once(
    world: ScriptedWorld, closes: Outcome
) -> None:
    _, payment = await opened(world)
    became = "failed" if closes is Outcome.FAILED else "expired"
    gateway = answering(Outcome.PENDING, payment, closes)
    assert await left(world, payment, gateway) == became
    assert [one.order_ref for one in gateway.closed] == [f"order-{payment[-12:]}"]


async def test_money_that_the_gateway_has_is_recorded_and_nothing_left(
    world: ScriptedWorld,
) -> None:
    bill, payment = await opened(world)
    told = GatewayResult(
        f"order-{payment[-12:]}", Outcome.SUCCEEDED, new_id("t")[-20:], 5000, clock.now()
    )
    gateway = Scripted(told)
    assert await left(world, payment, gateway) == "succeeded"
    assert gateway.closed == []
    assert await world.status(bill) == "paid"


async def test_who_waits_for_nothing_is_told_that_it_is_unclear(world: ScriptedWorld) -> None:
    _, payment = await opened(world)
    answer = asyncio.Event()

    class Slow(Scripted):
        async def query(self, attempt: Any) -> GatewayResult:
            await answer.wait()
            return GatewayResult(attempt.order_ref, Outcome.PENDING)

    assert await left(world, payment, Slow(), patience=0.01) == "unclear"
    answer.set()
    context = world.context(Slow())
    await asyncio.gather(*context.background._running.values())


async def test_the_page_of_a_gateway_that_is_gone_takes_no_money(world: ScriptedWorld) -> None:
    _, payment = await opened(world)
    async with world.parts.database.reading() as session:
        found = await get_payment(session, payment, {world.body.agency_id})
    context = world.context(Scripted())
    began, ends = found.created_at, found.created_at + MINUTE
    assert open_until(context, found, None) == began + INFO.open_for
    assert open_until(context, found, ends) == ends
    _, other = await opened(world, gateway="of_before")
    async with world.parts.database.reading() as session:
        gone = await get_payment(session, other, {world.body.agency_id})
    assert open_until(context, gone, gone.created_at + HOUR) == gone.created_at
