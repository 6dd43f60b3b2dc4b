"""What people and systems do to bills. Commands take a session and never commit."""

from collections.abc import Collection
from typing import Final

from sqlalchemy import or_, update
from sqlmodel import col, select

from core import audit, clock
from core.errors import Conflict, NotFound
from core.sessions import WriteSession
from payments.bills.locks import find_and_lock_bill
from payments.bills.models import Bill, Payment, ReliefUse
from payments.bills.untouched import has_money
from payments.states import BILL, LIVE

#: How a bill of another office's list is told from others.
DEBT_CHANNEL: Final = "debt_list"


class MoneyUnderWay(Conflict):
    """A payment of this bill has come or may still come: wait for its outcome."""

    code = "money_under_way"


class DebtBill(Conflict):
    """It is of another office's list: two people withdraw the debt, and so the bill."""

    code = "debt_bill"


async def cancel_by_hand(
    session: WriteSession, bill_id: str, agency_ids: Collection[str], *, actor: str
) -> None:
    """Withdraw a bill as one person may; one of a list of debts is not one person's to let go.

    Raises `DebtBill`, and what `cancel_bill` raises.
    """
    channel = await session.first(select(Bill.channel).where(Bill.id == bill_id))
    if channel == DEBT_CHANNEL:
        raise DebtBill("Khoản này theo danh sách của cơ quan khác; rút khoản cần hai người.")
    await cancel_bill(session, bill_id, agency_ids, actor=actor)


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
    begun = await session.first(select(Payment.id).where(Payment.bill_id == bill_id, under_way))
    if begun is not None or await session.first(select(has_money(bill_id))):
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
