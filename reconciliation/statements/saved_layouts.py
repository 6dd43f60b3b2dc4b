"""Layouts that bodies save for their statements (`reconciliation.statements.layout_versions`).

A layout says how a file's columns are read and no more: a file without totals or balances settles
nothing by itself, whoever's layout it is read by (`is_vouched`).
"""

from dataclasses import replace
from datetime import date

from core.json import dumps
from core.sessions import ReadSession, WriteSession
from payments.agencies.queries import CollectionAccountValue
from reconciliation.formats.layouts import layout_json, read_layout
from reconciliation.formats.mappings import Mapping
from reconciliation.formats.registry import is_ours
from reconciliation.statements.layout_versions import (
    LayoutVersion,
    add_version,
    find_version,
)
from reconciliation.statements.looking import TriedLayout


async def save_layout(
    session: WriteSession,
    account: CollectionAccountValue,
    tried_layout: TriedLayout,
    valid_from: date,
    *,
    actor: str,
) -> LayoutVersion:
    """Save a layout for the body of an account, as the next version of its name.

    Raises `Invalid` for a day before today.
    """
    layout = replace(tried_layout.layout, valid_from=valid_from, valid_to=None)
    return await add_version(
        *(session, "statement", account.agency_id, layout.code, layout_json(layout), valid_from),
        actor=actor,
    )


async def find_layout(session: ReadSession, agency_id: str, name: str, on: date) -> Mapping | None:
    """The layout that a body, or the nearest above it, has saved under a name, as it is on a day.

    None for a name that nobody saved, and for the names of ours, which win.
    """
    if is_ours(name):
        return None
    found = await find_version(session, "statement", agency_id, name, on)
    return None if found is None else read_layout(dumps(found.layout).decode())
