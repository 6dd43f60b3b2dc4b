"""Stripe's words: checkout sessions, events, refunds, and how events are signed. Pure.

Facts, with how sure they are. [C] is in Stripe's pages, [R] was seen with its SDK 16.1, [M] is what
is commonly known.

* [C] VND has no decimals: 150000 is 150,000 đồng. [M] A session takes 99,999,999 at most, and cards
  take nothing below about 12,000 đồng.
* [C][R] `Stripe-Signature` is `t=<s>,v1=<hex>` with a `v1` for each key in use: HMAC-SHA256 under
  the endpoint's key over `{t}.` and the body as it came. A stamp is at most five minutes away; [M]
  an event that is told again is signed anew.
* [M] A POST with an `Idempotency-Key` that is known gives the first answer, for a day at least;
  other words under it are an error. The key of an attempt is its reference, a refund's its own.
* [M] A session is open for at least 30 minutes. A card that is declined may be tried again on its
  page: an attempt has failed when its session has expired.
* [M] Sessions are listed by the time of their making: that is how an attempt is asked about, by
  `client_reference_id`. A listed session tells no time of payment.
* [C] A refund's `status` is pending, requires_action, succeeded, failed or canceled.
* [C] `charge.dispute.*` events bear the dispute as it is: `warning_*` is an inquiry and moves no
  money, needs_response and under_review hold it back, won and lost decide it; what closes a warning
  lets it be. `evidence_details.due_by` is until when it can be answered.
"""

import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from adapters.wording import Malformed, WrongSeal, amount_of, strict, whole, word
from core.errors import Invalid
from core.money import check_amount
from payments.gateway_disputes import DisputeState, GatewayDispute
from payments.gateway_refunds import RefundOrder, RefundOutcome, RefundResult
from payments.ports import AttemptKey, GatewayMisuse, GatewayResult, Outcome, StartRequest

#: How long a session is open: half an hour at least, and the call takes its time.
OPEN_FOR: Final = timedelta(minutes=35)
#: the words for an event that is right and not of now
OLD: Final = "timestamp too old, or ahead of our clock"
_TOLERANCE: Final = 300
_LATEST: Final = 32_503_679_999

_ORDER_REF: Final = re.compile(r"[0-9A-Za-z._-]{1,200}")
_CODE: Final = re.compile(r"[0-9A-Za-z._-]{1,100}")
_PAYMENT: Final = re.compile(r"[0-9A-Za-z_]{1,255}")
_STAMP: Final = re.compile(r"[0-9]{1,12}")
_SEAL: Final = re.compile(r"[0-9a-f]{64}")

_PAID: Final = frozenset({"checkout.session.completed", "checkout.session.async_payment_succeeded"})
_OVER: Final = frozenset({"checkout.session.expired", "checkout.session.async_payment_failed"})
_DISPUTE: Final = "charge.dispute."
_DISPUTES: Final = {
    "warning_needs_response": DisputeState.INQUIRY,
    "warning_under_review": DisputeState.INQUIRY,
    "warning_closed": DisputeState.WON,
    "needs_response": DisputeState.OPEN,
    "under_review": DisputeState.OPEN,
    "won": DisputeState.WON,
    "lost": DisputeState.LOST,
}
_REFUNDS: Final = {"succeeded": RefundOutcome.SUCCEEDED, "failed": RefundOutcome.FAILED}
_UNDONE: Final = RefundOutcome.FAILED


@dataclass(frozen=True, slots=True)
class Credentials:
    """One account's credentials at Stripe; none may be shown."""

    api_key: str = field(repr=False)
    webhook_secrets: tuple[str, ...] = field(repr=False)


def session_params(request: StartRequest) -> dict[str, Any]:
    """What a session is asked for with, the same for the same request.

    Raises `GatewayMisuse` for what cannot be said in this dialect.
    """
    if _ORDER_REF.fullmatch(request.order_ref) is None:
        raise GatewayMisuse("stripe: order_ref must be 1 to 200 of A-Z a-z 0-9 . _ -")
    if _CODE.fullmatch(request.request_code) is None:
        raise GatewayMisuse("stripe: request_code must be 1 to 100 of A-Z a-z 0-9 . _ -")
    try:
        amount = check_amount(request.amount)
    except Invalid:
        raise GatewayMisuse("stripe: the amount is not a number of whole đồng") from None
    price = {
        "currency": "vnd",
        "unit_amount": amount,
        "product_data": {"name": request.description[:250] or request.order_ref},
    }
    told = {"order_ref": request.order_ref, "request_code": request.request_code}
    return {
        "mode": "payment",
        "client_reference_id": request.order_ref,
        "line_items": [{"price_data": price, "quantity": 1}],
        "success_url": request.return_url,
        "cancel_url": request.return_url,
        "expires_at": int((request.created_at + OPEN_FOR).timestamp()),
        "locale": "en" if request.language == "en" else "vi",
        "metadata": told,
        "payment_intent_data": {"metadata": told},
    }


def refund_params(order: RefundOrder) -> dict[str, Any]:
    """What money back is asked for with, the same for the same refund."""
    return {
        "payment_intent": order.gateway_ref,
        "amount": order.amount,
        "metadata": {"refund_ref": order.refund_ref, "order_ref": order.order_ref},
    }


def check_signature(
    credentials: Credentials, header: str, body: bytes, received_at: datetime
) -> None:
    """Raises `WrongSeal` unless a key of the account's signed this body within five minutes."""
    pairs = [pair.partition("=") for pair in header.split(",")]
    stamps = [value for name, _, value in pairs if name == "t"]
    given = [value for name, _, value in pairs if name == "v1" and _SEAL.fullmatch(value)]
    if len(stamps) != 1 or _STAMP.fullmatch(stamps[0]) is None or not 1 <= len(given) <= 8:
        raise WrongSeal("no timestamp or no signature of the right form")
    signed = stamps[0].encode() + b"." + body
    expected = [
        hmac.new(key.encode(), signed, "sha256").hexdigest() for key in credentials.webhook_secrets
    ]
    fits = [hmac.compare_digest(one, other) for one in given for other in expected]
    if not any(fits):
        raise WrongSeal("signature wrong")
    if abs(received_at.timestamp() - int(stamps[0])) > _TOLERANCE:
        raise WrongSeal(OLD)


def read_event(raw: bytes) -> GatewayResult | GatewayDispute | None:
    """What a signed event says of an attempt or a dispute; None for an event of anything else.

    Raises `Malformed` naming the field, never its value.
    """
    document = strict(raw)
    kind = word(document, "type", re.compile(r"[a-z_.]{1,100}"))
    if kind not in _PAID | _OVER and not kind.startswith(_DISPUTE):
        return None
    data = document.get("data")
    session = data.get("object") if isinstance(data, dict) else None
    if not isinstance(session, dict):
        raise Malformed("data.object: missing")
    if kind.startswith(_DISPUTE):
        return _dispute(session, moment(document, "created"))
    if session.get("client_reference_id") is None:
        return None  # a session of somebody else's making at the same account
    return _report(session, moment(document, "created"), over=kind in _OVER)


def _dispute(dispute: Mapping[str, object], told_at: datetime) -> GatewayDispute | None:
    if dispute.get("payment_intent") is None:
        return None  # of a charge that no session of ours made
    if dispute.get("currency") != "vnd":
        raise Malformed("currency: not vnd")
    state = _DISPUTES.get(word(dispute, "status", re.compile("[a-z_]{1,30}")))
    if state is None:
        raise Malformed("status: no such state of a dispute")
    details = dispute.get("evidence_details")
    dated = isinstance(details, dict) and details.get("due_by") is not None
    return GatewayDispute(
        dispute_ref=word(dispute, "id", _PAYMENT),
        gateway_ref=word(dispute, "payment_intent", _PAYMENT),
        amount=amount_of(dispute, "amount"),
        state=state,
        reason=word(dispute, "reason", re.compile("[a-z_]{1,60}")),
        respond_by=moment(details, "due_by") if isinstance(details, dict) and dated else None,
        told_at=told_at,
    )


def find_session(
    attempt: AttemptKey, sessions: Iterable[Mapping[str, object]]
) -> GatewayResult | None:
    """What listed sessions say of an attempt; None where none is its."""
    own = [one for one in sessions if one.get("client_reference_id") == attempt.order_ref]
    reports = [_report(one, None, over=one.get("status") == "expired") for one in own]
    paid = [one for one in reports if one.outcome is Outcome.SUCCEEDED]
    return next(iter(paid or reports), None)


def read_refund(order: RefundOrder, refund: Mapping[str, object]) -> RefundResult:
    """What a refund says of itself. Raises `Malformed` for another one."""
    metadata = refund.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("refund_ref") != order.refund_ref:
        raise Malformed("metadata: not the refund asked for")
    if amount_of(refund, "amount") != order.amount or refund.get("currency") != "vnd":
        raise Malformed("amount, currency: not the refund's")
    status = word(refund, "status", re.compile("[a-z_]{1,30}"))
    outcome = _UNDONE if status == "canceled" else _REFUNDS.get(status, RefundOutcome.PENDING)
    return RefundResult(order.refund_ref, outcome, word(refund, "id", _PAYMENT), status)


def _report(
    session: Mapping[str, object], paid_at: datetime | None, *, over: bool
) -> GatewayResult:
    if session.get("currency") != "vnd":
        raise Malformed("currency: not vnd")
    paid = session.get("payment_status") == "paid"
    outcome = Outcome.FAILED if over else Outcome.PENDING
    metadata = session.get("metadata")
    if not isinstance(metadata, dict):
        raise Malformed("metadata: missing")
    return GatewayResult(
        order_ref=word(session, "client_reference_id", _ORDER_REF),
        outcome=Outcome.SUCCEEDED if paid else outcome,
        gateway_ref=word(session, "payment_intent", _PAYMENT) if paid else None,
        amount=amount_of(session, "amount_total"),
        paid_at=paid_at,
        gateway_code=word(session, "payment_status", re.compile("[a-z_]{1,30}")),
        request_code=word(metadata, "request_code", _CODE),
    )


def moment(fields: Mapping[str, object], name: str) -> datetime:
    """A time in Unix seconds, as aware UTC. Raises `Malformed`."""
    seconds = whole(fields, name, lowest=1)
    if seconds > _LATEST:
        raise Malformed(f"{name}: no such time")
    return datetime.fromtimestamp(seconds, UTC)
