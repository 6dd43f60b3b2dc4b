"""How long a receiver that was down takes to catch up with 100,000 messages, in order.

Two ways: pushed, by the worker's own code over one connection, each message signed, sent and marked
in a durable database; and fetched by the receiver from `lephi serve`, a thousand a page, each page
acknowledged. The floor is the same number of calls of the same size over one connection with the
same HTTP library, nothing read, signed or marked. `LEPHI_BENCH_WEBHOOKS` is another number.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2
from sqlalchemy import update
from sqlmodel import col

from app.embedded.supervisor import EmbeddedDatabase
from app.migrations.run import upgrade
from app.parts import Parts
from app.wiring import parts_of
from bench.bills import free_port, seed, service
from bench.server import durable_server
from core.settings import Settings
from payments.agencies.access.api_keys import create_api_key
from payments.agencies.queries import find_agency
from payments.events import BillPaid
from payments.webhooks.commands import create_endpoint
from payments.webhooks.delivering import deliver_next
from payments.webhooks.handlers import tell_of_bills
from payments.webhooks.models import WebhookEndpoint
from payments.webhooks.queries import list_messages
from payments.webhooks.rules import MessageContent

MESSAGES: Final = int(os.environ.get("LEPHI_BENCH_WEBHOOKS", "100000"))
#: For 100,000.
GOAL_SECONDS: Final = 300
_FLOOR_CALLS: Final = 5_000
_TOLD_AT_ONCE: Final = 500
_PAGE: Final = 1_000


def run() -> dict[str, Any]:
    """Seconds until the receiver has everything, pushed; `peers` has the time when it fetches."""
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
        webhook_loopback=True,
    )
    _, agency = asyncio.run(seed(settings))
    with _receiver() as place:
        key, pushed_to, fetched_from = asyncio.run(_prepare(settings, agency, place.url))
        pushed, body = asyncio.run(_push(settings, pushed_to))
        heard = place.end()
    if heard != {"heard": MESSAGES, "in_order": True}:
        raise RuntimeError(f"the receiver heard {heard}")
    with _receiver() as place:
        floor = asyncio.run(_plain(place.url, body)) / _FLOOR_CALLS * MESSAGES
    with service(settings, quiet=True):
        fetched = asyncio.run(_fetch(settings, key, fetched_from))
    return {
        "name": "webhooks",
        "value": round(pushed, 1),
        "unit": f"s for {MESSAGES} messages",
        "floor": round(floor, 1),
        "floor_what": "as many calls over one connection, nothing read, signed or marked",
        "ratio": round(pushed / floor, 2),
        "peers": {"fetched by pages and acknowledged": round(fetched, 1)},
        "goal": round(GOAL_SECONDS * MESSAGES / 100_000, 1),
    }


class _Place:
    def __init__(self, process: "subprocess.Popen[bytes]", port: int) -> None:
        self._process = process
        self.url = f"http://127.0.0.1:{port}/"

    def end(self) -> Any:
        """What the receiver says when it is ended."""
        said, _ = self._process.communicate()
        return json.loads(said)


@contextmanager
def _receiver() -> Iterator[_Place]:
    command = [sys.executable, "-m", "bench.webhook_receiver"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        if process.stdout is None:
            raise RuntimeError("a pipe was asked for")
        try:
            yield _Place(process, int(process.stdout.readline()))
        finally:
            process.kill()


async def _prepare(settings: Settings, code: str, url: str) -> tuple[str, str, str]:
    """A key, and two receivers for which everything waits: to be called, and that fetches."""
    async with parts_of(settings) as parts:
        async with parts.database.transaction() as session:
            agency = await find_agency(session, code)
            if agency is None:
                raise RuntimeError(f"no agency {code}")
            _, key = await create_api_key(
                session, agency_id=agency.id, label="bench", scopes=["webhooks"]
            )
            ids = []
            for _ in range(2):
                made, _ = await create_endpoint(
                    *(session, parts.cipher),
                    agency_id=agency.id,
                    url=url,
                    types=[],
                    actor="system:bench",
                )
                ids.append(made.id)
        for start in range(0, MESSAGES, _TOLD_AT_ONCE):
            many = range(start, min(start + _TOLD_AT_ONCE, MESSAGES))
            async with parts.database.transaction() as session:
                events = [BillPaid(f"bill_{number:032d}", agency.id, 1) for number in many]
                await tell_of_bills(session, events)
        await _silence(parts, ids[1])
    return key, ids[0], ids[1]


async def _silence(parts: Parts, endpoint_id: str) -> None:
    row = WebhookEndpoint
    async with parts.database.transaction() as session:
        off = update(row).where(col(row.id) == endpoint_id)
        await session.write(off.values(enabled=False))


async def _push(settings: Settings, endpoint_id: str) -> tuple[float, bytes]:
    """Seconds until nothing waits; and a body as it was sent."""
    async with parts_of(settings) as parts:
        async with parts.database.reading() as reader:
            one = (await list_messages(reader, endpoint_id, limit=1)).items[0]
        content = MessageContent(*(one.id, 0, one.type, one.version, one.object_id, one.told_at))
        began = time.perf_counter()
        while await deliver_next(parts.webhooks):
            pass
        return time.perf_counter() - began, content.body()


async def _plain(url: str, body: bytes) -> float:
    async with httpx2.AsyncClient(timeout=30) as client:
        began = time.perf_counter()
        for _ in range(_FLOOR_CALLS):
            await client.post(url, content=body)
        return time.perf_counter() - began


async def _fetch(settings: Settings, key: str, endpoint_id: str) -> float:
    """Seconds until a receiver has read everything in order and said so."""
    base = f"http://127.0.0.1:{settings.port}/api/v1/webhook-endpoints/{endpoint_id}"
    headers = {"Authorization": f"Bearer {key}"}
    asked = {"unacknowledged": "true", "limit": str(_PAGE)}
    last = 0
    async with httpx2.AsyncClient(timeout=60, headers=headers) as client:
        began = time.perf_counter()
        while True:
            answer = await client.get(f"{base}/messages", params=asked)
            items = answer.raise_for_status().json()["items"]
            if not items:
                break
            numbers = [json.loads(one["body"])["sequence"] for one in items]
            if numbers != list(range(last + 1, last + 1 + len(numbers))):
                raise RuntimeError(f"out of order after {last}")
            last = numbers[-1]
            taken = await client.post(f"{base}/acknowledgements", json={"through_sequence": last})
            taken.raise_for_status()
        seconds = time.perf_counter() - began
    if last != MESSAGES:
        raise RuntimeError(f"{last} of {MESSAGES} were fetched")
    return seconds
