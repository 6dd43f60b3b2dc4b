"""What receipts, reconciliation and the operator may know of money: frozen values, never rows."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import BigInteger, ColumnElement, String, any_, cast, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col, select

from core.crypto import Cipher
from core.cursors import Page, page_of
from core.sessions import ReadSession
from core.statements import ReadSql, values_of
from payments.agencies.models import CollectionAccount
from payments.bills.lines import LineValue, lines_of
from payments.bills.models import Bill, Payment, Reference, SuspenseItem
from payments.books.cash import CASH
from payments.books.identity import STATEMENT
from payments.books.models import CreditNotice, LedgerTransaction, Payout, Posting
from payments.books.payable import list_payable_bills as list_payable_bills
from payments.books.suspense import is_waiting
from payments.books.transit import GatewayMoney as GatewayMoney
from payments.books.transit import is_settlement as is_settlement
from payments.books.transit import list_gateway_money as list_gateway_money
from payments.books.values import DayPayment as DayPayment

#: What of each payment was no money, or was taken back: it is looked for on no statement.
_REVERSED = (
    select(SuspenseItem.payment_id, func.sum(SuspenseItem.amount).label("amount"))
    .where(SuspenseItem.place == "reversed")
    .group_by(col(SuspenseItem.payment_id))
    .subquery()
)

#: That a statement told of a payment's money, and a feed or gateway never did.
_TOLD = select(CreditNotice.payment_id).where(
    col(CreditNotice.payment_id) == col(Payment.id), col(CreditNotice.withdrawn_at).is_(None)
)
_STATEMENT_ALONE = (
    _TOLD.where(CreditNotice.source == STATEMENT).exists()
    & ~_TOLD.where(CreditNotice.source != STATEMENT).exists()
)

#: What a collector took in cash is on no statement and in no settlement: its deposit is, when it
#: comes (`payments.collecting`).
_ON_ACCOUNTS = col(Payment.gateway) != CASH

_LEFT = cast(Payment.credited - func.coalesce(_REVERSED.c.amount, 0), BigInteger)
_DAY_PAYMENTS = (
    values_of(
        DayPayment,
        Payment,
        payment_id=col(Payment.id),
        reference=func.coalesce(Payment.reference, Bill.reference, ""),
        amount=col(Payment.credited),
        static=col(Reference.reference).is_not(None),
        statement_alone=_STATEMENT_ALONE,
        is_batch=col(Payout.id).is_not(None),
        batch_line=col(Payout.line_id),
    )
    .join_from(Payment, Bill, col(Bill.id) == col(Payment.bill_id), isouter=True)
    .outerjoin(
        Payout, (col(Payout.payment_id) == col(Payment.id)) & col(Payout.undone_at).is_(None)
    )
    .outerjoin(
        Reference,
        (col(Reference.reference) == col(Payment.reference))
        & col(Reference.kind).in_(("procedure", "stall", "handover")),
    )
    .outerjoin(_REVERSED, _REVERSED.c.payment_id == col(Payment.id))
    .where(_LEFT > 0, _ON_ACCOUNTS)
    .order_by(col(Payment.paid_at), col(Payment.id))
)


def _of_days(
    collection_account_id: str, first: date, last: date, also: Collection[str]
) -> ColumnElement[bool]:
    days: ColumnElement[bool] = col(Payment.accounting_on).between(first, last)
    if also:  # one parameter, however many they are
        days |= col(Payment.id) == any_(cast(list(also), ARRAY(String)))
    return days & (col(Payment.collection_account_id) == collection_account_id)


async def list_day_payments(
    session: ReadSession,
    collection_account_id: str,
    first: date,
    last: date,
    also: Collection[str] = (),
) -> list[DayPayment]:
    """Every payment with money left whose accounting day is `first` to `last`, by time.

    And those of the account with an id of `also`, whatever their day.
    """
    return await session.all(
        _DAY_PAYMENTS.where(_of_days(collection_account_id, first, last, also))
    )


@dataclass(frozen=True, slots=True)
class _Moment:
    """When a payment's money came."""

    id: str
    paid_at: datetime


async def list_moments(session: ReadSession, payment_ids: Sequence[str]) -> dict[str, datetime]:
    """When the money of each of these payments came (UTC), as the books know; others left out."""
    which = (col(Payment.id).in_(payment_ids), col(Payment.paid_at).is_not(None))
    return {
        one.id: one.paid_at for one in await session.all(values_of(_Moment, Payment).where(*which))
    }


@dataclass(frozen=True, slots=True)
class DaySum:
    """How many payments with money there are, and their sum in đồng."""

    count: int
    credited: int


_DAY_SUM = (
    values_of(
        DaySum,
        count=func.count(col(Payment.id)),
        credited=cast(func.coalesce(func.sum(Payment.credited), 0), BigInteger),
    )
    .select_from(Payment)
    .outerjoin(_REVERSED, _REVERSED.c.payment_id == col(Payment.id))
    .where(_LEFT > 0, _ON_ACCOUNTS)
)


async def sum_day_payments(
    session: ReadSession,
    collection_account_id: str,
    first: date,
    last: date,
    also: Collection[str] = (),
) -> DaySum:
    """What `list_day_payments` would give, summed up."""
    return await session.one(_DAY_SUM.where(_of_days(collection_account_id, first, last, also)))


@dataclass(frozen=True, slots=True)
class WaitingMoney:
    """Money that waits for a person or is to be given back; `amount` in đồng, times in UTC."""

    id: str
    place: str
    reason: str
    amount: int
    account: str
    payment_id: str
    #: the gateway's or the bank's own name of the money
    gateway: str
    gateway_ref: str | None
    #: the references of the bills it was sent for, with spaces between; None where none can be told
    bill: str | None
    paid_at: datetime | None

    @property
    def named(self) -> list[str]:
        """The references of the bills it was sent for."""
        return [] if self.bill is None else self.bill.split()


_WAITING_MONEY = (
    values_of(
        WaitingMoney,
        SuspenseItem,
        Payment,
        account=col(CollectionAccount.code),
        bill=func.coalesce(Bill.reference, Payment.reference),
    )
    .join_from(SuspenseItem, Payment, col(Payment.id) == col(SuspenseItem.payment_id))
    .join(CollectionAccount, col(CollectionAccount.id) == col(Payment.collection_account_id))
    .outerjoin(Bill, col(Bill.id) == col(SuspenseItem.bill_id))
    .where(col(SuspenseItem.closed_at).is_(None), is_waiting())
    .order_by(col(SuspenseItem.id))
)


async def list_waiting_money(
    session: ReadSession, collection_account_id: str | None = None, limit: int = 1000
) -> list[WaitingMoney]:
    """What is in suspense or refundable, of one account or of all, the oldest first."""
    found = _WAITING_MONEY.limit(limit)
    if collection_account_id is not None:
        found = found.where(Payment.collection_account_id == collection_account_id)
    return await session.all(found)


async def page_of_waiting_money(
    session: ReadSession,
    agency_ids: Collection[str],
    *,
    reason: str | None = None,
    payment_ids: Collection[str] | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[WaitingMoney]:
    """As `list_waiting_money`, of some agencies; `cursor` is the id to go on after."""
    wanted = _WAITING_MONEY.where(col(Payment.agency_id).in_(agency_ids))
    if payment_ids is not None:
        wanted = wanted.where(col(SuspenseItem.payment_id).in_(payment_ids))
    if reason is not None:
        wanted = wanted.where(col(SuspenseItem.reason) == reason)
    if cursor is not None:
        wanted = wanted.where(col(SuspenseItem.id) > cursor)
    found = await session.all(wanted.limit(limit + 1))
    return page_of(found, limit, lambda item: item.id)


async def find_waiting_money(
    session: ReadSession, agency_ids: Collection[str], item_id: str
) -> WaitingMoney | None:
    """What waits under that id, of one of these agencies; None where nothing does."""
    own = (col(Payment.agency_id).in_(agency_ids), col(SuspenseItem.id) == item_id)
    return await session.first(_WAITING_MONEY.where(*own))


@dataclass(frozen=True, slots=True)
class ReceiptSource:
    """What a settled bill gives to its receipt: who collected what, from whom, and how."""

    bill_id: str
    agency_id: str
    agency_name: str
    agency_name_en: str
    agency_tax_code: str
    agency_address: str
    agency_phone: str
    account: str
    reference: str
    dossier_number: str | None
    amount: int
    paid_at: datetime
    #: the gateways that the money came through, in order of name
    gateways: tuple[str, ...]
    payer: dict[str, str]
    lines: tuple[LineValue, ...]


@dataclass(frozen=True, slots=True)
class _SettledBill:
    """The row of a settled bill; `data` is its payer's, encrypted."""

    bill_id: str
    agency_id: str
    agency_name: str
    agency_name_en: str
    agency_tax_code: str
    agency_address: str
    agency_phone: str
    account: str
    reference: str
    dossier_number: str | None
    amount: int
    paid_at: datetime
    gateways: list[str]
    data: bytes | None


#: The settled bills among `ids` with their agency, their payer, every gateway whose money they
#: were given, the account that the first of it came to, and when the last of it was there: what the
#: bank or gateway says of that, unless it is later than the settling. Money that the bill was given
#: and that was taken back again counts for none of this.
_SETTLED = ReadSql(
    _SettledBill,
    """
WITH given AS NOT MATERIALIZED (
  SELECT a.bill_id, a.payment_id FROM allocation a WHERE a.reverses IS NULL
    AND NOT EXISTS (SELECT 1 FROM allocation t WHERE t.reverses = a.id)
)
SELECT b.id AS bill_id, b.agency_id, a.name AS agency_name, a.name_en AS agency_name_en,
  a.tax_code AS agency_tax_code, a.address AS agency_address, a.phone AS agency_phone,
  b.reference, b.dossier_number, b.amount, y.data,
  coalesce((SELECT least(max(p.paid_at), b.paid_at) FROM given o
    JOIN payment p ON p.id = o.payment_id WHERE o.bill_id = b.id), b.paid_at) AS paid_at,
  ARRAY(SELECT DISTINCT p.gateway FROM given o JOIN payment p ON p.id = o.payment_id
    WHERE o.bill_id = b.id ORDER BY 1) AS gateways,
  coalesce((SELECT c.account_number || ' · ' || c.account_name FROM given o
    JOIN payment p ON p.id = o.payment_id
    JOIN collection_account c ON c.id = p.collection_account_id
    WHERE o.bill_id = b.id ORDER BY p.id LIMIT 1), '') AS account
FROM bill b JOIN agency a ON a.id = b.agency_id LEFT JOIN payer_data y ON y.subject_id = b.id
WHERE b.id = ANY(CAST(:ids AS text[])) AND b.status = 'paid'
""",
)


async def list_receipt_sources(
    session: ReadSession, cipher: Cipher, bill_ids: Sequence[str]
) -> list[ReceiptSource]:
    """The settled bills among `bill_ids`, by the order of `bill_ids`; others are left out."""
    settled = await session.all(_SETTLED, {"ids": list(bill_ids)})
    lines = await lines_of(session, [bill.bill_id for bill in settled])
    found = {
        bill.bill_id: ReceiptSource(
            bill_id=bill.bill_id,
            agency_id=bill.agency_id,
            agency_name=bill.agency_name,
            agency_name_en=bill.agency_name_en,
            agency_tax_code=bill.agency_tax_code,
            agency_address=bill.agency_address,
            agency_phone=bill.agency_phone,
            account=bill.account,
            reference=bill.reference,
            dossier_number=bill.dossier_number,
            amount=bill.amount,
            paid_at=bill.paid_at,
            gateways=tuple(bill.gateways),
            payer=_opened(cipher, bill),
            lines=tuple(lines[bill.bill_id]),
        )
        for bill in settled
    }
    return [found[bill_id] for bill_id in bill_ids if bill_id in found]


def _opened(cipher: Cipher, bill: _SettledBill) -> dict[str, str]:
    if bill.data is None:
        return {}
    payer: dict[str, str] = json.loads(cipher.decrypt(bytes(bill.data), f"payer:{bill.bill_id}"))
    return payer


@dataclass(frozen=True, slots=True)
class LedgerSum:
    """What a ledger of an account comes to, in đồng; debits are positive."""

    ledger: str
    amount: int


async def sum_ledgers(
    session: ReadSession, collection_account_id: str, upto: date
) -> dict[str, int]:
    """What each ledger of an account comes to at the end of an accounting day, in đồng."""
    wanted = (
        values_of(LedgerSum, Posting, amount=cast(func.sum(Posting.amount), BigInteger))
        .join_from(
            Posting,
            LedgerTransaction,
            col(LedgerTransaction.id) == col(Posting.transaction_id),
        )
        .where(
            Posting.collection_account_id == collection_account_id,
            col(LedgerTransaction.accounting_on) <= upto,
        )
        .group_by(col(Posting.ledger))
    )
    return {one.ledger: one.amount for one in await session.all(wanted)}


@dataclass(frozen=True, slots=True)
class _PayoutLine:
    id: str
    line_id: str


async def list_payout_lines(session: ReadSession, collection_account_id: str) -> dict[str, str]:
    """The statement's line of each standing payout to an account of which it was named."""
    wanted = values_of(_PayoutLine, Payout).where(
        Payout.collection_account_id == collection_account_id,
        col(Payout.undone_at).is_(None),
        col(Payout.line_id).is_not(None),
    )
    return {one.id: one.line_id for one in await session.all(wanted)}
