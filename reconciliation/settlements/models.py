"""Rows of gateways' settlement files: what each says that it has paid over, line by line."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, text
from sqlmodel import Field, SQLModel

from core.db import amount_field, moment

_MOST = 10_000_000_000_000


class Settlement(SQLModel, table=True):
    """A settlement file of one account at a gateway; the same file again is the same one.

    One that was issued again is a version of its own, which takes the place of the one before.
    """

    __tablename__ = "settlement"
    __table_args__ = (
        Index(
            "uq_settlement_file",
            "gateway_account_id",
            "sha256",
            unique=True,
            postgresql_where=text("superseded_at IS NULL"),
        ),
        CheckConstraint("(version = 1) = (replaces IS NULL)", name="version"),
    )

    id: str = Field(primary_key=True)
    gateway_account_id: str = Field(foreign_key="gateway_account.id")
    collection_account_id: str = Field(foreign_key="collection_account.id", index=True)
    sha256: str
    file_name: str
    mapping: str
    #: rows in the file, and how many of them were new to us
    row_count: int
    new_count: int
    #: what its rows come to, what goes back taken off: `net` is `amount` less `fee`
    amount: int = amount_field()
    fee: int = amount_field()
    net: int = amount_field()
    created_by: str
    created_at: datetime = moment()
    version: int = 1
    #: the version before, and when the next one took this one's place
    replaces: str | None = Field(default=None, foreign_key="settlement.id", unique=True)
    superseded_at: datetime | None = moment(default=None)


class SettlementLine(SQLModel, table=True):
    """What a gateway says of one payment, or of what it takes back. Overlapping files give it once.

    Amounts are as the kind says: those of a refund or chargeback are what goes back and count
    against the batch; those of an adjustment bear their own sign, and are no payment's.
    """

    __tablename__ = "settlement_line"
    __table_args__ = (
        Index(
            "uq_settlement_line_fingerprint",
            "gateway_account_id",
            "fingerprint",
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
        CheckConstraint(
            f"CASE kind WHEN 'adjustment' THEN amount BETWEEN -{_MOST} AND {_MOST}"
            f" ELSE amount BETWEEN 1 AND {_MOST} END",
            name="amount",
        ),
        CheckConstraint(
            f"CASE kind WHEN 'adjustment' THEN fee BETWEEN -{_MOST} AND {_MOST} AND fee <> amount"
            " ELSE fee BETWEEN 0 AND amount END",
            name="fee",
        ),
        CheckConstraint("kind IN ('payment', 'refund', 'chargeback', 'adjustment')", name="kind"),
        Index("ix_settlement_line_batch", "gateway_account_id", "batch_ref"),
        Index("ix_settlement_line_business", "gateway_account_id", "business_on"),
    )

    id: str = Field(primary_key=True)
    #: the file it stands by
    settlement_id: str = Field(foreign_key="settlement.id", index=True)
    gateway_account_id: str = Field(foreign_key="gateway_account.id")
    line_number: int
    batch_ref: str
    settled_on: date
    kind: str
    order_ref: str
    gateway_ref: str
    amount: int = amount_field()
    #: what the gateway keeps; its net is the amount less this
    fee: int = amount_field()
    paid_at: datetime | None = moment(default=None)
    #: the business day of the payment: that of `paid_at`, else the day it is settled on
    business_on: date
    fingerprint: str
    #: when a newer version of its file had it no more
    withdrawn_at: datetime | None = moment(default=None)


class RepeatedSettlementLine(SQLModel, table=True):
    """A line of an earlier file that a later one held too: it stands if either does."""

    __tablename__ = "repeated_settlement_line"
    __table_args__ = (Index("ix_repeated_settlement_line_line", "line_id"),)

    settlement_id: str = Field(primary_key=True, foreign_key="settlement.id")
    line_id: str = Field(primary_key=True, foreign_key="settlement_line.id")


class ProposedVersion(SQLModel, table=True):
    """A newer version of a settlement, kept until a second person has said that it is right."""

    __tablename__ = "proposed_version"

    id: str = Field(primary_key=True)
    replaces: str = Field(foreign_key="settlement.id")
    file_name: str
    mapping: str
    sha256: str
    row_count: int
    amount: int = amount_field()
    fee: int = amount_field()
    net: int = amount_field()
    #: its rows as they are copied in, encrypted
    lines: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = moment()


class PaidBatch(SQLModel, table=True):
    """A batch of a gateway that a payout of the books has paid over, and what its lines came to."""

    __tablename__ = "paid_batch"
    __table_args__ = (
        CheckConstraint("net = gross - fee", name="net"),
        Index(
            "uq_paid_batch",
            "gateway_account_id",
            "batch_ref",
            unique=True,
            postgresql_where=text("undone_at IS NULL"),
        ),
    )

    id: str = Field(primary_key=True)
    payout_id: str = Field(foreign_key="payout.id", index=True)
    gateway_account_id: str = Field(foreign_key="gateway_account.id")
    batch_ref: str
    line_count: int
    gross: int = amount_field()
    fee: int = amount_field()
    net: int = amount_field()
    created_at: datetime = moment()
    undone_at: datetime | None = moment(default=None)


class SettledPayment(SQLModel, table=True):
    """A payment at a gateway that a run found paid over: its line, and the batch it came with."""

    __tablename__ = "settled_payment"

    reconciliation_id: str = Field(primary_key=True, foreign_key="reconciliation.id")
    payment_id: str = Field(primary_key=True, foreign_key="payment.id", index=True)
    line_id: str = Field(foreign_key="settlement_line.id")
    paid_batch_id: str = Field(foreign_key="paid_batch.id", index=True)
    amount: int = amount_field()
