"""Proposals as rows and as values: what is kept of a file, and who may see it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlmodel import col, or_, select

from core.cursors import Page, page_of
from core.errors import NotFound
from core.sessions import WriteSession
from payments.agencies.models import Agency
from payments.catalogue.models import CatalogueProposal
from payments.catalogue.upkeep.proposals.differences import Differences
from payments.catalogue.upkeep.sheets.columns import CLASSES
from payments.catalogue.upkeep.sheets.intake import Placed

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


async def list_proposals(
    session: WriteSession,
    whose: Owners | None,
    *,
    state: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> ProposalPage:
    """Proposals of some owners; `whose` None is everybody's. `cursor` is the id to go on after."""
    wanted = select(CatalogueProposal).order_by(col(CatalogueProposal.id).desc()).limit(limit + 1)
    if whose is not None:
        wanted = wanted.where(_owned_by(whose))
    if state is not None:
        wanted = wanted.where(CatalogueProposal.state == state)
    if cursor is not None:
        wanted = wanted.where(col(CatalogueProposal.id) < cursor)
    found = [await value_of(session, row) for row in await session.exec(wanted)]
    return page_of(found, limit, lambda proposal: proposal.id)


async def get_row(
    session: WriteSession, proposal_id: str, whose: Owners | None, *, lock: bool = False
) -> CatalogueProposal:
    """The row of a proposal, locked for deciding about it if wished. Raises `NotFound`.

    `whose` None is everybody's.
    """
    wanted = select(CatalogueProposal).where(CatalogueProposal.id == proposal_id)
    if whose is not None:
        wanted = wanted.where(_owned_by(whose))
    if lock:
        wanted = wanted.with_for_update().execution_options(populate_existing=True)
    found = (await session.exec(wanted)).first()
    if found is None:
        raise NotFound("Không có đề xuất này.")
    return found


async def value_of(session: WriteSession, row: CatalogueProposal) -> Proposal:
    """A proposal's row as a value."""
    agency = None if row.agency_id is None else await session.get(Agency, row.agency_id)
    return Proposal(
        id=row.id,
        agency_id=row.agency_id,
        agency=None if agency is None else agency.code,
        file_name=row.file_name,
        state=row.state,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        reason=row.reason,
        differences=differences_of(row),
    )


def kept(placed: Iterable[Placed], differences: Differences) -> dict[str, Any]:
    """What a row keeps of a file: its entries with their places, and what they would change."""
    tables: dict[str, list[dict[str, Any]]] = {}
    for one in placed:
        entry = {"row": one.row, "entry": one.entry.model_dump(mode="json")}
        tables.setdefault(one.table, []).append(entry)
    return {"tables": tables, "differences": differences.model_dump(mode="json")}


def placed_of(row: CatalogueProposal) -> list[Placed]:
    """The entries of a row, in the order of the tables and of the file.

    Raises pydantic's `ValidationError` or `Invalid` where an entry is none any more.
    """
    tables: Mapping[str, Sequence[Mapping[str, Any]]] = row.entries["tables"]
    return [
        Placed(CLASSES[table].model_validate(one["entry"]), one["row"])
        for table in CLASSES  # jsonb does not keep the order of keys
        for one in tables.get(table, ())
    ]


async def decided_by_people(
    session: WriteSession, agency_id: str | None
) -> frozenset[tuple[str, str | date]]:
    """Table and code of everything that proposals of an owner have added or changed."""
    owner = col(CatalogueProposal.agency_id)
    wanted = select(CatalogueProposal).where(
        col(CatalogueProposal.state) == "applied",
        owner.is_(None) if agency_id is None else owner == agency_id,
    )
    decided: set[tuple[str, str | date]] = set()
    for row in await session.exec(wanted):
        shown = differences_of(row)
        touched = {(one.table, one.row) for one in (*shown.added, *shown.changed)}
        decided.update(
            (one.table, one.entry.natural_key[0])
            for one in placed_of(row)
            if (one.table, one.row) in touched
        )
    return frozenset(decided)


def differences_of(row: CatalogueProposal) -> Differences:
    """The differences as they were shown."""
    return Differences.model_validate(row.entries["differences"])


def _owned_by(whose: Owners) -> Any:
    owner = col(CatalogueProposal.agency_id)
    mine = owner.in_([one for one in whose if one is not None])
    return or_(mine, owner.is_(None)) if None in whose else mine
