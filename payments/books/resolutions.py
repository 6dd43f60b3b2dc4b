"""What two people may decide of money in suspense, as kinds of approvals.

* assign: it is for a bill that is still to be paid, or for several of one body;
* refund: it is to be given back;
* same_money: it was told of twice, and the books have it already;
* other_money: it is money of its own, and goes where it was sent;
* returned: the bank took it back, as a statement shows;
* settlement: it is what a gateway pays over of money that the books have already;
* keep: it stays where it is, and the reason is on record.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from core import clock
from core.crypto import Cipher
from core.errors import Conflict, NotFound
from core.sessions import WriteSession
from payments.agencies.queries import get_collection_account
from payments.bills.locks import LockedBill, lock_bills
from payments.books import suspense
from payments.books.allocation import DOUBTS, Distribution, Reason, apportion
from payments.books.approvals import ApprovalKind, ApprovalKinds, ApprovalValue, Subject
from payments.books.bills_to_pay import find_bill_ids, lock_bills_to_pay, named_in
from payments.books.credits import BANK
from payments.books.posting import owing_of
from payments.books.release import find_bills_of, give, give_to_several, move, send_on
from payments.books.reversal import reverse_item
from payments.books.suspense import LockedItem
from payments.books.transit import check_in_transit, clear_transit


class NotWaiting(Conflict):
    """The money is not where this can be decided of it: look at it again."""

    code = "not_waiting"


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
    item = await _lock(session, item_id)
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
    if subject.figures["reason"] not in DOUBTS:
        raise NotWaiting("Khoản tiền này không thuộc diện nghi trùng.")
    return subject


async def _look_in_transit(session: WriteSession, item_id: str, _: Mapping[str, Any]) -> Subject:
    item = await _lock(session, item_id)
    if item.gateway != BANK:
        raise NotWaiting("Khoản tiền này do cổng báo, không phải tiền cổng chuyển về tài khoản.")
    await check_in_transit(session, item)
    return Subject(item.agency_id, _figures(item))


async def _look_for_bill(session: WriteSession, item_id: str, wanted: Mapping[str, Any]) -> Subject:
    item, bills = await _lock_with_bills(session, item_id, wanted)
    owing = await owing_of(session, bills)
    waiting = {owed.bill_id: owed.waiting for owed in owing}
    shown = {
        bill.id: {
            "reference": bill.reference,
            "status": bill.status,
            "amount": bill.amount,
            "waiting": waiting[bill.id],
        }
        for bill in bills
    }
    told: dict[str, Any] = {"bill": shown[bills[0].id]}
    if len(bills) > 1:
        split = {one.bill_id: one.distribution.total for one in apportion(owing, item.amount)}
        told = {"bills": [one | {"share": split.get(of, 0)} for of, one in shown.items()]}
    figures = _figures(item) | told
    # Bodies that share an account do not see each other's bills.
    return Subject(item.agency_id, figures, others=tuple({bill.agency_id for bill in bills}))


async def _assign(session: WriteSession, approval: ApprovalValue, actor: str) -> dict[str, Any]:
    item, bills = await _lock_with_bills(session, approval.object_id, approval.wanted)
    if len(bills) > 1:
        return await give_to_several(session, item, bills, actor)
    return await give(session, item, bills[0], actor)


async def _refund(session: WriteSession, approval: ApprovalValue, actor: str) -> dict[str, Any]:
    item = await _lock(session, approval.object_id)
    refundable = Distribution(refundable=item.amount, reason=Reason.REFUND_WANTED)
    return await move(session, item, None, refundable, actor)


async def _same_money(session: WriteSession, approval: ApprovalValue, actor: str) -> dict[str, Any]:
    item = await _lock(session, approval.object_id)
    await reverse_item(session, actor, item, Reason.SAME_MONEY)
    return {"reversed": item.amount}


async def _returned(session: WriteSession, approval: ApprovalValue, actor: str) -> dict[str, Any]:
    item = await _lock(session, approval.object_id)
    await reverse_item(session, actor, item, Reason.RETURNED_BY_BANK)
    return {"reversed": item.amount}


async def _settlement(session: WriteSession, approval: ApprovalValue, actor: str) -> dict[str, Any]:
    item = await _lock(session, approval.object_id)
    await clear_transit(session, actor, item)
    return {"cleared": item.amount}


async def _other_money(
    cipher: Cipher, session: WriteSession, approval: ApprovalValue, actor: str
) -> dict[str, Any]:
    item = await _lock(session, approval.object_id)
    return await send_on(session, cipher, item, actor)


async def _keep(_: WriteSession, approval: ApprovalValue, __: str) -> dict[str, Any]:
    return {"kept": approval.figures["amount"]}


async def _lock(session: WriteSession, item_id: str, *bill_ids: str) -> LockedItem:
    """An open item, locked after the bills that it concerns. Raises `NotFound` or `NotWaiting`."""
    found = await suspense.find_item(session, item_id)
    if found is None:
        raise NotFound("Không có khoản tiền chờ này.")
    sent_for = await find_bills_of(
        session, found.bill_id, found.collection_account_id, found.reference
    )
    # All bills before any money, and in one order.
    await lock_bills(session, {*bill_ids, *sent_for})
    item = await suspense.lock_item(session, item_id)
    if item.closed_at is not None or item.place not in suspense.WAITING_PLACES:
        raise NotWaiting("Khoản tiền này không còn chờ.")
    return item


async def _lock_with_bills(
    session: WriteSession, item_id: str, wanted: Mapping[str, Any]
) -> tuple[LockedItem, list[LockedBill]]:
    """The item, and the bills that it is to be given to, all of them still to be paid."""
    references = named_in(wanted)
    known = await find_bill_ids(session, references)
    item = await _lock(session, item_id, *known.values())
    account = await get_collection_account(session, item.collection_account_id)
    bills = await lock_bills_to_pay(session, account, references)
    if any(item.bill_id == bill.id for bill in bills) and item.reason == Reason.SHORT:
        raise NotWaiting("Khoản tiền này đang chờ đủ cho chính khoản phải nộp đó.")
    return item, bills


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
