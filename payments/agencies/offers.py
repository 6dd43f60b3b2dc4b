"""What a body offers: which procedures it takes money for.

A body chooses, offers everything, or offers what the body above it does; a unit that has chosen is
not bound to its parent's choice, for a ward does what a province does not. A fee that belongs to
no procedure (postage) goes with any, so it is offered wherever something is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from core.sessions import ReadSession
from core.statements import ReadSql


class Offering(StrEnum):
    """Whose choice it is: everything, the body's own, or that of the body above."""

    ALL = "all"
    OWN = "own"
    PARENT = "parent"


@dataclass(frozen=True, slots=True)
class Step:
    """A body on the way up from an agency, and the procedures it has chosen itself."""

    id: str
    offers: str
    codes: list[str]


@dataclass(frozen=True, slots=True)
class Lineage:
    """An agency and the bodies above it, the nearest first, and what the agency offers.

    `offered` are codes of procedures, None where it is all of them.
    """

    owners: tuple[str, ...]
    offered: frozenset[str] | None


#: An agency and every body above it, the nearest first, each with its own choice.
CLIMB = ReadSql(
    Step,
    "WITH RECURSIVE up AS ("
    " SELECT id, parent_id, offers, 0 AS distance FROM agency WHERE id = :id"
    " UNION ALL SELECT a.id, a.parent_id, a.offers, up.distance + 1 FROM agency a"
    " JOIN up ON a.id = up.parent_id)"
    " SELECT up.id, up.offers, ARRAY(SELECT o.procedure_code FROM agency_offer o"
    " WHERE o.agency_id = up.id) AS codes FROM up ORDER BY up.distance",
)


async def lineage_of(session: ReadSession, agency_id: str) -> Lineage:
    """Whose schedules count for an agency, and what it offers: its own choice, else the nearest."""
    steps = await session.all(CLIMB, {"id": agency_id})
    chosen = next((step for step in steps if step.offers != Offering.PARENT), None)
    codes = frozenset(() if chosen is None else chosen.codes)
    everything = chosen is not None and chosen.offers == Offering.ALL
    return Lineage(tuple(step.id for step in steps), None if everything else codes)


def named(offers: str, codes: Sequence[str]) -> list[str] | Literal["all", "parent"]:
    """An agency's own row in the words of the contract: `all`, `parent`, or the codes."""
    if offers == Offering.OWN:
        return list(codes)
    return "all" if offers == Offering.ALL else "parent"
