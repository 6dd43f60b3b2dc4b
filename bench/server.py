"""A database server of a benchmark's own, as durable as in production."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from app.embedded.place import prepare
from app.embedded.supervisor import EmbeddedDatabase
from bench.small_disk import SmallDisk, small_disk

#: A small disk is for rows; by itself the log of changes would take a gigabyte.
_LITTLE_LOG = (
    "ALTER SYSTEM SET max_wal_size = '96MB'",
    "ALTER SYSTEM SET min_wal_size = '32MB'",
    "SELECT pg_reload_conf()",
)


@contextmanager
def durable_server() -> Iterator[tuple[EmbeddedDatabase, Path]]:
    """The server, running, and a folder for what else is needed; both are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="lephi-bench-") as folder:
        server = EmbeddedDatabase(Path(folder) / "database", durable=True)
        with server:
            try:
                yield server, Path(folder)
            finally:
                server.remove()


@contextmanager
def server_on_small_disk(folder: Path, mib: int) -> Iterator[tuple[EmbeddedDatabase, SmallDisk]]:
    """A durable server in `folder`, running, on a disk of its own that can be filled up.

    Raises `MountRefused` where we may mount nothing.
    """
    server = EmbeddedDatabase(folder, durable=True)
    with ExitStack() as stack:
        home = prepare(folder, durable=True).home
        stack.callback(shutil.rmtree, home, ignore_errors=True)  # what the disk had hidden
        disk = stack.enter_context(small_disk(home, mib))
        stack.callback(server.remove)
        server.start()
        with server.connect() as connection:
            for statement in _LITTLE_LOG:
                connection.execute(statement.encode())
        yield server, disk
