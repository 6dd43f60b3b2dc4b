"""The outbox: what must happen after a commit, written down in that same commit.

`emit` writes the event and one delivery row for each handler that subscribed, so nothing is lost
between commit and doing. A worker leases deliveries (`claim`), runs the handler and marks them
done in the handler's own transaction (`complete`): what the handler wrote and the mark stand or
fall together. A delivery that keeps failing is set aside, shown to the operator and can be
replayed. An event nobody subscribed to is not stored: the audit log is the history.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Identity, Index, text
from sqlmodel import Field, SQLModel

from core import clock
from core.db import json_field, moment
from core.errors import Conflict
from core.events import Event, Subscriptions
from core.json import canonical
from core.sessions import WriteSession

LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 8


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


async def emit(session: WriteSession, event: Event) -> None:
    """Write the event and its deliveries in the caller's transaction."""
    subscriptions: Subscriptions = session.info["subscriptions"]
    handlers = subscriptions.handlers_of(event.name)
    if not handlers:
        return
    now = clock.now()
    await session.execute(
        text(
            "WITH e AS (INSERT INTO outbox_event (name, version, payload, created_at)"
            " VALUES (:name, :version, CAST(:payload AS jsonb), :now) RETURNING id)"
            " INSERT INTO outbox_delivery (event_id, handler, state, attempts, due_at)"
            " SELECT e.id, h, 'waiting', 0, :now FROM e, unnest(CAST(:handlers AS text[])) AS h"
        ),
        {
            "name": event.name,
            "version": event.version,
            "payload": canonical(event.payload()).decode(),
            "now": now,
            "handlers": list(handlers),
        },
    )


async def claim(session: WriteSession, handler: str, limit: int) -> list[Delivery]:
    """Lease up to `limit` due deliveries of one handler, oldest first; commit before working.

    Two workers never get the same delivery (SKIP LOCKED); a lease that ran out is given again.
    """
    now = clock.now()
    rows = await session.execute(
        text(
            "WITH due AS (SELECT event_id FROM outbox_delivery"
            "  WHERE handler = :handler AND state = 'waiting' AND due_at <= :now"
            "    AND (leased_until IS NULL OR leased_until <= :now)"
            "  ORDER BY event_id LIMIT :limit FOR UPDATE SKIP LOCKED),"
            " leased AS (UPDATE outbox_delivery d"
            "  SET leased_until = :until, attempts = attempts + 1"
            "  FROM due WHERE d.event_id = due.event_id AND d.handler = :handler"
            "  RETURNING d.event_id, d.attempts)"
            " SELECT e.id, l.attempts, e.name, e.version, e.payload"
            " FROM leased l JOIN outbox_event e ON e.id = l.event_id ORDER BY e.id"
        ),
        {"handler": handler, "now": now, "until": now + LEASE, "limit": limit},
    )
    return [Delivery(r.id, handler, r.attempts, r.name, r.version, r.payload) for r in rows]


async def complete(session: WriteSession, deliveries: Sequence[Delivery]) -> None:
    """Mark deliveries done in the handler's own transaction.

    Raises `LeaseLost` if any of them is no longer ours, so that the whole transaction goes.
    """
    if not deliveries:
        return
    result = await session.execute(
        text(
            "UPDATE outbox_delivery d SET state = 'done', done_at = :now, leased_until = NULL"
            " FROM unnest(CAST(:ids AS bigint[]), CAST(:attempts AS int[])) AS k(id, attempts)"
            " WHERE d.event_id = k.id AND d.handler = :handler AND d.state = 'waiting'"
            "   AND d.attempts = k.attempts RETURNING d.event_id"
        ),
        {
            "now": clock.now(),
            "ids": [d.event_id for d in deliveries],
            "attempts": [d.attempts for d in deliveries],
            "handler": deliveries[0].handler,
        },
    )
    if len(result.all()) != len(deliveries):
        raise LeaseLost("Another worker holds one of these deliveries.")


async def fail(session: WriteSession, delivery: Delivery, error: str) -> bool:
    """Note a failure: due again after a growing pause, or set aside; True when set aside."""
    aside = delivery.attempts >= MAX_ATTEMPTS
    pause = timedelta(seconds=min(2.0**delivery.attempts, 600.0))
    await session.execute(
        text(
            "UPDATE outbox_delivery SET state = :state, due_at = :due, leased_until = NULL,"
            " last_error = :error WHERE event_id = :id AND handler = :handler"
            " AND state = 'waiting' AND attempts = :attempts"
        ),
        {
            "state": "set_aside" if aside else "waiting",
            "due": clock.now() + pause,
            "error": error[:500],
            "id": delivery.event_id,
            "handler": delivery.handler,
            "attempts": delivery.attempts,
        },
    )
    return aside


async def list_set_aside(session: WriteSession) -> list[dict[str, Any]]:
    """Deliveries an operator has to look at, oldest first."""
    rows = await session.execute(
        text(
            "SELECT d.event_id, d.handler, e.name, d.attempts, d.last_error, e.created_at"
            " FROM outbox_delivery d JOIN outbox_event e ON e.id = d.event_id"
            " WHERE d.state = 'set_aside' ORDER BY d.event_id"
        )
    )
    return [dict(row._mapping) for row in rows]


async def replay(session: WriteSession, event_id: int | None = None) -> int:
    """Put deliveries that were set aside (one event's, or all) back in the queue; how many."""
    result = await session.execute(
        text(
            "UPDATE outbox_delivery SET state = 'waiting', attempts = 0, due_at = :now,"
            " leased_until = NULL WHERE state = 'set_aside'"
            " AND (CAST(:id AS bigint) IS NULL OR event_id = :id) RETURNING event_id"
        ),
        {"now": clock.now(), "id": event_id},
    )
    return len(result.all())
