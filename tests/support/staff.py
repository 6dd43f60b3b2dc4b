"""A person of a body with a key of their own, to ask the API as whom a role makes them."""

from core import clock
from core.ids import new_id
from payments.agencies.access.api_keys import create_api_key
from payments.agencies.access.models import StaffUser
from tests.support.system import System


async def key_of_person(
    system: System, *roles: str, agency_id: str | None = None
) -> dict[str, str]:
    """The `Authorization` header of a new person with some roles; of the system's body, or another.

    The person has no password, so nobody can sign in as them.
    """
    own = agency_id or system.body.agency_id
    async with system.parts.database.transaction() as session:
        person = StaffUser(
            id=new_id("staff"),
            agency_id=own,
            email=f"{new_id('x')}@example.vn",
            name="Người thử",
            password_hash="-",
            roles=list(roles),
            created_at=clock.now(),
        )
        session.add(person)
        await session.flush()
        _, secret = await create_api_key(
            session, agency_id=own, label="person", staff_id=person.id, actor="test"
        )
    return {"Authorization": f"Bearer {secret}"}
