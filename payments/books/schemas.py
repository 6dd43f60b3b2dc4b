"""What the API of suspense and approvals takes and gives. Amounts are whole đồng."""

from typing import Any, Literal

from pydantic import BaseModel, model_validator

from core.schemas import Code, Instant, Line, RequestModel
from payments.books.approvals import ApprovalValue
from payments.books.queries import WaitingMoney


class ResolutionIn(RequestModel):
    """What is to become of money in suspense, and why; `bill` is the reference to assign it to."""

    kind: Literal["assign", "refund", "same_money", "other_money", "returned", "settlement", "keep"]
    bill: Code | None = None
    reason: Line

    @model_validator(mode="after")
    def _bill_if_assigned(self) -> "ResolutionIn":
        if (self.kind == "assign") != (self.bill is not None):
            raise ValueError("bill is needed to assign money, and for nothing else")
        return self

    @property
    def wanted(self) -> dict[str, str]:
        """What an approval keeps of it."""
        return {} if self.bill is None else {"bill": self.bill}


class ReasonIn(RequestModel):
    """Why something is asked for or refused."""

    reason: Line


class ApprovalOut(BaseModel):
    """Something asked for about money. People are named as in the audit log.

    `figures` is what its proposer saw and what must still hold; `outcome` what approving it did.
    """

    id: str
    agency: str
    kind: str
    object: str
    wanted: dict[str, Any]
    figures: dict[str, Any]
    reason: str
    status: Literal["proposed", "approved", "rejected"]
    proposed_by: str
    proposed_at: Instant
    decided_by: str | None
    decided_at: Instant | None
    decision: str | None
    outcome: dict[str, Any] | None

    @classmethod
    def of(cls, approval: ApprovalValue) -> "ApprovalOut":
        """The answer for an approval."""
        return cls(
            id=approval.id,
            agency=approval.agency,
            kind=approval.kind,
            object=approval.object_id,
            wanted=approval.wanted,
            figures=approval.figures,
            reason=approval.reason,
            status=approval.status,  # type: ignore[arg-type]  # a CHECK keeps it to these values
            proposed_by=approval.proposed_by,
            proposed_at=approval.proposed_at,
            decided_by=approval.decided_by,
            decided_at=approval.decided_at,
            decision=approval.decision,
            outcome=approval.outcome,
        )


class ApprovalList(BaseModel):
    """Approvals, the newest first; `next_cursor` asks for those that follow, null at the end."""

    items: list[ApprovalOut]
    next_cursor: str | None


class SuspenseOut(BaseModel):
    """Money that waits for people (`suspense`) or is to be given back (`refundable`), and why."""

    id: str
    place: Literal["suspense", "refundable"]
    reason: str
    amount: int
    account: str
    payment: str
    gateway: str
    gateway_ref: str | None
    bill: str | None
    paid_at: Instant | None

    @classmethod
    def of(cls, item: WaitingMoney) -> "SuspenseOut":
        """The answer for an item."""
        return cls(
            id=item.id,
            place=item.place,  # type: ignore[arg-type]  # the query leaves out what stays for good
            reason=item.reason,
            amount=item.amount,
            account=item.account,
            payment=item.payment_id,
            gateway=item.gateway,
            gateway_ref=item.gateway_ref,
            bill=item.bill,
            paid_at=item.paid_at,
        )


class SuspenseList(BaseModel):
    """What waits, the oldest first; `next_cursor` asks for what follows, null at the end."""

    items: list[SuspenseOut]
    next_cursor: str | None
