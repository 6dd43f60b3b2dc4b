"""Rows of receipts: series that count from 1, receipts with their frozen content, and files.

What a receipt says may name its payer, so content and files are encrypted like all personal data;
the columns beside them are enough to count, to check and to search. A receipt's number, series,
content and code never change (a trigger keeps it so).
"""

from datetime import date, datetime

from sqlalchemy import (
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from core.db import amount_field, moment


class ReceiptSeries(SQLModel, table=True):
    """A series of numbers: one agency, template and symbol. The row lock is what keeps 1..N."""

    __tablename__ = "receipt_series"
    __table_args__ = (
        UniqueConstraint("agency_id", "template", "symbol"),
        CheckConstraint("last_number BETWEEN 0 AND 99999999", name="last_number"),
    )

    id: str = Field(primary_key=True)
    agency_id: str = Field(foreign_key="agency.id")
    template: str
    symbol: str
    year: int
    last_number: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    last_issued_at: datetime | None = moment(default=None)


class Receipt(SQLModel, table=True):
    """A receipt of one settled bill.

    It is `returned` where the bank took its money back, and `replaced` once the bill is paid again
    and another receipt stands for it.
    """

    __tablename__ = "receipt"
    __table_args__ = (
        UniqueConstraint("series_id", "number"),
        CheckConstraint("number BETWEEN 1 AND 99999999", name="number"),
        CheckConstraint("amount BETWEEN 1 AND 10000000000000", name="amount"),
        CheckConstraint(
            "status IN ('numbered', 'issued', 'replaced', 'notified', 'refunded', 'returned')",
            name="status",
        ),
        # Of the receipts of a bill one at most stands.
        Index(
            "uq_receipt_standing",
            "bill_id",
            unique=True,
            postgresql_where=text("status NOT IN ('replaced', 'returned')"),
        ),
    )

    id: str = Field(primary_key=True)
    series_id: str = Field(foreign_key="receipt_series.id")
    number: int
    agency_id: str = Field(foreign_key="agency.id", index=True)
    bill_id: str = Field(foreign_key="bill.id", index=True)
    #: 60 random bits; whoever has it may check the receipt and fetch its files
    code: str = Field(unique=True)
    status: str
    amount: int = amount_field()
    issued_on: date
    issued_at: datetime = moment()
    #: canonical JSON of `receipts.content.ReceiptContent`, encrypted
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    signer: str
    signed_at: datetime = moment()
    #: when the money was there; None in a receipt of before 0014, which bore that day as its date
    paid_at: datetime | None = moment(default=None)


class PaymentDocument(SQLModel, table=True):
    """What proves the part of a bill that no receipt proves: a slip's data, or a confirmation."""

    __tablename__ = "payment_document"
    __table_args__ = (
        CheckConstraint("kind IN ('treasury_slip', 'confirmation')", name="kind"),
        CheckConstraint("amount BETWEEN 1 AND 10000000000000", name="amount"),
        UniqueConstraint("bill_id", "kind"),
    )

    id: str = Field(primary_key=True)
    bill_id: str = Field(foreign_key="bill.id")
    agency_id: str = Field(foreign_key="agency.id", index=True)
    kind: str
    #: 60 random bits; whoever has it may read the document
    code: str = Field(unique=True)
    amount: int = amount_field()
    issued_at: datetime = moment()
    #: canonical JSON of `receipts.documents.DocumentContent`, encrypted
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class ReceiptFile(SQLModel, table=True):
    """A file of a receipt: its signed XML (the document of record), its signed PDF (the display).

    `sha256` is that of the file itself; `data` is encrypted.
    """

    __tablename__ = "receipt_file"
    __table_args__ = (CheckConstraint("kind IN ('xml', 'pdf')", name="kind"),)

    receipt_id: str = Field(primary_key=True, foreign_key="receipt.id")
    kind: str = Field(primary_key=True)
    sha256: str
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = moment()
