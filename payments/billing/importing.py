"""Taking in a file of stalls, vendors and contracts: all of it or nothing, and again without harm.

What is there already under its code stays as it is; a row that says another thing of it is a fault.
The order of the rows does not matter.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from pydantic import BaseModel
from sqlmodel import col

from core import audit
from core.crypto import Cipher
from core.errors import FieldError
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.billing.commands import (
    NewContract,
    NewStall,
    NewVendor,
    add_contracts,
    add_stalls,
    add_vendors,
)
from payments.billing.loading import MarketValue, among
from payments.billing.markets import lock_market
from payments.billing.models import Stall, StallContract
from payments.billing.queries import find_codes
from payments.billing.sheets import StallRow, fault_of, refused

#: How many rows of a file are held against what is there at a time: whoever else asks of this
#: process waits for no more than that, and no more of what is there is in its memory.
_PIECE: Final = 2_000


class ImportOut(BaseModel):
    """What a file added; `known` rows were there already, as they are.

    In `mended_rows` the phone of a new vendor got back the leading 0 that a spreadsheet took off.
    """

    rows: int
    stalls: int
    vendors: int
    contracts: int
    known: int
    mended_rows: list[int]

    @property
    def mended_phones(self) -> int:
        """How many vendors' phones those are."""
        return len(self.mended_rows)


@dataclass(frozen=True, slots=True)
class _Place:
    id: str
    code: str
    kind: str
    area: int
    frontages: int


@dataclass(frozen=True, slots=True)
class _HeldPlace:
    stall_id: str
    vendor_id: str
    first_on: date
    last_on: date | None


@dataclass(slots=True)
class _KnownRows:
    """What there is already of what the rows tell of."""

    stalls: dict[str, _Place]
    vendors: dict[str, str]
    contracts: dict[str, list[_HeldPlace]] = field(default_factory=dict)


async def list_missing(
    session: ReadSession, market: MarketValue, rows: Sequence[StallRow]
) -> list[StallRow]:
    """The rows that tell of a stall or a contract that is not there yet.

    Raises `StallSheetRefused`, naming each row that does not fit what is there.
    """
    missing, faults = list[StallRow](), list[FieldError]()
    for begin in range(0, len(rows), _PIECE):
        piece = rows[begin : begin + _PIECE]
        known = await _known(session, market, piece)
        faults += _faults(piece, known)
        missing += [row for row in piece if _is_missing(row, known)]
    if faults:
        raise refused(faults)
    return missing


def _is_missing(row: StallRow, known: _KnownRows) -> bool:
    if row.stall not in known.stalls:
        return True
    return row.first_on is not None and not _is_known(row, known)


async def import_stalls(
    session: WriteSession,
    market: MarketValue,
    rows: Sequence[StallRow],
    *,
    cipher: Cipher,
    key: bytes,
    actor: str,
) -> ImportOut:
    """Write down what the rows tell of and is not there. Raises `StallSheetRefused`."""
    await lock_market(session, market.id)
    ordered = sorted(rows, key=lambda row: (row.stall, row.first_on or date.min, row.number))
    known = await _known(session, market, ordered)
    if faults := _faults(ordered, known):
        raise refused(faults)
    stalls = {row.stall: row for row in ordered if row.stall not in known.stalls}
    new_stalls = [_stall(row) for row in stalls.values()]
    ids = {code: one.id for code, one in known.stalls.items()}
    ids |= await add_stalls(session, market, new_stalls, actor=actor)
    told_by = {row.vendor: row for row in ordered if row.vendor and row.vendor not in known.vendors}
    vendors = [
        NewVendor(row.vendor, row.name, row.phone, row.tax_number) for row in told_by.values()
    ]
    vendor_ids = known.vendors | await add_vendors(
        session,
        market.agency_id,
        vendors,
        cipher=cipher,
        key=key,
        actor=actor,
    )
    contracts = [
        NewContract(
            ids[row.stall],
            vendor_ids[row.vendor],
            row.first_on,
            row.last_on,
            row.billed_by,
            row.contract,
        )
        for row in ordered
        if row.first_on is not None and not _is_known(row, known)
    ]
    await add_contracts(session, market, contracts, actor=actor)
    done = ImportOut(
        rows=len(rows),
        stalls=len(new_stalls),
        vendors=len(vendors),
        contracts=len(contracts),
        known=sum(1 for row in rows if row.stall in known.stalls),
        mended_rows=sorted(row.number for row in told_by.values() if row.mended_phone),
    )
    told = done.model_dump(exclude={"mended_rows"}) | {"mended_phones": done.mended_phones}
    action = "market.imported"
    await audit.record(session, actor=actor, action=action, object_id=market.id, details=told)
    return done


def _stall(row: StallRow) -> NewStall:
    return NewStall(
        code=row.stall,
        kind=row.kind,
        area=row.area,
        frontages=row.frontages,
        lane=row.lane,
        route_order=row.route_order,
    )


async def _known(session: ReadSession, market: MarketValue, rows: Sequence[StallRow]) -> _KnownRows:
    codes = {row.stall for row in rows}
    places = await session.all(
        values_of(_Place, Stall).where(col(Stall.market_id) == market.id, among(Stall.code, codes))
    )
    vendor_codes = {row.vendor for row in rows if row.vendor}
    known = _KnownRows(
        {one.code: one for one in places},
        await find_codes(session, "vendor", market.agency_id, vendor_codes),
    )
    held = await session.all(
        values_of(_HeldPlace, StallContract).where(
            among(StallContract.stall_id, [one.id for one in places])
        )
    )
    for one in held:
        known.contracts.setdefault(one.stall_id, []).append(one)
    return known


def _contracts(row: StallRow, known: _KnownRows) -> Sequence[_HeldPlace]:
    place = known.stalls.get(row.stall)
    return () if place is None else known.contracts.get(place.id, ())


def _is_known(row: StallRow, known: _KnownRows) -> bool:
    """Whether the row's contract is there already: that vendor, from that day on."""
    vendor = known.vendors.get(row.vendor)
    return any(
        (one.vendor_id, one.first_on) == (vendor, row.first_on) for one in _contracts(row, known)
    )


def _faults(rows: Sequence[StallRow], known: _KnownRows) -> list[FieldError]:
    faults = []
    for row in sorted(rows, key=lambda one: one.number):
        place = known.stalls.get(row.stall)
        if place is not None and (place.kind, place.area, place.frontages) != row.place:
            told = "Sạp đã có với loại, diện tích hoặc mặt tiền khác; sạp đổi thì ghi mã mới."
            faults.append(fault_of(row.number, "stall", "differs", told))
        if row.first_on is None or _is_known(row, known):
            continue
        last = row.last_on or date.max
        for one in _contracts(row, known):
            if one.first_on <= last and row.first_on <= (one.last_on or date.max):
                told = f"Sạp đã có người thuê từ {one.first_on:%d/%m/%Y}; hãy kết thúc hợp đồng đó."
                faults.append(fault_of(row.number, "first_on", "stall_held", told))
    return faults
