"""A second agency with a key of its own, to see that it can neither read nor touch the first's."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2

from core import clock
from core.audit import record
from core.ids import new_id
from payments.agencies.access.api_keys import create_api_key
from payments.agencies.access.rights import PORTAL_SCOPES
from payments.agencies.models import Agency
from tests.support.system import System, client_of


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another agency: its id and code, and a client that sends its key."""

    agency_id: str
    code: str
    client: httpx2.AsyncClient


@asynccontextmanager
async def neighbour_of(
    system: System, *, unit: bool = False, scopes: Iterable[str] = PORTAL_SCOPES
) -> AsyncIterator[Neighbour]:
    """Another agency in the same system; with `unit`, one below the system's own."""
    agency_id, code = new_id("agency"), f"co-quan-{new_id('x')[-12:]}"
    async with system.parts.database.transaction() as session:
        session.add(
            Agency(
                id=agency_id,
                code=code,
                name="UBND phường Bên Cạnh",
                name_en="Neighbouring Ward",
                parent_id=system.body.agency_id if unit else None,
                tax_code="0100000001",
                address="2 đường Thử Nghiệm",
                phone="024 0000 0001",
                return_origins=[],
                created_at=clock.now(),
            )
        )
        await session.flush()
        await record(
            session, actor="test", action="agency.created", object_id=agency_id, details={}
        )
        _, key = await create_api_key(
            session, agency_id=agency_id, label="neighbour", scopes=scopes
        )
    async with client_of(system.base_url, key) as client:
        yield Neighbour(agency_id, code, client)
