"""How a bill stands, as its page tells it: what has come, what is under way, what to do."""

from dataclasses import dataclass
from enum import StrEnum

from payments.bills.queries import BillValue, PaymentValue


class Doubt(StrEnum):
    """Why a citizen should think before paying an unpaid bill; the gravest one is told."""

    #: money has come that a person must look at
    HELD = "held"
    #: a gateway was called and nobody knows yet what it did
    UNKNOWN = "unknown"
    #: a citizen was sent to a gateway and has not come back with an outcome
    SUBMITTED = "submitted"
    #: less than the amount has come
    SHORT = "short"


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
    version: str
    final: bool
    #: the attempt that `doubt` is about
    attempt: PaymentValue | None = None


def situation_of(bill: BillValue, receipts: int) -> Situation:
    """How `bill` stands when it has that many receipts."""
    unpaid = bill.status in ("open", "expired")
    received = bill.received
    doubt, attempt = _doubt(bill, received) if unpaid else (None, None)
    return Situation(
        status=bill.status,
        doubt=doubt,
        received=received if unpaid else 0,
        remaining=bill.remaining,
        version=f"{bill.status}-{doubt or 'clear'}-{received}-{receipts}",
        final=bill.status in ("exempt", "cancelled") or (bill.status == "paid" and receipts > 0),
        attempt=attempt,
    )


def _doubt(bill: BillValue, received: int) -> tuple[Doubt | None, PaymentValue | None]:
    for status in (Doubt.HELD, Doubt.UNKNOWN, Doubt.SUBMITTED):
        for payment in reversed(bill.payments):
            if payment.status == status:
                return status, payment
    return (Doubt.SHORT, None) if received else (None, None)
