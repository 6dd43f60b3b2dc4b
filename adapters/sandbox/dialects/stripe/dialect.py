"""Stripe as the sandbox plays it: checkout sessions, idempotency, refund limits and events.

Written from the same description as our adapter and independent of it: nothing is shared, so a
slip in one shows as a disagreement between the two.
"""

import hashlib
import random
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl

from adapters.sandbox.dialects.stripe.payouts import balance_transactions, payout
from adapters.sandbox.dialects.stripe.replies import (
    REUSED,
    error,
    form_of,
    page_of,
    refused,
    whole,
)
from adapters.sandbox.engine.dialect import WebhookMessage
from adapters.sandbox.engine.disputes import ANSWERED_WITHIN, DisputeStep
from adapters.sandbox.engine.faults import Fault, Operation
from adapters.sandbox.engine.gateway import Engine, ProviderRequest
from adapters.sandbox.engine.reading import mac
from adapters.sandbox.engine.replies import Reply, answer, did_nothing, refusal
from adapters.sandbox.engine.settlement import SettlementSheet
from adapters.sandbox.engine.store import (
    Charge,
    Merchant,
    MoneyBack,
    Order,
    OrderRequest,
    OtherOrder,
    RefundStatus,
    TooMuchBack,
)
from core import json

_LEAST: Final = 12_000
_GREATEST: Final = 99_999_999
#: how many seconds ahead a session may end, and how long an idempotency key may be
_OPEN: Final = (30 * 60, 24 * 60 * 60)
_LONGEST_KEY: Final = 255
_STEPS: Final = {
    DisputeStep.INQUIRY: ("created", "warning_needs_response"),
    DisputeStep.OPENED: ("created", "needs_response"),
    DisputeStep.WON: ("closed", "won"),
    DisputeStep.LOST: ("closed", "lost"),
}
#: The itemised payout reconciliation report, with the columns of ours that it is asked for. [M]
_SHEETS: Final = (
    SettlementSheet(
        name="stripe-payout",
        columns=(
            ("automatic_payout_id", "batch"),
            ("automatic_payout_effective_at", "day"),
            ("created", "at"),
            ("reporting_category", "kind"),
            ("payment_intent_id", "charge"),
            ("payment_metadata[order_ref]", "order"),
            ("gross", "amount"),
            ("fee", "fee"),
            ("net", "net"),
        ),
        day="%Y-%m-%d %H:%M:%S",
        at="%Y-%m-%d %H:%M:%S",
        kinds={"payment": "charge", "refund": "refund"},
        decimals=2,
        negative=True,
        names_refunds=False,
    ),
)


class Stripe:
    """See `engine.gateway.GatewayDialect`."""

    name = "stripe"
    calls = frozenset({Operation.CREATE, Operation.QUERY, Operation.REFUND})
    sheets = _SHEETS

    def demo_credentials(self, account_number: str) -> dict[str, str]:
        return {
            "api_key": f"sk_test_{secrets.token_hex(16)}",
            "webhook_secret": f"whsec_{secrets.token_hex(16)}",
        }

    def account_id(self, credentials: Mapping[str, str]) -> str:
        """The account has no name among its credentials: one is made of its key."""
        keys = {name: credentials[name] for name in ("api_key", "webhook_secret")}
        return f"acct_{hashlib.sha256(keys['api_key'].encode()).hexdigest()[:16]}"

    def acknowledged(self, status: int | None, answer: str) -> bool:
        """Any 2xx."""
        return status is not None and 200 <= status < 300

    def schedule(self, usual: tuple[float, ...]) -> tuple[float, ...]:
        return usual

    def handle(self, engine: Engine, request: ProviderRequest) -> Reply | Order | None:
        start, _, token = request.path.rpartition("/")
        named = start if request.path.startswith("v1/payouts/po_") else request.path
        if (asked := (request.method, named)) not in _ANSWERS:
            order = engine.store.pages.get(token) if start == "pay" else None
            over = order is not None and not order.charges and _is_over(order, engine.now())
            return (
                Reply(410, "Phiên này đã hết hạn.".encode(), media_type="text/plain; charset=utf-8")
                if over
                else order
            )
        merchant = _asking(engine, request)
        if isinstance(merchant, Reply):
            return merchant
        return _ANSWERS[asked](engine, request, merchant)

    def transaction_no(self, now: datetime, rng: random.Random, count: int) -> str:
        return f"pi_3S{int(now.timestamp()):x}{rng.randrange(16**8):08x}{count:06d}"

    def paid(self, merchant: Merchant, order: Order, charge: Charge) -> WebhookMessage | None:
        if charge.held:
            return None
        told = session(order, charge, "")
        return _event(merchant, "checkout.session.completed", told, charge.charged_at)

    def failed(self, merchant: Merchant, order: Order, transaction_no: str) -> WebhookMessage:
        told = session(order, None, "") | {"status": "expired"}
        return _event(merchant, "checkout.session.expired", told, order.created_at)

    def forged(
        self, merchant: Merchant, order_id: str, order: Order | None, charge: Charge
    ) -> WebhookMessage:
        known = order or Order(
            *(merchant.dialect, merchant.id, order_id, charge.amount, "", "", ""),
            {"request": "r", "key": "k", "ends_at": "0"},
            *("", "", charge.charged_at),
        )
        told = session(known, charge, "")
        return _event(merchant, "checkout.session.completed", told, charge.charged_at)

    def disputed(
        self, merchant: Merchant, charge: Charge, step: DisputeStep, amount: int
    ) -> WebhookMessage:
        """The event of a dispute: opened, or closed."""
        kind, status = _STEPS[step]
        due_by = charge.charged_at + ANSWERED_WITHIN
        told = {
            "id": f"du_{charge.transaction_no[3:]}",
            "object": "dispute",
            "amount": amount,
            "currency": "vnd",
            "payment_intent": charge.transaction_no,
            "reason": "fraudulent",
            "status": status,
            "evidence_details": {"due_by": int(due_by.timestamp()), "has_evidence": False},
        }
        return _event(merchant, f"charge.dispute.{kind}", told, charge.charged_at)

    def headers(self, merchant: Merchant, body: bytes, at: datetime) -> dict[str, str]:
        """The signature of an event sent at `at`."""
        return signature(merchant.credentials["webhook_secret"], body, int(at.timestamp()))

    def return_url(self, merchant: Merchant, order: Order, charge: Charge | None) -> str:
        return order.return_url


DIALECT: Final = Stripe()


def signature(secret: str, body: bytes, seconds: int) -> dict[str, str]:
    """The header that signs an event."""
    seal = mac(secret, f"{seconds}.{body.decode()}")
    return {"Stripe-Signature": f"t={seconds},v1={seal}"}


def _is_over(order: Order, now: datetime) -> bool:
    """Whether a session takes no money any more."""
    return order.failed or whole(order.details.get("ends_at")) <= int(now.timestamp())


def session(
    order: Order, charge: Charge | None, base_url: str, now: datetime | None = None
) -> dict[str, Any]:
    """A checkout session, as far as it is told, as it is `now`, or was before its time was over."""
    paid = charge is not None and not charge.held
    over = order.failed if now is None else _is_over(order, now)
    return {
        "id": f"cs_test_{order.page_token}",
        "object": "checkout.session",
        "amount_total": charge.amount if charge is not None else order.amount,
        "client_reference_id": order.order_id,
        "created": int(order.created_at.timestamp()),
        "currency": "vnd",
        "livemode": False,
        "metadata": {"order_ref": order.order_id, "request_code": order.details["request"]},
        "mode": "payment",
        "payment_intent": charge.transaction_no if charge is not None and paid else None,
        "payment_status": "paid" if paid else "unpaid",
        "status": "complete" if paid else "expired" if over else "open",
        "url": f"{base_url}{order.page}",
    }


def _event(
    merchant: Merchant, kind: str, told: Mapping[str, object], at: datetime
) -> WebhookMessage:
    body = json.dumps(
        {
            "id": f"evt_{hashlib.sha256(json.canonical(told)).hexdigest()[:24]}",
            "object": "event",
            "created": int(at.timestamp()),
            "type": kind,
            "data": {"object": told},
        }
    )
    return WebhookMessage(merchant.callback_url, body)


def _asking(engine: Engine, request: ProviderRequest) -> Merchant | Reply:
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    account = f"acct_{hashlib.sha256(given.encode()).hexdigest()[:16]}"
    merchant = engine.merchant(DIALECT.name, account)
    if not engine.sealed(merchant is not None) or merchant is None:
        return error(401, "invalid_request_error", "api_key_invalid", "Invalid API Key")
    return merchant


def _wrong_key(engine: Engine, request: ProviderRequest, merchant: Merchant, of: str) -> str | None:
    """Why an idempotency key will not do, None where it does: it is one order's or refund's.

    Stripe takes calls without one; whoever leaves it out here pays twice there.
    """
    key = request.headers.get("idempotency-key", "")
    if not key.endswith(of) or not 1 <= len(key) <= _LONGEST_KEY:
        return "parameter_missing"
    others = (one for one in engine.store.orders.values() if one.merchant_id == merchant.id)
    used = (one.order_id for one in others if one.details.get("key") == key)
    return None if next(used, of) == of else "reused"


def _wrong_session(engine: Engine, merchant: Merchant, form: Mapping[str, str]) -> Reply | None:
    """What Stripe refuses of a session, with its code and the parameter; None: nothing."""
    order_id, item = form.get("client_reference_id", ""), "line_items[0]"
    amount = whole(form.get(f"{item}[price_data][unit_amount]"))
    if form.get("mode") != "payment":
        return refused("parameter_missing", "mode")
    if not form.get("success_url", "").startswith(("https://", "http://")):
        return refused(
            "url_invalid" if form.get("success_url") else "parameter_missing", "success_url"
        )
    if form.get(f"{item}[price_data][currency]") != "vnd" or form.get(f"{item}[quantity]") != "1":
        return refused("parameter_invalid", "line_items")
    if not amount:
        return refused("parameter_invalid_integer", "line_items[0][price_data][unit_amount]")
    if not _LEAST <= amount <= _GREATEST:
        return refused("amount_too_small" if amount < _LEAST else "amount_too_large", "line_items")
    ahead = whole(form.get("expires_at")) - int(engine.now().timestamp())
    # The very call again is the first answer again, however late.
    if (merchant.id, order_id) not in engine.store.orders and not _OPEN[0] <= ahead <= _OPEN[1]:
        return refused("parameter_invalid", "expires_at")
    return None


def _create(engine: Engine, request: ProviderRequest, merchant: Merchant) -> Reply:
    form = form_of(request)
    order_id = form.get("client_reference_id", "")
    engine.store.called(merchant.id, order_id)
    if (wrong := _wrong_session(engine, merchant, form)) is not None:
        return wrong
    if (fault := _wrong_key(engine, request, merchant, order_id)) is not None:
        return REUSED if fault == "reused" else refused(fault, "Idempotency-Key")
    planned = engine.next_fault(merchant, Operation.CREATE)
    if planned is not None and planned.fault is Fault.DECLINE:
        return error(402, "card_error", "card_declined", "Your card was declined.")
    if planned is not None and did_nothing(planned):
        return refusal(planned, b"", json.dumps({"error": {"type": "api_error"}}))
    price = "line_items[0][price_data]"
    wanted = OrderRequest(
        order_id=order_id,
        amount=whole(form[f"{price}[unit_amount]"]),
        order_info=form.get(f"{price}[product_data][name]", ""),
        return_url=form["success_url"],
        digest=hashlib.sha256(request.body).hexdigest(),
        details={
            "request": form.get("metadata[request_code]", ""),
            "key": request.headers["idempotency-key"],
            "ends_at": form.get("expires_at", ""),
        },
    )
    try:
        order = engine.take(merchant, wanted)
    except OtherOrder:
        return REUSED
    said = json.dumps(session(order, None, engine.base_url, engine.now()))
    return engine.answer_create(planned, order, said)


def _list(engine: Engine, request: ProviderRequest, merchant: Merchant) -> Reply:
    planned = engine.next_fault(merchant, Operation.QUERY)
    if planned is not None and did_nothing(planned):
        return refusal(planned, b"", json.dumps({"error": {"type": "api_error"}}))
    asked = dict(parse_qsl(request.query))
    first, last = int(asked.get("created[gte]", "0")), int(asked.get("created[lte]", "9" * 11))
    lost = planned is not None and planned.fault is Fault.NOT_FOUND
    found = [
        order
        for order in reversed(engine.store.orders.values())
        if order.merchant_id == merchant.id
        and first <= int(order.created_at.timestamp()) <= last
        and not lost
    ]
    ids = [f"cs_test_{order.page_token}" for order in found]
    if (after := asked.get("starting_after")) in ids:
        found = found[ids.index(after) + 1 :]
    limit = int(asked.get("limit", "10"))
    now, home = engine.now(), engine.base_url
    shown = [session(order, order.visible_charge(now), home, now) for order in found[:limit]]
    return answer(planned, page_of("/v1/checkout/sessions", shown, more=len(found) > limit))


def _refund(engine: Engine, request: ProviderRequest, merchant: Merchant) -> Reply:
    form = form_of(request)
    planned = engine.next_fault(merchant, Operation.REFUND)
    if planned is not None and planned.fault is Fault.DECLINE:
        return refused("charge_disputed")
    if planned is not None and did_nothing(planned):
        return refusal(planned, b"", json.dumps({"error": {"type": "api_error"}}))
    for order in engine.store.orders.values():
        numbers = {charge.transaction_no for charge in order.charges}
        if order.merchant_id == merchant.id and form.get("payment_intent") in numbers:
            break
    else:
        kind = "invalid_request_error"
        return error(404, kind, "resource_missing", "payment_intent", "payment_intent")
    named, amount = form.get("metadata[refund_ref]", ""), whole(form.get("amount"))
    if (fault := _wrong_key(engine, request, merchant, named)) is not None:
        return REUSED if fault == "reused" else refused(fault, "Idempotency-Key")
    if not amount:
        return refused("parameter_invalid_integer", "amount")
    undecided = planned is not None and planned.fault is Fault.NOT_DECIDED
    status = RefundStatus.OPEN if undecided else RefundStatus.DONE
    try:
        made = engine.refund(order, named, amount, status=status)
    except OtherOrder:
        return REUSED
    except TooMuchBack:
        return refused("amount_too_large", "amount")
    return answer(planned, json.dumps(_told(made, str(form["payment_intent"]))))


def _refunds(engine: Engine, request: ProviderRequest, merchant: Merchant) -> Reply:
    number = dict(parse_qsl(request.query)).get("payment_intent", "")
    told = [
        _told(one, number)
        for order in engine.store.orders.values()
        if order.merchant_id == merchant.id
        and number in {charge.transaction_no for charge in order.charges}
        for one in engine.store.refunds_of(order)
    ]
    return Reply(200, page_of("/v1/refunds", told))


def _told(one: MoneyBack, number: str) -> dict[str, Any]:
    words = {RefundStatus.DONE: "succeeded", RefundStatus.OPEN: "pending"}
    return {
        "id": f"re_{one.transaction_no[3:]}",
        "object": "refund",
        "amount": one.amount,
        "currency": "vnd",
        "metadata": {"refund_ref": one.refund_id},
        "payment_intent": number,
        "status": words.get(one.status, "failed"),
    }


_ANSWERS: Final[Mapping[tuple[str, str], Callable[[Engine, ProviderRequest, Merchant], Reply]]] = {
    ("POST", "v1/checkout/sessions"): _create,
    ("GET", "v1/checkout/sessions"): _list,
    ("POST", "v1/refunds"): _refund,
    ("GET", "v1/refunds"): _refunds,
    ("GET", "v1/balance_transactions"): balance_transactions,
    ("GET", "v1/payouts"): payout,
}
