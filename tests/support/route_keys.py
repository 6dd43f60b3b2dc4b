"""The keys of one agency with which every route is asked: of each role, and of each scope."""

from collections.abc import Mapping
from dataclasses import dataclass

from core.ids import new_id
from payments.agencies.access.api_keys import create_api_key
from payments.agencies.access.rights import Role, Scope
from payments.agencies.access.staff import create_staff_user
from tests.support.system import System


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one agency: a person's for each role, a system's for each scope."""

    agency_id: str
    secrets: Mapping[str, str]


async def keys_of(system: System, agency_id: str) -> Keys:
    """Make one person for each role and one system's key for each scope, at an agency."""
    secrets: dict[str, str] = {}
    async with system.parts.database.transaction() as session:
        for role in Role:
            person = await create_staff_user(
                session,
                agency_id=agency_id,
                email=f"{new_id('p')}@example.vn",
                name="Người Thử",
                password="mat-khau-thu-nghiem",
                roles=[role],
            )
            _, secrets[role] = await create_api_key(
                session, agency_id=agency_id, label=role, staff_id=person.id
            )
        for scope in Scope:
            _, secrets[scope] = await create_api_key(
                session, agency_id=agency_id, label=scope, scopes=[scope]
            )
    return Keys(agency_id, secrets)
