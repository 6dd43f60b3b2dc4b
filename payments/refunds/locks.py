"""Refunds, and the money that they may take, locked for the rest of the transaction.

Locks are taken in one order: the bills, then the payment and its parts, then the refund.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import BigInteger, String, and_, any_, cast, func, literal, or_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col, select

from core.bank_refs import plain_bank_ref
from core.errors import NotFound
from core.row_waits import waiting
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.bills.locks import lock_bills
from payments.bills.models import Allocation, Payment, SuspenseItem
from payments.books.allocation import DOUBTS
from payments.books.models import Refund
from payments.books.refunded import from_revenue
from payments.books.returned import find_returned
from payments.books.suspense import LockedItem, lock_items_of

#: A refund in one of these states waits for its debit.
AWAITED = ("approved", "unknown")


@dataclass(frozen=True, slots=True)
class PaidMoney:
    """A payment that money has come of; `credited` in đồng, None until some has."""

    id: str
    agency_id: str
    collection_account_id: str
    bill_id: str | None
    reference: str | None
    gateway_ref: str | None
    credited: int | None
    accounting_on: date | None
    kind: str
    gateway: str
    gateway_account_id: str | None


@dataclass(frozen=True, slots=True)
class LockedRefund:
    """A refund that nobody else changes before our transaction ends; amounts in đồng.

    `ask_at` is when its gateway is to be called or asked next, `asked` how often it was.
    """

    id: str
    payment_id: str
    agency_id: str
    collection_account_id: str
    bill_id: str | None
    amount: int
    from_revenue: int
    status: str
    reference: str
    requested_by: str
    requested_at: datetime
    way: str
    gateway_account_id: str | None
    gateway_ref: str | None
    gateway_code: str | None
    settlement_line_id: str | None
    sent_at: datetime | None
    ask_at: datetime | None
    asked: int


@dataclass(frozen=True, slots=True)
class RefundableMoney:
    """What of a locked payment may go back, in đồng.

    `items` wait or are refundable; `given` is what the bill `bill_id` has of it still. Where
    several bills have some of it, that is the bill asked about, and the items are that bill's;
    asked about none, nothing is given and all items count. `allocated` is what bills have been
    given of it, refunds or not; `several` says that more than one has. `promised` other refunds
    will take that are not approved yet. `doubtful` says that it may be that nothing came, or
    something else than was told.
    """

    payment: PaidMoney
    items: tuple[LockedItem, ...]
    bill_id: str | None
    given: int
    allocated: int
    promised: int
    several: bool
    doubtful: bool
    #: whether a statement shows that the bank has taken it back already
    returned: bool

    @property
    def available(self) -> int:
        """What a refund that is approved now could take."""
        return sum(item.amount for item in self.items) + self.given


_PAYMENT = values_of(PaidMoney, Payment)
_REFUND = values_of(LockedRefund, Refund)


@dataclass(frozen=True, slots=True)
class _Share:
    """What a bill has of a payment, in đồng."""

    bill_id: str
    amount: int


async def lock_refundable(
    session: WriteSession, payment_id: str, *, of_bill: str | None = None, but_for: str = ""
) -> RefundableMoney:
    """Lock a payment, its bills and its parts, and see what may go back.

    `of_bill` is the id of the bill whose share is meant, where several have one; `but_for` is a
    refund that promises nothing here. Raises `NotFound`.
    """
    known = await session.first(_PAYMENT.where(Payment.id == payment_id))
    if known is None:
        raise NotFound("Không có khoản thanh toán này.")
    concerned = await _bills_of(session, payment_id)
    await lock_bills(session, concerned if known.bill_id is None else {known.bill_id, *concerned})
    with waiting(session, payment_id):
        payment = await session.lock_one(_PAYMENT.where(Payment.id == payment_id))
    items = tuple(await lock_items_of(session, payment_id))
    shares = await _shares(session, payment_id)
    apart = payment.bill_id is None and len(await _bills_of(session, payment_id)) > 1
    several = apart or len(shares) > 1
    given, bill_id = 0, None if several else payment.bill_id
    wanted = [one for one in shares if one.bill_id == of_bill] if several else shares
    if len(wanted) == 1:
        bill_id = wanted[0].bill_id
        of_share = from_revenue(bill_id) if several else from_revenue()
        taken = await session.one(select(of_share).where(col(Payment.id) == payment_id))
        given = wanted[0].amount - taken
    promised = select(cast(func.coalesce(func.sum(Refund.amount), 0), BigInteger)).where(
        col(Refund.payment_id) == payment_id,
        col(Refund.status) == "requested",
        col(Refund.id) != but_for,
    )
    if several and of_bill is not None:
        bill_id = of_bill
        items = tuple(item for item in items if item.bill_id == of_bill)
        named = col(Refund.bill_id)
        promised = promised.where((named == of_bill) | named.is_(None))
    return RefundableMoney(
        payment=payment,
        items=items,
        bill_id=bill_id,
        given=given,
        allocated=sum(share.amount for share in shares),
        promised=await session.one(promised),
        several=several,
        doubtful=await _is_doubtful(session, payment),
        returned=bool(await find_returned(session, [payment_id])),
    )


async def lock_refund(session: WriteSession, refund_id: str) -> LockedRefund:
    """Lock a refund; the caller has locked its payment. Raises `NotFound`."""
    with waiting(session, refund_id):
        found = await session.lock_first(_REFUND.where(Refund.id == refund_id))
    if found is None:
        raise NotFound("Không có lần hoàn trả này.")
    return found


async def find_refund(session: ReadSession, refund_id: str) -> LockedRefund | None:
    """The refund of that id as it is now, not locked; None if there is none."""
    return await session.first(_REFUND.where(Refund.id == refund_id))


async def lock_refunds(
    session: WriteSession, known: Collection[LockedRefund]
) -> list[LockedRefund]:
    """Lock refunds as they are by now, by id, and before them their bills and payments.

    Whatever changes of a refund has its bill and payment locked by the database too: whoever locked
    the refund first would wait for one who goes the other way round.
    """
    await lock_bills(session, {one.bill_id for one in known if one.bill_id is not None})
    payments = {one.payment_id for one in known}
    await session.lock_all(_PAYMENT.where(col(Payment.id).in_(payments)).order_by(col(Payment.id)))
    ids = {one.id for one in known}
    return await session.lock_all(_REFUND.where(col(Refund.id).in_(ids)).order_by(col(Refund.id)))


async def list_expected(session: ReadSession, collection_account_id: str) -> list[LockedRefund]:
    """The refunds whose debits are awaited on an account, by id, as they are now, not locked."""
    awaited = (
        col(Refund.collection_account_id) == collection_account_id,
        col(Refund.status).in_(AWAITED),
        col(Refund.way) == "bank",
    )
    return await session.all(_REFUND.where(*awaited).order_by(col(Refund.id)))


async def list_proved_by(session: ReadSession, line_ids: Sequence[str]) -> list[LockedRefund]:
    """The refunds that one of these lines of a statement proves, not locked."""
    return await session.all(_REFUND.where(col(Refund.line_id).in_(line_ids)))


async def list_of_gateway(
    session: ReadSession,
    gateway_account_id: str,
    references: Collection[str],
    gateway_refs: Collection[str],
) -> list[LockedRefund]:
    """The refunds of an account at a gateway by their references or its numbers, not locked."""
    named = col(Refund.reference).in_(references) | col(Refund.gateway_ref).in_(gateway_refs)
    return await session.all(_REFUND.where(Refund.gateway_account_id == gateway_account_id, named))


async def list_shown_by(session: ReadSession, line_ids: Sequence[str]) -> list[LockedRefund]:
    """The refunds that one of these lines of a settlement file shows, not locked."""
    of_lines = col(Refund.settlement_line_id) == any_(literal(list(line_ids), ARRAY(String)))
    return await session.all(_REFUND.where(of_lines))


async def _bills_of(session: ReadSession, payment_id: str) -> set[str]:
    """The ids of the bills that have some of a payment, or that some of it waits for."""
    waited_for = select(col(SuspenseItem.bill_id)).where(
        SuspenseItem.payment_id == payment_id,
        col(SuspenseItem.closed_at).is_(None),
        col(SuspenseItem.bill_id).is_not(None),
    )
    shares = await _shares(session, payment_id)
    waiting = {one for one in await session.all(waited_for) if one is not None}
    return waiting | {share.bill_id for share in shares}


async def _shares(session: ReadSession, payment_id: str) -> list[_Share]:
    total = func.sum(col(Allocation.amount))
    wanted = values_of(_Share, bill_id=col(Allocation.bill_id), amount=cast(total, BigInteger))
    of_payment = wanted.select_from(Allocation).where(col(Allocation.payment_id) == payment_id)
    return await session.all(of_payment.group_by(col(Allocation.bill_id)).having(total > 0))


async def _is_doubtful(session: ReadSession, payment: PaidMoney) -> bool:
    """Whether this money, or other that may be the same, waits for people to say what it is."""
    same = [col(Payment.id) == payment.id]
    if payment.bill_id is not None:
        same.append(col(Payment.bill_id) == payment.bill_id)
    if payment.reference is not None:
        # A poster's is borne by many.
        of_day = col(Payment.accounting_on) == payment.accounting_on
        same.append(and_(col(Payment.reference) == payment.reference, of_day))
    if plain_bank_ref(payment.gateway_ref or ""):
        same.append(col(Payment.gateway_ref) == payment.gateway_ref)
    of_account = col(Payment.collection_account_id) == payment.collection_account_id
    wanted = (
        select(SuspenseItem.id)
        .join(Payment, col(Payment.id) == col(SuspenseItem.payment_id))
        .where(
            col(SuspenseItem.closed_at).is_(None),
            col(SuspenseItem.place) == "suspense",
            col(SuspenseItem.reason).in_(DOUBTS),
            and_(of_account, or_(*same)),
        )
    )
    return await session.first(wanted.limit(1)) is not None
