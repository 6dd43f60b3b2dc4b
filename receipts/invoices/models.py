"""Bodies' accounts at providers of e-invoices, and each invoice: asked for once, kept by number.

What an invoice says of its buyer is encrypted; the columns beside it are enough to count and find.
"""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, text
from sqlmodel import Field, SQLModel

from core.db import amount_field, moment


class InvoiceAccount(SQLModel, table=True):
    """A body's account at a provider of e-invoices; one stands at a time."""

    __tablename__ = "invoice_account"
    __table_args__ = (
        CheckConstraint("vat_percent BETWEEN 0 AND 100", name="vat_percent"),
        Index(
            "uq_invoice_account_standing",
            "agency_id",
            unique=True,
            postgresql_where=text("removed_at IS NULL"),
        ),
    )

    id: str = Field(primary_key=True)
    agency_id: str = Field(foreign_key="agency.id")
    provider: str
    #: mẫu số, and what the symbol (ký hiệu) is made of: see `receipts.invoices.law`
    form: str
    coding: str
    making: str
    series: str
    #: the tax that prices include, where the form shows it
    vat_percent: int | None = None
    #: address and credentials of the provider's own names, as JSON, encrypted
    access: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = moment()
    removed_at: datetime | None = moment(default=None)


class Invoice(SQLModel, table=True):
    """The invoice of what a bill has of prices, one for ever: `id` is the key of every try.

    One that `adjusts` it (hóa đơn điều chỉnh) is a row and a key of its own, for the sum by which
    it changes the other; of these one is under way at a time.

    `waiting` to be asked for, `asking` at this moment, `unknown` whether the provider has made it,
    `issued`, `dropped` since the money had gone back before, or `set_aside` for people.
    """

    __tablename__ = "invoice"
    __table_args__ = (
        CheckConstraint("(adjusts IS NULL) = (change IS NULL)", name="adjusts"),
        CheckConstraint("abs(change) = amount", name="change"),
        CheckConstraint("amount BETWEEN 1 AND 10000000000000", name="amount"),
        CheckConstraint("vat_percent BETWEEN 0 AND 100", name="vat_percent"),
        CheckConstraint("money_back BETWEEN 0 AND amount", name="money_back"),
        CheckConstraint("adjusted BETWEEN 0 AND amount", name="adjusted"),
        CheckConstraint(
            "state IN ('waiting', 'asking', 'unknown', 'issued', 'dropped', 'set_aside')",
            name="state",
        ),
        CheckConstraint(
            "(state = 'issued') = (number IS NOT NULL AND issued_at IS NOT NULL)", name="issued"
        ),
        Index(
            "uq_invoice_bill_id",
            "bill_id",
            unique=True,
            postgresql_where=text("adjusts IS NULL"),
        ),
        Index(
            "uq_invoice_adjusting",
            "adjusts",
            unique=True,
            postgresql_where=text("adjusts IS NOT NULL AND state NOT IN ('issued', 'dropped')"),
        ),
        Index("ix_invoice_adjusts", "adjusts", postgresql_where=text("adjusts IS NOT NULL")),
        Index(
            "uq_invoice_number",
            *("account_id", "form", "symbol", "number"),
            unique=True,
            postgresql_where=text("number IS NOT NULL"),
        ),
        Index(
            "ix_invoice_due",
            "due_at",
            postgresql_where=text("state IN ('waiting', 'asking', 'unknown')"),
        ),
        Index("ix_invoice_agency_id", "agency_id", "id"),
        # What the operator's figures count; most invoices are there and in none of these.
        Index(
            "ix_invoice_open",
            "state",
            postgresql_where=text("state IN ('waiting', 'asking', 'unknown', 'set_aside')"),
        ),
        Index(
            "ix_invoice_for_people",
            *("agency_id", "id"),
            postgresql_where=text(
                "state = 'set_aside' OR (state = 'issued' AND money_back <> adjusted)"
            ),
        ),
    )

    id: str = Field(primary_key=True)
    bill_id: str = Field(foreign_key="bill.id")
    agency_id: str = Field(foreign_key="agency.id")
    #: where it was asked for last; what may be there is asked about nowhere else
    account_id: str = Field(foreign_key="invoice_account.id")
    form: str
    symbol: str
    issued_on: date
    #: what was paid of prices, in đồng
    amount: int = amount_field()
    #: the tax in it as it was asked for last; None where the form shows none
    vat_percent: int | None = None
    #: seller, buyer, and what was paid for what, as canonical JSON, encrypted
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    state: str = "waiting"
    number: int | None = None
    #: the code of the tax authority, where it gives one
    authority_code: str | None = None
    #: where its buyer fetches it
    lookup_url: str | None = None
    #: what of its money is not with the bill any more, in đồng
    money_back: int = amount_field()
    #: for how much of it the invoice was adjusted, and by which document
    adjusted: int = amount_field()
    adjusted_by: str | None = None
    #: when it is looked at again; None: never by itself
    due_at: datetime | None = moment(default=None)
    #: from when its day is counted
    waits_since: datetime = moment()
    #: which taking up this is; whoever has an older one marks nothing
    turn: int = 0
    attempts: int = 0
    #: why it is not issued, without the buyer
    last_error: str | None = None
    created_at: datetime = moment()
    issued_at: datetime | None = moment(default=None)
    #: the invoice that this one adjusts, and by how much that then says more (less: below 0)
    adjusts: str | None = Field(default=None, foreign_key="invoice.id")
    change: int | None = amount_field(default=None, nullable=True)
    #: when a call for it may have gone out last; None: it never was asked for
    asked_for_at: datetime | None = moment(default=None)
