"""Signs of life of workers, as if some had run."""

from datetime import timedelta

from sqlalchemy import delete, insert

from core import clock
from core.db import Database
from core.heartbeats import Heartbeat

#: A test takes as long as it takes: the sign of a worker that works throughout is of later.
WORKING = timedelta(days=-1)
STOPPED = timedelta(seconds=45)


async def leave_signs(database: Database, **silences: timedelta) -> None:
    """Of each worker that is named, its newest sign so long ago; of all others none."""
    now = clock.now()
    async with database.transaction() as session:
        await session.write(delete(Heartbeat))
        for worker, silence in silences.items():
            sign = {"worker": worker, "started_at": now - silence, "beat_at": now - silence}
            await session.write(insert(Heartbeat).values(**sign))
