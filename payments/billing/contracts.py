"""Ending a contract, also within a period that is billed already; and meters' readings."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, insert, update
from sqlmodel import col, select

from core import audit, clock
from core.crypto import Cipher
from core.errors import Conflict, FieldError, Invalid, NotFound
from core.ids import new_id
from core.sessions import WriteSession
from core.statements import values_of
from payments.billing.markets import lock_market
from payments.billing.models import (
    Market,
    MeterReadingRow,
    Stall,
    StallCharge,
    StallContract,
)
from payments.billing.rebilling import RebilledCount, list_standing, rebill
from payments.billing.setting_up import get_stall


class ReadingBilled(Conflict):
    """A reading of that day or a later one is billed already: it is not changed any more."""

    code = "reading_billed"


@dataclass(frozen=True, slots=True)
class _Contract:
    id: str
    stall_id: str
    market_id: str
    agency_id: str
    first_on: date
    last_on: date | None


@dataclass(frozen=True, slots=True)
class _ShownReading:
    read_on: date
    shows: int
    began_anew: bool


async def end_contract(
    session: WriteSession,
    contract_id: str,
    last_on: date,
    agency_ids: Collection[str],
    cipher: Cipher,
    *,
    actor: str,
) -> RebilledCount:
    """Say the last day of a contract; bills for later days are withdrawn and made anew.

    Raises `NotFound`, `Invalid` for a day before its first or after its last one, and `PeriodPaid`.
    """
    wanted = (
        values_of(_Contract, StallContract, Stall, Market)
        .join(Stall, col(Stall.id) == col(StallContract.stall_id))
        .join(Market, col(Market.id) == col(Stall.market_id))
        .where(StallContract.id == contract_id, col(Market.agency_id).in_(agency_ids))
    )
    known = await session.first(wanted)
    if known is None:
        raise NotFound("Không có hợp đồng này.")
    await lock_market(session, known.market_id)
    found = await session.one(wanted)  # as whoever had the market before has left it
    if not found.first_on <= last_on <= (found.last_on or last_on):
        detail = "Ngày kết thúc phải từ ngày bắt đầu, và không sau ngày kết thúc đã có."
        raise Invalid(detail, errors=[FieldError("last_on", "out_of_range", detail)])
    change = update(StallContract).where(col(StallContract.id) == contract_id)
    await session.write(change.values(last_on=last_on))
    own = col(StallCharge.contract_id) == contract_id
    standing = await list_standing(session, None, own, last_on, None)
    beyond = await session.all(
        select(StallCharge.id).where(
            own,
            col(StallCharge.voided_at).is_(None),
            col(StallCharge.last_on) > last_on,
        )
    )
    over = [one for one in standing if one.id in set(beyond)]
    done = await rebill(session, over, found.agency_id, cipher, actor=actor, strict=True)
    told = {"last_on": last_on.isoformat(), "billed_anew": done.anew}
    await audit.record(
        session,
        actor=actor,
        action="stall_contract.ended",
        object_id=contract_id,
        details=told,
    )
    return done


async def record_reading(
    session: WriteSession,
    stall_id: str,
    meter: str,
    read_on: date,
    shows: int,
    agency_ids: Collection[str],
    *,
    began_anew: bool = False,
    actor: str,
) -> str:
    """Write down what a meter showed at the end of a day; its id. Another of that day is replaced.

    Raises `NotFound`, `Invalid` where the meter would run backwards, and `ReadingBilled`.
    """
    stall = await get_stall(session, stall_id, agency_ids)
    await lock_market(session, stall.market_id)
    if read_on > clock.business_date(clock.now()):
        detail = "Ngày ghi chỉ số ở tương lai."
        raise Invalid(detail, errors=[FieldError("read_on", "out_of_range", detail)])
    billed = await session.one(
        select(func.coalesce(func.max(StallCharge.last_on), date.min)).where(
            col(StallCharge.stall_id) == stall_id,
            col(StallCharge.kind) == meter,
            col(StallCharge.voided_at).is_(None),
        )
    )
    if read_on <= billed:
        raise ReadingBilled(f"Chỉ số đến ngày {billed:%d/%m/%Y} đã được tính tiền.")
    reading = MeterReadingRow
    of_meter = (
        col(reading.stall_id) == stall_id,
        col(reading.meter) == meter,
        col(reading.voided_at).is_(None),
    )
    shown = values_of(_ShownReading, reading).where(*of_meter)
    before = await session.first(
        shown.where(col(reading.read_on) < read_on).order_by(col(reading.read_on).desc()).limit(1)
    )
    after = await session.first(
        shown.where(col(reading.read_on) > read_on).order_by(col(reading.read_on)).limit(1)
    )
    other = None
    if before is not None and shows < before.shows and not began_anew:
        other = before
    if after is not None and after.shows < shows and not after.began_anew:
        other = after
    if other is not None:
        told = f" ({other.shows} ngày {other.read_on:%d/%m/%Y})"
        detail = f"Chỉ số chạy lùi{told}; nếu đồng hồ quay vòng, hãy ghi began_anew."
        raise Invalid(detail, errors=[FieldError("shows", "meter_backwards", detail)])
    change = update(reading).where(*of_meter, col(reading.read_on) == read_on)
    await session.write(change.values(voided_at=clock.now()))
    row = {
        "id": new_id("reading"),
        "stall_id": stall_id,
        "meter": meter,
        "read_on": read_on,
        "shows": shows,
        "began_anew": began_anew,
        "read_by": actor,
        "created_at": clock.now(),
    }
    await session.write(insert(reading), row)
    return str(row["id"])
