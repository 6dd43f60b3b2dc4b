"""The tests' own ground: a database for each, no server left over, no way out to the network."""

import importlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, inspect, make_url, text

from app.embedded.leftovers import wait_until
from app.embedded.place import EmbeddedDatabaseFailed, prepare
from app.embedded.supervisor import EmbeddedDatabase
from core.db import Database
from tests.conftest import has_browser
from tests.support.database import PostgresServer, end_the_server, the_server
from tests.support.machine import needs
from tests.support.network import NetworkBlocked, is_local
from tests.support.rows import contents

ROOT = Path(__file__).resolve().parents[2]
SOON = 30.0
_LEADER = """
import os, sys
from pathlib import Path
from tests.support.database import the_server
the_server(Path(sys.argv[1]), int(sys.argv[2]) or os.getpid())
print("ready", flush=True)
sys.stdin.read()
"""


@contextmanager
def asking_for_a_server(run: Path, leader: int = 0) -> Iterator[subprocess.Popen[str]]:
    """A process that has asked for the run's server and waits; it leads the run itself on 0."""
    with subprocess.Popen(
        [sys.executable, "-c", _LEADER, str(run), str(leader)],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "LEPHI_TEST_POSTGRES"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


def is_gone(pid: int) -> Callable[[], bool]:
    """Whether a process has ended, buried or not."""

    def gone() -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
        except FileNotFoundError:
            return True

    return gone


def connection_to(url: str) -> psycopg.Connection[tuple[object, ...]]:
    """A connection that commits when its block ends."""
    return psycopg.connect(make_url(url).set(drivername="postgresql").render_as_string())


def supervisor_and_server(run: Path) -> tuple[int, int]:
    """The pids of the run's supervisor and of its PostgreSQL."""
    told = json.loads((run / "server.json").read_text())
    folder = Path(str(make_url(told["url"]).query["host"]))
    postgres = int((folder / ".s.PGSQL.5432.lock").read_text().splitlines()[0])
    return told["pid"], postgres


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a test run of its own."""
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


def test_a_killed_test_run_leaves_neither_a_server_nor_files(run: Path) -> None:
    with asking_for_a_server(run) as leader:
        supervisor, postgres = supervisor_and_server(run)
        assert not is_gone(supervisor)()
        assert not is_gone(postgres)()
        leader.kill()
        leader.wait()
        for pid in (supervisor, postgres):
            assert wait_until(is_gone(pid), SOON)
    assert wait_until(lambda: not run.exists(), SOON)


def test_a_killed_worker_leaves_the_server_to_the_others(run: Path) -> None:
    with asking_for_a_server(run, leader=os.getpid()) as worker:
        supervisor, postgres = supervisor_and_server(run)
        worker.kill()
        worker.wait()
    server = the_server(run, os.getpid())
    with server.database() as url:
        assert url.startswith("postgresql+psycopg://")
    assert supervisor_and_server(run) == (supervisor, postgres)
    end_the_server(run)
    assert is_gone(supervisor)()
    assert is_gone(postgres)()


def test_a_killed_supervisor_takes_the_server_with_it(run: Path) -> None:
    with asking_for_a_server(run):
        supervisor, postgres = supervisor_and_server(run)
        os.kill(supervisor, signal.SIGKILL)
        assert wait_until(is_gone(postgres), SOON)
    shutil.rmtree(prepare(run / "database", durable=False).home)


def test_each_test_has_a_migrated_database_of_its_own(
    postgres_server: PostgresServer, database_url: str
) -> None:
    with postgres_server.database() as other:
        assert other != database_url
        for url in (database_url, other):
            engine = create_engine(url)
            with engine.begin() as connection:
                assert "alembic_version" in inspect(connection).get_table_names()
                connection.execute(text("CREATE TABLE only_here ()"))
            engine.dispose()
    name = make_url(other).database
    with connection_to(database_url) as c:
        assert c.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone() is None


def test_a_template_is_filled_once_in_a_run_and_its_copies_are_apart(
    postgres_server: PostgresServer,
) -> None:
    name = f"template_{uuid.uuid4().hex}"
    filled: list[str] = []

    def fill(url: str) -> str:
        filled.append(url)
        with connection_to(url) as connection:
            connection.execute("CREATE TABLE word AS SELECT 'a' AS said")
        return "told"

    assert [postgres_server.template(name, fill) for _ in range(2)] == ["told", "told"]
    assert len(filled) == 1
    with postgres_server.database(name) as one, postgres_server.database(name) as other:
        with connection_to(one) as connection:
            connection.execute("DELETE FROM word")
        with connection_to(other) as connection:
            assert connection.execute("SELECT said FROM word").fetchall() == [("a",)]


def test_a_template_that_could_not_be_filled_is_begun_anew(
    postgres_server: PostgresServer,
) -> None:
    name = f"template_{uuid.uuid4().hex}"

    def break_off(url: str) -> str:
        with connection_to(url) as connection:
            connection.execute("CREATE TABLE half ()")
        raise InterruptedError

    with pytest.raises(InterruptedError):
        postgres_server.template(name, break_off)
    assert postgres_server.template(name, lambda url: "whole") == "whole"
    with postgres_server.database(name) as url, connection_to(url) as connection:
        assert connection.execute("SELECT to_regclass('half')").fetchone() == (None,)


def test_an_empty_database_has_no_tables(empty_database_url: str) -> None:
    engine = create_engine(empty_database_url)
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == []
    engine.dispose()


async def test_whatever_is_written_is_seen_in_a_table_that_was_empty_too(
    database: Database,
) -> None:
    before = await contents(database)
    assert before["wrong_guess"][0] == 0
    seen = [before]
    for statement in (
        "INSERT INTO wrong_guess (subject, at) VALUES ('a', now())",
        "UPDATE wrong_guess SET subject = 'b'",
        "DELETE FROM wrong_guess",
    ):
        async with database.transaction() as session:
            await session.execute(text(statement))
        seen.append(await contents(database))
    assert len({one["wrong_guess"] for one in seen}) == 3
    assert seen[-1] == before, "a table that has had rows is as empty as any"
    others = [{name: told for name, told in one.items() if name != "wrong_guess"} for one in seen]
    assert others == [others[0]] * 4


def test_debians_postgresql_runs_in_the_same_place_and_refuses_the_wheels_data(
    tmp_path: Path,
) -> None:
    folder = Path(needs("postgresql-15")).parent
    with (
        EmbeddedDatabase(tmp_path / "15", durable=False, programs=folder) as database,
        database.connect("lephi") as connection,
    ):
        assert connection.info.server_version // 10_000 == 15
    database.remove()
    with EmbeddedDatabase(tmp_path / "wheel", durable=False) as wheels:
        pass
    with pytest.raises(EmbeddedDatabaseFailed, match="dump and restore"):
        EmbeddedDatabase(tmp_path / "wheel", durable=False, programs=folder).start()
    wheels.remove()


@pytest.mark.parametrize("address", [("192.0.2.1", 443), ("2001:db8::1", 1)])
def test_a_connection_to_elsewhere_is_refused(address: tuple[str, int]) -> None:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as sock, pytest.raises(NetworkBlocked):
        sock.connect(address)


def test_not_even_a_name_of_elsewhere_is_looked_up() -> None:
    with pytest.raises(NetworkBlocked):
        socket.getaddrinfo("example.com", 443)
    with socket.socket(type=socket.SOCK_DGRAM) as sock, pytest.raises(NetworkBlocked):
        sock.sendto(b"?", ("192.0.2.1", 53))


def test_this_machine_can_be_reached() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        assert client.getpeername() == server.getsockname()
    assert all(is_local(host) for host in ("127.0.0.1", "::1", "localhost", "shop.localhost", None))
    assert not any(is_local(host) for host in ("10.0.0.1", "127.0.0.1.example", b"example.com"))


@pytest.mark.parametrize(
    ("module", "answer"),
    [
        ("tests.journeys.test_pages", True),
        ("tests.integration.test_sandbox_pages", True),
        ("tests.api.test_pages", False),
        (__name__, False),
    ],
)
def test_a_browsers_tests_are_known(module: str, answer: bool) -> None:
    assert has_browser(importlib.import_module(module)) is answer


def test_no_other_test_is_tried_again(request: pytest.FixtureRequest) -> None:
    """Each would ask the leader of the run whether it may, which takes longer than most tests."""
    assert request.node.get_closest_marker("flaky") is None
    assert not request.config.getoption("--reruns")
