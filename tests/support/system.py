"""The whole system in one test: real HTTP between service, sandbox and test, a database of its own.

Service and sandbox run in the test's own event loop, each behind a real port on 127.0.0.1. The
worker does not run by itself: `system.work()` does what is due, so a test decides when.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from fastapi import FastAPI
from sqlalchemy import text

from adapters.http import trusting_tls
from adapters.sandbox.engine.deliveries import DeliveryState
from adapters.sandbox.engine.embedded import bound, served
from adapters.sandbox.engine.server import running
from adapters.sandbox.engine.state import SandboxState, Timing
from app.figures import count_figures
from app.invariants import broken
from app.parts import Parts
from app.seed.agency import DemoBody
from app.worker import run_once
from core.audit import chain
from core.ids import new_id
from core.settings import Settings
from tests.support.gateway_setups import PAYING, GatewaySetup, enrol
from tests.support.heartbeats import WORKING, leave_signs
from tests.support.shared_application import application
from tests.support.system_builder import SystemTemplate

#: Puts every gateway at `:url`/name, and tells the log of it, as `lephi gateway configure` would.
POINT_GATEWAYS_AT = """
WITH g AS (
  UPDATE gateway_account SET base_url = :url || '/' || gateway RETURNING id, base_url
)
INSERT INTO audit_entry (at, actor, action, object_id, details)
SELECT now(), 'system:test', 'gateway.configured', id,
  jsonb_build_object('after', jsonb_build_object('base_url', base_url)) FROM g
"""

#: The server closes a connection that has been idle for five seconds: ours are given up before, or
#: a request could be sent at that very moment.
BRIEF = httpx2.Limits(keepalive_expiry=2)


@dataclass(slots=True)
class System:
    """Everything a test touches.

    `client` sends a portal's API key, `office` that of a system which loads statements, reconciles
    and reads the catalogue; `browser` sends none.
    """

    app: FastAPI
    parts: Parts
    body: DemoBody
    sandbox: SandboxState
    base_url: str
    sandbox_url: str
    api_key: str
    client: httpx2.AsyncClient
    office: httpx2.AsyncClient
    browser: httpx2.AsyncClient

    async def create_bill(self, **changes: Any) -> dict[str, Any]:
        """Open a bill over HTTP: three certified pages, 5,000 đ, unless told otherwise."""
        lines = [{"fee": "2.000815", "quantity": 3}]
        body = {"agency": self.body.agency_code, "lines": lines} | changes
        answer = await self.post("/api/v1/bills", body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def start(
        self, bill: dict[str, Any], gateway: GatewaySetup = PAYING[0]
    ) -> dict[str, Any]:
        """Start an attempt at a gateway over HTTP."""
        path = f"/api/v1/bills/{bill['id']}/payments"
        answer = await self.post(path, {"gateway": gateway.name})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def post(
        self,
        path: str,
        body: object,
        key: str | None = None,
        client: httpx2.AsyncClient | None = None,
    ) -> httpx2.Response:
        """POST JSON with an idempotency key, a new one unless given; the portal unless told."""
        return await (client or self.client).post(
            path, json=body, headers={"Idempotency-Key": key or new_id("test")}
        )

    async def read(self, bill: dict[str, Any]) -> dict[str, Any]:
        """The bill as it is now."""
        answer = await self.client.get(f"/api/v1/bills/{bill['id']}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def decide(self, payment: dict[str, Any], outcome: str) -> None:
        """Press a button on the sandbox's payment page."""
        answer = await self.browser.post(payment["checkout"]["url"], data={"outcome": outcome})
        assert answer.status_code < 400, answer.text

    async def transfer(self, payload: str, amount: int, narrative: str) -> httpx2.Response:
        """Pay on the sandbox's bank page."""
        form = {"payload": payload, "amount": str(amount), "narrative": narrative}
        return await self.browser.post(f"{self.sandbox_url}/bank", data=form)

    async def work(self) -> None:
        """Let the worker do everything that is due."""
        while await run_once(self.parts):
            pass

    async def told(self) -> None:
        """Wait until the sandbox has nothing left to tell; fails after ten seconds."""
        for _ in range(500):
            open_states = (DeliveryState.WAITING, DeliveryState.IN_FLIGHT)
            if not any(one.state in open_states for one in self.sandbox.deliveries.all):
                return
            await asyncio.sleep(0.02)
        raise AssertionError("the sandbox still has something to tell")

    async def metrics(self) -> httpx2.Response:
        """What a scrape gets once the worker has counted."""
        async with self.parts.database.transaction() as session:
            await count_figures(session)
        return await self.browser.get("/metrics")

    async def until(self, bill: dict[str, Any], status: str) -> dict[str, Any]:
        """Wait until the bill has a status; fails after ten seconds."""
        found = await self.read(bill)
        for _ in range(500):
            if found["status"] == status:
                return found
            await asyncio.sleep(0.02)
            found = await self.read(bill)
        raise AssertionError(f"the bill is {found['status']}, not {status}")

    async def broken(self) -> list[str]:
        """The invariants that do not hold, once what was done is in the chain as by a worker."""
        async with self.parts.database.transaction() as session:
            while await chain(session, sealer=self.parts.evidence.sealer):
                pass
        async with self.parts.database.transaction() as session:
            return await broken(session, self.parts.evidence)


@contextlib.asynccontextmanager
async def system_at(
    template: SystemTemplate,
    data_dir: Path,
    timing: Timing | None = None,
    *,
    http: type[asyncio.Protocol] | None = None,
    **changes: Any,
) -> AsyncIterator[System]:
    """A system of its own, copied from the run's built one; everything is closed at the end.

    `http` is how its server speaks to clients, `changes` are settings that are not the tests' own.
    """
    template.copy_keys(data_dir)
    with template.copy() as database_url, bound() as listening:
        base_url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        settings = Settings(
            mode="test",
            database_url=database_url,
            data_dir=data_dir,
            base_url=base_url,
            log_level="error",
            **changes,
        )
        app = application(settings)
        state = SandboxState(seed=1, timing=timing)
        enrol(state, base_url)
        async with running(state) as sandbox_url, served(app, listening, http):
            parts: Parts = app.state.parts
            await _point_gateways_at(parts, sandbox_url)
            # What is due is done when a test says so: a worker that works, at its own pace.
            await leave_signs(parts.database, worker=WORKING)
            body, api_key = template.seeded.body, template.seeded.api_key
            async with (
                client_of(base_url, api_key) as client,
                client_of(base_url, template.seeded.office_key) as office,
                client_of(base_url) as browser,
            ):
                yield System(
                    *(app, parts, body, state, base_url, sandbox_url),
                    *(api_key, client, office, browser),
                )


def client_of(base_url: str, key: str | None = None) -> httpx2.AsyncClient:
    """Somebody who speaks to the service at `base_url`, with this API key or none."""
    headers = {"Authorization": f"Bearer {key}"} if key is not None else {}
    return httpx2.AsyncClient(
        base_url=base_url,
        headers=headers,
        timeout=30,
        limits=BRIEF,
        # Unused, but each client would read the authorities anew, which takes 40 ms.
        verify=trusting_tls(),
    )


async def _point_gateways_at(parts: Parts, sandbox_url: str) -> None:
    async with parts.database.transaction() as session:
        await session.execute(text(POINT_GATEWAYS_AT), {"url": sandbox_url})
