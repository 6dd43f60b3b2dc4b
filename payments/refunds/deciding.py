"""What two people decide of money that is to go back, as kinds of approvals.

* payment_refund: so much of a payment is to be paid back;
* refund_failure: a refund that was approved was never paid, or its transfer came to nothing; of
  one that a gateway was called for, only when it has said nothing for three days.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from core import clock
from core.errors import Conflict, NotFound
from core.sessions import WriteSession
from payments.books.approvals import ApprovalKind, ApprovalKinds, ApprovalValue, Subject
from payments.refunds.locks import (
    LockedRefund,
    RefundableMoney,
    find_refund,
    lock_refund,
    lock_refundable,
)
from payments.refunds.moves import move_refund
from payments.refunds.placing import give_up, set_aside

#: How long a gateway may take to say what became of a refund, before people may call it unpaid.
TOO_LATE_TO_SAY: Final = timedelta(days=3)

REFUND = "payment_refund"
FAILURE = "refund_failure"


class MoneyInDoubt(Conflict):
    """Whether the money came, or how much, is still to be decided: decide that first."""

    code = "money_in_doubt"


class RefundDecided(Conflict):
    """The refund is not where this can be decided of it: look at it again."""

    code = "refund_decided"


def refund_kinds() -> ApprovalKinds:
    """The kinds of approvals about refunds."""
    return {
        REFUND: ApprovalKind(_look, _approve, _reject),
        FAILURE: ApprovalKind(_look_at_sent, _fail),
    }


async def _look(session: WriteSession, refund_id: str, _: Mapping[str, Any]) -> Subject:
    refund, money = await _lock(session, refund_id)
    if refund.status != "requested":
        raise RefundDecided("Lần hoàn trả này đã được quyết định.")
    if money.doubtful or money.returned:
        raise MoneyInDoubt("Khoản tiền này còn nghi trùng hoặc mâu thuẫn: hãy xử lý trước.")
    figures = {
        "payment": refund.payment_id,
        "amount": refund.amount,
        "credited": money.payment.credited,
        "reference": money.payment.reference,
        # Money that has gone to a bill since, or come from one, is not what was looked at.
        "allocated": money.allocated,
        "bill": money.bill_id,
    }
    if refund.way == "gateway":
        figures |= {"way": refund.way, "gateway": money.payment.gateway}
    return Subject(refund.agency_id, figures)


async def _approve(session: WriteSession, approval: ApprovalValue, actor: str) -> dict[str, Any]:
    refund, money = await _lock(session, approval.object_id)
    taken = await set_aside(session, actor, refund, money)
    if refund.way == "gateway":  # the sweep calls it, with no transaction open
        details = {"taken": taken, "way": refund.way}
        await move_refund(session, actor, refund, "approved", details, ask_at=clock.now())
    else:
        await move_refund(session, actor, refund, "approved", {"taken": taken})
    return {"refund": refund.id, "reference": refund.reference, "taken": taken}


async def _reject(session: WriteSession, refund_id: str, actor: str) -> None:
    refund, _ = await _lock(session, refund_id)
    if refund.status == "requested":
        await move_refund(session, actor, refund, "rejected", {})


async def _look_at_sent(session: WriteSession, refund_id: str, _: Mapping[str, Any]) -> Subject:
    refund, _money = await _lock(session, refund_id)
    if refund.way == "dispute":
        raise RefundDecided("Ngân hàng của người nộp và cổng thanh toán quyết định khiếu nại này.")
    called = refund.way == "gateway" and refund.status != "approved"
    if refund.status not in (("unknown", "submitted") if called else ("approved", "unknown")):
        raise RefundDecided("Lần hoàn trả này không còn chờ chuyển tiền.")
    if called and (refund.sent_at is None or clock.now() < refund.sent_at + TOO_LATE_TO_SAY):
        # It may be on its way to the payer: given up now, it could go out a second time.
        raise RefundDecided("Cổng thanh toán còn có thể trả lời về lần hoàn trả này: hãy chờ.")
    figures = {"payment": refund.payment_id, "amount": refund.amount, "status": refund.status}
    return Subject(refund.agency_id, figures)


async def _fail(session: WriteSession, approval: ApprovalValue, actor: str) -> dict[str, Any]:
    refund, _ = await _lock(session, approval.object_id)
    await give_up(session, refund)
    details = {"approval": approval.id}
    await move_refund(session, actor, refund, "failed", details, ask_at=None)
    return {"refund": refund.id, "given_up": refund.amount}


async def _lock(session: WriteSession, refund_id: str) -> tuple[LockedRefund, RefundableMoney]:
    known = await find_refund(session, refund_id)
    if known is None:
        raise NotFound("Không có lần hoàn trả này.")
    money = await lock_refundable(
        session, known.payment_id, of_bill=known.bill_id, but_for=refund_id
    )
    return await lock_refund(session, refund_id), money
