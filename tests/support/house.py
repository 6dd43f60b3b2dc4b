"""The whole house in one test: real HTTP between service, sandbox and test, a database of its own.

Service and sandbox run in the test's own event loop, each behind a real port on 127.0.0.1. The
worker does not run by itself: `house.work()` does what is due, so a test decides when.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import uvicorn
from fastapi import FastAPI

from adapters.sandbox.engine.deliveries import DeliveryState
from adapters.sandbox.engine.server import running
from adapters.sandbox.engine.state import SandboxState, Timing
from app.invariants import broken
from app.main import create_app
from app.seed.agency import DEMO_ACCOUNT, DemoBody, configure_gateway, seed_body
from app.seed.catalogue import seed_catalogue
from app.wiring import Parts
from app.worker import run_once
from core.ids import new_id
from core.settings import Settings
from payments.agencies.access.api_keys import create_api_key
from payments.agencies.access.rights import Scope

MERCHANT = {
    "partner_code": "PAYGOV-TEST",
    "access_key": "access-of-a-test",
    "secret_key": "secret-of-a-test",
    "token": "token-of-a-test",
    "service_code": "LEPHI",
}
FEED_SECRET = "feed-secret-of-a-test"


@dataclass(slots=True)
class House:
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

    async def start(self, bill: dict[str, Any]) -> dict[str, Any]:
        """Start an attempt at PayGov over HTTP."""
        path = f"/api/v1/bills/{bill['id']}/payments"
        answer = await self.post(path, {"gateway": "paygov"})
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
        """The invariants that do not hold."""
        async with self.parts.database.transaction() as session:
            return await broken(session)


@contextlib.asynccontextmanager
async def house_at(
    database_url: str, data_dir: Path, timing: Timing | None = None
) -> AsyncIterator[House]:
    """Build a house over a migrated database; everything is closed at the end."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", 0))
        base_url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        settings = Settings(
            mode="test",
            database_url=database_url,
            data_dir=data_dir,
            base_url=base_url,
            log_level="error",
        )
        app = create_app(settings)
        state = SandboxState(seed=1, timing=timing)
        async with running(state) as sandbox_url, _served(app, listening):
            parts: Parts = app.state.parts
            body, api_key, office_key = await _seed(parts, sandbox_url)
            _open_accounts(state, base_url)
            async with (
                _client(base_url, api_key) as client,
                _client(base_url, office_key) as office,
                httpx2.AsyncClient(base_url=base_url, timeout=30) as browser,
            ):
                yield House(
                    *(app, parts, body, state, base_url, sandbox_url),
                    *(api_key, client, office, browser),
                )


async def _seed(parts: Parts, sandbox_url: str) -> tuple[DemoBody, str, str]:
    async with parts.database.transaction() as session:
        body = await seed_body(session)
        await seed_catalogue(session, local={"ha-noi": body.agency_id})
        _, api_key = await create_api_key(session, agency_id=body.agency_id, label="test")
        _, office_key = await create_api_key(
            session,
            agency_id=body.agency_id,
            label="office",
            scopes=(Scope.STATEMENTS, Scope.RECONCILIATION, Scope.CATALOGUE),
        )
        feed = {"account_number": DEMO_ACCOUNT, "secret": FEED_SECRET}
        for name, credentials in (("paygov", MERCHANT), ("sepay", feed)):
            await configure_gateway(
                session,
                parts.cipher,
                agency_id=body.agency_id,
                collection_account_id=body.collection_account_id,
                gateway=name,
                account="test",
                base_url=f"{sandbox_url}/{name}",
                credentials=credentials,
            )
    return body, api_key, office_key


def _client(base_url: str, key: str) -> httpx2.AsyncClient:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx2.AsyncClient(base_url=base_url, headers=headers, timeout=30)


def _open_accounts(state: SandboxState, base_url: str) -> None:
    state.open("paygov", MERCHANT, f"{base_url}/callbacks/paygov/test")
    feed = {"account_number": DEMO_ACCOUNT, "secret": FEED_SECRET}
    state.open("sepay", feed, f"{base_url}/callbacks/sepay/test")


class _Server(uvicorn.Server):
    """A server that leaves the process's signal handlers to pytest."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def _served(app: FastAPI, listening: socket.socket) -> AsyncIterator[None]:
    config = uvicorn.Config(
        app, log_level="critical", access_log=False, ws="none", timeout_graceful_shutdown=2
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        while not server.started:
            if task.done():
                task.result()
                raise RuntimeError("the service did not start")
            await asyncio.sleep(0.005)
        yield
    finally:
        server.should_exit = True
        await task
