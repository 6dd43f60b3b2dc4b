"""Rows of closed days: minutes, lines that turned up afterwards, and matches that were undone."""

from datetime import date, datetime

from sqlalchemy import Column, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.db import moment
from core.guards import after_create, append_only


class LateLine(SQLModel, table=True):
    """A statement's line of a day that had been closed: it counts for the first open day."""

    __tablename__ = "late_line"

    line_id: str = Field(primary_key=True, foreign_key="statement_line.id")
    accounting_on: date


class PlacedLine(SQLModel, table=True):
    """Where a credit line of a run's day is that is in no match and no discrepancy of its own.

    It belongs to a payment's discrepancy (its class), or to a payment of another day.
    """

    __tablename__ = "placed_line"

    reconciliation_id: str = Field(primary_key=True, foreign_key="reconciliation.id")
    line_id: str = Field(primary_key=True, foreign_key="statement_line.id")
    place: str
    payment_id: str | None = Field(default=None, foreign_key="payment.id")


class UndoneMatch(SQLModel, table=True):
    """A payment and a line of which two people have said that they are not the same money."""

    __tablename__ = "undone_match"

    payment_id: str = Field(primary_key=True, foreign_key="payment.id")
    line_id: str = Field(primary_key=True, foreign_key="statement_line.id")
    collection_account_id: str = Field(foreign_key="collection_account.id", index=True)
    #: the run that had put them together
    reconciliation_id: str = Field(foreign_key="reconciliation.id")
    approval_id: str = Field(foreign_key="approval.id")
    #: the day that undoing it counts for: its own, or the first open one after it was closed
    accounting_on: date
    created_at: datetime = moment()


class LateReturn(SQLModel, table=True):
    """A payment of a closed day that the bank took back by a debit that counts for a later one."""

    __tablename__ = "late_return"
    __table_args__ = (
        Index("ix_late_return_accounting_on", "collection_account_id", "accounting_on"),
    )

    payment_id: str = Field(primary_key=True, foreign_key="payment.id")
    line_id: str = Field(primary_key=True, foreign_key="statement_line.id")
    collection_account_id: str = Field(foreign_key="collection_account.id")
    #: the closed day that has the payment, and the day that has it once more
    closed_on: date
    accounting_on: date
    created_at: datetime = moment()


class DayMinutes(SQLModel, table=True):
    """The minutes of a closed day as canonical JSON, chained by hash to those of the day before."""

    __tablename__ = "day_minutes"
    __table_args__ = (UniqueConstraint("collection_account_id", "business_on"),)

    reconciliation_id: str = Field(primary_key=True, foreign_key="reconciliation.id")
    collection_account_id: str = Field(foreign_key="collection_account.id")
    business_on: date
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    #: SHA-256 of the content, which names the hash before
    hash: str
    created_at: datetime = moment()


class MinutesFile(SQLModel, table=True):
    """The minutes as a file that people read, drawn once and kept."""

    __tablename__ = "minutes_file"

    reconciliation_id: str = Field(primary_key=True, foreign_key="day_minutes.reconciliation_id")
    kind: str = Field(primary_key=True)
    sha256: str
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = moment()


for _model in (LateLine, UndoneMatch, LateReturn, DayMinutes, MinutesFile):
    after_create(_model, append_only(str(_model.__tablename__)))
