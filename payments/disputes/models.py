"""Rows of disputes."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.db import amount_field, moment


class Dispute(SQLModel, table=True):
    """A payment that the payer's bank disputes at its gateway, and how far that is.

    While it is open, and once it is lost, its money is set aside by the refund `refund_id`: what is
    left of it where some has gone back before, none where nothing is, which an alert says.
    """

    __tablename__ = "dispute"
    __table_args__ = (
        CheckConstraint("amount BETWEEN 1 AND 10000000000000", name="amount"),
        CheckConstraint("status IN ('inquiry', 'open', 'won', 'lost')", name="status"),
        CheckConstraint("(status IN ('won', 'lost')) = (decided_at IS NOT NULL)", name="decided"),
        UniqueConstraint("gateway_account_id", "dispute_ref"),
        Index("ix_dispute_agency", "agency_id", "id"),
        Index("ix_dispute_payment_id", "payment_id"),
    )

    id: str = Field(primary_key=True)
    agency_id: str = Field(foreign_key="agency.id")
    gateway_account_id: str = Field(foreign_key="gateway_account.id")
    #: the gateway's own number of it
    dispute_ref: str
    payment_id: str = Field(foreign_key="payment.id")
    amount: int = amount_field()
    #: why, in the gateway's own word
    reason: str
    status: str
    #: until when the body may answer at its gateway
    respond_by: datetime | None = moment(default=None)
    refund_id: str | None = Field(default=None, foreign_key="refund.id", unique=True)
    opened_at: datetime = moment()
    decided_at: datetime | None = moment(default=None)
