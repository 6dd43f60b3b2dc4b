"""Layouts that bodies save for their gateways' files (`reconciliation.statements.layout_versions`).

Gateways agree their columns with each merchant, so that only a merchant's own file shows them. Such
a layout is confirmed by that file: it is saved with one that it reads.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from core.errors import Invalid
from core.json import dumps, loads
from core.sessions import ReadSession, WriteSession
from payments.agencies.queries import GatewayName
from reconciliation.formats.layouts import (
    BadLayout,
    read_settlement_layout,
    settlement_layout_json,
)
from reconciliation.formats.settlement_file import read_settlement
from reconciliation.formats.settlement_layouts import SettlementLayout, get_layout
from reconciliation.statements.layout_versions import (
    LayoutVersion,
    add_version,
    check_layout_name,
    find_version,
    list_versions,
)


@dataclass(frozen=True, slots=True)
class TriedSettlementLayout:
    """A layout with what it makes of its sample: rows, and their sums in đồng."""

    layout: SettlementLayout
    rows: int
    amount: int
    fee: int
    net: int


def try_settlement_layout(
    content: bytes,
    written: str,
    name: str,
    ours: Sequence[SettlementLayout],
    today: date,
    encoding: str | None = None,
) -> TriedSettlementLayout:
    """A layout, in JSON, that has read its sample. Blocks; processor work.

    Its own name and day, and that it is confirmed, need not be written in it. Raises `Invalid` for
    a name that is none or one of `ours`, `BadLayout`, and `StatementRefused` with every reason for
    which the sample is not read.
    """
    check_layout_name(name, taken=any(one.code == name for one in ours))
    layout = read_settlement_layout(_completed(written, name, today))
    rows = read_settlement(content, layout, today, encoding=encoding)
    return TriedSettlementLayout(
        layout,
        len(rows),
        amount=sum(row.sign * row.amount for row in rows),
        fee=sum(row.sign * row.fee for row in rows),
        net=sum(row.paid_over for row in rows),
    )


def _completed(written: str, name: str, today: date) -> str:
    try:
        said = loads(written.encode())
    except Invalid as error:
        raise BadLayout("Mẫu này không phải JSON.", errors=error.errors) from None
    if not isinstance(said, dict):
        return written
    own = {"code": name, "confirmed": True, "valid_from": today.isoformat(), "valid_to": None}
    return dumps(said | own).decode()


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
