"""What becomes of money that a statement tells of, or tells of taking back. They never commit."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, ColumnElement, String, any_, cast, func, literal, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import aliased
from sqlmodel import col, exists, select

from core import audit, clock
from core.crypto import Cipher
from core.name_locks import lock_names, share_name
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.bills.locks import lock_bills
from payments.bills.models import Bill, Payment
from payments.books.allocation import Reason
from payments.books.identity import STATEMENT, notices_of
from payments.books.models import Allocation, CreditNotice, SuspenseItem
from payments.books.recording import note_doubt
from payments.books.release import release_stated
from payments.books.reversal import reverse_item, reverse_settlement
from payments.books.suspense import is_waiting, lock_items_of


@dataclass(frozen=True, slots=True)
class StatedMoney:
    """Money that a statement told of; amounts in đồng.

    `settled` is what bills have of it, `waiting` what is in suspense or refundable, `unreleased`
    what of that waits because only a statement told of it; `shared` says that a feed or another
    statement tells of it too. `bill` is a reference, `settled_bills` are ids.
    """

    payment_id: str
    settled: int
    waiting: int
    unreleased: int
    shared: bool
    bill_id: str | None
    bill: str | None
    settled_bills: list[str]
    #: the bill of the reference that it bore, where there is one by now
    named_bill: str | None

    def is_taken_back(self, proved: Collection[str]) -> bool:
        """Whether withdrawing its statement reverses it; `proved` bills have receipts."""
        return not self.shared and not set(proved).intersection(self.settled_bills)


@dataclass(frozen=True, slots=True)
class ReleaseOutcome:
    """How much money was released, and how many đồng of it bills have taken."""

    count: int
    allocated: int


_RETURNED = f"payment.{Reason.RETURNED_BY_BANK}"

_OTHER = aliased(CreditNotice)
_SETTLED = select(func.coalesce(func.sum(Allocation.amount), 0)).where(
    Allocation.payment_id == Payment.id
)
_HAVING_SOME = (
    select(col(Allocation.bill_id))
    .where(col(Allocation.payment_id) == col(Payment.id))
    .group_by(col(Allocation.bill_id))
    .having(func.sum(col(Allocation.amount)) > 0)
)
_NAMED = aliased(Bill)
_NAMED_BILL = select(col(_NAMED.id)).where(col(_NAMED.reference) == col(Payment.reference))
_WAITING = select(func.coalesce(func.sum(SuspenseItem.amount), 0)).where(
    SuspenseItem.payment_id == Payment.id,
    col(SuspenseItem.closed_at).is_(None),
    is_waiting(),
)
_UNRELEASED = _WAITING.where(SuspenseItem.reason == Reason.STATEMENT_ONLY)


def _is_of(notice: type[CreditNotice], line_ids: Sequence[str]) -> ColumnElement[bool]:
    """That a standing notice is of one of these lines; one parameter, however many they are."""
    named = col(notice.notice_ref) == any_(literal(list(line_ids), ARRAY(String)))
    return (col(notice.source) == STATEMENT) & named & col(notice.withdrawn_at).is_(None)


async def list_stated_money(session: ReadSession, line_ids: Sequence[str]) -> list[StatedMoney]:
    """The money that was recorded, or told of again, because of these lines of a statement."""
    told_otherwise = exists(col(_OTHER.payment_id)).where(
        col(_OTHER.payment_id) == col(Payment.id),
        col(_OTHER.withdrawn_at).is_(None),
        ~_is_of(_OTHER, line_ids),
    )
    told = exists(col(CreditNotice.payment_id)).where(
        col(CreditNotice.payment_id) == col(Payment.id), _is_of(CreditNotice, line_ids)
    )
    wanted = values_of(
        StatedMoney,
        Payment,
        payment_id=col(Payment.id),
        settled=cast(_SETTLED.scalar_subquery(), BigInteger),
        waiting=cast(_WAITING.scalar_subquery(), BigInteger),
        unreleased=cast(_UNRELEASED.scalar_subquery(), BigInteger),
        shared=told_otherwise,
        bill=col(Bill.reference),
        named_bill=_NAMED_BILL.scalar_subquery(),
        settled_bills=cast(func.array(_HAVING_SOME.scalar_subquery()), ARRAY(String)),
    ).join_from(Payment, Bill, col(Bill.id) == col(Payment.bill_id), isouter=True)
    return await session.all(wanted.where(told).order_by(col(Payment.id)))


async def share_notices_of(session: WriteSession, account_id: str) -> None:
    """Let no statement of the account be withdrawn or released before our transaction ends.

    For whoever locks something of the statement's before the notice itself.
    """
    await share_name(session, notices_of(account_id))


async def lock_notices_of(session: WriteSession, account_id: str) -> None:
    """Let nobody tell of money on the account before our transaction ends."""
    await lock_names(session, notices_of(account_id))


async def lock_stated_money(session: WriteSession, line_ids: Sequence[str]) -> list[StatedMoney]:
    """As `list_stated_money`, its bills locked: while they are, none of them gets a receipt.

    The caller has locked the account's notices (`lock_notices_of`).
    """
    locked: set[str] = set()
    while wanted := _bills_of(money := await list_stated_money(session, line_ids)) - locked:
        await lock_bills(session, wanted)
        locked |= wanted
    return money


async def withdraw_stated_money(
    session: WriteSession,
    money: Sequence[StatedMoney],
    line_ids: Sequence[str],
    *,
    proved: Collection[str],
    actor: str,
) -> None:
    """Take back what was recorded because these lines of a statement told of it, and nobody else.

    `money` is what `lock_stated_money` gave, `proved` the ids of its bills that have a receipt or
    another document. Money is reversed, and bills that it had settled are open again; of what
    has settled a proved bill nothing is, and people see to it. The lines' notices tell of nothing
    any more, so that the right statement can tell of the money anew; those of money that stays
    settled stay, or it would be entered twice.
    """
    gone = {one.payment_id: one for one in money if one.is_taken_back(proved)}
    for payment_id in gone:
        for item in await lock_items_of(session, payment_id):
            await reverse_item(session, actor, item, Reason.STATEMENT_WITHDRAWN)
    settled = {bill_id for one in gone.values() for bill_id in one.settled_bills}
    for bill in await lock_bills(session, settled):
        await reverse_settlement(session, actor, bill, gone, Reason.STATEMENT_WITHDRAWN)
    for one in money:
        if one.shared or one.payment_id in gone:
            notices = update(CreditNotice).where(
                col(CreditNotice.payment_id) == one.payment_id, _is_of(CreditNotice, line_ids)
            )
            await session.write(notices.values(withdrawn_at=clock.now()))


async def release_stated_money(
    session: WriteSession, cipher: Cipher, line_ids: Sequence[str], *, actor: str
) -> ReleaseOutcome:
    """Let what only these lines of a statement told of go where it was sent: bills settle."""
    count, allocated = 0, 0
    for money in await lock_stated_money(session, line_ids):
        became = await release_stated(session, cipher, money.payment_id, money.bill_id, actor=actor)
        count += len(became)
        allocated += sum(one["allocated"] for one in became)
    return ReleaseOutcome(count, allocated)


def _bills_of(told: Sequence[StatedMoney]) -> set[str]:
    """The ids of the bills that the money was sent for, and of those that have some of it."""
    settled = {bill_id for money in told for bill_id in money.settled_bills}
    named = {money.named_bill for money in told if money.unreleased}
    return settled | {one for one in {*named, *(money.bill_id for money in told)} if one}


async def note_returned_money(
    session: WriteSession, payment_id: str, line_id: str, *, actor: str
) -> None:
    """The bank has taken a payment's money back, by the debit `line_id` of a statement.

    An alert says so, once for each debit; two people decide what becomes of it.
    """
    told = {"line": line_id}
    if not await audit.is_recorded(session, _RETURNED, payment_id, told):
        await note_doubt(session, actor, payment_id, Reason.RETURNED_BY_BANK, told)
