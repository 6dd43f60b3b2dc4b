"""What two people may decide of money in suspense, as kinds of approvals.

* assign: it is for a bill that is still to be paid;
* refund: it is to be given back;
* same_money: it was told of twice, and the books have it already;
* other_money: it is money of its own, and goes where it was sent;
* returned: the bank took it back, as a statement shows;
* settlement: it is what a gateway pays over of money that the books have already;
* keep: it stays where it is, and the reason is on record.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from core import clock
from core.crypto import Cipher
from core.errors import Conflict, FieldError, Invalid, NotFound
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.agencies.queries import get_collection_account
from payments.agencies.tree import reaches
from payments.bills.locks import LockedBill, find_and_lock_bill, lock_bills
from payments.bills.models import Bill
from payments.books import suspense
from payments.books.allocation import Distribution, Reason
from payments.books.approvals import ApprovalKind, ApprovalKinds, ApprovalValue, Subject
from payments.books.credits import BANK
from payments.books.release import find_bill_of, give, move, send_on
from payments.books.reversal import reverse_item
from payments.books.suspense import LockedItem
from payments.books.transit import check_in_transit, clear_transit

#: Reasons for which it is asked whether money is other money at all.
_DOUBTS = frozenset(
    {
        Reason.CONFLICTING_NOTICE,
        Reason.POSSIBLE_DUPLICATE,
        Reason.STATEMENT_ONLY,
        Reason.DATED_AHEAD,
        Reason.GATEWAY_SETTLEMENT,
    }
)


class NotWaiting(Conflict):
    """The money is not where this can be decided of it: look at it again."""

    code = "not_waiting"


class BillTakesNothing(Conflict):
    """The bill takes no money: it is paid, withdrawn, or owes nothing."""

    code = "bill_not_payable"


@dataclass(frozen=True, slots=True)
class _FoundBill:
    id: str


def suspense_kinds(cipher: Cipher) -> ApprovalKinds:
    """The kinds of approvals about a suspense item; `cipher` keeps what a new bill's payer is."""
    return {
        "assign": ApprovalKind(_look_for_bill, _assign),
        "refund": ApprovalKind(_look_in_suspense, _refund),
        "same_money": ApprovalKind(_look_in_doubt, _same_money),
        "other_money": ApprovalKind(_look_in_doubt, partial(_other_money, cipher)),
        "returned": ApprovalKind(_look, _returned),
        "settlement": ApprovalKind(_look_in_transit, _settlement),
        "keep": ApprovalKind(_look, _keep),
    }


async def _look(session: WriteSession, item_id: str, _: Mapping[str, Any]) -> Subject:
    """An open item, locked with its bill."""
    item = await _lock(session, item_id, None)
    return Subject(item.agency_id, _figures(item))


async def _look_in_suspense(
    session: WriteSession, item_id: str, wanted: Mapping[str, Any]
) -> Subject:
    subject = await _look(session, item_id, wanted)
    if subject.figures["place"] != "suspense":
        raise NotWaiting("Khoản tiền này đã là tiền phải hoàn trả.")
    return subject


async def _look_in_doubt(session: WriteSession, item_id: str, wanted: Mapping[str, Any]) -> Subject:
    subject = await _look_in_suspense(session, item_id, wanted)
    if subject.figures["reason"] not in _DOUBTS:
        raise NotWaiting("Khoản tiền này không thuộc diện nghi trùng.")
    return subject


async def _look_in_transit(session: WriteSession, item_id: str, _: Mapping[str, Any]) -> Subject:
    item = await _lock(session, item_id, None)
    if item.gateway != BANK:
        raise NotWaiting("Khoản tiền này do cổng báo, không phải tiền cổng chuyển về tài khoản.")
    await check_in_transit(session, item)
    return Subject(item.agency_id, _figures(item))


async def _look_for_bill(session: WriteSession, item_id: str, wanted: Mapping[str, Any]) -> Subject:
    item, bill = await _lock_with_bill(session, item_id, str(wanted["bill"]))
    waiting = await suspense.lock_waiting(session, bill.id)
    shown = {
        "reference": bill.reference,
        "status": bill.status,
        "amount": bill.amount,
        "waiting": sum(one.amount for one in waiting),
    }
    # Bodies that share an account do not see each other's bills.
    return Subject(item.agency_id, _figures(item) | {"bill": shown}, others=(bill.agency_id,))


async def _assign(session: WriteSession, approval: ApprovalValue, actor: str) -> dict[str, Any]:
    item, bill = await _lock_with_bill(session, approval.object_id, str(approval.wanted["bill"]))
    return await give(session, item, bill, actor)


async def _refund(session: WriteSession, approval: ApprovalValue, actor: str) -> dict[str, Any]:
    item = await _lock(session, approval.object_id, None)
    refundable = Distribution(refundable=item.amount, reason=Reason.REFUND_WANTED)
    return await move(session, item, None, refundable, actor)


async def _same_money(session: WriteSession, approval: ApprovalValue, actor: str) -> dict[str, Any]:
    item = await _lock(session, approval.object_id, None)
    await reverse_item(session, actor, item, Reason.SAME_MONEY)
    return {"reversed": item.amount}


async def _returned(session: WriteSession, approval: ApprovalValue, actor: str) -> dict[str, Any]:
    item = await _lock(session, approval.object_id, None)
    await reverse_item(session, actor, item, Reason.RETURNED_BY_BANK)
    return {"reversed": item.amount}


async def _settlement(session: WriteSession, approval: ApprovalValue, actor: str) -> dict[str, Any]:
    item = await _lock(session, approval.object_id, None)
    await clear_transit(session, actor, item)
    return {"cleared": item.amount}


async def _other_money(
    cipher: Cipher, session: WriteSession, approval: ApprovalValue, actor: str
) -> dict[str, Any]:
    item = await _lock(session, approval.object_id, None)
    return await send_on(session, cipher, item, actor)


async def _keep(_: WriteSession, approval: ApprovalValue, __: str) -> dict[str, Any]:
    return {"kept": approval.figures["amount"]}


async def _lock(session: WriteSession, item_id: str, bill_id: str | None) -> LockedItem:
    """An open item, locked after the bills that it concerns. Raises `NotFound` or `NotWaiting`."""
    found = await suspense.find_item(session, item_id)
    if found is None:
        raise NotFound("Không có khoản tiền chờ này.")
    sent_for = await find_bill_of(
        session, found.bill_id, found.collection_account_id, found.reference
    )
    # All bills before any money, and in one order.
    await lock_bills(session, {one for one in (bill_id, sent_for) if one is not None})
    item = await suspense.lock_item(session, item_id)
    if item.closed_at is not None or item.place not in suspense.WAITING_PLACES:
        raise NotWaiting("Khoản tiền này không còn chờ.")
    return item


async def _lock_with_bill(
    session: WriteSession, item_id: str, reference: str
) -> tuple[LockedItem, LockedBill]:
    known = await _find_bill(session, reference)
    if known is None:
        raise _no_bill()
    item = await _lock(session, item_id, known.id)
    bill = await find_and_lock_bill(session, known.id)
    account = await get_collection_account(session, item.collection_account_id)
    if bill is None or not await reaches(session, account.agency_id, bill.agency_id):
        raise _no_bill()
    if bill.status not in ("open", "expired"):
        raise BillTakesNothing("Khoản phải nộp này không còn nhận tiền.")
    if item.bill_id == bill.id and item.reason == Reason.SHORT:
        raise NotWaiting("Khoản tiền này đang chờ đủ cho chính khoản phải nộp đó.")
    return item, bill


async def _find_bill(session: ReadSession, reference: str) -> _FoundBill | None:
    return await session.first(values_of(_FoundBill, Bill).where(Bill.reference == reference))


def _no_bill() -> Invalid:
    fault = FieldError("bill", "unknown", "Không có khoản phải nộp nào mang mã này ở đây.")
    return Invalid(fault.detail, errors=[fault])


def _figures(item: LockedItem) -> dict[str, Any]:
    return {
        "amount": item.amount,
        "place": item.place,
        "reason": item.reason,
        "payment": item.payment_id,
        "credited": item.credited,
        "paid_at": item.paid_at.astimezone(clock.VIETNAM).isoformat(timespec="seconds"),
        "reference": item.reference,
    }
