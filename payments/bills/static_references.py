"""Static references: one for each agency and fixed fee, printed on a poster for ever.

An exact credit on one opens and settles a bill in a single transaction; the poster needs no clerk
and no bill. The price is that of the day the money was credited (Vietnam).
"""

from datetime import date, datetime

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import select

from core import clock
from core.references import new_reference
from core.sessions import WriteSession
from payments.bills.models import Reference
from payments.bills.new_bill import BillRequest
from payments.catalogue.queries import schedule_of_code
from payments.catalogue.rules.circumstances import Circumstances
from payments.catalogue.rules.fee_requests import FeeRequest
from payments.catalogue.rules.kinds import FixedFee
from payments.catalogue.rules.lines import NewLine
from payments.catalogue.rules.pricing import price_fee
from payments.catalogue.rules.schedule import FeeValue, Schedule


def poster_line(schedule: Schedule, fee: FeeValue, day: date) -> NewLine | None:
    """One unit of a fixed fee, as a poster asks for it; None for a fee that depends on more.

    Reliefs that hold for everybody are given; nobody can claim one on a poster.
    """
    if not isinstance(fee.rule, FixedFee):
        return None
    return price_fee(schedule, fee, FeeRequest(), Circumstances(day, "poster"))


async def price_static_reference(
    session: WriteSession, agency_id: str, fee_code: str, credited_at: datetime
) -> BillRequest | None:
    """The bill to create for a credit on a static reference; None when its fee is not in force."""
    day = clock.business_date(credited_at)
    schedule = await schedule_of_code(session, agency_id, fee_code)
    fee = schedule.find(fee_code, day)
    if fee is None:
        return None
    line = poster_line(schedule, fee, day)
    if line is None or not line.amount:
        return None
    return BillRequest(
        agency_id=agency_id,
        lines=(line,),
        channel="poster",
        opened_on=day,
    )


async def static_reference(session: WriteSession, agency_id: str, fee_code: str) -> str:
    """The static reference of an agency's fee, made now if it has none yet."""
    await session.write(
        insert(Reference)
        .values(
            reference=new_reference(),
            kind="procedure",
            agency_id=agency_id,
            fee_code=fee_code,
            created_at=clock.now(),
        )
        .on_conflict_do_nothing(index_elements=["agency_id", "fee_code"])
    )
    return await session.one(
        select(Reference.reference).where(
            Reference.agency_id == agency_id, Reference.fee_code == fee_code
        )
    )
