"""A PgBouncer of a test's own, in transaction mode, on a free port of this machine."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url

from tests.support.machine import needs

#: How many server connections all its clients share: few, so that transactions do change them.
CONNECTIONS = 2

_SETTINGS = """
[databases]
{database} = host={host} port={port} user={user} dbname={database}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen_port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 200
logfile = {folder}/pgbouncer.log
"""


@contextmanager
def pooled(url: str) -> Iterator[str]:
    """The address of the same database through a pooler; skipped where there is no PgBouncer."""
    program = needs("pgbouncer")
    server = make_url(url)
    host, port = str(server.query["host"]), str(server.query["port"])
    folder = Path(tempfile.mkdtemp(prefix="lephi-pooler-"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listen_port = free.getsockname()[1]
    told = {"database": server.database, "host": host, "port": port, "user": server.username}
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        _SETTINGS.format(**told, listen_port=listen_port, connections=CONNECTIONS, folder=folder)
    )
    # It does not run as root, and the server's socket is open to the server's own account alone.
    account = Path(host).stat().st_uid
    os.chown(folder, account, -1)
    os.chown(settings, account, -1)
    running = subprocess.Popen(
        [program, str(settings)],
        user=account,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _until_it_listens(running, listen_port, folder / "pgbouncer.log")
        yield f"postgresql+psycopg://{server.username}@127.0.0.1:{listen_port}/{server.database}"
    finally:
        running.terminate()
        running.wait(timeout=10)
        shutil.rmtree(folder, ignore_errors=True)


def _until_it_listens(running: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    for _ in range(5000):
        with socket.socket() as trying:
            trying.settimeout(1)
            if trying.connect_ex(("127.0.0.1", port)) == 0:
                return
        if running.poll() is not None:
            break
    raise AssertionError(f"PgBouncer did not start: {log.read_text() if log.exists() else ''}")
