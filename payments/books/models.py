"""Rows of the money: notices, refunds, ledger transactions and their postings, payouts, approvals.

What a bill was given of a payment, and what waits for it, lives with the bill (`bills.models`).

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
    LargeBinary,
    text,
)
from sqlmodel import Field, SQLModel

from core.db import amount_field, json_field, moment

_AMOUNT = "amount BETWEEN 1 AND 10000000000000"


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
        Index(
            "ix_credit_notice_several",
            "collection_account_id",
            "booked_on",
            "amount",
            postgresql_where=text("strpos(reference, ' ') > 0"),
        ),
    )

    source: str = Field(primary_key=True)
    #: the source's own number of the notice
    notice_ref: str = Field(primary_key=True)
    #: one number told with two amounts is two notices
    amount: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    collection_account_id: str = Field(foreign_key="collection_account.id")
    #: the business day (Vietnam) it is said to have come on
    booked_on: date
    #: the bank's reference as it was told, and what it tells; the payer's, "" if none, several in
    #: order with spaces between
    bank_ref: str
    plain_ref: str
    reference: str
    payment_id: str = Field(foreign_key="payment.id")
    told_at: datetime = moment()
    #: when the statement that told it was withdrawn; it says nothing of any money any more
    withdrawn_at: datetime | None = moment(default=None)


class Refund(SQLModel, table=True):
    """Money of a payment that is to go back to its payer, and how far that is.

    `from_revenue` is the part of it that `bill_id` had been given, known when it was approved; the
    rest was in suspense or refundable. Its own reference is what its transfer bears.

    It goes back by one `way` and never by another: the body's own transfer, which a statement
    proves, or the gateway that took the payment, under its account `gateway_account_id`. By
    `dispute` the gateway holds it back by itself, or has given it back, for the payer's bank wants
    it so.
    """

    __tablename__ = "refund"
    __table_args__ = (
        CheckConstraint(_AMOUNT, name="amount"),
        CheckConstraint("from_revenue BETWEEN 0 AND amount", name="from_revenue"),
        CheckConstraint("from_revenue = 0 OR bill_id IS NOT NULL", name="revenue_of_a_bill"),
        CheckConstraint(
            "status IN ('requested', 'approved', 'submitted', 'unknown', 'succeeded', 'failed',"
            " 'rejected')",
            name="status",
        ),
        CheckConstraint(
            "(status = 'succeeded') = (line_id IS NOT NULL OR gateway_paid_at IS NOT NULL)",
            name="proved",
        ),
        CheckConstraint("way IN ('bank', 'gateway', 'dispute')", name="way"),
        # A refund goes out by one way: what belongs to the other stays empty.
        CheckConstraint(
            "CASE WHEN way <> 'bank' THEN gateway_account_id IS NOT NULL AND payee IS NULL"
            " AND bank_ref IS NULL AND line_id IS NULL"
            " ELSE gateway_account_id IS NULL AND gateway_ref IS NULL"
            " AND gateway_paid_at IS NULL AND settlement_line_id IS NULL AND ask_at IS NULL"
            " AND status <> 'submitted' END",
            name="one_way",
        ),
        Index("ix_refund_payment", "payment_id"),
        Index("ix_refund_agency", "agency_id", "id"),
        Index(
            "ix_refund_expected",
            "collection_account_id",
            postgresql_where=text("status IN ('approved', 'unknown')"),
        ),
        # A gateway is asked for one refund of a payment at a time: some tell of the newest alone.
        Index(
            "uq_refund_under_way",
            "payment_id",
            unique=True,
            postgresql_where=text("way = 'gateway' AND status IN ('unknown', 'submitted')"),
        ),
        Index("ix_refund_ask_at", "ask_at", postgresql_where=text("ask_at IS NOT NULL")),
    )

    id: str = Field(primary_key=True)
    payment_id: str = Field(foreign_key="payment.id")
    agency_id: str = Field(foreign_key="agency.id")
    collection_account_id: str = Field(foreign_key="collection_account.id")
    amount: int = amount_field()
    reason: str
    status: str
    reference: str = Field(foreign_key="reference.reference", unique=True)
    requested_by: str
    requested_at: datetime = moment()
    bill_id: str | None = Field(default=None, foreign_key="bill.id")
    from_revenue: int = amount_field(default=0)
    #: the account that it goes to, canonical JSON, encrypted
    payee: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    #: what the bank calls the transfer, as whoever ordered it was told
    bank_ref: str | None = None
    sent_at: datetime | None = moment(default=None)
    #: the statement's debit that proves it
    line_id: str | None = Field(default=None, unique=True)
    #: the business day (Vietnam) on which it left the account
    accounting_on: date | None = None
    #: by which way it goes back, `bank`, `gateway` or `dispute`, fixed when it is asked for
    way: str = "bank"
    gateway_account_id: str | None = Field(default=None, foreign_key="gateway_account.id")
    #: the gateway's own number of the refund, and its last word on it
    gateway_ref: str | None = None
    gateway_code: str | None = None
    #: when the gateway said that it had paid it
    gateway_paid_at: datetime | None = moment(default=None)
    #: the line of a settlement file that shows it
    settlement_line_id: str | None = Field(default=None, unique=True)
    #: when the gateway is to be called or asked next, None: never again
    ask_at: datetime | None = moment(default=None)
    #: how often it was called or asked
    asked: int = 0


class LedgerTransaction(SQLModel, table=True):
    """A set of postings that sums to zero, made by one deed on one day."""

    __tablename__ = "ledger_transaction"
    __table_args__ = (Index("ix_ledger_transaction_accounting", "accounting_on"),)

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
            " 'reversed', 'in_transit', 'paying_back', 'gateway_fee', 'gateway_back',"
            " 'collector_cash')",
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


class Payout(SQLModel, table=True):
    """A credit by which a gateway paid over what it took, as two people have said.

    It clears `gross` of what was in transit; the gateway kept `fee` of it (negative where it gave
    more than it took), and `amount`, which is the whole credit, came to the account. `clearing` has
    the postings; where it was undone, `undoing` takes them back.
    """

    __tablename__ = "payout"
    __table_args__ = (
        CheckConstraint(_AMOUNT, name="amount"),
        CheckConstraint("gross BETWEEN 0 AND 10000000000000", name="gross"),
        CheckConstraint("amount = gross - fee", name="net_of_fee"),
        CheckConstraint("(undone_at IS NULL) = (undoing IS NULL)", name="undone"),
        Index(
            "uq_payout_payment",
            "payment_id",
            unique=True,
            postgresql_where=text("undone_at IS NULL"),
        ),
        Index(
            "uq_payout_line",
            "line_id",
            unique=True,
            postgresql_where=text("undone_at IS NULL"),
        ),
    )

    id: str = Field(primary_key=True)
    payment_id: str = Field(foreign_key="payment.id")
    collection_account_id: str = Field(foreign_key="collection_account.id", index=True)
    amount: int = amount_field()
    gross: int = amount_field()
    fee: int = amount_field()
    clearing: str = Field(foreign_key="ledger_transaction.id", unique=True)
    created_at: datetime = moment()
    #: the statement's line of the credit, where it was named
    line_id: str | None = None
    undone_at: datetime | None = moment(default=None)
    undoing: str | None = Field(default=None, foreign_key="ledger_transaction.id", unique=True)


class Approval(SQLModel, table=True):
    """What one person asks to be done about money, and what another one says to it."""

    __tablename__ = "approval"
    __table_args__ = (
        CheckConstraint("status IN ('proposed', 'approved', 'rejected')", name="status"),
        CheckConstraint("(status = 'proposed') = (decided_by IS NULL)", name="decided"),
        CheckConstraint("status <> 'approved' OR decided_by <> proposed_by", name="two_people"),
        Index("ix_approval_agency", "agency_id", "id"),
        Index("ix_approval_object_id", "object_id"),
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
