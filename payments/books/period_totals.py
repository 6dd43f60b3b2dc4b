"""What the ledger says of a stretch of days: revenue by fee, accounts by ledger, bills by outcome.

For reports. Everything is read from the postings by the day they count for, so that refunds,
reversals and what was posted for a closed day stand in the period in which they were booked. Each
question is one statement, whatever the period.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Literal

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Integer,
    SQLColumnExpression,
    case,
    cast,
    func,
)
from sqlmodel import col, select

from core import clock
from core.sessions import ReadSession
from core.statements import values_of
from payments.agencies.models import Agency, CollectionAccount
from payments.agencies.tree import branches
from payments.bills.models import Allocation, Bill, BillLine, Payment
from payments.books.cash import CASH
from payments.books.fee_parts import split
from payments.books.models import LedgerTransaction, Posting
from payments.catalogue.models import Fee, Procedure

#: What the days of a period are gathered into.
Grain = Literal["day", "month", "year"]


@dataclass(frozen=True, slots=True)
class RevenueTotal:
    """What a fee brought a body through one gateway in the days from `on`; amounts in đồng.

    `amount` is `collected` less `returned`; the body keeps `kept` of it, None where nobody knows
    its share. `procedure`, `fee` and `sub_item` are codes, "" where a line has none; `count` are
    the lines that were paid.
    """

    on: date
    agency: str
    procedure: str
    fee: str
    description: str
    sub_item: str
    nature: str
    gateway: str
    kept_percent: int | None
    certainty: str | None
    count: int
    collected: int
    returned: int
    amount: int
    kept: int | None

    @property
    def paid_in(self) -> int | None:
        """What is paid in to the state budget; None where nobody knows."""
        return None if self.kept is None else self.amount - self.kept


@dataclass(frozen=True, slots=True)
class LedgerTotal:
    """What moved on one ledger of an account in the days from `on`, by kind of deed, in đồng.

    `account_kind` says whether it is the treasury's or a bank's; `credit` is told positive.
    """

    on: date
    account: str
    account_kind: str
    ledger: str
    deed: str
    debit: int
    credit: int


@dataclass(frozen=True, slots=True)
class BillTotal:
    """Bills of a body for one procedure that were opened in the days from `on`; amounts in đồng.

    `paid` and `paid_bills` are without cash. Those withdrawn before they were paid are left out, as
    are those with nothing to pay. A bill of several procedures counts for each, with the lines of
    that procedure.
    """

    on: date
    agency: str
    procedure: str
    name: str
    bills: int
    owed: int
    paid_bills: int
    paid: int


def _begin(day: SQLColumnExpression[date], grain: Grain) -> ColumnElement[date]:
    return cast(func.date_trunc(grain, day), Date)


async def list_revenue(
    session: ReadSession, agency_ids: Collection[str], first: date, last: date, grain: Grain
) -> list[RevenueTotal]:
    """What bills of these bodies were given on the days from `first` to `last`, by fee.

    The sum of `amount` is what the ledger `revenue` has of these bills and days.
    """
    amount = func.sum(-Posting.amount)  # a credit is revenue
    given = (
        select(  # type: ignore[call-overload]  # more columns than its stubs have names for
            col(LedgerTransaction.accounting_on).label("day"),
            col(Payment.accounting_on).label("share_on"),
            col(LedgerTransaction.payment_id),
            col(Posting.bill_id),
            col(Payment.gateway),
            amount.label("amount"),
        )
        .select_from(LedgerTransaction)
        .join(Posting, col(Posting.transaction_id) == col(LedgerTransaction.id))
        .join(Payment, col(Payment.id) == col(LedgerTransaction.payment_id))
        .join(Bill, col(Bill.id) == col(Posting.bill_id))
        .where(
            col(LedgerTransaction.accounting_on).between(first, last),
            Posting.ledger == "revenue",
            col(Bill.agency_id).in_(agency_ids),
        )
        .group_by(
            *(LedgerTransaction.accounting_on, Payment.accounting_on),
            *(LedgerTransaction.payment_id, Posting.bill_id, Payment.gateway),
        )
        .having(amount != 0)
        .subquery("given")
    )
    part = split(given, await branches(session)).c
    on = _begin(part.day, grain)
    by_name = case((part.fee == "", part.description), else_="")
    procedure = func.coalesce(Procedure.code, "")
    collected, left = _sum(part.part, part.part > 0), cast(func.sum(part.part), BigInteger)
    wanted = (
        values_of(
            RevenueTotal,
            on=on,
            agency=col(Agency.code),
            procedure=procedure,
            fee=part.fee,
            description=func.coalesce(func.min(Fee.name_vi), func.min(part.description)),
            sub_item=part.sub_item,
            nature=part.nature,
            gateway=part.gateway,
            kept_percent=part.kept_percent,
            certainty=part.certainty,
            count=cast(func.count().filter(part.part > 0), Integer),
            collected=collected,
            returned=collected - left,
            amount=left,
            kept=cast(func.sum(part.kept), BigInteger),
        )
        .join(Agency, col(Agency.id) == part.agency_id)
        .outerjoin(Fee, col(Fee.id) == part.fee_id)
        .outerjoin(Procedure, col(Procedure.id) == Fee.procedure_id)
        .group_by(
            *(on, Agency.code, Procedure.code, part.fee, part.sub_item, part.nature),
            *(part.gateway, part.kept_percent, part.certainty, by_name),
        )
        .order_by(on, Agency.code, procedure, part.fee, part.sub_item, part.gateway, by_name)
    )
    return await session.all(wanted)


def _sum(column: SQLColumnExpression[int], which: ColumnElement[bool]) -> ColumnElement[int]:
    return cast(func.coalesce(func.sum(column).filter(which), 0), BigInteger)


async def list_ledger_totals(
    session: ReadSession, agency_ids: Collection[str], first: date, last: date, grain: Grain
) -> list[LedgerTotal]:
    """What moved on the accounts of these bodies on the days from `first` to `last`."""
    on = _begin(col(LedgerTransaction.accounting_on), grain)
    debit = _sum(col(Posting.amount), col(Posting.amount) > 0)
    wanted = (
        values_of(
            LedgerTotal,
            Posting,
            on=on,
            account=col(CollectionAccount.code),
            account_kind=col(CollectionAccount.kind),
            deed=col(LedgerTransaction.kind),
            debit=debit,
            credit=debit - cast(func.sum(Posting.amount), BigInteger),
        )
        .select_from(LedgerTransaction)
        .join(Posting, col(Posting.transaction_id) == col(LedgerTransaction.id))
        .join(CollectionAccount, col(CollectionAccount.id) == col(Posting.collection_account_id))
        .where(
            col(LedgerTransaction.accounting_on).between(first, last),
            col(CollectionAccount.agency_id).in_(agency_ids),
        )
        .group_by(
            *(on, CollectionAccount.code, CollectionAccount.kind),
            *(Posting.ledger, LedgerTransaction.kind),
        )
        .order_by(on, CollectionAccount.code, Posting.ledger, LedgerTransaction.kind)
    )
    return await session.all(wanted)


async def list_bill_totals(
    session: ReadSession, agency_ids: Collection[str], first: date, last: date, grain: Grain
) -> list[BillTotal]:
    """How many of the bills opened on the days from `first` to `last` were paid without cash.

    One that cash has paid a part of, taken by a collector, is not among them.
    """
    begin, end = clock.day_bounds(first, last)
    # What was taken back again stands beside what takes it back: together they are nothing.
    in_cash = (
        select(Allocation.payment_id)
        .join(Payment, col(Payment.id) == col(Allocation.payment_id))
        .where(col(Allocation.bill_id) == col(BillLine.bill_id), col(Payment.gateway) == CASH)
        .group_by(col(Allocation.payment_id))
        .having(func.sum(Allocation.amount) > 0)
        .exists()
    )
    # Cash is looked for here, once for each bill, and not in each sum that asks.
    lines = (
        select(
            col(BillLine.bill_id),
            col(Fee.procedure_id),
            func.sum(BillLine.amount).label("amount"),
            ((col(Bill.status) == "paid") & ~in_cash).label("paid"),
        )
        .join_from(Bill, BillLine, col(BillLine.bill_id) == col(Bill.id))
        .outerjoin(Fee, col(Fee.id) == col(BillLine.fee_id))
        .where(
            col(Bill.agency_id).in_(agency_ids),
            col(Bill.created_at) >= begin,
            col(Bill.created_at) < end,
        )
        .group_by(col(BillLine.bill_id), col(Fee.procedure_id), col(Bill.status))
        .subquery("line")
    )
    local_day = cast(func.timezone("Asia/Ho_Chi_Minh", col(Bill.created_at)), Date)
    on = _begin(local_day, grain)
    procedure = func.coalesce(Procedure.code, "")
    wanted = (
        values_of(
            BillTotal,
            on=on,
            agency=col(Agency.code),
            procedure=procedure,
            name=func.coalesce(func.min(Procedure.name_vi), ""),
            bills=cast(func.count(), Integer),
            owed=cast(func.sum(lines.c.amount), BigInteger),
            paid_bills=cast(func.count().filter(lines.c.paid), Integer),
            paid=_sum(lines.c.amount, lines.c.paid),
        )
        .select_from(lines)
        .join(Bill, col(Bill.id) == lines.c.bill_id)
        .join(Agency, col(Agency.id) == col(Bill.agency_id))
        .outerjoin(Procedure, col(Procedure.id) == lines.c.procedure_id)
        .where(lines.c.amount > 0, col(Bill.status).not_in(("cancelled", "exempt")))
        .group_by(on, Agency.code, Procedure.code)
        .order_by(on, Agency.code, procedure)
    )
    return await session.all(wanted)
