"""What the API of suspense and approvals takes and gives. Amounts are whole đồng."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from core.schemas import Code, Instant, Line, RequestModel
from payments.books.approvals import ApprovalValue
from payments.books.destination import MOST_AT_ONCE
from payments.books.queries import WaitingMoney
from payments.books.several import SuggestedShare


class AssignableIn(RequestModel):
    """What is to become of money, and why.

    To be assigned it takes references: `bill` of one bill, or `bills` of several, which are paid
    the oldest first.
    """

    kind: str
    bill: Code | None = None
    bills: Annotated[list[Code], Field(min_length=2, max_length=MOST_AT_ONCE)] | None = None
    reason: Line

    @model_validator(mode="after")
    def _bills_if_assigned(self) -> Self:
        named = (self.bill is not None) + (self.bills is not None)
        if named != (self.kind == "assign"):
            raise ValueError("bill or bills is needed to assign money, and for nothing else")
        if self.bills is not None and len(set(self.bills)) < len(self.bills):
            raise ValueError("a bill is named twice")
        return self

    @property
    def wanted(self) -> dict[str, Any]:
        """What an approval keeps of it."""
        if self.bills is not None:
            return {"bills": self.bills}
        return {} if self.bill is None else {"bill": self.bill}


class ResolutionIn(AssignableIn):
    """What is to become of money in suspense, and why.

    To be assigned it takes references: `bill` of one bill, or `bills` of several, which are paid
    the oldest first.
    """

    kind: Literal["assign", "refund", "same_money", "other_money", "returned", "settlement", "keep"]


class ReasonIn(RequestModel):
    """Why something is asked for or refused."""

    reason: Line


class ApprovalOut(BaseModel):
    """Something that takes two people. They are named as in the audit log.

    `figures` is what its proposer saw and what must still hold; `outcome` what approving it did;
    `told_once` is there only in the answer to whoever approves it, where there is such a thing.
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
    told_once: dict[str, str] | None = None

    @classmethod
    def of(
        cls, approval: ApprovalValue, told_once: Mapping[str, str] | None = None
    ) -> "ApprovalOut":
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
            told_once=dict(told_once) if told_once else None,
        )


class ApprovalList(BaseModel):
    """Approvals, the newest first; `next_cursor` asks for those that follow, null at the end."""

    items: list[ApprovalOut]
    next_cursor: str | None


class SuggestedShareOut(BaseModel):
    """What a bill would get of money that names several, the first to be paid first."""

    bill: str
    owed: int
    share: int


class SuspenseOut(BaseModel):
    """Money that waits for people (`suspense`) or is to be given back (`refundable`), and why.

    Where its words name several bills, `bill` is null, `bills` are their references, and
    `suggested` says how assigning it to those that still take money would split it.
    """

    id: str
    place: Literal["suspense", "refundable"]
    reason: str
    amount: int
    account: str
    payment: str
    gateway: str
    gateway_ref: str | None
    bill: str | None
    bills: list[str]
    suggested: list[SuggestedShareOut]
    paid_at: Instant | None

    @classmethod
    def of(cls, item: WaitingMoney, suggested: Sequence[SuggestedShare] = ()) -> "SuspenseOut":
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
            bill=item.bill if len(item.named) == 1 else None,
            bills=item.named if len(item.named) > 1 else [],
            suggested=[
                SuggestedShareOut(bill=one.bill, owed=one.owed, share=one.share)
                for one in suggested
            ],
            paid_at=item.paid_at,
        )


class SuspenseList(BaseModel):
    """What waits, the oldest first; `next_cursor` asks for what follows, null at the end."""

    items: list[SuspenseOut]
    next_cursor: str | None
