"""Database connections whose server process has stopped in the middle of everything."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.db import Database
from core.statements import ReadSql

_OTHERS = ReadSql(
    int,
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
    " AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
)


@asynccontextmanager
async def frozen(url: str) -> AsyncIterator[None]:
    """Stop whoever serves the connections that are open to this database now; go on at the end."""
    own = Database(url, pool_size=1)
    async with own.reading() as session:
        pids = await session.all(_OTHERS)
    await own.dispose()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
