"""How the stalls of a market stand on a day: who holds each, and what of it that vendor owes.

A stall is told in one word by its worst: `empty` where nobody holds it; `overdue` where something
was due before the day; `part` where money has come for a bill and is not enough; `owed`; `waived`
where the day's price was let off whole and nothing else is owed; else `paid`. What a former holder
still owes is in the arrears, not here. Amounts in đồng.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import BigInteger, ColumnElement, and_, cast, func
from sqlmodel import col, or_, select

from core.cursors import Page
from core.errors import NotFound
from core.sessions import ReadSession
from core.statements import ValueSelect, values_of
from payments.billing.loading import among
from payments.billing.models import BillingRun, Market, Stall, StallCharge, StallContract, Vendor
from payments.billing.reports.rates import OWED
from payments.billing.reports.states import STANDING_STATES, StandingState
from payments.bills.models import Bill
from payments.books.suspense import amount_waiting


@dataclass(frozen=True, slots=True)
class StallPlacing:
    """A stall and where it is, with who holds it on a day; None where nobody does."""

    id: str
    market_id: str
    code: str
    kind: str
    area: int
    frontages: int
    lane: str
    route_order: int
    reference: str
    place_x: int | None
    place_y: int | None
    contract_id: str | None
    vendor_id: str | None
    vendor: str | None


@dataclass(frozen=True, slots=True)
class HolderDebt:
    """What a vendor owes at a stall; `waiting` has come for bills that it does not fill."""

    stall_id: str
    vendor_id: str
    owed: int
    waiting: int
    due_on: date


@dataclass(frozen=True, slots=True)
class StallStanding:
    """A stall, its holder, and how they stand; `due_on` is the oldest day that was missed or is
    to come, None where nothing is owed."""

    stall: StallPlacing
    state: StandingState
    owed: int
    due_on: date | None


@dataclass(frozen=True, slots=True)
class _OwedBill:
    stall_id: str
    vendor_id: str
    due_on: date
    amount: int
    waiting: int


@dataclass(frozen=True, slots=True)
class _StallCount:
    market_id: str
    count: int


@dataclass(frozen=True, slots=True)
class _LetOff:
    stall_id: str
    vendor_id: str


def standing_of(
    stall: StallPlacing, debt: HolderDebt | None, on: date, *, let_off: bool
) -> StallStanding:
    """How a stall stands; `let_off` says that its price of the day was waived whole."""
    if stall.vendor_id is None:
        return StallStanding(stall, "empty", 0, None)
    if debt is None or debt.owed <= 0:
        return StallStanding(stall, "waived" if let_off else "paid", 0, None)
    state: StandingState = "part" if debt.waiting else "owed"
    if debt.due_on < on:
        state = "overdue"
    return StallStanding(stall, state, debt.owed, debt.due_on)


def count_states(standings: Iterable[StallStanding]) -> dict[StandingState, int]:
    """How many stalls stand how, every state named."""
    found = Counter(one.state for one in standings)
    return {state: found[state] for state in STANDING_STATES}


async def page_of_standings(
    session: ReadSession,
    market_id: str,
    on: date,
    *,
    search: str = "",
    lane: str | None = None,
    after: str | None = None,
    limit: int,
) -> Page[StallStanding]:
    """Stalls of a market by lane and order, as they stand on a day; `after` is a stall's id.

    `search` is the beginning of a stall's code or a vendor's number, in whatever case.
    """
    order = (col(Stall.lane), col(Stall.route_order), col(Stall.code))
    # Which stalls they are is found before their holders are: most of a large market's are not.
    chosen = select(Stall.id).where(col(Stall.market_id) == market_id)
    if search:
        begin = search.upper()
        of_vendor = (
            select(StallContract.stall_id)
            .join(Vendor, col(Vendor.id) == col(StallContract.vendor_id))
            .where(_holds_on(on), func.upper(col(Vendor.code)) == begin)
        )
        chosen = chosen.where(
            or_(
                func.starts_with(func.upper(col(Stall.code)), begin),
                col(Stall.id).in_(of_vendor),
            )
        )
    if lane is not None:
        chosen = chosen.where(col(Stall.lane) == lane)
    if after is not None:
        place = select(*order).where(col(Stall.id) == after).scalar_subquery()
        chosen = chosen.where(func.row(*order) > place)
    ids = await session.all(chosen.order_by(*order).limit(limit + 1))
    found = await session.all(_placings(on).where(among(Stall.id, ids)).order_by(*order))
    items = tuple(await _standings(session, found[:limit], on))
    return Page(items, found[limit - 1].id if len(found) > limit else None)


def _holds_on(on: date) -> ColumnElement[bool]:
    return and_(
        col(StallContract.first_on) <= on,
        or_(col(StallContract.last_on).is_(None), col(StallContract.last_on) >= on),
    )


def _placings(on: date) -> ValueSelect[StallPlacing]:
    """Stalls with their holders of a day; the database lets two hold one on no day."""
    held = and_(col(StallContract.stall_id) == col(Stall.id), _holds_on(on))
    return (
        values_of(
            StallPlacing,
            Stall,
            contract_id=col(StallContract.id),
            vendor_id=col(Vendor.id),
            vendor=col(Vendor.code),
        )
        .outerjoin(StallContract, held)
        .outerjoin(Vendor, col(Vendor.id) == col(StallContract.vendor_id))
    )


async def get_standing(
    session: ReadSession, stall_id: str, agency_ids: Collection[str], on: date
) -> StallStanding:
    """How a stall of these agencies stands. Raises `NotFound`."""
    of_agencies = col(Stall.market_id).in_(
        select(Market.id).where(col(Market.agency_id).in_(agency_ids))
    )
    stall = await session.first(_placings(on).where(col(Stall.id) == stall_id, of_agencies))
    if stall is None:
        raise NotFound("Không có sạp này.")
    (standing,) = await _standings(session, [stall], on)
    return standing


async def count_stalls_of(session: ReadSession, market_ids: Collection[str]) -> dict[str, int]:
    """How many stalls each of these markets has, by its id; one that has none is not there."""
    wanted = values_of(_StallCount, Stall, count=func.count()).where(
        col(Stall.market_id).in_(market_ids)
    )
    found = await session.all(wanted.group_by(col(Stall.market_id)))
    return {one.market_id: one.count for one in found}


async def list_lanes(session: ReadSession, market_id: str) -> list[str]:
    """The lanes of a market, in order."""
    wanted = select(col(Stall.lane)).where(col(Stall.market_id) == market_id).distinct()
    return await session.all(wanted.order_by(col(Stall.lane)))


async def _standings(
    session: ReadSession, stalls: Sequence[StallPlacing], on: date
) -> list[StallStanding]:
    ids = [stall.id for stall in stalls]
    debts = {(one.stall_id, one.vendor_id): one for one in await list_holder_debts(session, ids)}
    waived = {(one.stall_id, one.vendor_id) for one in await _let_off(session, ids, on)}
    return [
        standing_of(
            stall,
            debts.get((stall.id, stall.vendor_id or "")),
            on,
            let_off=(stall.id, stall.vendor_id) in waived,
        )
        for stall in stalls
    ]


async def list_holder_debts(session: ReadSession, stall_ids: Collection[str]) -> list[HolderDebt]:
    """What each vendor owes at each of these stalls now, what has come in part taken off."""
    charge = StallCharge
    bills = (
        values_of(
            _OwedBill,
            charge,
            Bill,
            due_on=func.max(BillingRun.due_on),
            amount=col(Bill.amount),
            waiting=amount_waiting(col(Bill.id)),
        )
        .join(BillingRun, col(BillingRun.id) == col(charge.run_id))
        .join(Bill, col(Bill.id) == col(charge.bill_id))
        .where(
            among(charge.stall_id, stall_ids),
            col(charge.voided_at).is_(None),
            col(Bill.status).in_(OWED),
        )
        .group_by(col(charge.stall_id), col(charge.vendor_id), col(Bill.id))
        .subquery()
    ).c
    return await session.all(
        values_of(
            HolderDebt,
            stall_id=bills.stall_id,
            vendor_id=bills.vendor_id,
            owed=cast(func.sum(bills.amount - bills.waiting), BigInteger),
            waiting=cast(func.sum(bills.waiting), BigInteger),
            due_on=func.min(bills.due_on),
        ).group_by(bills.stall_id, bills.vendor_id)
    )


async def _let_off(session: ReadSession, stall_ids: Collection[str], on: date) -> list[_LetOff]:
    """The stalls and holders whose price of a day was waived whole."""
    charge = StallCharge
    return await session.all(
        values_of(_LetOff, charge).where(
            among(charge.stall_id, stall_ids),
            col(charge.kind) == "rent",
            col(charge.voided_at).is_(None),
            col(charge.first_on) <= on,
            col(charge.last_on) >= on,
            col(charge.amount) == 0,
            col(charge.waived) > 0,
        )
    )
