"""What a billing run reads: a market's tariffs and waivers, and its stalls a batch at a time."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal
from typing import cast as typed

from sqlalchemy import ColumnElement, String, any_, cast, exists, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from core.sessions import ReadSession
from core.statements import values_of
from payments.billing.charging import (
    METERS,
    ChargeRate,
    DatedWaiver,
    HeldStall,
    PriceList,
    StallFacts,
    price_list,
)
from payments.billing.models import (
    ChargeTariffRow,
    MeterReadingRow,
    Stall,
    StallCharge,
    StallContract,
    StallTariffRow,
    StallWaiverRow,
)
from payments.billing.periods import Period
from payments.billing.rules import MeterReading, StallPlace, StallTariff


@dataclass(frozen=True, slots=True)
class MarketValue:
    """A market; amounts in đồng."""

    id: str
    agency_id: str
    code: str
    name: str
    name_en: str
    market_class: int
    route_order: int
    opening_day: int
    due_day: int
    rounded_to: int
    reminder_days: list[int]
    opens_itself_from_on: date | None

    @property
    def opens_itself(self) -> bool:
        """Whether its months are opened by the worker."""
        return self.opens_itself_from_on is not None


@dataclass(frozen=True, slots=True)
class _StallRow:
    id: str
    code: str
    kind: str
    area: int
    frontages: int
    meter_digits: int


@dataclass(frozen=True, slots=True)
class _TariffRow:
    market_class: int
    kind: str
    per: str
    rate: int
    frontage_surcharges: list[int]
    vat_percent: int
    basis: str
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class _ReadingRow:
    """What a meter showed on a day, and what it had shown at the reading before."""

    stall_id: str
    meter: str
    before_on: date
    before: int
    read_on: date
    shows: int
    began_anew: bool


@dataclass(frozen=True, slots=True)
class _BilledKind:
    contract_id: str
    kind: str


def among(column: str, values: Collection[str]) -> ColumnElement[bool]:
    """That a column is one of these: an array, for a list of thousands is dear to send."""
    return col(column) == any_(cast(list(values), ARRAY(String)))


async def load_prices(session: ReadSession, market: MarketValue, last: date) -> PriceList:
    """The tariffs of a market that begin on a day or before it."""
    tariff = StallTariffRow
    rows = await session.all(
        values_of(_TariffRow, tariff)
        .where(
            col(tariff.agency_id) == market.agency_id,
            col(tariff.market_class) == market.market_class,
            col(tariff.valid_from) <= last,
        )
        .order_by(col(tariff.valid_from))
    )
    tariffs = [
        StallTariff(
            market_class=row.market_class,
            covers=frozenset({row.kind}),
            per=typed(Literal["day", "month"], row.per),
            rate=row.rate,
            valid_from=row.valid_from,
            valid_to=row.valid_to,
            frontage_surcharges=tuple(row.frontage_surcharges),
            vat_percent=row.vat_percent,
        )
        for row in rows
    ]
    rates = await session.all(
        values_of(ChargeRate, ChargeTariffRow)
        .where(col(ChargeTariffRow.market_id) == market.id)
        .order_by(col(ChargeTariffRow.valid_from))
    )
    bases = {row.kind: row.basis for row in rows}
    return price_list(tariffs, bases, rates, market.rounded_to)


async def load_waivers(session: ReadSession, market_id: str, period: Period) -> list[DatedWaiver]:
    """The waivers of a market that meet a period, in the order in which they were granted."""
    waiver = StallWaiverRow
    return await session.all(
        values_of(DatedWaiver, waiver)
        .where(
            col(waiver.market_id) == market_id,
            col(waiver.first_on) <= period.last,
            col(waiver.last_on) >= period.first,
        )
        .order_by(col(waiver.id))
    )


async def load_stalls(
    session: ReadSession,
    market: MarketValue,
    *,
    after: str,
    limit: int,
    until: date,
    only: Collection[str] | None = None,
) -> list[StallFacts]:
    """The next stalls of a market by their ids, with what their charges depend on up to a day."""
    wanted = values_of(_StallRow, Stall).where(col(Stall.market_id) == market.id)
    if only is not None:
        wanted = wanted.where(among(Stall.id, only))
    stalls = await session.all(
        wanted.where(col(Stall.id) > after).order_by(col(Stall.id)).limit(limit)
    )
    ids = [stall.id for stall in stalls]
    contracts: dict[str, list[HeldStall]] = defaultdict(list)
    for contract in await session.all(
        values_of(HeldStall, StallContract)
        .where(among(StallContract.stall_id, ids), col(StallContract.first_on) <= until)
        .order_by(col(StallContract.first_on))
    ):
        contracts[contract.stall_id].append(contract)
    readings, billed = await _readings(session, ids, until)
    return [
        StallFacts(
            id=stall.id,
            code=stall.code,
            place=StallPlace(market.market_class, stall.kind, stall.area, stall.frontages),
            meter_digits=stall.meter_digits,
            contracts=contracts[stall.id],
            readings={meter: readings.get((stall.id, meter), []) for meter in METERS},
            billed={meter: billed.get((stall.id, meter), ()) for meter in METERS},
        )
        for stall in stalls
    ]


async def _readings(
    session: ReadSession, stall_ids: Sequence[str], until: date
) -> tuple[dict[tuple[str, str], list[MeterReading]], dict[tuple[str, str], set[date]]]:
    """The readings of stalls between which something is not billed, and days up to which it is.

    Each pair of readings is looked for among the charges that stand, not only those after the last
    charge: a bill that was withdrawn leaves a gap that later periods do not close.
    """
    reading, charge = MeterReadingRow, StallCharge
    meters, by_days = (col(reading.stall_id), col(reading.meter)), col(reading.read_on)
    pairs = (
        values_of(
            _ReadingRow,
            reading,
            before_on=func.lag(by_days).over(partition_by=meters, order_by=by_days),
            before=func.lag(col(reading.shows)).over(partition_by=meters, order_by=by_days),
        )
        .where(
            among(reading.stall_id, stall_ids), col(reading.voided_at).is_(None), by_days <= until
        )
        .subquery()
    ).c
    is_billed = exists().where(
        col(charge.stall_id) == pairs.stall_id,
        col(charge.kind) == pairs.meter,
        col(charge.voided_at).is_(None),
        col(charge.first_on) <= pairs.before_on + 1,
        col(charge.last_on) >= pairs.read_on,
    )
    named = {name: pairs[name] for name in _ReadingRow.__dataclass_fields__}
    found: dict[tuple[str, str], list[MeterReading]] = defaultdict(list)
    billed: dict[tuple[str, str], set[date]] = defaultdict(set)
    wanted = values_of(_ReadingRow, **named).where(pairs.before_on.is_not(None), ~is_billed)
    for row in await session.all(wanted.order_by(pairs.read_on)):
        of_meter = found[row.stall_id, row.meter]
        if of_meter and of_meter[-1].on < row.before_on:
            billed[row.stall_id, row.meter].add(row.before_on)
        if not of_meter or of_meter[-1].on < row.before_on:
            of_meter.append(MeterReading(row.before_on, row.before))
        of_meter.append(MeterReading(row.read_on, row.shows, row.began_anew))
    return found, billed


async def find_billed(
    session: ReadSession, contract_ids: Collection[str], period: str
) -> set[tuple[str, str]]:
    """What of these contracts is billed for a period already: contract and kind."""
    charge = StallCharge
    found = await session.all(
        values_of(_BilledKind, charge).where(
            among(charge.contract_id, contract_ids),
            col(charge.period) == period,
            col(charge.voided_at).is_(None),
        )
    )
    return {(one.contract_id, one.kind) for one in found}
