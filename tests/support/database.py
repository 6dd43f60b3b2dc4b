"""Databases for tests: one server for the whole run, a fresh database for each test.

The server is started when the first test asks for it, by whichever worker that is; a run without
such tests pays nothing. A test's database is a copy of a template: the empty schema, or one that
was filled once for the whole run. LEPHI_TEST_POSTGRES names a folder of PostgreSQL's programs to
run the suite on another version.
"""

import fcntl
import json
import os
import select
import signal
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from tests.support.database_server import TEMPLATE

#: PostgreSQL's own, without any schema of ours.
EMPTY = "template0"
_ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """The run's server. `pattern` is a SQLAlchemy URL with `{database}` for the name; `run` is the
    folder that the workers of the run share."""

    pattern: str
    run: Path

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of one of its databases."""
        return self.pattern.replace("{database}", database)

    @contextmanager
    def database(self, template: str = TEMPLATE) -> Iterator[str]:
        """The URL of a new copy of `template`, dropped afterwards, whoever is still connected."""
        name = f"test_{uuid.uuid4().hex}"
        connection = self._connect()
        # Copying files beats writing them through the log: nothing here waits for the disk.
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        try:
            yield self.url(name)
        finally:
            self._connect().execute(f"DROP DATABASE {name} WITH (FORCE)")

    def template(self, name: str, fill: Callable[[str], str]) -> str:
        """Make the template `name` once in a run: migrated, and filled by `fill`, given its URL.

        What `fill` answered is told to every worker. It must leave no connection open.
        """
        told = self.run / f"{name}.told"
        with (self.run / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not told.exists():
                connection = self._connect()
                # An attempt that failed may have left its own.
                connection.execute(f"DROP DATABASE IF EXISTS {name}")
                connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
                answer = fill(self.url(name))
                self._connect().execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")
                told.write_text(answer, encoding="utf-8")
        return told.read_text(encoding="utf-8")

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """This process's connection for making and dropping databases; a new one where it broke.

        Kept, for each that begins is a process of the server's and as dear as a copy's files.
        """
        kept = _connections.get(self.pattern)
        if kept is None or kept.closed:
            url = make_url(self.url("postgres"))
            kept = _connections[self.pattern] = psycopg.connect(
                host=str(url.query["host"]),
                port=str(url.query["port"]),
                user=url.username,
                dbname=url.database,
                autocommit=True,
            )
        return kept


#: Of each server that this process has asked, by its pattern.
_connections: dict[str, psycopg.Connection[tuple[object, ...]]] = {}


def close_connections() -> None:
    """Close what was kept; afterwards the next to ask begins anew."""
    while _connections:
        _connections.popitem()[1].close()


def the_server(run: Path, leader: int) -> PostgresServer:
    """The server of the run whose folder is `run`, led by the process `leader`; started if need be.

    Raises RuntimeError with what its supervisor said, where it cannot be had.
    """
    answer = run / "server.json"
    with (run / "server.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not answer.exists():
            _start_supervisor(run, leader)
            deadline = time.monotonic() + _START_SECONDS
            while not answer.exists():
                if time.monotonic() > deadline:
                    raise RuntimeError(f"the test database did not start: {_log(run)}")
                time.sleep(0.02)
    told = json.loads(answer.read_text(encoding="utf-8"))
    if "error" in told:
        raise RuntimeError(f"the test database did not start: {told['error']}")
    # The URL was rendered as one, braces and all.
    return PostgresServer(told["url"].replace("%7Bdatabase%7D", "{database}"), run)


def end_the_server(run: Path) -> None:
    """Ask the run's supervisor to end, and wait until it has; nothing where there is none."""
    try:
        pid = json.loads((run / "server.json").read_text(encoding="utf-8"))["pid"]
        held = os.pidfd_open(pid)
    except (FileNotFoundError, ProcessLookupError):
        return
    try:
        signal.pidfd_send_signal(held, signal.SIGTERM)
        ended = select.poll()
        ended.register(held, select.POLLIN)
        ended.poll(30_000)
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
    except ProcessLookupError:
        pass
    finally:
        os.close(held)


def _start_supervisor(run: Path, leader: int) -> None:
    """Start it without tying it to this worker, which may end first."""
    log = str(run / "server.log")
    os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "tests.support.database_server", str(run), str(leader)],
        os.environ | {"PYTHONPATH": str(_ROOT)},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
    )


def _log(run: Path) -> str:
    try:
        return (run / "server.log").read_text(encoding="utf-8", errors="replace")[-2000:]
    except FileNotFoundError:
        return "(no log)"
