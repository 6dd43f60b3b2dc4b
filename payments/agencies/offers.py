"""What a body offers: which procedures it takes money for.

A body chooses, offers everything, or offers what the body above it does; a unit that has chosen is
not bound to its parent's choice, for a ward does what a province does not. A fee that belongs to
no procedure (postage) goes with any, so it is offered wherever something is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from sqlmodel import col, select

from core.sessions import ReadSession
from payments.agencies.models import Agency, AgencyOffer
from payments.agencies.tree import lineage


class Offering(StrEnum):
    """Whose choice it is: everything, the body's own, or that of the body above."""

    ALL = "all"
    OWN = "own"
    PARENT = "parent"


@dataclass(frozen=True, slots=True)
class Lineage:
    """An agency and the bodies above it, the nearest first, and what the agency offers.

    `offered` are codes of procedures, None where it is all of them.
    """

    owners: tuple[str, ...]
    offered: frozenset[str] | None


async def lineage_of(session: ReadSession, agency_id: str) -> Lineage:
    """Whose schedules count for an agency, and what it offers: its own choice, else the nearest."""
    owners = await lineage(session, agency_id)
    bodies = {
        body.id: body.offers
        for body in await session.all(select(Agency).where(col(Agency.id).in_(owners)))
    }
    chooser = next((one for one in owners if bodies[one] != Offering.PARENT), None)
    if chooser is not None and bodies[chooser] == Offering.ALL:
        return Lineage(owners, None)
    chosen = select(AgencyOffer.procedure_code).where(AgencyOffer.agency_id == chooser)
    return Lineage(owners, frozenset(await session.all(chosen)))


def named(offers: str, codes: Sequence[str]) -> list[str] | Literal["all", "parent"]:
    """An agency's own row in the words of the contract: `all`, `parent`, or the codes."""
    if offers == Offering.OWN:
        return list(codes)
    return "all" if offers == Offering.ALL else "parent"
