"""Layouts that bodies save for their statements (`reconciliation.statements.layout_versions`).

A layout says how a file's columns are read and no more: a file without totals or balances settles
nothing by itself, whoever's layout it is read by (`is_vouched`).
"""

from dataclasses import dataclass, replace
from datetime import date

from core.json import dumps
from core.sessions import ReadSession, WriteSession
from payments.agencies.queries import CollectionAccountValue
from reconciliation.formats.layouts import layout_json, read_layout
from reconciliation.formats.mappings import Mapping
from reconciliation.formats.preview import StatementPreview
from reconciliation.formats.proposing import PROPOSED
from reconciliation.formats.registry import is_ours
from reconciliation.formats.rows import StatementRefused, fault_of_file
from reconciliation.statements.layout_versions import (
    LayoutVersion,
    add_version,
    check_layout_name,
    find_version,
)
from reconciliation.statements.preparing import is_vouched


@dataclass(frozen=True, slots=True)
class TriedLayout:
    """A layout with what it makes of its sample: its rows, and whether they are vouched for."""

    layout: Mapping
    rows: int
    vouched: bool


def tried(name: str, shown: StatementPreview) -> TriedLayout:
    """A layout that has read its sample, under its name. Pure.

    Raises `Invalid` for a name that is none or that is ours, and `StatementRefused` with every
    reason for which the sample is not read.
    """
    check_layout_name(name, taken=is_ours(name) or name == PROPOSED)
    if shown.faults:
        raise StatementRefused(list(shown.faults))
    if shown.file is None or shown.layout is None or not shown.file.rows:
        detail = "Mẫu không đọc được dòng nào của tệp này."
        raise StatementRefused([fault_of_file("no_rows", detail)])
    written = read_layout(dumps(shown.layout).decode())
    layout = replace(written, code=name)
    return TriedLayout(layout, len(shown.file.rows), is_vouched(shown.file))


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
