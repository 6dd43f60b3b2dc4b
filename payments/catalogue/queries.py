"""Reading the catalogue: frozen values out, rows stay inside.

Every function takes the Vietnamese day it is asked for, and the agency whose own entries, and
those of the bodies above it, stand in the place of the nation's; `agency_id` None asks for the
national schedule alone.
"""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import ColumnElement, func, literal
from sqlmodel import col, or_, select

from core.cursors import Page, page_of
from core.errors import NotFound
from core.sessions import ReadSession
from core.statements import ValueSelect
from payments.agencies.offers import Lineage, lineage_of
from payments.catalogue.models import CatalogueStamp, Fee, Procedure, Relief
from payments.catalogue.rows import ProcedureRow, select_fees, select_procedures, select_reliefs
from payments.catalogue.rules.certainty import Certainty
from payments.catalogue.rules.schedule import ProcedureValue, Schedule
from payments.catalogue.rules.wording import LocalizedText
from payments.catalogue.search import search_words

#: Some procedures in the order of their codes.
ProcedurePage = Page[ProcedureValue]


async def schedule_of_code(session: ReadSession, agency_id: str | None, code: str) -> Schedule:
    """As `load_offer`, with only the fees that a fee's or a procedure's code may mean."""
    if not code.isprintable():
        # No code looks like that, and PostgreSQL cannot even be asked for a NUL in a text.
        return Schedule(())
    named = or_(col(Fee.code) == code, _under([code]))
    return await _schedule(session, agency_id, named)


async def load_schedule(session: ReadSession, agency_id: str | None) -> Schedule:
    """All fees and reliefs that can concern an agency, of every day: what it could offer."""
    return await _schedule(session, agency_id, all_offered=True)


async def load_offer(session: ReadSession, agency_id: str | None) -> Schedule:
    """The same as load_schedule, in which only what the agency offers is found."""
    return await _schedule(session, agency_id)


async def find_stamp(session: ReadSession) -> str | None:
    """The stamp of the catalogue as it stands; None before its first row."""
    return await session.first(select(CatalogueStamp.stamp))


async def known_procedures(
    session: ReadSession, codes: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """The procedures that each of some codes stands for, by the codes they are kept under.

    A code that a procedure is kept under stands for that one alone; unknown codes are left out.
    """
    found = await session.all(select_procedures().order_by(col(Procedure.code)))
    kept = {one.code for one in found}
    meant = {
        code: (code,) if code in kept else tuple(one.code for one in found if code in one.codes.all)
        for code in codes
    }
    return {code: procedures for code, procedures in meant.items() if procedures}


async def get_procedure(
    session: ReadSession, agency_id: str | None, code: str, on: date
) -> ProcedureValue:
    """A procedure by its code, or by another code of its own that no procedure is kept under.

    Raises `NotFound`, for one that the agency does not offer too, and for a code that stands for
    several; the message names them.
    """
    wanted = select_procedures().where(_has_code(code)).order_by(col(Procedure.code))
    found = await _procedures(session, agency_id, on, wanted) if code.isprintable() else ()
    found = tuple(one for one in found if one.code == code) or found
    if not found:
        raise NotFound(f"Không có thủ tục {code}.")
    offered = [one for one in found if one.schedule.offers(one.code)]
    if not offered:
        raise NotFound(f"Cơ quan này không thu {code}.", code="not_offered")
    if len(offered) > 1:
        meant = ", ".join(f"{one.code} ({one.name.vi})" for one in offered)
        raise NotFound(f"Mã {code} gồm nhiều thủ tục, hãy nêu một: {meant}.", code="ambiguous")
    return offered[0]


def _has_code(code: str) -> ColumnElement[bool]:
    """Procedures that are known under a code."""
    return or_(
        col(Procedure.code) == code,
        col(Procedure.ministry_code) == code,
        col(Procedure.province_code) == code,
        col(Procedure.commune_code) == code,
        literal(code) == func.any(col(Procedure.other_codes)),
    )


async def list_procedures(
    session: ReadSession,
    agency_id: str | None,
    on: date,
    *,
    query: str = "",
    cursor: str | None = None,
    limit: int = 50,
) -> ProcedurePage:
    """The procedures an agency offers whose code, name or field holds every word of `query`.

    Words are found with or without marks. `cursor` is the code after which to go on; an empty
    query lists all.
    """
    wanted = select_procedures().order_by(col(Procedure.code)).limit(limit + 1)
    offered = None if agency_id is None else (await lineage_of(session, agency_id)).offered
    if offered is not None:
        wanted = wanted.where(col(Procedure.code).in_(sorted(offered)))
    for word in search_words(query):
        wanted = wanted.where(col(Procedure.search_text).contains(word, autoescape=True))
    if cursor is not None:
        wanted = wanted.where(col(Procedure.code) > cursor)
    found = await _procedures(session, agency_id, on, wanted)
    return page_of(found, limit, lambda procedure: procedure.code)


async def list_fields(session: ReadSession, agency_id: str) -> list[str]:
    """The fields of the procedures that an agency offers, by name."""
    wanted = select(Procedure.field).distinct().order_by(col(Procedure.field))
    offered = (await lineage_of(session, agency_id)).offered
    if offered is not None:
        wanted = wanted.where(col(Procedure.code).in_(sorted(offered)))
    return await session.all(wanted)


async def _schedule(
    session: ReadSession,
    agency_id: str | None,
    which: ColumnElement[bool] | None = None,
    *,
    all_offered: bool = False,
) -> Schedule:
    """The nation's entries, the agency's own and those above it; `which` leaves out fees."""
    lineage = Lineage((), None)
    if agency_id is not None:
        lineage = await lineage_of(session, agency_id)
    owners = lineage.owners
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
        None if all_offered else lineage.offered,
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
    schedule = await _schedule(session, agency_id, of_these)
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
            codes=procedure.codes,
        )
        for procedure in procedures
    )
