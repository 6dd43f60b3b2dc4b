"""Taking a callback: verify, keep, apply, and answer in the gateway's own way.

The raw callback is committed before anything is made of it, so that what was authentic once is
never lost; it is applied in a second transaction, and the acknowledgement is made from that result.
If applying fails, the gateway is told to call again and the worker tries too. A repeat is found by
its event key and gets the answer of the first.
"""

import base64
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

from core import clock, failpoints
from core.crypto import Cipher
from core.db import DatabaseUnavailable
from core.ids import new_id
from core.json import canonical
from core.log import get
from core.sessions import WriteSession
from payments.agencies.queries import GatewayAccountValue
from payments.attempts.results import record_result
from payments.books.credits import record_credit
from payments.books.recording import Recording
from payments.context import Context
from payments.ports import (
    Acknowledgement,
    CallbackRejected,
    CallbackResult,
    Credit,
    GatewayResult,
    Outcome,
    RawCallback,
)

log = get(__name__)

#: Headers an adapter may need again when the worker applies a kept callback.
_KEPT_HEADERS = ("authorization", "content-type", "x-sepay-timestamp", "x-sepay-signature")

#: The worker leaves a fresh callback to the request that brought it.
PATIENCE = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Kept:
    """A callback that is in the database."""

    id: str
    account: GatewayAccountValue
    content: GatewayResult | Credit


async def receive(
    context: Context, gateway: str, account: str, raw: RawCallback
) -> Acknowledgement:
    """Take one callback. Raises `NotFound` for a path that is no account of ours."""
    found = await context.agencies.get_gateway(gateway, account)
    adapter = (
        context.gateways.feed(found.access)
        if context.gateways.is_feed(gateway)
        else context.gateways.gateway(found.access)
    )
    try:
        content = adapter.read_callback(raw)
    except CallbackRejected as error:
        log.warning("callback rejected", gateway=gateway, account=account, reason=error.detail)
        return adapter.acknowledge(CallbackResult.REJECTED, raw)
    if content is None:
        return adapter.acknowledge(CallbackResult.ACCEPTED, raw)
    try:
        kept = await _keep(context, found, content, raw)
        failpoints.hit("callback.after_raw")
        result = await apply(context, kept)
        failpoints.hit("callback.after_apply")
    except DatabaseUnavailable:
        log.warning("callback not applied yet", gateway=gateway, account=account)
        result = CallbackResult.TRY_AGAIN
    return adapter.acknowledge(result, raw)


def event_key(content: GatewayResult | Credit) -> str:
    """What happened to which money; the same event told twice has the same key.

    `checks` reads the money's reference, the outcome and the amount from the front of it.
    """
    if isinstance(content, Credit):
        return f"{content.bank_ref}:{Outcome.SUCCEEDED}:{content.amount}:{content.feed_ref}"
    return (
        f"{content.gateway_ref or ''}:{content.outcome}:{content.amount or ''}:{content.order_ref}"
    )


async def _keep(
    context: Context,
    account: GatewayAccountValue,
    content: GatewayResult | Credit,
    raw: RawCallback,
) -> Kept:
    key = event_key(content)

    async def write(session: WriteSession) -> str:
        callback_id = new_id("cb")
        await session.execute(
            text(
                "INSERT INTO callback (id, gateway_account_id, event_key, raw, state, attempts,"
                " received_at) VALUES (:id, :account, :key, :raw, 'received', 0, :received_at)"
                " ON CONFLICT (gateway_account_id, event_key) DO NOTHING"
            ),
            {
                "id": callback_id,
                "account": account.id,
                "key": key,
                "raw": _seal(context.cipher, callback_id, raw),
                "received_at": raw.received_at,
            },
        )
        found: str = (
            await session.execute(
                text(
                    "SELECT id FROM callback"
                    " WHERE gateway_account_id = :account AND event_key = :key"
                ),
                {"account": account.id, "key": key},
            )
        ).scalar_one()
        return found

    return Kept(await context.database.run(write), account, content)


async def apply(context: Context, kept: Kept) -> CallbackResult:
    """Apply a kept callback once; every later call gives the first result.

    Raises `DatabaseUnavailable` when it could not be applied now.
    """

    async def work(session: WriteSession) -> CallbackResult:
        row = (
            await session.execute(
                text("SELECT state, result FROM callback WHERE id = :id FOR UPDATE"),
                {"id": kept.id},
            )
        ).one()
        if row.state == "applied":
            return CallbackResult(row.result)
        recorded = await _record(context, session, kept)
        await session.execute(
            text(
                "UPDATE callback SET state = 'applied', result = :result, applied_at = :now,"
                " attempts = attempts + 1 WHERE id = :id"
            ),
            {"result": recorded.result, "now": clock.now(), "id": kept.id},
        )
        failpoints.hit("callback.before_apply_commit")
        return recorded.result

    return await context.database.run(work)


async def _record(context: Context, session: WriteSession, kept: Kept) -> Recording:
    actor = f"gateway:{kept.account.gateway}"
    if isinstance(kept.content, Credit):
        return await record_credit(
            session, kept.account.collection, kept.content, actor=actor, cipher=context.cipher
        )
    return await record_result(
        session, kept.account, kept.content, actor=actor, cipher=context.cipher
    )


async def apply_waiting(context: Context, limit: int = 50) -> int:
    """Apply callbacks that were kept but not applied, because something stopped; how many."""
    async with context.database.transaction() as session:
        rows = (
            await session.execute(
                text(
                    "SELECT id, gateway_account_id, raw FROM callback WHERE state = 'received'"
                    " AND received_at < :before ORDER BY attempts, received_at LIMIT :limit"
                ),
                {"before": clock.now() - PATIENCE, "limit": limit},
            )
        ).all()
    applied = 0
    for row in rows:
        try:
            account = await context.agencies.get_gateway_by_id(row.gateway_account_id)
            raw = _open(context.cipher, row.id, bytes(row.raw))
            content = (
                context.gateways.feed(account.access).read_callback(raw)
                if context.gateways.is_feed(account.gateway)
                else context.gateways.gateway(account.access).read_callback(raw)
            )
            if content is not None:
                await apply(context, Kept(row.id, account, content))
                applied += 1
        except Exception as error:  # noqa: BLE001  whatever it is, the others must go on
            # It was authentic when it came; keep it and let the operator see it waiting.
            log.error("kept callback cannot be applied", callback=row.id, reason=repr(error))
            await _put_back(context, row.id)
    return applied


async def _put_back(context: Context, callback_id: str) -> None:
    """Count a failed try, so that those tried less often come before it next time."""
    async with context.database.transaction() as session:
        await session.execute(
            text("UPDATE callback SET attempts = attempts + 1 WHERE id = :id"),
            {"id": callback_id},
        )


def _seal(cipher: Cipher, callback_id: str, raw: RawCallback) -> bytes:
    document = {
        "method": raw.method,
        "path": raw.path,
        "query": raw.query,
        "headers": {k: v for k, v in raw.headers.items() if k in _KEPT_HEADERS},
        "body": base64.b64encode(raw.body).decode(),
        "received_at": raw.received_at.isoformat(),
    }
    return cipher.encrypt(canonical(document), f"callback:{callback_id}")


def _open(cipher: Cipher, callback_id: str, sealed: bytes) -> RawCallback:
    document = json.loads(cipher.decrypt(sealed, f"callback:{callback_id}"))
    return RawCallback(
        method=document["method"],
        path=document["path"],
        query=document["query"],
        headers=document["headers"],
        body=base64.b64decode(document["body"]),
        received_at=datetime.fromisoformat(document["received_at"]),
    )
