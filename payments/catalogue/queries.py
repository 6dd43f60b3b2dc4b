"""Reading the catalogue: frozen values out, rows stay inside.

Every function takes the Vietnamese day it is asked for, and the agency whose own entries, and
those of the bodies above it, stand in the place of the nation's; `agency_id` None asks for the
national schedule alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field as field_of
from datetime import date

from sqlalchemy import ColumnElement
from sqlmodel import col, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from core.cursors import Page, page_of
from core.errors import NotFound
from core.sessions import ReadSession, WriteSession
from payments.agencies.offers import Lineage, lineage_of
from payments.catalogue.models import CatalogueStamp, Fee, Procedure, Relief
from payments.catalogue.rules.certainty import Certainty
from payments.catalogue.rules.kinds import rule_from
from payments.catalogue.rules.reliefs import Ground, ReliefValue
from payments.catalogue.rules.schedule import Applicability, FeeValue, Schedule
from payments.catalogue.rules.wording import LocalizedText
from payments.catalogue.search import search_words


@dataclass(frozen=True, slots=True)
class ProcedureValue:
    """A procedure with the fees in force for the agency on the day; none means none are known.

    `beside` are those that go with any procedure (postage); `schedule` knows the reliefs.
    """

    id: str
    code: str
    name: LocalizedText
    field: str
    code_certainty: Certainty
    fees: tuple[FeeValue, ...]
    beside: tuple[FeeValue, ...]
    schedule: Schedule = field_of(repr=False, compare=False)


#: Some procedures in the order of their codes.
ProcedurePage = Page[ProcedureValue]


async def schedule_of_code(session: WriteSession, agency_id: str | None, code: str) -> Schedule:
    """As `load_offer`, with only the fees that a fee's or a procedure's code may mean."""
    if not code.isprintable():
        # No code looks like that, and PostgreSQL cannot even be asked for a NUL in a text.
        return Schedule(())
    named = or_(col(Fee.code) == code, _under([code]))
    return await _schedule(session, agency_id, named)


async def load_schedule(session: WriteSession, agency_id: str | None) -> Schedule:
    """All fees and reliefs that can concern an agency, of every day: what it could offer."""
    return await _schedule(session, agency_id, all_offered=True)


async def load_offer(session: WriteSession, agency_id: str | None) -> Schedule:
    """The same as load_schedule, in which only what the agency offers is found."""
    return await _schedule(session, agency_id)


async def find_stamp(session: WriteSession) -> str | None:
    """The stamp of the catalogue as it stands; None before its first row."""
    return (await session.exec(select(CatalogueStamp.stamp))).first()


async def known_procedures(session: ReadSession, codes: Sequence[str]) -> set[str]:
    """Those of some codes that are codes of procedures."""
    printable = [code for code in codes if code.isprintable()]
    return set(await session.all(select(Procedure.code).where(col(Procedure.code).in_(printable))))


async def get_procedure(
    session: WriteSession, agency_id: str | None, code: str, on: date
) -> ProcedureValue:
    """A procedure by its code. Raises `NotFound`, for one that the agency does not offer too."""
    wanted = select(Procedure).where(col(Procedure.code) == code)
    found = await _procedures(session, agency_id, on, wanted) if code.isprintable() else ()
    if not found:
        raise NotFound(f"Không có thủ tục {code}.")
    if not found[0].schedule.offers(code):
        raise NotFound(f"Cơ quan này không thu {code}.", code="not_offered")
    return found[0]


async def list_procedures(
    session: WriteSession,
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
    wanted = select(Procedure).order_by(col(Procedure.code)).limit(limit + 1)
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
    session: WriteSession,
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
    fees = (
        select(Fee, Procedure.code)
        .join(Procedure, col(Fee.procedure_id) == col(Procedure.id), isouter=True)
        .where(or_(col(Fee.agency_id).is_(None), col(Fee.agency_id).in_(owners)))
    )
    if which is not None:
        fees = fees.where(which)
    reliefs = select(Relief).where(
        or_(col(Relief.agency_id).is_(None), col(Relief.agency_id).in_(owners))
    )
    return Schedule(
        [fee_value(fee, code) for fee, code in await session.exec(fees)],
        [relief_value(relief) for relief in await session.exec(reliefs)],
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
    session: WriteSession,
    agency_id: str | None,
    on: date,
    wanted: SelectOfScalar[Procedure],
) -> tuple[ProcedureValue, ...]:
    procedures = (await session.exec(wanted)).all()
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
        )
        for procedure in procedures
    )


def relief_value(relief: Relief) -> ReliefValue:
    """A row as a value."""
    return ReliefValue(
        id=relief.id,
        code=relief.code,
        agency_id=relief.agency_id,
        name=LocalizedText(relief.name_vi, relief.name_en),
        fees=frozenset(relief.fees),
        percent=relief.percent,
        each=relief.each,
        cap=relief.cap,
        ground=None if relief.ground is None else Ground(relief.ground),
        channel=relief.channel,
        age_from=relief.age_from,
        age_below=relief.age_below,
        once_a_year=relief.once_a_year,
        basis=relief.basis,
        source=relief.source,
        certainty=Certainty(relief.certainty),
        checked_on=relief.checked_on,
        valid_from=relief.valid_from,
        valid_to=relief.valid_to,
    )


def fee_value(fee: Fee, procedure_code: str | None) -> FeeValue:
    """A row as a value, with the code of its procedure."""
    return FeeValue(
        id=fee.id,
        code=fee.code,
        procedure_code=procedure_code,
        agency_id=fee.agency_id,
        name=LocalizedText(fee.name_vi, fee.name_en),
        unit=LocalizedText(fee.unit_vi, fee.unit_en),
        rule=rule_from(fee.kind, fee.rule),
        charged=Applicability(fee.charged),
        sub_item=fee.sub_item,
        basis=fee.basis,
        source=fee.source,
        certainty=Certainty(fee.certainty),
        checked_on=fee.checked_on,
        valid_from=fee.valid_from,
        valid_to=fee.valid_to,
    )
