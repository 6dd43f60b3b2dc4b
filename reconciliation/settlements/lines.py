"""The lines of a settlement file, page by page."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import col, or_, select

from core.cursors import Page, page_of
from core.errors import NotFound
from core.sessions import ReadSession
from core.statements import values_of
from payments.agencies.queries import get_collection_account
from reconciliation.settlements.models import (
    RepeatedSettlementLine,
    Settlement,
    SettlementLine,
)


@dataclass(frozen=True, slots=True)
class SettlementLineValue:
    """A line as its file tells it, amounts in đồng; `withdrawn_at` where it stands no longer."""

    id: str
    line_number: int
    batch_ref: str
    settled_on: date
    kind: str
    order_ref: str
    gateway_ref: str
    amount: int
    fee: int
    paid_at: datetime | None
    withdrawn_at: datetime | None


async def page_of_lines(
    session: ReadSession,
    settlement_id: str,
    agency_ids: Collection[str] | None,
    *,
    cursor: str | None = None,
    limit: int = 100,
) -> Page[SettlementLineValue]:
    """The lines that a settlement brought or repeated, by id; `cursor` is the one to go on after.

    `agency_ids` are whoever asks may see, None for all. Raises `NotFound`.
    """
    account_id = await session.first(
        select(Settlement.collection_account_id).where(Settlement.id == settlement_id)
    )
    account = None if account_id is None else await get_collection_account(session, account_id)
    if account is None or (agency_ids is not None and account.agency_id not in agency_ids):
        raise NotFound("Không có bảng quyết toán này.")
    repeated = select(RepeatedSettlementLine.line_id).where(
        RepeatedSettlementLine.settlement_id == settlement_id
    )
    of_file = or_(
        col(SettlementLine.settlement_id) == settlement_id, col(SettlementLine.id).in_(repeated)
    )
    wanted = values_of(SettlementLineValue, SettlementLine).where(of_file)
    if cursor is not None:
        wanted = wanted.where(col(SettlementLine.id) > cursor)
    found = await session.all(wanted.order_by(col(SettlementLine.id)).limit(limit + 1))
    return page_of(found, limit, lambda one: one.id)
