"""What decides how a bill's page looks while nobody has begun to pay it: one small statement.

The page is asked for more than anything else, and this is all that is read for it while it stays
the same. So the driver runs the statement without a session, which would cost more than it does.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, SQLColumnExpression, bindparam, exists
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlmodel import col

from core.db import Database
from core.statements import values_of
from payments.bills.models import Allocation, Bill, PayerData, Payment, SuspenseItem
from payments.states import LIVE


@dataclass(frozen=True, slots=True)
class UntouchedBill:
    """A bill that no payment is of, as far as it can change; its lines never do.

    `payer` is sealed: it is there to be compared.
    """

    id: str
    agency_id: str
    reference: str
    status: str
    amount: int
    dossier_number: str | None
    return_url: str | None
    expires_at: datetime | None
    payer: bytes | None = field(repr=False)


def has_money(bill_id: SQLColumnExpression[str] | str) -> ColumnElement[bool]:
    """That a bill has some of a payment or some waits for it, whosever the payment is."""
    given = exists().where(col(Allocation.bill_id) == bill_id)
    waiting = exists().where(
        col(SuspenseItem.bill_id) == bill_id, col(SuspenseItem.closed_at).is_(None)
    )
    return given | waiting


def has_payment(bill_id: SQLColumnExpression[str]) -> ColumnElement[bool]:
    """That a bill has money, or a payment of it has come or may still come: it is not withdrawn."""
    own = exists().where(
        col(Payment.bill_id) == bill_id,
        col(Payment.status).in_(LIVE) | col(Payment.credited).is_not(None),
    )
    return own | has_money(bill_id)


_WANTED = (
    values_of(UntouchedBill, Bill, payer=col(PayerData.data).label("payer"))
    .join(PayerData, col(PayerData.subject_id) == col(Bill.id), isouter=True)
    .where(
        col(Bill.reference) == bindparam("reference"),
        ~exists().where(col(Payment.bill_id) == col(Bill.id)),
        ~has_money(col(Bill.id)),
    )
)
#: The same for the driver, written out once.
_DIALECT = PGDialect_psycopg()  # type: ignore[no-untyped-call]
_STATEMENT: Final = str(_WANTED.compile(dialect=_DIALECT))


async def find_untouched_bill(database: Database, reference: str) -> UntouchedBill | None:
    """The bill of a reference, unless there is a payment of it."""
    row = await database.write_alone(_STATEMENT, {"reference": reference})
    return None if row is None else UntouchedBill(*row)
