"""Asking for money to go back, saying that its transfer was ordered, and seeing that it left.

They never commit. A refund by transfer is closed by the debit of a statement and by nothing else:
see `payments.refunds.proofs`. One that a gateway gives back is its gateway's to close: see
`payments.refunds.outcomes`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import update
from sqlmodel import col, exists, select

from core import audit, clock
from core.bank_refs import plain_bank_ref
from core.crypto import Cipher
from core.errors import Conflict, FieldError, Invalid, NotFound
from core.ids import new_id
from core.money import format_vnd
from core.outbox import emit
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.agencies.access.principals import Principal
from payments.bills.models import Allocation, Bill, SuspenseItem
from payments.books.approvals import ApprovalKinds, ApprovalValue, propose
from payments.books.closed_days import find_last_closed, open_day
from payments.books.models import Refund
from payments.events import RefundPaid, RefundUnproved
from payments.refunds.deciding import REFUND, MoneyInDoubt, RefundDecided
from payments.refunds.locks import (
    AWAITED,
    LockedRefund,
    RefundableMoney,
    find_refund,
    list_expected,
    list_proved_by,
    lock_refund,
    lock_refundable,
    lock_refunds,
)
from payments.refunds.moves import move_refund
from payments.refunds.payees import Payee, sealed
from payments.refunds.placing import NotRefundable, pay_back, set_aside, unprove
from payments.refunds.proofs import Debit, ExpectedRefund, proofs_of
from payments.refunds.queries import list_proving_lines
from payments.refunds.requesting import write_request
from payments.refunds.settled import (
    SettledRefund,
    forget_settled_lines,
    note_settled_refunds,
)

#: `Debit` is what `close_by_debits` takes, `SettledRefund` what `note_settled_refunds` does.
__all__ = [
    "Debit",
    "SettledRefund",
    "close_by_debits",
    "forget_settled_lines",
    "mark_all_sent",
    "mark_sent",
    "note_settled_refunds",
    "open_decided_refund",
    "request_refund",
    "unprove_refunds",
]


#: A debit bears a refund's name and is not its proof; see `_note_unexpected`.
UNEXPECTED: Final = "refund.unexpected_debit"


class OtherWay(Conflict):
    """The refund goes back by the other way: nothing is to be ordered."""

    code = "other_way"


@dataclass(frozen=True, slots=True)
class _NamedRefund:
    """A refund by its name, and what proves it."""

    id: str
    reference: str
    line_id: str | None


@dataclass(frozen=True, slots=True)
class _Transfer:
    """What the bank calls a refund's transfer."""

    id: str
    bank_ref: str


@dataclass(frozen=True, slots=True)
class _KnownTransfer:
    """What a refund's transfer is said to be called by the bank; None: nobody has said."""

    bank_ref: str | None


async def request_refund(
    session: WriteSession,
    kinds: ApprovalKinds,
    payment_id: str,
    amount: int,
    reason: str,
    payee: Payee | None,
    by: Principal,
    cipher: Cipher,
    *,
    bill: str | None = None,
    through: str | None = None,
) -> ApprovalValue:
    """Ask that `amount` đồng of a payment go back; nothing moves before another person approves.

    `bill` is the reference of the bill whose share goes back, where the payment paid several.
    `through` is the id of the account at a gateway that is to give it back (`ways.get_way_back`);
    None: the body's own transfer. The approval, whose object is the refund. Raises `NotFound`,
    `Invalid` for a bill that has nothing of it and a payee whom no gateway asks for,
    `NotRefundable` where less is left, `MoneyInDoubt`, and what `propose` does.
    """
    if through is not None and payee is not None:
        fault = FieldError("payee", "not_taken", "Cổng trả về nơi đã trả: không ghi người nhận.")
        raise Invalid(fault.detail, errors=[fault])
    of_bill = None if bill is None else await _bill_of(session, payment_id, bill)
    money = await lock_refundable(session, payment_id, of_bill=of_bill)
    if money.payment.agency_id not in by.agency_ids:
        raise NotFound("Không có khoản thanh toán này.")
    if of_bill not in (None, money.bill_id):
        raise _no_share()
    if money.doubtful:
        raise MoneyInDoubt("Khoản tiền này còn nghi trùng hoặc mâu thuẫn: hãy xử lý trước.")
    _check_amount(money, amount)
    refund_id = new_id("refund")
    to = None if payee is None else sealed(cipher, refund_id, payee)
    await write_request(session, refund_id, money, amount, reason, to, by.actor, through)
    return await propose(session, kinds, REFUND, refund_id, {}, reason, by)


async def open_decided_refund(
    session: WriteSession, payment_id: str, amount: int, asked_by: str, reason: str, *, actor: str
) -> str:
    """Set `amount` đồng of a payment aside to go back, as two people have decided already; its id.

    `asked_by` asked for it and `actor` has just approved it, whatever doubt there was. Raises
    `NotFound` and `NotRefundable`.
    """
    money = await lock_refundable(session, payment_id)
    _check_amount(money, amount)
    refund_id = new_id("refund")
    await write_request(session, refund_id, money, amount, reason, None, asked_by)
    refund = await lock_refund(session, refund_id)
    taken = await set_aside(session, actor, refund, money)
    await move_refund(session, actor, refund, "approved", {"taken": taken})
    return refund_id


async def _bill_of(session: ReadSession, payment_id: str, reference: str) -> str:
    """The id of a bill that has, or had, some of a payment. Raises `Invalid`."""
    has_some = exists(col(Allocation.id)).where(
        col(Allocation.payment_id) == payment_id, col(Allocation.bill_id) == col(Bill.id)
    )
    waits = exists(col(SuspenseItem.id)).where(
        col(SuspenseItem.payment_id) == payment_id, col(SuspenseItem.bill_id) == col(Bill.id)
    )
    wanted = select(Bill.id).where(Bill.reference == reference, has_some | waits)
    found = await session.first(wanted)
    if found is None:
        raise _no_share()
    return found


def _no_share() -> Invalid:
    fault = FieldError("bill", "unknown", "Khoản phải nộp này không có phần nào của khoản tiền.")
    return Invalid(fault.detail, errors=[fault])


async def mark_sent(
    session: WriteSession,
    refund_id: str,
    bank_ref: str | None,
    agency_ids: Collection[str],
    *,
    actor: str,
) -> None:
    """The transfer of an approved refund was ordered; whether it arrives is `unknown`.

    Told again, only another bank reference is news: it takes the place of the first. Raises
    `NotFound`, `RefundDecided`, and `OtherWay` for one that a gateway gives back.
    """
    refund = await _lock_sendable(session, refund_id, agency_ids)
    if refund.status == "unknown":
        await _correct_bank_ref(session, refund, bank_ref, actor=actor)
        return
    if refund.status == "approved":
        ordered = {} if bank_ref is None else {"bank_ref": bank_ref}
        await move_refund(
            session, actor, refund, "unknown", ordered, bank_ref=bank_ref, sent_at=clock.now()
        )


async def mark_all_sent(
    session: WriteSession,
    refund_ids: Collection[str],
    agency_ids: Collection[str],
    *,
    actor: str,
) -> list[str]:
    """The transfers of these were ordered, all or none: those of which nobody had said so before.

    The log says of each how many that are, where they are several. Raises as `mark_sent`.
    """
    locked = [await _lock_sendable(session, one, agency_ids) for one in sorted(set(refund_ids))]
    fresh = [refund for refund in locked if refund.status == "approved"]
    told: dict[str, Any] = {"together": len(fresh)} if len(fresh) > 1 else {}
    for refund in fresh:
        await move_refund(session, actor, refund, "unknown", told, sent_at=clock.now())
    return [refund.id for refund in fresh]


async def _lock_sendable(
    session: WriteSession, refund_id: str, agency_ids: Collection[str]
) -> LockedRefund:
    """A refund by bank transfer that is approved, or was ordered already."""
    known = await find_refund(session, refund_id)
    if known is None or known.agency_id not in agency_ids:
        raise NotFound("Không có lần hoàn trả này.")
    if known.way != "bank":
        raise OtherWay("Lần hoàn trả này đi qua cổng thanh toán: không lệnh chuyển khoản.")
    (refund,) = await lock_refunds(session, [known])
    if refund.status not in ("approved", "unknown", "succeeded"):
        raise RefundDecided("Lần hoàn trả này chưa được duyệt hoặc đã kết thúc.")
    return refund


async def _correct_bank_ref(
    session: WriteSession, refund: LockedRefund, bank_ref: str | None, *, actor: str
) -> None:
    """Whoever ordered the transfer had told another bank reference, or none."""
    known = values_of(_KnownTransfer, Refund).where(Refund.id == refund.id)
    before = (await session.one(known)).bank_ref
    if bank_ref in (None, before):
        return
    corrected = update(Refund).where(col(Refund.id) == refund.id)
    await session.write(corrected.values(bank_ref=bank_ref))
    await audit.record(
        session,
        actor=actor,
        action="refund.bank_ref_corrected",
        object_id=refund.id,
        details={"before": before, "after": bank_ref},
    )


async def close_by_debits(
    session: WriteSession, collection_account_id: str, debits: Sequence[Debit], *, actor: str
) -> list[str]:
    """Close each refund of an account that one of these debits proves; their ids.

    The caller sees to it that no statement of theirs is withdrawn before our transaction ends.
    One debit proves one refund. Where several fit alike none is proved: people decide.
    """
    if not debits:
        return []
    expected = {one.id: one for one in await list_expected(session, collection_account_id)}
    told = await _told_refs(session, expected)
    used = await list_proving_lines(session, [debit.line_id for debit in debits])
    proofs = proofs_of(
        [debit for debit in debits if debit.line_id not in used],
        [
            ExpectedRefund(one.id, one.amount, one.reference, told.get(one.id, ""))
            for one in expected.values()
        ],
    )
    locked = await lock_refunds(session, [expected[proof.refund_id] for proof in proofs])
    still = {one.id: one for one in locked if one.status in AWAITED}
    last_closed = await find_last_closed(session, collection_account_id)
    proofs = [proof for proof in proofs if proof.refund_id in still]
    for proof in proofs:
        refund, debit = still[proof.refund_id], proof.debit
        await pay_back(session, refund)
        await move_refund(
            session,
            actor,
            refund,
            "succeeded",
            {"line": debit.line_id},
            line_id=debit.line_id,
            accounting_on=open_day(last_closed, debit.booked_on),
        )
        paid = RefundPaid(refund.id, refund.agency_id, refund.bill_id or "", refund.from_revenue)
        await emit(session, paid)
    await _note_unexpected(session, debits, actor=actor)
    return [proof.refund_id for proof in proofs]


async def unprove_refunds(
    session: WriteSession, line_ids: Sequence[str], *, actor: str
) -> list[str]:
    """The statement of these lines was withdrawn: what they proved is `unknown` again; the ids.

    The caller has locked the account's notices, so that no debit of theirs proves anything now.
    """
    refunds = await lock_refunds(session, await list_proved_by(session, line_ids))
    for refund in refunds:
        await unprove(session, refund)
        await move_refund(session, actor, refund, "unknown", {}, line_id=None, accounting_on=None)
        bill_id = refund.bill_id or ""
        await emit(
            session, RefundUnproved(refund.id, refund.agency_id, bill_id, refund.from_revenue)
        )
    return [refund.id for refund in refunds]


def _check_amount(money: RefundableMoney, amount: int) -> None:
    if money.payment.credited is None:
        raise NotRefundable("Khoản thanh toán này chưa có tiền.")
    if money.returned:
        raise NotRefundable("Ngân hàng đã ghi nợ trả lại khoản tiền này: không hoàn trả lần nữa.")
    left = money.available - money.promised
    if amount > left and money.several and money.bill_id is None:
        fault = FieldError("bill", "missing", "Hãy chỉ rõ hoàn trả phần của khoản phải nộp nào.")
        raise NotRefundable("Khoản tiền này đã trả cho nhiều khoản phải nộp.", errors=[fault])
    if amount > left:
        fault = FieldError("amount", NotRefundable.code, f"Chỉ còn {format_vnd(left)}.")
        raise NotRefundable(f"Chỉ còn {format_vnd(left)} có thể hoàn trả.", errors=[fault])


async def _note_unexpected(session: WriteSession, debits: Sequence[Debit], *, actor: str) -> None:
    """Alert people, once, of each debit under a refund's name that is not that refund's proof.

    It left twice, with another amount, before it was approved, or after it was given up.
    """
    named = {name for debit in debits for name in debit.references}
    wanted = values_of(_NamedRefund, Refund).where(col(Refund.reference).in_(named))
    refunds = {one.reference: one for one in await session.all(wanted)}
    for debit in debits:
        for name in debit.references:
            refund = refunds.get(name)
            if refund is None or refund.line_id == debit.line_id:
                continue
            told = {"line": debit.line_id, "amount": debit.amount}
            if not await audit.is_recorded(session, UNEXPECTED, refund.id, told):
                await audit.record(
                    session, actor=actor, action=UNEXPECTED, object_id=refund.id, details=told
                )


async def _told_refs(session: WriteSession, refund_ids: Collection[str]) -> dict[str, str]:
    """What the bank calls each transfer, as it was told; "" where it tells nothing."""
    wanted = values_of(_Transfer, Refund).where(
        col(Refund.id).in_(refund_ids), col(Refund.bank_ref).is_not(None)
    )
    return {one.id: plain_bank_ref(one.bank_ref) for one in await session.all(wanted)}
