"""Entries into rows: what is new is added, what differs is changed, nothing is removed.

Rows that no entry names stay: they belong to whoever put them there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import bindparam, func, insert, update
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from core import clock
from core.errors import FieldError, Invalid
from core.ids import new_id
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.catalogue.models import Fee, FeeShare, LegalReference, Procedure, Relief, SubItem
from payments.catalogue.upkeep.entries import (
    KINDS,
    Entry,
    FeeEntry,
    LegalReferenceEntry,
    ProcedureEntry,
    ReliefEntry,
    ShareEntry,
    SubItemEntry,
)

#: A row of any table of the catalogue.
Row = LegalReference | SubItem | Procedure | Fee | Relief | FeeShare


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
class EntryTable:
    """Where entries live: what names a row, the row class, the prefix of its id."""

    entry: type[Entry]
    model: type[Row]
    prefix: str
    #: whether an agency may have its own
    owned: bool


ENTRY_TABLES: Mapping[str, EntryTable] = {
    place.entry.table: place
    for place in (
        EntryTable(LegalReferenceEntry, LegalReference, "law", owned=False),
        EntryTable(SubItemEntry, SubItem, "subitem", owned=False),
        EntryTable(ProcedureEntry, Procedure, "proc", owned=False),
        EntryTable(FeeEntry, Fee, "fee", owned=True),
        EntryTable(ReliefEntry, Relief, "relief", owned=True),
        EntryTable(ShareEntry, FeeShare, "share", owned=True),
    )
}

#: The columns of the owners, of the tables that have one.
_OWNERS = {
    "fees": col(Fee.agency_id),
    "reliefs": col(Relief.agency_id),
    "shares": col(FeeShare.agency_id),
}


@dataclass(frozen=True, slots=True)
class _ProcedureName:
    code: str
    id: str


async def lock_catalogue(session: WriteSession) -> None:
    """Let nobody else write the catalogue until this transaction ends.

    Two writers at once would both find a row missing.
    """
    await session.all(select(func.pg_advisory_xact_lock(func.hashtext("catalogue"))))


async def write_entries(
    session: WriteSession, entries: Iterable[Entry], agency_id: str | None = None
) -> Counts:
    """Write entries of one owner; the caller has locked the catalogue and commits.

    `agency_id` owns the fees, reliefs and shares; None is the nation. Raises `Invalid` for a
    procedure that is not known; the database refuses what overlaps.
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
    session: ReadSession, table: str, agency_id: str | None
) -> dict[tuple[str | date, ...], Row]:
    """The rows of a table and owner by what names them."""
    place = ENTRY_TABLES[table]
    wanted: SelectOfScalar[Row] = select(place.model)
    if place.owned:
        owner = _OWNERS[table]
        wanted = wanted.where(owner.is_(None) if agency_id is None else owner == agency_id)
    # As the database has them, whatever the session remembers.
    rows = await session.all(wanted.execution_options(populate_existing=True))
    return {tuple(getattr(row, name) for name in place.entry.key): row for row in rows}


async def procedure_ids(session: ReadSession) -> dict[str, str]:
    """The ids of all procedures by their codes."""
    return {one.code: one.id for one in await session.all(values_of(_ProcedureName, Procedure))}


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
    place = ENTRY_TABLES[table]
    known = await known_rows(session, table, agency_id)
    ids = await procedure_ids(session) if table == "fees" else {}
    owner = {"agency_id": agency_id} if place.owned else {}
    now = clock.now()
    changed: list[dict[str, Any]] = []
    missing: list[dict[str, Any]] = []
    for entry in entries:
        columns = columns_of(entry, ids)
        row = known.get(entry.natural_key)
        if row is None:
            named = dict(zip(place.entry.key, entry.natural_key, strict=True))
            made = {"id": new_id(place.prefix), "created_at": now, "updated_at": now}
            missing.append({**made, **owner, **named, **columns})
        elif any(getattr(row, name) != value for name, value in columns.items()):
            changed.append({"row_id": row.id, "updated_at": now, **columns})
    # An entry that ends makes room for the one that follows it: first the ends, then the new rows.
    if changed:
        the_row = col(place.model.id) == bindparam("row_id")
        await session.write_each(update(place.model).where(the_row), changed)
    if missing:
        await session.write_each(insert(place.model), missing)
    unchanged = len(entries) - len(missing) - len(changed)
    return Counts(added=len(missing), changed=len(changed), unchanged=unchanged)
