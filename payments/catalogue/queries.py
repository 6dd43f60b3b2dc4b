"""Reading the catalogue: frozen values out, rows stay inside.

Every function takes the Vietnamese day it is asked for, and the agency whose own entries, and
those of the bodies above it, stand in the place of the nation's; `agency_id` None asks for the
national schedule alone.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement
from sqlmodel import col, or_, select

from core.errors import NotFound
from core.sessions import ReadSession
from core.statements import ReadSql, ValueSelect
from payments.catalogue.models import CatalogueStamp, Fee, Procedure, Relief
from payments.catalogue.rows import ProcedureRow, select_fees, select_procedures, select_reliefs
from payments.catalogue.rules.certainty import Certainty
from payments.catalogue.rules.schedule import ProcedureValue, Schedule
from payments.catalogue.rules.wording import LocalizedText
from payments.catalogue.search import search_words

#: The ids of an agency and of the bodies above it, the nearest first.
_UPWARDS = ReadSql(
    str,
    """
    WITH RECURSIVE up AS (
      SELECT id, parent_id, 0 AS distance FROM agency WHERE id = :id
      UNION ALL
      SELECT a.id, a.parent_id, up.distance + 1 FROM agency a JOIN up ON a.id = up.parent_id
    )
    SELECT id FROM up ORDER BY distance
    """,
)


@dataclass(frozen=True, slots=True)
class ProcedurePage:
    """Some procedures in the order of their codes; `next_cursor` asks for those that follow."""

    items: tuple[ProcedureValue, ...]
    next_cursor: str | None


async def schedule_of_code(session: ReadSession, agency_id: str | None, code: str) -> Schedule:
    """As `load_schedule`, with only the fees that a fee's or a procedure's code may mean."""
    if not code.isprintable():
        # No code looks like that, and PostgreSQL cannot even be asked for a NUL in a text.
        return Schedule(())
    named = or_(col(Fee.code) == code, _under([code]))
    return await _schedule(session, await _owners(session, agency_id), named)


async def load_schedule(session: ReadSession, agency_id: str | None) -> Schedule:
    """All fees and reliefs that can concern an agency, of every day."""
    return await _schedule(session, await _owners(session, agency_id))


async def find_stamp(session: ReadSession) -> str | None:
    """The stamp of the catalogue as it stands; None before its first row."""
    return await session.first(select(CatalogueStamp.stamp))


async def get_procedure(
    session: ReadSession, agency_id: str | None, code: str, on: date
) -> ProcedureValue:
    """A procedure by its code. Raises `NotFound`."""
    wanted = select_procedures().where(col(Procedure.code) == code)
    found = await _procedures(session, agency_id, on, wanted) if code.isprintable() else ()
    if not found:
        raise NotFound(f"Không có thủ tục {code}.")
    return found[0]


async def list_procedures(
    session: ReadSession,
    agency_id: str | None,
    on: date,
    *,
    query: str = "",
    cursor: str | None = None,
    limit: int = 50,
) -> ProcedurePage:
    """The procedures whose code, name or field holds every word of `query`, marks or no marks.

    `cursor` is the code after which to go on; an empty query lists all.
    """
    wanted = select_procedures().order_by(col(Procedure.code)).limit(limit + 1)
    for word in search_words(query):
        wanted = wanted.where(col(Procedure.search_text).contains(word, autoescape=True))
    if cursor is not None:
        wanted = wanted.where(col(Procedure.code) > cursor)
    found = await _procedures(session, agency_id, on, wanted)
    more = len(found) > limit
    return ProcedurePage(found[:limit], found[limit - 1].code if more else None)


async def _owners(session: ReadSession, agency_id: str | None) -> list[str]:
    """The agency and the bodies above it, the nearest first."""
    if agency_id is None:
        return []
    return await session.all(_UPWARDS, {"id": agency_id})


async def _schedule(
    session: ReadSession, owners: list[str], which: ColumnElement[bool] | None = None
) -> Schedule:
    """The nation's entries and the owners' own; `which` leaves out fees."""
    fees = select_fees().where(or_(col(Fee.agency_id).is_(None), col(Fee.agency_id).in_(owners)))
    if which is not None:
        fees = fees.where(which)
    reliefs = select_reliefs().where(
        or_(col(Relief.agency_id).is_(None), col(Relief.agency_id).in_(owners))
    )
    return Schedule(
        [row.value() for row in await session.all(fees)],
        [row.value() for row in await session.all(reliefs)],
        owners,
    )


def _under(codes: list[str]) -> ColumnElement[bool]:
    """Fees of procedures, with all rows of the same fee: a nearer owner may have it elsewhere."""
    same = (
        select(Fee.code)
        .join(Procedure, col(Fee.procedure_id) == col(Procedure.id))
        .where(col(Procedure.code).in_(codes))
    )
    return col(Fee.code).in_(same)


async def _procedures(
    session: ReadSession,
    agency_id: str | None,
    on: date,
    wanted: ValueSelect[ProcedureRow],
) -> tuple[ProcedureValue, ...]:
    procedures = await session.all(wanted)
    of_these = or_(
        _under([procedure.code for procedure in procedures]), col(Fee.procedure_id).is_(None)
    )
    schedule = await _schedule(session, await _owners(session, agency_id), of_these)
    beside = schedule.of_procedure(None, on)
    return tuple(
        ProcedureValue(
            id=procedure.id,
            code=procedure.code,
            name=LocalizedText(procedure.name_vi, procedure.name_en),
            field=procedure.field,
            code_certainty=Certainty(procedure.code_certainty),
            fees=(fees := schedule.of_procedure(procedure.code, on)),
            beside=beside if fees else (),
            schedule=schedule,
        )
        for procedure in procedures
    )
