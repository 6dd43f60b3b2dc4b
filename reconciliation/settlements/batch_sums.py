"""What the standing lines of a gateway's batches come to, gross, fee and net, from the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import BigInteger, ColumnElement, case, cast, func
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlmodel import col, select

from core.cursors import Page, page_of
from core.errors import Conflict
from core.sessions import ReadSession
from core.statements import values_of
from reconciliation.settlements.models import PaidBatch, SettlementLine


class BatchPaidOver(Conflict):
    """A credit has paid one of these batches over already: undo that first."""

    code = "batch_paid"


@dataclass(frozen=True, slots=True)
class BatchSum:
    """A batch as its lines add up, in đồng: `net` is `gross` less `fee`, and is paid over.

    `gross` is the payments less what goes back; `fee` is what the gateway keeps, its adjustments
    among it. `digest` tells these lines from any others. `settled_on` is the last day that its
    lines name, `payout_id` the payout that brought it, None where none stands.
    """

    batch_ref: str
    settled_on: date
    lines: int
    gross: int
    fee: int
    net: int
    digest: str
    payout_id: str | None


_LINE = SettlementLine
_BACK: Final = ("refund", "chargeback")
_GROSS = case(
    (col(_LINE.kind) == "adjustment", 0),
    (col(_LINE.kind).in_(_BACK), -col(_LINE.amount)),
    else_=col(_LINE.amount),
)
_FEE = case(
    (col(_LINE.kind) == "adjustment", col(_LINE.fee) - col(_LINE.amount)),
    (col(_LINE.kind).in_(_BACK), -col(_LINE.fee)),
    else_=col(_LINE.fee),
)


def _sum(of: ColumnElement[int]) -> ColumnElement[int]:
    return cast(func.sum(of), BigInteger)


_BATCHES = (
    values_of(
        BatchSum,
        batch_ref=col(_LINE.batch_ref),
        settled_on=func.max(_LINE.settled_on),
        lines=func.count(),
        gross=_sum(_GROSS),
        fee=_sum(_FEE),
        net=_sum(_GROSS - _FEE),
        digest=func.md5(
            func.array_to_string(
                func.array_agg(aggregate_order_by(col(_LINE.fingerprint), col(_LINE.fingerprint))),
                ",",
            )
        ),
        payout_id=func.max(PaidBatch.payout_id),
    )
    .select_from(_LINE)
    .outerjoin(
        PaidBatch,
        (col(PaidBatch.gateway_account_id) == col(_LINE.gateway_account_id))
        & (col(PaidBatch.batch_ref) == col(_LINE.batch_ref))
        & col(PaidBatch.undone_at).is_(None),
    )
    .where(col(_LINE.withdrawn_at).is_(None))
    .group_by(col(_LINE.batch_ref))
    .order_by(col(_LINE.batch_ref))
)


async def list_batches(
    session: ReadSession, gateway_account_id: str, batch_refs: Sequence[str]
) -> list[BatchSum]:
    """Those of these batches of an account at a gateway that have lines, by reference."""
    named = col(_LINE.batch_ref).in_(batch_refs)
    return await session.all(_BATCHES.where(_LINE.gateway_account_id == gateway_account_id, named))


async def page_of_batches(
    session: ReadSession, gateway_account_id: str, *, cursor: str | None = None, limit: int = 50
) -> Page[BatchSum]:
    """The batches of an account at a gateway, by reference; `cursor` is the one to go on after."""
    wanted = _BATCHES.where(_LINE.gateway_account_id == gateway_account_id)
    if cursor is not None:
        wanted = wanted.where(col(_LINE.batch_ref) > cursor)
    found = await session.all(wanted.limit(limit + 1))
    return page_of(found, limit, lambda one: one.batch_ref)


@dataclass(frozen=True, slots=True)
class PaidBatchValue:
    """A batch that a payout has paid over; amounts in đồng."""

    id: str
    batch_ref: str
    gateway_account_id: str
    line_count: int
    gross: int
    fee: int
    net: int


async def list_paid_batches(session: ReadSession, payout_id: str) -> list[PaidBatchValue]:
    """The batches of a payout, by reference, also of one that was undone."""
    wanted = values_of(PaidBatchValue, PaidBatch).where(PaidBatch.payout_id == payout_id)
    return await session.all(wanted.order_by(col(PaidBatch.batch_ref)))


@dataclass(frozen=True, slots=True)
class PaidName:
    """A batch that a standing payout has paid over, by its name."""

    id: str
    gateway_account_id: str
    batch_ref: str
    payout_id: str


async def list_paid_names(
    session: ReadSession, gateway_account_ids: Sequence[str]
) -> list[PaidName]:
    """The batches of these accounts at gateways that standing payouts have paid over."""
    wanted = values_of(PaidName, PaidBatch).where(
        col(PaidBatch.gateway_account_id).in_(gateway_account_ids),
        col(PaidBatch.undone_at).is_(None),
    )
    return await session.all(wanted.order_by(col(PaidBatch.id)))


async def is_as_paid(session: ReadSession, batch: BatchSum) -> bool:
    """Whether a batch that a payout has paid over still comes to what it came to then."""
    now = select(PaidBatch.id).where(
        PaidBatch.payout_id == batch.payout_id,
        PaidBatch.batch_ref == batch.batch_ref,
        PaidBatch.line_count == batch.lines,
        PaidBatch.gross == batch.gross,
        PaidBatch.fee == batch.fee,
    )
    return await session.first(now) is not None


async def list_paid_refs(
    session: ReadSession, gateway_account_id: str, batch_refs: Sequence[str]
) -> list[str]:
    """Those of these batches that a standing payout has paid over, by reference."""
    wanted = select(PaidBatch.batch_ref).where(
        PaidBatch.gateway_account_id == gateway_account_id,
        col(PaidBatch.batch_ref).in_(batch_refs),
        col(PaidBatch.undone_at).is_(None),
    )
    return await session.all(wanted.order_by(col(PaidBatch.batch_ref)))
