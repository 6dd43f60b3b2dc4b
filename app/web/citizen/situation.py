"""How a bill stands, as its page tells it: what has come, what is under way, what to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.web.citizen.odd_money import OddMoney
from payments.bills.queries import BillValue, PaymentValue
from payments.ports import GatewayMisuse, GatewayUnavailable, Outcome


class Doubt(StrEnum):
    """Why a citizen should not, or only in part, pay an unpaid bill; the gravest one is told."""

    #: money has come that a person must look at
    HELD = "held"
    #: a gateway was called and nobody knows yet what it did
    UNKNOWN = "unknown"
    #: a gateway is being called just now
    STARTING = "starting"
    #: a citizen was sent to a gateway, which has not told yet what came of it
    SUBMITTED = "submitted"
    #: the same, and when it was asked the gateway said that nothing is paid yet
    UNPAID = "unpaid"
    #: less than the amount has come
    SHORT = "short"


class AttemptEnd(StrEnum):
    """How the last attempt ended where it brought no money and nothing else is under way."""

    #: the gateway refused it, or the payer broke it off there
    DECLINED = "declined"
    #: its time was over, or the payer chose another way
    LAPSED = "lapsed"


#: Doubts while which nothing may be paid.
UNDER_WAY = frozenset(Doubt) - {Doubt.SHORT}

#: Ways in which an attempt fails that never came to the gateway.
_NOT_REACHED = (GatewayUnavailable.code, GatewayMisuse.code)
_SAYS_UNPAID = (Outcome.PENDING, Outcome.NOT_FOUND)


@dataclass(frozen=True, slots=True)
class Situation:
    """The state of a bill's page. Amounts in đồng.

    `version` changes whenever the page would look different; `final` says that it never will
    again, so that nobody need ask.
    """

    status: str
    doubt: Doubt | None
    received: int
    remaining: int
    #: what may be paid now: nothing while an attempt is open or money is looked at
    payable: int
    version: str
    final: bool
    #: the attempt that `doubt` or `ended` is about
    attempt: PaymentValue | None = None
    ended: AttemptEnd | None = None
    #: whether its payer may leave the open attempt and choose another way
    may_leave: bool = False


def situation_of(
    bill: BillValue, receipts: int, *, over: bool = False, odd: Sequence[OddMoney] = ()
) -> Situation:
    """How `bill` stands when it has that many receipts.

    `over` says that the payment page of its open attempt takes no money any more; `odd` is money
    that came for it and is not simply its payment.
    """
    unpaid = bill.status in ("open", "expired")
    received = bill.received
    doubt, attempt = _doubt(bill, received) if unpaid else (None, None)
    ended = None
    if bill.status == "open" and doubt not in UNDER_WAY and bill.payments:
        ended = _ended(bill.payments[-1])
        attempt = bill.payments[-1] if ended else attempt
    is_open = doubt in UNDER_WAY and doubt is not Doubt.HELD
    may_leave = doubt is Doubt.UNPAID or (is_open and over)
    about = "" if attempt is None else attempt.order_ref
    parts = (bill.status, doubt, ended, about, may_leave and "free", received, receipts)
    waiting = [f"{one.amount}{one.fate}" for one in odd]
    return Situation(
        status=bill.status,
        doubt=doubt,
        received=received if unpaid else 0,
        remaining=bill.remaining,
        payable=bill.payable,
        version="-".join([*(str(part) if part else "0" for part in parts), *waiting]),
        final=bill.status in ("exempt", "cancelled") or (bill.status == "paid" and receipts > 0),
        attempt=attempt,
        ended=ended,
        may_leave=may_leave,
    )


def _doubt(bill: BillValue, received: int) -> tuple[Doubt | None, PaymentValue | None]:
    found = [(_of(payment), payment) for payment in reversed(bill.payments)]
    for doubt in Doubt:
        for told, payment in found:
            if told is doubt:
                return doubt, payment
    return (Doubt.SHORT, None) if received else (None, None)


def _of(payment: PaymentValue) -> Doubt | None:
    """What one payment leaves to doubt."""
    if payment.status == "held":
        return Doubt.HELD
    if payment.status == "submitted":
        return Doubt.UNPAID if payment.gateway_says in _SAYS_UNPAID else Doubt.SUBMITTED
    if payment.status == "created":
        return Doubt.STARTING
    return Doubt.UNKNOWN if payment.is_open else None


def _ended(payment: PaymentValue) -> AttemptEnd | None:
    if payment.status == "failed" and payment.gateway_code not in _NOT_REACHED:
        return AttemptEnd.DECLINED
    return AttemptEnd.LAPSED if payment.status == "expired" else None
