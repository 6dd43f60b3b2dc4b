"""The embedded PostgreSQL of the demo and the tests: one supervisor owns one server.

The supervisor starts the server, hands out its URL and stops it; other processes only receive the
URL. The server listens on a unix socket in a private folder, never on a port. The kernel ends it
when the supervisor dies, however it dies; should something stay behind all the same, the next
start on the same folder ends it first.
"""

import fcntl
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import psycopg
from sqlalchemy import URL

from app.embedded.leftovers import end_leftovers, wait_until
from app.embedded.place import EmbeddedDatabaseFailed, ServerPlace, forsaken, prepare
from app.embedded.programs import ENVIRONMENT, Programs, get_programs, run_as
from core.errors import Conflict

USER = "lephi"
_PORT = 5432  # names the socket; nothing listens on a port of that number
_LAUNCHER = Path(__file__).with_name("launch.py")
#: Starting after a crash reads the log of changes again, which takes as long as it takes.
_START_SECONDS = 120.0
_STOP = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))
_ALWAYS = {
    "listen_addresses": "",
    "port": str(_PORT),
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",  # compiling our short queries costs more than running them
}
#: For data that nobody misses after a crash: nothing waits for the disk.
_NOT_DURABLE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
}
#: Folders whose lock this process holds: the system's locks do not see two holders in one process.
_held: set[Path] = set()


class EmbeddedDatabaseInUse(Conflict):
    """Another supervisor owns the server of this folder: stop it, or use another folder."""

    code = "embedded_database_in_use"


class EmbeddedDatabase:
    """The PostgreSQL server that belongs to a data folder, from `start` to `stop`.

    With `durable=False` a crash of the machine may lose everything: for tests. `programs` names a
    folder of PostgreSQL's programs in place of the wheel's. Linux only.
    """

    def __init__(
        self, data_dir: Path, *, durable: bool = True, programs: Path | None = None
    ) -> None:
        self._data_dir = data_dir
        self._durable = durable
        self._programs = programs
        self._place: ServerPlace | None = None
        self._lock: IO[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """The server's process, None while it is not running."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def log(self) -> Path | None:
        """The server's own log of this run, None before the first start."""
        return self._place.log if self._place else None

    def url(self, database: str = "lephi") -> str:
        """The SQLAlchemy URL of a database on this server.

        Raises `EmbeddedDatabaseFailed` before the first start: the folder is not known yet.
        """
        if self._place is None:
            raise EmbeddedDatabaseFailed("the server has not been started")
        where = {"host": str(self._place.sockets), "port": str(_PORT)}
        url = URL.create("postgresql+psycopg", username=USER, database=database, query=where)
        return url.render_as_string(hide_password=False)

    def start(self) -> None:
        """Start the server and wait until it answers; the database `lephi` exists then.

        Blocks. Raises `EmbeddedDatabaseInUse` where the folder has a living supervisor, and
        `EmbeddedDatabaseFailed` with the end of the server's log where it does not come up.
        """
        if not sys.platform.startswith("linux"):
            raise EmbeddedDatabaseFailed(
                "the embedded PostgreSQL needs Linux: set LEPHI_DATABASE_URL to a server"
            )
        if self.pid is not None:
            return
        self._place = place = prepare(self._data_dir, durable=self._durable)
        self._take_lock(place)
        try:
            end_leftovers(place)
            _remove_forsaken()
            programs = get_programs(place.account, self._programs)
            self._initialise(place, programs)
            self._spawn(place, programs)
            self._wait_until_it_answers(place)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server: open transactions are rolled back, everything else is on disk after.

        Blocks; does nothing where it does not run.
        """
        if self._process is not None:
            for asked, patience in _STOP:
                if self._process.poll() is None:
                    self._process.send_signal(asked)
                    with suppress(subprocess.TimeoutExpired):
                        self._process.wait(patience)
            self._process = None
        if self._lock is not None and self._place is not None:
            if self._place.sockets.parent != self._place.home:
                shutil.rmtree(self._place.sockets, ignore_errors=True)
            _held.discard(self._place.lock)
            self._lock.close()
            self._lock = None

    def remove(self) -> None:
        """Stop the server and delete its data for good."""
        self.stop()
        if self._place is not None:
            shutil.rmtree(self._place.home, ignore_errors=True)

    def _take_lock(self, place: ServerPlace) -> None:
        """Hold the folder until `stop`, or until this process dies.

        A record lock, since those are not inherited by processes that ours forks.
        """
        # Not even opened when it is our own: closing it again would let the lock go.
        if place.lock in _held:
            raise self._in_use(str(os.getpid()))
        file = place.lock.open("a+", encoding="utf-8")
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            raise self._in_use(holder) from error
        file.seek(0)
        file.truncate()
        file.write(f"{os.getpid()}\n")
        file.flush()
        _held.add(place.lock)
        self._lock = file

    def _in_use(self, holder: str) -> EmbeddedDatabaseInUse:
        return EmbeddedDatabaseInUse(
            f"the database of {self._data_dir} is in use by process {holder}: "
            "stop it, or choose another data folder"
        )

    def _initialise(self, place: ServerPlace, programs: Programs) -> None:
        """Make the data folder on the first start; a half-made one never gets its name."""
        if place.data.exists():
            made_by = (place.data / "PG_VERSION").read_text(encoding="utf-8").strip()
            if made_by != str(programs.major):
                raise EmbeddedDatabaseFailed(
                    f"the data of {self._data_dir} is PostgreSQL {made_by}'s, "
                    f"and the programs are {programs.major}'s: dump and restore it"
                )
            return
        for half_made in place.home.glob("data.new-*"):
            shutil.rmtree(half_made, ignore_errors=True)
        # A name of its own each time: the initdb of a killed supervisor may still be writing.
        fresh = Path(tempfile.mkdtemp(prefix="data.new-", dir=place.home))
        if place.account:
            os.chown(fresh, place.account.uid, place.account.gid)
        command = [programs.path("initdb"), "-D", str(fresh), "-U", USER, "--auth=trust"]
        command += ["--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"]
        command += ["--data-checksums"] if self._durable else ["--no-sync", "--wal-segsize=1"]
        done = run_as(place.account, command)
        if done.returncode != 0:
            tail = (done.stdout + done.stderr).strip()[-2000:]
            raise EmbeddedDatabaseFailed(f"initdb failed for {place.home}:\n{tail}")
        fresh.rename(place.data)

    def _spawn(self, place: ServerPlace, programs: Programs) -> None:
        """Start the server from a thread that lives as long as it does.

        The kernel takes the death of the *thread* that started a process for its parent's death,
        and `start` may be called from a thread of a pool.
        """
        account = place.account
        settings = _ALWAYS | ({} if self._durable else _NOT_DURABLE)
        settings |= {"unix_socket_directories": str(place.sockets), "cluster_name": place.title}
        command = [sys.executable, "-I", "-S", str(_LAUNCHER)]
        command += [str(account.uid if account else -1), str(account.gid if account else -1)]
        command += [str(os.getpid()), programs.path("postgres"), "-D", str(place.data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        outcome: queue.SimpleQueue[subprocess.Popen[bytes] | OSError] = queue.SimpleQueue()

        def supervise() -> None:
            try:
                flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
                with os.fdopen(os.open(place.log, flags, 0o600), "wb") as log:
                    process = subprocess.Popen(
                        command,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                        cwd="/",
                        env=ENVIRONMENT,
                        start_new_session=True,  # Ctrl-C is the supervisor's business
                    )
            except OSError as error:
                outcome.put(error)
                return
            outcome.put(process)
            process.wait()

        threading.Thread(target=supervise, name="embedded-postgres", daemon=True).start()
        started = outcome.get()
        if isinstance(started, OSError):
            raise EmbeddedDatabaseFailed(f"the server cannot be started: {started}") from started
        self._process = started

    def _wait_until_it_answers(self, place: ServerPlace) -> None:
        """Return when the database `lephi` can be used."""
        if not wait_until(lambda: self.pid is None or self._answers(), _START_SECONDS):
            raise EmbeddedDatabaseFailed(
                f"the server did not answer within {_START_SECONDS:.0f} s:\n{_tail(place.log)}"
            )
        if self.pid is None:
            raise EmbeddedDatabaseFailed(f"the server did not start:\n{_tail(place.log)}")

    def _answers(self) -> bool:
        try:
            with self.connect() as connection:
                known = connection.execute("SELECT FROM pg_database WHERE datname = 'lephi'")
                if known.fetchone() is None:
                    connection.execute("CREATE DATABASE lephi")
        except psycopg.OperationalError:
            return False
        return True

    def connect(self, database: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        """A plain connection for what cannot be done inside a transaction (CREATE DATABASE)."""
        if self._place is None:
            raise EmbeddedDatabaseFailed("the server has not been started")
        return psycopg.connect(
            host=str(self._place.sockets),
            port=_PORT,
            user=USER,
            dbname=database,
            autocommit=True,
            connect_timeout=10,
        )


def _remove_forsaken() -> None:
    """Delete servers' folders whose data folder is gone, unless somebody still holds them."""
    for home in forsaken():
        lock = home / "supervisor.lock"
        if lock in _held:
            continue
        with suppress(OSError), lock.open("a", encoding="utf-8") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(home, ignore_errors=True)


def _tail(log: Path, lines: int = 15) -> str:
    try:
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
    except OSError:
        return "(no log)"
