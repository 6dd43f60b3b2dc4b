"""Billing anew what was billed by days or prices that have changed since.

A bill that no money has reached is withdrawn, and what its contract owes for that period is billed
again in the same transaction. Where there is money the bill stays: people decide about a refund.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, update
from sqlmodel import col

from core import clock
from core.crypto import Cipher
from core.errors import Conflict
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.billing.batches import bill_batch
from payments.billing.charging import METERS
from payments.billing.models import StallCharge
from payments.bills.commands import MoneyUnderWay, cancel_bill
from payments.states import IllegalMove


class PeriodPaid(Conflict):
    """What was billed for these days is paid already: choose a later day, or refund it first."""

    code = "period_paid"


@dataclass(frozen=True, slots=True)
class StandingCharge:
    """A charge that stands, and its bill, None where nothing of it is owed."""

    id: str
    run_id: str
    stall_id: str
    contract_id: str
    bill_id: str | None


@dataclass(frozen=True, slots=True)
class RebilledCount:
    """How many bills were withdrawn and made anew, and how many had money and stayed."""

    anew: int
    kept: int


async def list_standing(
    session: ReadSession,
    stall_ids: Collection[str] | None,
    market_stalls: ColumnElement[bool],
    first: date,
    last: date | None,
) -> list[StandingCharge]:
    """The charges by days (no meter's) that stand and meet these days; `last` None for ever."""
    charge = StallCharge
    wanted = values_of(StandingCharge, charge).where(
        market_stalls,
        col(charge.voided_at).is_(None),
        col(charge.kind).not_in(METERS),
        col(charge.last_on) >= first,
    )
    if stall_ids is not None:
        wanted = wanted.where(col(charge.stall_id).in_(stall_ids))
    if last is not None:
        wanted = wanted.where(col(charge.first_on) <= last)
    return await session.all(wanted.order_by(col(charge.run_id), col(charge.id)))


async def rebill(
    session: WriteSession,
    charges: Collection[StandingCharge],
    agency_id: str,
    cipher: Cipher,
    *,
    actor: str,
    strict: bool,
) -> RebilledCount:
    """Withdraw the bills of these charges and bill their periods anew.

    The caller holds the market's lock. `strict`: raises `PeriodPaid` where a bill has money, with
    nothing done; else such a bill stays as it is.
    """
    withdrawn: set[str] = set()
    kept: set[str] = set()
    for bill_id in sorted({one.bill_id for one in charges if one.bill_id is not None}):
        try:
            await cancel_bill(session, bill_id, [agency_id], actor=actor)
        except (MoneyUnderWay, IllegalMove) as error:
            if strict:
                detail = "Kỳ này đã có tiền nộp; hãy chọn ngày sau kỳ đó, hoặc hoàn trả trước."
                raise PeriodPaid(detail) from error
            kept.add(bill_id)
        else:
            withdrawn.add(bill_id)
    free = [one for one in charges if one.bill_id not in kept]
    ids = [one.id for one in free if one.bill_id is None]
    if ids:
        change = update(StallCharge).where(col(StallCharge.id).in_(ids))
        await session.write(change.values(voided_at=clock.now()))
    for run_id in sorted({one.run_id for one in free}):
        stalls = {one.stall_id for one in free if one.run_id == run_id}
        await bill_batch(
            session, run_id, cipher, after="", actor=actor, limit=len(stalls) + 1, only=stalls
        )
    return RebilledCount(len(withdrawn), len(kept))
