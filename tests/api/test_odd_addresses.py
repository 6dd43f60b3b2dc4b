"""A NUL in an address is told, whichever route it would have gone to; it never breaks one."""

import httpx2
import pytest

from app import limits
from tests.api.test_hosts import paths_of
from tests.support.staff import key_of_person
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Every name under which a list is asked for what follows, and some more.
ASKED = "&".join(f"{name}=%00" for name in ("after", "cursor", "q", "query", "status", "agency"))


async def broken_at(system: System, paths: list[str]) -> list[str]:
    """The paths that answer 500 to a NUL in the query or in the path."""
    key = await key_of_person(system, "admin", "auditor", "finance")
    found = []
    for path in paths:
        for address in (f"{path}?{ASKED}", f"{path}%00"):
            answer = await system.browser.get(address, headers=key, follow_redirects=False)
            if answer.status_code >= 500:
                found.append(address)
    return found


async def test_no_address_with_a_nul_breaks_a_route(shared_system: System) -> None:
    system = shared_system
    paths = [*paths_of(system.app), f"/p/{system.body.agency_code}", "/api/v1/bills"]
    assert await broken_at(system, paths) == []
    answer = await system.browser.get(f"/p/{system.body.agency_code}?after=%00")
    assert answer.status_code == 422


async def test_a_service_that_does_not_look_is_noticed(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control."""

    monkeypatch.setattr(limits, "refusal_of", lambda scope: None)
    path = f"/p/{shared_system.body.agency_code}"
    transport = httpx2.ASGITransport(app=shared_system.app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        assert (await client.get(f"{path}?after=%00")).status_code == 500
