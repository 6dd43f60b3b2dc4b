"""Markets as frozen values, found by their codes and locked for whoever changes what they bill."""

from collections.abc import Collection

from sqlmodel import col, or_, select

from core.errors import NotFound
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.billing.loading import MarketValue
from payments.billing.models import Market

_MARKETS = values_of(MarketValue, Market)


async def get_market(
    session: ReadSession, market: str, agency_ids: Collection[str] | None = None
) -> MarketValue:
    """A market by its id, or by its code where no other of these agencies has it; None for all.

    Raises `NotFound`.
    """
    wanted = _MARKETS.where(or_(col(Market.id) == market, col(Market.code) == market))
    if agency_ids is not None:
        wanted = wanted.where(col(Market.agency_id).in_(agency_ids))
    found = await session.all(wanted.limit(2))
    if len(found) != 1:
        raise NotFound("Không có chợ này.")
    return found[0]


async def list_markets(session: ReadSession, agency_ids: Collection[str]) -> list[MarketValue]:
    """The markets of these agencies, in the order in which a collector goes round."""
    wanted = _MARKETS.where(col(Market.agency_id).in_(agency_ids))
    return await session.all(wanted.order_by(col(Market.route_order), col(Market.code)))


async def lock_market(session: WriteSession, market_id: str) -> None:
    """Keep everybody else from changing what a market bills, until the transaction ends.

    Billing, contracts, tariffs, readings and waivers take turns: a run never bills by half of a
    change.
    """
    await session.lock_first(select(Market.id).where(Market.id == market_id))


async def lock_alike(session: WriteSession, market: MarketValue) -> None:
    """As `lock_market`, of all of the body's markets of this one's class: they have its tariffs."""
    alike = select(Market.id).where(
        col(Market.agency_id) == market.agency_id, col(Market.market_class) == market.market_class
    )
    await session.lock_all(alike.order_by(col(Market.id)))
