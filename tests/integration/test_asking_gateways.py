"""Asking a gateway about one attempt: what is asked, written down and drawn from each answer.

Row by row, beside a scripted gateway (`ScriptedWorld`): every state of an attempt, every answer,
and the times at their borders.
"""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest
from structlog.testing import CapturingLogger

from core import clock
from core.background import Background
from core.ids import new_id
from payments.attempts import asking
from payments.attempts.asking import AskedAttempt, ask, ask_now, ask_safely, close_safely
from payments.attempts.commands import NotAskable, ask_about
from payments.attempts.connection import try_connection
from payments.attempts.queries import get_payment
from payments.gateway_info import Capability, GatewayInfo
from payments.ports import (
    AttemptKey,
    GatewayMisuse,
    GatewayResult,
    GatewayUnavailable,
    Outcome,
    OutcomeUnknown,
)
from tests.support.scripted import INFO, Scripted, ScriptedWorld, Starting

pytestmark = pytest.mark.asyncio(loop_scope="module")

INQUIRY = "system:status_inquiry"
MOMENT = timedelta(microseconds=1)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class Brief(Scripted):
    """One whose page takes money for five minutes."""

    info: ClassVar[GatewayInfo] = replace(INFO, open_for=5 * MINUTE)


class ByContract(Scripted):
    """One that answers only whose contract says so."""

    info: ClassVar[GatewayInfo] = replace(INFO, by_contract=frozenset({Capability.QUERY}))


async def asked_of(world: ScriptedWorld, payment: str) -> AskedAttempt:
    row = await world.payment(payment)
    return AskedAttempt(row["id"], row["gateway_account_id"], row["order_ref"], row["created_at"])


async def attempted(world: ScriptedWorld, **changes: Any) -> tuple[str, AskedAttempt]:
    """A bill, and its attempt as it is asked about."""
    bill = await world.bill()
    return bill, await asked_of(world, await world.attempt(bill, **changes))


def said(attempt: AskedAttempt, outcome: Outcome, **more: Any) -> GatewayResult:
    return GatewayResult(attempt.order_ref, outcome, **more)


def paid(attempt: AskedAttempt, **more: Any) -> GatewayResult:
    """5,000 đ under a number of its own."""
    told = {"gateway_ref": new_id("t")[-20:], "amount": 5000, "paid_at": clock.now()}
    return said(attempt, Outcome.SUCCEEDED, **(told | more))


@pytest.mark.parametrize("receipt_code", ["BL-7", None])
async def test_money_that_is_found_by_asking_is_recorded_and_its_receipt_wanted(
    scripted: ScriptedWorld, receipt_code: str | None
) -> None:
    bill, attempt = await attempted(scripted)
    told = paid(attempt, receipt_code=receipt_code)
    gateway = Scripted(told)
    with clock.frozen(clock.now()) as still:
        assert await ask(scripted.context(gateway), attempt) == told
    assert gateway.asked == [AttemptKey(attempt.order_ref, attempt.created_at)]
    own = await scripted.account()
    assert gateway.account == own.access
    assert await scripted.status(bill) == "paid"
    ((action, actor, _),) = await scripted.told(attempt.id)
    assert (action, actor) == ("payment.succeeded", INQUIRY)
    assert await scripted.rows(
        "SELECT * FROM gateway_receipt WHERE payment_id = :id", id=attempt.id
    ) == [
        {
            "payment_id": attempt.id,
            "gateway_account_id": own.id,
            "code": receipt_code or told.gateway_ref,
            "state": "wanted",
            "wanted_at": still.at,
            "ask_at": still.at,
            "asked": 0,
            "sha256": None,
            "data": None,
            "kept_at": None,
        }
    ]


async def test_an_order_that_is_not_known_is_compared_with_nothing(
    scripted: ScriptedWorld,
) -> None:
    """An answer without an order has nothing of an attempt's to be held against it."""
    for outcome, noted in ((Outcome.NOT_FOUND, False), (Outcome.PENDING, True)):
        _, attempt = await attempted(scripted)
        told = said(attempt, outcome, request_code="another")
        assert await ask(scripted.context(Scripted(told)), attempt) == told
        assert bool(await scripted.told(attempt.id)) is noted
        assert await scripted.payment(attempt.id, "status", "gateway_says") == {
            "status": "submitted",
            "gateway_says": outcome.value,
        }


@pytest.mark.parametrize("kind", [Starting, ByContract])
async def test_one_that_cannot_be_asked_is_not_asked_and_nothing_ends(
    scripted: ScriptedWorld, kind: type[Starting]
) -> None:
    for before, after in (("created", "unknown"), ("submitted", "submitted")):
        _, attempt = await attempted(
            scripted, status=before, created_at=clock.now() - DAY, gateway_says="pending"
        )
        gateway = kind()
        assert await ask(scripted.context(gateway), attempt) is None
        assert getattr(gateway, "asked", []) == []
        assert await scripted.payment(attempt.id, "status", "gateway_says") == {
            "status": after,
            "gateway_says": None,
        }


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> CapturingLogger:
    """What is written to the log while a gateway is asked."""
    written = CapturingLogger()
    monkeypatch.setattr(asking, "log", written)
    return written


@pytest.mark.parametrize(
    ("error", "level", "line"),
    [
        (GatewayUnavailable("x"), "info", "gateway gave no clear answer"),
        (OutcomeUnknown("x"), "info", "gateway gave no clear answer"),
        (GatewayMisuse("x"), "error", "gateway refused our question"),
    ],
)
async def test_no_clear_answer_ends_nothing_and_is_in_the_log(
    scripted: ScriptedWorld, log: CapturingLogger, error: Any, level: str, line: str
) -> None:
    _, attempt = await attempted(scripted, created_at=clock.now() - DAY, gateway_says="pending")
    assert await ask(scripted.context(Scripted(error)), attempt) is None
    assert log.calls == [(level, (line,), {"payment": attempt.id, "code": error.code})]
    assert await scripted.payment(attempt.id, "status", "gateway_says") == {
        "status": "submitted",
        "gateway_says": None,
    }
    assert await scripted.told(attempt.id) == []


async def test_whatever_goes_wrong_is_noted_and_others_go_on(
    scripted: ScriptedWorld, log: CapturingLogger
) -> None:
    _, attempt = await attempted(scripted)
    context = scripted.context(Scripted(KeyError("broken")))
    with pytest.raises(KeyError):
        await ask(context, attempt)
    assert await ask_safely(context, attempt) is None
    noted = {"payment": attempt.id, "reason": "KeyError('broken')"}
    assert log.calls == [("error", ("the status inquiry could not ask or record",), noted)]
    told = said(attempt, Outcome.PENDING)
    assert await ask_safely(scripted.context(Scripted(told)), attempt) == told


async def test_an_attempt_left_open_by_a_crash_is_unknown_whatever_its_age(
    scripted: ScriptedWorld,
) -> None:
    """It ends with the next answer: nobody knows yet whether the gateway was called at all."""
    bill, attempt = await attempted(
        scripted, status="created", created_at=clock.now() - DAY, asked=4
    )
    beside = await scripted.attempt(bill, gateway_says="pending")
    await ask(scripted.context(Scripted(said(attempt, Outcome.NOT_FOUND))), attempt)
    assert await scripted.payment(attempt.id, "status", "gateway_says") == {
        "status": "unknown",
        "gateway_says": "not_found",
    }
    moved = ("payment.unknown", INQUIRY, {"before": "created", "asked": 4})
    assert await scripted.told(attempt.id) == [moved]
    assert await scripted.payment(beside, "status", "gateway_says") == {
        "status": "submitted",
        "gateway_says": "pending",
    }


@pytest.mark.parametrize(
    ("kind", "outcome", "bill_ends", "over_after"),
    [
        (Scripted, Outcome.PENDING, None, 20 * MINUTE),
        (Scripted, Outcome.PENDING, 12 * MINUTE, 12 * MINUTE),
        (Scripted, Outcome.PENDING, 40 * MINUTE, 20 * MINUTE),
        (Scripted, Outcome.NOT_FOUND, None, 20 * MINUTE),
        (Scripted, Outcome.NOT_FOUND, 12 * MINUTE, 20 * MINUTE),
        (Brief, Outcome.PENDING, None, 5 * MINUTE),
        (Brief, Outcome.NOT_FOUND, None, 15 * MINUTE),
        (Brief, Outcome.NOT_FOUND, 12 * MINUTE, 15 * MINUTE),
    ],
)
@pytest.mark.parametrize("before", ["submitted", "unknown"])
async def test_an_attempt_that_is_called_unpaid_ends_past_its_time(
    scripted: ScriptedWorld,
    kind: type[Scripted],
    outcome: Outcome,
    bill_ends: timedelta | None,
    over_after: timedelta,
    before: str,
) -> None:
    began = clock.now()
    bill, attempt = await attempted(scripted, status=before, created_at=began)
    if bill_ends is not None:
        await scripted.change("bill", bill, expires_at=began + bill_ends)
    context = scripted.context(kind(said(attempt, outcome)))
    with clock.frozen(began + over_after) as time:
        await ask(context, attempt)
        open_as = "submitted" if outcome is Outcome.PENDING else before
        assert await scripted.payment(attempt.id, "status") == {"status": open_as}
        time.advance(MOMENT)
        await ask(context, attempt)
        row = await scripted.payment(attempt.id)
        assert (row["status"], row["ask_at"]) == ("expired", time.at + HOUR)
        ended = ("payment.expired", INQUIRY, {"before": open_as, "gateway_says": outcome.value})
        assert (await scripted.told(attempt.id))[-1] == ended


@pytest.mark.parametrize(
    ("age", "again"), [(3 * DAY - MOMENT, True), (3 * DAY, False), (9 * DAY, False)]
)
@pytest.mark.parametrize("answered", [True, False])
async def test_what_has_ended_is_asked_about_hourly_for_three_days(
    scripted: ScriptedWorld, age: timedelta, again: bool, answered: bool
) -> None:
    now = clock.now()
    _, attempt = await attempted(
        scripted, status="expired", created_at=now - age, ask_at=now, gateway_says="pending"
    )
    beside = await scripted.attempt(await scripted.bill(), ask_at=now)
    answer = said(attempt, Outcome.NOT_FOUND) if answered else GatewayUnavailable("x")
    with clock.frozen(now):
        await ask(scripted.context(Scripted(answer)), attempt)
    assert await scripted.payment(attempt.id, "status", "ask_at", "gateway_says") == {
        "status": "expired",
        "ask_at": now + HOUR if again else None,
        "gateway_says": "pending",
    }
    assert await scripted.payment(beside, "ask_at") == {"ask_at": now}
    assert await scripted.told(attempt.id) == []


async def test_what_failed_is_left_as_it_is(scripted: ScriptedWorld) -> None:
    now = clock.now()
    _, attempt = await attempted(
        scripted, status="failed", created_at=now - DAY, ask_at=now, gateway_says="not_found"
    )
    before = await scripted.payment(attempt.id)
    await ask(scripted.context(Scripted(said(attempt, Outcome.PENDING))), attempt)
    assert await scripted.payment(attempt.id) == before
    assert await scripted.told(attempt.id) == []


async def test_an_attempt_is_closed_at_its_gateway_and_what_that_says_recorded(
    scripted: ScriptedWorld,
) -> None:
    bill, attempt = await attempted(scripted)
    gateway = Scripted(closes=said(attempt, Outcome.FAILED, gateway_code="24"))
    await close_safely(scripted.context(gateway), attempt)
    assert gateway.closed == [AttemptKey(attempt.order_ref, attempt.created_at)]
    assert gateway.account == (await scripted.account()).access
    ended = ("payment.failed", INQUIRY, {"before": "submitted", "gateway_code": "24"})
    assert await scripted.told(attempt.id) == [ended]
    # Money that came meanwhile is the bill's.
    second = await asked_of(scripted, await scripted.attempt(bill))
    await close_safely(scripted.context(Scripted(closes=paid(second))), second)
    assert await scripted.status(bill) == "paid"


async def test_an_attempt_that_cannot_be_closed_stays_as_it_is(
    scripted: ScriptedWorld, log: CapturingLogger
) -> None:
    _, attempt = await attempted(scripted)
    await close_safely(scripted.context(Starting()), attempt)
    unknown = said(attempt, Outcome.NOT_FOUND, request_code="another")
    await close_safely(scripted.context(Scripted(closes=unknown)), attempt)
    await close_safely(scripted.context(Scripted(closes=KeyError("broken"))), attempt)
    noted = {"payment": attempt.id, "reason": "KeyError('broken')"}
    assert log.calls == [("error", ("an attempt was not closed",), noted)]
    assert await scripted.told(attempt.id) == []
    assert await scripted.payment(attempt.id, "status") == {"status": "submitted"}


class Begun(Background):
    """The work of a process, and the names of what was begun."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    async def do(
        self, name: str, work: Callable[[], Coroutine[Any, Any, None]], patience: float
    ) -> bool:
        self.names.append(name)
        return await super().do(name, work, patience)


async def looked_at(
    world: ScriptedWorld,
    payment: str,
    at: datetime,
    stored: dict[str, Any] | None = None,
    **how: Any,
) -> bool:
    """Whether a page that is looked at then asks; `stored` is what the row says by then."""
    now = await get_payment_of(world, payment)
    if stored:
        await world.change("payment", payment, **stored)
    gateway = Scripted(GatewayResult(now.order_ref or "", Outcome.PENDING))
    before = (await world.payment(payment))["asked_at"]
    background = Begun()
    with clock.frozen(at):
        await ask_now(world.context(gateway, background=background), now, 30, **how)
    # Nothing is begun for a page that already knows that it was asked.
    assert len(gateway.asked) <= len(background.names) <= (1 if stored or gateway.asked else 0)
    if gateway.asked:
        assert gateway.asked == [AttemptKey(now.order_ref or "", now.created_at)]
    assert (await world.payment(payment))["asked_at"] == (at if gateway.asked else before)
    return bool(gateway.asked)


async def get_payment_of(world: ScriptedWorld, payment: str) -> Any:
    async with world.parts.database.reading() as session:
        return await get_payment(session, payment, {world.body.agency_id})


@pytest.mark.parametrize(
    ("changes", "asks"),
    [
        ({}, True),
        ({"status": "unknown"}, True),
        ({"status": "created", "created_at": 90}, True),
        ({"status": "created", "created_at": 89}, False),
        ({"created_at": 0}, True),
        ({"status": "failed"}, False),
        ({"status": "expired"}, False),
        ({"gateway_account_id": None}, False),
        ({"asked_at": 5}, True),
        ({"asked_at": 4.9}, False),
        ({"asked_at": 0}, False),
        ({"asked_at": -0.1}, True),
    ],
)
async def test_a_page_asks_about_what_is_open_now_and_then(
    scripted: ScriptedWorld, changes: dict[str, Any], asks: bool
) -> None:
    """Of times, so many seconds ago."""
    now = clock.now()
    moments = {
        name: now - timedelta(seconds=value)
        for name, value in changes.items()
        if name.endswith("_at")
    }
    other = await scripted.attempt(await scripted.bill())
    payment = await scripted.attempt(await scripted.bill(), **(changes | moments))
    assert await looked_at(scripted, payment, now) is asks
    assert (await scripted.payment(other))["asked_at"] is None


@pytest.mark.parametrize(("ago", "asks"), [(MINUTE, True), (MINUTE - MOMENT, False)])
async def test_who_waits_longer_asks_less_often(
    scripted: ScriptedWorld, ago: timedelta, asks: bool
) -> None:
    now = clock.now()
    payment = await scripted.attempt(await scripted.bill(), asked_at=now - ago)
    assert await looked_at(scripted, payment, now, again=MINUTE) is asks


@pytest.mark.parametrize(
    ("seconds", "asks"), [(None, True), (5, True), (4.9, False), (0, False), (-0.1, True)]
)
async def test_whoever_asked_meanwhile_has_asked(
    scripted: ScriptedWorld, seconds: float | None, asks: bool
) -> None:
    now = clock.now()
    payment = await scripted.attempt(await scripted.bill(), asked_at=now - HOUR)
    meanwhile = None if seconds is None else now - timedelta(seconds=seconds)
    assert await looked_at(scripted, payment, now, {"asked_at": meanwhile}) is asks


async def test_an_attempt_without_an_order_is_not_asked_about(scripted: ScriptedWorld) -> None:
    payment = await scripted.attempt(await scripted.bill())
    found, gateway = await get_payment_of(scripted, payment), Scripted()
    await ask_now(scripted.context(gateway), replace(found, order_ref=None), 30)
    assert gateway.asked == []
    assert (await scripted.payment(payment))["asked_at"] is None


@pytest.mark.parametrize(
    ("answer", "word"),
    [(Outcome.PENDING, "pending"), (Outcome.NOT_FOUND, "not_found"), (None, None)],
)
async def test_people_have_a_gateway_asked_about_an_attempt(
    scripted: ScriptedWorld, answer: Outcome | None, word: str | None
) -> None:
    bill, attempt = await attempted(scripted)
    await scripted.attempt(bill)
    told = said(attempt, answer) if answer else GatewayUnavailable("x")
    gateway = Scripted(told)
    assert await ask_about(scripted.context(gateway), attempt.id) == word
    assert gateway.asked == [AttemptKey(attempt.order_ref, attempt.created_at)]


async def test_what_is_no_attempt_at_a_gateway_cannot_be_asked_about(
    scripted: ScriptedWorld,
) -> None:
    own, gateway = await scripted.account(), Scripted()
    bill = await scripted.bill()
    nowhere = await scripted.attempt(bill, gateway_account_id=None)
    credit = await scripted.credit(gateway_account_id=own.id)
    await scripted.attempt(bill)
    for payment in (nowhere, credit, "pay_none"):
        with pytest.raises(NotAskable):
            await ask_about(scripted.context(gateway), payment)
    assert gateway.asked == []


async def test_whether_a_gateway_knows_us_is_asked_with_an_order_that_there_is_not(
    scripted: ScriptedWorld,
) -> None:
    access, now = (await scripted.account()).access, clock.now()
    gateway = Scripted(GatewayResult("x", Outcome.NOT_FOUND))
    with clock.frozen(now):
        found = await try_connection(scripted.context(gateway).gateways, access)
    assert found is Outcome.NOT_FOUND
    assert gateway.account == access
    assert gateway.asked == [AttemptKey("LEPHI-CHECK-00", now)]
    for kind in (Starting, ByContract):
        other = kind()
        assert await try_connection(scripted.context(other).gateways, access) is None
        assert getattr(other, "asked", []) == []
