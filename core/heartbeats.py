"""Signs of life: a worker leaves one every few seconds, so that others see when none works.

Payments need no worker, receipts do: without these nobody would notice that it has stopped but the
payers who wait. Several workers may run; the newest sign counts, whoever left it. Signs are left
and judged by the database's clock: those of the machines may differ.
"""

from datetime import datetime, timedelta

from sqlalchemy import DateTime, Interval, cast, delete, func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Field, SQLModel, col, select

from core.db import moment
from core.sessions import ReadSession, WriteSession

#: How often a worker leaves a sign, in seconds; several fit into `SILENCE`.
BEAT_SECONDS = 5.0
#: After so long without a sign no worker works.
SILENCE = timedelta(seconds=30)
#: How long the sign of a worker that has ended is kept, for whoever looks when that was.
_KEPT = timedelta(days=1)

#: Now, as the database has it: not the beginning of the transaction.
_NOW = cast(func.clock_timestamp(), DateTime(timezone=True))


class Heartbeat(SQLModel, table=True):
    """The newest sign of life of one running worker."""

    __tablename__ = "heartbeat"

    worker: str = Field(primary_key=True)
    started_at: datetime = moment()
    beat_at: datetime = moment(index=True)


async def beat(session: WriteSession, worker: str) -> None:
    """Leave a sign of life of `worker`, an id it made when it started; long ended ones go."""
    sign = insert(Heartbeat).values(worker=worker, started_at=_NOW, beat_at=_NOW)
    await session.write(
        sign.on_conflict_do_update(
            index_elements=[col(Heartbeat.worker)], set_={"beat_at": sign.excluded.beat_at}
        )
    )
    # The newest stays, however old: it tells since when nobody has worked.
    newest = select(func.max(Heartbeat.beat_at)).scalar_subquery()
    await session.write(
        delete(Heartbeat).where(
            col(Heartbeat.beat_at) < _NOW - _KEPT, col(Heartbeat.beat_at) < newest
        )
    )


async def find_silence(session: ReadSession) -> timedelta | None:
    """How long ago any worker left its newest sign of life; None if none ever has."""
    ago = cast(_NOW - col(Heartbeat.beat_at), Interval)
    newest = await session.first(select(ago).order_by(col(Heartbeat.beat_at).desc()).limit(1))
    # The clock may have been put back since.
    return None if newest is None else max(newest, timedelta())


async def is_silent(session: ReadSession) -> bool:
    """Whether no worker works: nothing that happens after a commit happens any more."""
    silence = await find_silence(session)
    return silence is None or silence > SILENCE


async def count_beating(session: ReadSession) -> int:
    """How many workers have left a sign of life lately."""
    beating = select(func.count()).where(col(Heartbeat.beat_at) >= _NOW - SILENCE)
    return await session.one(beating)
