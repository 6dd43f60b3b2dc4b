"""Rows of what two people have said of an account's days: its sweep, and how long money is awaited.

A rule holds from its first day until the next one of the same account and gateway begins.
"""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Column, String, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from core.db import moment
from core.guards import after_create, append_only


class DayRule(SQLModel, table=True):
    """How an account is swept, and when its money, or a gateway's for it, is late and missing."""

    __tablename__ = "day_rule"
    __table_args__ = (
        UniqueConstraint(
            "collection_account_id", "gateway", "valid_from", name="uq_day_rule_first_day"
        ),
        CheckConstraint("due_after BETWEEN 0 AND 30", name="due_after"),
        CheckConstraint("missing_after BETWEEN 1 AND 60", name="missing_after"),
        CheckConstraint(
            "NOT swept_daily OR cardinality(sweep_words) + cardinality(sweep_accounts) > 0",
            name="swept_daily",
        ),
    )

    id: str = Field(primary_key=True)
    collection_account_id: str = Field(foreign_key="collection_account.id")
    #: the name of the gateway whose money it is about; empty for the account itself
    gateway: str
    valid_from: date
    #: words by which the account is swept to the State Bank, and numbers of the accounts that it
    #: is swept to: a debit that bears one of them is a sweep
    sweep_words: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))
    sweep_accounts: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))
    #: how many working days after the treasury's day of a payment its money is due
    due_after: int
    #: and after how many working days from then it is missing, and not merely late
    missing_after: int
    approval_id: str = Field(foreign_key="approval.id")
    created_at: datetime = moment()
    #: whether the account is swept at the end of each working day, so that one without is told
    swept_daily: bool = False


after_create(DayRule, append_only("day_rule"))
