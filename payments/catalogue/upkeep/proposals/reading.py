"""Rows of the catalogue back into entries, for export and for comparing with a file."""

from collections.abc import Sequence

from sqlmodel import select

from core.sessions import ReadSession
from payments.catalogue.models import Fee
from payments.catalogue.queries import load_schedule
from payments.catalogue.upkeep.entries import Entry
from payments.catalogue.upkeep.proposals.owned import Key, OwnedCatalogue
from payments.catalogue.upkeep.sheets.columns import CLASSES
from payments.catalogue.upkeep.writing import ENTRY_TABLES, Row, known_rows, procedure_ids


def tables_of(agency_id: str | None) -> tuple[str, ...]:
    """The tables that an owner has entries in, in the order in which they may be written."""
    return tuple(table for table in CLASSES if agency_id is None or ENTRY_TABLES[table].owned)


async def load_entries(
    session: ReadSession, agency_id: str | None, tables: Sequence[str] | None = None
) -> dict[str, dict[Key, Entry]]:
    """An owner's own entries by table and key, in the order of their keys; all tables or some."""
    ids = await procedure_ids(session)
    codes = {id_: code for code, id_ in ids.items()}
    found: dict[str, dict[Key, Entry]] = {}
    for table in tables or tables_of(agency_id):
        rows = await known_rows(session, table, agency_id)
        found[table] = {key: _entry(table, rows[key], codes) for key in sorted(rows)}
    return found


async def load_owned(session: ReadSession, agency_id: str | None) -> OwnedCatalogue:
    """An owner's catalogue as it is now."""
    schedule = await load_schedule(session, agency_id)
    fees = {fee.code for fee in schedule.fees}
    if agency_id is None:
        # A national relief may be from a fee that only some bodies have.
        fees.update(await session.all(select(Fee.code).distinct()))
    return OwnedCatalogue(
        agency_id=agency_id,
        entries=await load_entries(session, agency_id),
        procedures=frozenset(await procedure_ids(session)),
        fees=frozenset(fees),
        schedule=schedule,
    )


def _entry(table: str, row: Row, codes: dict[str, str]) -> Entry:
    kind = CLASSES[table]
    values = {name: getattr(row, name) for name in kind.model_fields if name != "procedure"}
    if isinstance(row, Fee):
        values["procedure"] = codes.get(row.procedure_id or "")
    # Not checked again: a row that came another way must still be seen, and can be mended.
    return kind.model_construct(**values)
