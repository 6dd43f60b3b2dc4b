"""The outbox: what must happen after a commit, written down in that same commit.

`emit` writes the event and one delivery row for each handler that subscribed, so nothing is lost
between commit and doing. A worker leases deliveries (`claim`), runs the handler and marks them
done in the handler's own transaction (`complete`): what the handler wrote and the mark stand or
fall together. A delivery that keeps failing is set aside, shown to the operator and can be
replayed. An event nobody subscribed to is not stored: the audit log is the history.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    String,
    Update,
    cast,
    exists,
    func,
    literal_column,
    text,
    update,
)
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from core import clock
from core.clocks import MOST_APART
from core.db import json_field, moment
from core.errors import Conflict
from core.events import Event, Subscriptions
from core.json import canonical
from core.sessions import ReadSession, WriteSession
from core.statements import WriteSql, load_sql, values_of

LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 8
_LONGEST_PAUSE = timedelta(minutes=10)


class OutboxEvent(SQLModel, table=True):
    """A fact, as it was told."""

    __tablename__ = "outbox_event"

    id: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True)
    )
    name: str
    version: int
    payload: dict[str, Any] = json_field()
    created_at: datetime = moment()


class OutboxDelivery(SQLModel, table=True):
    """One handler's copy of an event: waiting, done, or set aside after too many failures."""

    __tablename__ = "outbox_delivery"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'done', 'set_aside')", name="state"),
        Index(
            "ix_outbox_delivery_waiting",
            "handler",
            "due_at",
            "event_id",
            postgresql_where=text("state = 'waiting'"),
        ),
        Index(
            "ix_outbox_delivery_set_aside",
            "event_id",
            postgresql_where=text("state = 'set_aside'"),
        ),
    )

    event_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey("outbox_event.id"), primary_key=True)
    )
    handler: str = Field(primary_key=True)
    state: str = "waiting"
    attempts: int = 0
    due_at: datetime = moment()
    leased_until: datetime | None = moment(default=None)
    last_error: str | None = None
    done_at: datetime | None = moment(default=None)


class LeaseLost(Conflict):
    """Another worker has taken the delivery over: this one's work must not be committed."""

    code = "outbox_lease_lost"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A leased delivery; `attempts` counts this one and is the lease's token."""

    event_id: int
    handler: str
    attempts: int
    name: str
    version: int
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SetAsideDelivery:
    """A delivery that failed too often, for an operator to look at."""

    event_id: int
    handler: str
    name: str
    attempts: int
    last_error: str | None
    created_at: datetime


_SQL = load_sql("core", "outbox")
#: Writes an event and its deliveries in one round trip; gives how many deliveries.
_EMIT = WriteSql(int, _SQL["emit"])
#: Leases due deliveries and gives them.
_CLAIM = WriteSql(Delivery, _SQL["claim"])
#: Marks deliveries done that are still leased as they were claimed; gives how many.
_COMPLETE = WriteSql(int, _SQL["complete"])


async def emit(session: WriteSession, event: Event) -> None:
    """Write the event and its deliveries in the caller's transaction."""
    subscriptions: Subscriptions = session.info["subscriptions"]
    handlers = subscriptions.handlers_of(event.name)
    if not handlers:
        return
    told = {
        "name": event.name,
        "version": event.version,
        "payload": canonical(event.payload()).decode(),
        "now": clock.now(),
        "handlers": list(handlers),
    }
    await session.write(_EMIT, told)


async def claim(session: WriteSession, handler: str, limit: int) -> list[Delivery]:
    """Lease up to `limit` due deliveries of one handler, oldest first; commit before working.

    Two workers never get the same delivery (SKIP LOCKED); a lease that ran out is given again, and
    so is one that a clock put forward has dated further ahead than leases go.
    """
    now = clock.now()
    wanted = {
        "handler": handler,
        "now": now,
        "until": now + LEASE,
        "latest_due": now + _LONGEST_PAUSE + MOST_APART,
        "latest_lease": now + LEASE + MOST_APART,
        "limit": limit,
    }
    return await session.write_all(_CLAIM, wanted)


async def list_waiting(session: ReadSession, handlers: Collection[str]) -> set[str]:
    """Those of the handlers that something waits for, due or not."""
    return set(await session.all(_waiting(handlers)))


def _waiting(handlers: Collection[str]) -> SelectOfScalar[str]:
    """One look into the index of what waits for each: a hundred thousand may wait for one."""
    name = func.unnest(cast(list(handlers), ARRAY(String))).column_valued("name")
    # Written out, for a plan that were to fit any state could not use that index.
    waits = col(OutboxDelivery.state) == literal_column("'waiting'")
    return select(name).where(exists().where(waits, col(OutboxDelivery.handler) == name))


async def complete(session: WriteSession, deliveries: Sequence[Delivery]) -> None:
    """Mark deliveries done in the handler's own transaction.

    Raises `LeaseLost` if any of them is no longer ours, so that the whole transaction goes.
    """
    if not deliveries:
        return
    done = {
        "now": clock.now(),
        "ids": [d.event_id for d in deliveries],
        "attempts": [d.attempts for d in deliveries],
        "handler": deliveries[0].handler,
    }
    if await session.write(_COMPLETE, done) != len(deliveries):
        raise LeaseLost("Another worker holds one of these deliveries.")


async def fail(session: WriteSession, delivery: Delivery, error: str) -> bool:
    """Note a failure: due again after a growing pause, or set aside; True when set aside."""
    aside = delivery.attempts >= MAX_ATTEMPTS
    pause = min(timedelta(seconds=2.0**delivery.attempts), _LONGEST_PAUSE)
    failed = (
        update(OutboxDelivery)
        .where(
            col(OutboxDelivery.event_id) == delivery.event_id,
            col(OutboxDelivery.handler) == delivery.handler,
            col(OutboxDelivery.state) == "waiting",
            col(OutboxDelivery.attempts) == delivery.attempts,
        )
        .values(
            state="set_aside" if aside else "waiting",
            due_at=clock.now() + pause,
            leased_until=None,
            last_error=error[:500],
        )
    )
    await session.write(failed)
    return aside


async def list_set_aside(
    session: ReadSession, owners: Collection[str] | None = None, limit: int | None = None
) -> list[SetAsideDelivery]:
    """Deliveries an operator has to look at, oldest first, at most `limit`; None for all.

    Of events whose `agency_id` is one of the `owners`, None for all.
    """
    aside = (
        values_of(SetAsideDelivery, OutboxDelivery, OutboxEvent)
        .join(OutboxEvent, col(OutboxEvent.id) == OutboxDelivery.event_id)
        .where(OutboxDelivery.state == "set_aside")
        .order_by(col(OutboxDelivery.event_id), col(OutboxDelivery.handler))
        .limit(limit)
    )
    if owners is not None:
        aside = aside.where(col(OutboxEvent.payload)["agency_id"].astext.in_(owners))
    return await session.all(aside)


async def replay(session: WriteSession, event_id: int | None = None) -> int:
    """Put deliveries that were set aside (one event's, or all) back in the queue; how many."""
    back = _back_in_the_queue()
    if event_id is not None:
        back = back.where(col(OutboxDelivery.event_id) == event_id)
    return await session.write(back)


async def replay_told(session: WriteSession, event: Event) -> int:
    """Put back what was set aside of this very event, whenever it was told; how many."""
    told = exists().where(
        col(OutboxEvent.id) == col(OutboxDelivery.event_id),
        col(OutboxEvent.name) == event.name,
        col(OutboxEvent.payload) == event.payload(),
    )
    return await session.write(_back_in_the_queue().where(told))


def _back_in_the_queue() -> Update:
    again = {"state": "waiting", "attempts": 0, "due_at": clock.now(), "leased_until": None}
    return update(OutboxDelivery).where(col(OutboxDelivery.state) == "set_aside").values(again)
