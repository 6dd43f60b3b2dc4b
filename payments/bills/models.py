"""Rows of what is owed: bills, lines, references, payer data, and the payments made for them.

What a bill was given of a payment, and what waits for it, is here too, because a bill shows them;
what moves that money is above, in `books`.

Input never reaches these classes unchecked (schemas do that); the limits stand here again as
CHECK constraints, because the database is the last word. Which moves a status may make is in
`payments.states`; what the tables must agree on is in `payments.books.checks`.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    Index,
    LargeBinary,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from core.db import amount_field, json_field, moment
from payments.bills.reasons import Reason

_AMOUNT = "amount BETWEEN 1 AND 10000000000000"
_REASONS = ", ".join(f"'{reason}'" for reason in Reason)


class Bill(SQLModel, table=True):
    """What is owed to an agency. `amount` is the sum of its lines, fixed when it is opened."""

    __tablename__ = "bill"
    __table_args__ = (
        CheckConstraint("amount BETWEEN 0 AND 10000000000000", name="amount"),
        CheckConstraint(
            "status IN ('open', 'paid', 'exempt', 'expired', 'cancelled')", name="status"
        ),
        CheckConstraint("(amount = 0) = (status = 'exempt')", name="exempt_is_zero"),
        CheckConstraint("(status = 'paid') = (paid_at IS NOT NULL)", name="paid_has_time"),
        Index("ix_bill_agency_created", "agency_id", "created_at", "id"),
        Index("ix_bill_amount", "agency_id", "amount", "created_at", "id"),
        Index(
            "ix_bill_dossier",
            "agency_id",
            "dossier_number",
            postgresql_where=text("dossier_number IS NOT NULL"),
        ),
        Index(
            "ix_bill_expiring",
            "expires_at",
            postgresql_where=text("status = 'open' AND expires_at IS NOT NULL"),
        ),
        Index(
            "ix_bill_supplement_of",
            "supplement_of",
            postgresql_where=text("supplement_of IS NOT NULL"),
        ),
    )

    id: str = Field(primary_key=True)
    agency_id: str = Field(foreign_key="agency.id")
    reference: str = Field(unique=True)
    status: str
    amount: int = amount_field()
    dossier_number: str | None = None
    channel: str
    language: str
    return_url: str | None = None
    extra: dict[str, Any] = json_field()
    expires_at: datetime | None = moment(default=None)
    created_at: datetime = moment()
    #: the Vietnamese day whose fees apply
    opened_on: date
    paid_at: datetime | None = moment(default=None)
    #: the earlier bill of the same dossier that this one adds to (thu bổ sung)
    supplement_of: str | None = Field(default=None, foreign_key="bill.id")


class BillLine(SQLModel, table=True):
    """One fee of a bill, copied so that later changes of the catalogue change nothing."""

    __tablename__ = "bill_line"
    __table_args__ = (
        CheckConstraint("amount BETWEEN 0 AND 10000000000000", name="amount"),
        CheckConstraint("quantity >= 1 AND copies >= 1", name="counts"),
        CheckConstraint(
            "amount = coalesce(full_amount, amount)"
            " - coalesce(CAST(relief->>'amount' AS bigint), 0)",
            name="relief",
        ),
        CheckConstraint("full_amount >= amount", name="full_amount"),
    )

    bill_id: str = Field(primary_key=True, foreign_key="bill.id")
    position: int = Field(primary_key=True)
    fee_id: str | None = Field(default=None, foreign_key="fee.id")
    fee: str | None = None
    description: str
    description_en: str | None = None
    quantity: int
    #: what `quantity` counts, in Vietnamese ("trang"); empty for a line with its own amount
    unit: str
    copies: int
    #: what is left to pay after the relief, in đồng
    amount: int = amount_field()
    #: None is no state revenue
    sub_item: str | None = None
    explanation: str | None = None
    basis: str | None = None
    #: what a percentage was taken of, in đồng
    value: int | None = amount_field(default=None, nullable=True)
    #: before the relief, in đồng; None in a line that a service of before 0002 wrote, which knew
    #: of no reliefs (it may still be running while the schema is brought up to date)
    full_amount: int | None = amount_field(default=None, nullable=True)
    explanation_en: str | None = None
    #: how sure we were of the fee
    certainty: str | None = None
    #: the relief that was given (`payments.catalogue.rules.pricing`), with its words and basis
    relief: dict[str, Any] | None = json_field(nullable=True, default=None)
    #: the notice that set the amount, without the tax number (that is in `payer_data`)
    notice: dict[str, Any] | None = json_field(nullable=True, default=None)
    #: what it is in law, as the fee said then; None in lines of before 0016, and in those with
    #: their own amount that do not say: a receipt proves them
    nature: str | None = None


class ReliefUse(SQLModel, table=True):
    """A relief that a citizen has had in a year; one that was given back has `released_at`.

    Before migration 0009 it was counted for an asset in a calendar year; those rows stay as they
    are, with `year` and `asset_hash`, and nothing is counted by them any more.
    """

    __tablename__ = "relief_use"
    __table_args__ = (
        CheckConstraint("(year IS NULL) = (asset_hash IS NULL)", name="asset_has_year"),
        CheckConstraint("(year_from IS NULL) = (citizen_hash IS NULL)", name="citizen_has_year"),
        CheckConstraint("(asset_hash IS NULL) <> (citizen_hash IS NULL)", name="one_holder"),
        Index(
            "uq_relief_use_citizen",
            "relief",
            "year_from",
            "citizen_hash",
            unique=True,
            postgresql_where=text("released_at IS NULL"),
        ),
        # Of the version before, which may still be writing while the schema is brought up to date.
        Index(
            "uq_relief_use",
            "relief",
            "year",
            "asset_hash",
            unique=True,
            postgresql_where=text("released_at IS NULL"),
        ),
    )

    bill_id: str = Field(primary_key=True, foreign_key="bill.id")
    #: code of the relief, which is a kind of thing (house and land, a car, a motorcycle)
    relief: str = Field(primary_key=True)
    year: int | None = None
    asset_hash: str | None = None
    created_at: datetime = moment()
    released_at: datetime | None = moment(default=None)
    #: first day of the year that it is used up in
    year_from: date | None = None
    #: keyed hash of the citizen's personal number, which is nobody's business
    citizen_hash: str | None = None


class PayerData(SQLModel, table=True):
    """Personal data of a bill's payer or a credit's sender, encrypted; nothing else holds any."""

    __tablename__ = "payer_data"
    __table_args__ = (
        Index(
            "ix_payer_data_name",
            "name_hash",
            "created_at",
            "subject_id",
            postgresql_where=text("name_hash IS NOT NULL"),
        ),
    )

    subject_id: str = Field(primary_key=True)
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = moment()
    #: keyed hash of the agency and the payer's name, by which its people find the bill; None where
    #: there is no name, and in rows of before 0052
    name_hash: str | None = None


class Reference(SQLModel, table=True):
    """What a bank carries back to us: a bill, an agency's fixed fee for ever, a stall, a refund, or
    the hand-over of what a collector took in cash."""

    __tablename__ = "reference"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('bill', 'procedure', 'stall', 'refund', 'handover')", name="kind"
        ),
        CheckConstraint("(kind = 'procedure') = (fee_code IS NOT NULL)", name="procedure_has_fee"),
        UniqueConstraint("agency_id", "fee_code"),
    )

    reference: str = Field(primary_key=True)
    kind: str
    agency_id: str = Field(foreign_key="agency.id")
    fee_code: str | None = None
    created_at: datetime = moment()


class StaffMark(SQLModel, table=True):
    """A note on a bill, payment or receipt for the others of its body; encrypted."""

    __tablename__ = "mark"
    __table_args__ = (
        CheckConstraint("kind IN ('bill', 'payment', 'receipt')", name="kind"),
        CheckConstraint("kind <> 'bill' OR bill_id = object_id", name="bill"),
        Index("ix_mark_agency", "agency_id", "marked_at"),
    )

    object_id: str = Field(primary_key=True)
    kind: str
    #: the bill that it is about, None for money that is of none
    bill_id: str | None = Field(default=None, foreign_key="bill.id")
    agency_id: str = Field(foreign_key="agency.id")
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    marked_by: str
    marked_at: datetime = moment()


class Payment(SQLModel, table=True):
    """One attempt to pay a bill through a gateway, or one credit that arrived by itself.

    `amount` is what was asked for (an attempt) or what arrived (a credit); `credited` is what the
    gateway or bank says arrived, None until then.
    """

    __tablename__ = "payment"
    __table_args__ = (
        CheckConstraint(_AMOUNT, name="amount"),
        CheckConstraint("credited BETWEEN 1 AND 10000000000000", name="credited"),
        CheckConstraint(
            "status IN ('created', 'submitted', 'unknown', 'held', 'succeeded', 'failed',"
            " 'expired')",
            name="status",
        ),
        CheckConstraint(
            "(status IN ('succeeded', 'held')) = (credited IS NOT NULL)", name="credited_if_money"
        ),
        CheckConstraint("(credited IS NULL) = (accounting_on IS NULL)", name="accounting_if_money"),
        CheckConstraint("kind <> 'attempt' OR bill_id IS NOT NULL", name="attempt_has_bill"),
        CheckConstraint("kind IN ('attempt', 'credit')", name="kind"),
        CheckConstraint("(kind = 'attempt') = (order_ref IS NOT NULL)", name="attempt_has_order"),
        CheckConstraint("credited IS NULL OR settlement_key IS NOT NULL", name="money_has_key"),
        CheckConstraint("gateway_says IN ('pending', 'not_found')", name="gateway_says"),
        Index("ix_payment_bill", "bill_id"),
        Index("ix_payment_accounting", "collection_account_id", "accounting_on"),
        Index(
            "ix_payment_credited",
            "agency_id",
            "credited",
            "created_at",
            "id",
            postgresql_where=text("credited IS NOT NULL"),
        ),
        Index(
            "ix_payment_gateway_ref",
            "agency_id",
            "gateway_ref",
            "created_at",
            "id",
            postgresql_where=text("gateway_ref IS NOT NULL"),
        ),
        Index(
            "ix_payment_reference",
            "reference",
            "created_at",
            postgresql_where=text("reference IS NOT NULL"),
        ),
        Index(
            "ix_payment_to_ask",
            "ask_at",
            postgresql_where=text("ask_at IS NOT NULL"),
        ),
    )

    id: str = Field(primary_key=True)
    kind: str
    agency_id: str = Field(foreign_key="agency.id")
    bill_id: str | None = Field(default=None, foreign_key="bill.id")
    gateway: str
    gateway_account_id: str | None = Field(default=None, foreign_key="gateway_account.id")
    collection_account_id: str = Field(foreign_key="collection_account.id")
    status: str
    amount: int = amount_field()
    credited: int | None = amount_field(default=None, nullable=True)
    #: an attempt's name at the gateway: ours, unique for ever, written before the call
    order_ref: str | None = Field(default=None, unique=True)
    request_code: str | None = None
    #: the gateway's or the bank's own name of the money
    gateway_ref: str | None = None
    #: what names the money for ever: our account at the gateway and the gateway's own number, or
    #: the bank's notice that told of it first
    settlement_key: str | None = Field(default=None, unique=True)
    gateway_code: str | None = None
    #: the reference that the payer's bank carried, as found in the narrative; several stand in
    #: order with spaces between
    reference: str | None = None
    checkout: dict[str, Any] | None = json_field(nullable=True, default=None)
    created_at: datetime = moment()
    paid_at: datetime | None = moment(default=None)
    #: the business day (Vietnam) this money is reconciled on, fixed when it is recorded; when the
    #: treasury has to have booked it follows from cut-off and calendar
    accounting_on: date | None = None
    #: when the status inquiry asks the gateway next, and how often it has asked
    ask_at: datetime | None = moment(default=None)
    asked: int = 0
    #: why this may be money that is in the books already; it counts for no bill until people say
    doubt: str | None = None
    #: when the gateway was last asked about an attempt, and what it said while nothing was paid
    asked_at: datetime | None = moment(default=None)
    gateway_says: str | None = None
    #: whether the gateway sends the payer back to the page that the bill's token opens
    private: bool | None = None


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
    """A part of a payment that is not allocated: it waits, is refundable, or has another end.

    What is reversed was no money, or was taken back; what is `in_transit` is what a gateway paid
    over of money that the books had already, and `collector_cash` what a collector's deposit was of
    it; what is `paid_back` a refund has returned to its payer. These stay here for good. What is
    `paying_back` is a refund's that is under way.
    """

    __tablename__ = "suspense_item"
    __table_args__ = (
        CheckConstraint(_AMOUNT, name="amount"),
        CheckConstraint(
            "place IN ('suspense', 'refundable', 'reversed', 'in_transit', 'paying_back',"
            " 'paid_back', 'collector_cash')",
            name="place",
        ),
        CheckConstraint(
            "(place IN ('paying_back', 'paid_back')) = (refund_id IS NOT NULL)", name="refund"
        ),
        CheckConstraint(f"reason IN ({_REASONS})", name="reason"),
        Index("ix_suspense_item_payment", "payment_id"),
        Index("ix_suspense_item_bill", "bill_id", postgresql_where=text("closed_at IS NULL")),
        Index(
            "ix_suspense_item_stall_credit",
            "payment_id",
            postgresql_where=text("closed_at IS NULL AND reason = 'stall_credit'"),
        ),
    )

    id: str = Field(primary_key=True)
    payment_id: str = Field(foreign_key="payment.id")
    bill_id: str | None = Field(default=None, foreign_key="bill.id")
    place: str
    amount: int = amount_field()
    reason: str
    created_at: datetime = moment()
    closed_at: datetime | None = moment(default=None)
    #: whose money it is that is being paid back, or was
    refund_id: str | None = Field(default=None, foreign_key="refund.id", index=True)
