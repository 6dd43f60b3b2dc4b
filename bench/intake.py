"""A statement of 150,000 rows coming in, while portals go on opening bills.

What counts is how long the others wait: the 99th percentile of a bill, while the statement is read
and stored, beside its value in the quiet before. The statement's own time stands beside a plain
COPY of the same rows into a table of the same columns, on the same durable server.
"""

import asyncio
import statistics
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx2
import psycopg

from app.embedded.supervisor import EmbeddedDatabase
from app.migrations.run import upgrade
from app.seed.agency import seed_body
from app.wiring import parts_of
from bench import bills
from bench.portal import Task
from bench.server import durable_server
from core.settings import Settings
from payments.agencies.access.api_keys import create_api_key
from payments.agencies.access.rights import Scope

ROWS: Final = 150_000
CLIENTS: Final = 2
ROUNDS: Final = 3
QUIET_SECONDS: Final = 6
_TURN_SECONDS: Final = 1
_LONGEST_SECONDS: Final = 120.0


def run() -> dict[str, Any]:
    """Seconds for the statement, and the others' 99th percentile meanwhile, over some rounds."""
    with durable_server() as (server, folder):
        return _measure(server, folder)


def _measure(server: EmbeddedDatabase, folder: Path) -> dict[str, Any]:
    upgrade(server.url())
    settings = Settings(
        mode="demo",
        database_url=server.url(),
        data_dir=folder,
        port=bills.free_port(),
        log_level="warning",
    )
    api_key, agency = asyncio.run(bills.seed(settings))
    office_key, account = asyncio.run(_office(settings))
    ours, floors, quiet_p99, busy_p99 = [], [], [], []
    with bills.service(settings):
        portals = Task(settings.port, api_key, agency, CLIENTS, QUIET_SECONDS)
        bills.open_bills(portals, server)
        for turn in range(ROUNDS):
            rows = list(_rows(turn))
            quiet_p99.append(_p99(bills.open_bills(portals, server).milliseconds))
            upload = _Upload(settings.port, office_key, account, rows)
            upload.start()
            busy: list[float] = []
            beside = Task(settings.port, api_key, agency, CLIENTS, _TURN_SECONDS)
            while upload.is_alive():
                busy += bills.open_bills(beside, server).milliseconds
            upload.join()
            ours.append(upload.seconds)
            busy_p99.append(_p99(busy))
            floors.append(_copy(server, rows))
    value, floor = statistics.median(ours), statistics.median(floors)
    return {
        "name": "intake",
        "value": round(value, 2),
        "unit": f"s for {ROWS} rows",
        "floor": round(floor, 2),
        "floor_what": "COPY of the same rows into a table of the same columns and keys",
        "ratio": round(value / floor, 2),
        "peers": {},
        "p99_quiet_ms": round(statistics.median(quiet_p99), 1),
        "p99_busy_ms": round(statistics.median(busy_p99), 1),
        "p99_ratio": round(
            statistics.median(
                busy / quiet for busy, quiet in zip(busy_p99, quiet_p99, strict=True)
            ),
            2,
        ),
    }


class _Upload(threading.Thread):
    """The finance office sends the file; how long until the answer."""

    def __init__(self, port: int, key: str, account: str, rows: list[str]) -> None:
        super().__init__()
        self.seconds = 0.0
        self._port, self._key, self._account = port, key, account
        header = "line_id,booked_at,amount,direction,reference,narrative,bank_ref"
        self._content = "\n".join([header, *rows]).encode() + b"\n"

    def run(self) -> None:
        begun = time.perf_counter()
        answer = httpx2.post(
            f"http://127.0.0.1:{self._port}/api/v1/statements",
            files={"file": ("so-phu.csv", self._content, "text/csv")},
            data={"account": self._account, "mapping": "lephi-basic"},
            headers={"Authorization": f"Bearer {self._key}", "Idempotency-Key": str(begun)},
            timeout=_LONGEST_SECONDS,
        )
        self.seconds = time.perf_counter() - begun
        if answer.status_code != 201 or answer.json()["new"] != ROWS:
            raise RuntimeError(f"the statement was not taken in: {answer.text[:500]}")


async def _office(settings: Settings) -> tuple[str, str]:
    """A key that loads statements, and the account of the body."""
    async with parts_of(settings) as parts, parts.database.transaction() as session:
        body = await seed_body(session)
        _, key = await create_api_key(
            session, agency_id=body.agency_id, label="office", scopes=[Scope.STATEMENTS]
        )
        return key, body.collection_code


def _rows(turn: int) -> Iterator[str]:
    """A busy month's lines, those of each turn others than before."""
    begin = datetime(2026, 10, 1, 1, tzinfo=UTC) + timedelta(days=turn)
    for number in range(ROWS):
        at = (begin + timedelta(seconds=number % 30_000)).isoformat()
        ref = f"FT{turn}{number:09d}"
        yield f"L{number},{at},{5000 + number % 977},credit,,NOP PHI DICH VU CONG {number},{ref}"


def _copy(server: EmbeddedDatabase, rows: list[str]) -> float:
    """Seconds for a plain COPY of the rows into a table like the one of a statement's lines."""
    with psycopg.connect(server.url().replace("+psycopg", "", 1), autocommit=True) as connection:
        connection.execute("CREATE TABLE bare_line (LIKE statement_line INCLUDING ALL)")
        try:
            begun = time.perf_counter()
            with (
                connection.transaction(),
                connection.cursor().copy(
                    "COPY bare_line (id, statement_id, collection_account_id, line_number,"
                    " booked_at, amount, direction, reference, narrative, bank_ref, fingerprint)"
                    " FROM STDIN"
                ) as copy,
            ):
                for number, row in enumerate(rows):
                    _, at, amount, side, _, words, ref = row.split(",")
                    copy.write_row(
                        (ref, "s", "a", number, at, int(amount), side, None, words, ref, ref)
                    )
            return time.perf_counter() - begun
        finally:
            connection.execute("DROP TABLE bare_line")


def _p99(milliseconds: list[float]) -> float:
    return statistics.quantiles(milliseconds, n=100)[98]
