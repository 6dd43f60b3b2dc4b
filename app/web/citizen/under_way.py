"""What a bill's page offers and says while a payment is under way."""

from app.web.citizen.messages import PageMessage, message_for
from app.web.citizen.situation import UNDER_WAY, AttemptEnd, Doubt, Situation
from payments.bills.queries import PaymentValue

#: Doubts while which the payment page of the attempt may still be paid on.
GOES_ON = (Doubt.SUBMITTED, Doubt.UNPAID)

#: What tells only of a payment under way: nothing once its outcome is known.
_WAITING = frozenset(
    {
        "attempt_open",
        "attempt_unclear",
        "gateway_outcome_unknown",
        "idempotency_in_flight",
        "payment_outcome_pending",
    }
)

#: What a press of a button may be told of while a payment is under way: all else is in the notice.
_BESIDE = frozenset({"attempt_unclear", "rate_limited", "request_failed"})


def go_on_address(attempt: PaymentValue | None, *, opened: bool) -> str | None:
    """Where the payer goes on with an open attempt; None where nobody can, or this reader may not.

    The gateway sends whoever comes back from a private attempt to the page with the payer's name:
    it is shown to those alone who have that page open already.
    """
    if attempt is None or attempt.checkout is None:
        return None
    if attempt.private is not False and not opened:
        return None
    address: str | None = attempt.checkout.get("url")
    return address


def message_beside(situation: Situation, code: str) -> PageMessage | None:
    """The message of a code, where the page does not tell the same, or better, by itself."""
    if situation.status != "open":
        return None
    if situation.doubt in UNDER_WAY:
        unclear = code == "attempt_unclear" and not situation.may_leave
        return message_for(code) if code in _BESIDE and not unclear else None
    declined = situation.ended is AttemptEnd.DECLINED and code == "payment_declined"
    return None if declined or code in _WAITING else message_for(code)
