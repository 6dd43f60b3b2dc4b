"""Bills and their payments as frozen values, never rows."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, and_, case, cast, func, literal, null, or_, tuple_, union_all
from sqlmodel import col, select

from core.crypto import Cipher
from core.cursors import Page, page_of, read_cursor, write_cursor
from core.errors import NotFound
from core.sessions import ReadSession
from core.statements import values_of
from payments.agencies.queries import CollectionAccountValue as CollectionAccountValue
from payments.bills.lines import LineValue as LineValue
from payments.bills.lines import lines_of
from payments.bills.models import (
    Allocation,
    Bill,
    PayerData,
    Payment,
    Reference,
    SuspenseItem,
)
from payments.bills.reasons import Reason
from payments.states import LIVE


@dataclass(frozen=True, slots=True)
class PaymentValue:
    """An attempt or a credit; `credited` is what arrived, None where nothing has."""

    id: str
    kind: str
    agency_id: str
    bill_id: str | None
    gateway: str
    gateway_account_id: str | None
    collection_account_id: str
    status: str
    amount: int
    credited: int | None
    order_ref: str | None
    gateway_ref: str | None
    checkout: dict[str, Any] | None
    created_at: datetime
    paid_at: datetime | None
    accounting_on: date | None
    #: why it may be money that is in the books already, and so counts for nothing yet
    doubt: str | None = None
    #: when the gateway was last asked, and what it said while nothing was paid
    asked_at: datetime | None = None
    gateway_says: str | None = None
    #: why an attempt failed, in the gateway's words or in ours
    gateway_code: str | None = None
    #: whether its payment page leads back to a page that shows the payer's name
    private: bool | None = None
    #: what of it the bill that shows it has, or waits for, where it is not that bill's alone
    share: int | None = None
    #: what of it people have given to other bills, where its own still takes money
    elsewhere: int = 0

    @property
    def is_open(self) -> bool:
        """Whether it is an attempt that may still end in either way."""
        return self.status in LIVE


@dataclass(frozen=True, slots=True)
class BillValue:
    """A bill with its lines and payments."""

    id: str
    agency_id: str
    reference: str
    status: str
    amount: int
    dossier_number: str | None
    channel: str
    language: str
    return_url: str | None
    metadata: dict[str, Any]
    expires_at: datetime | None
    created_at: datetime
    opened_on: date
    paid_at: datetime | None
    lines: tuple[LineValue, ...]
    payments: tuple[PaymentValue, ...]
    #: id of the earlier bill that it adds to (thu bổ sung)
    supplement_of: str | None = None

    @property
    def with_money(self) -> list[str]:
        """The ids of its own payments whose money has come."""
        own = (payment for payment in self.payments if payment.share is None)
        return [payment.id for payment in own if payment.credited is not None]

    @property
    def shared(self) -> list[str]:
        """The ids of the payments that other bills have some of, too."""
        return [payment.id for payment in self.payments if payment.share is not None]

    @property
    def received(self) -> int:
        """What has come for this bill and needs no person to look at it, in đồng."""
        sure = (p for p in self.payments if p.status == "succeeded" and p.doubt is None)
        return sum((p.credited or 0) - p.elsewhere if p.share is None else p.share for p in sure)

    @property
    def remaining(self) -> int:
        """What is still to be paid, in đồng; short money that waits is not asked for twice."""
        unpaid = self.status in ("open", "expired")
        return max(self.amount - self.received, 0) if unpaid else 0

    @property
    def open_attempt(self) -> PaymentValue | None:
        """The attempt whose outcome is not known yet, the newest where there are several."""
        return next((one for one in reversed(self.payments) if one.is_open), None)

    @property
    def payable(self) -> int:
        """What a payer may be asked for now, in đồng.

        Nothing while an attempt is open or money is looked at: whoever pays then may pay twice.
        """
        under_way = any(p.is_open or p.status == "held" for p in self.payments)
        return 0 if self.status != "open" or under_way else self.remaining


@dataclass(frozen=True, slots=True)
class _BillShare:
    """What of a payment that is not its alone a bill has, or waits for; `amount` in đồng."""

    bill_id: str
    payment_id: str
    amount: int


@dataclass(frozen=True, slots=True)
class _GoneElsewhere:
    """What other bills have of a payment that came for one, or what waits for them; in đồng."""

    payment_id: str
    amount: int


_PAYMENTS = values_of(PaymentValue, Payment, share=null(), elsewhere=literal(0)).order_by(
    col(Payment.created_at), col(Payment.id)
)
#: Some bills, newest first.
BillPage = Page[BillValue]


async def list_shared(session: ReadSession, bill_ids: Sequence[str]) -> list[PaymentValue]:
    """The payments that are not these bills' alone, once for each bill that has or had some."""
    short = and_(col(SuspenseItem.place) == "suspense", col(SuspenseItem.reason) == Reason.SHORT)
    parts = union_all(
        select(Allocation.bill_id, Allocation.payment_id, Allocation.amount).where(
            col(Allocation.bill_id).in_(bill_ids)
        ),
        select(
            col(SuspenseItem.bill_id),
            col(SuspenseItem.payment_id),
            case((short, col(SuspenseItem.amount)), else_=0),
        ).where(col(SuspenseItem.bill_id).in_(bill_ids), col(SuspenseItem.closed_at).is_(None)),
    ).subquery("part")
    wanted = (
        values_of(
            _BillShare,
            bill_id=parts.c.bill_id,
            payment_id=parts.c.payment_id,
            amount=cast(func.sum(parts.c.amount), BigInteger),
        )
        .join_from(parts, Payment, col(Payment.id) == parts.c.payment_id)
        .where(col(Payment.bill_id).is_distinct_from(parts.c.bill_id))
        .group_by(parts.c.bill_id, parts.c.payment_id)
    )
    shares = await session.all(wanted)
    if not shares:
        return []
    ids = {share.payment_id for share in shares}
    known = {one.id: one for one in await session.all(_PAYMENTS.where(col(Payment.id).in_(ids)))}
    return [
        replace(known[share.payment_id], bill_id=share.bill_id, share=share.amount)
        for share in shares
    ]


async def _gone_elsewhere(session: ReadSession, payment_ids: Collection[str]) -> dict[str, int]:
    """What other bills have of payments that came for one, by the payment; left out where none."""
    if not payment_ids:
        return {}
    parts = union_all(
        select(Allocation.payment_id, Allocation.bill_id, Allocation.amount).where(
            col(Allocation.payment_id).in_(payment_ids)
        ),
        select(
            col(SuspenseItem.payment_id), col(SuspenseItem.bill_id), col(SuspenseItem.amount)
        ).where(
            col(SuspenseItem.payment_id).in_(payment_ids), col(SuspenseItem.closed_at).is_(None)
        ),
    ).subquery("part")
    wanted = (
        values_of(
            _GoneElsewhere,
            payment_id=parts.c.payment_id,
            amount=cast(func.sum(parts.c.amount), BigInteger),
        )
        .join_from(parts, Payment, col(Payment.id) == parts.c.payment_id)
        .where(parts.c.bill_id != col(Payment.bill_id))
        .group_by(parts.c.payment_id)
    )
    return {one.payment_id: one.amount for one in await session.all(wanted)}


async def _complete(session: ReadSession, bills: Sequence[Bill]) -> tuple[BillValue, ...]:
    """The bills with their lines and payments, in three queries for all of them.

    And a fourth where one that still takes money has had some.
    """
    ids = [bill.id for bill in bills]
    lines = await lines_of(session, ids)
    payments: dict[str | None, list[PaymentValue]] = {bill_id: [] for bill_id in ids}
    found = await session.all(_PAYMENTS.where(col(Payment.bill_id).in_(ids)))
    unpaid = {bill.id for bill in bills if bill.status in ("open", "expired")}
    gone = await _gone_elsewhere(
        session, [one.id for one in found if one.bill_id in unpaid and one.credited is not None]
    )
    found = [replace(one, elsewhere=gone[one.id]) if one.id in gone else one for one in found]
    found += await list_shared(session, ids)
    for payment in sorted(found, key=lambda one: (one.created_at, one.id)):
        payments[payment.bill_id].append(payment)
    return tuple(
        BillValue(
            id=bill.id,
            agency_id=bill.agency_id,
            reference=bill.reference,
            status=bill.status,
            amount=bill.amount,
            dossier_number=bill.dossier_number,
            channel=bill.channel,
            language=bill.language,
            return_url=bill.return_url,
            metadata=bill.extra,
            expires_at=bill.expires_at,
            created_at=bill.created_at,
            opened_on=bill.opened_on,
            paid_at=bill.paid_at,
            lines=tuple(lines[bill.id]),
            payments=tuple(payments[bill.id]),
            supplement_of=bill.supplement_of,
        )
        for bill in bills
    )


async def find_bill(session: ReadSession, key: str) -> BillValue | None:
    """The bill of that id or reference, None if there is none."""
    bill = await session.first(
        select(Bill).where(or_(col(Bill.id) == key, col(Bill.reference) == key))
    )
    return None if bill is None else (await _complete(session, [bill]))[0]


async def get_bill(session: ReadSession, key: str, agency_ids: Collection[str]) -> BillValue:
    """The bill of that id or reference. Raises `NotFound` if absent or another agency's."""
    bill = await find_bill(session, key)
    if bill is None or bill.agency_id not in agency_ids:
        raise NotFound("Không có khoản phải nộp này.")
    return bill


async def list_bills(
    session: ReadSession,
    agency_ids: Collection[str],
    *,
    dossier_number: str | None = None,
    status: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> BillPage:
    """A page of bills. Raises `Invalid` for a cursor we did not make."""
    wanted = select(Bill).where(col(Bill.agency_id).in_(agency_ids))
    if dossier_number is not None:
        wanted = wanted.where(Bill.dossier_number == dossier_number)
    if status is not None:
        wanted = wanted.where(Bill.status == status)
    if cursor:
        wanted = wanted.where(tuple_(Bill.created_at, Bill.id) < read_cursor(cursor, "bill"))
    newest_first = wanted.order_by(col(Bill.created_at).desc(), col(Bill.id).desc())
    bills = await session.all(newest_first.limit(limit + 1))
    page = page_of(bills, limit, lambda bill: write_cursor(bill.created_at, bill.id))
    return Page(await _complete(session, page.items), page.next_cursor)


async def read_payer(session: ReadSession, cipher: Cipher, subject_id: str) -> dict[str, str]:
    """The personal data kept for a bill (payer) or a credit (narrative); empty where none is."""
    data = await session.first(select(PayerData.data).where(PayerData.subject_id == subject_id))
    if data is None:
        return {}
    found: dict[str, str] = json.loads(cipher.decrypt(data, f"payer:{subject_id}"))
    return found


@dataclass(frozen=True, slots=True)
class StaticReferenceValue:
    """A static reference: which agency's which fee."""

    reference: str
    agency_id: str
    fee_code: str


async def find_static_reference(
    session: ReadSession, reference: str
) -> StaticReferenceValue | None:
    """The static reference of that text, None if it is none."""
    return await session.first(
        values_of(StaticReferenceValue, Reference).where(
            Reference.reference == reference, Reference.kind == "procedure"
        )
    )


@dataclass(frozen=True, slots=True)
class PaymentName:
    """What a payment is called outside: by the reference that its payer knows, else by its source.

    `gateway_ref` is the gateway's own number, or the bank's reference where it `is_credit`; texts
    are empty where there are none.
    """

    id: str
    reference: str
    gateway: str
    gateway_ref: str
    is_credit: bool


async def list_payment_names(
    session: ReadSession, payment_ids: Collection[str]
) -> list[PaymentName]:
    """What those of these that are payments are called."""
    wanted = values_of(
        PaymentName,
        Payment,
        reference=func.coalesce(Payment.reference, Bill.reference, ""),
        gateway_ref=func.coalesce(Payment.gateway_ref, ""),
        is_credit=col(Payment.kind) == "credit",
    ).join_from(Payment, Bill, col(Bill.id) == col(Payment.bill_id), isouter=True)
    return await session.all(wanted.where(col(Payment.id).in_(sorted(payment_ids))))
