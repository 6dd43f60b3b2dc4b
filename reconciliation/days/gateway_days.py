"""A day's payments at gateways beside the settlement lines of the days around."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from core.sessions import ReadSession
from payments.books.queries import GatewayMoney
from reconciliation.settlements.matching import (
    SettlementPlace,
    TakenPayment,
    compare_settlement,
)
from reconciliation.settlements.stored import (
    AFTER,
    BEFORE,
    StoredSettlementLine,
    list_settlement_lines,
    told_of,
)


@dataclass(frozen=True, slots=True)
class GatewayComparison:
    """The first comparison of one gateway's money of the day; `amounts` by payment or line."""

    gateway: str
    places: list[SettlementPlace]
    amounts: dict[str, int]


def taken_of(one: GatewayMoney) -> TakenPayment:
    """What a gateway took, as it is compared."""
    return TakenPayment(
        one.payment_id, one.gateway_ref, one.order_ref, one.credited, one.accounting_on
    )


def compare_gateways(
    on: date,
    money: Sequence[GatewayMoney],
    stored: Sequence[StoredSettlementLine],
    name_of: Mapping[str, str],
) -> list[GatewayComparison]:
    """Each gateway's payments and lines of the day, looked for among those of the days around."""
    found = []
    for gateway in sorted(
        {one.gateway for one in money} | {name_of[one.gateway_account_id] for one in stored}
    ):
        payments = [taken_of(one) for one in money if one.gateway == gateway]
        lines = [one for one in stored if name_of[one.gateway_account_id] == gateway]
        days = {one.business_on for one in lines}
        of_day = {one.payment_id for one in payments if one.business_on == on}
        of_day |= {one.line_id for one in lines if one.business_on == on}
        places = [
            place
            for place in compare_settlement(
                payments, [told_of(one, name_of) for one in lines], days
            )
            if place.name in of_day
        ]
        if places:
            amounts = {one.payment_id: one.amount for one in payments}
            amounts |= {one.line_id: one.amount for one in lines}
            found.append(GatewayComparison(gateway, places, amounts))
    return found


async def list_lines_around(
    session: ReadSession, gateway_account_ids: Sequence[str], on: date
) -> list[StoredSettlementLine]:
    """The lines of the days around, and all others of their batches."""
    business, settled = (on - AFTER, on + AFTER), (on - AFTER, on + BEFORE)
    return await list_settlement_lines(session, gateway_account_ids, business, settled)
