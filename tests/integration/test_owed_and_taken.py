"""What is owed where somebody else takes the money, and what they then tell of it.

Row by row, without a gateway (`ScriptedWorld`), each question beside bills, bodies and attempts
that it is not about.
"""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar
from unittest.mock import AsyncMock

import pytest
from sqlalchemy import text

from core import audit, clock
from core.ids import new_id
from core.name_locks import lock_names
from payments.agencies.queries import GatewayAccountValue
from payments.attempts import pulled
from payments.attempts.pulled import what_is_owed
from payments.attempts.queries import EarlierAttempts
from payments.billed import BilledDossier, BilledFee, ToldBilled, ToldFee
from payments.books.recording import Recording, settlement_key
from payments.gateway_info import GatewayInfo
from payments.ports import CallbackResult, GatewayResult, Outcome
from payments.pulls import Pull, PulledBill, PullKey, PullState
from tests.support.locks import until_someone_waits
from tests.support.scripted import INFO, Only, Scripted, ScriptedWorld

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONFLICT = "payment.conflicting_notice"
MOMENT = timedelta(microseconds=1)


class Small(Scripted):
    """One that takes at most 5,000 đ."""

    info: ClassVar[GatewayInfo] = replace(INFO, greatest_amount=5000)


async def owed(
    world: ScriptedWorld,
    key: PullKey,
    number: str,
    account: GatewayAccountValue | None = None,
) -> PulledBill:
    """The answer to a question at an account, the body's own unless told."""
    under = account or await world.account()
    async with world.parts.database.reading() as session:
        return await what_is_owed(
            session, under, Pull(key, number), Only(Small()), cipher=world.parts.cipher
        )


async def reference_of(world: ScriptedWorld, bill: str) -> str:
    (row,) = await world.rows("SELECT reference FROM bill WHERE id = :id", id=bill)
    return str(row["reference"])


async def state_of(world: ScriptedWorld, bill: str) -> PullState:
    return (await owed(world, PullKey.REFERENCE, await reference_of(world, bill))).state


def dossier() -> str:
    return f"H00.{new_id('d')[-12:]}"


async def test_what_is_left_of_a_bill_is_owed_with_its_fees_and_dossier(
    scripted: ScriptedWorld,
) -> None:
    number = dossier()
    bill, other = await scripted.bill(dossier_number=number), await scripted.bill()
    own = (await scripted.account()).collection
    (body,) = await scripted.rows(
        "SELECT code, name FROM agency WHERE id = :id", id=scripted.body.agency_id
    )
    told = PulledBill(
        PullState.UNPAID,
        await reference_of(scripted, bill),
        5000,
        BilledDossier(
            number=number,
            agency_code=body["code"],
            agency_name=body["name"],
            bank_bin=own.bank_bin,
            account_number=own.account_number,
            account_name=own.account_name,
            fees=(BilledFee("", "Chứng thực bản sao từ bản chính", 5000),),
        ),
    )
    assert await owed(scripted, PullKey.DOSSIER, number) == told
    assert await owed(scripted, PullKey.REFERENCE, told.reference) == told
    await scripted.waiting(await scripted.credit(bill_id=other), bill_id=other, amount=1000)
    await scripted.waiting(await scripted.credit(bill_id=bill), bill_id=bill, amount=2000)
    assert told.billed is not None
    rest = replace(told.billed, fees=(BilledFee("", "Số còn phải nộp", 3000),))
    left = replace(told, amount=3000, billed=rest)
    assert await owed(scripted, PullKey.DOSSIER, number) == left
    assert await owed(scripted, PullKey.REFERENCE, told.reference) == left
    # Neither is known by the other's name.
    unknown = PulledBill(PullState.UNKNOWN)
    assert await owed(scripted, PullKey.REFERENCE, number) == unknown
    assert await owed(scripted, PullKey.DOSSIER, told.reference) == unknown


async def test_only_bills_of_the_accounts_body_and_below_are_known(
    scripted: ScriptedWorld,
) -> None:
    unit = await scripted.agency(scripted.body.agency_id)
    stranger = await scripted.agency()
    theirs = await scripted.bill(agency_id=stranger)
    assert await state_of(scripted, theirs) is PullState.UNKNOWN
    below = await scripted.bill(agency_id=unit)
    assert await state_of(scripted, below) is PullState.UNPAID
    # A unit's own account may not take for the body above it.
    account = await scripted.account_at(await scripted.collection(unit), unit)
    above, own = await scripted.bill(), await scripted.bill(agency_id=unit)
    for bill, state in ((above, PullState.UNKNOWN), (own, PullState.UNPAID)):
        reference = await reference_of(scripted, bill)
        assert (await owed(scripted, PullKey.REFERENCE, reference, account)).state is state


async def test_of_a_dossier_the_oldest_open_bill_is_told_first(scripted: ScriptedWorld) -> None:
    number, now = dossier(), clock.now()
    common = {"dossier_number": number}
    newest = await scripted.bill(**common, id=new_id("bill"), created_at=now)
    await scripted.bill(**common, status="cancelled", created_at=now - timedelta(hours=9))
    oldest = await scripted.bill(**common, created_at=now - timedelta(hours=2))
    middle = await scripted.bill(**common, created_at=now - timedelta(hours=1))
    for bill in (oldest, middle, newest):
        told = await owed(scripted, PullKey.DOSSIER, number)
        assert told.reference == await reference_of(scripted, bill)
        await scripted.change("bill", bill, status="paid", paid_at=now)
    assert await owed(scripted, PullKey.DOSSIER, number) == PulledBill(PullState.SETTLED)


@pytest.mark.parametrize(
    ("status", "ends", "state"),
    [
        ("open", None, PullState.UNPAID),
        ("open", timedelta(hours=1), PullState.UNPAID),
        ("open", MOMENT, PullState.UNPAID),
        ("open", timedelta(0), PullState.EXPIRED),
        ("open", timedelta(hours=-1), PullState.EXPIRED),
        ("expired", timedelta(hours=-1), PullState.EXPIRED),
        ("expired", timedelta(hours=1), PullState.EXPIRED),
        ("expired", None, PullState.EXPIRED),
        ("paid", None, PullState.SETTLED),
        ("paid", timedelta(hours=-1), PullState.SETTLED),
        ("paid", timedelta(hours=1), PullState.SETTLED),
        ("cancelled", timedelta(hours=-1), PullState.SETTLED),
    ],
)
@pytest.mark.parametrize("key", [PullKey.REFERENCE, PullKey.ORDER])
async def test_what_a_bill_owes_by_its_state_and_its_time(
    scripted: ScriptedWorld, status: str, ends: timedelta | None, state: PullState, key: PullKey
) -> None:
    now = clock.now()
    bill = await scripted.bill(
        status=status,
        paid_at=now if status == "paid" else None,
        expires_at=None if ends is None else now + ends,
    )
    number = await reference_of(scripted, bill)
    if key is PullKey.ORDER:
        payment = await scripted.attempt(bill)
        number = (await scripted.payment(payment))["order_ref"]
    with clock.frozen(now):
        told = await owed(scripted, key, number)
    assert told.state is state
    assert told.amount == (5000 if state is PullState.UNPAID else 0)


async def test_money_that_is_looked_at_stands_in_the_way_and_another_bills_does_not(
    scripted: ScriptedWorld,
) -> None:
    bill, other = await scripted.bill(), await scripted.bill()
    await scripted.attempt(other, **held(5000))
    assert await state_of(scripted, bill) is PullState.UNPAID
    await scripted.attempt(bill, **held(5000))
    assert await state_of(scripted, bill) is PullState.ELSEWHERE


def held(amount: int) -> dict[str, Any]:
    """What an attempt has whose money a person looks at."""
    return {
        "status": "held",
        "credited": amount,
        "settlement_key": new_id("key"),
        "accounting_on": clock.business_date(clock.now()),
    }


async def test_an_open_attempt_stands_in_the_way_while_its_page_takes_money(
    scripted: ScriptedWorld,
) -> None:
    now = clock.now()
    bill, other = await scripted.bill(), await scripted.bill()
    await scripted.attempt(other, created_at=now - timedelta(days=1))
    for ago, state in (
        (INFO.open_for - MOMENT, PullState.ELSEWHERE),
        (INFO.open_for, PullState.ELSEWHERE),
        (INFO.open_for + MOMENT, PullState.UNPAID),
    ):
        payment = await scripted.attempt(bill, created_at=now - ago)
        with clock.frozen(now):
            assert await state_of(scripted, bill) is state
        await scripted.change("payment", payment, status="failed")
    # Of a gateway that nobody knows any more there is no page.
    await scripted.attempt(bill, gateway="of_before", created_at=now)
    with clock.frozen(now):
        assert await state_of(scripted, bill) is PullState.UNPAID


async def test_what_cannot_be_taken_here_is_told_where_nothing_else_is_owed(
    scripted: ScriptedWorld,
) -> None:
    number, past = dossier(), clock.now() - timedelta(hours=1)
    late = await scripted.bill(dossier_number=number, expires_at=past)
    assert (await owed(scripted, PullKey.DOSSIER, number)).state is PullState.EXPIRED
    dear = await scripted.bill(dossier_number=number, amount=5001)
    assert (await owed(scripted, PullKey.DOSSIER, number)).state is PullState.ELSEWHERE
    # Whatever stands first: what cannot be taken now comes before what expired.
    await scripted.bill(dossier_number=number, expires_at=past)
    assert await owed(scripted, PullKey.DOSSIER, number) == PulledBill(PullState.ELSEWHERE)
    fits = await scripted.bill(dossier_number=number)
    told = await owed(scripted, PullKey.DOSSIER, number)
    assert (told.state, told.reference) == (PullState.UNPAID, await reference_of(scripted, fits))
    # Held money of a bill that is too dear counts once.
    await scripted.attempt(dear, **held(5001))
    assert (await owed(scripted, PullKey.DOSSIER, number)).reference == told.reference
    assert await state_of(scripted, late) is PullState.EXPIRED


async def test_a_hundred_bills_of_a_dossier_are_looked_at(
    scripted: ScriptedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = AsyncMock(return_value=EarlierAttempts(attempts=0, open=None, held=0, waiting=0))
    monkeypatch.setattr(pulled, "count_attempts", nothing)
    for many, state in ((99, PullState.UNPAID), (100, PullState.ELSEWHERE)):
        number, now = dossier(), clock.now()
        model = await scripted.bill(dossier_number=number, amount=9000, created_at=now)
        async with scripted.parts.database.transaction() as session:
            copies = text(
                "INSERT INTO bill (id, agency_id, reference, status, amount, dossier_number,"
                " channel, language, extra, created_at, opened_on)"
                " SELECT id || n, agency_id, reference || n, status, amount, dossier_number,"
                " channel, language, extra, created_at, opened_on"
                " FROM bill, generate_series(2, :many) n WHERE id = :id"
            )
            await session.execute(copies, {"id": model, "many": many})
        await scripted.bill(dossier_number=number, created_at=now + timedelta(seconds=1))
        assert (await owed(scripted, PullKey.DOSSIER, number)).state is state


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("created", PullState.UNPAID),
        ("submitted", PullState.UNPAID),
        ("unknown", PullState.UNPAID),
        ("failed", PullState.SETTLED),
        ("expired", PullState.SETTLED),
    ],
)
async def test_an_order_owes_what_its_bill_does_as_long_as_it_is_open(
    scripted: ScriptedWorld, status: str, state: PullState
) -> None:
    bill, other = await scripted.bill(), await scripted.bill(amount=7000)
    await scripted.attempt(other)
    payment = await scripted.attempt(bill, status=status)
    order = (await scripted.payment(payment))["order_ref"]
    await scripted.waiting(await scripted.credit(bill_id=bill), bill_id=bill, amount=1500)
    told = PulledBill(state)
    if state is PullState.UNPAID:
        told = PulledBill(state, await reference_of(scripted, bill), 3500)
    assert await owed(scripted, PullKey.ORDER, order) == told
    unknown = PulledBill(PullState.UNKNOWN)
    assert await owed(scripted, PullKey.ORDER, order, await scripted.account("vnpay")) == unknown
    assert await owed(scripted, PullKey.ORDER, f"{order}x") == unknown
    if state is PullState.UNPAID:
        await scripted.attempt(other, **held(5000))
        assert await owed(scripted, PullKey.ORDER, order) == told
        await scripted.attempt(bill, **held(5000))
        assert await owed(scripted, PullKey.ORDER, order) == PulledBill(PullState.ELSEWHERE)


def taken(reference: str, **changes: Any) -> GatewayResult:
    """5,000 đ that a counter took for a reference two days ago."""
    told = GatewayResult(
        reference,
        Outcome.SUCCEEDED,
        gateway_ref=new_id("t")[-20:],
        amount=5000,
        paid_at=clock.now() - timedelta(days=2),
        pulled=True,
    )
    return replace(told, **changes)


async def test_money_that_was_taken_for_a_reference_pays_its_bill_once(
    scripted: ScriptedWorld,
) -> None:
    bill = await scripted.bill()
    await scripted.bill()
    reference, own = await reference_of(scripted, bill), await scripted.account()
    told = taken(reference)
    came = await scripted.record(told)
    assert (came.result, came.bill_id, came.new) == (CallbackResult.ACCEPTED, bill, True)
    assert came.distribution is not None
    assert came.distribution.allocated == 5000
    payment = came.payment_id or ""
    assert await scripted.payment(
        *(payment, "kind", "status", "bill_id", "gateway", "reference", "credited", "paid_at"),
        *("settlement_key", "collection_account_id", "agency_id"),
    ) == {
        "kind": "credit",
        "status": "succeeded",
        "bill_id": bill,
        "gateway": "paygov",
        "reference": reference,
        "credited": 5000,
        "paid_at": told.paid_at,
        "settlement_key": settlement_key(own.id, told.gateway_ref or ""),
        "collection_account_id": scripted.body.collection_account_id,
        "agency_id": scripted.body.agency_id,
    }
    assert await scripted.postings(payment) == {"in_transit": 5000, "revenue": -5000}
    assert await scripted.status(bill) == "paid"
    history = await scripted.told(payment)
    assert [(action, who) for action, who, _ in history] == [("payment.succeeded", "test")]
    assert await scripted.record(told) == Recording(CallbackResult.ACCEPTED, payment, bill)
    assert await scripted.told(payment) == history


async def test_one_number_that_is_told_of_another_bill_is_the_first_ones_money(
    scripted: ScriptedWorld,
) -> None:
    first, second = await scripted.bill(), await scripted.bill()
    told = taken(await reference_of(scripted, first))
    payment = (await scripted.record(told)).payment_id
    for named in (await reference_of(scripted, second), "LPKHONGCO"):
        again = replace(told, order_ref=named)
        came = await scripted.record(again)
        assert came == Recording(CallbackResult.MISMATCH, payment, first)
        said = {"amount": 5000, "order_ref": named}
        assert (await scripted.told(payment))[-1] == (CONFLICT, "test", said)
    assert await scripted.status(second) == "open"
    # With another amount it is another money, which waits.
    came = await scripted.record(replace(told, order_ref=named, amount=4000))
    assert (came.result, came.new) == (CallbackResult.UNKNOWN_ORDER, True)
    assert await scripted.places(came.payment_id) == [
        ("suspense", 4000, "conflicting_notice", None)
    ]


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.PENDING, Outcome.NOT_FOUND])
async def test_where_nothing_was_taken_nothing_is_recorded(
    scripted: ScriptedWorld, outcome: Outcome
) -> None:
    bill, own = await scripted.bill(), await scripted.account()
    stranger = await scripted.bill(agency_id=await scripted.agency())
    before = await scripted.told(own.id)
    told = taken(await reference_of(scripted, bill), outcome=outcome)
    assert await scripted.record(told) == Recording(CallbackResult.ACCEPTED, bill_id=bill)
    assert await scripted.told(own.id) == before
    for named in ("LPKHONGCO", await reference_of(scripted, stranger)):
        other = replace(told, order_ref=named)
        assert await scripted.record(other) == Recording(CallbackResult.UNKNOWN_ORDER)
        said = {"order_ref": named, "outcome": outcome.value}
        assert (await scripted.told(own.id))[-1] == ("callback.unknown_order", "test", said)
    assert (
        await scripted.rows("SELECT id FROM payment WHERE gateway_ref = :ref", ref=told.gateway_ref)
        == []
    )


@pytest.mark.parametrize("outcome", [Outcome.SUCCEEDED, Outcome.HELD])
async def test_money_for_no_bill_of_the_account_waits(
    scripted: ScriptedWorld, outcome: Outcome
) -> None:
    stranger = await scripted.bill(agency_id=await scripted.agency())
    reason = "held_by_gateway" if outcome is Outcome.HELD else "unknown_reference"
    for named in ("LPKHONGCO", await reference_of(scripted, stranger)):
        came = await scripted.record(taken(named, outcome=outcome, dossier_number="H1"))
        result = CallbackResult.UNKNOWN_ORDER
        if outcome is Outcome.HELD:
            result = CallbackResult.MISMATCH
        assert (came.result, came.bill_id, came.new) == (result, None, True)
        assert await scripted.payment(came.payment_id or "", "reference", "bill_id") == {
            "reference": None,
            "bill_id": None,
        }
        assert await scripted.places(came.payment_id) == [("suspense", 5000, reason, None)]
        assert len(await scripted.told(came.payment_id)) == 1
    assert await scripted.status(stranger) == "open"


FITS = ToldBilled(fees=(ToldFee(5000),))
OTHER = ToldBilled(fees=(ToldFee(4999), ToldFee(1)))


@pytest.mark.parametrize(
    ("changes", "reason", "differs"),
    [
        ({"billed": FITS}, None, []),
        ({"billed": FITS, "outcome": Outcome.HELD}, "held_by_gateway", []),
        ({"billed": OTHER}, "amount_mismatch", ["fees"]),
        ({"billed": OTHER, "outcome": Outcome.HELD}, "amount_mismatch", ["fees"]),
        ({"dossier_number": "H1", "billed": OTHER}, "amount_mismatch", ["dossier_number", "fees"]),
    ],
)
async def test_money_that_a_person_has_to_look_at_names_its_bill_and_pays_nothing(
    scripted: ScriptedWorld, changes: dict[str, Any], reason: str | None, differs: list[str]
) -> None:
    bill = await scripted.bill()
    reference = await reference_of(scripted, bill)
    came = await scripted.record(taken(reference, **changes))
    if reason is None:
        assert (came.result, came.bill_id) == (CallbackResult.ACCEPTED, bill)
        assert await scripted.status(bill) == "paid"
        return
    assert (came.result, came.bill_id, came.new) == (CallbackResult.MISMATCH, None, True)
    row = await scripted.payment(came.payment_id or "", "reference", "bill_id")
    assert row == {"reference": reference, "bill_id": None}
    assert await scripted.places(came.payment_id) == [("suspense", 5000, reason, None)]
    noted = (CONFLICT, "test", {"differs": differs, "disputed_before": False})
    assert (await scripted.told(came.payment_id))[1:] == ([noted] if differs else [])
    assert await scripted.status(bill) == "open"
    assert await state_of(scripted, bill) is PullState.ELSEWHERE


@pytest.mark.parametrize("differs", [[], ["dossier_number"]])
async def test_money_that_was_disputed_before_it_was_told_of_waits(
    scripted: ScriptedWorld, differs: list[str]
) -> None:
    bill, own = await scripted.bill(), await scripted.account()
    told = taken(await reference_of(scripted, bill), dossier_number="H1" if differs else None)
    async with scripted.parts.database.transaction() as session:
        await audit.record(
            session,
            actor="test",
            action="dispute.unknown_payment",
            object_id=own.id,
            details={"gateway_ref": told.gateway_ref},
        )
    came = await scripted.record(told)
    assert (came.result, came.bill_id) == (CallbackResult.MISMATCH, None)
    assert await scripted.places(came.payment_id) == [("suspense", 5000, "held_by_gateway", None)]
    noted = (CONFLICT, "test", {"differs": differs, "disputed_before": True})
    assert (await scripted.told(came.payment_id))[1:] == [noted]
    assert await scripted.status(bill) == "open"


@pytest.mark.parametrize("again", [Outcome.HELD, Outcome.SUCCEEDED])
async def test_money_that_is_held_and_told_of_again_for_its_bill_is_no_conflict(
    scripted: ScriptedWorld, again: Outcome
) -> None:
    """Its payment is of no bill yet, and names it: who tells of it again contradicts nobody."""
    bill, other = await scripted.bill(), await scripted.bill()
    told = taken(await reference_of(scripted, bill), outcome=Outcome.HELD)
    came = await scripted.record(told)
    history = await scripted.told(came.payment_id)
    once_more = replace(told, outcome=again, gateway_code="told again")
    for _ in range(3):
        found = await scripted.record(once_more)
        assert found == Recording(CallbackResult.MISMATCH, came.payment_id)
    assert await scripted.told(came.payment_id) == history
    assert await scripted.places(came.payment_id) == [("suspense", 5000, "held_by_gateway", None)]
    # The control: told of for another bill it is one.
    named = await reference_of(scripted, other)
    said = {"amount": 5000, "order_ref": named}
    await scripted.record(replace(told, order_ref=named))
    assert await scripted.told(came.payment_id) == [*history, (CONFLICT, "test", said)]


async def test_one_number_told_of_another_bill_is_noted_once_for_each(
    scripted: ScriptedWorld,
) -> None:
    first, *others = [await reference_of(scripted, await scripted.bill()) for _ in range(3)]
    told = taken(first)
    payment = (await scripted.record(told)).payment_id
    history = await scripted.told(payment)
    for outcome in (Outcome.SUCCEEDED, Outcome.HELD, Outcome.SUCCEEDED):
        for named in (*others, "LPKHONGCO"):
            await scripted.record(replace(told, order_ref=named, outcome=outcome))
    assert (await scripted.told(payment))[len(history) :] == [
        (CONFLICT, "test", {"amount": 5000, "order_ref": named}) for named in (*others, "LPKHONGCO")
    ]


async def test_what_differs_is_noted_when_its_money_is_recorded_and_not_again(
    scripted: ScriptedWorld,
) -> None:
    bill = await scripted.bill()
    told = taken(await reference_of(scripted, bill))
    await scripted.record(told)
    odd = replace(told, amount=4000, dossier_number="H1")
    came = await scripted.record(odd)
    assert (came.result, came.new) == (CallbackResult.MISMATCH, True)
    history = await scripted.told(came.payment_id)
    assert [action for action, *_ in history].count(CONFLICT) == 1
    again = await scripted.record(odd)
    assert (again.payment_id, again.new) == (came.payment_id, False)
    assert await scripted.told(came.payment_id) == history


@pytest.mark.parametrize("changes", [{}, {"outcome": Outcome.HELD}])
async def test_whoever_records_money_for_a_bill_holds_the_bill_first(
    scripted: ScriptedWorld, changes: dict[str, Any]
) -> None:
    """Else two who record would wait for each other."""
    bill, own = await scripted.bill(), await scripted.account()
    told = taken(await reference_of(scripted, bill), **changes)
    async with scripted.parts.database.transaction() as session:
        await lock_names(session, settlement_key(own.id, told.gateway_ref or ""))
        recording = asyncio.create_task(scripted.record(told))
        await until_someone_waits(scripted.parts.database)
        free = await scripted.rows(
            "SELECT id FROM bill WHERE id = :id FOR UPDATE SKIP LOCKED", id=bill
        )
    await recording
    assert free == []


@pytest.mark.parametrize(
    "lacks", [{"amount": None}, {"amount": 0}, {"gateway_ref": None}, {"gateway_ref": ""}]
)
@pytest.mark.parametrize("outcome", [Outcome.SUCCEEDED, Outcome.HELD])
async def test_money_without_amount_or_number_is_refused(
    scripted: ScriptedWorld, lacks: dict[str, Any], outcome: Outcome
) -> None:
    """Under no number two moneys would be one, and the second be lost."""
    bill = await scripted.bill()
    told = taken(await reference_of(scripted, bill), outcome=outcome, **lacks)
    with pytest.raises(ValueError, match="without its amount or reference"):
        await scripted.record(told)
    assert await scripted.status(bill) == "open"
