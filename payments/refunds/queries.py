"""What the rest of the house may know of refunds: frozen values, never rows."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, cast, func
from sqlmodel import col, select

from core.cursors import Page, page_of
from core.errors import NotFound
from core.sessions import ReadSession
from core.statements import values_of
from payments.agencies.models import Agency, CollectionAccount, GatewayAccountRow
from payments.bills.models import Bill
from payments.books.models import Approval, Refund
from payments.books.refunded import TAKEN


@dataclass(frozen=True, slots=True)
class RefundValue:
    """A refund; amounts in đồng. `agency` and `account` are codes, `bill` a reference.

    `approval` is what decides it now, or decided it last.
    """

    id: str
    agency_id: str
    agency: str
    account: str
    payment_id: str
    bill: str | None
    amount: int
    from_revenue: int
    reason: str
    status: str
    reference: str
    requested_by: str
    requested_at: datetime
    bank_ref: str | None
    sent_at: datetime | None
    line_id: str | None
    payee: bytes | None
    way: str
    gateway: str | None
    gateway_ref: str | None
    gateway_code: str | None
    gateway_paid_at: datetime | None
    settlement_line_id: str | None
    approval: str | None


_REFUNDS = (
    values_of(
        RefundValue,
        Refund,
        agency=col(Agency.code),
        account=col(CollectionAccount.code),
        bill=col(Bill.reference),
        gateway=col(GatewayAccountRow.gateway),
        approval=select(Approval.id)
        .where(col(Approval.object_id) == col(Refund.id))
        .order_by(col(Approval.id).desc())
        .limit(1)
        .scalar_subquery(),
    )
    .join_from(Refund, Agency, col(Agency.id) == col(Refund.agency_id))
    .join(CollectionAccount, col(CollectionAccount.id) == col(Refund.collection_account_id))
    .join(Bill, col(Bill.id) == col(Refund.bill_id), isouter=True)
    .join(
        GatewayAccountRow,
        col(GatewayAccountRow.id) == col(Refund.gateway_account_id),
        isouter=True,
    )
)


async def get_refund(
    session: ReadSession, refund_id: str, agency_ids: Collection[str]
) -> RefundValue:
    """A refund of one of these agencies. Raises `NotFound`."""
    found = await session.first(_REFUNDS.where(Refund.id == refund_id))
    if found is None or found.agency_id not in agency_ids:
        raise NotFound("Không có lần hoàn trả này.")
    return found


@dataclass(frozen=True, slots=True)
class RefundSum:
    """How many refunds there are, and their sum in đồng."""

    count: int
    sum: int


async def sum_refunds_to_send(session: ReadSession, agency_ids: Collection[str]) -> RefundSum:
    """Refunds that two people have decided and whose transfer somebody has to order."""
    summed = values_of(
        RefundSum,
        Refund,
        count=func.count(),
        sum=cast(func.coalesce(func.sum(Refund.amount), 0), BigInteger),
    )
    of_ours = (
        col(Refund.agency_id).in_(agency_ids),
        col(Refund.status) == "approved",
        col(Refund.way) == "bank",
    )
    return await session.one(summed.select_from(Refund).where(*of_ours))


async def page_of_refunds(
    session: ReadSession,
    agency_ids: Collection[str],
    *,
    status: str | None = None,
    way: str | None = None,
    payment_id: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[RefundValue]:
    """Refunds of these agencies, the newest first; `cursor` is the id to go on after."""
    wanted = _REFUNDS.where(col(Refund.agency_id).in_(agency_ids))
    if status is not None:
        wanted = wanted.where(col(Refund.status) == status)
    if way is not None:
        wanted = wanted.where(col(Refund.way) == way)
    if payment_id is not None:
        wanted = wanted.where(col(Refund.payment_id) == payment_id)
    if cursor is not None:
        wanted = wanted.where(col(Refund.id) < cursor)
    found = await session.all(wanted.order_by(col(Refund.id).desc()).limit(limit + 1))
    return page_of(found, limit, lambda refund: refund.id)


async def list_proving_lines(session: ReadSession, line_ids: Collection[str]) -> set[str]:
    """Those of these lines of statements that have proved a refund."""
    used = select(col(Refund.line_id)).where(col(Refund.line_id).in_(line_ids))
    return {line_id for line_id in await session.all(used) if line_id is not None}


async def list_refunded_bills(session: ReadSession, bill_ids: Collection[str]) -> set[str]:
    """Those of these bills of whose money a refund has some: what settled them is not undone."""
    taken = select(col(Refund.bill_id)).where(
        col(Refund.bill_id).in_(bill_ids),
        col(Refund.from_revenue) > 0,
        col(Refund.status).in_(TAKEN),
    )
    return {bill_id for bill_id in await session.all(taken.distinct()) if bill_id is not None}


async def sum_paid_back(session: ReadSession, bill_ids: Collection[str]) -> dict[str, int]:
    """What of the money of these bills has gone back for certain, in đồng, where any has."""
    rows = values_of(_PaidBack, Refund).where(
        col(Refund.bill_id).in_(bill_ids), col(Refund.status) == "succeeded"
    )
    sums: dict[str, int] = {}
    for one in await session.all(rows):
        sums[one.bill_id] = sums.get(one.bill_id, 0) + one.from_revenue
    return sums


@dataclass(frozen=True, slots=True)
class _PaidBack:
    """What a refund has taken of a bill, in đồng."""

    bill_id: str
    from_revenue: int
