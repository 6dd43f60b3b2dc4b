"""What a collector needs for the walk, and what they have taken: frozen values, never rows."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import BigInteger, cast, func
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import col, select

from core import clock
from core.sessions import ReadSession
from core.statements import values_of
from payments.billing.credit.queries import Tenancy, holder_on, list_holdings
from payments.billing.dues.queries import VendorStall
from payments.billing.models import BillingRun, Market, MeterReadingRow, Stall, StallCharge
from payments.bills.models import Bill
from payments.books.suspense import amount_waiting, list_stall_credit


@dataclass(frozen=True, slots=True)
class LastReading:
    """What a stall's meter showed last."""

    stall_id: str
    meter: str
    shows: int
    read_on: date


@dataclass(frozen=True, slots=True)
class WalkStall:
    """A stall as a collector comes past it; amounts in đồng. It says nothing of who holds it.

    `credit` waits for the holder's next bill; `since` is by when the oldest debt was to be paid.
    """

    id: str
    code: str
    lane: str
    reference: str
    held: bool
    owed: int
    credit: int
    since: date | None
    readings: tuple[LastReading, ...]


@dataclass(frozen=True, slots=True)
class _Place:
    id: str
    code: str
    lane: str
    reference: str


@dataclass(frozen=True, slots=True)
class _StallSum:
    stall_id: str
    vendor_id: str
    missing: int
    since: date


_OWN = values_of(
    VendorStall,
    Stall,
    agency_id=col(Market.agency_id),
    market=col(Market.name),
    market_en=col(Market.name_en),
).join_from(Stall, Market, col(Market.id) == col(Stall.market_id))


async def find_own_stall(
    session: ReadSession, stall_id: str, agency_ids: Collection[str]
) -> VendorStall | None:
    """A stall of these agencies by its id; None where it is none of theirs."""
    return await session.first(
        _OWN.where(col(Stall.id) == stall_id, col(Market.agency_id).in_(agency_ids))
    )


async def list_walk(session: ReadSession, market_id: str) -> list[WalkStall]:
    """The stalls of a market in the order of the route, with what their holders owe there now."""
    places = await session.all(
        values_of(_Place, Stall)
        .where(col(Stall.market_id) == market_id)
        .order_by(col(Stall.route_order), col(Stall.lane), col(Stall.code))
    )
    today = clock.business_date(clock.now())
    holdings: defaultdict[str, list[Tenancy]] = defaultdict(list)
    references = [place.reference for place in places]
    for holding in await list_holdings(session, references):
        holdings[holding.stall_id].append(holding)
    sums = {(one.stall_id, one.vendor_id): one for one in await _sums(session, market_id)}
    credit: defaultdict[tuple[str, str], int] = defaultdict(int)
    stall_of = {place.reference: place.id for place in places}
    for item in await list_stall_credit(session, references):
        stall_id = stall_of[item.reference or ""]
        whose = holder_on(holdings[stall_id], clock.business_date(item.paid_at))
        if whose is not None:
            credit[stall_id, whose.vendor_id] += item.amount
    readings: defaultdict[str, list[LastReading]] = defaultdict(list)
    for reading in await _last_readings(session, market_id):
        readings[reading.stall_id].append(reading)
    found = []
    for place in places:
        holder = holder_on(holdings[place.id], today)
        whose_sum = None if holder is None else sums.get((place.id, holder.vendor_id))
        waits = 0 if holder is None else credit[place.id, holder.vendor_id]
        missing = 0 if whose_sum is None else whose_sum.missing
        found.append(
            WalkStall(
                id=place.id,
                code=place.code,
                lane=place.lane,
                reference=place.reference,
                held=holder is not None,
                owed=max(missing - waits, 0),
                credit=max(waits - missing, 0),
                since=whose_sum.since if whose_sum is not None and missing > waits else None,
                readings=tuple(readings[place.id]),
            )
        )
    return found


async def _sums(session: ReadSession, market_id: str) -> Sequence[_StallSum]:
    """What vendors owe at the stalls of a market, where they owe anything."""
    # A bill has several charges, and counts once.
    bills = (
        select(
            col(StallCharge.bill_id),
            col(StallCharge.stall_id),
            col(StallCharge.vendor_id),
            col(BillingRun.due_on),
        )
        .join(BillingRun, col(BillingRun.id) == col(StallCharge.run_id))
        .join(Stall, col(Stall.id) == col(StallCharge.stall_id))
        .where(col(Stall.market_id) == market_id, col(StallCharge.voided_at).is_(None))
        .distinct()
        .subquery()
    )
    missing = col(Bill.amount) - amount_waiting(col(Bill.id))
    return await session.all(
        values_of(
            _StallSum,
            stall_id=bills.c.stall_id,
            vendor_id=bills.c.vendor_id,
            missing=cast(func.sum(missing), BigInteger),
            since=func.min(bills.c.due_on),
        )
        .join_from(bills, Bill, col(Bill.id) == bills.c.bill_id)
        .where(col(Bill.status).in_(("open", "expired")))
        .group_by(bills.c.stall_id, bills.c.vendor_id)
    )


async def _last_readings(session: ReadSession, market_id: str) -> Sequence[LastReading]:
    row = MeterReadingRow
    return await session.all(
        values_of(LastReading, row)
        .ext(distinct_on(col(row.stall_id), col(row.meter)))
        .join(Stall, col(Stall.id) == col(row.stall_id))
        .where(col(Stall.market_id) == market_id, col(row.voided_at).is_(None))
        .order_by(col(row.stall_id), col(row.meter), col(row.read_on).desc())
    )
