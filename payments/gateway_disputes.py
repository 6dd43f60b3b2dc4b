"""What a gateway says of a payment that the payer's bank disputes (a chargeback), as a value. Pure.

Amounts are whole đồng; times are aware UTC.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class DisputeState(StrEnum):
    """How far a dispute is."""

    #: the payer's bank asks; no money has moved
    INQUIRY = "inquiry"
    #: the gateway holds the money back until it is decided
    OPEN = "open"
    #: decided for the body: the money is its own again
    WON = "won"
    #: decided for the payer: the money has gone back
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class GatewayDispute:
    """A dispute as its gateway tells of it.

    `dispute_ref` is the gateway's number of it, `gateway_ref` the settlement key of the payment
    that it is about, `amount` what of it is disputed. `respond_by` is when the body has to have
    answered, None where nothing is to be answered. `reason` is the gateway's own word.
    """

    dispute_ref: str
    gateway_ref: str
    amount: int
    state: DisputeState
    reason: str
    told_at: datetime
    respond_by: datetime | None = None
