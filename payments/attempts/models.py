"""Rows of receipts that gateways make out themselves."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, text
from sqlmodel import Field, SQLModel

from core.db import moment


class GatewayReceipt(SQLModel, table=True):
    """The gateway's own receipt of a payment: wanted, kept as its PDF, or given up.

    The PDF is encrypted, for it names who paid; the address that it was fetched from is kept
    nowhere: it expires.
    """

    __tablename__ = "gateway_receipt"
    __table_args__ = (
        CheckConstraint("state IN ('wanted', 'kept', 'given_up')", name="state"),
        CheckConstraint("(state = 'wanted') = (ask_at IS NOT NULL)", name="wanted"),
        CheckConstraint(
            "(state = 'kept') = (data IS NOT NULL)"
            " AND (state = 'kept') = (sha256 IS NOT NULL)"
            " AND (state = 'kept') = (kept_at IS NOT NULL)",
            name="kept",
        ),
        Index("ix_gateway_receipt_ask_at", "ask_at", postgresql_where=text("ask_at IS NOT NULL")),
    )

    payment_id: str = Field(primary_key=True, foreign_key="payment.id")
    gateway_account_id: str = Field(foreign_key="gateway_account.id")
    #: the gateway's number of the money, by which its receipt is asked for
    code: str
    state: str
    wanted_at: datetime = moment()
    #: when it is asked for next, and how often it was
    ask_at: datetime | None = moment(default=None)
    asked: int = 0
    sha256: str | None = None
    data: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    kept_at: datetime | None = moment(default=None)
