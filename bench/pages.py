"""How many pages of a bill, and prices of a procedure, one process answers a second.

`lephi serve` as in production, beside a durable database; an open bill's page as its token shows it
and `GET /procedures/{code}` with a portal's key. The floor is the bare framework: the same web
server and one FastAPI route whose answer is ready made and as long. Ours and the floor take turns,
so that a machine that grows slower does so for both. `wrk` asks, sixteen connections at a time.
Beside it stands what each answer costs the process in processor time, which says the same on a
machine that others use too.
"""

import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2

from app.embedded.supervisor import EmbeddedDatabase
from app.migrations.run import upgrade
from bench.bills import free_port, seed, service
from bench.server import durable_server
from core.settings import Settings

CONNECTIONS: Final = 16
ROUNDS: Final = 5
SECONDS: Final = 4
GOAL: Final = 400
CODE: Final = "2.000815"
_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
_COUNT = re.compile(r"(\d+) requests in")
_P99 = re.compile(r"99%\s+([\d.]+)(us|ms|s)")
_IN_MS: Final = {"us": 0.001, "ms": 1.0, "s": 1000.0}


def run() -> dict[str, Any]:
    """Answers a second of each, the median of the rounds; `value` is the slower one's."""
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
    home = f"http://127.0.0.1:{settings.port}"
    with service(settings, quiet=True) as ours:
        page = _open_bill(home, key, agency)
        asked = {
            "bill page": (page, ["Accept: text/html"]),
            "procedure": (f"{home}/api/v1/procedures/{CODE}", [f"Authorization: Bearer {key}"]),
        }
        length = len(httpx2.get(page).content)
        with _bare(length) as (address, bare):
            asked["bare framework"] = (address, [])
            pids = dict.fromkeys(asked, ours) | {"bare framework": bare}
            for name, (url, headers) in asked.items():
                _wrk(url, headers, 1, pids[name])  # what is computed once is computed now
                assert httpx2.get(url, headers=_as_dict(headers)).status_code == 200, name
            rounds = [
                {name: _wrk(*how, SECONDS, pids[name]) for name, how in asked.items()}
                for _ in range(ROUNDS)
            ]
    rates = {name: statistics.median(one[name].rate for one in rounds) for name in asked}
    p99 = {name: statistics.median(one[name].p99_ms for one in rounds) for name in asked}
    cpu = {name: statistics.median(one[name].cpu_ms for one in rounds) for name in asked}
    floor = rates["bare framework"]
    value = min(rates["bill page"], rates["procedure"])
    return {
        "name": "pages",
        "value": round(value, 1),
        "unit": "answers/s",
        "floor": round(floor, 1),
        "floor_what": f"FastAPI, one route, a ready answer of {length:,} bytes",
        "ratio": round(value / floor, 3),
        "peers": {name: round(rate, 1) for name, rate in rates.items()},
        "p99_ms": {name: round(milliseconds, 1) for name, milliseconds in p99.items()},
        "cpu_ms": {name: round(milliseconds, 2) for name, milliseconds in cpu.items()},
        "goal": GOAL,
    }


def _open_bill(home: str, key: str, agency: str) -> str:
    """A bill of three certified pages, and the address of its page with its token."""
    made = httpx2.post(
        f"{home}/api/v1/bills",
        headers={"Authorization": f"Bearer {key}", "Idempotency-Key": "pages"},
        json={
            "agency": agency,
            "lines": [{"fee": CODE, "quantity": 3}],
            "payer": {"name": "Nguyễn Văn An"},
            "dossier_number": "H26.18-261122-000001",
        },
    )
    assert made.status_code == 201, made.text
    address = str(made.json()["pay_url"])
    return home + address[address.index("/b/") :]


@contextmanager
def _bare(length: int) -> Iterator[tuple[str, int]]:
    """The bare framework, from when it answers; the address of its one page, and its pid."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.bare", json.dumps({"port": port, "length": length})],
        cwd=Path(__file__).parents[1],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}/page"
    try:
        for _ in range(200):
            try:
                httpx2.get(address)
                break
            except httpx2.HTTPError:
                time.sleep(0.05)
        yield address, process.pid
    finally:
        process.terminate()
        process.wait()


@dataclass(frozen=True, slots=True)
class _Round:
    """What one round saw: answers a second, the slowest of 100, and what one costs in CPU."""

    rate: float
    p99_ms: float
    cpu_ms: float


def _wrk(url: str, headers: list[str], seconds: int, pid: int) -> _Round:
    """Ask the process `pid` so long; every answer has to be a 200."""
    options = [part for header in headers for part in ("-H", header)]
    before = _cpu_seconds(pid)
    done = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", *options, url],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    used = _cpu_seconds(pid) - before
    assert "Non-2xx" not in done, done
    rate, latency, count = _RATE.search(done), _P99.search(done), _COUNT.search(done)
    assert rate is not None, done
    assert latency is not None, done
    assert count is not None, done
    p99 = float(latency[1]) * _IN_MS[latency[2]]
    return _Round(float(rate[1]), p99, used * 1000 / max(1, int(count[1])))


def _cpu_seconds(pid: int) -> float:
    """What a process has used of the processor so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _as_dict(headers: list[str]) -> dict[str, str]:
    return dict(header.split(": ", 1) for header in headers)
