"""What becomes of money that a statement tells of, or tells of taking back. They never commit."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import BigInteger, ColumnElement, String, any_, cast, func, literal, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import aliased
from sqlmodel import col, exists, select
from sqlmodel.sql.expression import SelectOfScalar

from core import audit, clock
from core.crypto import Cipher
from core.errors import Conflict
from core.name_locks import lock_names, share_name
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.bills.locks import lock_bills
from payments.bills.models import Allocation, Bill, Payment, SuspenseItem
from payments.books.allocation import Reason
from payments.books.identity import STATEMENT, notices_of
from payments.books.models import CreditNotice
from payments.books.recording import note_doubt
from payments.books.release import release_stated
from payments.books.returned import RETURNED, find_returned
from payments.books.reversal import reverse_item, reverse_settlement
from payments.books.suspense import LockedItem, is_waiting, lock_items_of


@dataclass(frozen=True, slots=True)
class StatedMoney:
    """Money that a statement told of; amounts in đồng.

    `settled` is what bills have of it, `waiting` what is in suspense or refundable, `unreleased`
    what of that waits because only a statement told of it, unless the bank took it back; `spent`
    is what has cleared a gateway's money or was set aside to go back; `shared` says that a feed or
    another statement tells of it too. `bill` is a reference, as are `settled_references`;
    `settled_bills` are ids, as are `waiting_bills`, for which some of it waits.
    """

    payment_id: str
    settled: int
    waiting: int
    unreleased: int
    spent: int
    shared: bool
    bill_id: str | None
    bill: str | None
    settled_bills: list[str]
    settled_references: list[str]
    waiting_bills: list[str]
    #: the bills of the references that it bore, where there are any by now
    named_bills: list[str]

    @property
    def bills(self) -> list[str]:
        """The references of the bills that it is for, or that have some of it."""
        return [*self.settled_references, *([self.bill] if self.bill else [])]

    def is_taken_back(self, proved: Collection[str]) -> bool:
        """Whether withdrawing its statement reverses it; `proved` bills have receipts.

        What has gone on cannot be: people undo that first, or see to it.
        """
        unproved = not set(proved).intersection(self.settled_bills)
        return unproved and not self.shared and not self.spent


@dataclass(frozen=True, slots=True)
class ReleaseOutcome:
    """How much money was released, and how many đồng of it bills have taken."""

    count: int
    allocated: int


class NotReturned(Conflict):
    """No standing line of a statement shows that the bank took this money back."""

    code = "not_returned"


@dataclass(frozen=True, slots=True)
class ReturnedMoney:
    """Money that the debit `line_id` took back, and where the books have it; amounts in đồng.

    `settled` is what the bills `bill_ids`, by reference `bills`, have of it; `spent` has gone on.
    """

    payment_id: str
    line_id: str
    settled: int
    waiting: int
    spent: int
    bill_ids: tuple[str, ...]
    bills: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _GivenBill:
    bill_id: str
    reference: str
    amount: int


_OTHER = aliased(CreditNotice)
_SETTLED = select(func.coalesce(func.sum(Allocation.amount), 0)).where(
    Allocation.payment_id == Payment.id
)
_HAVING_SOME = (
    select(col(Allocation.bill_id))
    .where(col(Allocation.payment_id) == col(Payment.id))
    .group_by(col(Allocation.bill_id))
    .having(func.sum(col(Allocation.amount)) > 0)
    # Of the payment that is asked about, also where a select stands in between.
    .correlate(Payment)
)
_NAMED = aliased(Bill)
_NAMED_BILLS = select(col(_NAMED.id)).where(
    col(_NAMED.reference) == any_(func.string_to_array(col(Payment.reference), " "))
)
_REFERENCES = select(col(_NAMED.reference)).where(col(_NAMED.id).in_(_HAVING_SOME))
_WAITED_FOR = select(col(SuspenseItem.bill_id)).where(
    col(SuspenseItem.payment_id) == col(Payment.id),
    col(SuspenseItem.closed_at).is_(None),
    col(SuspenseItem.bill_id).is_not(None),
)
_OPEN = select(func.coalesce(func.sum(SuspenseItem.amount), 0)).where(
    SuspenseItem.payment_id == Payment.id, col(SuspenseItem.closed_at).is_(None)
)
_WAITING = _OPEN.where(is_waiting())


def _is_spent() -> ColumnElement[bool]:
    """That an item has gone on: it cleared money of the books, or was set aside to go back."""
    gone = ("in_transit", "collector_cash", "paying_back", "paid_back")
    return col(SuspenseItem.place).in_(gone)


_SPENT = _OPEN.where(_is_spent())
_UNRELEASED = _WAITING.where(SuspenseItem.reason == Reason.STATEMENT_ONLY)


def _listed(
    names: SelectOfScalar[str] | SelectOfScalar[str | None],
) -> ColumnElement[Sequence[str]]:
    """What a statement gives for each payment, as one list."""
    return cast(func.array(names.scalar_subquery()), ARRAY(String))


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
        spent=cast(_SPENT.scalar_subquery(), BigInteger),
        shared=told_otherwise,
        bill=col(Bill.reference),
        named_bills=_listed(_NAMED_BILLS),
        waiting_bills=_listed(_WAITED_FOR),
        settled_bills=_listed(_HAVING_SOME),
        settled_references=_listed(_REFERENCES),
    ).join_from(Payment, Bill, col(Bill.id) == col(Payment.bill_id), isouter=True)
    found = await session.all(wanted.where(told).order_by(col(Payment.id)))
    returned = await find_returned(session, [one.payment_id for one in found if one.unreleased])
    return [replace(one, unreleased=0) if one.payment_id in returned else one for one in found]


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
    has settled a proved bill, or has gone on, nothing is, and people see to it. The lines' notices
    tell of nothing any more, so that the right statement can tell of the money anew; those of money
    that stays stay too, or it would be entered twice.
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


async def take_from_bills(session: WriteSession, money: StatedMoney, *, actor: str) -> None:
    """Take back what bills without a receipt have of money that was not for them: it waits.

    `money` is what `lock_stated_money` gave. Nobody but people sends it on again.
    """
    for bill in await lock_bills(session, set(money.settled_bills)):
        await reverse_settlement(
            session, actor, bill, {money.payment_id}, Reason.UNKNOWN_REFERENCE, is_money=True
        )


async def release_stated_money(
    session: WriteSession, cipher: Cipher, line_ids: Sequence[str], *, actor: str
) -> ReleaseOutcome:
    """Let what only these lines of a statement told of go where it was sent: bills settle."""
    told = await lock_stated_money(session, line_ids)
    before = await _given_of(session, told)
    count, released = 0, []
    for money in told:
        became = await release_stated(session, cipher, money.payment_id, money.bill_id, actor=actor)
        count += len(became)
        released += [money] if became else []
    # As it is at the end: what was short for a bill may have been made up by the next.
    now = await _given_of(session, released)
    return ReleaseOutcome(count, sum(now[id_] - before.get(id_, 0) for id_ in now))


@dataclass(frozen=True, slots=True)
class _GivenSum:
    payment_id: str
    amount: int


async def _given_of(session: ReadSession, told: Sequence[StatedMoney]) -> dict[str, int]:
    """What bills have of each of these payments that gave any, in đồng."""
    summed = cast(func.sum(Allocation.amount), BigInteger)
    ids = literal([money.payment_id for money in told], ARRAY(String))
    given = values_of(_GivenSum, Allocation, amount=summed)
    given = given.where(col(Allocation.payment_id) == any_(ids))
    found = await session.all(given.group_by(col(Allocation.payment_id)))
    return {one.payment_id: one.amount for one in found}


def _bills_of(told: Sequence[StatedMoney]) -> set[str]:
    """The ids of the bills that the money was sent or waits for, and of those that have some."""
    settled = {bill_id for money in told for bill_id in money.settled_bills}
    waited_for = {bill_id for money in told for bill_id in money.waiting_bills}
    named = {bill_id for money in told if money.unreleased for bill_id in money.named_bills}
    return settled | waited_for | named | {money.bill_id for money in told if money.bill_id}


async def lock_returned_money(
    session: WriteSession, payment_id: str, line_ids: Sequence[str]
) -> ReturnedMoney:
    """A payment that one of these debits of a statement took back, its bills and parts locked.

    Raises `NotReturned` where no run has found that.
    """
    told = [
        line_id
        for line_id in line_ids
        if await audit.is_recorded(session, RETURNED, payment_id, {"line": line_id})
        and not await _has_taken_another(session, payment_id, line_id)
    ]
    if not told:
        raise NotReturned("Không dòng sao kê nào còn hiệu lực cho thấy ngân hàng đã thu lại.")
    locked: set[str] = set()
    given = await _given(session, payment_id)
    waiting: list[LockedItem] | None = None
    while True:
        if wanted := {one.bill_id for one in given} - locked:
            await lock_bills(session, wanted)
            locked |= wanted
        await session.lock_first(select(Payment.id).where(Payment.id == payment_id))
        # Whoever was giving it away while we waited has left it in other places.
        before, waiting = waiting, await lock_items_of(session, payment_id)
        given = await _given(session, payment_id)
        if before == waiting and locked.issuperset(one.bill_id for one in given):
            break
    spent = select(cast(func.coalesce(func.sum(SuspenseItem.amount), 0), BigInteger)).where(
        col(SuspenseItem.payment_id) == payment_id,
        col(SuspenseItem.closed_at).is_(None),
        _is_spent(),
    )
    return ReturnedMoney(
        payment_id,
        told[0],
        settled=sum(one.amount for one in given),
        waiting=sum(item.amount for item in waiting),
        spent=await session.one(spent),
        bill_ids=tuple(one.bill_id for one in given),
        bills=tuple(one.reference for one in given),
    )


async def _given(session: ReadSession, payment_id: str) -> list[_GivenBill]:
    total = func.sum(col(Allocation.amount))
    wanted = values_of(
        _GivenBill,
        bill_id=col(Bill.id),
        reference=col(Bill.reference),
        amount=cast(total, BigInteger),
    ).join_from(Allocation, Bill, col(Bill.id) == col(Allocation.bill_id))
    of_payment = wanted.where(col(Allocation.payment_id) == payment_id)
    grouped = of_payment.group_by(col(Bill.id)).having(total > 0)
    return await session.all(grouped.order_by(col(Bill.id)))


async def reverse_returned_money(
    session: WriteSession, money: ReturnedMoney, *, actor: str
) -> None:
    """Take money that the bank took back out of the books: what it paid is owed again.

    `money` is what `lock_returned_money` gave; no receipt of its bills stands any more.
    """
    for item in await lock_items_of(session, money.payment_id):
        await reverse_item(session, actor, item, Reason.RETURNED_BY_BANK)
    for bill in await lock_bills(session, set(money.bill_ids)):
        gone = {money.payment_id}
        await reverse_settlement(session, actor, bill, gone, Reason.RETURNED_BY_BANK)


async def note_returned_money(
    session: WriteSession, payment_id: str, line_id: str, *, actor: str
) -> None:
    """The bank has taken a payment's money back, by the debit `line_id` of a statement.

    An alert says so, once for each debit; two people decide what becomes of it. What has taken
    back another payment already has not taken this one.
    """
    told = {"line": line_id}
    if await audit.is_recorded(session, RETURNED, payment_id, told):
        return
    if not await _has_taken_another(session, payment_id, line_id):
        await note_doubt(session, actor, payment_id, Reason.RETURNED_BY_BANK, told)


async def _has_taken_another(session: WriteSession, payment_id: str, line_id: str) -> bool:
    """Whether people have reversed another payment because of this debit.

    One debit takes back one credit: where the bank's references tell nothing, the next payment of
    its reference looks like the one that is gone. Nobody else decides it at the same time.
    """
    await lock_names(session, f"returned:{line_id}")
    amount = select(Payment.credited).where(col(Payment.id) == payment_id).scalar_subquery()
    account = select(Payment.collection_account_id).where(col(Payment.id) == payment_id)
    reversed_ = select(Payment.id).where(
        col(Payment.collection_account_id) == account.scalar_subquery(),
        col(Payment.credited) == amount,
        col(Payment.doubt) == Reason.RETURNED_BY_BANK,
        col(Payment.id) != payment_id,
    )
    for other in await session.all(reversed_):
        if await audit.is_recorded(session, RETURNED, other, {"line": line_id}):
            return True
    return False
