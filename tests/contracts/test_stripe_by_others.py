"""Our adapter against a Stripe that is not ours: localstripe, by another hand, from Stripe's pages.

What it has of itself is asked here: payments and refunds in đồng through our own way out, and its
events, signed by its own code. The whole of a payment, with the session that it lacks, is
`tests/journeys/test_card_at_another_stripe.py`. It refunds more than was taken, which is held to
our own sandbox alone.
"""

import json
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import pytest_asyncio
import stripe

from adapters.http import GatewayHttp
from adapters.stripe.calls import OwnWayOut
from adapters.stripe.gateway import StripeCheckout
from core import clock
from payments.gateway_refunds import RefundOrder, RefundOutcome
from payments.ports import (
    Acknowledgement,
    CallbackRejected,
    GatewayAccount,
    GatewayMisuse,
    RawCallback,
)
from tests.support.other_stripe import other_stripe
from tests.support.receiver import Receiver, receiving

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY, SECRET = "sk_test_of_another_hand", "whsec_of_another_hand"
NOW = clock.now()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with other_stripe() as url:
        yield url


@pytest_asyncio.fixture(loop_scope="module")
async def adapter(address: str) -> AsyncIterator[StripeCheckout]:
    credentials = {"api_key": KEY, "webhook_secret": SECRET}
    made = StripeCheckout(GatewayAccount("stripe", "theirs", address, credentials))
    yield made
    await made.aclose()


async def charged(address: str, amount: int) -> str:
    """A payment of a foreign card, taken there as a payer's browser would have it; its number."""
    http = GatewayHttp(address)
    client = stripe.StripeClient(KEY, http_client=OwnWayOut(http), max_network_retries=0)
    card = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2030, "cvc": "123"}
    given: Any = {"type": "card", "card": card}
    method = await client.v1.payment_methods.create_async(given)
    made = await client.v1.payment_intents.create_async(
        {"amount": amount, "currency": "vnd", "payment_method": method.id, "confirm": True}
    )
    await http.aclose()
    assert (made.status, made.amount, made.currency) == ("succeeded", amount, "vnd")
    return made.id


def money_back(intent: str, amount: int, ref: str) -> RefundOrder:
    return RefundOrder(ref, "1", intent, amount, 150_000, "hoàn lệ phí", "u", NOW, NOW)


async def test_money_back_is_asked_for_and_asked_about_to_the_dong(
    address: str, adapter: StripeCheckout
) -> None:
    intent = await charged(address, 150_000)
    first, second = money_back(intent, 49_999, "rf-1"), money_back(intent, 100_001, "rf-2")
    for order in (first, second):
        done = await adapter.refund(order)
        assert (done.refund_ref, done.outcome) == (order.refund_ref, RefundOutcome.SUCCEEDED)
        assert await adapter.query_refund(order) == done
    unknown = await adapter.query_refund(money_back(intent, 1, "rf-3"))
    assert unknown.outcome is RefundOutcome.NOT_FOUND
    # What it has of them, by its own account.
    async with httpx2.AsyncClient(trust_env=False) as plain:
        told = await plain.get(f"{address}/v1/refunds", auth=(KEY, ""))
    amounts = {one["amount"] for one in told.json()["data"] if one["payment_intent"] == intent}
    assert amounts == {49_999, 100_001}


async def test_the_sdk_writes_no_payers_payment_into_the_log(
    adapter: StripeCheckout, caplog: pytest.LogCaptureFixture
) -> None:
    """It would, of each call, under an address that is not the one called."""
    caplog.set_level(logging.INFO)
    asked = money_back("pi_of_a_payer", 1_000, "rf-5")

    async def written() -> list[str]:
        with pytest.raises(GatewayMisuse):
            await adapter.query_refund(asked)
        return [one.getMessage() for one in caplog.records if one.name == "stripe"]

    assert await written() == []
    # The control: left to itself it does.
    caplog.set_level(logging.INFO, logger="stripe")
    assert "pi_of_a_payer" in str(await written())


async def test_money_back_of_nothing_is_a_refusal_and_no_time_out(adapter: StripeCheckout) -> None:
    with pytest.raises(GatewayMisuse):
        await adapter.refund(money_back("pi_nobodys", 1_000, "rf-4"))


async def test_its_signature_is_ours_and_one_byte_more_is_not(
    address: str, adapter: StripeCheckout
) -> None:
    def answer(notice: RawCallback) -> Acknowledgement:
        return Acknowledgement(200, b"{}")

    async with receiving(answer) as receiver:
        notice = await _told(address, receiver)
    assert json.loads(notice.body)["type"] == "payment_intent.succeeded"
    # Verified, and an event that we record nothing from: the session's is what tells.
    assert adapter.read_notice(notice) is None
    old = replace(notice, received_at=notice.received_at + timedelta(hours=1))
    for forged in (replace(notice, body=notice.body + b" "), old):
        with pytest.raises(CallbackRejected):
            adapter.read_notice(forged)


async def _told(address: str, receiver: Receiver) -> RawCallback:
    async with httpx2.AsyncClient(trust_env=False) as plain:
        wanted = {"url": receiver.url, "secret": SECRET, "events": ["payment_intent.succeeded"]}
        assert (await plain.post(f"{address}/_config/webhooks/ours", json=wanted)).is_success
    await charged(address, 20_000)
    (notice,) = await receiver.wait_for(1)
    return notice
