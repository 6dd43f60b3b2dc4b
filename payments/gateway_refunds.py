"""Money that a gateway is asked to give back: what it is asked, and what it says. Pure.

Frozen values like those of `payments.ports`: whole đồng, aware UTC.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RefundOutcome(StrEnum):
    """What a gateway says became of a refund that we asked it for."""

    #: taken, or not decided: ask
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    #: refused for good: nothing went back
    FAILED = "failed"
    #: the gateway does not know the refund (not proof that nothing went back)
    NOT_FOUND = "not_found"


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """Money that a gateway is asked to give back of one charge, as it needs it.

    `refund_ref` is ours, unique for ever and written to our database before the call; the same
    `refund_ref` is the same refund. `gateway_ref` and `charged` (whole đồng) are those of the
    charge, `attempted_at` when its attempt was written, `created_at` when the refund was called
    for; both are aware UTC and fixed. `asked_by` is who asks for it, as the gateway may show it.
    """

    refund_ref: str
    order_ref: str
    gateway_ref: str
    amount: int
    charged: int
    description: str
    asked_by: str
    attempted_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RefundResult:
    """What a gateway says of one refund. `gateway_ref` is its own number of it, if it has one."""

    refund_ref: str
    outcome: RefundOutcome
    gateway_ref: str | None = None
    gateway_code: str = ""
