"""Who holds a stall, what they owe there, and what waits for them: frozen values, never rows.

A stall's money is its holder's of the day on which it came: whoever holds it then, else who held it
last before, else who holds it first. It pays what that vendor owes there, from this contract and
from earlier ones, and never another vendor's debts.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from sqlalchemy import func
from sqlmodel import col, select

from core.clock import VIETNAM
from core.sessions import ReadSession
from core.statements import values_of
from payments.billing.models import BillingRun, Stall, StallCharge, StallContract
from payments.bills.models import Bill, Payment


@dataclass(frozen=True, slots=True)
class Tenancy:
    """That a vendor holds a stall from a day on; `reference` is the stall's.

    `code_hash` is of the short code that was given with this very contract.
    """

    contract_id: str
    stall_id: str
    reference: str
    vendor_id: str
    first_on: date
    code_hash: str | None


@dataclass(frozen=True, slots=True)
class StallDebt:
    """A bill of a stall that still takes money, whose it is, and where it stands among others.

    Of two kinds of charges the one with the lower `priority` is paid first; a bill of several has
    the lowest of them.
    """

    bill_id: str
    stall_id: str
    vendor_id: str
    priority: int
    due_on: date

    @property
    def due_at(self) -> datetime:
        """The beginning of the day by which it is to be paid (UTC)."""
        return beginning_of(self.due_on)


def beginning_of(day: date) -> datetime:
    """When a Vietnamese day begins."""
    return datetime.combine(day, time(), VIETNAM)


_HOLDINGS = (
    values_of(Tenancy, StallContract, Stall, contract_id=col(StallContract.id))
    .join_from(StallContract, Stall, col(Stall.id) == col(StallContract.stall_id))
    .order_by(col(StallContract.first_on))
)
_DEBTS = (
    values_of(
        StallDebt,
        bill_id=col(StallCharge.bill_id),
        stall_id=col(StallCharge.stall_id),
        vendor_id=col(StallCharge.vendor_id),
        priority=func.min(col(StallCharge.priority)),
        due_on=func.max(col(BillingRun.due_on)),
    )
    .join_from(StallCharge, BillingRun, col(BillingRun.id) == col(StallCharge.run_id))
    .join(Bill, col(Bill.id) == col(StallCharge.bill_id))
    .where(col(StallCharge.voided_at).is_(None), col(Bill.status).in_(("open", "expired")))
    .group_by(col(StallCharge.bill_id), col(StallCharge.stall_id), col(StallCharge.vendor_id))
    .order_by(col(StallCharge.bill_id))
)


def holder_on(holdings: Sequence[Tenancy], day: date) -> Tenancy | None:
    """Whose money of that day on a stall is; `holdings` are the stall's. None if nobody ever was.

    The holder of the day, else who held it last before, else who holds it first.
    """
    before = [one for one in holdings if one.first_on <= day]
    if before:
        return max(before, key=lambda one: one.first_on)
    return min(holdings, key=lambda one: one.first_on, default=None)


async def list_holdings(session: ReadSession, references: Collection[str]) -> list[Tenancy]:
    """Who has held the stalls of these references, and from when on, oldest first."""
    return await session.all(_HOLDINGS.where(col(Stall.reference).in_(references)))


async def list_markets_of(session: ReadSession, references: Collection[str]) -> list[str]:
    """The ids of the markets of these stalls, each once, in the order in which they are locked."""
    wanted = select(col(Stall.market_id)).where(col(Stall.reference).in_(references)).distinct()
    return await session.all(wanted.order_by(col(Stall.market_id)))


async def list_debts(session: ReadSession, stall_ids: Collection[str]) -> list[StallDebt]:
    """What is still owed at these stalls, bill by bill, by whomever."""
    return await session.all(_DEBTS.where(col(StallCharge.stall_id).in_(stall_ids)))


async def find_references_paid(session: ReadSession, payment_ids: Collection[str]) -> set[str]:
    """The references of the stalls whose money these payments are."""
    wanted = select(col(Stall.reference)).join(
        Payment, col(Payment.reference) == col(Stall.reference)
    )
    return set(await session.all(wanted.where(col(Payment.id).in_(payment_ids))))


async def find_references_billed(session: ReadSession, bill_ids: Collection[str]) -> set[str]:
    """The references of the stalls that these bills are of; most bills are of none."""
    wanted = select(col(Stall.reference)).join(
        StallCharge, col(StallCharge.stall_id) == col(Stall.id)
    )
    return set(await session.all(wanted.where(col(StallCharge.bill_id).in_(bill_ids))))
