"""Reading the catalogue: frozen values out, rows stay inside.

Every function takes the Vietnamese day it is asked for, and the agency whose own fees stand in the
place of the nation's; `agency_id` None asks for the national schedule alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row, Select, select

from core.db import AsyncSession
from core.errors import NotFound
from payments.catalogue.models import CatalogueStamp, Fee, Procedure
from payments.catalogue.schedule import Certainty, FeeValue, Schedule
from payments.catalogue.search import search_words
from payments.fee_words import Words
from payments.fees import rule_from

_PROCEDURE = Procedure.__table__.c  # type: ignore[attr-defined]  # SQLModel adds it, unannounced
_FEE = Fee.__table__.c  # type: ignore[attr-defined]  # as above


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
    rows = (await session.execute(_fees(agency_id))).all()
    return Schedule(_fee_value(row) for row in rows)


async def find_stamp(session: AsyncSession) -> str | None:
    """The stamp of the catalogue as it stands; None before its first row."""
    found: str | None = await session.scalar(
        select(CatalogueStamp.__table__.c.stamp)  # type: ignore[attr-defined]  # as above
    )
    return found


async def get_procedure(
    session: AsyncSession, agency_id: str | None, code: str, on: date
) -> ProcedureValue:
    """A procedure by its code. Raises `NotFound`."""
    wanted = select(*_PROCEDURE).where(_PROCEDURE.code == code)
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
    wanted = select(*_PROCEDURE).order_by(_PROCEDURE.code).limit(limit + 1)
    for word in search_words(query):
        wanted = wanted.where(_PROCEDURE.search_text.contains(word, autoescape=True))
    if cursor is not None:
        wanted = wanted.where(_PROCEDURE.code > cursor)
    found = await _procedures(session, agency_id, on, wanted)
    more = len(found) > limit
    return ProcedurePage(found[:limit], found[limit - 1].code if more else None)


def _fees(agency_id: str | None) -> Select[Any]:
    """The nation's fees and the agency's own, each with the code of its procedure."""
    owned = _FEE.agency_id.is_(None)
    if agency_id is not None:
        owned |= _FEE.agency_id == agency_id
    return (
        select(*_FEE, _PROCEDURE.code.label("procedure_code"))
        .join(Procedure, _FEE.procedure_id == _PROCEDURE.id)
        .where(owned)
    )


async def _schedule_of_code(session: AsyncSession, agency_id: str | None, code: str) -> Schedule:
    if not code.isprintable():
        # No code looks like that, and PostgreSQL cannot even be asked for a NUL in a text.
        return Schedule(())
    named = _fees(agency_id).where((_FEE.code == code) | (_PROCEDURE.code == code))
    return Schedule(_fee_value(row) for row in (await session.execute(named)).all())


async def _procedures(
    session: AsyncSession, agency_id: str | None, on: date, wanted: Select[Any]
) -> tuple[ProcedureValue, ...]:
    rows: Sequence[Row[Any]] = (await session.execute(wanted)).all()
    of_these = _fees(agency_id).where(_FEE.procedure_id.in_([row.id for row in rows]))
    schedule = Schedule(_fee_value(row) for row in (await session.execute(of_these)).all())
    return tuple(
        ProcedureValue(
            id=row.id,
            code=row.code,
            name=Words(row.name_vi, row.name_en),
            field=row.field,
            code_certainty=Certainty(row.code_certainty),
            fees=schedule.of_procedure(row.code, on),
        )
        for row in rows
    )


def _fee_value(row: Row[Any]) -> FeeValue:
    return FeeValue(
        id=row.id,
        code=row.code,
        procedure_code=row.procedure_code,
        agency_id=row.agency_id,
        name=Words(row.name_vi, row.name_en),
        unit=Words(row.unit_vi, row.unit_en),
        rule=rule_from(row.kind, row.rule),
        sub_item=row.sub_item,
        basis=row.basis,
        source=row.source,
        certainty=Certainty(row.certainty),
        checked_on=row.checked_on,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
    )
