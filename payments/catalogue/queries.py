"""Reading the catalogue: frozen values out, rows stay inside.

Every function takes the Vietnamese day it is asked for, and the agency whose own fees stand in the
place of the nation's; `agency_id` None asks for the national schedule alone.
"""

from dataclasses import dataclass
from datetime import date

from sqlmodel import col, or_, select
from sqlmodel.sql.expression import Select, SelectOfScalar

from core.db import AsyncSession
from core.errors import NotFound
from payments.catalogue.models import CatalogueStamp, Fee, Procedure
from payments.catalogue.schedule import Certainty, FeeValue, Schedule
from payments.catalogue.search import search_words
from payments.fee_words import Words
from payments.fees import rule_from


@dataclass(frozen=True, slots=True)
class ProcedureValue:
    """A procedure with the fees in force for the agency on the day; none means none are known."""

    id: str
    code: str
    name: Words
    field: str
    code_certainty: Certainty
    fees: tuple[FeeValue, ...]


@dataclass(frozen=True, slots=True)
class ProcedurePage:
    """Some procedures in the order of their codes; `next_cursor` asks for those that follow."""

    items: tuple[ProcedureValue, ...]
    next_cursor: str | None


async def find_fee(
    session: AsyncSession, agency_id: str | None, code: str, on: date
) -> FeeValue | None:
    """The fee that `code` names on a day: a fee's code, or that of a procedure with one fee."""
    return (await _schedule_of_code(session, agency_id, code)).find(code, on)


async def get_fee(
    session: AsyncSession, agency_id: str | None, code: str, on: date, *, field: str = "fee"
) -> FeeValue:
    """As `find_fee`. Raises `Invalid` on `field`: unknown, not in force that day, or ambiguous."""
    return (await _schedule_of_code(session, agency_id, code)).get(code, on, field=field)


async def load_schedule(session: AsyncSession, agency_id: str | None) -> Schedule:
    """All fees that can concern an agency, of every day."""
    return await _schedule(session, _fees(agency_id))


async def find_stamp(session: AsyncSession) -> str | None:
    """The stamp of the catalogue as it stands; None before its first row."""
    return (await session.exec(select(CatalogueStamp.stamp))).first()


async def get_procedure(
    session: AsyncSession, agency_id: str | None, code: str, on: date
) -> ProcedureValue:
    """A procedure by its code. Raises `NotFound`."""
    wanted = select(Procedure).where(col(Procedure.code) == code)
    found = await _procedures(session, agency_id, on, wanted) if code.isprintable() else ()
    if not found:
        raise NotFound(f"Không có thủ tục {code}.")
    return found[0]


async def list_procedures(
    session: AsyncSession,
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
    wanted = select(Procedure).order_by(col(Procedure.code)).limit(limit + 1)
    for word in search_words(query):
        wanted = wanted.where(col(Procedure.search_text).contains(word, autoescape=True))
    if cursor is not None:
        wanted = wanted.where(col(Procedure.code) > cursor)
    found = await _procedures(session, agency_id, on, wanted)
    more = len(found) > limit
    return ProcedurePage(found[:limit], found[limit - 1].code if more else None)


def _fees(agency_id: str | None) -> Select[Fee, str]:
    """The nation's fees and the agency's own, each with the code of its procedure."""
    return (
        select(Fee, Procedure.code)
        .join(Procedure, col(Fee.procedure_id) == col(Procedure.id))
        .where(or_(col(Fee.agency_id).is_(None), col(Fee.agency_id) == agency_id))
    )


async def _schedule(session: AsyncSession, fees: Select[Fee, str]) -> Schedule:
    rows = (await session.exec(fees)).all()
    return Schedule(_fee_value(fee, procedure_code) for fee, procedure_code in rows)


async def _schedule_of_code(session: AsyncSession, agency_id: str | None, code: str) -> Schedule:
    if not code.isprintable():
        # No code looks like that, and PostgreSQL cannot even be asked for a NUL in a text.
        return Schedule(())
    named = or_(col(Fee.code) == code, col(Procedure.code) == code)
    return await _schedule(session, _fees(agency_id).where(named))


async def _procedures(
    session: AsyncSession,
    agency_id: str | None,
    on: date,
    wanted: SelectOfScalar[Procedure],
) -> tuple[ProcedureValue, ...]:
    procedures = (await session.exec(wanted)).all()
    of_these = col(Fee.procedure_id).in_([procedure.id for procedure in procedures])
    schedule = await _schedule(session, _fees(agency_id).where(of_these))
    return tuple(
        ProcedureValue(
            id=procedure.id,
            code=procedure.code,
            name=Words(procedure.name_vi, procedure.name_en),
            field=procedure.field,
            code_certainty=Certainty(procedure.code_certainty),
            fees=schedule.of_procedure(procedure.code, on),
        )
        for procedure in procedures
    )


def _fee_value(fee: Fee, procedure_code: str) -> FeeValue:
    return FeeValue(
        id=fee.id,
        code=fee.code,
        procedure_code=procedure_code,
        agency_id=fee.agency_id,
        name=Words(fee.name_vi, fee.name_en),
        unit=Words(fee.unit_vi, fee.unit_en),
        rule=rule_from(fee.kind, fee.rule),
        sub_item=fee.sub_item,
        basis=fee.basis,
        source=fee.source,
        certainty=Certainty(fee.certainty),
        checked_on=fee.checked_on,
        valid_from=fee.valid_from,
        valid_to=fee.valid_to,
    )
