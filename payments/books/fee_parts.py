"""Money given to bills, split over their lines, with the share that the body keeps of each.

A bill that several payments settled counts for each as much of its lines as the payment gave, so
that the parts add up to what was given, to the đồng. Minutes and reports read the same parts: of
one payment, one bill and one day at a time, so that days add up to months and years.

Of each part the share of the day counts on which its payment did, also where it is given back
later; the nearest body's own share stands in the place of those above it and of the nation's
(`payments.catalogue.rules.shares` says how it is rounded).
"""

from collections.abc import Mapping

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    String,
    Subquery,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col, select

from payments.agencies.tree import Branch
from payments.bills.models import Bill, BillLine
from payments.catalogue.models import FeeShare
from payments.catalogue.rules.shares import KEPT_BY_NATURE

#: What `certainty` says where a share follows from what the fee is in law, not from a row.
BY_NATURE = "nature"


def split(given: Subquery, branches: Mapping[str, Branch]) -> Subquery:
    """The parts of what was given.

    `given` has the columns `day`, `share_on`, `payment_id`, `bill_id`, `gateway` and `amount` (in
    đồng, negative for what was taken back), one row for each payment and bill of a day. Each part
    has these but the amount, and its line's; `part` in đồng, `kept_percent`, `certainty` and
    `kept`, which are NULL where nobody knows the share.
    """
    upto = func.sum(col(BillLine.amount)).over(
        partition_by=(given.c.day, given.c.payment_id, given.c.bill_id),
        order_by=col(BillLine.position),
    )
    lines = (
        select(  # type: ignore[call-overload]  # more columns than its stubs have names for
            *(given.c.day, given.c.share_on, given.c.bill_id, given.c.gateway),
            *(Bill.agency_id, BillLine.position, BillLine.fee_id, BillLine.description),
            func.coalesce(col(BillLine.fee), "").label("fee"),
            func.coalesce(col(BillLine.sub_item), "").label("sub_item"),
            func.coalesce(col(BillLine.nature), "").label("nature"),
            given.c.amount.label("given"),
            *(col(Bill.amount).label("owed"), col(BillLine.amount).label("amount")),
            upto.label("upto"),
        )
        .select_from(given)
        .join(Bill, col(Bill.id) == given.c.bill_id)
        .join(BillLine, col(BillLine.bill_id) == col(Bill.id))
        .subquery("line")
    )
    before = lines.c.upto - lines.c.amount
    part = cast(
        func.div(lines.c.upto * lines.c.given, lines.c.owed)
        - func.div(before * lines.c.given, lines.c.owed),
        BigInteger,
    )
    share = _share_of(lines, branches)
    by_nature = case(
        *((lines.c.nature == nature, percent) for nature, percent in KEPT_BY_NATURE.items())
    )
    percent: ColumnElement[int] = func.coalesce(share.c.kept_percent, by_nature)
    parts: Subquery = (
        select(  # type: ignore[call-overload]
            *(lines.c.day, lines.c.bill_id, lines.c.gateway, lines.c.agency_id),
            *(lines.c.position, lines.c.fee_id, lines.c.fee, lines.c.description),
            *(lines.c.sub_item, lines.c.nature),
            part.label("part"),
            percent.label("kept_percent"),
            func.coalesce(
                share.c.certainty, case((by_nature.is_not(None), literal(BY_NATURE)))
            ).label("certainty"),
            kept_of(part, percent).label("kept"),
        )
        .select_from(lines)
        .outerjoin(share, true())
        .where(lines.c.amount > 0)
        .subquery("part")
    )
    return parts


def kept_of(part: ColumnElement[int], percent: ColumnElement[int]) -> ColumnElement[int]:
    """What a body keeps of so many đồng, rounded down; of what was given back as much less."""
    return cast(func.div(part * percent, 100), BigInteger)


def _share_of(lines: FromClause, branches: Mapping[str, Branch]) -> FromClause:
    """The nearest owner's share of a line's fee on its day, if there is one."""
    owners = [
        (branch.id, owner, depth)
        for branch in branches.values()
        for depth, owner in enumerate((branch.id, *branch.above))
    ]
    chain = (
        func.unnest(
            cast([agency for agency, _, _ in owners], ARRAY(String)),
            cast([owner for _, owner, _ in owners], ARRAY(String)),
            cast([depth for _, _, depth in owners], ARRAY(Integer)),
        )
        .table_valued("agency_id", "owner_id", "depth", name="chain")
        .render_derived()
    )
    share = (
        select(FeeShare.kept_percent, FeeShare.certainty)
        .select_from(FeeShare)
        .outerjoin(
            chain,
            and_(chain.c.owner_id == FeeShare.agency_id, chain.c.agency_id == lines.c.agency_id),
        )
        .where(
            FeeShare.code == lines.c.fee,
            col(FeeShare.valid_from) <= lines.c.share_on,
            or_(col(FeeShare.valid_to).is_(None), col(FeeShare.valid_to) >= lines.c.share_on),
            or_(col(FeeShare.agency_id).is_(None), chain.c.depth.is_not(None)),
        )
        .order_by(chain.c.depth.asc().nulls_last())
        .limit(1)
    )
    return share.lateral("share")
