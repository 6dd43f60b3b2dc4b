"""The page of a demonstration's stall, open: its short code is always the same, and no secret."""

from typing import Final

from sqlmodel import col, select

from app.parts import Parts
from core import clock
from core.sessions import WriteSession
from payments.billing.commands import print_sticker
from payments.billing.credit.queries import holder_on, list_holdings
from payments.billing.dues.opening import StallDoor, StallKeys, token_of
from payments.billing.dues.queries import find_stall
from payments.billing.loading import MarketValue
from payments.billing.models import Stall
from payments.billing.short_codes import hash_of_code

#: What opens the page of the market's first stall.
CODE: Final = "BENMAU"


async def open_page(session: WriteSession, parts: Parts, market: MarketValue) -> str | None:
    """The address that opens the page of a market's first stall that somebody holds; None for none.

    The stall has the code `CODE` afterwards.
    """
    context = parts.payments
    wanted = select(Stall).where(Stall.market_id == market.id)
    for stall in await session.all(wanted.order_by(col(Stall.route_order), col(Stall.code))):
        holdings = await list_holdings(session, [stall.reference])
        holding = holder_on(holdings, clock.business_date(clock.now()))
        if holding is None:
            continue
        key, within = context.request_key, [market.agency_id]
        if holdings[-1].code_hash != hash_of_code(key, stall.id, CODE):
            why = "trang thử"
            await print_sticker(session, stall.id, within, CODE, why, key=key, actor="system:demo")
            holdings = await list_holdings(session, [stall.reference])
        found = await find_stall(session, stall.reference)
        if found is None:
            return None
        agency = await context.agencies.get_agency(market.agency_id, session)
        token = token_of(
            StallKeys(context.cipher, context.urls, key), StallDoor(found, holdings), holding
        )
        return f"{context.urls.base_url}/v/{agency.code}/{stall.reference}?t={token}"
    return None
