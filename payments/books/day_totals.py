"""Where the money of a closed or closing day went: by body, procedure, fee, sub-item and gateway.

For the minutes of a day; how money given to a bill is split over its lines, and each line into what
the body keeps and what it pays in, says `payments.books.fee_parts`.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import BigInteger, Integer, case, cast, func
from sqlmodel import col, select

from core.sessions import ReadSession
from core.statements import ReadSql, values_of
from payments.agencies.models import Agency
from payments.agencies.tree import branches
from payments.bills.models import Allocation, Payment, SuspenseItem
from payments.books.fee_parts import split
from payments.catalogue.models import Fee, Procedure


@dataclass(frozen=True, slots=True)
class FeeTotal:
    """What one fee of a body got through one gateway; `amount` in đồng.

    `procedure`, `fee` and `sub_item` are codes, "" where a line has none. The body keeps `kept` of
    it, `kept_percent` of each line rounded down, and the rest is paid in to the budget; both are
    None where nobody knows the share. `certainty` is how sure the share is.
    """

    agency: str
    procedure: str
    fee: str
    description: str
    sub_item: str
    gateway: str
    count: int
    amount: int
    kept_percent: int | None = None
    certainty: str | None = None
    kept: int | None = None


@dataclass(frozen=True, slots=True)
class PlaceTotal:
    """How much of the money is in one place: `allocated`, or as in `SuspenseItem`."""

    place: str
    reason: str
    count: int
    amount: int


#: Where all the money that counts for a day is.
_BY_PLACE = ReadSql(
    PlaceTotal,
    """
SELECT 'allocated' AS place, '' AS reason, count(*) AS count,
  CAST(coalesce(sum(k.amount), 0) AS bigint) AS amount
FROM (SELECT sum(g.amount) AS amount
  FROM payment p JOIN (SELECT payment_id, amount FROM allocation
    -- What refunds took of it is where they have it.
    UNION ALL SELECT payment_id, -from_revenue FROM refund
      WHERE status IN ('approved', 'submitted', 'unknown', 'succeeded')) g ON g.payment_id = p.id
  WHERE p.collection_account_id = :account AND p.accounting_on = :on
  -- A payment whose money is all elsewhere has none here.
  GROUP BY p.id HAVING sum(g.amount) <> 0) k
UNION ALL
SELECT s.place, s.reason, count(*), CAST(sum(s.amount) AS bigint)
FROM payment p JOIN suspense_item s ON s.payment_id = p.id AND s.closed_at IS NULL
WHERE p.collection_account_id = :account AND p.accounting_on = :on
GROUP BY s.place, s.reason ORDER BY place, reason
""",
)


async def list_fee_totals(
    session: ReadSession, collection_account_id: str, on: date
) -> list[FeeTotal]:
    """What each fee got of the money that counts for `on`; the sum is what bills were given."""
    given = (
        select(  # type: ignore[call-overload]  # more columns than its stubs have names for
            col(Payment.accounting_on).label("day"),
            col(Payment.accounting_on).label("share_on"),
            col(Allocation.payment_id),
            col(Allocation.bill_id),
            col(Payment.gateway),
            func.sum(Allocation.amount).label("amount"),
        )
        .join_from(Payment, Allocation, col(Allocation.payment_id) == col(Payment.id))
        .where(Payment.collection_account_id == collection_account_id, Payment.accounting_on == on)
        .group_by(
            *(Payment.accounting_on, Allocation.payment_id, Allocation.bill_id, Payment.gateway)
        )
        .having(func.sum(Allocation.amount) > 0)
        .subquery("given")
    )
    part = split(given, await branches(session)).c
    by_name = case((part.fee == "", part.description), else_="")
    name = func.coalesce(func.min(Fee.name_vi), func.min(part.description))
    procedure = func.coalesce(Procedure.code, "")
    wanted = (
        values_of(
            FeeTotal,
            agency=col(Agency.code),
            procedure=procedure,
            fee=part.fee,
            description=name,
            sub_item=part.sub_item,
            gateway=part.gateway,
            count=cast(func.count(), Integer),
            amount=cast(func.sum(part.part), BigInteger),
            kept_percent=part.kept_percent,
            certainty=part.certainty,
            kept=cast(func.sum(part.kept), BigInteger),
        )
        .join(Agency, col(Agency.id) == part.agency_id)
        .outerjoin(Fee, col(Fee.id) == part.fee_id)
        .outerjoin(Procedure, col(Procedure.id) == Fee.procedure_id)
        .group_by(
            *(Agency.code, Procedure.code, part.fee, part.sub_item, part.gateway),
            *(part.kept_percent, part.certainty, by_name),
        )
        .order_by(Agency.code, procedure, part.fee, part.sub_item, part.gateway, name)
    )
    return await session.all(wanted)


async def list_place_totals(
    session: ReadSession, collection_account_id: str, on: date
) -> list[PlaceTotal]:
    """Where the money that counts for `on` is; the sum is what came."""
    return await session.all(_BY_PLACE, {"account": collection_account_id, "on": on})


async def list_waiting_totals(session: ReadSession, collection_account_id: str) -> list[PlaceTotal]:
    """What of an account waits in suspense or is refundable now, by reason."""
    waiting = (
        values_of(
            PlaceTotal,
            SuspenseItem,
            count=func.count(),
            amount=cast(func.sum(SuspenseItem.amount), BigInteger),
        )
        .join(Payment, col(Payment.id) == col(SuspenseItem.payment_id))
        .where(
            Payment.collection_account_id == collection_account_id,
            col(SuspenseItem.closed_at).is_(None),
            col(SuspenseItem.place).in_(("suspense", "refundable")),
        )
        .group_by(col(SuspenseItem.place), col(SuspenseItem.reason))
        .order_by(col(SuspenseItem.place), col(SuspenseItem.reason))
    )
    return await session.all(waiting)
