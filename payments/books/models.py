"""Rows of the money: allocations, suspense, ledger transactions and their postings.

What the database refuses by itself is in `guards`, what must always hold in `checks`.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from core.db import amount_field, json_field, moment
from payments.books.allocation import Reason

_AMOUNT = "amount BETWEEN 1 AND 10000000000000"
_REASONS = ", ".join(f"'{reason}'" for reason in Reason)


class CreditNotice(SQLModel, table=True):
    """What a feed or a statement told of money that came by itself, and the credit that it is.

    `source` is the feed's gateway account, or `statement`; see `payments.books.identity`.
    """

    __tablename__ = "credit_notice"
    __table_args__ = (
        CheckConstraint(_AMOUNT, name="amount"),
        Index("ix_credit_notice_bank", "collection_account_id", "booked_on", "plain_ref"),
        Index("ix_credit_notice_payer", "reference", "booked_on", "collection_account_id"),
        Index("ix_credit_notice_payment", "payment_id"),
    )

    source: str = Field(primary_key=True)
    #: the source's own number of the notice
    notice_ref: str = Field(primary_key=True)
    #: one number told with two amounts is two notices
    amount: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    collection_account_id: str = Field(foreign_key="collection_account.id")
    #: the business day (Vietnam) it is said to have come on
    booked_on: date
    #: the bank's reference as it was told, and what it tells; the payer's, "" if none or several
    bank_ref: str
    plain_ref: str
    reference: str
    payment_id: str = Field(foreign_key="payment.id")
    told_at: datetime = moment()
    #: when the statement that told it was withdrawn; it says nothing of any money any more
    withdrawn_at: datetime | None = moment(default=None)


class Allocation(SQLModel, table=True):
    """A part of a payment given to a bill, or, negative, the whole of such a part taken back.

    What a bill has of a payment is the sum of their rows.
    """

    __tablename__ = "allocation"
    __table_args__ = (
        CheckConstraint(
            f"CASE WHEN reverses IS NULL THEN {_AMOUNT}"
            " ELSE amount BETWEEN -10000000000000 AND -1 END",
            name="amount",
        ),
        UniqueConstraint("reverses"),
        Index("ix_allocation_payment", "payment_id"),
        Index("ix_allocation_bill", "bill_id"),
    )

    id: str = Field(primary_key=True)
    payment_id: str = Field(foreign_key="payment.id")
    bill_id: str = Field(foreign_key="bill.id")
    amount: int = amount_field()
    created_at: datetime = moment()
    #: the allocation that this one takes back
    reverses: str | None = Field(default=None, foreign_key="allocation.id")


class SuspenseItem(SQLModel, table=True):
    """A part of a payment that is not allocated: waiting, refundable, reversed, or in transit.

    What is reversed was no money, or was taken back; what is `in_transit` is what a gateway paid
    over of money that the books had already. Both stay here for good.
    """

    __tablename__ = "suspense_item"
    __table_args__ = (
        CheckConstraint(_AMOUNT, name="amount"),
        CheckConstraint(
            "place IN ('suspense', 'refundable', 'reversed', 'in_transit')", name="place"
        ),
        CheckConstraint(f"reason IN ({_REASONS})", name="reason"),
        Index("ix_suspense_item_payment", "payment_id"),
        Index("ix_suspense_item_bill", "bill_id", postgresql_where=text("closed_at IS NULL")),
    )

    id: str = Field(primary_key=True)
    payment_id: str = Field(foreign_key="payment.id")
    bill_id: str | None = Field(default=None, foreign_key="bill.id")
    place: str
    amount: int = amount_field()
    reason: str
    created_at: datetime = moment()
    closed_at: datetime | None = moment(default=None)


class LedgerTransaction(SQLModel, table=True):
    """A set of postings that sums to zero, made by one deed on one day."""

    __tablename__ = "ledger_transaction"

    id: str = Field(primary_key=True)
    kind: str
    payment_id: str = Field(foreign_key="payment.id", index=True)
    accounting_on: date
    created_at: datetime = moment()


class Posting(SQLModel, table=True):
    """One side of a ledger transaction; `amount` in đồng, debit positive, credit negative."""

    __tablename__ = "posting"
    __table_args__ = (
        CheckConstraint("amount <> 0", name="not_zero"),
        CheckConstraint(
            "ledger IN ('receivable', 'revenue', 'suspense', 'refundable', 'paid_back',"
            " 'reversed', 'in_transit')",
            name="ledger",
        ),
        Index("ix_posting_transaction", "transaction_id"),
        Index("ix_posting_account", "collection_account_id", "ledger"),
    )

    id: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True)
    )
    transaction_id: str = Field(
        sa_column=Column(ForeignKey("ledger_transaction.id"), nullable=False)
    )
    ledger: str
    collection_account_id: str = Field(foreign_key="collection_account.id")
    bill_id: str | None = Field(default=None, foreign_key="bill.id")
    amount: int = amount_field()


class Approval(SQLModel, table=True):
    """What one person asks to be done about money, and what another one says to it."""

    __tablename__ = "approval"
    __table_args__ = (
        CheckConstraint("status IN ('proposed', 'approved', 'rejected')", name="status"),
        CheckConstraint("(status = 'proposed') = (decided_by IS NULL)", name="decided"),
        CheckConstraint("status <> 'approved' OR decided_by <> proposed_by", name="two_people"),
        Index("ix_approval_agency", "agency_id", "id"),
        Index(
            "uq_approval_proposed",
            "object_id",
            unique=True,
            postgresql_where=text("status = 'proposed'"),
        ),
    )

    id: str = Field(primary_key=True)
    agency_id: str = Field(foreign_key="agency.id")
    kind: str
    #: what it is about: a suspense item, a statement
    object_id: str
    #: what else was asked for, such as the reference of a bill
    wanted: dict[str, Any] = json_field()
    #: what its proposer saw, and what must still hold when it is approved
    figures: dict[str, Any] = json_field()
    reason: str
    status: str
    proposed_by: str
    proposed_at: datetime = moment()
    decided_by: str | None = None
    decided_at: datetime | None = moment(default=None)
    #: why it was rejected
    decision: str | None = None
    #: what approving it did
    outcome: dict[str, Any] | None = json_field(nullable=True, default=None)
