"""Proposals as rows and as values: what is kept of a file, and who may see it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import col, or_

from core.cursors import Page, page_of
from core.errors import NotFound
from core.sessions import ReadSession, WriteSession
from core.statements import ValueSelect, values_of
from payments.agencies.models import Agency
from payments.catalogue.models import CatalogueProposal
from payments.catalogue.upkeep.proposals.differences import Differences
from payments.catalogue.upkeep.sheets.columns import CLASSES
from payments.catalogue.upkeep.sheets.intake import PlacedEntry

#: Whose proposals somebody may see; None among them is the nation.
Owners = frozenset[str | None]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposed change. `agency_id` and `agency` (its code) None are national.

    `state` is proposed, applied or rejected; people are named as in the audit log. `differences`
    are as they were shown to the proposer.
    """

    id: str
    agency_id: str | None
    agency: str | None
    file_name: str
    state: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None
    differences: Differences


#: Some proposals, the newest first.
ProposalPage = Page[Proposal]


@dataclass(frozen=True, slots=True)
class ProposalRow:
    """A proposal as the database keeps it; `agency` is its owner's code."""

    id: str
    agency_id: str | None
    agency: str | None
    file_name: str
    entries: dict[str, Any]
    state: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None


async def list_proposals(
    session: ReadSession,
    whose: Owners | None,
    *,
    state: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> ProposalPage:
    """Proposals of some owners; `whose` None is everybody's. `cursor` is the id to go on after."""
    wanted = _select(whose).order_by(col(CatalogueProposal.id).desc()).limit(limit + 1)
    if state is not None:
        wanted = wanted.where(col(CatalogueProposal.state) == state)
    if cursor is not None:
        wanted = wanted.where(col(CatalogueProposal.id) < cursor)
    found = [value_of(row) for row in await session.all(wanted)]
    return page_of(found, limit, lambda proposal: proposal.id)


async def get_row(session: ReadSession, proposal_id: str, whose: Owners | None) -> ProposalRow:
    """The row of a proposal; `whose` None is everybody's. Raises `NotFound`."""
    wanted = _select(whose).where(col(CatalogueProposal.id) == proposal_id)
    found = await session.first(wanted)
    return _known(found)


async def lock_row(session: WriteSession, proposal_id: str, whose: Owners) -> ProposalRow:
    """As `get_row`, and nobody else decides about it until the transaction ends."""
    wanted = _select(whose).where(col(CatalogueProposal.id) == proposal_id)
    found = await session.lock_first(wanted, of=CatalogueProposal)
    return _known(found)


def value_of(row: ProposalRow) -> Proposal:
    """A proposal's row as a value."""
    return Proposal(
        id=row.id,
        agency_id=row.agency_id,
        agency=row.agency,
        file_name=row.file_name,
        state=row.state,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        reason=row.reason,
        differences=differences_of(row),
    )


def kept(placed: Iterable[PlacedEntry], differences: Differences) -> dict[str, Any]:
    """What a row keeps of a file: its entries with their places, and what they would change."""
    tables: dict[str, list[dict[str, Any]]] = {}
    for one in placed:
        entry = {"row": one.row, "entry": one.entry.model_dump(mode="json")}
        tables.setdefault(one.table, []).append(entry)
    return {"tables": tables, "differences": differences.model_dump(mode="json")}


def placed_of(row: ProposalRow) -> list[PlacedEntry]:
    """The entries of a row, in the order of the tables and of the file.

    Raises pydantic's `ValidationError` or `Invalid` where an entry is none any more.
    """
    tables: Mapping[str, Sequence[Mapping[str, Any]]] = row.entries["tables"]
    return [
        PlacedEntry(CLASSES[table].model_validate(one["entry"]), one["row"])
        for table in CLASSES  # jsonb does not keep the order of keys
        for one in tables.get(table, ())
    ]


async def decided_by_people(
    session: ReadSession, agency_id: str | None
) -> frozenset[tuple[str, str | date]]:
    """Table and code of everything that proposals of an owner have added or changed."""
    applied = _select(frozenset({agency_id})).where(col(CatalogueProposal.state) == "applied")
    decided: set[tuple[str, str | date]] = set()
    for row in await session.all(applied):
        shown = differences_of(row)
        touched = {(one.table, one.row) for one in (*shown.added, *shown.changed)}
        decided.update(
            (one.table, one.entry.natural_key[0])
            for one in placed_of(row)
            if (one.table, one.row) in touched
        )
    return frozenset(decided)


def differences_of(row: ProposalRow) -> Differences:
    """The differences as they were shown."""
    return Differences.model_validate(row.entries["differences"])


def _select(whose: Owners | None) -> ValueSelect[ProposalRow]:
    wanted = values_of(ProposalRow, CatalogueProposal, agency=col(Agency.code).label("agency"))
    wanted = wanted.join(Agency, col(CatalogueProposal.agency_id) == col(Agency.id), isouter=True)
    return wanted if whose is None else wanted.where(_owned_by(whose))


def _owned_by(whose: Owners) -> ColumnElement[bool]:
    owner = col(CatalogueProposal.agency_id)
    mine = owner.in_([one for one in whose if one is not None])
    return or_(mine, owner.is_(None)) if None in whose else mine


def _known(row: ProposalRow | None) -> ProposalRow:
    if row is None:
        raise NotFound("Không có đề xuất này.")
    return row
