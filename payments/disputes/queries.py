"""Disputes as others read them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, cast, exists
from sqlmodel import col, func

from core.cursors import Page, page_of
from core.sessions import ReadSession
from core.statements import values_of
from payments.agencies.models import Agency, GatewayAccountRow
from payments.books.models import Refund
from payments.disputes.models import Dispute


@dataclass(frozen=True, slots=True)
class LockedDispute:
    """A dispute that nobody else changes before our transaction ends; `amount` in đồng."""

    id: str
    payment_id: str
    amount: int
    status: str
    refund_id: str | None


@dataclass(frozen=True, slots=True)
class LackingDispute:
    """A dispute that holds, or has taken, money of a payment, and has nothing set aside for it."""

    id: str
    payment_id: str
    gateway_account_id: str
    dispute_ref: str
    amount: int


@dataclass(frozen=True, slots=True)
class DisputeValue:
    """A dispute; `amount` in đồng, `agency` the body's code, `account` its name at the gateway."""

    id: str
    agency: str
    gateway: str
    account: str
    dispute_ref: str
    payment_id: str
    amount: int
    reason: str
    status: str
    respond_by: datetime | None
    refund_id: str | None
    opened_at: datetime
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class DisputeSum:
    """How many disputes there are of a kind, and their sum in đồng."""

    count: int
    sum: int


_VALUE = (
    values_of(
        DisputeValue,
        Dispute,
        agency=col(Agency.code),
        gateway=col(GatewayAccountRow.gateway),
        account=col(GatewayAccountRow.account),
    )
    .join_from(Dispute, Agency, col(Agency.id) == col(Dispute.agency_id))
    .join(GatewayAccountRow, col(GatewayAccountRow.id) == col(Dispute.gateway_account_id))
    .order_by(col(Dispute.id).desc())
)


async def list_lacking(session: ReadSession) -> list[LackingDispute]:
    """The disputes that lack their money and of whose payments a refund has come to nothing."""
    came_back = exists().where(
        col(Refund.payment_id) == col(Dispute.payment_id),
        col(Refund.status) == "failed",
        col(Refund.way) != "dispute",
    )
    return await session.all(
        values_of(LackingDispute, Dispute)
        .where(
            col(Dispute.refund_id).is_(None), col(Dispute.status).in_(("open", "lost")), came_back
        )
        .order_by(col(Dispute.id))
    )


_SUM = values_of(
    DisputeSum,
    Dispute,
    count=func.count(),
    sum=cast(func.coalesce(func.sum(Dispute.amount), 0), BigInteger),
).select_from(Dispute)


async def sum_undecided(session: ReadSession, agency_ids: Collection[str]) -> DisputeSum:
    """The disputes of these agencies that nobody has decided, inquiries among them."""
    undecided = (col(Dispute.agency_id).in_(agency_ids), col(Dispute.decided_at).is_(None))
    return await session.one(_SUM.where(*undecided))


async def sum_lost(
    session: ReadSession, agency_ids: Collection[str], since: datetime
) -> DisputeSum:
    """The disputes of these agencies that were decided for the payer `since` then (aware)."""
    lost = (col(Dispute.status) == "lost", col(Dispute.decided_at) >= since)
    return await session.one(_SUM.where(col(Dispute.agency_id).in_(agency_ids), *lost))


async def page_of_disputes(
    session: ReadSession,
    agency_ids: Collection[str],
    *,
    status: str | None = None,
    undecided: bool = False,
    decided_since: datetime | None = None,
    payment_id: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[DisputeValue]:
    """Disputes of these agencies, the newest first; `cursor` is the id to go on after.

    `undecided`: only those that nobody has decided yet, inquiries among them. `decided_since`
    (aware): only those that were decided then or later.
    """
    wanted = _VALUE.where(col(Dispute.agency_id).in_(agency_ids))
    if status is not None:
        wanted = wanted.where(Dispute.status == status)
    if undecided:
        wanted = wanted.where(col(Dispute.decided_at).is_(None))
    if decided_since is not None:
        wanted = wanted.where(col(Dispute.decided_at) >= decided_since)
    if payment_id is not None:
        wanted = wanted.where(Dispute.payment_id == payment_id)
    if cursor is not None:
        wanted = wanted.where(col(Dispute.id) < cursor)
    return page_of(await session.all(wanted.limit(limit + 1)), limit, lambda one: one.id)
