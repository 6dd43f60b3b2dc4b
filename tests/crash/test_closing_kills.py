"""SIGKILL while a day is run, resolved and closed: it is done whole or not at all.

The office repeats what it asked, as people do, until it is answered.
"""

import asyncio
import time
from typing import Any

import httpx2

from app.invariants import broken
from app.seed.agency import DEMO_ACCOUNT
from core import clock
from core.db import Database
from core.failpoints import FAILPOINTS
from core.ids import new_id
from payments.agencies.access.api_keys import create_api_key
from payments.agencies.access.staff import create_staff_user
from payments.agencies.queries import get_agency_id
from tests.crash.harness import CrashSystem, kept
from tests.crash.payer import Payer

OF_DAYS = [
    point.name for point in FAILPOINTS if point.name.startswith(("approval.", "run.", "closing."))
]
#: How long somebody repeats one request, in seconds.
PATIENCE = 60.0


async def keys_of_office(system: CrashSystem) -> dict[str, str]:
    """The keys of a finance clerk and a chief."""
    database = Database(system.ground.server.url(system.database), pool_size=1)
    keys = {}
    async with database.transaction() as session:
        agency_id = await get_agency_id(session, system.ground.agency)
        for role in ("finance", "chief"):
            person = await create_staff_user(
                session,
                agency_id=agency_id,
                email=f"{new_id('p')}@example.vn",
                name="Người Thử",
                password="mat-khau-thu-nghiem",
                roles=[role],
            )
            _, keys[role] = await create_api_key(
                session, agency_id=agency_id, label=role, staff_id=person.id
            )
    await database.dispose()
    return keys


async def ask(
    system: CrashSystem, secret: str, path: str, idempotent: str | None = None, **sent: Any
) -> httpx2.Response:
    """POST until somebody answers; what is answered, success or refusal."""
    headers = {"Authorization": f"Bearer {secret}"}
    if idempotent:
        headers["Idempotency-Key"] = idempotent
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            answer = await system.client.post(f"/api/v1{path}", headers=headers, **sent)
        except httpx2.TransportError:
            answer = None
        if answer is not None and not answer.json().get("retryable"):
            return answer
        assert time.monotonic() < deadline, path
        await asyncio.sleep(0.05)


async def run_day(system: CrashSystem, secret: str) -> dict[str, Any]:
    today = clock.business_date(clock.now()).isoformat()
    wanted = {"agency": system.ground.agency, "account": DEMO_ACCOUNT, "date": today}
    while True:
        answer = await ask(system, secret, "/reconciliations", new_id("k"), json=wanted)
        if answer.status_code == 201:
            found: dict[str, Any] = answer.json()
            return found
        assert answer.status_code >= 500, answer.text


async def close(system: CrashSystem, keys: dict[str, str], run: str) -> None:
    """Both say it until the day is closed; a repeat is told that it is."""
    asked = await ask(system, keys["finance"], f"/reconciliations/{run}/close")
    assert asked.status_code in (202, 409), asked.text
    done = await ask(system, keys["chief"], f"/reconciliations/{run}/close")
    assert done.status_code == 200 or done.json()["code"] == "day_closed", done.text


async def judged(system: CrashSystem) -> list[str]:
    database = Database(system.ground.server.url(system.database), pool_size=1)
    try:
        async with database.transaction() as session:
            return await broken(session)
    finally:
        await database.dispose()


async def minutes(system: CrashSystem, secret: str, run: str) -> bytes:
    headers = {"Authorization": f"Bearer {secret}"}
    answer = await system.client.get(f"/api/v1/reconciliations/{run}/minutes.pdf", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.content


async def a_day(system: CrashSystem, keys: dict[str, str]) -> dict[str, Any]:
    """A day with a transfer and a gateway's money; the run in which everything is decided.

    The gateway's money is not due: it waits, and nobody decides about it.
    """
    payer = Payer(system)
    await payer.pay_by_transfer()
    await payer.pay_at_gateway()
    run = await run_day(system, keys["finance"])
    assert run["summary"]["with_gateway"]["count"] == 1
    for kind in ("no_statement", "missing_in_ledger"):
        wanted = {"kind": "accept", "all_of": kind, "reason": "thử"}
        path = f"/reconciliations/{run['id']}/resolutions"
        asked = await ask(system, keys["finance"], path, new_id("k"), json=wanted)
        if asked.status_code == 202:
            path = f"/approvals/{asked.json()['id']}/approve"
            assert (await ask(system, keys["chief"], path)).status_code == 200
    return run


async def test_a_kill_at_any_place_leaves_a_day_whole(system: CrashSystem) -> None:
    """One day that is killed at each place: while something is approved, run again, and closed."""
    of_runs, of_closing = (
        [f"{name}=kill:1" for name in OF_DAYS if name.startswith(part)]
        for part in ("run.", "closing.")
    )
    keys = await keys_of_office(system)
    await system.open("approval.before_commit=kill:1")
    async with kept(system):
        await a_day(system, keys)
        system.assert_killed("serve")
        faults = await judged(system)
        # One run has passed, so that there is a good one to be left standing.
        system.arm(*of_runs)
        run = await run_day(system, keys["finance"])
        system.assert_killed(*["serve"] * (1 + len(of_runs)))
        faults += await judged(system)
        system.arm(*of_closing)
        await close(system, keys, run["id"])
        first = await minutes(system, keys["chief"], run["id"])
        assert await minutes(system, keys["finance"], run["id"]) == first
        system.assert_killed(*["serve"] * len(OF_DAYS))
        faults += await judged(system)
    assert faults == []


async def test_a_closing_in_two_transactions_is_caught(system: CrashSystem) -> None:
    """The negative control: the day is closed before its minutes are written."""
    keys = await keys_of_office(system)
    await system.open("closing.before_commit=kill:1", variant="close_before_minutes")
    async with kept(system):
        run = await a_day(system, keys)
        for who in ("finance", "chief"):
            await ask(system, keys[who], f"/reconciliations/{run['id']}/close")
        faults = await judged(system)
    assert [line for line in faults if "no minutes" in line], faults
