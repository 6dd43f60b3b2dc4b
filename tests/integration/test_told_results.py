"""What a gateway says of an attempt, in every state it may meet: all of what it comes to.

Row by row, without a gateway (`ScriptedWorld`): the answer, the payment's row, what the audit log
says, where the money is, and what the ledger has of it.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from core import clock
from core.ids import new_id
from payments.attempts.results import record_result
from payments.billed import ToldBilled
from payments.books.recording import Recording, settlement_key
from payments.ports import CallbackResult, GatewayResult, Outcome
from tests.support.locks import name_free
from tests.support.scripted import ScriptedWorld

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONFLICT = "payment.conflicting_notice"
#: Long before today, so that the day of the money is never the day of the notice.
LATE = timedelta(days=3)


async def attempted(world: ScriptedWorld, **changes: Any) -> tuple[str, str, str]:
    """A bill, its attempt, and the attempt's order."""
    bill = await world.bill()
    payment = await world.attempt(bill, **changes)
    return bill, payment, (await world.payment(payment))["order_ref"]


def money(order_ref: str, **changes: Any) -> GatewayResult:
    """5,000 đ of three days ago, under a number of its own."""
    told = GatewayResult(
        order_ref,
        Outcome.SUCCEEDED,
        gateway_ref=new_id("t")[-20:],
        amount=5000,
        paid_at=clock.now() - LATE,
        gateway_code="00",
    )
    return replace(told, **changes)


async def test_a_charge_that_fits_pays_the_bill_once(scripted: ScriptedWorld) -> None:
    bill, payment, order = await attempted(scripted)
    own = await scripted.account()
    told = money(order, request_code=f"code-{payment[-12:]}")
    key = settlement_key(own.id, told.gateway_ref or "")
    async with scripted.parts.database.transaction() as session:
        came = await _record(scripted, session, told)
        assert not await name_free(scripted.parts.database, key)
    assert (came.result, came.payment_id, came.bill_id) == (CallbackResult.ACCEPTED, payment, bill)
    assert (came.new, came.misdirected) == (True, False)
    assert came.distribution is not None
    assert (came.distribution.allocated, came.distribution.total) == (5000, 5000)
    day = clock.business_date(told.paid_at or clock.now())
    assert await scripted.payment(
        *(payment, "status", "credited", "gateway", "gateway_ref", "gateway_code"),
        *("settlement_key", "paid_at", "accounting_on", "ask_at", "amount"),
    ) == {
        "status": "succeeded",
        "credited": 5000,
        "gateway": "paygov",
        "gateway_ref": told.gateway_ref,
        "gateway_code": "00",
        "settlement_key": key,
        "paid_at": told.paid_at,
        "accounting_on": day,
        "ask_at": None,
        "amount": 5000,
    }
    said = {"before": "submitted", "amount": 5000, "asked": 5000, "differs": []}
    history = [("payment.succeeded", "test", said | {"accounting_on": day.isoformat()})]
    assert await scripted.told(payment) == history
    assert await scripted.postings(payment) == {"in_transit": 5000, "revenue": -5000}
    assert await scripted.status(bill) == "paid"
    again = await scripted.record(told)
    assert again == Recording(CallbackResult.ACCEPTED, payment, bill)
    assert await scripted.told(payment) == history
    assert await scripted.postings(payment) == {"in_transit": 5000, "revenue": -5000}


async def _record(world: ScriptedWorld, session: Any, told: GatewayResult) -> Recording:
    account = await world.account()
    return await record_result(session, account, told, actor="test", cipher=world.parts.cipher)


@pytest.mark.parametrize(
    ("changes", "reason", "result", "differs"),
    [
        ({"amount": 4000}, "amount_mismatch", CallbackResult.MISMATCH, []),
        ({"amount": 6000}, "amount_mismatch", CallbackResult.MISMATCH, []),
        ({"request_code": "another"}, "amount_mismatch", CallbackResult.MISMATCH, ["request_code"]),
        ({"outcome": Outcome.HELD}, "held_by_gateway", CallbackResult.ACCEPTED, []),
        (
            {"outcome": Outcome.HELD, "amount": 4000},
            "amount_mismatch",
            CallbackResult.MISMATCH,
            [],
        ),
        ({"dossier_number": "H1"}, "amount_mismatch", CallbackResult.MISMATCH, ["dossier_number"]),
        (
            {"dossier_number": "H1", "request_code": "another"},
            "amount_mismatch",
            CallbackResult.MISMATCH,
            ["request_code", "dossier_number"],
        ),
    ],
)
async def test_a_charge_that_does_not_fit_is_held(
    scripted: ScriptedWorld,
    changes: dict[str, Any],
    reason: str,
    result: CallbackResult,
    differs: list[str],
) -> None:
    bill, payment, order = await attempted(scripted)
    told = money(order, **changes)
    came = await scripted.record(told)
    assert (came.result, came.payment_id, came.bill_id) == (result, payment, bill)
    assert came.new
    assert came.distribution is not None
    assert (came.distribution.suspense, came.distribution.reason) == (told.amount, reason)
    assert await scripted.payment(payment, "status", "credited") == {
        "status": "held",
        "credited": told.amount,
    }
    ((action, _, details),) = await scripted.told(payment)
    assert (action, details["amount"], details["asked"]) == ("payment.held", told.amount, 5000)
    assert details["differs"] == differs
    assert await scripted.places(payment) == [("suspense", told.amount, reason, bill)]
    assert await scripted.status(bill) == "open"


@pytest.mark.parametrize(
    ("away", "doubt"),
    [(timedelta(days=9), "dated_ahead"), (timedelta(days=-20_000), "dated_before")],
)
async def test_a_charge_of_a_day_that_cannot_be_is_held_and_noted(
    scripted: ScriptedWorld, away: timedelta, doubt: str
) -> None:
    bill, payment, order = await attempted(scripted)
    told = money(order, paid_at=clock.now() + away)
    with clock.frozen(clock.now()) as still:
        came = await scripted.record(told)
    assert (came.result, came.new) == (CallbackResult.MISMATCH, True)
    assert told.paid_at is not None
    said = {"amount": 5000, "dated": told.paid_at.isoformat()}
    assert (f"payment.{doubt}", "test", said) in await scripted.told(payment)
    assert await scripted.places(payment) == [("suspense", 5000, doubt, bill)]
    row = await scripted.payment(payment)
    assert (row["status"], row["paid_at"]) == ("held", still.at)
    assert row["accounting_on"] == clock.business_date(still.at)


async def test_money_that_is_not_dated_came_now(scripted: ScriptedWorld) -> None:
    _, payment, order = await attempted(scripted)
    with clock.frozen(clock.now()) as still:
        await scripted.record(money(order, paid_at=None))
    row = await scripted.payment(payment)
    assert (row["status"], row["paid_at"]) == ("succeeded", still.at)


@pytest.mark.parametrize("lacks", [{"amount": None}, {"gateway_ref": None}, {"gateway_ref": ""}])
@pytest.mark.parametrize("outcome", [Outcome.SUCCEEDED, Outcome.HELD])
async def test_money_without_amount_or_number_is_refused(
    scripted: ScriptedWorld, lacks: dict[str, Any], outcome: Outcome
) -> None:
    _, payment, order = await attempted(scripted)
    with pytest.raises(ValueError, match="without its amount or reference"):
        await scripted.record(money(order, outcome=outcome, **lacks))
    assert await scripted.told(payment) == []


async def test_one_charge_that_is_told_with_two_amounts_is_two_moneys(
    scripted: ScriptedWorld,
) -> None:
    bill, payment, order = await attempted(scripted)
    told = money(order)
    await scripted.record(told)
    came = await scripted.record(replace(told, amount=7000))
    assert (came.result, came.bill_id, came.new) == (CallbackResult.MISMATCH, bill, True)
    assert came.payment_id not in (None, payment)
    row = await scripted.payment(came.payment_id or "")
    assert (row["kind"], row["bill_id"], row["credited"]) == ("credit", bill, 7000)
    assert row["doubt"] == "conflicting_notice"
    assert await scripted.places(came.payment_id) == [
        ("suspense", 7000, "conflicting_notice", bill)
    ]
    said = {"amount": 7000, "credited": 5000, "recorded_as": came.payment_id}
    assert (await scripted.told(payment))[1:] == [(CONFLICT, "test", said)]


async def test_one_charge_that_is_told_of_two_bills_is_the_first_ones(
    scripted: ScriptedWorld,
) -> None:
    _, first, order = await attempted(scripted)
    bill, second, other = await attempted(scripted)
    told = money(order)
    await scripted.record(told)
    came = await scripted.record(replace(told, order_ref=other))
    assert came == Recording(CallbackResult.MISMATCH, first, bill)
    said = {"amount": 5000, "credited": 5000, "recorded_as": first}
    assert await scripted.told(second) == [(CONFLICT, "test", said)]
    assert await scripted.payment(second, "status") == {"status": "submitted"}
    # With another amount it is money of its own, and nobody's yet.
    apart = await scripted.record(replace(told, order_ref=other, amount=6000))
    assert (apart.result, apart.bill_id, apart.new) == (CallbackResult.MISMATCH, bill, True)
    assert await scripted.payment(second, "status") == {"status": "submitted"}
    assert await scripted.status(bill) == "open"


async def test_one_charge_that_is_told_of_two_attempts_of_a_bill_is_known(
    scripted: ScriptedWorld,
) -> None:
    bill, first, order = await attempted(scripted, status="expired")
    second = await scripted.attempt(bill)
    told = money(order)
    await scripted.record(told)
    other = (await scripted.payment(second))["order_ref"]
    came = await scripted.record(replace(told, order_ref=other))
    assert came == Recording(CallbackResult.ACCEPTED, first, bill)
    assert await scripted.told(second) == []


async def test_a_second_charge_of_one_order_is_money_of_its_own(scripted: ScriptedWorld) -> None:
    bill, payment, order = await attempted(scripted)
    await scripted.record(money(order))
    told = money(order)
    came = await scripted.record(told)
    assert (came.result, came.bill_id, came.new) == (CallbackResult.ACCEPTED, bill, True)
    assert came.payment_id not in (None, payment)
    assert await scripted.places(came.payment_id) == [
        ("refundable", 5000, "bill_already_paid", bill)
    ]
    row = await scripted.payment(came.payment_id or "")
    assert (row["kind"], row["gateway_ref"]) == ("credit", told.gateway_ref)
    assert len(await scripted.told(payment)) == 1


@pytest.mark.parametrize("before", ["created", "submitted", "unknown"])
async def test_a_failure_ends_what_is_open_once(scripted: ScriptedWorld, before: str) -> None:
    bill, payment, order = await attempted(scripted, status=before, ask_at=clock.now())
    told = GatewayResult(order, Outcome.FAILED, gateway_code="24")
    came = await scripted.record(told)
    assert came == Recording(CallbackResult.ACCEPTED, payment, bill, new=True)
    assert await scripted.payment(payment, "status", "gateway_code", "ask_at") == {
        "status": "failed",
        "gateway_code": "24",
        "ask_at": None,
    }
    history = [("payment.failed", "test", {"before": before, "gateway_code": "24"})]
    assert await scripted.told(payment) == history
    assert await scripted.record(told) == Recording(CallbackResult.ACCEPTED, payment, bill)
    assert await scripted.told(payment) == history


async def test_a_failure_after_money_is_noted_and_changes_nothing(
    scripted: ScriptedWorld,
) -> None:
    bill, payment, order = await attempted(scripted)
    await scripted.record(money(order))
    came = await scripted.record(GatewayResult(order, Outcome.FAILED, gateway_code="24"))
    assert came == Recording(CallbackResult.ACCEPTED, payment, bill)
    # Told again in the same words it is known; for another reason it is news.
    for code in ("24", "99"):
        await scripted.record(GatewayResult(order, Outcome.FAILED, gateway_code=code))
    after = "failed after money came"
    assert (await scripted.told(payment))[1:] == [
        (CONFLICT, "test", {"outcome": after, "gateway_code": code}) for code in ("24", "99")
    ]
    assert await scripted.payment(payment, "status", "gateway_code") == {
        "status": "succeeded",
        "gateway_code": "00",
    }


@pytest.mark.parametrize("outcome", [Outcome.PENDING, Outcome.NOT_FOUND])
@pytest.mark.parametrize("before", ["created", "submitted", "unknown", "expired", "failed"])
async def test_what_is_not_paid_yet_is_at_the_gateway_at_most(
    scripted: ScriptedWorld, before: str, outcome: Outcome
) -> None:
    bill, payment, order = await attempted(scripted, status=before)
    came = await scripted.record(GatewayResult(order, outcome))
    moves = outcome is Outcome.PENDING and before in ("created", "unknown")
    assert came == Recording(CallbackResult.ACCEPTED, payment, bill, new=moves)
    after = "submitted" if moves else before
    assert await scripted.payment(payment, "status") == {"status": after}
    moved = [("payment.submitted", "test", {"before": before})]
    assert await scripted.told(payment) == (moved if moves else [])


@pytest.mark.parametrize("outcome", [Outcome.PENDING, Outcome.FAILED])
async def test_what_is_told_of_another_request_moves_nothing(
    scripted: ScriptedWorld, outcome: Outcome
) -> None:
    bill, payment, order = await attempted(scripted, status="unknown")
    told = GatewayResult(order, outcome, request_code="another", dossier_number="H1")
    came = await scripted.record(told)
    assert came == Recording(CallbackResult.MISMATCH, payment, bill)
    differs = {"differs": ["request_code", "dossier_number"]}
    assert await scripted.told(payment) == [(CONFLICT, "test", differs)]
    assert await scripted.payment(payment, "status") == {"status": "unknown"}


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": Outcome.FAILED},
        {"outcome": Outcome.PENDING},
        {"amount": None},
        {"gateway_ref": None},
        {"amount": None, "outcome": Outcome.HELD},
        {"amount": None, "straight": True},
    ],
)
async def test_of_an_unknown_order_without_money_it_is_noted_that_it_was_told(
    scripted: ScriptedWorld, changes: dict[str, Any]
) -> None:
    order = f"order-{new_id('x')[-12:]}"
    own = await scripted.account()
    told = money(order, **changes)
    assert await scripted.record(told) == Recording(CallbackResult.UNKNOWN_ORDER)
    said = {"order_ref": order, "outcome": told.outcome.value}
    assert (await scripted.told(own.id))[-1] == ("callback.unknown_order", "test", said)
    if told.gateway_ref:
        found = "SELECT id FROM payment WHERE gateway_ref = :ref"
        assert await scripted.rows(found, ref=told.gateway_ref) == []


@pytest.mark.parametrize("outcome", [Outcome.SUCCEEDED, Outcome.HELD])
async def test_money_for_an_unknown_order_waits_in_suspense(
    scripted: ScriptedWorld, outcome: Outcome
) -> None:
    told = money(f"order-{new_id('x')[-12:]}", outcome=outcome)
    came = await scripted.record(told)
    assert (came.result, came.bill_id, came.new) == (CallbackResult.UNKNOWN_ORDER, None, True)
    assert await scripted.places(came.payment_id) == [("suspense", 5000, "unknown_reference", None)]
    assert await scripted.postings(came.payment_id) == {"in_transit": 5000, "suspense": -5000}
    own = await scripted.account()
    assert all(told.order_ref not in str(details) for *_, details in await scripted.told(own.id))


async def test_what_is_told_of_another_accounts_order_changes_nothing(
    scripted: ScriptedWorld,
) -> None:
    _, payment, order = await attempted(scripted)
    other = await scripted.account("vnpay")
    told = money(order)
    came = await scripted.record(told, other)
    assert came == Recording(CallbackResult.MISMATCH, misdirected=True)
    assert await scripted.told(payment) == []
    assert (
        await scripted.rows("SELECT id FROM payment WHERE gateway_ref = :ref", ref=told.gateway_ref)
        == []
    )


async def test_what_was_paid_for_is_compared_with_the_account_the_order_was_given_for(
    scripted: ScriptedWorld,
) -> None:
    """By the time it is told of, the gateway may pay to another account."""
    number = f"TK{new_id('n')[-10:]}"
    account_id = await scripted.collection(account_number=number)
    now = (await scripted.account()).collection
    for told_number, status in ((number, "succeeded"), (now.account_number, "held")):
        bill, payment, order = await attempted(scripted, collection_account_id=account_id)
        told = ToldBilled(account_number=told_number)
        came = await scripted.record(money(order, billed=told))
        assert (came.payment_id, came.bill_id) == (payment, bill)
        row = await scripted.payment(payment)
        assert (row["status"], row["collection_account_id"]) == (status, account_id)
        posted = await scripted.rows(
            "SELECT DISTINCT p.collection_account_id AS account FROM posting p"
            " JOIN ledger_transaction t ON t.id = p.transaction_id WHERE t.payment_id = :id",
            id=payment,
        )
        assert posted == [{"account": account_id}]
        # Of an attempt that is given for the account of now, its own number fits.
    for told_number, status in ((now.account_number, "succeeded"), (number, "held")):
        _, payment, order = await attempted(scripted)
        await scripted.record(money(order, billed=ToldBilled(account_number=told_number)))
        assert (await scripted.payment(payment))["status"] == status
