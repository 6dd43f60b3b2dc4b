"""Bills and payments as people look for them: each way by an index, the newest first.

What many have in common, such as the amount of a common fee, is never gathered and sorted: of each
agency the newest are read, by an index that has them in that order, and no more than were asked
for.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Select,
    SQLColumnExpression,
    String,
    TableValuedAlias,
    UnaryExpression,
    cast,
    func,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from core.cursors import Page, page_of, read_cursor, write_cursor
from core.sessions import ReadSession
from core.statements import values_of
from payments.agencies.models import Agency
from payments.bills.models import Bill, PayerData, Payment
from payments.bills.names import hash_of_name


@dataclass(frozen=True, slots=True)
class FoundBill:
    """A bill as a list of results shows it; `agency` is a code, `amount` in đồng."""

    id: str
    agency: str
    reference: str
    status: str
    amount: int
    dossier_number: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class FoundPayment:
    """A payment as a list of results shows it; amounts in đồng, `bill` a reference."""

    id: str
    agency: str
    bill: str | None
    kind: str
    gateway: str
    gateway_ref: str | None
    status: str
    amount: int
    credited: int | None
    created_at: datetime


async def page_of_bills_by_amount(
    session: ReadSession,
    agency_ids: Collection[str],
    amount: int,
    *,
    cursor: str | None = None,
    limit: int = 20,
) -> Page[FoundBill]:
    """Bills of exactly so many đồng. Raises `Invalid` for a cursor that we did not make."""
    return await _bills(session, agency_ids, col(Bill.amount) == amount, cursor, limit)


async def page_of_bills_by_dossier(
    session: ReadSession,
    agency_ids: Collection[str],
    dossier_number: str,
    *,
    cursor: str | None = None,
    limit: int = 20,
) -> Page[FoundBill]:
    """Bills of a dossier, by its whole number. Raises as `page_of_bills_by_amount` does."""
    wanted = col(Bill.dossier_number) == dossier_number
    return await _bills(session, agency_ids, wanted, cursor, limit)


async def page_of_bills_by_name(
    session: ReadSession,
    agency_ids: Collection[str],
    key: bytes,
    name: str,
    *,
    cursor: str | None = None,
    limit: int = 20,
) -> Page[FoundBill]:
    """Bills of a payer of that whole name, without regard to marks and case.

    `key` keys the hashes of names. Raises as `page_of_bills_by_amount` does.
    """
    hashes = [hash_of_name(key, agency_id, name) for agency_id in sorted(agency_ids)]
    each = _each([one for one in hashes if one is not None])
    newest = select(col(PayerData.subject_id)).where(col(PayerData.name_hash) == each.c.value)
    order = (col(PayerData.created_at), col(PayerData.subject_id))
    return await _page_of_bills(session, each, newest, order, cursor, limit)


async def page_of_payments_by_amount(
    session: ReadSession,
    agency_ids: Collection[str],
    amount: int,
    *,
    cursor: str | None = None,
    limit: int = 20,
) -> Page[FoundPayment]:
    """Payments by which exactly so many đồng came. Raises as `page_of_bills_by_amount` does."""
    return await _payments(session, agency_ids, col(Payment.credited) == amount, cursor, limit)


async def page_of_payments_by_gateway_ref(
    session: ReadSession,
    agency_ids: Collection[str],
    gateway_ref: str,
    *,
    cursor: str | None = None,
    limit: int = 20,
) -> Page[FoundPayment]:
    """Payments by what gateway or bank calls them. Raises as `page_of_bills_by_amount` does."""
    wanted = col(Payment.gateway_ref) == gateway_ref
    return await _payments(session, agency_ids, wanted, cursor, limit)


async def find_bills(
    session: ReadSession, agency_ids: Collection[str], keys: Collection[str]
) -> list[FoundBill]:
    """The bills of these agencies with one of these ids or references, the newest first."""
    named = col(Bill.id).in_(keys) | col(Bill.reference).in_(keys)
    return await session.all(
        _BILLS.where(named, col(Bill.agency_id).in_(agency_ids)).order_by(*_newest_first(Bill))
    )


async def find_payment(
    session: ReadSession, agency_ids: Collection[str], key: str
) -> FoundPayment | None:
    """The payment of these agencies with that id, or our name of it at its gateway."""
    named = (col(Payment.id) == key) | (col(Payment.order_ref) == key)
    return await session.first(_PAYMENTS.where(named, col(Payment.agency_id).in_(agency_ids)))


_BILLS = values_of(FoundBill, Bill, agency=col(Agency.code)).join_from(
    Bill, Agency, col(Agency.id) == col(Bill.agency_id)
)
_PAYMENTS = (
    values_of(FoundPayment, Payment, agency=col(Agency.code), bill=col(Bill.reference))
    .join_from(Payment, Agency, col(Agency.id) == col(Payment.agency_id))
    .outerjoin(Bill, col(Bill.id) == col(Payment.bill_id))
)


def _newest_first(
    model: type[Bill] | type[Payment],
) -> tuple[UnaryExpression[datetime], UnaryExpression[str]]:
    return col(model.created_at).desc(), col(model.id).desc()


#: What rows are ordered by: when they came, and their id.
_Order = tuple[SQLColumnExpression[datetime], SQLColumnExpression[str]]


def _each(values: Sequence[str]) -> TableValuedAlias:
    """Some texts as rows, so that another query is asked once for each `value`."""
    each = func.unnest(cast(list(values), ARRAY(String)))
    return each.table_valued("value", name="each").render_derived()


def _newest(
    each: TableValuedAlias,
    wanted: Select[str],
    order: _Order,
    before: tuple[datetime, str] | None,
    limit: int,
) -> Select[str]:
    """The ids of the newest few of each value, as a subquery."""
    if before is not None:
        wanted = wanted.where(tuple_(*order) < before)
    of_one = wanted.order_by(*(one.desc() for one in order)).limit(limit).lateral("of_one")
    return select(next(iter(of_one.c))).select_from(each).join(of_one, true())


async def _bills(
    session: ReadSession,
    agency_ids: Collection[str],
    wanted: ColumnElement[bool],
    cursor: str | None,
    limit: int,
) -> Page[FoundBill]:
    each = _each(sorted(agency_ids))
    newest = select(col(Bill.id)).where(col(Bill.agency_id) == each.c.value, wanted)
    order = (col(Bill.created_at), col(Bill.id))
    return await _page_of_bills(session, each, newest, order, cursor, limit)


async def _page_of_bills(
    session: ReadSession,
    each: TableValuedAlias,
    newest: Select[str],
    order: _Order,
    cursor: str | None,
    limit: int,
) -> Page[FoundBill]:
    before = None if cursor is None else read_cursor(cursor, "bill")
    ids = _newest(each, newest, order, before, limit + 1)
    wanted = _BILLS.where(col(Bill.id).in_(ids)).order_by(*_newest_first(Bill)).limit(limit + 1)
    found = await session.all(wanted)
    return page_of(found, limit, lambda bill: write_cursor(bill.created_at, bill.id))


async def _payments(
    session: ReadSession,
    agency_ids: Collection[str],
    wanted: ColumnElement[bool],
    cursor: str | None,
    limit: int,
) -> Page[FoundPayment]:
    each = _each(sorted(agency_ids))
    newest = select(col(Payment.id)).where(col(Payment.agency_id) == each.c.value, wanted)
    before = None if cursor is None else read_cursor(cursor, "pay")
    order = (col(Payment.created_at), col(Payment.id))
    ids = _newest(each, newest, order, before, limit + 1)
    found = await session.all(
        _PAYMENTS.where(col(Payment.id).in_(ids)).order_by(*_newest_first(Payment)).limit(limit + 1)
    )
    return page_of(found, limit, lambda one: write_cursor(one.created_at, one.id))
