"""A market for a demonstration: forty stalls with real tariffs, unreal vendors, two months billed.

The tariffs are those of Đồng Tháp's decision 480/QĐ-UBND of 14/02/2026 for the markets of phường
Cao Lãnh (2,000, 1,500 and 1,000 đồng for a square metre and day, VAT included); what electricity,
water and waste cost is made up. Names and telephone numbers are nobody's.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Final

from sqlalchemy import insert, update
from sqlmodel import col, select

from core import clock
from core.crypto import Cipher
from core.ids import new_id
from core.sessions import WriteSession
from payments.billing.batches import bill_batch
from payments.billing.commands import (
    NewContract,
    NewMarket,
    NewStall,
    NewVendor,
    add_contracts,
    add_stalls,
    add_vendors,
    create_market,
    record_reading,
)
from payments.billing.loading import MarketValue
from payments.billing.markets import get_market
from payments.billing.models import (
    BillingRun,
    ChargeTariffRow,
    Market,
    StallCharge,
    StallTariffRow,
)
from payments.billing.periods import month_of
from payments.billing.runs import RunOutcome, begin_run, finish_run
from payments.bills.models import Bill

_ACTOR: Final = "system:seed"
MARKET_CODE: Final = "cho-ben-mau"
_BASIS: Final = "QĐ 480/QĐ-UBND ngày 14/02/2026 của UBND tỉnh Đồng Tháp"
_NOTICE: Final = "Thông báo giá năm 2026 của ban quản lý chợ (số liệu thử nghiệm)"
_BEGAN: Final = date(2025, 1, 1)
_STALLS: Final = 40
#: When a month's bills are made on its first day.
_OPENED_AT: Final = time(7)
_FAMILIES: Final = ("Nguyễn", "Trần", "Lê", "Phạm", "Huỳnh", "Võ", "Đặng", "Bùi")
_GIVEN: Final = ("Sáu", "Bảy", "Lành", "Thơm", "Út", "Mận", "Hai", "Đào", "Tư", "Ba")


async def seed_market(
    session: WriteSession, agency_id: str, *, cipher: Cipher, key: bytes
) -> MarketValue:
    """The demonstration's market with the bills of last month and this one, made once."""
    known = select(Market.id).where(Market.agency_id == agency_id, Market.code == MARKET_CODE)
    if (found := await session.first(known)) is not None:
        return await get_market(session, found)
    market_id = await create_market(
        session,
        agency_id,
        NewMarket(MARKET_CODE, "Chợ Bến Mẫu", "Ben Mau Market", market_class=3),
        actor=_ACTOR,
    )
    market = await get_market(session, market_id)
    await _tariffs(session, market)
    numbers = range(_STALLS)
    stalls = await add_stalls(session, market, [_stall(n) for n in numbers], actor=_ACTOR)
    # Two vendors hold two stalls each.
    vendors = await add_vendors(
        session,
        agency_id,
        [_vendor(n) for n in range(_STALLS - 2)],
        cipher=cipher,
        key=key,
        actor=_ACTOR,
    )
    ids, holders = list(stalls.values()), list(vendors.values())
    this_month = month_of(clock.business_date(clock.now()))
    last_month = month_of(this_month.first - timedelta(days=1))
    handed_over = last_month.first.replace(day=16)
    contracts = [
        NewContract(
            ids[n],
            holders[n % len(holders)],
            _BEGAN,
            # One stall changes hands in the middle of last month.
            last_on=handed_over - timedelta(days=1) if n == 7 else None,
            number=f"HĐ-{n + 1:03d}/2025",
            services={"service:rac": 1},
        )
        for n in numbers
    ]
    contracts.append(NewContract(ids[7], holders[20], handed_over, services={"service:rac": 1}))
    await add_contracts(session, market, contracts, actor=_ACTOR)
    await _read_meters(
        session, market, ids, [last_month.first - timedelta(days=31), last_month.first]
    )
    await _bill(session, market, last_month.first, cipher)
    await _read_meters(session, market, ids, [this_month.first])
    await _bill(session, market, this_month.first, cipher)
    return market


def _stall(number: int) -> NewStall:
    kind = ("nha-long", "nha-long", "ngoai-troi", "tu-san")[number // 10]
    lane, place = "ABCD"[number // 10], number % 10
    return NewStall(
        code=f"{lane}{place + 1:02d}",
        kind=kind,
        area=(600, 800, 400, 300)[number // 10] + 50 * (place % 3),
        frontages=2 if place in (0, 9) else 1,
        lane=lane,
        route_order=number,
        place_x=place * 3,
        place_y=(number // 10) * 4,
    )


def _vendor(number: int) -> NewVendor:
    family, given = _FAMILIES[number % len(_FAMILIES)], _GIVEN[number % len(_GIVEN)]
    return NewVendor(f"TT-{number + 1:03d}", f"{family} Thị {given}", f"0900000{number:03d}")


async def _tariffs(session: WriteSession, market: MarketValue) -> None:
    now = clock.now()
    for kind, rate in (("nha-long", 2_000), ("ngoai-troi", 1_500), ("tu-san", 1_000)):
        row = {
            "id": new_id("startariff"),
            "agency_id": market.agency_id,
            "market_class": market.market_class,
            "kind": kind,
            "per": "day",
            "rate": rate,
            "frontage_surcharges": [],
            "basis": _BASIS,
            "valid_from": _BEGAN,
            "created_at": now,
        }
        await session.write(insert(StallTariffRow), row)
    for kind, code, name, name_en, per, rate in (
        ("electricity", "electricity", "Tiền điện", "Electricity", "unit", 3_200),
        ("water", "water", "Tiền nước", "Water", "unit", 12_500),
        ("service", "rac", "Thu gom rác", "Waste collection", "month", 60_000),
        ("entry", "vang-lai", "Vé vào chợ bán vãng lai", "Entry of casual sellers", "entry", 3_000),
    ):
        row = {
            "id": new_id("rate"),
            "market_id": market.id,
            "kind": kind,
            "code": code,
            "name": name,
            "name_en": name_en,
            "per": per,
            "rate": rate,
            "basis": _NOTICE,
            "valid_from": _BEGAN,
            "created_at": now,
        }
        await session.write(insert(ChargeTariffRow), row)


async def _read_meters(
    session: WriteSession, market: MarketValue, stall_ids: Sequence[str], days: Sequence[date]
) -> None:
    """What the meters of the first covered row show: a modest use, more in each stall."""
    for number, stall_id in enumerate(stall_ids[:5]):
        for day in days:
            shows = 1_000 + (day - _BEGAN).days * (2 + number)
            await record_reading(
                session, stall_id, "electricity", day, shows, [market.agency_id], actor=_ACTOR
            )


async def _bill(session: WriteSession, market: MarketValue, first: date, cipher: Cipher) -> None:
    """A month's bills, opened on its first day."""
    run_id = await begin_run(
        session, market, month_of(first), actor=_ACTOR, opened_on=first, readings_until=first
    )
    done = await bill_batch(session, run_id, cipher, after="", actor=_ACTOR)
    outcome = RunOutcome(run_id, done.stalls, done.bills, done.charges, done.problems)
    await finish_run(session, outcome, actor=_ACTOR)
    await _date_back(session, run_id, first)


async def _date_back(session: WriteSession, run_id: str, first: date) -> None:
    """Have a run and its bills look as made when their month was opened, as a real market's were.

    The log keeps when they were made, and that it was for a demonstration.
    """
    at = min(datetime.combine(first, _OPENED_AT, clock.VIETNAM), clock.now())
    of_run = select(StallCharge.bill_id).where(col(StallCharge.run_id) == run_id)
    await session.write(update(Bill).where(col(Bill.id).in_(of_run)).values(created_at=at))
    await session.write(
        update(StallCharge).where(col(StallCharge.run_id) == run_id).values(created_at=at)
    )
    run = update(BillingRun).where(col(BillingRun.id) == run_id)
    await session.write(run.values(created_at=at, finished_at=at))
