"""A stall, and what its holder owes, has paid and has waiting there: frozen values, never rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, exists, func
from sqlmodel import col

from core import clock
from core.sessions import ReadSession
from core.statements import values_of
from payments.billing.credit.queries import Tenancy, beginning_of, holder_on
from payments.billing.models import BillingRun, Market, Stall, StallCharge
from payments.bills.models import Bill, Payment
from payments.books.allocation import OwingBill
from payments.books.suspense import amount_waiting, list_stall_credit
from payments.states import LIVE


@dataclass(frozen=True, slots=True)
class VendorStall:
    """A stall as its sticker names it."""

    id: str
    agency_id: str
    code: str
    reference: str
    market: str
    market_en: str


@dataclass(frozen=True, slots=True)
class PeriodBill:
    """A bill of a stall's holder for a period; amounts in đồng, `period` as a run calls it.

    `waiting` is what has come for it and is not enough; `under_way` says that a gateway may take
    money for it any moment.
    """

    bill_id: str
    reference: str
    status: str
    amount: int
    waiting: int
    due_on: date
    kind: str
    period: str
    priority: int
    paid_at: datetime | None
    under_way: bool

    @property
    def owing(self) -> OwingBill:
        """The same as the books weigh it."""
        due_at = beginning_of(self.due_on)
        return OwingBill(
            self.bill_id, self.status, self.amount, self.waiting, due_at, self.priority
        )

    @property
    def missing(self) -> int:
        """What is still to be paid of it, in đồng."""
        return self.owing.missing


@dataclass(frozen=True, slots=True)
class StallMoney:
    """A transfer that bore the stall's reference; `amount` in đồng, `came_at` in UTC.

    `in_doubt` says that people have to look at it first.
    """

    payment_id: str
    amount: int
    came_at: datetime
    in_doubt: bool


_STALL = values_of(
    VendorStall,
    Stall,
    agency_id=col(Market.agency_id),
    market=col(Market.name),
    market_en=col(Market.name_en),
).join_from(Stall, Market, col(Market.id) == col(Stall.market_id))

#: That a gateway may take money for a bill any moment, or people look at what it took.
UNDER_WAY = exists().where(
    col(Payment.bill_id) == col(Bill.id), col(Payment.status).in_((*LIVE, "held"))
)
#: A bill is of one run, its charges of one contract.
_BILLS = (
    values_of(
        PeriodBill,
        Bill,
        bill_id=col(Bill.id),
        waiting=amount_waiting(col(Bill.id)),
        due_on=col(BillingRun.due_on),
        kind=col(BillingRun.kind),
        period=col(BillingRun.period),
        priority=func.min(col(StallCharge.priority)),
        under_way=UNDER_WAY,
    )
    .join_from(StallCharge, Bill, col(Bill.id) == col(StallCharge.bill_id))
    .join(BillingRun, col(BillingRun.id) == col(StallCharge.run_id))
    .where(col(StallCharge.voided_at).is_(None))
    .group_by(col(Bill.id), col(BillingRun.id))
)


async def find_stall(session: ReadSession, reference: str) -> VendorStall | None:
    """The stall of that reference; None where it is no stall's."""
    return await session.first(_STALL.where(Stall.reference == reference))


async def list_owed(session: ReadSession, holding: Tenancy) -> list[PeriodBill]:
    """What a stall's holder owes there, in the order in which it is paid."""
    owed = _BILLS.where(*_is_of(holding), col(Bill.status).in_(("open", "expired")))
    return sorted(await session.all(owed), key=lambda bill: bill.owing.rank)


async def list_paid(session: ReadSession, holding: Tenancy, limit: int) -> list[PeriodBill]:
    """What a stall's holder has paid there last, the newest first."""
    paid = _BILLS.where(*_is_of(holding), col(Bill.status) == "paid")
    return await session.all(paid.order_by(col(Bill.paid_at).desc(), col(Bill.id)).limit(limit))


async def list_money(
    session: ReadSession, reference: str, since: datetime, limit: int
) -> list[StallMoney]:
    """The transfers that bore a stall's reference since then, the newest first."""
    wanted = values_of(
        StallMoney,
        payment_id=col(Payment.id),
        amount=col(Payment.credited),
        came_at=col(Payment.paid_at),
        in_doubt=col(Payment.doubt).is_not(None),
    ).where(
        col(Payment.reference) == reference,
        col(Payment.credited).is_not(None),
        col(Payment.paid_at) >= since,
    )
    return await session.all(wanted.order_by(col(Payment.created_at).desc()).limit(limit))


async def sum_credit(session: ReadSession, holdings: Sequence[Tenancy], vendor_id: str) -> int:
    """What waits for a vendor's next bill at a stall, in đồng; `holdings` are all of the stall."""
    waiting = await list_stall_credit(session, {one.reference for one in holdings})
    owners = [
        (holder_on(holdings, clock.business_date(item.paid_at)), item.amount) for item in waiting
    ]
    return sum(amount for owner, amount in owners if owner and owner.vendor_id == vendor_id)


def _is_of(holding: Tenancy) -> tuple[ColumnElement[bool], ...]:
    return (
        col(StallCharge.stall_id) == holding.stall_id,
        col(StallCharge.vendor_id) == holding.vendor_id,
    )
