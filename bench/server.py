"""A database server of a benchmark's own, as durable as in production."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.embedded.supervisor import EmbeddedDatabase


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
