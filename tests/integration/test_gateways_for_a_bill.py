"""Which gateways a bill is offered, and the receipts that gateways make out of what was paid there.

Row by row, beside a scripted gateway (`ScriptedWorld`): which accounts, in which order; which
receipts are wanted, asked for, kept and given up, and what is said to the gateway.
"""

import asyncio
import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

import pytest
import pytest_asyncio
from sqlalchemy import text
from structlog.testing import CapturingLogger

from core import clock, failpoints
from core.clocks import MOST_APART
from core.errors import NotFound
from core.failpoints import FailpointReached
from core.ids import new_id
from core.json import canonical
from payments.agencies.queries import GatewayAccountValue
from payments.attempts import gateway_receipts
from payments.attempts.gateway_receipts import (
    DueReceipt,
    fetch_due,
    get_kept_receipt,
    pause,
    want_receipt,
)
from payments.attempts.offering import (
    AmountNotTaken,
    GatewayNotOffered,
    check_limits,
    choose_gateway,
    offered_gateways,
)
from payments.books.recording import Recording
from payments.gateway_info import Capability, GatewayInfo
from payments.gateway_receipts import ReceiptOrder, ReceiptPayer
from payments.ports import CallbackResult, GatewayResult, GatewayUnavailable, Outcome
from tests.support.bare_rows import insert
from tests.support.scripted import INFO, Scripted, ScriptedWorld, Starting

pytestmark = pytest.mark.asyncio(loop_scope="module")

MOMENT = timedelta(microseconds=1)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
PDF = b"%PDF of a receipt"


class ByContract(Scripted):
    """One that makes out receipts for those whose contract says so."""

    info: ClassVar[GatewayInfo] = replace(INFO, by_contract=frozenset({Capability.RECEIPT}))


class Limited(Scripted):
    """One that takes from 2,000 đ to 6,000 đ."""

    info: ClassVar[GatewayInfo] = replace(INFO, least_amount=2000, greatest_amount=6000)


async def rest(world: ScriptedWorld, *accounts: GatewayAccountValue) -> None:
    """Let these accounts rest, and no others."""
    now = clock.now()
    await world.forget("gateway_breaker", "true")
    async with world.parts.database.transaction() as session:
        for one in accounts:
            row = {
                "gateway_account_id": one.id,
                "silences": 5,
                "code": "x",
                "changed_at": now,
                "opened_at": now,
                "probe_at": now + HOUR,
            }
            await insert(session, "gateway_breaker", row)
    world.parts.payments.breakers.forget()


async def test_a_bill_is_offered_its_bodys_gateways_that_answer_first(
    scripted: ScriptedWorld,
) -> None:
    context = scripted.context(Limited())
    body = await context.agencies.get_agency(scripted.body.agency_id)
    first, second = await scripted.account(), await scripted.account("vnpay")

    async def offered(amount: int) -> list[str]:
        found = await offered_gateways(context, body, amount)
        for account, info in found:
            assert account.gateway == info.name
        return [account.gateway for account, _ in found]

    async def chosen(name: str) -> str:
        account, info = await choose_gateway(context, body, name)
        assert info.name == name
        return account.id

    await rest(scripted)
    # A feed is none, and what takes no such amount is left out.
    assert await offered(5000) == ["paygov", "vnpay"]
    assert await offered(6001) == ["vnpay"]
    await rest(scripted, first)
    assert await offered(5000) == ["vnpay", "paygov"]
    await rest(scripted, second)
    assert await offered(5000) == ["paygov", "vnpay"]
    # Of two accounts at one the first that answers is chosen; where none does, the first.
    other = await scripted.account_at(scripted.body.collection_account_id)
    context.agencies.forget()
    await rest(scripted)
    assert await chosen("paygov") == first.id
    await rest(scripted, first)
    assert await chosen("paygov") == other.id
    await rest(scripted, first, other)
    assert await chosen("paygov") == first.id
    assert await chosen("vnpay") == second.id
    for name in ("sepay", "momo", "nobody"):
        with pytest.raises(GatewayNotOffered):
            await choose_gateway(context, body, name)
    await rest(scripted)


async def test_a_gateway_that_nobody_knows_any_more_is_not_offered(
    scripted: ScriptedWorld,
) -> None:
    account = await scripted.account_at(scripted.body.collection_account_id)
    await scripted.change("gateway_account", account.id, gateway="of_before")
    context = scripted.context(Scripted())
    context.agencies.forget()
    body = await context.agencies.get_agency(scripted.body.agency_id)
    found = await offered_gateways(context, body, 5000)
    assert "of_before" not in {one.gateway for one, _ in found}
    with pytest.raises(GatewayNotOffered):
        await choose_gateway(context, body, "of_before")


@pytest.mark.parametrize(
    ("least", "greatest", "amount", "words"),
    [
        (2000, 6000, 1999, "từ 2.000 đ đến 6.000 đ"),
        (2000, 6000, 6001, "từ 2.000 đ đến 6.000 đ"),
        (2000, None, 1999, "từ 2.000 đ"),
        (None, 6000, 6001, "đến 6.000 đ"),
        (2000, 6000, 2000, None),
        (2000, 6000, 6000, None),
        (None, None, 1, None),
    ],
)
async def test_what_a_gateway_does_not_take_is_said_with_its_limits(
    scripted: ScriptedWorld, least: int | None, greatest: int | None, amount: int, words: str | None
) -> None:
    own = await scripted.account()
    info = replace(INFO, least_amount=least, greatest_amount=greatest)
    if words is None:
        check_limits(own, info, amount)
        return
    with pytest.raises(AmountNotTaken) as caught:
        check_limits(own, info, amount)
    told = caught.value.detail.replace("\N{NO-BREAK SPACE}", " ")
    assert f"chỉ nhận mỗi lần {words};" in told


@pytest_asyncio.fixture(loop_scope="module")
async def world(scripted: ScriptedWorld) -> ScriptedWorld:
    """The module's world, in which no receipt is wanted."""
    await scripted.forget("gateway_receipt", "true")
    return scripted


async def wanted(world: ScriptedWorld, payment: str, **changes: Any) -> str:
    """A receipt that is wanted of a payment since now, unless told otherwise."""
    row = {
        "payment_id": payment,
        "gateway_account_id": (await world.account()).id,
        "code": f"BL-{payment[-6:]}",
        "state": "wanted",
        "wanted_at": clock.now(),
        "ask_at": clock.now(),
        "asked": 0,
    } | changes
    async with world.parts.database.transaction() as session:
        await insert(session, "gateway_receipt", row)
    return payment


async def receipt(world: ScriptedWorld, payment: str) -> dict[str, Any]:
    (row,) = await world.rows("SELECT * FROM gateway_receipt WHERE payment_id = :id", id=payment)
    return row


async def paid(world: ScriptedWorld, **changes: Any) -> str:
    """A payment of a bill, paid a while after it was begun."""
    return await world.attempt(
        await world.bill(status="paid", paid_at=clock.now()),
        status="succeeded",
        credited=5000,
        settlement_key=new_id("k"),
        accounting_on=clock.business_date(clock.now()),
        paid_at=clock.now() - MINUTE,
        **changes,
    )


@pytest.mark.parametrize(
    ("info", "result", "recording", "wants"),
    [
        (INFO, {}, {}, True),
        (INFO, {"receipt_code": "BL-1"}, {}, True),
        (INFO, {"gateway_ref": None}, {}, True),
        (None, {}, {}, False),
        (ByContract.info, {}, {}, False),
        (INFO, {"outcome": Outcome.HELD}, {}, False),
        (INFO, {}, {"result": CallbackResult.MISMATCH}, False),
        (INFO, {}, {"new": False}, False),
        (INFO, {}, {"payment_id": None}, False),
        (INFO, {}, {"bill_id": None}, False),
    ],
)
async def test_a_receipt_is_wanted_of_money_that_has_just_paid_a_bill(
    world: ScriptedWorld,
    info: GatewayInfo | None,
    result: dict[str, Any],
    recording: dict[str, Any],
    wants: bool,
) -> None:
    payment, own, now = await paid(world), await world.account(), clock.now()
    told = replace(GatewayResult("o", Outcome.SUCCEEDED, "ref-1", 5000), **result)
    came = replace(Recording(CallbackResult.ACCEPTED, payment, "bill", new=True), **recording)
    with clock.frozen(now):
        for _ in range(2):
            async with world.parts.database.transaction() as session:
                await want_receipt(session, own, info, told, came)
    rows = await world.rows("SELECT * FROM gateway_receipt")
    row = {
        "payment_id": payment,
        "gateway_account_id": own.id,
        "code": told.receipt_code or told.gateway_ref or "",
        "state": "wanted",
        "wanted_at": now,
        "ask_at": now,
        "asked": 0,
        "sha256": None,
        "data": None,
        "kept_at": None,
    }
    assert rows == ([row] if wants else [])


async def test_a_receipt_is_waited_for_longer_and_longer(world: ScriptedWorld) -> None:
    seconds = [pause(asked).total_seconds() for asked in (0, 1, 2, 3, 7, 8, 10, 99)]
    assert seconds == [15, 30, 60, 120, 1920, 3600, 3600, 3600]


@pytest.mark.parametrize(
    ("after", "asks"),
    [
        (timedelta(0), True),
        (-HOUR, True),
        (MOMENT, False),
        # Only a clock that was put forward has set these.
        (HOUR + MOST_APART, False),
        (HOUR + MOST_APART + MOMENT, True),
    ],
)
async def test_what_is_due_is_asked_for_and_again_after_a_pause(
    world: ScriptedWorld, after: timedelta, asks: bool
) -> None:
    now, gateway = clock.now(), Scripted()
    payment = await wanted(world, await paid(world), ask_at=now + after, asked=2)
    other = await wanted(world, await paid(world), ask_at=now + MINUTE)
    with clock.frozen(now):
        assert await fetch_due(world.context(gateway)) == int(asks)
    row = await receipt(world, payment)
    assert (row["state"], row["asked"]) == ("wanted", 3 if asks else 2)
    assert row["ask_at"] == (now + MINUTE if asks else now + after)
    assert [one.code for one in gateway.ordered] == ([row["code"]] if asks else [])
    row = await receipt(world, other)
    assert (row["asked"], row["ask_at"]) == (0, now + MINUTE)


async def test_the_longest_due_come_first_and_twenty_at_once(world: ScriptedWorld) -> None:
    now, gateway = clock.now(), Scripted()
    payments = [
        await wanted(world, await paid(world), ask_at=now - age * SECOND) for age in (1, 3, 2)
    ]
    assert await fetch_due(world.context(gateway), 2) == 2
    codes = [(await receipt(world, payment))["code"] for payment in payments]
    assert sorted(one.code for one in gateway.ordered) == sorted(codes[1:])
    await world.forget("gateway_receipt", "true")
    model = await paid(world)
    async with world.parts.database.transaction() as session:
        copies = text(
            "WITH made AS (INSERT INTO payment (id, kind, agency_id, bill_id, gateway,"
            " collection_account_id, status, amount, credited, settlement_key, accounting_on,"
            " order_ref, created_at, paid_at, asked) SELECT id || n, kind, agency_id, bill_id,"
            " gateway, collection_account_id, status, amount, credited, settlement_key || n,"
            " accounting_on, order_ref || n, created_at, paid_at, asked"
            " FROM payment, generate_series(1, 21) n WHERE id = :id RETURNING id)"
            " INSERT INTO gateway_receipt (payment_id, gateway_account_id, code, state,"
            " wanted_at, ask_at, asked) SELECT id, :account, 'x', 'wanted', :now, :now, 0 FROM made"
        )
        account = (await world.account()).id
        await session.execute(copies, {"id": model, "account": account, "now": now})
    # What cannot make them out is asked for none, and each is put off all the same.
    assert await fetch_due(world.context(Starting())) == 20
    assert await fetch_due(world.context(Starting())) == 1


async def test_what_another_worker_has_is_left_to_it(world: ScriptedWorld) -> None:
    mine, theirs = await wanted(world, await paid(world)), await wanted(world, await paid(world))
    gateway = Scripted()
    async with world.parts.database.transaction() as session:
        locked = text("SELECT 1 FROM gateway_receipt WHERE payment_id = :id FOR UPDATE")
        await session.execute(locked, {"id": theirs})
        assert await asyncio.wait_for(fetch_due(world.context(gateway)), 20) == 1
    assert [one.code for one in gateway.ordered] == [(await receipt(world, mine))["code"]]


async def test_what_is_said_of_the_money_and_kept_of_the_receipt(world: ScriptedWorld) -> None:
    bill = await world.bill(
        status="paid",
        paid_at=clock.now() - HOUR,
        dossier_number="H1-7",
        reference=new_id("r")[-12:],
    )
    payer = {"name": "Người Nộp", "identity_number": "012345678901", "address": "1 Hàng Bài"}
    kept = {
        "subject_id": bill,
        "data": world.parts.cipher.encrypt(canonical(payer), f"payer:{bill}"),
        "created_at": clock.now(),
    }
    second = {
        "bill_id": bill,
        "position": 2,
        "description": "Khoản khác",
        "quantity": 1,
        "unit": "",
        "copies": 1,
        "amount": 1,
    }
    async with world.parts.database.transaction() as session:
        await insert(session, "payer_data", kept)
        await insert(session, "bill_line", second)
    payment = await world.attempt(
        bill,
        status="succeeded",
        credited=5000,
        settlement_key=new_id("k"),
        accounting_on=clock.business_date(clock.now()),
        paid_at=clock.now() - 2 * HOUR,
    )
    beside = await wanted(world, await paid(world), ask_at=clock.now() + MINUTE)
    await wanted(world, payment, code="BL-77")
    gateway, now = Scripted(receipts=PDF), clock.now()
    with clock.frozen(now):
        assert await fetch_due(world.context(gateway)) == 1
    (body,) = await world.rows(
        "SELECT code, name FROM agency WHERE id = :id", id=world.body.agency_id
    )
    row = await world.payment(payment)
    assert gateway.ordered == [
        ReceiptOrder(
            order_ref=row["order_ref"],
            code="BL-77",
            dossier_number="H1-7",
            procedure="Chứng thực bản sao từ bản chính",
            agency_code=body["code"],
            agency_name=body["name"],
            paid_at=row["paid_at"],
            asked_at=now,
            payer=ReceiptPayer(
                name="Người Nộp", identity_number="012345678901", address="1 Hàng Bài"
            ),
        )
    ]
    assert gateway.account == (await world.account()).access
    found = await receipt(world, payment)
    assert (found["state"], found["ask_at"], found["kept_at"]) == ("kept", None, now)
    assert found["sha256"] == hashlib.sha256(PDF).hexdigest()
    assert PDF not in bytes(found["data"])
    assert (await receipt(world, beside))["state"] == "wanted"
    reach, stranger = {world.body.agency_id}, await world.agency()
    await world.credit(agency_id=stranger)
    async with world.parts.database.reading() as session:
        cipher = world.parts.cipher
        assert await get_kept_receipt(session, cipher, payment, reach) == PDF
        for wrong, agencies in ((payment, {stranger}), (beside, reach), ("none", reach)):
            with pytest.raises(NotFound):
                await get_kept_receipt(session, cipher, wrong, agencies)


async def test_of_money_that_no_attempt_came_before_the_bills_reference_is_said(
    world: ScriptedWorld,
) -> None:
    bill = await world.bill()
    await world.forget("bill_line", "bill_id = :bill", bill=bill)
    payment = await world.credit(bill_id=bill)
    await wanted(world, payment)
    gateway = Scripted(receipts=PDF)
    await fetch_due(world.context(gateway))
    (order,) = gateway.ordered
    (row,) = await world.rows("SELECT reference FROM bill WHERE id = :id", id=bill)
    assert (order.order_ref, order.dossier_number, order.procedure) == (row["reference"], "", "")
    assert order.payer == ReceiptPayer(name="", identity_number="", address="")


@pytest.mark.parametrize("kind", [Starting, ByContract])
async def test_one_that_makes_out_none_any_more_is_not_asked(
    world: ScriptedWorld, kind: type[Starting]
) -> None:
    payment, gateway = await wanted(world, await paid(world)), kind()
    assert await fetch_due(world.context(gateway)) == 1
    assert getattr(gateway, "ordered", []) == []
    assert (await receipt(world, payment))["state"] == "wanted"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (None, None),
        (GatewayUnavailable("x"), "gateway_unavailable"),
        (KeyError("broken"), "KeyError"),
    ],
)
async def test_after_sixty_times_a_receipt_is_given_up(
    world: ScriptedWorld, monkeypatch: pytest.MonkeyPatch, answer: Any, reason: str | None
) -> None:
    log = CapturingLogger()
    monkeypatch.setattr(gateway_receipts, "log", log)
    nearly = await wanted(world, await paid(world), asked=58)
    over = await wanted(world, await paid(world), asked=59)
    assert await fetch_due(world.context(Scripted(receipts=answer))) == 2
    row = await receipt(world, nearly)
    assert (row["state"], row["asked"], row["ask_at"] is None) == ("wanted", 59, False)
    row = await receipt(world, over)
    assert (row["state"], row["asked"], row["ask_at"]) == ("given_up", 60, None)
    said = {(one.method_name, one.kwargs["payment"], one.kwargs.get("reason")) for one in log.calls}
    warned = {("warning", one, reason) for one in (nearly, over)} if reason else set()
    assert said == {("error", over, None), *warned}


async def test_a_receipt_that_somebody_kept_meanwhile_stays(world: ScriptedWorld) -> None:
    payment = await paid(world)
    kept = {
        "state": "kept",
        "ask_at": None,
        "data": world.parts.cipher.encrypt(b"first", f"gateway_receipt:{payment}"),
        "sha256": "x",
        "kept_at": clock.now(),
    }
    await wanted(world, payment, **kept)
    before, own = await receipt(world, payment), await world.account()
    due = DueReceipt(payment, own.id, "BL", 59)
    for says in (PDF, None):
        await gateway_receipts._fetch(world.context(Scripted(receipts=says)), due)
    assert await receipt(world, payment) == before


async def test_a_stop_after_the_call_keeps_nothing(world: ScriptedWorld) -> None:
    payment, own = await wanted(world, await paid(world)), await world.account()
    due = DueReceipt(payment, own.id, "BL", 0)
    failpoints.configure("gateway_receipt.after_call=raise")
    try:
        with pytest.raises(FailpointReached):
            await gateway_receipts._fetch(world.context(Scripted(receipts=PDF)), due)
    finally:
        failpoints.clear()
    assert (await receipt(world, payment))["state"] == "wanted"
