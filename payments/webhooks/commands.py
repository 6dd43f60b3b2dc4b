"""Receivers of webhooks: registered, changed, taken away; messages replayed and acknowledged.

The address is looked at by whoever calls these (`WebhookCaller.check`), before a transaction is
open. A secret is given back once, when it is made. Every change leaves an audit entry, which holds
no secret.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import insert, update
from sqlmodel import col, select

from core import clock
from core.audit import record
from core.crypto import Cipher
from core.errors import Conflict
from core.ids import new_id
from core.sessions import WriteSession
from payments.agencies.changes import record_change
from payments.webhooks.models import EventMessage, WebhookEndpoint
from payments.webhooks.queries import (
    WebhookEndpointValue,
    count_endpoints,
    get_endpoint,
)
from payments.webhooks.rules import MOST_ENDPOINTS, written_secret
from payments.webhooks.secrets import new_secret, seal_secret


class TooManyEndpoints(Conflict):
    """A body has all the receivers that it may have: take one away first."""

    code = "too_many_endpoints"


async def create_endpoint(
    session: WriteSession,
    cipher: Cipher,
    *,
    agency_id: str,
    url: str,
    types: Sequence[str],
    actor: str,
) -> tuple[WebhookEndpointValue, str]:
    """Register a receiver; the second value is its secret. Raises `TooManyEndpoints`."""
    if await count_endpoints(session, agency_id) >= MOST_ENDPOINTS:
        raise TooManyEndpoints(f"Một cơ quan có nhiều nhất {MOST_ENDPOINTS} nơi nhận thông báo.")
    endpoint_id, secret, now = new_id("we"), new_secret(), clock.now()
    row = {
        "id": endpoint_id,
        "agency_id": agency_id,
        "url": url,
        "types": list(types),
        "secret": seal_secret(cipher, endpoint_id, secret),
        "enabled": True,
        "last_sequence": 0,
        "failures": 0,
        "probing": False,
        "turn": 0,
        "due_at": now,
        "created_at": now,
    }
    await session.write(insert(WebhookEndpoint), row)
    told = {name: row[name] for name in ("agency_id", "url", "types", "enabled")}
    await record_change(session, actor, "webhook_endpoint.created", endpoint_id, {}, told)
    return await get_endpoint(session, endpoint_id, None), written_secret(secret)


async def change_endpoint(
    session: WriteSession,
    endpoint: WebhookEndpointValue,
    *,
    url: str | None = None,
    types: Sequence[str] | None = None,
    enabled: bool | None = None,
    actor: str,
) -> WebhookEndpointValue:
    """Change what is given. Switched on, it is called at once, and the three days begin anew."""
    given = {"url": url, "types": None if types is None else list(types), "enabled": enabled}
    values: dict[str, Any] = {name: one for name, one in given.items() if one is not None}
    before = {name: getattr(endpoint, name) for name in values}
    if enabled:
        await _lock(session, endpoint.id)
        await _wait_anew(session, endpoint.id)
        values |= {"due_at": clock.now(), "failures": 0, "probing": False}
    if values:
        changed = update(WebhookEndpoint).where(col(WebhookEndpoint.id) == endpoint.id)
        await session.write(changed.values(values))
        after = {name: values[name] for name in before}
        await record_change(session, actor, "webhook_endpoint.changed", endpoint.id, before, after)
    return await get_endpoint(session, endpoint.id, None)


async def _lock(session: WriteSession, endpoint_id: str) -> None:
    """The receiver before its messages, as whoever sends them locks both."""
    row = WebhookEndpoint
    await session.lock_first(select(row.id).where(row.id == endpoint_id))


async def _wait_anew(session: WriteSession, endpoint_id: str) -> None:
    row = EventMessage
    waiting = update(row).where(col(row.endpoint_id) == endpoint_id, col(row.state) == "waiting")
    await session.write(waiting.values(waits_since=clock.now()))


async def remove_endpoint(
    session: WriteSession, endpoint: WebhookEndpointValue, *, actor: str
) -> None:
    """Take a receiver away: it is told nothing more."""
    row = WebhookEndpoint
    removed = update(row).where(col(row.id) == endpoint.id, col(row.removed_at).is_(None))
    values = {"removed_at": clock.now(), "enabled": False}
    if await session.write(removed.values(values)):
        await record(
            session,
            actor=actor,
            action="webhook_endpoint.removed",
            object_id=endpoint.id,
            details={"agency_id": endpoint.agency_id},
        )


async def rotate_secret(
    session: WriteSession,
    cipher: Cipher,
    endpoint: WebhookEndpointValue,
    window: timedelta,
    *,
    actor: str,
) -> tuple[WebhookEndpointValue, str]:
    """Make a new secret; the one before signs beside it for the `window`.

    The second value is the new secret. Of three secrets the oldest signs no more.
    """
    row, secret = WebhookEndpoint, new_secret()
    until = clock.now() + window
    present = await session.lock_one(select(row.secret).where(row.id == endpoint.id))
    rotated = update(row).where(col(row.id) == endpoint.id)
    await session.write(
        rotated.values(
            secret=seal_secret(cipher, endpoint.id, secret),
            previous_secret=bytes(present) if window else None,
            previous_until=until if window else None,
        )
    )
    await record(
        session,
        actor=actor,
        action="webhook_endpoint.secret_rotated",
        object_id=endpoint.id,
        details={"previous_until": until.isoformat()},
    )
    return await get_endpoint(session, endpoint.id, None), written_secret(secret)


async def replay(
    session: WriteSession,
    endpoint: WebhookEndpointValue,
    first: int,
    last: int,
    *,
    acknowledged: bool = False,
    actor: str,
) -> int:
    """Have messages of these numbers sent again, in their order; how many.

    Those that were set aside, with `acknowledged` those too that the receiver has taken. Each keeps
    its number and its `webhook-id`, and has three days anew.
    """
    await _lock(session, endpoint.id)
    row, now = EventMessage, clock.now()
    states = ["set_aside", "acknowledged"] if acknowledged else ["set_aside"]
    back = update(row).where(
        col(row.endpoint_id) == endpoint.id,
        col(row.sequence).between(first, last),
        col(row.state).in_(states),
    )
    count = await session.write(
        back.values(state="waiting", attempts=0, waits_since=now, acknowledged_at=None)
    )
    if count:
        due = update(WebhookEndpoint).where(col(WebhookEndpoint.id) == endpoint.id)
        await session.write(due.values(due_at=now, failures=0, probing=False))
    await record(
        session,
        actor=actor,
        action="webhook_endpoint.replayed",
        object_id=endpoint.id,
        details={"first": first, "last": last, "messages": count},
    )
    return count


async def acknowledge(
    session: WriteSession, endpoint: WebhookEndpointValue, through: int, *, actor: str
) -> int:
    """Mark everything up to a number as taken, as a receiver does that has read the list; how many.

    The numbers end at the newest there is: what is told later is not taken by it.
    """
    row = EventMessage
    taken = update(row).where(
        col(row.endpoint_id) == endpoint.id,
        col(row.sequence) <= through,
        col(row.state) != "acknowledged",
    )
    count = await session.write(taken.values(state="acknowledged", acknowledged_at=clock.now()))
    await record(
        session,
        actor=actor,
        action="webhook_endpoint.acknowledged",
        object_id=endpoint.id,
        details={"through": through, "messages": count},
    )
    return count
