"""Stripe's words and calls: forms to the letter, events against its own SDK, keys that rotate."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import httpx2
import pytest
import stripe as sdk

from adapters.http import GatewayHttp
from adapters.stripe import dialect
from adapters.stripe.gateway import StripeCheckout
from adapters.wording import Malformed, WrongSeal
from core import clock
from payments.gateway_disputes import DisputeState, GatewayDispute
from payments.gateway_refunds import RefundOrder, RefundOutcome
from payments.ports import (
    AcceptedAttempt,
    AttemptKey,
    GatewayAccount,
    GatewayMisuse,
    GatewayResult,
    Outcome,
    OutcomeUnknown,
    StartRequest,
)

AT = datetime(2026, 11, 29, 8, 0, tzinfo=UTC)
KEYS = {
    "api_key": "sk_test_1",
    "webhook_secret": "whsec_new",
    "previous_webhook_secret": "whsec_old",
}
CREDENTIALS = dialect.Credentials("sk_test_1", ("whsec_new", "whsec_old"))
ORDER = "LPABCDEFGHJKLM-01"
REQUEST = StartRequest(
    ORDER,
    "pay_1",
    150_000,
    "Nộp phí, lệ phí",
    "https://le-phi.example/b/LPABC",
    "",
    created_at=AT,
)
REFUND = RefundOrder("R-1", ORDER, "pi_1", 50_000, 150_000, "Hoan tra", "ke toan", AT, AT)
SESSION: dict[str, Any] = {
    "id": "cs_1",
    "amount_total": 150_000,
    "client_reference_id": ORDER,
    "currency": "vnd",
    "metadata": {"request_code": "pay_1"},
    "payment_intent": "pi_1",
    "payment_status": "paid",
    "status": "complete",
    "url": "https://checkout.stripe.com/c/pay/cs_1",
}


def event(kind: str = "checkout.session.completed", **changes: Any) -> bytes:
    created = int(AT.timestamp())
    return json.dumps(
        {"type": kind, "created": created, "data": {"object": SESSION | changes}}
    ).encode()


def gateway(answer: Callable[[httpx2.Request], httpx2.Response]) -> StripeCheckout:
    account = GatewayAccount("stripe", "x", "https://api.stripe.example", KEYS)
    http = GatewayHttp(account.base_url, transport=httpx2.MockTransport(answer))
    return StripeCheckout(account, http=http)


async def test_a_session_is_asked_for_in_whole_dong_under_the_attempt_s_own_key() -> None:
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, json=SESSION)

    started = await gateway(answer).start(REQUEST)
    assert isinstance(started, AcceptedAttempt)
    assert started.url == SESSION["url"]
    await gateway(answer).start(REQUEST)
    first, again = seen
    assert first.content == again.content
    assert first.url.path == "/v1/checkout/sessions"
    assert first.headers["Idempotency-Key"] == f"lephi-{ORDER}" == again.headers["Idempotency-Key"]
    assert first.headers["Authorization"] == "Bearer sk_test_1"
    assert first.headers["Stripe-Version"] == sdk.api_version
    assert not [name for name in first.headers if name.lower().startswith("x-stripe-client")]
    form = dict(parse_qsl(first.content.decode()))
    assert form["line_items[0][price_data][unit_amount]"] == "150000"
    assert form["line_items[0][price_data][currency]"] == "vnd"
    assert form["payment_intent_data[metadata][order_ref]"] == ORDER
    assert form["expires_at"] == str(int((AT + timedelta(minutes=35)).timestamp()))


async def test_an_answer_about_another_order_or_a_server_s_fault_is_unknown() -> None:
    for said in (
        httpx2.Response(200, json=SESSION | {"client_reference_id": "LPX-01"}),
        httpx2.Response(200, json=SESSION | {"amount_total": 1}),
        httpx2.Response(200, json=SESSION | {"url": "http://elsewhere.example"}),
        httpx2.Response(500, json={"error": {"type": "api_error"}}),
    ):
        with pytest.raises(OutcomeUnknown):
            await gateway(lambda _, said=said: said).start(REQUEST)  # type: ignore[misc]
    wrong = {"error": {"type": "invalid_request_error", "message": "no sk_test_1"}}
    with pytest.raises(GatewayMisuse) as caught:
        await gateway(lambda _: httpx2.Response(401, json=wrong)).start(REQUEST)
    assert "sk_test_1" not in str(caught.value)


def test_what_its_own_sdk_signs_is_read_and_what_it_refuses_is_refused() -> None:
    """The SDK, version 16.1, is the oracle: it signs here, and it verifies what we take."""
    now = clock.now()
    body = event().decode()
    header = ""
    for secret in ("whsec_new", "whsec_old"):
        header = sdk.WebhookSignature.generate_signature_header(body, secret)
        dialect.check_signature(CREDENTIALS, header, body.encode(), now)
        assert sdk.WebhookSignature.verify_header(body, header, secret, tolerance=300)
    other = sdk.WebhookSignature.generate_signature_header(body, "whsec_other")
    with pytest.raises(WrongSeal):
        dialect.check_signature(CREDENTIALS, other, body.encode(), now)
    # While a key is replaced, the provider signs with both.
    both = f"{other},v1={header.partition('v1=')[2]}"
    stamped = int(header[2:].partition(",")[0])
    both = both.replace(other.partition(",")[0], f"t={stamped}")
    dialect.check_signature(CREDENTIALS, both, body.encode(), now)
    with pytest.raises(WrongSeal):
        dialect.check_signature(
            replace(CREDENTIALS, webhook_secrets=("whsec_new",)), header, body.encode(), now
        )


@pytest.mark.parametrize(
    ("seconds", "fits"),
    [(0, True), (299, True), (300, True), (-300, True), (301, False), (-301, False)],
)
def test_a_stamp_is_at_most_five_minutes_away(seconds: int, fits: bool) -> None:
    body = event().decode()
    at = int(AT.timestamp())
    header = sdk.WebhookSignature.generate_signature_header(body, "whsec_new", at)
    received_at = AT + timedelta(seconds=seconds)
    if fits:
        dialect.check_signature(CREDENTIALS, header, body.encode(), received_at)
    else:
        with pytest.raises(WrongSeal, match="timestamp"):
            dialect.check_signature(CREDENTIALS, header, body.encode(), received_at)


def test_each_event_has_its_meaning() -> None:
    paid = dialect.read_event(event())
    assert isinstance(paid, GatewayResult)
    assert (paid.outcome, paid.gateway_ref, paid.amount) == (Outcome.SUCCEEDED, "pi_1", 150_000)
    assert (paid.paid_at, paid.request_code) == (AT, "pay_1")
    unpaid = {"payment_status": "unpaid", "payment_intent": None}
    for kind, outcome in (
        ("checkout.session.completed", Outcome.PENDING),
        ("checkout.session.expired", Outcome.FAILED),
        ("checkout.session.async_payment_failed", Outcome.FAILED),
    ):
        said = dialect.read_event(event(kind, **unpaid))
        assert isinstance(said, GatewayResult)
        assert said.outcome is outcome
    # Money that came counts, whatever the event is called.
    late = dialect.read_event(event("checkout.session.expired"))
    assert isinstance(late, GatewayResult)
    assert late.outcome is Outcome.SUCCEEDED
    assert dialect.read_event(event("charge.refunded")) is None
    assert dialect.read_event(event(client_reference_id=None)) is None
    with pytest.raises(Malformed, match="currency"):
        dialect.read_event(event(currency="usd"))


def test_an_attempt_is_found_among_the_sessions_of_others() -> None:
    key = AttemptKey(ORDER, AT)
    other = SESSION | {"client_reference_id": "LPX-01"}
    assert dialect.find_session(key, [other]) is None
    unpaid = SESSION | {"payment_status": "unpaid", "payment_intent": None, "status": "expired"}
    # Two sessions of one attempt: the one that took money counts.
    found = dialect.find_session(key, [other, unpaid, SESSION])
    assert found is not None
    assert (found.outcome, found.paid_at) == (Outcome.SUCCEEDED, None)


async def test_sessions_are_read_page_by_page() -> None:
    pages = [
        {"data": [SESSION | {"id": "cs_9", "client_reference_id": "LPX-01"}], "has_more": True},
        {"data": [SESSION], "has_more": False},
    ]
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(str(request.url.query))
        return httpx2.Response(200, json={"object": "list", "url": "/v1/x"} | pages[len(asked) - 1])

    result = await gateway(answer).query(AttemptKey(ORDER, AT))
    assert result.outcome is Outcome.SUCCEEDED
    assert "starting_after=cs_9" in asked[1]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("succeeded", "succeeded"),
        ("pending", "pending"),
        ("requires_action", "pending"),
        ("failed", "failed"),
        ("canceled", "failed"),
    ],
)
async def test_a_refund_has_a_key_of_its_own_and_says_what_became_of_it(
    status: str, outcome: str
) -> None:
    seen: list[httpx2.Request] = []
    said = {"id": "re_1", "amount": 50_000, "currency": "vnd", "metadata": {"refund_ref": "R-1"}}

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, json=said | {"status": status})

    assert (await gateway(answer).refund(REFUND)).outcome is RefundOutcome(outcome)
    assert seen[0].headers["Idempotency-Key"] == "lephi-refund-R-1"
    with pytest.raises(OutcomeUnknown):
        await gateway(answer).refund(replace(REFUND, amount=50_001))


DISPUTE: dict[str, Any] = {
    "id": "du_1",
    "amount": 150_000,
    "currency": "vnd",
    "payment_intent": "pi_1",
    "reason": "fraudulent",
    "status": "needs_response",
    "evidence_details": {"due_by": int((AT + timedelta(days=7)).timestamp())},
}


def dispute(kind: str = "created", **changes: Any) -> GatewayDispute | GatewayResult | None:
    told = {"type": f"charge.dispute.{kind}", "created": int(AT.timestamp())}
    return dialect.read_event(json.dumps(told | {"data": {"object": DISPUTE | changes}}).encode())


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("warning_needs_response", DisputeState.INQUIRY),
        ("warning_under_review", DisputeState.INQUIRY),
        ("warning_closed", DisputeState.WON),
        ("needs_response", DisputeState.OPEN),
        ("under_review", DisputeState.OPEN),
        ("won", DisputeState.WON),
        ("lost", DisputeState.LOST),
    ],
)
@pytest.mark.parametrize("kind", ["created", "updated", "funds_withdrawn", "closed"])
def test_a_dispute_is_as_its_status_says_whatever_event_bears_it(
    kind: str, status: str, state: DisputeState
) -> None:
    told = dispute(kind, status=status)
    assert told == GatewayDispute(
        "du_1", "pi_1", 150_000, state, "fraudulent", AT, AT + timedelta(days=7)
    )


@pytest.mark.parametrize(
    "change",
    [
        {"currency": "usd"},
        {"status": "prevented"},
        {"amount": -1},
        {"amount": "150000"},
        {"id": "du 1"},
        {"payment_intent": ""},
        {"reason": None},
        {"evidence_details": {"due_by": "soon"}},
    ],
)
def test_a_dispute_that_cannot_be_read_is_kept_for_people(change: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        dispute(**change)


def test_a_dispute_of_nobody_s_session_tells_nothing() -> None:
    assert dispute(payment_intent=None) is None
    dated = dispute(evidence_details={"due_by": None})
    assert isinstance(dated, GatewayDispute)
    assert dated.respond_by is None
