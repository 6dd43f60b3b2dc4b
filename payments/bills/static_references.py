"""Static references: one for each agency and fixed fee, printed on a poster for ever.

An exact credit on one opens and settles a bill in a single transaction; the poster needs no clerk
and no bill. The price is that of the day the money was credited (Vietnam).
"""

from datetime import date, datetime

from sqlalchemy import text

from core import clock
from core.ids import new_id
from core.references import new_reference
from core.sessions import WriteSession
from payments.bills.create import NewBill
from payments.catalogue.queries import schedule_of_code
from payments.catalogue.rules.fees import Asked
from payments.catalogue.rules.kinds import Fixed
from payments.catalogue.rules.pricing import NewLine, price_fee
from payments.catalogue.rules.reliefs import Circumstances
from payments.catalogue.rules.schedule import FeeValue, Schedule


def poster_line(schedule: Schedule, fee: FeeValue, day: date) -> NewLine | None:
    """One unit of a fixed fee, as a poster asks for it; None for a fee that depends on more.

    Reliefs that hold for everybody are given; nobody can claim one on a poster.
    """
    if not isinstance(fee.rule, Fixed):
        return None
    return price_fee(schedule, fee, Asked(), Circumstances(day, "poster"))


async def price_static_reference(
    session: WriteSession, agency_id: str, fee_code: str, credited_at: datetime
) -> NewBill | None:
    """The bill that a credit on a static reference pays; None when its fee is not in force."""
    day = clock.business_date(credited_at)
    schedule = await schedule_of_code(session, agency_id, fee_code)
    fee = schedule.find(fee_code, day)
    if fee is None:
        return None
    line = poster_line(schedule, fee, day)
    if line is None or not line.amount:
        return None
    return NewBill(
        id=new_id("bill"),
        agency_id=agency_id,
        reference=new_reference(),
        lines=(line,),
        channel="poster",
        language="vi",
        created_at=clock.now(),
        opened_on=day,
    )


async def static_reference(session: WriteSession, agency_id: str, fee_code: str) -> str:
    """The static reference of an agency's fee, made now if it has none yet."""
    await session.execute(
        text(
            "INSERT INTO reference (reference, kind, agency_id, fee_code, created_at)"
            " VALUES (:reference, 'procedure', :agency_id, :fee_code, :now)"
            " ON CONFLICT (agency_id, fee_code) DO NOTHING"
        ),
        {
            "reference": new_reference(),
            "agency_id": agency_id,
            "fee_code": fee_code,
            "now": clock.now(),
        },
    )
    found: str = (
        await session.execute(
            text(
                "SELECT reference FROM reference"
                " WHERE agency_id = :agency_id AND fee_code = :fee_code"
            ),
            {"agency_id": agency_id, "fee_code": fee_code},
        )
    ).scalar_one()
    return found
