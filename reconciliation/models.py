"""Rows of reconciliation: statements as they were taken in, and what each run made of a day."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from core.db import amount_field, json_field, moment


class Statement(SQLModel, table=True):
    """A statement file of one account; the same file again is the same statement.

    One that was withdrawn says nothing any more, and its file may come again.
    """

    __tablename__ = "statement"
    __table_args__ = (
        Index(
            "uq_statement_file",
            "collection_account_id",
            "sha256",
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
    )

    id: str = Field(primary_key=True)
    collection_account_id: str = Field(foreign_key="collection_account.id")
    sha256: str
    file_name: str
    mapping: str
    #: rows in the file, and how many of them were new to us
    row_count: int
    new_count: int
    created_by: str
    created_at: datetime = moment()
    withdrawn_at: datetime | None = moment(default=None)
    #: what the account had before and after, where the file says so
    opening_balance: int | None = amount_field(default=None, nullable=True)
    closing_balance: int | None = amount_field(default=None, nullable=True)
    #: how many of its balances do not follow from the lines before; None of statements before 0011
    gap_count: int | None = None
    #: whether its totals or balances were there and agreed; None of statements before 0026
    vouched: bool | None = None
    #: what its lines come to by side, in đồng; None of statements before 0037
    credit_count: int | None = None
    credited: int | None = amount_field(default=None, nullable=True)
    debit_count: int | None = None
    debited: int | None = amount_field(default=None, nullable=True)
    #: whether a trailer of the file says so too
    totals_stated: bool | None = None
    #: the days of its first and last line; None where it has none
    first_on: date | None = None
    last_on: date | None = None
    #: which version it is of what the bank told of its days, and whose place it took
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    supersedes: str | None = Field(default=None, foreign_key="statement.id")


class StatementTaking(SQLModel, table=True):
    """A statement that is being taken in, or how that ended; its id is the statement's to be.

    Whoever takes it in leaves a sign of life: one that is still `taking` long after its last sign
    was interrupted, and nothing of it was taken.
    """

    __tablename__ = "statement_taking"
    __table_args__ = (
        CheckConstraint("state IN ('taking', 'taken', 'refused')", name="state"),
        Index(
            "ix_statement_taking_under_way", "beat_at", postgresql_where=text("state = 'taking'")
        ),
        Index("ix_statement_taking_created_at", "created_at"),
    )

    id: str = Field(primary_key=True)
    collection_account_id: str = Field(foreign_key="collection_account.id")
    #: whether it is one of the large, which are taken in apart
    large: bool
    state: str
    #: rows of the file that were read so far
    rows_read: int = 0
    beat_at: datetime = moment()
    #: what was answered: of one that was taken, plainly
    outcome: dict[str, Any] | None = json_field(default=None, nullable=True)
    #: and why one was refused, encrypted, since a reason quotes the file
    refusal: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    created_at: datetime = moment()


class ProposedStatement(SQLModel, table=True):
    """A file that is refused as it is, kept until a second person has said that it is right."""

    __tablename__ = "proposed_statement"

    id: str = Field(primary_key=True)
    collection_account_id: str = Field(foreign_key="collection_account.id")
    file_name: str
    mapping: str
    row_count: int
    #: what came and what went by it, in đồng
    credited: int = amount_field()
    debited: int = amount_field()
    #: the file, encrypted
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = moment()
    #: the statement whose place it is to take, where it is issued anew
    supersedes: str | None = Field(default=None, foreign_key="statement.id")
    #: what it is written in, where whoever sent it said so
    encoding: str | None = None


class StatementLine(SQLModel, table=True):
    """A line of a statement. The fingerprint keeps two genuine equal lines and drops re-exports."""

    __tablename__ = "statement_line"
    __table_args__ = (
        Index(
            "uq_statement_line_fingerprint",
            "collection_account_id",
            "fingerprint",
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
        Index("ix_statement_line_statement", "statement_id"),
        CheckConstraint("amount BETWEEN 1 AND 10000000000000", name="amount"),
        CheckConstraint("direction IN ('credit', 'debit')", name="direction"),
        Index("ix_statement_line_booked", "collection_account_id", "booked_at"),
        # A day has many credits and few debits: what may return money is found among these.
        Index(
            "ix_statement_line_debit",
            "collection_account_id",
            "booked_at",
            postgresql_where=text("direction = 'debit' AND withdrawn_at IS NULL"),
        ),
        CheckConstraint("(narrative IS NULL) <> (sealed_narrative IS NULL)", name="one_narrative"),
        Index("ix_statement_line_clear", "id", postgresql_where=text("narrative IS NOT NULL")),
    )

    id: str = Field(primary_key=True)
    statement_id: str = Field(foreign_key="statement.id")
    collection_account_id: str = Field(foreign_key="collection_account.id")
    line_number: int
    booked_at: datetime = moment()
    amount: int = amount_field()
    direction: str
    reference: str | None = None
    #: of a line of before migration 0029, until a worker has sealed it
    narrative: str | None = None
    bank_ref: str
    fingerprint: str
    #: when the last statement that held it was withdrawn
    withdrawn_at: datetime | None = moment(default=None)
    #: the running balance, where the statement tells it
    balance: int | None = amount_field(default=None, nullable=True)
    #: the bank's words, encrypted (`reconciliation.statements.narratives`)
    sealed_narrative: bytes | None = Field(default=None, sa_column=Column(LargeBinary))


class RepeatedLine(SQLModel, table=True):
    """A line of an earlier statement that a later one held too: it stands if either does."""

    __tablename__ = "repeated_line"
    __table_args__ = (Index("ix_repeated_line_line", "line_id"),)

    statement_id: str = Field(primary_key=True, foreign_key="statement.id")
    line_id: str = Field(primary_key=True, foreign_key="statement_line.id")


class Reconciliation(SQLModel, table=True):
    """One run over one account and one business day; running again gives a new row, same result.

    Of the runs of a day only the newest stands.
    """

    __tablename__ = "reconciliation"
    __table_args__ = (
        Index("ix_reconciliation_day", "collection_account_id", "business_on"),
        Index(
            "uq_reconciliation_current",
            "collection_account_id",
            "business_on",
            unique=True,
            postgresql_where=text("superseded_by IS NULL"),
        ),
    )

    id: str = Field(primary_key=True)
    agency_id: str = Field(foreign_key="agency.id")
    collection_account_id: str = Field(foreign_key="collection_account.id")
    business_on: date
    #: class → {"count", "sum"}
    summary: dict[str, Any] = json_field()
    created_by: str
    created_at: datetime = moment()
    #: the run that took its place
    superseded_by: str | None = Field(default=None, foreign_key="reconciliation.id")


class Match(SQLModel, table=True):
    """A payment of the day and the line that is its money."""

    __tablename__ = "match"
    __table_args__ = (UniqueConstraint("reconciliation_id", "line_id"),)

    reconciliation_id: str = Field(primary_key=True, foreign_key="reconciliation.id")
    payment_id: str = Field(primary_key=True, foreign_key="payment.id")
    line_id: str = Field(foreign_key="statement_line.id")
    reference: str
    amount: int = amount_field()
    rule: str
    #: whether no feed and no gateway has told of the money; None in runs before 0026
    statement_alone: bool | None = None


class Discrepancy(SQLModel, table=True):
    """What did not simply agree, and why; for people to settle."""

    __tablename__ = "discrepancy"
    __table_args__ = (
        CheckConstraint("side IN ('payment', 'line', 'account')", name="side"),
        Index("ix_discrepancy_reconciliation", "reconciliation_id", "id"),
    )

    id: str = Field(primary_key=True)
    reconciliation_id: str = Field(foreign_key="reconciliation.id")
    side: str
    object_id: str
    kind: str
    reference: str
    amount: int = amount_field()
    other_amount: int | None = amount_field(default=None, nullable=True)
    reason: str
    #: of money that no line told of: the day by which it has to be booked
    expected_on: date | None = None
    #: and after how many working days from then it is missing
    missing_after: int | None = None
