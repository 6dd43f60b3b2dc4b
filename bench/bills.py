"""How many bills a second one process opens over HTTP, beside PostgreSQL doing the same writes.

Everything is as in production: a durable server, `lephi serve` as a process of its own, sixteen
clients, and the full path of a request: its key, its body read strictly, the price, idempotency,
encryption, audit, one transaction, the answer. The floor is `pgbench` with sixteen clients on the
same server and the same statement. Ours and the floor take turns, so that a machine that grows
slower does so for both; the database must hold exactly the bills that were answered.
"""

import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import httpx2

from adapters.http import trusting_tls
from app.embedded.supervisor import EmbeddedDatabase
from app.migrations.run import upgrade
from app.seed.agency import seed_body
from app.seed.catalogue import seed_catalogue
from app.wiring import parts_of
from bench.pgbench import ALONE, EACH_TABLE, PgBench
from bench.portal import Seen, Task
from bench.server import durable_server
from core.settings import Settings
from payments.agencies.access.api_keys import create_api_key

CLIENTS: Final = 16
ROUNDS: Final = 5
SECONDS: Final = 4
WARM_UP_SECONDS: Final = 2
_START_SECONDS: Final = 120.0


def run() -> dict[str, Any]:
    """Bills a second: the median of the rounds; latencies over all of them."""
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
    api_key, agency = asyncio.run(seed(settings))
    with service(settings):
        warm_up = Task(settings.port, api_key, agency, CLIENTS, WARM_UP_SECONDS)
        open_bills(warm_up, server)
        floor = PgBench.like_the_last_bill(server.url())
        floor.rate(ALONE, clients=CLIENTS, seconds=WARM_UP_SECONDS)
        rates: dict[str, list[float]] = {"ours": [], ALONE: [], EACH_TABLE: []}
        milliseconds: list[float] = []
        for _ in range(ROUNDS):
            seen = open_bills(Task(settings.port, api_key, agency, CLIENTS, SECONDS), server)
            milliseconds += seen.milliseconds
            rates["ours"].append(len(seen.milliseconds) / seen.seconds)
            for statements in (ALONE, EACH_TABLE):
                rate = floor.rate(statements, clients=CLIENTS, seconds=SECONDS)
                rates[statements].append(rate)
    value = statistics.median(rates["ours"])
    bare = statistics.median(rates[ALONE])
    percentiles = statistics.quantiles(milliseconds, n=100)
    return {
        "name": "bills",
        "value": round(value, 1),
        "unit": "bills/s",
        "floor": round(bare, 1),
        "floor_what": f"pgbench, the same statement, {CLIENTS} clients, the same durable server",
        "ratio": round(value / bare, 3),
        "peers": {
            "pgbench, a transaction of an INSERT for each table": round(
                statistics.median(rates[EACH_TABLE]), 1
            )
        },
        "p50_ms": round(percentiles[49], 1),
        "p99_ms": round(percentiles[98], 1),
        "ratios": [
            round(ours / theirs, 3)
            for ours, theirs in zip(rates["ours"], rates[ALONE], strict=True)
        ],
    }


async def seed(settings: Settings) -> tuple[str, str]:
    """A body with its catalogue; an API key of its, and its code."""
    async with parts_of(settings) as parts, parts.database.transaction() as session:
        body = await seed_body(session)
        await seed_catalogue(session, local={"ha-noi": body.agency_id})
        _, api_key = await create_api_key(session, agency_id=body.agency_id, label="bench")
        return api_key, body.agency_code


@contextmanager
def service(settings: Settings, *, quiet: bool = False) -> Iterator[int]:
    """`lephi serve` with these settings and no others, from when it is ready; its pid.

    Its log goes where ours does, or nowhere.
    """
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LEPHI_")}
    base_url = f"http://127.0.0.1:{settings.port}"
    environment |= {
        "LEPHI_MODE": settings.mode,
        "LEPHI_DATABASE_URL": settings.database_url or "",
        "LEPHI_DATA_DIR": str(settings.data_dir),
        "LEPHI_PORT": str(settings.port),
        "LEPHI_BASE_URL": base_url,
        "LEPHI_LOG_LEVEL": settings.log_level,
    }
    command = [sys.executable, "-c", "from app.cli.main import main; main()"]
    log = subprocess.DEVNULL if quiet else None
    service = subprocess.Popen(
        [*command, "serve", "--with-parent", str(os.getpid())],
        env=environment,
        stdout=log,
        stderr=log,
    )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not _is_ready(base_url):
            if service.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the service did not start")
            time.sleep(0.05)
        yield service.pid
    finally:
        service.terminate()
        service.wait()


def _is_ready(base_url: str) -> bool:
    try:
        asked = httpx2.get(f"{base_url}/health/ready", timeout=5.0, verify=trusting_tls())
        return asked.is_success
    except httpx2.HTTPError:
        return False


def open_bills(task: Task, server: EmbeddedDatabase) -> Seen:
    """One round of the portals; each bill that was answered is in the database, and no other."""
    before = _count_bills(server)
    done = subprocess.run(
        [sys.executable, "-m", "bench.portal"],
        check=True,
        cwd=Path(__file__).parents[1],
        input=json.dumps(asdict(task)),
        stdout=subprocess.PIPE,
        text=True,
    )
    seen = Seen(**json.loads(done.stdout))
    written = _count_bills(server) - before
    assert written == len(seen.milliseconds), f"{len(seen.milliseconds)} answered, {written} kept"
    return seen


def _count_bills(server: EmbeddedDatabase) -> int:
    with server.connect("lephi") as connection:
        row = connection.execute("SELECT count(*) FROM bill").fetchone()
    assert row is not None
    count = row[0]
    assert isinstance(count, int)
    return count


def free_port() -> int:
    """A port of this machine that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
