"""Starting an attempt: what is written before the call, what is sent, what each answer comes to.

Row by row, beside a scripted gateway (`ScriptedWorld`): every refusal leaves nothing behind, every
outcome is written whole, and a repeat of the request is the same answer.
"""

import json
import secrets
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from core import clock, failpoints, idempotency
from core.errors import LephiError, NotFound
from core.failpoints import FailpointReached
from core.idempotency import Claim, InFlight
from core.ids import new_id
from payments.attempts import checkout as starting
from payments.attempts.billing import dossier_of
from payments.attempts.checkout import (
    AttemptOpen,
    BillNotPayable,
    OutcomePending,
    checkout,
)
from payments.attempts.conclusion import conclude
from payments.attempts.offering import (
    AmountNotTaken,
    GatewayCrowded,
    GatewayNotOffered,
    GatewayResting,
)
from payments.bills.presenting import payment_json
from payments.context import Context
from payments.gateway_info import GatewayInfo
from payments.ports import (
    AcceptedAttempt,
    CheckoutType,
    DeclinedAttempt,
    GatewayMisuse,
    GatewayResult,
    GatewayUnavailable,
    Outcome,
    OutcomeUnknown,
    StartRequest,
)
from payments.summaries import PlacedMoney
from tests.support.bare_rows import insert
from tests.support.scripted import ACCEPTED, INFO, Scripted, ScriptedWorld, Starting

pytestmark = pytest.mark.asyncio(loop_scope="module")

MOMENT = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)


class Asking(Starting):
    """One that wants to know what is paid for."""

    info: ClassVar[GatewayInfo] = replace(INFO, wants_dossier=True)


class Numbering(Starting):
    """One whose orders are numbers."""

    info: ClassVar[GatewayInfo] = replace(INFO, numbered_orders=True)


class Small(Starting):
    """One that takes at most 4,999 đ."""

    info: ClassVar[GatewayInfo] = replace(INFO, greatest_amount=4999)


def claim_of(world: ScriptedWorld, key: str | None = None, body: str = "body") -> Claim:
    secret = world.parts.payments.request_key
    return Claim.of("owner", "POST /x", key or new_id("key"), body, secret)


async def start(
    world: ScriptedWorld, bill: str, gateway: Starting, claim: Claim | None = None, **how: Any
) -> tuple[int, dict[str, Any]]:
    """Start an attempt as the portal does; status and body of the answer."""
    context: Context = how.pop("context", None) or world.context(gateway)
    status, body = await checkout(
        context,
        bill,
        how.pop("reach", {world.body.agency_id}),
        how.pop("at", "paygov"),
        claim or claim_of(world),
        payment_json,
        actor="portal",
        **how,
    )
    return status, json.loads(body)


async def attempts(world: ScriptedWorld, bill: str) -> list[dict[str, Any]]:
    return await world.rows("SELECT * FROM payment WHERE bill_id = :id ORDER BY id", id=bill)


async def reference_of(world: ScriptedWorld, bill: str) -> str:
    (row,) = await world.rows("SELECT reference FROM bill WHERE id = :id", id=bill)
    return str(row["reference"])


async def silences(world: ScriptedWorld, count: int | None = None) -> tuple[int, str] | None:
    """What the account's breaker has counted; first it is put at `count` if there is one."""
    own = await world.account()
    if count is not None:
        await world.forget("gateway_breaker", "true")
        async with world.parts.database.transaction() as session:
            row = {"gateway_account_id": own.id, "silences": count, "code": "before"}
            await insert(session, "gateway_breaker", row | {"changed_at": clock.now()})
    found = await world.rows(
        "SELECT silences, code FROM gateway_breaker WHERE gateway_account_id = :id", id=own.id
    )
    return (found[0]["silences"], found[0]["code"]) if found else None


@pytest.mark.parametrize("proven", [True, False])
async def test_an_attempt_is_written_sent_and_answered(
    scripted: ScriptedWorld, proven: bool
) -> None:
    bill = await scripted.bill(language="en")
    await scripted.attempt(await scripted.bill())
    await silences(scripted, 2)
    reference, own, gateway = (
        await reference_of(scripted, bill),
        await scripted.account(),
        Starting(),
    )
    claim, urls = claim_of(scripted), scripted.parts.payments.urls
    with clock.frozen(clock.now()) as still:
        status, told = await start(
            scripted, bill, gateway, claim, proven=proven, payer_ip="203.0.113.7"
        )
    (row,) = await attempts(scripted, bill)
    payment = row["id"]
    assert gateway.account == own.access
    assert gateway.started == [
        StartRequest(
            order_ref=f"{reference}-01",
            request_code=payment,
            amount=5000,
            description=f"Nop phi, le phi {reference}",
            return_url=urls.pay(bill, reference) if proven else urls.bill(reference),
            callback_url=urls.callback("paygov", own.access.account),
            payer_ip="203.0.113.7",
            language="en",
            created_at=still.at,
            dossier=None,
        )
    ]
    assert {name: value for name, value in row.items() if value is not None} == {
        "id": payment,
        "kind": "attempt",
        "agency_id": scripted.body.agency_id,
        "bill_id": bill,
        "gateway": "paygov",
        "gateway_account_id": own.id,
        "collection_account_id": scripted.body.collection_account_id,
        "status": "submitted",
        "amount": 5000,
        "order_ref": f"{reference}-01",
        "request_code": payment,
        "checkout": {"type": "redirect", "url": ACCEPTED.url, "payload": ACCEPTED.payload},
        "created_at": still.at,
        "ask_at": still.at + 15 * SECOND,
        "asked": 0,
        "private": proven,
    }
    begun = {"bill": bill, "amount": 5000, "gateway": "paygov"}
    assert await scripted.told(payment) == [
        ("payment.created", "portal", begun),
        ("payment.submitted", "portal", {"before": "created"}),
    ]
    assert (status, told["id"], told["status"]) == (201, payment, "submitted")
    assert told["checkout"]["url"] == ACCEPTED.url
    assert (await silences(scripted))[0] == 0  # type: ignore[index]
    # Told again it is the same answer, and the gateway hears of it once.
    assert await start(scripted, bill, gateway, claim) == (status, told)
    assert len(gateway.started) == 1


async def test_whoever_says_nothing_else_is_the_payer_at_this_machine_and_sees_the_bill(
    scripted: ScriptedWorld,
) -> None:
    bill, gateway = await scripted.bill(), Starting()
    await start(scripted, bill, gateway)
    (sent,) = gateway.started
    assert sent.payer_ip == "127.0.0.1"
    urls = scripted.parts.payments.urls
    assert sent.return_url == urls.pay(bill, await reference_of(scripted, bill))


async def test_a_gateway_that_wants_to_know_is_told_what_is_paid_for(
    scripted: ScriptedWorld,
) -> None:
    bill, gateway = await scripted.bill(), Asking()
    await scripted.waiting(await scripted.credit(bill_id=bill), bill_id=bill, amount=2000)
    await start(scripted, bill, gateway)
    (sent,) = gateway.started
    account = (await scripted.account()).collection
    async with scripted.parts.database.reading() as session:
        told = await dossier_of(session, account, bill, 3000, cipher=scripted.parts.cipher)
    assert (sent.amount, sent.dossier) == (3000, told)
    assert (await attempts(scripted, bill))[-1]["amount"] == 3000


@pytest.mark.parametrize(
    ("drawn", "number"), [(0, "1000000000000000"), (2**53 - 10**15 - 1, "9007199254740991")]
)
async def test_where_orders_are_numbered_any_program_can_hold_the_number(
    scripted: ScriptedWorld, monkeypatch: pytest.MonkeyPatch, drawn: int, number: str
) -> None:
    below: list[int] = []

    def draw(limit: int) -> int:
        below.append(limit)
        return drawn

    monkeypatch.setattr(secrets, "randbelow", draw)
    bill, gateway = await scripted.bill(), Numbering()
    await start(scripted, bill, gateway)
    assert [one.order_ref for one in gateway.started] == [number]
    assert below == [2**53 - 10**15]


async def test_each_attempt_of_a_bill_has_an_order_of_its_own(scripted: ScriptedWorld) -> None:
    bill, gateway = await scripted.bill(), Starting(DeclinedAttempt("09", "no"))
    for _ in range(3):
        await start(scripted, bill, gateway)
    reference = await reference_of(scripted, bill)
    assert [one.order_ref for one in gateway.started] == [f"{reference}-{n:02d}" for n in (1, 2, 3)]


async def refused(
    world: ScriptedWorld, bill: str, error: type[LephiError], gateway: Starting, **how: Any
) -> LephiError:
    """Start one, see it refused, and that nothing came of it."""
    before, claim = await attempts(world, bill), claim_of(world)
    with pytest.raises(error) as caught:
        await start(world, bill, gateway, claim, **how)
    assert gateway.started == []
    assert await attempts(world, bill) == before
    async with world.parts.database.reading() as session:
        assert await idempotency.find(session, claim, world.parts.cipher) is None
    return caught.value


@pytest.mark.parametrize("status", ["paid", "cancelled", "expired"])
async def test_a_bill_that_is_not_open_takes_no_attempt(
    scripted: ScriptedWorld, status: str
) -> None:
    bill = await scripted.bill(status=status, paid_at=clock.now() if status == "paid" else None)
    await refused(scripted, bill, BillNotPayable, Starting())


async def test_a_bill_takes_attempts_until_its_time(scripted: ScriptedWorld) -> None:
    now = clock.now()
    bill = await scripted.bill(expires_at=now)
    with clock.frozen(now) as time:
        await refused(scripted, bill, BillNotPayable, Starting())
        time.advance(-MOMENT)
        assert (await start(scripted, bill, Starting()))[0] == 201


async def test_nobody_pays_what_is_not_theirs_to_see(scripted: ScriptedWorld) -> None:
    stranger = await scripted.agency()
    bill = await scripted.bill(agency_id=stranger)
    await refused(scripted, bill, NotFound, Starting())
    await refused(scripted, "bill_none", NotFound, Starting())
    own = await scripted.bill()
    await refused(scripted, own, NotFound, Starting(), reach={stranger})
    assert (await start(scripted, own, Starting()))[0] == 201


async def test_a_gateway_without_an_account_takes_nothing(scripted: ScriptedWorld) -> None:
    bill = await scripted.bill()
    for name in ("sepay", "momo", "nobody"):
        await refused(scripted, bill, GatewayNotOffered, Starting(), at=name)


async def test_while_money_is_looked_at_nobody_pays_again(scripted: ScriptedWorld) -> None:
    bill, day = await scripted.bill(), clock.business_date(clock.now())
    await scripted.attempt(
        bill, status="held", credited=4000, settlement_key=new_id("k"), accounting_on=day
    )
    error = await refused(scripted, bill, OutcomePending, Starting())
    assert error.retryable


@pytest.mark.parametrize("status", ["created", "submitted", "unknown"])
async def test_while_an_attempt_is_open_it_is_named(scripted: ScriptedWorld, status: str) -> None:
    bill = await scripted.bill()
    payment = await scripted.attempt(bill, status=status)
    error = await refused(scripted, bill, AttemptOpen, Starting())
    assert [(e.field, e.code, e.detail) for e in error.errors] == [
        ("instead_of", "attempt_open", payment)
    ]
    assert payment in error.detail


async def test_an_amount_that_the_gateway_does_not_take_is_not_sent_there(
    scripted: ScriptedWorld,
) -> None:
    bill = await scripted.bill()
    await refused(scripted, bill, AmountNotTaken, Small())
    await scripted.waiting(await scripted.credit(bill_id=bill), bill_id=bill, amount=1)
    assert (await start(scripted, bill, Small()))[0] == 201


async def test_nobody_is_sent_where_nobody_answers(scripted: ScriptedWorld) -> None:
    bill, later = await scripted.bill(), clock.now() + timedelta(hours=1)
    await silences(scripted, 5)
    await scripted.rows(
        "UPDATE gateway_breaker SET opened_at = :at, probe_at = :later RETURNING silences",
        at=clock.now(),
        later=later,
    )
    context = scripted.context(Starting())
    context.breakers.forget()
    error = await refused(scripted, bill, GatewayResting, Starting())
    assert error.detail.startswith("Cổng thử ")
    await scripted.forget("gateway_breaker", "true")
    context.breakers.forget()


class Places:
    """Places at gateways, of which one looks free or is, and another is not."""

    def __init__(self, *, full: bool, free: bool) -> None:
        self.full, self.free = full, free
        self.asked: list[str] = []

    def is_full(self, name: str) -> bool:
        self.asked.append(name)
        return self.full

    @contextmanager
    def place(self, name: str) -> Any:
        self.asked.append(name)
        yield self.free


async def test_where_too_many_wait_nothing_is_written_or_sent(scripted: ScriptedWorld) -> None:
    bill, own = await scripted.bill(), await scripted.account()
    full = Places(full=True, free=True)
    context = scripted.context(Starting(), starting=full)
    await refused(scripted, bill, GatewayCrowded, Starting(), context=context)
    assert full.asked == [own.id]
    # Who comes too late for a place finds nothing charged, and says nothing of the gateway.
    await silences(scripted, 2)
    late, gateway, claim = Places(full=False, free=False), Starting(), claim_of(scripted)
    context = scripted.context(gateway, starting=late)
    with pytest.raises(GatewayCrowded):
        await start(scripted, bill, gateway, claim, context=context)
    assert gateway.started == []
    ((status, code),) = [
        (row["status"], row["gateway_code"]) for row in await attempts(scripted, bill)
    ]
    assert (status, code) == ("failed", "gateway_crowded")
    assert await silences(scripted) == (2, "before")
    assert (await start(scripted, bill, Starting(), claim))[1]["status"] == "submitted"


async def test_a_twin_of_a_request_that_has_just_begun_waits(
    scripted: ScriptedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill, claim, gateway = await scripted.bill(), claim_of(scripted), Starting()
    await start(scripted, bill, gateway, claim)

    async def sees_nothing(*_: object) -> None:
        return None

    monkeypatch.setattr(idempotency, "find", sees_nothing)
    with pytest.raises(InFlight):
        await start(scripted, bill, gateway, claim)
    assert len(gateway.started) == 1


UNAVAILABLE, UNCLEAR = GatewayUnavailable("x"), OutcomeUnknown("x")
MISUSE, DECLINED = GatewayMisuse("x"), DeclinedAttempt("09", "no")


@pytest.mark.parametrize(
    ("outcome", "after", "code", "counted"),
    [
        (ACCEPTED, "submitted", None, (0, "before")),
        (DECLINED, "failed", "09", (0, "before")),
        (UNCLEAR, "unknown", None, (3, "gateway_outcome_unknown")),
        (UNAVAILABLE, "failed", "gateway_unavailable", (3, "gateway_unavailable")),
        (MISUSE, "failed", "gateway_misuse", (0, "before")),
    ],
)
async def test_every_answer_of_a_gateway_is_written_down(
    scripted: ScriptedWorld, outcome: Any, after: str, code: str | None, counted: tuple[int, str]
) -> None:
    bill, claim, gateway = await scripted.bill(), claim_of(scripted), Starting(outcome)
    await silences(scripted, 2)
    raises = isinstance(outcome, LephiError) and outcome is not UNCLEAR
    with clock.frozen(clock.now()) as still:
        if raises:
            with pytest.raises(type(outcome)):
                await start(scripted, bill, gateway, claim)
        else:
            status, told = await start(scripted, bill, gateway, claim)
            assert (status, told["status"]) == (201, after)
    assert await silences(scripted) == counted
    (row,) = await attempts(scripted, bill)
    assert (row["status"], row["gateway_code"]) == (after, code)
    is_open = after in ("submitted", "unknown")
    assert row["ask_at"] == (still.at + 15 * SECOND if is_open else None)
    details = {"before": "created"} | ({"gateway_code": code} if code else {})
    assert (await scripted.told(row["id"]))[1:] == [(f"payment.{after}", "portal", details)]
    # The key of a request of which nothing came may be used again; of every other it is answered.
    again = Starting()
    status, told = await start(scripted, bill, again, claim)
    assert (status, len(again.started)) == (201, int(raises))
    assert told["status"] == ("submitted" if raises else after)


@pytest.mark.parametrize("before", ["submitted", "unknown", "succeeded", "failed", "expired"])
@pytest.mark.parametrize("outcome", [ACCEPTED, DECLINED, UNCLEAR, UNAVAILABLE])
async def test_an_answer_that_comes_late_changes_nothing_of_what_is_known(
    scripted: ScriptedWorld, before: str, outcome: Any
) -> None:
    now = clock.now()
    money = {
        "credited": 5000,
        "settlement_key": new_id("k"),
        "accounting_on": clock.business_date(now),
    }
    payment = await scripted.attempt(
        await scripted.bill(), status=before, **(money if before == "succeeded" else {})
    )
    beside = await scripted.attempt(await scripted.bill())
    row, other = await scripted.payment(payment), await scripted.payment(beside)
    with clock.frozen(now):
        async with scripted.parts.database.transaction() as session:
            await conclude(session, payment, outcome, claim_of(scripted), "portal")
    if outcome is ACCEPTED:
        row["checkout"] = {"type": "redirect", "url": ACCEPTED.url, "payload": ACCEPTED.payload}
        if before == "unknown":
            row |= {"status": "submitted", "ask_at": now + 15 * SECOND}
    assert await scripted.payment(payment) == row
    assert await scripted.payment(beside) == other
    moved = [("payment.submitted", "portal", {"before": "unknown"})]
    is_moved = outcome is ACCEPTED and before == "unknown"
    assert await scripted.told(payment) == (moved if is_moved else [])


async def test_money_that_is_faster_than_the_answer_is_shown_where_it_is(
    scripted: ScriptedWorld,
) -> None:
    class Fast(Starting):
        async def start(self, request: StartRequest) -> AcceptedAttempt | DeclinedAttempt:
            told = GatewayResult(
                request.order_ref, Outcome.SUCCEEDED, new_id("t")[-20:], 5000, clock.now()
            )
            await scripted.record(told)
            return AcceptedAttempt(CheckoutType.QR, None, "qr")

    bill = await scripted.bill()
    _, told = await start(scripted, bill, Fast())
    assert (told["status"], told["credited"], told["allocated"]) == ("succeeded", 5000, 5000)
    (row,) = await attempts(scripted, bill)
    assert row["checkout"] == {"type": "qr", "url": None, "payload": "qr"}


@pytest.mark.parametrize(
    ("point", "sent"),
    [
        ("checkout.after_intent", 0),
        ("checkout.after_call", 1),
        ("checkout.before_outcome_commit", 1),
    ],
)
async def test_a_request_that_stopped_is_taken_over_and_nothing_sent_again(
    scripted: ScriptedWorld, point: str, sent: int
) -> None:
    bill, gateway, claim = await scripted.bill(), Starting(), claim_of(scripted)
    failpoints.configure(f"{point}=raise")
    began = clock.now()
    try:
        with clock.frozen(began), pytest.raises(FailpointReached):
            await start(scripted, bill, gateway, claim)
    finally:
        failpoints.clear()
    (row,) = await attempts(scripted, bill)
    assert (row["status"], row["ask_at"], row["asked"]) == ("created", began + 90 * SECOND, 0)
    assert len(gateway.started) == sent
    with clock.frozen(began + 90 * SECOND - MOMENT) as time:
        with pytest.raises(InFlight):
            await start(scripted, bill, gateway, claim)
        time.advance(MOMENT)
        with pytest.raises(NotFound):
            await start(scripted, bill, gateway, claim, reach={"agency_other"})
        assert (await attempts(scripted, bill))[0]["status"] == "created"
        status, told = await start(scripted, bill, gateway, claim)
        assert (status, told["id"], told["status"]) == (201, row["id"], "unknown")
    (row,) = await attempts(scripted, bill)
    assert (row["status"], row["ask_at"]) == ("unknown", began + 90 * SECOND)
    assert (await scripted.told(row["id"]))[1:] == [
        ("payment.unknown", "portal", {"before": "created"})
    ]
    assert len(gateway.started) == sent
    assert await start(scripted, bill, gateway, claim) == (status, told)


async def test_what_was_heard_of_before_it_was_taken_over_stays(scripted: ScriptedWorld) -> None:
    bill, claim, began = await scripted.bill(), claim_of(scripted), clock.now()
    payment = await scripted.attempt(bill, ask_at=began)
    async with scripted.parts.database.transaction() as session:
        with clock.frozen(began - 90 * SECOND):
            await idempotency.begin(session, claim, payment)
    status, told = await start(scripted, bill, Starting(), claim)
    assert (status, told["id"], told["status"]) == (201, payment, "submitted")
    assert await scripted.told(payment) == []
    assert (await scripted.payment(payment))["ask_at"] == began


async def test_of_two_who_take_a_request_over_both_give_the_first_answer(
    scripted: ScriptedWorld,
) -> None:
    payment = await scripted.attempt(await scripted.bill())
    claim, reach = claim_of(scripted), {scripted.body.agency_id}
    context = scripted.context(Starting())

    def saying(word: str) -> Any:
        def present(_: object, __: PlacedMoney) -> dict[str, Any]:
            return {"says": word}

        return present

    async with scripted.parts.database.transaction() as session:
        await idempotency.begin(session, claim, payment)
    for word in ("first", "second"):
        answer = await starting._answer(context, claim, payment, reach, saying(word))
        assert answer == (201, b'{"says":"first"}')
    # Where the key has gone meanwhile, each has its own.
    other = await starting._answer(context, claim_of(scripted), payment, reach, saying("third"))
    assert other == (201, b'{"says":"third"}')


async def test_another_attempt_takes_the_place_of_the_open_one(scripted: ScriptedWorld) -> None:
    bill, other = await scripted.bill(), await scripted.bill()
    first, foreign = await scripted.attempt(bill), await scripted.attempt(other)

    class Unpaid(Scripted):
        async def query(self, attempt: Any) -> GatewayResult:
            return GatewayResult(attempt.order_ref, Outcome.PENDING)

        async def cancel(self, attempt: Any) -> GatewayResult:
            return GatewayResult(attempt.order_ref, Outcome.NOT_FOUND)

    for wrong in (foreign, "pay_none"):
        await refused(scripted, bill, NotFound, Unpaid(), instead_of=wrong)
    assert (await scripted.payment(foreign))["status"] == "submitted"
    assert (await scripted.payment(first))["status"] == "submitted"
    status, told = await start(scripted, bill, Unpaid(), instead_of=first)
    assert (status, told["status"]) == (201, "submitted")
    assert told["id"] != first
    assert (await scripted.payment(first))["status"] == "expired"
    (left,) = await scripted.told(first)
    assert left == (
        "payment.expired",
        "portal",
        {"before": "submitted", "gateway_says": "pending", "left": True},
    )
