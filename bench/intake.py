"""Statements of 150,000 and 400,000 rows coming in, while portals go on opening bills.

What counts is how long the others wait: the 99th percentile of a bill, while the statement is read
and stored, beside its value in the quiet before. The statement's own time stands beside a plain
COPY of the same rows into a table of the same columns, on the same durable server. The largest
come once alone and then two at once; memory is that of the service with all it has begun.
"""

import asyncio
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final

import httpx2
import psycopg

from app.embedded.supervisor import EmbeddedDatabase
from app.migrations.run import upgrade
from app.seed.agency import seed_body
from app.wiring import parts_of
from bench import bills
from bench.memory import Peak, peak_of
from bench.portal import Task
from bench.server import durable_server
from core.settings import Settings
from payments.agencies.access.api_keys import create_api_key
from payments.agencies.access.rights import Scope

ROWS: Final = 150_000
MANY_ROWS: Final = 400_000
CLIENTS: Final = 2
ROUNDS: Final = 5
QUIET_SECONDS: Final = 6
_TURN_SECONDS: Final = 1
_LONGEST_SECONDS: Final = 300.0
_ASKED_EVERY: Final = 0.5


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
    ours, floors, rounds = [], [], []
    numbers = count()
    with bills.service(settings) as pid:

        def beside(*sizes: int) -> _Round:
            """Take in statements of so many rows, all at once, while bills are opened."""
            rows = [list(statement_rows(next(numbers), size)) for size in sizes]
            quiet = Task(settings.port, api_key, agency, CLIENTS, QUIET_SECONDS)
            quiet_p99 = _p99(bills.open_bills(quiet, server).milliseconds)
            uploads = [Upload(settings.port, office_key, account, one) for one in rows]
            busy: list[float] = []
            turn = Task(settings.port, api_key, agency, CLIENTS, _TURN_SECONDS)
            with peak_of(pid) as peak:
                for upload in uploads:
                    upload.start()
                while any(upload.is_alive() for upload in uploads):
                    busy += bills.open_bills(turn, server).milliseconds
            for upload in uploads:
                upload.check()
            seconds = max(upload.seconds for upload in uploads)
            return _Round(rows[0], seconds, quiet_p99, _p99(busy), peak)

        bills.open_bills(Task(settings.port, api_key, agency, CLIENTS, QUIET_SECONDS), server)
        for _ in range(ROUNDS):
            rounds.append(beside(ROWS))
            ours.append(rounds[-1].seconds)
            floors.append(_copy(server, rounds[-1].rows))
        alone, two = beside(MANY_ROWS), beside(MANY_ROWS, MANY_ROWS)
    value, floor = statistics.median(ours), statistics.median(floors)
    return {
        "name": "intake",
        "value": round(value, 2),
        "unit": f"s for {ROWS} rows",
        "floor": round(floor, 2),
        "floor_what": "COPY of the same rows into a table of the same columns and keys",
        "ratio": round(value / floor, 2),
        "peers": {},
        "p99_quiet_ms": round(statistics.median(one.quiet_p99 for one in rounds), 1),
        "p99_busy_ms": round(statistics.median(one.busy_p99 for one in rounds), 1),
        "p99_ratio": round(statistics.median(one.ratio for one in rounds), 2),
        "p99_ratios": [round(one.ratio, 2) for one in rounds],
        "peak_mib": max(one.peak.together for one in rounds),
        "peak_mib_of_serve": max(one.peak.own for one in rounds),
        **_told("many", alone),
        **_told("many_twice", two),
    }


@dataclass(frozen=True, slots=True)
class _Round:
    """Statements that came in at once, and how the others fared."""

    rows: list[str]
    seconds: float
    quiet_p99: float
    busy_p99: float
    peak: Peak

    @property
    def ratio(self) -> float:
        return self.busy_p99 / self.quiet_p99


def _told(name: str, one: _Round) -> dict[str, float]:
    return {
        f"{name}_s": round(one.seconds, 1),
        f"{name}_p99_ratio": round(one.ratio, 2),
        f"{name}_peak_mib": one.peak.together,
    }


class Upload(threading.Thread):
    """The finance office sends the file and asks; how long until it is taken."""

    def __init__(self, port: int, key: str, account: str, rows: list[str]) -> None:
        super().__init__(daemon=True)
        self.seconds = 0.0
        self._port, self._key, self._account = port, key, account
        header = "line_id,booked_at,amount,direction,reference,narrative,bank_ref"
        self._content = "\n".join([header, *rows]).encode() + b"\n"
        self._rows = len(rows)
        self._told: dict[str, Any] = {}
        self._given_up = False

    def run(self) -> None:
        """Send and ask; what breaks off is told by `check`."""
        with suppress(httpx2.HTTPError):
            self._send()

    def give_up(self) -> None:
        """Ask no more: whoever asked for the file has gone."""
        self._given_up = True

    @property
    def is_accepted(self) -> bool:
        """The file was sent whole, and is being taken in or has been."""
        return "id" in self._told

    def _send(self) -> None:
        begun = time.perf_counter()
        with httpx2.Client(
            base_url=f"http://127.0.0.1:{self._port}/api/v1",
            headers={"Authorization": f"Bearer {self._key}"},
            timeout=_LONGEST_SECONDS,
        ) as client:
            answer = client.post(
                "/statements",
                files={"file": ("so-phu.csv", self._content, "text/csv")},
                data={"account": self._account, "mapping": "lephi-basic"},
                headers={"Idempotency-Key": f"{begun}-{id(self)}"},
            )
            self._told = answer.json()
            while self._told.get("status") == "taking" and not self._given_up:
                time.sleep(_ASKED_EVERY)
                self._told = client.get(f"/statements/{self._told['id']}").json()
        self.seconds = time.perf_counter() - begun

    def check(self) -> None:
        """Raise RuntimeError unless every row was taken in."""
        self.join()
        if (self._told.get("statement") or {}).get("new") != self._rows:
            raise RuntimeError(f"the statement was not taken in: {str(self._told)[:500]}")


async def _office(settings: Settings) -> tuple[str, str]:
    """A key that loads statements, and the account of the body."""
    async with parts_of(settings) as parts, parts.database.transaction() as session:
        body = await seed_body(session)
        _, key = await create_api_key(
            session, agency_id=body.agency_id, label="office", scopes=[Scope.STATEMENTS]
        )
        return key, body.collection_code


def statement_rows(turn: int, size: int) -> Iterator[str]:
    """A busy month's lines, those of each turn others than before."""
    begin = datetime(2026, 10, 1, 1, tzinfo=UTC) + timedelta(days=turn)
    for number in range(size):
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
