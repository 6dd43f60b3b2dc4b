"""Keeps what was verified, and what is authentic and cannot be read, before it is acted upon."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import select

from core.db import DatabaseUnavailable
from core.ids import new_id
from core.log import get
from core.sessions import WriteSession
from payments.agencies.queries import GatewayAccountValue
from payments.context import Context
from payments.gateway_disputes import GatewayDispute
from payments.incoming.models import UNREADABLE, Callback
from payments.incoming.sealing import content_of, seal
from payments.notice_json import write_notice
from payments.ports import (
    CallbackResult,
    Credit,
    NoticeContent,
    NoticeUnreadable,
    Outcome,
    RawCallback,
)

log = get(__name__)


@dataclass(frozen=True, slots=True)
class KeptNotice:
    """A callback that is in the database."""

    id: str
    account: GatewayAccountValue
    content: NoticeContent


def event_key(content: NoticeContent) -> str:
    """What happened to which money; the same event told twice has the same key.

    `checks` reads the money's reference, the outcome and the amount from the front of it.
    """
    if isinstance(content, GatewayDispute):
        of_payment = f"{content.gateway_ref}:dispute-{content.state}:{content.amount}"
        return f"{of_payment}:{content.dispute_ref}"
    if isinstance(content, Credit):
        return f"{content.bank_ref}:{Outcome.SUCCEEDED}:{content.amount}:{content.feed_ref}"
    told = f"{content.gateway_ref or ''}:{content.outcome}:{content.amount or ''}"
    return f"{told}:{content.notice_ref}"


async def keep(
    context: Context,
    account: GatewayAccountValue,
    told: Sequence[NoticeContent],
    raw: RawCallback,
    headers: tuple[str, ...],
    patience: timedelta,
) -> list[KeptNotice]:
    """Keep what a verified notice tells, each event once, in the order that it is told.

    All of it in one commit: who is stopped behind it loses nothing of what came. The worker leaves
    it alone for `patience`.
    """
    keyed = [(event_key(content), content) for content in told]
    rows = {
        key: _row_of(context, account, content, raw, headers, patience) for key, content in keyed
    }
    keep = insert(Callback).on_conflict_do_nothing(
        index_elements=["gateway_account_id", "event_key"]
    )

    async def write(session: WriteSession) -> dict[str, str]:
        ids: dict[str, str] = {}
        # Two notices that tell of the same credits in other orders must not wait for each other.
        for key, row in sorted(rows.items()):
            await session.write(keep.values(row | {"event_key": key}))
            find = select(Callback.id).where(
                Callback.gateway_account_id == account.id, Callback.event_key == key
            )
            ids[key] = await session.one(find)
        return ids

    ids = await context.database.run(write)
    return [KeptNotice(ids[key], account, content) for key, content in keyed]


def _row_of(
    context: Context,
    account: GatewayAccountValue,
    content: NoticeContent,
    raw: RawCallback,
    headers: tuple[str, ...],
    patience: timedelta,
) -> dict[str, object]:
    callback_id = new_id("cb")
    return {
        "id": callback_id,
        "gateway_account_id": account.id,
        "raw": seal(context.cipher, callback_id, raw, headers),
        "content": context.cipher.encrypt(write_notice(content), content_of(callback_id)),
        "state": "received",
        "attempts": 0,
        "received_at": raw.received_at,
        "due_at": raw.received_at + patience,
    }


async def set_aside_unread(
    context: Context,
    account: GatewayAccountValue,
    raw: RawCallback,
    headers: tuple[str, ...],
    error: NoticeUnreadable,
) -> CallbackResult:
    """Keep an authentic notice that cannot be read, for a person; the same bytes once."""
    callback_id = new_id("cb")
    said = hashlib.sha256(raw.query.encode() + b"\n" + raw.body).hexdigest()
    keep = (
        insert(Callback)
        .values(
            id=callback_id,
            gateway_account_id=account.id,
            event_key=f"{UNREADABLE}{said}",
            raw=seal(context.cipher, callback_id, raw, headers),
            state="set_aside",
            attempts=0,
            received_at=raw.received_at,
            due_at=raw.received_at,
            last_error=error.detail[:500],
        )
        .on_conflict_do_nothing(index_elements=["gateway_account_id", "event_key"])
    )

    async def write(session: WriteSession) -> None:
        await session.write(keep)

    log.error("notice not readable", callback=callback_id, gateway=account.gateway)
    try:
        await context.database.run(write)
    except DatabaseUnavailable:
        return CallbackResult.TRY_AGAIN
    return CallbackResult.MISMATCH
