"""Rows of what people make of a discrepancy: its case, and what is said and kept about it.

A run's discrepancies never change. What is decided about one stands in its case, which is of a day,
an object and a kind, and so goes from each run of the day to the next.
"""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from core.db import amount_field, moment
from core.guards import after_create, append_only


class DiscrepancyCase(SQLModel, table=True):
    """A discrepancy of a day as people work it, whichever run shows it."""

    __tablename__ = "discrepancy_case"
    __table_args__ = (
        UniqueConstraint(
            "collection_account_id",
            "business_on",
            "side",
            "object_id",
            "kind",
            name="uq_discrepancy_case_identity",
        ),
        CheckConstraint("status IN ('open', 'resolved', 'gone')", name="status"),
        CheckConstraint("(status = 'resolved') = (resolution IS NOT NULL)", name="resolution"),
        Index("ix_discrepancy_case_owner", "owner_id", postgresql_where=text("status = 'open'")),
    )

    id: str = Field(primary_key=True)
    collection_account_id: str = Field(foreign_key="collection_account.id")
    business_on: date
    side: str
    object_id: str
    kind: str
    #: in đồng, as the newest run says; a resolution is of these figures and no others
    amount: int = amount_field()
    other_amount: int | None = amount_field(default=None, nullable=True)
    #: `gone`: a later run of the day did not find it any more
    status: str
    due_on: date
    owner_id: str | None = Field(default=None, foreign_key="staff_user.id")
    opened_at: datetime = moment()
    resolution: str | None = None
    reason: str | None = None
    #: the approval that resolved it
    approval_id: str | None = Field(default=None, foreign_key="approval.id")
    resolved_at: datetime | None = moment(default=None)


class DiscrepancyComment(SQLModel, table=True):
    """What somebody said of a discrepancy, encrypted: it may name a payer."""

    __tablename__ = "discrepancy_comment"
    __table_args__ = (Index("ix_discrepancy_comment_case", "case_id", "id"),)

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="discrepancy_case.id")
    written_by: str
    written_at: datetime = moment()
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class DiscrepancyAttachment(SQLModel, table=True):
    """A file kept with a discrepancy, encrypted, with its name inside."""

    __tablename__ = "discrepancy_attachment"
    __table_args__ = (Index("ix_discrepancy_attachment_case", "case_id", "id"),)

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="discrepancy_case.id")
    sent_by: str
    sent_at: datetime = moment()
    size: int
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


after_create(DiscrepancyComment, append_only("discrepancy_comment"))
after_create(DiscrepancyAttachment, append_only("discrepancy_attachment"))
