"""A foreign card from the bill to the receipt and back, at a Stripe that is not ours.

localstripe takes the card, moves the money and signs what it tells, by code of another hand; the
session alone is of `tests/support/other_checkout.py`. Nothing of our own sandbox is asked.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from adapters.stripe.gateway import StripeCheckout
from app.seed.agency import configure_gateway
from core import clock
from payments.ports import AcceptedAttempt, AttemptKey, GatewayAccount, GatewayMisuse, StartRequest
from tests.api.test_refunds import approved, ask, asked, read
from tests.integration.test_rejected_callbacks import counted
from tests.journeys.test_every_gateway import LINES, attempt, credited, until_attempt
from tests.support.other_stripe import other_stripe
from tests.support.problems import problem
from tests.support.staff import finance_office
from tests.support.system import System, system_at
from tests.support.system_builder import SystemTemplate

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLACE = "theirs"
KEY, SECRET = "sk_test_of_another_hand", "whsec_of_another_hand"
GOOD, DECLINED = "pm_card_visa", "pm_card_chargeCustomerFail"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stripes() -> AsyncIterator[httpx2.AsyncClient]:
    """localstripe, asked as whoever has the account's key asks it."""
    with other_stripe() as address:
        async with httpx2.AsyncClient(base_url=address, auth=(KEY, ""), trust_env=False) as asking:
            yield asking


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(
    system_template: SystemTemplate,
    tmp_path_factory: pytest.TempPathFactory,
    stripes: httpx2.AsyncClient,
) -> AsyncIterator[System]:
    async with system_at(system_template, tmp_path_factory.mktemp("system")) as built:
        async with built.parts.database.transaction() as session:
            await configure_gateway(
                session,
                built.parts.cipher,
                agency_id=built.body.agency_id,
                collection_account_id=built.body.collection_account_id,
                gateway="stripe",
                account=PLACE,
                base_url=str(stripes.base_url).rstrip("/"),
                credentials={"api_key": KEY, "webhook_secret": SECRET},
            )
        built.parts.payments.agencies.forget()
        await told_with(SECRET, built, stripes)
        yield built


async def told_with(secret: str, system: System, stripes: httpx2.AsyncClient) -> None:
    """Have its events signed with `secret` from now on."""
    url = f"{system.base_url}/callbacks/stripe/{PLACE}"
    wanted = {"url": url, "secret": secret, "events": ["checkout.session.completed"]}
    assert (await stripes.post("/_config/webhooks/ours", json=wanted)).is_success


async def begun(system: System) -> tuple[dict[str, Any], dict[str, Any]]:
    """A bill, and an attempt to pay it by card."""
    bill = await system.create_bill(lines=LINES)
    answer = await system.post(f"/api/v1/bills/{bill['id']}/payments", {"gateway": "stripe"})
    assert (answer.status_code, answer.json()["status"]) == (201, "submitted"), answer.text
    return bill, answer.json()


async def pay(
    stripes: httpx2.AsyncClient, payment: dict[str, Any], card: str = GOOD
) -> httpx2.Response:
    """What the payer does where our page sent him; the card's bank answers."""
    url = payment["checkout"]["url"]
    assert url.startswith(str(stripes.base_url)), "sent elsewhere"
    return await stripes.post(url, data={"payment_method": card})


async def intent_of(stripes: httpx2.AsyncClient, payment: dict[str, Any]) -> dict[str, Any]:
    """The payment intent that its own books have for an attempt."""
    session = (await stripes.get(payment["checkout"]["url"].removesuffix("/_pay"))).json()
    found: dict[str, Any] = (
        await stripes.get(f"/v1/payment_intents/{session['payment_intent']}")
    ).json()
    return found


async def paid(system: System, stripes: httpx2.AsyncClient) -> tuple[dict[str, Any], ...]:
    """Bill and payment, once its signed event has reached us."""
    bill, payment = await begun(system)
    assert (await pay(stripes, payment)).is_success
    await until_attempt(system, payment, "succeeded")
    return bill, payment


async def test_a_card_pays_a_bill_and_its_receipt_is_there(
    system: System, stripes: httpx2.AsyncClient
) -> None:
    bill, payment = await paid(system, stripes)
    await system.work()
    found, intent = await system.read(bill), await intent_of(stripes, payment)
    assert (found["status"], len(found["receipts"])) == ("paid", 1)
    assert (intent["status"], intent["currency"]) == ("succeeded", "vnd")
    assert await credited(system, bill) == [(intent["id"], bill["amount"])]
    assert intent["amount"] == bill["amount"] == 32_000
    # By the account's own books: what its balance has of the charge.
    charge = intent["latest_charge"]
    moved = await stripes.get(f"/v1/balance_transactions/{charge['balance_transaction']}")
    assert (moved.json()["amount"], moved.json()["source"]) == (32_000, charge["id"])
    xml = (await system.browser.get(found["receipts"][0]["xml_url"])).text
    assert "Thẻ quốc tế (Stripe)" in xml
    assert await system.broken() == []


async def test_an_event_that_never_came_is_found_by_asking(
    system: System, stripes: httpx2.AsyncClient
) -> None:
    await told_with("whsec_of_nobody", system, stripes)
    before = (await counted(system)).get(("stripe", "wrong_signature"), 0)
    bill, payment = await begun(system)
    assert (await pay(stripes, payment)).is_success
    # The control: signed with another secret it is refused, though every word of it is true.
    for _ in range(400):
        if (await counted(system)).get(("stripe", "wrong_signature"), 0) > before:
            break
        await asyncio.sleep(0.02)
    else:
        raise AssertionError("no event came")
    await told_with(SECRET, system, stripes)
    assert (await attempt(system, payment))["status"] == "submitted"
    assert (await system.read(bill))["status"] == "open"
    assert await credited(system, bill) == []
    with clock.frozen(clock.now() + timedelta(seconds=20)):
        await system.work()
    await system.until(bill, "paid")
    intent = await intent_of(stripes, payment)
    assert await credited(system, bill) == [(intent["id"], bill["amount"])]
    assert await system.broken() == []


async def test_what_was_paid_goes_back_in_two_parts_that_its_books_have(
    system: System, stripes: httpx2.AsyncClient
) -> None:
    office = await finance_office(system)
    bill, payment = await paid(system, stripes)
    for part in (12_000, 20_000):
        refund = await approved(office, await asked(office, payment, part, way="gateway"))
        await system.work()
        with clock.frozen(clock.now() + timedelta(minutes=2)):
            await system.work()
        refund = await read(office, refund)
        assert (refund["status"], refund["gateway"]) == ("succeeded", "stripe")
    problem(await ask(office, payment, 1, way="gateway"), 409, "not_refundable", "amount")
    intent = await intent_of(stripes, payment)
    listed = await stripes.get("/v1/refunds", params={"payment_intent": intent["id"]})
    assert sorted(one["amount"] for one in listed.json()["data"]) == [12_000, 20_000]
    await system.work()
    assert (await system.read(bill))["receipts"][0]["status"] == "refunded"
    assert await system.broken() == []


async def test_a_declined_card_leaves_the_bill_to_be_paid_by_another(
    system: System, stripes: httpx2.AsyncClient
) -> None:
    bill, payment = await begun(system)
    answer = await pay(stripes, payment, DECLINED)
    assert (answer.status_code, answer.json()["error"]["code"]) == (402, "card_declined")
    with clock.frozen(clock.now() + timedelta(seconds=20)):
        await system.work()
    assert (await attempt(system, payment))["status"] == "submitted"
    assert ((await system.read(bill))["status"], await credited(system, bill)) == ("open", [])
    assert (await pay(stripes, payment)).is_success
    assert (await system.until(bill, "paid"))["id"] == bill["id"]
    assert [amount for _, amount in await credited(system, bill)] == [bill["amount"]]
    assert await system.broken() == []


async def test_another_amount_than_was_asked_for_is_held(
    system: System, stripes: httpx2.AsyncClient
) -> None:
    """The control: the same event, signed by the right key, of a session that somebody changed."""
    bill, payment = await begun(system)
    session = payment["checkout"]["url"].removesuffix("/_pay")
    changed = await stripes.post(session, json={"amount_total": 20_000})
    assert changed.json()["amount_total"] == 20_000
    assert (await pay(stripes, payment)).is_success
    await until_attempt(system, payment, "held")
    await system.work()
    found = await system.read(bill)
    assert (found["status"], found["receipts"]) == ("open", [])
    assert [amount for _, amount in await credited(system, bill)] == [20_000]
    assert await system.broken() == []


async def test_the_same_attempt_is_one_session_and_asking_agrees(
    stripes: httpx2.AsyncClient,
) -> None:
    given = GatewayAccount(
        "stripe", "alone", str(stripes.base_url), {"api_key": KEY, "webhook_secret": SECRET}
    )
    adapter = StripeCheckout(given)
    now = clock.now()

    def wanted(order: str, amount: int = 20_000) -> StartRequest:
        back = "https://phi.example.vn/b"
        return StartRequest(order, "pay_1", amount, "Le phi", back, "", created_at=now)

    try:
        first, again = [await adapter.start(wanted("same")) for _ in range(2)]
        assert isinstance(first, AcceptedAttempt)
        assert first == again
        assert await adapter.start(wanted("other")) != first
        # Other words under its key are no session of another amount.
        with pytest.raises(GatewayMisuse):
            await adapter.start(wanted("same", 30_000))
        asked_about = AttemptKey("same", now)
        open_still = await adapter.query(asked_about)
        assert (open_still.outcome, open_still.amount) == ("pending", 20_000)
        assert first.url is not None
        assert (await stripes.post(first.url, data={"payment_method": GOOD})).is_success
        done = await adapter.query(asked_about)
        session = (await stripes.get(first.url.removesuffix("/_pay"))).json()
        assert (done.outcome, done.gateway_ref) == ("succeeded", session["payment_intent"])
        assert done.amount == 20_000
    finally:
        await adapter.aclose()
