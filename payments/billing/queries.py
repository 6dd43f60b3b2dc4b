"""What is written down of markets, as frozen values, never rows. Amounts are whole đồng."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from sqlalchemy import BigInteger, cast, func
from sqlmodel import col, select

from core.crypto import Cipher
from core.cursors import Page, page_of
from core.errors import NotFound
from core.sessions import ReadSession
from core.statements import values_of
from payments.billing.batches import opened_vendor
from payments.billing.loading import among
from payments.billing.models import (
    BillingRun,
    ChargeTariffRow,
    Market,
    MeterReadingRow,
    Stall,
    StallCharge,
    StallContract,
    StallTariffRow,
    StallWaiverRow,
    Vendor,
)
from payments.bills.models import Bill, PayerData


@dataclass(frozen=True, slots=True)
class StallValue:
    """A stall of a market; `area` in square decimetres."""

    id: str
    code: str
    kind: str
    area: int
    frontages: int
    lane: str
    route_order: int
    place_x: int | None
    place_y: int | None
    reference: str
    meter_digits: int


@dataclass(frozen=True, slots=True)
class VendorValue:
    """A vendor with the personal data, open; `agency` is the agency's id."""

    id: str
    agency_id: str
    code: str
    language: str
    reminders_refused_at: datetime | None
    data: dict[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ContractValue:
    """A contract, with the codes of its stall and vendor."""

    id: str
    stall: str
    vendor: str
    number: str
    first_on: date
    last_on: date | None
    billed_by: str
    services: dict[str, int]


@dataclass(frozen=True, slots=True)
class StallTariffValue:
    """A tariff of places."""

    id: str
    market_class: int
    kind: str
    per: str
    rate: int
    frontage_surcharges: list[int]
    vat_included: bool
    vat_percent: int
    basis: str
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class ChargeTariffValue:
    """A tariff of something beside the place."""

    id: str
    kind: str
    code: str
    name: str
    name_en: str
    per: str
    rate: int
    vat_included: bool
    vat_percent: int
    basis: str
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class ReadingValue:
    """What a meter showed at the end of a day."""

    id: str
    meter: str
    read_on: date
    shows: int
    began_anew: bool


@dataclass(frozen=True, slots=True)
class WaiverValue:
    """What two people let off; `stall_id` None for a whole market.

    Either `percent` of the price, or `amount` đồng of each stall's.
    """

    id: str
    stall_id: str | None
    first_on: date
    last_on: date
    percent: int
    amount: int
    reason: str
    basis: str


@dataclass(frozen=True, slots=True)
class BillingRunValue:
    """A billing run; `problems` are stall, code and detail."""

    id: str
    market_id: str
    market: str
    agency_id: str
    kind: str
    period: str
    first_on: date
    last_on: date
    opened_on: date
    due_on: date
    readings_until: date
    state: str
    started_by: str
    created_at: datetime
    finished_at: datetime | None
    problems: list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class ChargedSum:
    """Charges of one kind and state of their bills: how many, what is owed, what was let off."""

    kind: str
    status: str
    count: int
    amount: int
    waived: int


@dataclass(frozen=True, slots=True)
class _Vendor:
    id: str
    agency_id: str
    code: str
    language: str
    reminders_refused_at: datetime | None
    data: bytes = field(repr=False)


async def page_of_stalls(
    session: ReadSession, market_id: str, *, cursor: str | None, limit: int
) -> Page[StallValue]:
    """The stalls of a market by their ids; `cursor` is the id to go on after."""
    wanted = values_of(StallValue, Stall).where(col(Stall.market_id) == market_id)
    if cursor is not None:
        wanted = wanted.where(col(Stall.id) > cursor)
    found = await session.all(wanted.order_by(col(Stall.id)).limit(limit + 1))
    return page_of(found, limit, lambda stall: stall.id)


async def page_of_vendors(
    session: ReadSession,
    agency_ids: Collection[str],
    cipher: Cipher,
    *,
    cursor: str | None,
    limit: int,
) -> Page[VendorValue]:
    """The vendors of these agencies by their ids; `cursor` is the id to go on after."""
    wanted = (
        values_of(_Vendor, Vendor, PayerData)
        .join(PayerData, col(PayerData.subject_id) == col(Vendor.id))
        .where(col(Vendor.agency_id).in_(agency_ids))
    )
    if cursor is not None:
        wanted = wanted.where(col(Vendor.id) > cursor)
    found = await session.all(wanted.order_by(col(Vendor.id)).limit(limit + 1))
    opened = [
        VendorValue(
            *(one.id, one.agency_id, one.code, one.language, one.reminders_refused_at),
            opened_vendor(cipher, one.id, one.data),
        )
        for one in found
    ]
    return page_of(opened, limit, lambda vendor: vendor.id)


async def open_vendors(
    session: ReadSession, cipher: Cipher, vendor_ids: Collection[str]
) -> dict[str, dict[str, str]]:
    """The personal data of these vendors, open, by their ids: `name`, `phone` and so on."""
    found = await session.all(
        values_of(_Vendor, Vendor, PayerData)
        .join(PayerData, col(PayerData.subject_id) == col(Vendor.id))
        .where(among(Vendor.id, vendor_ids))
    )
    return {one.id: opened_vendor(cipher, one.id, one.data) for one in found}


async def page_of_contracts(
    session: ReadSession, market_id: str, *, cursor: str | None, limit: int
) -> Page[ContractValue]:
    """The contracts of a market by their ids; `cursor` is the id to go on after."""
    wanted = (
        values_of(ContractValue, StallContract, stall=col(Stall.code), vendor=col(Vendor.code))
        .join(Stall, col(Stall.id) == col(StallContract.stall_id))
        .join(Vendor, col(Vendor.id) == col(StallContract.vendor_id))
        .where(col(Stall.market_id) == market_id)
    )
    if cursor is not None:
        wanted = wanted.where(col(StallContract.id) > cursor)
    found = await session.all(wanted.order_by(col(StallContract.id)).limit(limit + 1))
    return page_of(found, limit, lambda contract: contract.id)


async def list_stall_tariffs(
    session: ReadSession, agency_id: str, market_class: int
) -> list[StallTariffValue]:
    """The tariffs of places at an agency's markets of a class, by kind and day."""
    row = StallTariffRow
    wanted = values_of(StallTariffValue, row).where(
        col(row.agency_id) == agency_id, col(row.market_class) == market_class
    )
    return await session.all(wanted.order_by(col(row.kind), col(row.valid_from)))


async def list_charge_tariffs(session: ReadSession, market_id: str) -> list[ChargeTariffValue]:
    """The tariffs of a market beside its places, by kind, code and day."""
    row = ChargeTariffRow
    wanted = values_of(ChargeTariffValue, row).where(col(row.market_id) == market_id)
    return await session.all(wanted.order_by(col(row.kind), col(row.code), col(row.valid_from)))


async def list_readings(session: ReadSession, stall_id: str) -> list[ReadingValue]:
    """The readings of a stall that stand, the newest first."""
    row = MeterReadingRow
    wanted = values_of(ReadingValue, row).where(
        col(row.stall_id) == stall_id, col(row.voided_at).is_(None)
    )
    return await session.all(wanted.order_by(col(row.read_on).desc(), col(row.meter)).limit(500))


@dataclass(frozen=True, slots=True)
class WrittenReading:
    """Who wrote a reading down and when, and of which stall, by its code."""

    stall: str
    meter: str
    read_by: str
    created_at: datetime


async def find_reading(
    session: ReadSession, market_id: str, reading_id: str
) -> WrittenReading | None:
    """The reading of that id at a market, if it stands."""
    row = MeterReadingRow
    wanted = values_of(WrittenReading, row, stall=col(Stall.code)).join(
        Stall, col(Stall.id) == col(row.stall_id)
    )
    of_market = (col(Stall.market_id) == market_id, col(row.id) == reading_id)
    return await session.first(wanted.where(*of_market, col(row.voided_at).is_(None)))


async def list_waivers(session: ReadSession, market_id: str) -> list[WaiverValue]:
    """The waivers of a market, the newest first."""
    row = StallWaiverRow
    wanted = values_of(WaiverValue, row).where(col(row.market_id) == market_id)
    return await session.all(wanted.order_by(col(row.id).desc()).limit(500))


_RUNS = values_of(BillingRunValue, BillingRun, Market, market=col(Market.code)).join(
    Market, col(Market.id) == col(BillingRun.market_id)
)


async def list_runs(session: ReadSession, market_id: str) -> list[BillingRunValue]:
    """The billing runs of a market, the newest first."""
    wanted = _RUNS.where(col(BillingRun.market_id) == market_id)
    return await session.all(wanted.order_by(col(BillingRun.id).desc()).limit(500))


async def get_run(
    session: ReadSession, run_id: str, agency_ids: Collection[str]
) -> BillingRunValue:
    """A billing run of these agencies. Raises `NotFound`."""
    found = await session.first(
        _RUNS.where(col(BillingRun.id) == run_id, col(Market.agency_id).in_(agency_ids))
    )
    if found is None:
        raise NotFound("Không có đợt lập khoản thu này.")
    return found


async def sum_charges(session: ReadSession, run_id: str) -> list[ChargedSum]:
    """What a run has charged, by kind and state of the bills; `none` is owed nothing of."""
    charge = StallCharge
    kind = func.split_part(charge.kind, ":", 1)
    status = func.coalesce(Bill.status, "none")
    return await session.all(
        values_of(
            ChargedSum,
            charge,
            kind=kind,
            status=status,
            count=func.count(),
            amount=cast(func.sum(charge.amount), BigInteger),
            waived=cast(func.sum(charge.waived), BigInteger),
        )
        .join(Bill, col(Bill.id) == col(charge.bill_id), isouter=True)
        .where(col(charge.run_id) == run_id, col(charge.voided_at).is_(None))
        .group_by(kind, status)
        .order_by(kind, status)
    )


async def count_billed_stalls(session: ReadSession, run_id: str) -> int:
    """How many stalls a run has charged so far."""
    charge = StallCharge
    wanted = select(func.count(col(charge.stall_id).distinct())).where(
        col(charge.run_id) == run_id, col(charge.voided_at).is_(None)
    )
    return await session.one(wanted)


@dataclass(frozen=True, slots=True)
class _Code:
    id: str
    code: str


async def find_codes(
    session: ReadSession,
    what: Literal["stall", "vendor"],
    owner_id: str,
    codes: Collection[str],
) -> dict[str, str]:
    """The ids of stalls of a market, or vendors of an agency, by those of the codes that exist."""
    if what == "stall":
        wanted = values_of(_Code, Stall).where(
            col(Stall.market_id) == owner_id, among(Stall.code, codes)
        )
    else:
        wanted = values_of(_Code, Vendor).where(
            col(Vendor.agency_id) == owner_id, among(Vendor.code, codes)
        )
    return {one.code: one.id for one in await session.all(wanted)}
