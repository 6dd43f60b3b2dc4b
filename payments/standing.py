"""Standing references: one for each agency and fixed fee, printed on a poster for ever.

An exact credit on one opens and settles a bill in a single transaction; the poster needs no clerk
and no bill. The price is that of the day the money was credited (Vietnam).
"""

from datetime import datetime

from sqlalchemy import text

from core import clock
from core.db import AsyncSession
from core.ids import new_id
from core.references import new_reference
from payments.catalogue.queries import find_fee
from payments.catalogue.schedule import FeeValue
from payments.opening import NewBill, NewLine


def line_of(fee: FeeValue, quantity: int, copies: int, *, path: str = "") -> NewLine:
    """A fee priced as a line. Raises `Invalid` naming quantity or copies under `path`."""
    priced = fee.price(quantity, copies, path=path)
    return NewLine(
        description=fee.name.vi,
        description_en=fee.name.en,
        quantity=quantity,
        copies=copies,
        amount=priced.amount,
        sub_item=fee.sub_item,
        fee_id=fee.id,
        fee=fee.code,
        explanation=priced.explanation_vi,
        basis=fee.basis,
        unit=fee.unit.vi,
    )


async def price_standing(
    session: AsyncSession, agency_id: str, fee_code: str, credited_at: datetime
) -> NewBill | None:
    """The bill that a credit on a standing reference pays; None when its fee is not in force."""
    day = clock.business_date(credited_at)
    fee = await find_fee(session, agency_id, fee_code, day)
    if fee is None:
        return None
    line = line_of(fee, 1, 1)
    if not line.amount:
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


async def standing_reference(session: AsyncSession, agency_id: str, fee_code: str) -> str:
    """The standing reference of an agency's fee, made now if it has none yet."""
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
