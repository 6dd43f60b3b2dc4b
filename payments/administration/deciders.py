"""Whether a body has two people who could decide about how it is set up."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlmodel import col

from core.sessions import ReadSession
from core.statements import values_of
from payments.agencies.access.models import StaffUser
from payments.agencies.access.principals import known_roles
from payments.agencies.access.rights import RIGHTS, Action
from payments.agencies.tree import branches, lineage


@dataclass(frozen=True, slots=True)
class _Person:
    agency_id: str
    roles: list[str]


_WORKING = values_of(_Person, StaffUser).where(col(StaffUser.disabled_at).is_(None))


async def has_two_deciders(session: ReadSession, agency_id: str) -> bool:
    """Whether somebody could ask and somebody else decide, at the body or above it."""
    above = await lineage(session, agency_id)
    return _are_two(await session.all(_WORKING.where(col(StaffUser.agency_id).in_(above))))


async def list_lonely_bodies(session: ReadSession) -> list[str]:
    """The codes of the bodies where no two people could do that, units among them."""
    people = await session.all(_WORKING)
    lonely = []
    for branch in (await branches(session)).values():
        above = {branch.id, *branch.above}
        if not _are_two([person for person in people if person.agency_id in above]):
            lonely.append(branch.code)
    return sorted(lonely)


def _are_two(people: Sequence[_Person]) -> bool:
    """Whether one of them may ask and another one decide."""
    asking = [person for person in people if _may(person.roles, Action.ADMINISTER)]
    deciding = [person for person in people if _may(person.roles, Action.DECIDE_SETTING)]
    return any(one is not other for one in asking for other in deciding)


def _may(roles: Iterable[str], action: Action) -> bool:
    return not RIGHTS[action].roles.isdisjoint(known_roles(roles))
