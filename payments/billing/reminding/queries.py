"""What a vendor is reminded of: bills of a month that are owed, with no money on its way.

Nobody is asked for what they have paid. So a stall is left out while an attempt of one of its bills
is open at a gateway, and while any money that bore its reference or its bill's waits in suspense:
people, or the next run, will give that money away first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import exists
from sqlmodel import col

from core.sessions import ReadSession
from core.statements import ValueSelect, values_of
from payments.billing.dues.queries import UNDER_WAY
from payments.billing.loading import among
from payments.billing.models import BillingRun, Market, Stall, StallCharge, Vendor
from payments.bills.models import Bill, PayerData, Payment, SuspenseItem


@dataclass(frozen=True, slots=True)
class OwedStall:
    """A bill of a stall for a month, with nothing of it paid or on its way; `amount` in đồng."""

    vendor_id: str
    stall: str
    reference: str
    market: str
    market_en: str
    amount: int
    period: str
    first_on: date
    due_on: date


@dataclass(frozen=True, slots=True)
class RemindedVendor:
    """A vendor as reminders go to them; `data` is encrypted, None where there is none."""

    id: str
    agency_id: str
    language: str
    reminders_refused_at: datetime | None
    data: bytes | None = field(repr=False)


_WAITS = (
    col(Payment.id) == col(SuspenseItem.payment_id),
    col(SuspenseItem.closed_at).is_(None),
    col(SuspenseItem.place) == "suspense",
)
#: Asked one by one: what waits is read once for each, and not once more for every bill.
_NONE_IN_SUSPENSE = (
    ~exists().where(*_WAITS, col(Payment.reference) == col(Stall.reference)),
    ~exists().where(*_WAITS, col(Payment.reference) == col(Bill.reference)),
    ~exists().where(*_WAITS, col(SuspenseItem.bill_id) == col(Bill.id)),
)
_VENDORS = (
    values_of(RemindedVendor, Vendor, PayerData)
    .join_from(Vendor, PayerData, col(PayerData.subject_id) == col(Vendor.id), isouter=True)
    .order_by(col(Vendor.id))
)


def _owed() -> ValueSelect[OwedStall]:
    return (
        values_of(
            OwedStall,
            vendor_id=col(StallCharge.vendor_id),
            stall=col(Stall.code),
            reference=col(Stall.reference),
            market=col(Market.name),
            market_en=col(Market.name_en),
            amount=col(Bill.amount),
            period=col(BillingRun.period),
            first_on=col(BillingRun.first_on),
            due_on=col(BillingRun.due_on),
        )
        .join_from(StallCharge, Bill, col(Bill.id) == col(StallCharge.bill_id))
        .join(BillingRun, col(BillingRun.id) == col(StallCharge.run_id))
        .join(Stall, col(Stall.id) == col(StallCharge.stall_id))
        .join(Market, col(Market.id) == col(Stall.market_id))
        .where(
            col(StallCharge.voided_at).is_(None),
            col(Bill.status).in_(("open", "expired")),
            col(BillingRun.kind) == "month",
            ~UNDER_WAY,
            *_NONE_IN_SUSPENSE,
        )
        # A bill is of one run and one contract, which is of one stall and vendor.
        .group_by(
            col(StallCharge.vendor_id),
            col(Bill.id),
            col(BillingRun.id),
            col(Stall.id),
            col(Market.id),
        )
        .order_by(col(StallCharge.vendor_id), col(Market.code), col(Stall.code))
    )


async def list_due_at(
    session: ReadSession, market_id: str, first: date, last: date
) -> list[OwedStall]:
    """What is owed at a market and is due on these days, both included."""
    due = col(BillingRun.due_on).between(first, last)
    return await session.all(_owed().where(due, col(BillingRun.market_id) == market_id))


async def list_owed_by(session: ReadSession, vendor_id: str, period: str) -> list[OwedStall]:
    """What a vendor owes for a month, at whichever of the body's markets."""
    of = (col(StallCharge.vendor_id) == vendor_id, col(BillingRun.period) == period)
    return await session.all(_owed().where(*of))


async def list_vendors(session: ReadSession, ids: Sequence[str]) -> list[RemindedVendor]:
    """These vendors, as reminders go to them."""
    return await session.all(_VENDORS.where(among(Vendor.id, ids))) if ids else []
