"""What people call the objects of a day's minutes: payments, lines of statements, days, files.

An id of ours says nothing to whoever reads minutes years later: what they have in hand bears the
bill's reference, the bank's, or the gateway's.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import col

from core.clock import business_date
from core.days import day_text
from core.sessions import ReadSession
from core.statements import values_of
from payments.bills.queries import PaymentName, list_payment_names
from reconciliation.models import Statement, StatementLine


@dataclass(frozen=True, slots=True)
class _LineName:
    id: str
    bank_ref: str
    booked_at: datetime


@dataclass(frozen=True, slots=True)
class _FileName:
    id: str
    file_name: str


async def name_objects(session: ReadSession, object_ids: Collection[str]) -> dict[str, str]:
    """What each of these is called, by its id; what is none of ours is called as it is."""
    found = {one: _day_words(one) for one in object_ids}
    wanted = sorted(found)
    lines = values_of(_LineName, StatementLine).where(col(StatementLine.id).in_(wanted))
    for line in await session.all(lines):
        ref = f"số tham chiếu {line.bank_ref}" if line.bank_ref else "không có số tham chiếu"
        found[line.id] = f"dòng sao kê ngày {day_text(business_date(line.booked_at))}, {ref}"
    files = values_of(_FileName, Statement).where(col(Statement.id).in_(wanted))
    for file in await session.all(files):
        found[file.id] = f"sao kê {file.file_name}"
    for payment in await list_payment_names(session, wanted):
        found[payment.id] = _payment_words(payment)
    return found


def _day_words(object_id: str) -> str:
    try:
        return f"ngày {day_text(date.fromisoformat(object_id))}"
    except ValueError:
        return object_id


def _payment_words(payment: PaymentName) -> str:
    known = f"khoản thu {payment.reference}" if payment.reference else "khoản thu không có mã"
    if not payment.gateway_ref:
        return known
    who = "số tham chiếu" if payment.is_credit else f"số của cổng {payment.gateway}"
    return f"{known}, {who} {payment.gateway_ref}"
