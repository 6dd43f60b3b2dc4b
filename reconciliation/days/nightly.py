"""Days reconciled by themselves: each day of each account once, whoever stops in between.

A night is claimed by one worker, which leaves signs of life; the transaction that stores its run
says that it is done, and refuses where somebody else has claimed it meanwhile. So a worker that is
killed leaves a night that another takes up, and one that was only held up stores nothing. What
fails is tried again, later and later, and people are alerted; nights that nobody worked are made
up for when somebody does.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, or_, select

from core import audit, clock, failpoints
from core.calendar import Calendar
from core.days import day_text
from core.db import Database, DatabaseUnavailable
from core.errors import Conflict, LephiError
from core.ids import new_id
from core.log import get
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.agencies.queries import CollectionAccountValue
from reconciliation.context import ReconciliationContext
from reconciliation.days.commands import reconcile
from reconciliation.days.nightly_models import NightlyRun
from reconciliation.days.nights import NightlyDay, due_days
from reconciliation.days.schedules import list_scheduled
from reconciliation.runs import DayClosed

log = get(__name__)

#: Who reconciles at night, as the audit log names them.
ACTOR: Final = "system:nightly"
#: How often a worker leaves a sign on what it is doing, and after how long without one it is gone.
BEAT_SECONDS: Final = 5.0
SILENCE: Final = timedelta(seconds=60)
#: After so many failures people are alerted; it is tried on all the same.
ALERT_AFTER: Final = 3
#: How long a day may be due before that is a fault.
_PATIENCE: Final = timedelta(hours=2)
_FIRST_PAUSE: Final = timedelta(minutes=1)
_LONGEST_PAUSE: Final = timedelta(hours=1)


class NightTaken(Conflict):
    """Another worker has taken this night over: nothing of ours is stored."""

    code = "night_taken"


@dataclass(frozen=True, slots=True)
class NightValue:
    """A night that is not done: due, running or waiting for another try."""

    account: str
    business_on: date
    due_at: datetime
    state: str
    tries: int
    error: str | None


@dataclass(frozen=True, slots=True)
class _StoredNight:
    collection_account_id: str
    business_on: date
    state: str
    tries: int
    error: str | None


@dataclass(frozen=True, slots=True)
class _Due:
    account: CollectionAccountValue
    day: NightlyDay


async def run_due(reconciling: ReconciliationContext) -> int:
    """Reconcile the oldest day that is due and free; how many were, 0 or 1."""
    async with reconciling.database.reading() as session:
        due = await _list_due(session, reconciling.calendar)
    for one in due:
        claim = await _claim(reconciling.database, one.day)
        if claim is not None:
            failpoints.hit("nightly.after_claim")
            await _run(reconciling, one, claim)
            return 1
    return 0


async def list_open_nights(session: ReadSession, calendar: Calendar) -> list[NightValue]:
    """The nights that are due and not done, the oldest first."""
    stored = {
        (night.collection_account_id, night.business_on): night
        for night in await session.all(
            values_of(_StoredNight, NightlyRun).where(col(NightlyRun.state) != "done")
        )
    }
    found = []
    for one in await _list_due(session, calendar):
        night = stored.get((one.account.id, one.day.business_on))
        found.append(
            NightValue(
                account=one.account.code,
                business_on=one.day.business_on,
                due_at=one.day.due_at,
                state="due" if night is None else night.state,
                tries=0 if night is None else night.tries,
                error=None if night is None else night.error,
            )
        )
    return found


async def find_missed_nights(session: ReadSession, calendar: Calendar) -> str | None:
    """What to say of nights that are due for too long, naming the oldest; None of none."""
    now = clock.now()
    nights = await list_open_nights(session, calendar)
    missed = [one for one in nights if now - one.due_at > _PATIENCE]
    if not missed:
        return None
    first = missed[0]
    why = f", {first.error} after {first.tries} tries" if first.error else ""
    told = f"{len(missed)} missed, since {day_text(first.business_on)} of {first.account}{why}"
    return f"{told} (lephi reconcile nights)"


async def _list_due(session: ReadSession, calendar: Calendar) -> list[_Due]:
    """Every day that is due and not done, the oldest first."""
    now = clock.now()
    due = [
        _Due(one.account, day)
        for one in await list_scheduled(session)
        for day in due_days(one.account.id, one.account.cut_off, one.times, calendar, now)
    ]
    if not due:
        return []
    first = min(one.day.business_on for one in due)
    done = set(
        await session.all(
            values_of(_DoneNight, NightlyRun).where(
                col(NightlyRun.state) == "done", col(NightlyRun.business_on) >= first
            )
        )
    )
    left = [one for one in due if _DoneNight(one.account.id, one.day.business_on) not in done]
    return sorted(left, key=lambda one: (one.day.due_at, one.day.business_on, one.account.code))


@dataclass(frozen=True, slots=True)
class _DoneNight:
    collection_account_id: str
    business_on: date


async def _claim(database: Database, day: NightlyDay) -> str | None:
    """Make a night ours; the name it is ours by, None where it is somebody's or has to wait."""
    now, claim = clock.now(), new_id("night")
    row = {
        "collection_account_id": day.collection_account_id,
        "business_on": day.business_on,
        "due_at": day.due_at,
        "state": "running",
        "claimed_by": claim,
        "beat_at": now,
        "tries": 1,
        "next_try_at": now,
    }
    new = insert(NightlyRun).values(row)
    taken = new.on_conflict_do_update(
        index_elements=[col(NightlyRun.collection_account_id), col(NightlyRun.business_on)],
        set_={
            "state": "running",
            "claimed_by": claim,
            "beat_at": now,
            "tries": col(NightlyRun.tries) + 1,
        },
        where=or_(
            (col(NightlyRun.state) == "waiting") & (col(NightlyRun.next_try_at) <= now),
            (col(NightlyRun.state) == "running") & (col(NightlyRun.beat_at) < now - SILENCE),
        ),
    )

    async def take(session: WriteSession) -> int:
        return await session.write(taken)

    return claim if await database.run(take) else None


def _ours(day: NightlyDay, claim: str) -> tuple[ColumnElement[bool], ...]:
    return (
        col(NightlyRun.collection_account_id) == day.collection_account_id,
        col(NightlyRun.business_on) == day.business_on,
        col(NightlyRun.claimed_by) == claim,
        col(NightlyRun.state) == "running",
    )


async def _run(reconciling: ReconciliationContext, due: _Due, claim: str) -> None:
    async def done(session: WriteSession, run_id: str | None) -> None:
        ended = update(NightlyRun).where(*_ours(due.day, claim))
        told = {"state": "done", "reconciliation_id": run_id, "done_at": clock.now()}
        if not await session.write(ended.values(error=None, **told)):
            raise NightTaken("Đêm này đã có tiến trình khác đối chiếu.")
        failpoints.hit("nightly.before_commit")

    on = due.day.business_on
    async with _beating(reconciling.database, due.day, claim):
        try:
            await reconcile(reconciling, due.account, on, actor=ACTOR, noting=done)
        except DayClosed:
            await reconciling.database.run(lambda session: done(session, None))
        except NightTaken:
            log.warning("night taken over", account=due.account.code, day=str(on))
        except DatabaseUnavailable:
            raise  # it is nobody's once its signs stop, and whoever comes first takes it up
        except Exception as error:  # noqa: BLE001  whatever it is, it is noted and tried again
            await _note_failure(reconciling.database, due, claim, error)


async def _note_failure(database: Database, due: _Due, claim: str, error: Exception) -> None:
    reason = error.code if isinstance(error, LephiError) else type(error).__name__
    log.error("night failed", account=due.account.code, day=str(due.day.business_on), reason=reason)

    async def note(session: WriteSession) -> None:
        ours = _ours(due.day, claim)
        tries = await session.first(select(NightlyRun.tries).where(*ours))
        if tries is None:
            return
        pause = min(_FIRST_PAUSE * 2 ** (tries - 1), _LONGEST_PAUSE)
        told = {"state": "waiting", "error": reason, "next_try_at": clock.now() + pause}
        await session.write(update(NightlyRun).where(*ours).values(told))
        if tries == ALERT_AFTER:
            await audit.record(
                session,
                actor=ACTOR,
                action="nightly.failed",
                object_id=due.account.id,
                details={"date": due.day.business_on.isoformat(), "tries": tries, "error": reason},
            )

    await database.run(note)


@asynccontextmanager
async def _beating(database: Database, day: NightlyDay, claim: str) -> AsyncIterator[None]:
    """Leave signs of life on a night for as long as the block takes."""
    task = asyncio.create_task(_beat(database, day, claim))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _beat(database: Database, day: NightlyDay, claim: str) -> None:
    while True:
        await asyncio.sleep(BEAT_SECONDS)
        sign = update(NightlyRun).where(*_ours(day, claim)).values(beat_at=clock.now())
        with suppress(DatabaseUnavailable):  # the next one may come through
            async with database.transaction() as session:
                await session.write(sign)
