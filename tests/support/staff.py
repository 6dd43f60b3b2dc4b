"""A person of a body with a key of their own, to ask the API as whom a role makes them."""

from dataclasses import dataclass
from typing import Any

import httpx2

from core import clock
from core.audit import record
from core.ids import new_id
from payments.agencies.access.api_keys import create_api_key
from payments.agencies.access.models import StaffUser
from tests.support.system import System


async def key_of_person(
    system: System, *roles: str, agency_id: str | None = None, name: str = "Người thử"
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
            name=name,
            password_hash="-",
            roles=list(roles),
            created_at=clock.now(),
        )
        session.add(person)
        await session.flush()
        told = {"agency_id": own, "roles": list(roles)}
        await record(
            session, actor="test", action="staff.created", object_id=person.id, details=told
        )
        _, secret = await create_api_key(
            session, agency_id=own, label="person", staff_id=person.id, actor="test"
        )
    return {"Authorization": f"Bearer {secret}"}


@dataclass(frozen=True, slots=True)
class FinanceOffice:
    """A body's finance clerk and its chief accountant, who ask and decide over the API."""

    system: System
    clerk: dict[str, str]
    chief: dict[str, str]

    async def post(
        self, path: str, body: object = None, *, by: dict[str, str] | None = None
    ) -> httpx2.Response:
        """POST as somebody, the clerk unless told otherwise, with a new idempotency key."""
        headers = (by or self.clerk) | {"Idempotency-Key": new_id("k")}
        if body is None:
            return await self.system.browser.post(f"/api/v1{path}", headers=headers)
        return await self.system.browser.post(f"/api/v1{path}", json=body, headers=headers)

    async def suspense(self, **query: str) -> list[dict[str, Any]]:
        """What waits, as the clerk reads it."""
        answer = await self.system.browser.get("/api/v1/suspense", params=query, headers=self.clerk)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def propose(self, item: str, kind: str, bill: str | None = None) -> dict[str, Any]:
        """Ask for something about an item; the approval."""
        wanted = {"kind": kind, "reason": "đã xem sao kê"} | ({"bill": bill} if bill else {})
        answer = await self.post(f"/suspense/{item}/resolutions", wanted)
        assert answer.status_code == 202, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def approve(self, approval: dict[str, Any]) -> dict[str, Any]:
        """The chief approves it."""
        answer = await self.post(f"/approvals/{approval['id']}/approve", by=self.chief)
        assert answer.status_code == 200, answer.text
        done: dict[str, Any] = answer.json()
        return done


async def finance_office(system: System) -> FinanceOffice:
    """Two new people of the system's body."""
    return FinanceOffice(
        system, await key_of_person(system, "finance"), await key_of_person(system, "chief")
    )
