"""What the API of disputes gives. Amounts are whole đồng."""

from typing import Literal

from pydantic import BaseModel

from core.schemas import Instant
from payments.disputes.queries import DisputeValue

DisputeStatus = Literal["inquiry", "open", "won", "lost"]


class DisputeOut(BaseModel):
    """A payment that the payer's bank disputes; the body answers at its gateway by `respond_by`.

    `refund` is the money that is set aside for it, or has gone back; null for an inquiry, and where
    nothing was there any more; it may be of less than `amount`. `reason` is the gateway's own word.
    """

    id: str
    agency: str
    gateway: str
    account: str
    dispute_ref: str
    payment: str
    amount: int
    reason: str
    status: DisputeStatus
    respond_by: Instant | None
    refund: str | None
    opened_at: Instant
    decided_at: Instant | None

    @classmethod
    def of(cls, dispute: DisputeValue) -> "DisputeOut":
        """The answer for a dispute."""
        return cls(
            id=dispute.id,
            agency=dispute.agency,
            gateway=dispute.gateway,
            account=dispute.account,
            dispute_ref=dispute.dispute_ref,
            payment=dispute.payment_id,
            amount=dispute.amount,
            reason=dispute.reason,
            status=dispute.status,  # type: ignore[arg-type]  # a CHECK keeps it to these values
            respond_by=dispute.respond_by,
            refund=dispute.refund_id,
            opened_at=dispute.opened_at,
            decided_at=dispute.decided_at,
        )


class DisputeList(BaseModel):
    """Disputes, the newest first; `next_cursor` asks for those that follow, null at the end."""

    items: list[DisputeOut]
    next_cursor: str | None
