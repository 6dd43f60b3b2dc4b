"""Notices that were set aside: authentic, and waiting for a person or for a mended adapter."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update
from sqlmodel import col

from core import audit, clock
from core.errors import NotFound
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.agencies.models import GatewayAccountRow
from payments.incoming.models import UNREADABLE, Callback


@dataclass(frozen=True, slots=True)
class NoticeSetAside:
    """A callback that could not be applied; `last_error` tells no personal data."""

    id: str
    gateway: str
    account: str
    attempts: int
    received_at: datetime
    last_error: str | None


async def list_set_aside(
    session: ReadSession, agency_ids: Collection[str] | None = None, limit: int = 100
) -> list[NoticeSetAside]:
    """Callbacks that were set aside, the oldest first; of some agencies' accounts, None for all."""
    wanted = (
        values_of(NoticeSetAside, Callback, GatewayAccountRow)
        .join(GatewayAccountRow, col(GatewayAccountRow.id) == Callback.gateway_account_id)
        .where(col(Callback.state) == "set_aside")
        .order_by(col(Callback.received_at), col(Callback.id))
        .limit(limit)
    )
    if agency_ids is not None:
        wanted = wanted.where(col(GatewayAccountRow.agency_id).in_(agency_ids))
    return await session.all(wanted)


async def replay(session: WriteSession, callback_id: str, *, actor: str) -> None:
    """Let the worker try a callback again that was set aside. Raises `NotFound`."""
    put = (
        update(Callback)
        .where(col(Callback.id) == callback_id, col(Callback.state) == "set_aside")
        .values(state="received", attempts=0, due_at=clock.now())
    )
    if not await session.write(put):
        raise NotFound(f"No callback {callback_id} is set aside.")
    await audit.record(
        session, actor=actor, action="callback.replayed", object_id=callback_id, details={}
    )


async def replay_unreadable(session: WriteSession, *, actor: str) -> list[str]:
    """Let the worker read again what no adapter could read; the ids."""
    put = (
        update(Callback)
        .where(col(Callback.state) == "set_aside", col(Callback.event_key).startswith(UNREADABLE))
        .values(state="received", attempts=0, due_at=clock.now())
        .returning(col(Callback.id))
    )
    replayed = await session.write_all(put)
    for callback_id in replayed:
        await audit.record(
            session, actor=actor, action="callback.replayed", object_id=callback_id, details={}
        )
    return replayed
