"""Rows of the collector's walk: numbers kept for a phone, what was done, hand-overs and deposits.

An action is written down once and never changes; its id is made by the phone that it was done on.
No personal data stands here.
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from core.db import amount_field, json_field, moment
from core.guards import after_create, append_only
from payments.collecting.guards import CREATE_DEPOSIT_LIMIT, CREATE_KEPT_HANDOVER

#: So many numbers of slips are kept for a phone at a time; a block begins after a multiple of it,
#: so that two blocks never share a number.
BLOCK: Final = 50
_AMOUNT = "BETWEEN 1 AND 10000000000000"


class SlipBlock(SQLModel, table=True):
    """Numbers of slips, from `first` on, that one collector's phone alone gives away."""

    __tablename__ = "slip_block"
    __table_args__ = (
        UniqueConstraint("agency_id", "first"),
        CheckConstraint(f"first > 0 AND mod(first - 1, {BLOCK}) = 0", name="first"),
        Index("ix_slip_block_collector_id", "collector_id", "device"),
    )

    id: str = Field(primary_key=True)
    agency_id: str = Field(foreign_key="agency.id")
    collector_id: str = Field(foreign_key="staff_user.id")
    #: what the phone calls itself, made up by it
    device: str
    first: int
    reserved_at: datetime = moment()


class CollectedAction(SQLModel, table=True):
    """One thing that a collector did, as the phone told of it, and what became of it.

    `taken`: as it was told. `conflict`: it was taken, but not as the collector saw it, and `reason`
    says why. `refused`: nothing could be done by it. Money that was taken is in the books in the
    first two cases.
    """

    __tablename__ = "collected_action"
    __table_args__ = (
        CheckConstraint("kind IN ('cash', 'ticket', 'reading', 'visit', 'void')", name="kind"),
        CheckConstraint("outcome IN ('taken', 'conflict', 'refused')", name="outcome"),
        CheckConstraint("(outcome = 'taken') = (reason = '')", name="reason"),
        CheckConstraint(f"amount {_AMOUNT}", name="amount"),
        CheckConstraint("(kind IN ('cash', 'ticket')) = (amount IS NOT NULL)", name="money"),
        CheckConstraint(
            "(amount IS NOT NULL AND outcome <> 'refused') = (payment_id IS NOT NULL)",
            name="money_is_booked",
        ),
        CheckConstraint("number > 0", name="number"),
        Index(
            "uq_collected_action_number",
            "agency_id",
            "number",
            unique=True,
            postgresql_where=text("number IS NOT NULL"),
        ),
        Index("ix_collected_action_collector_id", "collector_id", "received_at"),
        Index("ix_collected_action_stall_id", "stall_id", "received_at"),
        Index("uq_collected_action_payment_id", "payment_id", unique=True),
    )

    #: made by the phone: by it a repeat is known
    id: str = Field(primary_key=True)
    agency_id: str = Field(foreign_key="agency.id")
    collector_id: str = Field(foreign_key="staff_user.id")
    device: str
    kind: str
    stall_id: str | None = Field(default=None, foreign_key="stall.id")
    market_id: str | None = Field(default=None, foreign_key="market.id")
    amount: int | None = amount_field(default=None, nullable=True)
    #: of its slip; None where it has none, or has one that was another's (`told` has it still)
    number: int | None = None
    #: what the phone told, and its hash
    told: dict[str, Any] = json_field()
    told_hash: str
    #: by the phone's clock, and by ours
    done_at: datetime = moment()
    received_at: datetime = moment()
    outcome: str
    reason: str = ""
    #: what went on with it, in đồng: kept as credit, owed by now
    figures: dict[str, Any] = json_field()
    payment_id: str | None = Field(default=None, foreign_key="payment.id")
    bill_id: str | None = Field(default=None, foreign_key="bill.id")


class CashHandover(SQLModel, table=True):
    """Cash that a collector gives to the office: as they declare it, and as another counts it.

    Its `reference` is what the transfer bears that pays it in.
    """

    __tablename__ = "cash_handover"
    __table_args__ = (
        CheckConstraint(f"declared {_AMOUNT}", name="declared"),
        CheckConstraint("counted BETWEEN 0 AND 10000000000000", name="counted"),
        CheckConstraint("(counted IS NULL) = (counted_by IS NULL)", name="counted_by"),
        CheckConstraint("(counted IS NULL) = (counted_at IS NULL)", name="counted_at"),
        CheckConstraint("counted_by <> collector_id", name="two_people"),
        CheckConstraint("counted = declared OR difference <> ''", name="difference"),
        Index("ix_cash_handover_collector_id", "collector_id", "declared_at"),
    )

    id: str = Field(primary_key=True)
    agency_id: str = Field(foreign_key="agency.id")
    collector_id: str = Field(foreign_key="staff_user.id")
    declared: int = amount_field()
    reference: str = Field(foreign_key="reference.reference", unique=True)
    declared_at: datetime = moment()
    counted: int | None = amount_field(default=None, nullable=True)
    counted_by: str | None = Field(default=None, foreign_key="staff_user.id")
    counted_at: datetime | None = moment(default=None)
    #: why what was counted is not what was declared; empty where it is
    difference: str = ""


class CashDeposit(SQLModel, table=True):
    """What of a credit on an account has cleared a hand-over's cash."""

    __tablename__ = "cash_deposit"
    __table_args__ = (
        CheckConstraint(f"amount {_AMOUNT}", name="amount"),
        UniqueConstraint("transaction_id"),
        Index("ix_cash_deposit_handover_id", "handover_id"),
        Index("ix_cash_deposit_payment_id", "payment_id"),
    )

    id: str = Field(primary_key=True)
    handover_id: str = Field(foreign_key="cash_handover.id")
    payment_id: str = Field(foreign_key="payment.id")
    amount: int = amount_field()
    transaction_id: str = Field(foreign_key="ledger_transaction.id")
    created_at: datetime = moment()


after_create(SlipBlock, append_only("slip_block"))
after_create(CollectedAction, append_only("collected_action"))
after_create(CashHandover, *CREATE_KEPT_HANDOVER)
after_create(CashDeposit, append_only("cash_deposit"), *CREATE_DEPOSIT_LIMIT)
