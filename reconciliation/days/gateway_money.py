"""What a run reads of gateways, to say where their payments of its day are."""

from collections.abc import Sequence
from datetime import date

from core.sessions import ReadSession
from payments.agencies.queries import CollectionAccountValue, list_gateway_names
from payments.books.queries import DayPayment, list_gateway_money
from reconciliation.days.gateway_days import taken_of
from reconciliation.matching.ageing import BANK
from reconciliation.settlements.batch_sums import list_paid_names
from reconciliation.settlements.matching import SettlementPlace, compare_settlement
from reconciliation.settlements.places import GatewayPlaces, put_in_places
from reconciliation.settlements.stored import AFTER, BEFORE, list_settlement_lines, told_of


async def place_gateway_money(
    session: ReadSession, account: CollectionAccountValue, on: date, payments: Sequence[DayPayment]
) -> GatewayPlaces:
    """Where each of these payments at gateways is, as settlements and payouts stand now.

    They are of the day `on`, or were carried into it. Payments of the bank are left out.
    """
    taken = [one for one in payments if one.gateway != BANK]
    if not taken:
        return GatewayPlaces()
    name_of = {one.id: one.gateway for one in await list_gateway_names(session, account.id)}
    days = (min(one.accounting_on for one in taken) - AFTER, on + AFTER)
    money = await list_gateway_money(session, account.id, days[0], on + BEFORE)
    stored = await list_settlement_lines(session, list(name_of), days, days)
    places: list[SettlementPlace] = []
    for gateway in {one.gateway for one in taken}:
        own = [one for one in stored if name_of[one.gateway_account_id] == gateway]
        places += compare_settlement(
            [taken_of(one) for one in money if one.gateway == gateway],
            [told_of(one, name_of) for one in own],
            {one.business_on for one in own},
        )
    paid = {
        (one.gateway_account_id, one.batch_ref): one.id
        for one in await list_paid_names(session, list(name_of))
    }
    batch_of = {
        one.line_id: paid[one.gateway_account_id, one.batch_ref]
        for one in stored
        if (one.gateway_account_id, one.batch_ref) in paid
    }
    lines = {one.line_id: told_of(one, name_of) for one in stored}
    return put_in_places(taken, places, lines, batch_of)
