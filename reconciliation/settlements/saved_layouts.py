"""Layouts that bodies save for their gateways' files (`reconciliation.statements.layout_versions`).

Gateways agree their columns with each merchant, so that only a merchant's own file shows them. Such
a layout is confirmed by that file: it is saved with one that it reads.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from core.json import dumps
from core.sessions import ReadSession, WriteSession
from payments.agencies.queries import GatewayName
from reconciliation.formats.layouts import read_settlement_layout, settlement_layout_json
from reconciliation.formats.settlement_layouts import SettlementLayout, get_layout
from reconciliation.settlements.trying import TriedSettlementLayout
from reconciliation.statements.layout_versions import (
    LayoutVersion,
    add_version,
    find_version,
    list_versions,
)


async def save_settlement_layout(
    session: WriteSession,
    gateway: GatewayName,
    tried: TriedSettlementLayout,
    valid_from: date,
    *,
    actor: str,
) -> LayoutVersion:
    """Save a layout for the body of an account at a gateway, as the next version of its name.

    Raises `Invalid` for a day before today.
    """
    layout = replace(tried.layout, valid_from=valid_from)
    told = settlement_layout_json(layout)
    return await add_version(
        *(session, "settlement", gateway.agency_id, layout.code, told, valid_from), actor=actor
    )


async def get_settlement_layout(
    session: ReadSession, ours: Sequence[SettlementLayout], agency_id: str, name: str, on: date
) -> SettlementLayout:
    """The layout of that name on that day: one of `ours`, else what a body or those above saved.

    Raises `UnknownMapping`.
    """
    if not any(one.code == name for one in ours):
        found = await find_version(session, "settlement", agency_id, name, on)
        if found is not None:
            return read_settlement_layout(dumps(found.layout).decode())
    return get_layout(ours, name, on)


async def list_settlement_layouts(
    session: ReadSession, ours: Sequence[SettlementLayout], agency_id: str, on: date
) -> list[SettlementLayout]:
    """Every layout that files of a body may have on a day: of each name the one that holds.

    First what it and those above it have saved, by name, then `ours`: see `get_settlement_layout`.
    """
    taken = {one.code for one in ours}
    saved = await list_versions(session, "settlement", agency_id)
    names = sorted({one.name for one in saved} - taken)
    found = [await find_version(session, "settlement", agency_id, name, on) for name in names]
    own = [read_settlement_layout(dumps(one.layout).decode()) for one in found if one is not None]
    return own + [one for one in ours if one.is_valid(on)]
