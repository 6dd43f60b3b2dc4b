"""Whose account at a gateway it is that a caller names, and how its files are read."""

from collections.abc import Sequence

from payments.agencies.access.principals import Principal
from payments.agencies.queries import (
    GatewayName,
    get_gateway_name,
)
from reconciliation.context import ReconciliationContext
from reconciliation.formats.settlement_layouts import SettlementLayout
from reconciliation.settlements.saved_layouts import get_settlement_layout
from reconciliation.settlements.versions import get_gateway_of
from reconciliation.statements.uploads import today


async def own_gateway(parts: ReconciliationContext, principal: Principal, path: str) -> GatewayName:
    """The account at a gateway the caller named, if it is theirs. Raises `NotFound`."""
    async with parts.database.reading() as session:
        return await get_gateway_name(session, path, principal.agency_ids)


async def own_settlement(
    parts: ReconciliationContext, principal: Principal, settlement_id: str
) -> GatewayName:
    """The account at a gateway that a settlement of the caller's is of. Raises `NotFound`."""
    async with parts.database.reading() as session:
        return await get_gateway_of(session, settlement_id, principal.agency_ids)


async def own_layout(
    parts: ReconciliationContext,
    ours: Sequence[SettlementLayout],
    gateway: GatewayName,
    mapping: str,
) -> SettlementLayout:
    """The layout of that name today: of `ours`, or saved by a body. Raises `UnknownMapping`."""
    async with parts.database.reading() as session:
        return await get_settlement_layout(session, ours, gateway.agency_id, mapping, today())
