"""What the API of discrepancies and of closing days takes and gives. Amounts are whole đồng."""

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, model_validator

from core.calendar import Calendar
from core.schemas import Instant, Line, RequestModel, no_controls
from payments.books.schemas import ApprovalOut, AssignableIn
from reconciliation.cases.approvals import MOST_NAMED
from reconciliation.cases.discrepancies import WorkedDiscrepancy
from reconciliation.cases.notes import AttachmentValue, CommentValue
from reconciliation.cases.standing import stage_on, standing_of
from reconciliation.matching.ageing import working_days_since

#: A name of ours in a path or a list.
Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,100}$")]


class DiscrepancyResolutionIn(AssignableIn):
    """What is to become of a discrepancy, and why; its money is assigned to `bill` or `bills`.

    `ask` and `trace` are done at once; the others are asked for, and another person approves.
    """

    kind: Literal["assign", "settle", "suspense", "refund", "returned", "accept", "ask", "trace"]


class BulkResolutionIn(RequestModel):
    """One resolution of several discrepancies of a run: those named, or all open of a class."""

    kind: Literal["settle", "suspense", "refund", "returned", "accept"]
    discrepancies: Annotated[list[Id], Field(min_length=1, max_length=MOST_NAMED)] | None = None
    all_of: Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}$")] | None = None
    reason: Line

    @model_validator(mode="after")
    def _either(self) -> "BulkResolutionIn":
        if (self.discrepancies is None) == (self.all_of is None):
            raise ValueError("name the discrepancies or a class, one of the two")
        return self


class OwnerIn(RequestModel):
    """Who is to work a discrepancy, by e-mail; null is nobody."""

    owner: Annotated[str, StringConstraints(max_length=255)] | None


class CommentIn(RequestModel):
    """Something to say of a discrepancy."""

    text: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000),
        AfterValidator(no_controls),
    ]


class CaseResolutionOut(BaseModel):
    """How a discrepancy was resolved, by which approval."""

    kind: str
    reason: str
    approval: str | None
    at: Instant


class WorkedDiscrepancyOut(BaseModel):
    """What did not simply agree, why, and what people have made of it.

    `id` stays the same from run to run of its day. `status` is `open`, `resolved`, or `gone` where
    a newer run did not find it any more; null in runs of before this was kept, as what follows it.
    Of one that is open `standing` says whether somebody has to settle it by `due_on` (`open`), or
    whether it only waits (`waiting`) or explains itself (`explained`): these keep no day open and
    are never `overdue`. `owner` is a person's id; `working_days` have begun since its day. Of money
    that no line told of `expected_on` is the day by which one has to, and `stage` how far that is
    today: `expected` needs nobody, `late` and `missing` do.
    """

    id: str
    side: Literal["payment", "line", "account"]
    object: str
    class_: str = Field(serialization_alias="class")
    reference: str
    amount: int
    other_amount: int | None
    reason: str
    status: Literal["open", "resolved", "gone"] | None
    owner: str | None
    due_on: date | None
    working_days: int
    standing: Literal["open", "waiting", "explained"] | None
    overdue: bool
    resolution: CaseResolutionOut | None
    expected_on: date | None = None
    stage: Literal["expected", "late", "missing"] | None = None

    @classmethod
    def of(cls, odd: WorkedDiscrepancy, calendar: Calendar, today: date) -> "WorkedDiscrepancyOut":
        """The answer for a discrepancy."""
        standing = standing_of(odd.side, odd.kind) if odd.status == "open" else None
        resolution = None
        if odd.resolution is not None and odd.resolved_at is not None:
            resolution = CaseResolutionOut(
                kind=odd.resolution,
                reason=odd.resolution_reason or "",
                approval=odd.approval_id,
                at=odd.resolved_at,
            )
        return cls(
            id=odd.case_id or odd.id,
            side=odd.side,  # type: ignore[arg-type]  # a CHECK keeps it to these values
            object=odd.object_id,
            class_=odd.kind,
            reference=odd.reference,
            amount=odd.amount,
            other_amount=odd.other_amount,
            reason=odd.reason,
            status=odd.status,  # type: ignore[arg-type]  # likewise
            owner=odd.owner_id,
            due_on=odd.due_on,
            working_days=working_days_since(calendar, odd.business_on, today),
            standing=standing,
            overdue=standing == "open" and odd.due_on is not None and today > odd.due_on,
            resolution=resolution,
            expected_on=odd.expected_on,
            stage=stage_on(  # type: ignore[arg-type]  # one of `STAGES`
                calendar, odd.expected_on, odd.missing_after, today
            ),
        )


class WorkedDiscrepancyList(BaseModel):
    """A page of a run's discrepancies."""

    items: list[WorkedDiscrepancyOut]
    next_cursor: str | None = None


class CommentOut(BaseModel):
    """What somebody said; people are named as in the audit log."""

    id: str
    by: str
    at: Instant
    text: str

    @classmethod
    def of(cls, one: CommentValue) -> "CommentOut":
        """The answer for a comment."""
        return cls(id=one.id, by=one.written_by, at=one.written_at, text=one.text)


class AttachmentOut(BaseModel):
    """A kept file; `size` in bytes."""

    id: str
    by: str
    at: Instant
    size: int

    @classmethod
    def of(cls, one: AttachmentValue) -> "AttachmentOut":
        """The answer for a kept file."""
        return cls(id=one.id, by=one.sent_by, at=one.sent_at, size=one.size)


class DiscrepancyPageOut(BaseModel):
    """A discrepancy with all that is kept about it."""

    discrepancy: WorkedDiscrepancyOut
    comments: list[CommentOut]
    attachments: list[AttachmentOut]


class ImmediateDeedOut(BaseModel):
    """What was done at once: what the gateway says (null: no clear answer), or where a draft is."""

    status: Literal["asked", "drafted"]
    outcome: str | None = None
    trace_url: str | None = None


class ClosingIn(RequestModel):
    """Why a day is closed, if anything is to be said."""

    reason: Line = "khóa sổ ngày"


class ClosingOut(BaseModel):
    """How far the closing of a day is: asked for, or closed for good by the second person."""

    status: Literal["closing_proposed", "closed"]
    reconciliation: str
    approval: ApprovalOut
    minutes_pdf_url: str | None = None
    minutes_xlsx_url: str | None = None
