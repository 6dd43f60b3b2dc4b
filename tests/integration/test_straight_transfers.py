"""Transfers straight to the account that a gateway tells of, beside what banks tell of them.

Row by row, without a gateway (`ScriptedWorld`): which money it is, what becomes of the attempt, and
of what waited for somebody to say whose it is.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from core import clock
from core.ids import new_id
from payments.agencies.queries import get_collection_account
from payments.attempts.results import record_result
from payments.books.credits import record_credit
from payments.books.identity import STATEMENT
from payments.books.recording import Recording
from payments.ports import CallbackResult, Credit, GatewayResult, Outcome
from tests.support.locks import name_free
from tests.support.scripted import ScriptedWorld

pytestmark = pytest.mark.asyncio(loop_scope="module")

LATE = timedelta(days=3)


def number() -> str:
    """A bank's reference that nobody has used."""
    return f"FT26{int(new_id('ft')[-10:], 16) % 10**10:010d}"


def transfer(order_ref: str, **changes: Any) -> GatewayResult:
    """A transfer of 5,000 đ of three days ago."""
    told = GatewayResult(
        order_ref,
        Outcome.SUCCEEDED,
        gateway_ref=number(),
        amount=5000,
        paid_at=clock.now() - LATE,
        gateway_code="00",
        straight=True,
    )
    return replace(told, **changes)


async def attempted(world: ScriptedWorld, **changes: Any) -> tuple[str, str, str]:
    """A bill, its attempt, and the attempt's order."""
    bill = await world.bill()
    payment = await world.attempt(bill, **changes)
    return bill, payment, (await world.payment(payment))["order_ref"]


async def reference_of(world: ScriptedWorld, bill: str) -> str:
    (row,) = await world.rows("SELECT reference FROM bill WHERE id = :id", id=bill)
    return str(row["reference"])


async def notices(world: ScriptedWorld, payment: str | None) -> list[dict[str, Any]]:
    """What was told of a payment's money."""
    return await world.rows(
        "SELECT source, notice_ref, amount, collection_account_id, booked_on, bank_ref, reference"
        " FROM credit_notice WHERE payment_id = :id ORDER BY told_at, source",
        id=payment,
    )


async def heard(
    world: ScriptedWorld, bank_ref: str, source: str = "feed", **said: Any
) -> Recording:
    """What a feed or a statement tells of 5,000 đ of three days ago."""
    told = Credit(
        feed_ref=said.get("feed_ref", new_id("n")),
        bank_ref=bank_ref,
        account_number="",
        amount=said.get("amount", 5000),
        narrative=said.get("narrative", ""),
        credited_at=said.get("at", clock.now() - LATE),
    )
    where = said.get("account") or world.body.collection_account_id
    async with world.parts.database.transaction() as session:
        account = await get_collection_account(session, where)
        return await record_credit(
            session, account, told, source=source, actor="bank", cipher=world.parts.cipher
        )


def day_of(at: datetime | None) -> Any:
    assert at is not None
    return clock.business_date(at)


async def test_a_transfer_that_nobody_told_of_pays_its_bill_once(scripted: ScriptedWorld) -> None:
    """Its order was given for another account than the gateway pays to now."""
    there = await scripted.collection()
    bill, payment, order = await attempted(scripted, collection_account_id=there)
    own, told = await scripted.account(), transfer(order)
    async with scripted.parts.database.transaction() as session:
        came = await record_result(session, own, told, actor="test", cipher=scripted.parts.cipher)
        assert not await name_free(scripted.parts.database, f"notice:{own.id}:{told.notice_ref}")
    assert (came.result, came.payment_id, came.bill_id) == (CallbackResult.ACCEPTED, payment, bill)
    assert came.new
    notice = {
        "source": own.id,
        "notice_ref": f"{order}/{told.gateway_ref}",
        "amount": 5000,
        "collection_account_id": there,
        "booked_on": day_of(told.paid_at),
        "bank_ref": told.gateway_ref,
        "reference": await reference_of(scripted, bill),
    }
    assert await notices(scripted, payment) == [notice]
    assert await scripted.payment(
        payment, "status", "gateway", "settlement_key", "paid_at", "accounting_on"
    ) == {
        "status": "succeeded",
        "gateway": "bank",
        "settlement_key": f"bank:{there}:{own.id}:{order}/{told.gateway_ref}:5000",
        "paid_at": told.paid_at,
        "accounting_on": day_of(told.paid_at),
    }
    assert await scripted.postings(payment) == {"receivable": 5000, "revenue": -5000}
    assert await scripted.status(bill) == "paid"
    history = await scripted.told(payment)
    again = await scripted.record(told)
    assert again == Recording(CallbackResult.ACCEPTED, payment, bill)
    assert await scripted.told(payment) == history
    # What a feed then tells of it is the same money.
    same = await heard(scripted, told.gateway_ref or "", account=there)
    assert (same.payment_id, same.new) == (payment, False)


@pytest.mark.parametrize("before", ["created", "submitted", "unknown", "expired"])
@pytest.mark.parametrize("source", ["feed", STATEMENT])
async def test_a_transfer_that_a_bank_told_of_before_pays_the_bill_from_suspense(
    scripted: ScriptedWorld, before: str, source: str
) -> None:
    bill, payment, order = await attempted(scripted, status=before, ask_at=clock.now())
    told = transfer(order)
    first = await heard(scripted, told.gateway_ref or "", source)
    credit = first.payment_id
    ((place, _, reason, _),) = await scripted.places(credit)
    assert (place, reason) == ("suspense", "no_reference" if source == "feed" else "statement_only")
    came = await scripted.record(told)
    assert came == Recording(CallbackResult.ACCEPTED, credit, bill, new=True)
    assert await scripted.status(bill) == "paid"
    assert await scripted.places(credit) == []
    assert await scripted.postings(credit) == {"receivable": 5000, "revenue": -5000}
    ended = before != "expired"
    row = await scripted.payment(payment, "status", "credited", "ask_at")
    assert (row["status"], row["credited"]) == ("failed" if ended else "expired", None)
    assert (row["ask_at"] is None) == ended
    moved = [("payment.failed", "test", {"before": before, "paid_as": credit})]
    history = moved if ended else []
    assert await scripted.told(payment) == history
    own = await scripted.account()
    sources = {row["source"]: row["reference"] for row in await notices(scripted, credit)}
    assert sources == {source: "", own.id: await reference_of(scripted, bill)}
    again = await scripted.record(told)
    assert again == Recording(CallbackResult.ACCEPTED, credit, bill)
    assert await scripted.told(payment) == history


async def test_what_waits_for_another_bill_or_reason_is_left_where_it_is(
    scripted: ScriptedWorld,
) -> None:
    other = await scripted.bill()
    for changes in ({"reason": "held_by_gateway"}, {"bill_id": other}):
        bill, payment, order = await attempted(scripted)
        told = transfer(order)
        credit = (await heard(scripted, told.gateway_ref or "")).payment_id
        (item,) = await scripted.rows(
            "SELECT id FROM suspense_item WHERE payment_id = :id", id=credit
        )
        await scripted.change("suspense_item", item["id"], **changes)
        came = await scripted.record(told)
        assert came == Recording(CallbackResult.ACCEPTED, credit, bill)
        assert await scripted.status(bill) == "open"
        assert (await scripted.payment(payment))["status"] == "failed"
        assert len(await scripted.places(credit)) == 1


@pytest.mark.parametrize("reason", ["no_reference", "unknown_reference", "unsigned_notice"])
async def test_whatever_waits_for_a_name_is_given_to_the_bill_that_it_stands_beside(
    scripted: ScriptedWorld, reason: str
) -> None:
    bill, _, order = await attempted(scripted)
    told = transfer(order)
    credit = (await heard(scripted, told.gateway_ref or "")).payment_id
    (item,) = await scripted.rows("SELECT id FROM suspense_item WHERE payment_id = :id", id=credit)
    await scripted.change("suspense_item", item["id"], bill_id=bill, reason=reason)
    assert (await scripted.record(told)).new
    assert await scripted.status(bill) == "paid"


async def test_a_transfer_of_another_amount_than_the_bank_told_is_held_beside_it(
    scripted: ScriptedWorld,
) -> None:
    bill, payment, order = await attempted(scripted)
    told = transfer(order)
    beside = (await heard(scripted, told.gateway_ref or "", amount=4000)).payment_id
    came = await scripted.record(told)
    assert (came.result, came.payment_id, came.bill_id) == (CallbackResult.MISMATCH, payment, bill)
    assert await scripted.places(payment) == [("suspense", 5000, "conflicting_notice", bill)]
    noted = ("payment.conflicting_notice", "test", {"amount": 5000, "recorded_as": payment})
    assert noted in await scripted.told(beside)
    assert (await scripted.payment(payment))["status"] == "held"
    assert await scripted.status(bill) == "open"


async def test_a_second_transfer_for_an_attempt_is_money_of_its_own(
    scripted: ScriptedWorld,
) -> None:
    bill, payment, order = await attempted(scripted)
    await scripted.record(transfer(order))
    told = transfer(order)
    came = await scripted.record(told)
    assert (came.result, came.bill_id, came.new) == (CallbackResult.UNKNOWN_ORDER, None, True)
    assert came.payment_id not in (None, payment)
    await _is_a_credit_of_its_own(scripted, came, told)
    assert await scripted.status(bill) == "paid"
    assert len(await scripted.told(payment)) == 1


@pytest.mark.parametrize("dated", [True, False])
async def test_a_transfer_for_no_order_of_ours_waits(scripted: ScriptedWorld, dated: bool) -> None:
    told = transfer(f"order-{new_id('x')[-12:]}")
    at = clock.now()
    with clock.frozen(at):
        came = await scripted.record(told if dated else replace(told, paid_at=None))
    assert (came.result, came.bill_id, came.new) == (CallbackResult.UNKNOWN_ORDER, None, True)
    await _is_a_credit_of_its_own(scripted, came, told if dated else replace(told, paid_at=at))


async def _is_a_credit_of_its_own(
    world: ScriptedWorld, came: Recording, told: GatewayResult
) -> None:
    own = await world.account()
    assert await world.payment(
        *(came.payment_id or "", "kind", "gateway", "gateway_ref", "credited", "paid_at"),
        *("collection_account_id", "accounting_on"),
    ) == {
        "kind": "credit",
        "gateway": "bank",
        "gateway_ref": told.gateway_ref,
        "credited": 5000,
        "paid_at": told.paid_at,
        "collection_account_id": world.body.collection_account_id,
        "accounting_on": day_of(told.paid_at),
    }
    assert await world.places(came.payment_id) == [("suspense", 5000, "no_reference", None)]
    assert await world.postings(came.payment_id) == {"receivable": 5000, "suspense": -5000}
    (notice,) = await notices(world, came.payment_id)
    assert (notice["source"], notice["notice_ref"]) == (own.id, told.notice_ref)


async def test_a_transfer_that_is_not_dated_came_today(scripted: ScriptedWorld) -> None:
    bill, payment, order = await attempted(scripted)
    with clock.frozen(clock.now()) as still:
        await scripted.record(transfer(order, paid_at=None))
    (notice,) = await notices(scripted, payment)
    assert notice["booked_on"] == day_of(still.at)
    assert await scripted.status(bill) == "paid"


@pytest.mark.parametrize(
    ("away", "doubt"),
    [(timedelta(days=9), "dated_ahead"), (timedelta(days=-9), "dated_before")],
)
async def test_a_transfer_is_dated_by_the_account_that_it_came_to(
    scripted: ScriptedWorld, away: timedelta, doubt: str
) -> None:
    opened = clock.business_date(clock.now() - timedelta(days=5))
    there = await scripted.collection(opened_on=opened)
    bill, payment, order = await attempted(scripted, collection_account_id=there)
    told = transfer(order, paid_at=clock.now() + away)
    with clock.frozen(clock.now()) as still:
        await scripted.record(told)
    assert await scripted.places(payment) == [("suspense", 5000, doubt, bill)]
    (notice,) = await notices(scripted, payment)
    assert (notice["collection_account_id"], notice["booked_on"]) == (there, day_of(still.at))
    # Three days ago there was an account.
    bill, payment, order = await attempted(scripted, collection_account_id=there)
    await scripted.record(transfer(order))
    assert await scripted.status(bill) == "paid"


@pytest.mark.parametrize(
    "changes", [{"outcome": Outcome.HELD}, {"straight": False}, {"outcome": Outcome.FAILED}]
)
async def test_what_is_no_transfer_leaves_no_notice(
    scripted: ScriptedWorld, changes: dict[str, Any]
) -> None:
    _, payment, order = await attempted(scripted)
    own, told = await scripted.account(), transfer(order, **changes)
    async with scripted.parts.database.transaction() as session:
        await record_result(session, own, told, actor="test", cipher=scripted.parts.cipher)
        assert await name_free(scripted.parts.database, f"notice:{own.id}:{told.notice_ref}")
    assert await notices(scripted, payment) == []
    assert (await scripted.payment(payment))["gateway"] == "paygov"


@pytest.mark.parametrize("lacks", [{"amount": None}, {"gateway_ref": None}])
async def test_a_transfer_that_lacks_something_is_refused(
    scripted: ScriptedWorld, lacks: dict[str, Any]
) -> None:
    _, payment, order = await attempted(scripted)
    with pytest.raises(ValueError, match="without its amount or reference"):
        await scripted.record(transfer(order, **lacks))
    assert await notices(scripted, payment) == []
