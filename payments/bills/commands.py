"""What people and systems do to bills. Commands take a session and never commit."""

from collections.abc import Collection

from sqlalchemy import or_, update
from sqlmodel import col, select

from core import audit, clock
from core.errors import Conflict, NotFound
from core.sessions import WriteSession
from payments.bills.locks import find_and_lock_bill
from payments.bills.models import Bill, Payment, ReliefUse
from payments.states import BILL, LIVE


class MoneyUnderWay(Conflict):
    """A payment of this bill has come or may still come: wait for its outcome."""

    code = "money_under_way"


async def cancel_bill(
    session: WriteSession, bill_id: str, agency_ids: Collection[str], *, actor: str
) -> None:
    """Withdraw a bill that no money has reached; cancelling twice is the same as once.

    A relief that a citizen has once a year is free again. Raises `NotFound`, `IllegalMove` (paid,
    exempt) or `MoneyUnderWay`.
    """
    bill = await find_and_lock_bill(session, bill_id)
    if bill is None or bill.agency_id not in agency_ids:
        raise NotFound("Không có khoản phải nộp này.")
    if bill.status == "cancelled":
        return
    move = BILL.move(bill.status, "cancelled")
    under_way = or_(col(Payment.status).in_(LIVE), col(Payment.credited).is_not(None))
    if await session.first(select(Payment.id).where(Payment.bill_id == bill_id, under_way)):
        raise MoneyUnderWay("Đang có giao dịch thanh toán cho khoản này; hãy chờ kết quả.")
    await session.write(update(Bill).where(col(Bill.id) == bill_id).values(status="cancelled"))
    await session.write(
        update(ReliefUse)
        .where(col(ReliefUse.bill_id) == bill_id, col(ReliefUse.released_at).is_(None))
        .values(released_at=clock.now())
    )
    await audit.record(
        session, actor=actor, action=move.event, object_id=bill_id, details={"before": bill.status}
    )
