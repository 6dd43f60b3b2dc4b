"""What people write down of a market: itself, its stalls, vendors and contracts, and readings.

Commands take a session and never commit; several of a kind are written at once, as a file has them.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from psycopg.errors import ExclusionViolation, UniqueViolation
from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from core import audit, clock
from core.crypto import Cipher
from core.errors import Conflict, FieldError, Invalid, NotFound
from core.ids import new_id
from core.json import canonical
from core.references import new_reference
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.agencies.changes import record_change
from payments.billing.credit.commands import tell_of_credit
from payments.billing.loading import MarketValue, among
from payments.billing.markets import lock_market
from payments.billing.models import Market, Stall, StallContract, Vendor
from payments.billing.periods import REMINDER_DAYS, month_opened_by
from payments.bills.models import PayerData, Reference
from payments.bills.names import hash_of_name


class MarketCodeTaken(Conflict):
    """Something of that kind has this code already: choose another one, or change that."""

    code = "code_taken"


class StallHeld(Conflict):
    """Somebody holds the stall on one of these days: end that contract first."""

    code = "stall_held"


@dataclass(frozen=True, slots=True)
class NewMarket:
    """A market to write down; see `payments.billing.models.Market`."""

    code: str
    name: str
    name_en: str
    market_class: int
    route_order: int = 0
    opening_day: int = 1
    due_day: int = 15
    rounded_to: int = 1
    reminder_days: Sequence[int] = REMINDER_DAYS
    opens_itself: bool = False


@dataclass(frozen=True, slots=True)
class NewStall:
    """A stall to write down: `area` in square decimetres."""

    code: str
    kind: str
    area: int
    frontages: int = 1
    lane: str = ""
    route_order: int = 0
    place_x: int | None = None
    place_y: int | None = None
    meter_digits: int = 5


@dataclass(frozen=True, slots=True)
class NewVendor:
    """A vendor to write down; all but the code is kept sealed."""

    code: str
    name: str = field(repr=False)
    phone: str = field(default="", repr=False)
    tax_number: str = field(default="", repr=False)

    def data(self) -> dict[str, str]:
        """What is sealed, under the names that bills use for their payers."""
        said = {"name": self.name, "phone": self.phone, "payer_tax_number": self.tax_number}
        return {name: value for name, value in said.items() if value}


@dataclass(frozen=True, slots=True)
class NewContract:
    """That a vendor is to hold a stall: ids, days, how it is billed, code → count of services."""

    stall_id: str
    vendor_id: str
    first_on: date
    last_on: date | None = None
    billed_by: str = "month"
    number: str = ""
    services: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Stall:
    id: str
    market_id: str
    agency_id: str


async def create_market(
    session: WriteSession, agency_id: str, new: NewMarket, *, actor: str
) -> str:
    """Write a market down; its id. Raises `MarketCodeTaken`."""
    known = select(Market.id).where(Market.agency_id == agency_id, Market.code == new.code)
    if await session.first(known) is not None:
        raise _taken("code", new.code)
    row = {name: getattr(new, name) for name in NewMarket.__dataclass_fields__}
    del row["opens_itself"]
    row |= {"id": new_id("market"), "agency_id": agency_id, "created_at": clock.now()}
    row |= {"reminder_days": sorted(set(new.reminder_days))}
    row |= {"opens_itself_from_on": _tomorrow() if new.opens_itself else None}
    await session.write(insert(Market), row)
    market_id = str(row["id"])
    await _note(session, actor, "market.created", market_id, {"code": new.code})
    return market_id


async def schedule_market(
    session: WriteSession,
    market: MarketValue,
    *,
    opening_day: int | None = None,
    reminder_days: Sequence[int] | None = None,
    opens_itself: bool | None = None,
    actor: str,
) -> None:
    """Change on which days a market's months are opened and reminded of, and by whom.

    What is left out stays. Switched on, the worker opens months whose opening day is still to come;
    with another opening day it passes over none of them.
    """
    values: dict[str, object] = {}
    if opening_day is not None:
        values["opening_day"] = opening_day
    if reminder_days is not None:
        values["reminder_days"] = sorted(set(reminder_days))
    if opens_itself is not None and opens_itself != market.opens_itself:
        values["opens_itself_from_on"] = _tomorrow() if opens_itself else None
    elif (since := market.opens_itself_from_on) and opening_day not in (None, market.opening_day):
        values["opens_itself_from_on"] = _opened_from(
            market, since, opening_day or market.opening_day
        )
    if not values:
        return
    before = {name: _told(getattr(market, name)) for name in values}
    await session.write(update(Market).where(col(Market.id) == market.id).values(values))
    after = {name: _told(value) for name, value in values.items()}
    await record_change(session, actor, "market.scheduled", market.id, before, after)


def _opened_from(market: MarketValue, since: date, opening_day: int) -> date:
    """From when on the worker opens months, once they have another opening day.

    A month whose old day is still to come is opened even where its new one is over, for nobody
    would ever open it; what the old day has left to people is not opened at once.
    """
    today = clock.business_date(clock.now())
    before, before_on = month_opened_by(today, market.opening_day, market.due_day)
    now, now_on = month_opened_by(today, opening_day, market.due_day)
    if now.first > before.first or (now.first == before.first and since <= before_on):
        return min(since, now_on)
    return _tomorrow()


def _tomorrow() -> date:
    return clock.business_date(clock.now()) + timedelta(days=1)


def _told(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


async def add_stalls(
    session: WriteSession, market: MarketValue, new: Sequence[NewStall], *, actor: str
) -> dict[str, str]:
    """Write stalls down, each with the reference that transfers for it bear; code → id.

    Raises `MarketCodeTaken`.
    """
    await lock_market(session, market.id)
    now = clock.now()
    known = await session.all(
        select(Stall.code).where(
            Stall.market_id == market.id, among(Stall.code, [one.code for one in new])
        )
    )
    if known or len({one.code for one in new}) < len(new):
        raise _taken("code", *known)
    ids = {one.code: new_id("stall") for one in new}
    references = {one.code: new_reference() for one in new}
    if not new:
        return ids
    await session.write_each(
        insert(Reference),
        [
            {
                "reference": references[one.code],
                "kind": "stall",
                "agency_id": market.agency_id,
                "created_at": now,
            }
            for one in new
        ],
    )
    rows = [
        {name: getattr(one, name) for name in NewStall.__dataclass_fields__}
        | {
            "id": ids[one.code],
            "market_id": market.id,
            "reference": references[one.code],
            "created_at": now,
        }
        for one in new
    ]
    await session.write_each(insert(Stall), rows)
    await _note(session, actor, "market.stalls_added", market.id, {"count": len(rows)})
    return ids


async def add_vendors(
    session: WriteSession,
    agency_id: str,
    new: Sequence[NewVendor],
    *,
    cipher: Cipher,
    key: bytes,
    actor: str,
) -> dict[str, str]:
    """Write vendors down, what is personal sealed; code → id. `key` keys the names' hashes.

    Raises `MarketCodeTaken`.
    """
    now = clock.now()
    known = await session.all(
        select(Vendor.code).where(
            Vendor.agency_id == agency_id, among(Vendor.code, [one.code for one in new])
        )
    )
    if known or len({one.code for one in new}) < len(new):
        raise _taken("code", *known)
    ids = {one.code: new_id("vendor") for one in new}
    if not new:
        return ids
    rows = [
        {"id": ids[one.code], "agency_id": agency_id, "code": one.code, "created_at": now}
        for one in new
    ]
    await session.write_each(insert(Vendor), rows)
    sealed = [
        {
            "subject_id": ids[one.code],
            "data": cipher.encrypt(canonical(one.data()), f"payer:{ids[one.code]}"),
            "created_at": now,
            "name_hash": hash_of_name(key, agency_id, one.name),
        }
        for one in new
    ]
    await session.write_each(insert(PayerData), sealed)
    await _note(session, actor, "market.vendors_added", agency_id, {"count": len(rows)})
    return ids


async def change_vendor(
    session: WriteSession,
    vendor_id: str,
    agency_ids: Collection[str],
    now_called: NewVendor,
    *,
    cipher: Cipher,
    key: bytes,
    actor: str,
) -> None:
    """Write a vendor's personal data anew; its code stays. Raises `NotFound`."""
    wanted = select(Vendor).where(Vendor.id == vendor_id, col(Vendor.agency_id).in_(agency_ids))
    vendor = await session.lock_first(wanted)
    if vendor is None:
        raise NotFound("Không có tiểu thương này.")
    await session.write(
        update(PayerData)
        .where(col(PayerData.subject_id) == vendor_id)
        .values(
            data=cipher.encrypt(canonical(now_called.data()), f"payer:{vendor_id}"),
            name_hash=hash_of_name(key, vendor.agency_id, now_called.name),
        )
    )
    await _note(session, actor, "vendor.changed", vendor_id, {})


async def add_contracts(
    session: WriteSession, market: MarketValue, new: Sequence[NewContract], *, actor: str
) -> list[str]:
    """Write contracts down; their ids. Raises `StallHeld` where two would hold a stall at once.

    Money of days that have another holder by that is given to what that one owes.
    """
    await lock_market(session, market.id)
    now = clock.now()
    rows = [
        {name: getattr(one, name) for name in NewContract.__dataclass_fields__}
        | {"id": new_id("contract"), "services": dict(one.services), "created_at": now}
        for one in new
    ]
    if not rows:
        return []
    try:
        await session.write_each(insert(StallContract), rows)
    except IntegrityError as error:
        if isinstance(error.orig, ExclusionViolation | UniqueViolation):
            detail = "Sạp đã có người thuê trong những ngày này; hãy kết thúc hợp đồng cũ trước."
            fault = FieldError("first_on", "stall_held", detail)
            raise StallHeld(detail, errors=[fault]) from error
        raise
    await tell_of_credit(session, {one.stall_id for one in new})
    ids = [str(row["id"]) for row in rows]
    for contract_id, one in zip(ids, new, strict=True) if len(new) < 100 else ():
        told = {"stall": one.stall_id, "first_on": one.first_on.isoformat()}
        await _note(session, actor, "stall_contract.begun", contract_id, told)
    if len(new) >= 100:
        await _note(session, actor, "market.contracts_added", market.id, {"count": len(new)})
    return ids


async def get_stall(session: ReadSession, stall_id: str, agency_ids: Collection[str]) -> _Stall:
    """A stall of these agencies by its id. Raises `NotFound`."""
    found = await session.first(
        values_of(_Stall, Stall, Market)
        .join(Market, col(Market.id) == col(Stall.market_id))
        .where(Stall.id == stall_id, col(Market.agency_id).in_(agency_ids))
    )
    if found is None:
        raise NotFound("Không có sạp này.")
    return found


def check_services(services: Mapping[str, int]) -> None:
    """Raise `Invalid` unless each is a service or vehicle by its code, and one at least."""
    for name, count in services.items():
        kind, _, code = name.partition(":")
        if kind not in ("service", "vehicle") or not code or not 1 <= count <= 1000:
            detail = "Dịch vụ ghi dạng service:MÃ hoặc vehicle:MÃ, số lượng từ 1 đến 1000."
            raise Invalid(detail, errors=[FieldError("services", "malformed", detail)])


def _taken(name: str, *codes: str) -> MarketCodeTaken:
    detail = f"Mã đã có hoặc ghi hai lần: {', '.join(sorted(codes)[:10])}."
    return MarketCodeTaken(detail, errors=[FieldError(name, "taken", detail)])


async def _note(
    session: WriteSession, actor: str, action: str, object_id: str, details: Mapping[str, object]
) -> None:
    await audit.record(
        session, actor=actor, action=action, object_id=object_id, details=dict(details)
    )
