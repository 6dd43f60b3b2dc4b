"""Layouts that bodies save for files of theirs: by name, in versions, each dated.

A layout is saved with a file that it reads, so that none is kept which reads nothing. What its
parts mean is the business of whoever reads such files.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import func, insert
from sqlmodel import col, select

from core import audit, clock
from core.errors import FieldError, Invalid
from core.ids import new_id
from core.name_locks import lock_names
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.agencies.queries import find_lineages
from reconciliation.statements.layout_names import is_layout_name
from reconciliation.statements.saved_layout_models import SavedLayout

LayoutKind = Literal["statement", "settlement"]


@dataclass(frozen=True, slots=True)
class LayoutVersion:
    """A version of a layout of a body's; `layout` has the keys of the layouts of its kind."""

    id: str
    agency_id: str
    kind: str
    name: str
    version: int
    valid_from: date
    layout: dict[str, Any]
    created_by: str
    created_at: datetime


def check_begins(valid_from: date) -> None:
    """Raises `Invalid` for a day before today: what was read then was read by another."""
    if valid_from < clock.business_date(clock.now()):
        detail = "Mẫu có hiệu lực từ hôm nay trở đi."
        raise Invalid(detail, errors=[FieldError("valid_from", "in_the_past", detail)])


async def add_version(
    session: WriteSession,
    kind: LayoutKind,
    agency_id: str,
    name: str,
    layout: dict[str, Any],
    valid_from: date,
    *,
    actor: str,
) -> LayoutVersion:
    """Keep a layout as the next version of its name. Raises as `check_begins` does."""
    check_begins(valid_from)
    await lock_names(session, f"layout:{kind}:{agency_id}:{name}")
    last = select(func.max(SavedLayout.version)).where(
        SavedLayout.agency_id == agency_id, SavedLayout.kind == kind, SavedLayout.name == name
    )
    version = ((await session.one(last)) or 0) + 1
    made = LayoutVersion(
        id=new_id("layout"),
        agency_id=agency_id,
        kind=kind,
        name=name,
        version=version,
        valid_from=valid_from,
        layout=layout,
        created_by=actor,
        created_at=clock.now(),
    )
    row = {name: getattr(made, name) for name in LayoutVersion.__dataclass_fields__}
    await session.write(insert(SavedLayout), row)
    await audit.record(
        session,
        actor=actor,
        action="layout.saved",
        object_id=made.id,
        details={
            "agency": made.agency_id,
            "kind": kind,
            "name": made.name,
            "version": version,
            "valid_from": valid_from.isoformat(),
        },
    )
    return made


async def find_version(
    session: ReadSession, kind: LayoutKind, agency_id: str, name: str, on: date
) -> LayoutVersion | None:
    """What a body, or the nearest above it, has saved under a name, as it is on a day."""
    if not is_layout_name(name):
        return None
    above = (await find_lineages(session)).get(agency_id, ())
    found = await session.all(
        values_of(LayoutVersion, SavedLayout).where(
            col(SavedLayout.agency_id).in_(above),
            SavedLayout.kind == kind,
            SavedLayout.name == name,
            col(SavedLayout.valid_from) <= on,
        )
    )
    if not found:
        return None
    nearest = min(above.index(one.agency_id) for one in found)
    own = [one for one in found if one.agency_id == above[nearest]]
    return max(own, key=lambda one: (one.valid_from, one.version))


async def list_versions(
    session: ReadSession, kind: LayoutKind, agency_id: str
) -> list[LayoutVersion]:
    """Every version that a body and those above it have saved, by name, the newest first."""
    above = (await find_lineages(session)).get(agency_id, ())
    wanted = values_of(LayoutVersion, SavedLayout).where(
        col(SavedLayout.agency_id).in_(above), SavedLayout.kind == kind
    )
    return await session.all(
        wanted.order_by(col(SavedLayout.name), col(SavedLayout.version).desc())
    )
