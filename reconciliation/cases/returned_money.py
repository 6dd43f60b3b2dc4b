"""A payment of the books whose credit the bank took back: what it paid is owed again.

The run that told of it names the debit, which has to stand still. Its bills are open again, what of
it waits is reversed, and a receipt that was issued proves nothing any more: the one that follows
when the bill is paid again replaces it (TT 91/2026/TT-BTC, Điều 20). What cannot be taken back by
us, people see to: money that has gone on, and slips and confirmations, which others hold.
"""

from typing import Any

from sqlmodel import col, select

from core.errors import Conflict
from core.sessions import ReadSession, WriteSession
from payments.books.commands import (
    ReturnedMoney,
    lock_returned_money,
    reverse_returned_money,
)
from payments.refunds.queries import list_refunded_bills
from receipts.commands import withdraw_receipts
from receipts.queries import list_documented_bills, list_proved_bills
from reconciliation.cases.discrepancies import WorkedDiscrepancy
from reconciliation.models import StatementLine


class MoneyGoneOn(Conflict):
    """Some of this money has been given back, or has cleared a gateway's: settle that first."""

    code = "money_gone_on"


class DocumentIssued(Conflict):
    """A slip or a confirmation proves what this money paid, which nothing takes back."""

    code = "document_issued"


async def see_returned(session: WriteSession, odd: WorkedDiscrepancy) -> dict[str, Any]:
    """What reversing a returned payment does, in đồng, all of it locked.

    Raises `payments.books.commands.NotReturned`, `MoneyGoneOn` and `DocumentIssued`.
    """
    money = await _locked(session, odd)
    return {
        "payment": money.payment_id,
        "line": money.line_id,
        "settled": money.settled,
        "waiting": money.waiting,
        "reopened": list(money.bills),
        "receipts": len(await list_proved_bills(session, money.bill_ids)),
    }


async def reverse_returned(
    session: WriteSession, odd: WorkedDiscrepancy, *, actor: str
) -> dict[str, Any]:
    """Reverse a payment that the bank took back; what was done. Raises as `see_returned` does."""
    money = await _locked(session, odd)
    ended = await withdraw_receipts(session, money.bill_ids, actor=actor)
    await reverse_returned_money(session, money, actor=actor)
    return {
        "reversed": money.settled + money.waiting,
        "reopened": list(money.bills),
        "receipts": ended,
    }


async def _locked(session: WriteSession, odd: WorkedDiscrepancy) -> ReturnedMoney:
    money = await lock_returned_money(session, odd.object_id, await _debits(session, odd))
    if money.spent or await list_refunded_bills(session, money.bill_ids):
        raise MoneyGoneOn("Một phần tiền này đã được hoàn trả hoặc đã chuyển đi; hãy xử lý trước.")
    if await list_documented_bills(session, money.bill_ids):
        raise DocumentIssued(
            "Khoản này đã có chứng từ (giấy nộp tiền, xác nhận) mà hệ thống không thu hồi được."
        )
    return money


async def _debits(session: ReadSession, odd: WorkedDiscrepancy) -> list[str]:
    """The standing debits that may be the one: of its account and amount."""
    wanted = select(StatementLine.id).where(
        col(StatementLine.collection_account_id) == odd.collection_account_id,
        col(StatementLine.direction) == "debit",
        col(StatementLine.amount) == odd.amount,
        col(StatementLine.withdrawn_at).is_(None),
    )
    return await session.all(wanted.order_by(col(StatementLine.id)))
