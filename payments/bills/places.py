"""Where the money of bills' payments is, as each bill sees it: its own, and its share of others."""

from collections.abc import Mapping, Sequence

from core.sessions import ReadSession
from payments.bills.queries import BillValue
from payments.context import Context
from payments.summaries import PlacedMoney


async def places_of_bills(
    context: Context, session: ReadSession, bills: Sequence[BillValue]
) -> Mapping[str, Mapping[str, PlacedMoney]]:
    """For each bill by its id, the places of its payments' money by their ids."""
    whole = await context.money.of_payments(
        session, [payment_id for bill in bills for payment_id in bill.with_money]
    )
    return {
        bill.id: {one: whole[one] for one in bill.with_money if one in whole}
        | dict(await context.money.of_shares(session, bill.id, bill.shared))
        for bill in bills
    }
