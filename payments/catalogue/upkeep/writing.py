"""Entries into rows: what is new is added, what differs is changed, nothing is removed.

Rows that no entry names stay: they belong to whoever put them there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

from sqlmodel import SQLModel, col, select, text

from core import clock
from core.errors import FieldError, Invalid
from core.ids import new_id
from core.sessions import WriteSession
from payments.catalogue.models import Fee, LegalReference, Procedure, Relief, SubItem
from payments.catalogue.upkeep.entries import (
    KINDS,
    Entry,
    FeeEntry,
    LegalReferenceEntry,
    ProcedureEntry,
    ReliefEntry,
    SubItemEntry,
)


@dataclass(frozen=True, slots=True)
class Counts:
    """What writing did, in rows."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.added + other.added,
            self.changed + other.changed,
            self.unchanged + other.unchanged,
        )


@dataclass(frozen=True, slots=True)
class Place:
    """Where entries live: what names a row, the row class, the prefix of its id."""

    entry: type[Entry]
    model: type[SQLModel]
    prefix: str
    #: whether an agency may have its own
    owned: bool


PLACES: Mapping[str, Place] = {
    place.entry.table: place
    for place in (
        Place(LegalReferenceEntry, LegalReference, "law", owned=False),
        Place(SubItemEntry, SubItem, "subitem", owned=False),
        Place(ProcedureEntry, Procedure, "proc", owned=False),
        Place(FeeEntry, Fee, "fee", owned=True),
        Place(ReliefEntry, Relief, "relief", owned=True),
    )
}


async def lock_catalogue(session: WriteSession) -> None:
    """Let nobody else write the catalogue until this transaction ends.

    Two writers at once would both find a row missing.
    """
    await session.scalar(text("SELECT pg_advisory_xact_lock(hashtext('catalogue'))"))


async def write_entries(
    session: WriteSession, entries: Iterable[Entry], agency_id: str | None = None
) -> Counts:
    """Write entries of one owner; the caller has locked the catalogue and commits.

    `agency_id` owns the fees and reliefs; None is the nation. Raises `Invalid` for a procedure
    that is not known; the database refuses what overlaps.
    """
    by_table: dict[str, list[Entry]] = {}
    for entry in entries:
        by_table.setdefault(entry.table, []).append(entry)
    counts = Counts()
    for kind in KINDS:
        if kind.table in by_table:
            counts += await _write_table(session, kind.table, by_table[kind.table], agency_id)
    return counts


async def known_rows(
    session: WriteSession, table: str, agency_id: str | None
) -> dict[tuple[str | date, ...], Any]:
    """The rows of a table and owner by what names them."""
    place = PLACES[table]
    wanted = select(place.model)
    if place.owned:
        owner = col(cast(Any, place.model).agency_id)
        wanted = wanted.where(owner.is_(None) if agency_id is None else owner == agency_id)
    rows = await session.exec(wanted)
    return {tuple(getattr(row, name) for name in place.entry.key): row for row in rows}


async def procedure_ids(session: WriteSession) -> dict[str, str]:
    """The ids of all procedures by their codes."""
    return dict((await session.exec(select(Procedure.code, Procedure.id))).all())


def differences(row: Any, columns: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The columns in which a row differs from what is wanted: what it says, and what it should."""
    return {
        name: (getattr(row, name), value)
        for name, value in columns.items()
        if getattr(row, name) != value
    }


def columns_of(entry: Entry, ids: Mapping[str, str]) -> dict[str, Any]:
    """The columns of an entry's row, its procedure by id. Raises `Invalid` for an unknown one."""
    columns = entry.columns()
    if isinstance(entry, FeeEntry):
        columns["procedure_id"] = _procedure_id(entry, ids)
    return columns


def _procedure_id(entry: FeeEntry, ids: Mapping[str, str]) -> str | None:
    if entry.procedure is None:
        return None
    if entry.procedure not in ids:
        detail = f"Không có thủ tục {entry.procedure}."
        raise Invalid(detail, errors=[FieldError("procedure", "unknown", detail)])
    return ids[entry.procedure]


async def _write_table(
    session: WriteSession, table: str, entries: Sequence[Entry], agency_id: str | None
) -> Counts:
    place = PLACES[table]
    known = await known_rows(session, table, agency_id)
    ids = await procedure_ids(session) if table == "fees" else {}
    now = clock.now()
    counts = Counts()
    missing: list[SQLModel] = []
    for entry in entries:
        columns = columns_of(entry, ids)
        row = known.get(entry.natural_key)
        if row is None:
            named = dict(zip(place.entry.key, entry.natural_key, strict=True))
            owner = {"agency_id": agency_id} if place.owned else {}
            new = place.model(
                id=new_id(place.prefix), created_at=now, updated_at=now, **owner, **named, **columns
            )
            missing.append(new)
            continue
        differing = differences(row, columns)
        for name, (_, value) in differing.items():
            setattr(row, name, value)
        if differing:
            row.updated_at = now
            counts += Counts(changed=1)
        else:
            counts += Counts(unchanged=1)
    # An entry that ends makes room for the one that follows it: first the ends, then the new rows.
    await session.flush()
    session.add_all(missing)
    await session.flush()
    return counts + Counts(added=len(missing))
