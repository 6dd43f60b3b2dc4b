"""What others feel while a gateway takes connections and answers nothing.

`lephi serve` as in production, beside a durable database. One caller after the other asks for a
bill's page and opens a bill; first while nothing else happens, then while sixty citizens at a time
press the button of a gateway that answers, again and again for half a minute, and then while sixty
others press it while it hangs. `value` is the milliseconds that 99 of 100 answers take at most
meanwhile; the floor is what they take while the gateway answers, for what sixty citizens cost is no
fault of the hanging one's; without any of them stands beside it. What the process holds of memory
is read before, after the first press of all sixty, and at the end.
"""

import asyncio
import os
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx2

from adapters.sandbox.engine.discovery import demo_credentials
from adapters.sandbox.engine.server import running
from adapters.sandbox.engine.state import SandboxState
from app.embedded.supervisor import EmbeddedDatabase
from app.migrations.run import upgrade
from app.seed.agency import DEMO_ACCOUNT, configure_gateway
from app.wiring import parts_of
from bench.bills import free_port, seed, service
from bench.server import durable_server
from core.ids import new_id
from core.settings import Settings
from payments.agencies.queries import get_agency_id, list_collection_accounts

CITIZENS: Final = 60
SECONDS: Final = 32
#: How long somebody looks at the answer before pressing again.
AGAIN_SECONDS: Final = 5
#: A gateway whose attempts begin with a call of ours.
GATEWAY: Final = "paygov"
_ACCOUNT: Final = "hanging"
_LINES: Final = [{"fee": "2.000815", "quantity": 30}]


def run() -> dict[str, Any]:
    """The milliseconds of which 99 of 100 answers take no more, with and without."""
    with durable_server() as (server, folder):
        return _measure(server, folder)


def _measure(server: EmbeddedDatabase, folder: Path) -> dict[str, Any]:
    upgrade(server.url())
    settings = Settings(
        mode="demo",
        database_url=server.url(),
        data_dir=folder,
        port=free_port(),
        log_level="warning",
    )
    key, agency = asyncio.run(seed(settings))
    hangs_at = free_port()
    asyncio.run(_open_account(settings, agency, hangs_at))
    with service(settings, quiet=True) as pid:
        home = f"http://127.0.0.1:{settings.port}"
        quiet, answered, busy, memory, presses = asyncio.run(
            _live(home, key, agency, hangs_at, pid)
        )
    value, floor = _p99(busy), _p99(answered)
    return {
        "name": "hanging",
        "value": round(value, 1),
        "unit": "ms p99",
        "floor": round(floor, 1),
        "floor_what": "the same work while as many press the button of a gateway that answers",
        "ratio": round(value / floor, 2),
        "peers": {
            "p99, nobody presses": round(_p99(quiet), 1),
            "median, nobody presses": round(statistics.median(quiet), 1),
            "median, answering": round(statistics.median(answered), 1),
            "median, hanging": round(statistics.median(busy), 1),
            **{f"presses, {which}": count for which, count in presses.items()},
            **{f"memory MiB, {when}": round(size, 1) for when, size in memory.items()},
        },
    }


async def _open_account(settings: Settings, agency: str, hangs_at: int) -> None:
    """An account at a gateway that will hang."""
    credentials = demo_credentials(GATEWAY, DEMO_ACCOUNT)
    if credentials is None:
        raise LookupError(f"nobody plays {GATEWAY}")
    async with parts_of(settings) as parts, parts.database.transaction() as session:
        agency_id = await get_agency_id(session, agency)
        (collection,) = await list_collection_accounts(session, {agency_id})
        await configure_gateway(
            session,
            parts.cipher,
            agency_id=agency_id,
            collection_account_id=collection.id,
            gateway=GATEWAY,
            account=_ACCOUNT,
            base_url=f"http://127.0.0.1:{hangs_at}",
            credentials=credentials,
        )


@asynccontextmanager
async def _hanging(port: int) -> AsyncIterator[None]:
    """Somebody who takes connections, reads, and says nothing."""

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.read(4096):
                pass
        finally:
            writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()


async def _live(
    home: str, key: str, agency: str, gateway_at: int, pid: int
) -> tuple[list[float], list[float], list[float], dict[str, float], dict[str, int]]:
    # The server closes a connection that has been idle for five seconds.
    limits = httpx2.Limits(max_connections=CITIZENS + 20, keepalive_expiry=2)
    async with httpx2.AsyncClient(timeout=90, limits=limits) as client:
        made = [await _open_bill(client, home, key, agency) for _ in range(2 * CITIZENS + 1)]

        async def work(seconds: float = SECONDS) -> list[float]:
            return await _work(client, home, key, agency, made[0], seconds)

        await work(5)  # what is computed once is computed now
        memory = {"before": _resident(pid)}
        quiet = await work()
        good = running(_sandbox(home), port=gateway_at)
        async with good, _pressing(client, made[1 : CITIZENS + 1]) as answering:
            answered = await work()
        async with _hanging(gateway_at), _pressing(client, made[CITIZENS + 1 :]) as hanging:
            await asyncio.sleep(1)
            memory["all pressed"] = _resident(pid)
            busy = await work()
            memory["at the end"] = _resident(pid)
    presses = {"answering": sum(answering.values()), "hanging": sum(hanging.values())}
    return quiet, answered, busy, memory, presses


def _sandbox(home: str) -> SandboxState:
    """The same gateway in its good days."""
    state, credentials = SandboxState(seed=1), demo_credentials(GATEWAY, DEMO_ACCOUNT)
    if credentials is None:
        raise LookupError(f"nobody plays {GATEWAY}")
    state.open(GATEWAY, credentials, f"{home}/callbacks/{GATEWAY}/{_ACCOUNT}")
    return state


@asynccontextmanager
async def _pressing(
    client: httpx2.AsyncClient, bills: list[tuple[str, str]]
) -> AsyncIterator[dict[int, int]]:
    """Whoever has one of these bills presses the button; how often each answer came."""
    ends: dict[int, int] = {}
    over = asyncio.Event()
    pressing = [asyncio.create_task(_press(client, one, over, ends)) for one in bills]
    try:
        yield ends
    finally:
        over.set()
        await asyncio.gather(*pressing, return_exceptions=True)


async def _open_bill(
    client: httpx2.AsyncClient, home: str, key: str, agency: str
) -> tuple[str, str]:
    """A bill's page and its token."""
    answer = await client.post(
        f"{home}/api/v1/bills",
        headers={"Authorization": f"Bearer {key}", "Idempotency-Key": new_id("bench")},
        json={"agency": agency, "lines": _LINES},
    )
    answer.raise_for_status()
    page, _, token = answer.json()["pay_url"].partition("?t=")
    return home + page[page.index("/b/") :], token


async def _press(
    client: httpx2.AsyncClient,
    bill: tuple[str, str],
    over: asyncio.Event,
    ends: dict[int, int],
) -> None:
    """Press the gateway's button, and again a little after each answer."""
    page, token = bill
    while not over.is_set():
        answer = await client.post(f"{page}/pay", data={"gateway": GATEWAY, "t": token})
        ends[answer.status_code] = ends.get(answer.status_code, 0) + 1
        await asyncio.sleep(AGAIN_SECONDS)


async def _work(
    client: httpx2.AsyncClient,
    home: str,
    key: str,
    agency: str,
    bill: tuple[str, str],
    seconds: float,
) -> list[float]:
    """The milliseconds of each answer of others' work, so many seconds long."""
    took, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        for what in ("page", "bill"):
            began = time.perf_counter()
            if what == "page":
                answer = await client.get(f"{bill[0]}?t={bill[1]}")
                if answer.status_code != 200:
                    raise RuntimeError(f"{answer.status_code} {answer.text[-2000:]}")
            else:
                await _open_bill(client, home, key, agency)
            took.append(1000 * (time.perf_counter() - began))
        await asyncio.sleep(0.02)
    return took


def _resident(pid: int) -> float:
    """What a process holds of memory, in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _p99(took: list[float]) -> float:
    return statistics.quantiles(took, n=100)[98]
