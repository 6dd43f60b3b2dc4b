"""Taking a callback: verify, keep, apply, and answer in the gateway's own way.

The raw callback and the value that its adapter verified are committed before anything is made of
them, so that what was authentic once is never lost and never has to be verified again; the value
is applied in a second transaction, and the acknowledgement is made from that result. If applying
fails, the gateway is told to call again and the worker tries too, with growing pauses; what fails
again and again is set aside for a person. A repeat is found by its event key and gets the answer
of the first.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from sqlalchemy import or_, update
from sqlalchemy.exc import DBAPIError
from sqlmodel import col, select

from core import clock, failpoints
from core.clocks import MOST_APART
from core.db import DatabaseUnavailable
from core.errors import LephiError, NotFound
from core.log import get
from core.row_waits import waiting
from core.sessions import WriteSession
from core.statements import values_of
from payments.agencies.queries import GatewayAccountValue
from payments.attempts.gateway_receipts import want_receipt
from payments.attempts.results import record_result
from payments.books.credits import record_credit
from payments.books.recording import Recording
from payments.context import Context
from payments.disputes.commands import record_dispute
from payments.gateway_disputes import GatewayDispute
from payments.incoming.keeping import KeptNotice, event_key, keep, set_aside_unread
from payments.incoming.models import Callback
from payments.incoming.rejections import count_rejected
from payments.incoming.sealing import content_of, open_sealed
from payments.incoming.verifying import prover, read_told, verified
from payments.notice_json import read_notice, write_notice
from payments.ports import (
    Acknowledgement,
    CallbackFault,
    CallbackRejected,
    CallbackResult,
    Credit,
    NoticeContent,
    NoticeUnreadable,
    Outcome,
    RawCallback,
)

log = get(__name__)

#: The worker leaves a fresh callback to the request that brought it.
PATIENCE = timedelta(seconds=10)

#: How often the worker tries before a notice is set aside: over half a day, see `pause`.
MOST_ATTEMPTS = 20

_LONGEST_PAUSE = timedelta(hours=1)


def pause(attempts: int) -> timedelta:
    """How long to wait after so many failed tries: 10 s, 20 s, 40 s … at most an hour."""
    return min(PATIENCE * (1 << attempts), _LONGEST_PAUSE)


@dataclass(frozen=True, slots=True)
class WaitingNotice:
    """A kept callback that is to be applied; `content` is None in rows of older versions."""

    id: str
    gateway_account_id: str
    raw: bytes
    content: bytes | None


@dataclass(frozen=True, slots=True)
class NoticeState:
    """How far a kept callback has come."""

    state: str
    result: str | None


async def receive(
    context: Context, gateway: str, account: str, raw: RawCallback
) -> Acknowledgement:
    """Take one callback. Raises `NotFound` for a path that is no account of ours."""
    found = await account_of(context, gateway, account)
    adapter = prover(context.gateways, found, raw, clock.now())
    headers = adapter.info.kept_headers
    try:
        told = read_told(adapter, raw)
    except NoticeUnreadable as error:
        count_rejected(gateway, error.fault)
        return adapter.acknowledge(await set_aside_unread(context, found, raw, headers, error), raw)
    except CallbackRejected as error:
        count_rejected(gateway, error.fault)
        log.warning("callback rejected", gateway=gateway, account=account, reason=error.detail)
        return adapter.acknowledge(CallbackResult.REJECTED, raw)
    return adapter.acknowledge(await _take(context, found, told, raw, headers), raw)


async def _take(
    context: Context,
    account: GatewayAccountValue,
    told: tuple[NoticeContent, ...],
    raw: RawCallback,
    headers: tuple[str, ...],
) -> CallbackResult:
    """Keep all that a notice tells, and then apply each thing of it."""
    try:
        kept = await keep(context, account, told, raw, headers, PATIENCE) if told else []
    except DatabaseUnavailable:
        log.warning("callback not kept", gateway=account.gateway, account=account.id)
        return CallbackResult.TRY_AGAIN
    except (DBAPIError, ValueError) as error:
        # Verified and read, and yet nothing that can be written down so: it is kept as it came.
        said = f"{account.gateway}: cannot be recorded: {type(error).__name__}"
        unreadable = NoticeUnreadable(said)
        log.error("notice cannot be recorded", gateway=account.gateway, reason=said)
        count_rejected(account.gateway, unreadable.fault)
        return await set_aside_unread(context, account, raw, headers, unreadable)
    if not kept:
        return CallbackResult.ACCEPTED
    failpoints.hit("callback.after_raw")
    results = [await _apply_now(context, one) for one in kept]
    failpoints.hit("callback.after_apply")
    # Told again where any of it could not be applied now: the rest is known by its event key.
    return CallbackResult.TRY_AGAIN if CallbackResult.TRY_AGAIN in results else results[0]


async def _apply_now(context: Context, kept: KeptNotice) -> CallbackResult:
    """Apply what is kept; where that fails it is told again, and the worker goes on with it."""
    gateway = kept.account.gateway
    try:
        return await apply(context, kept)
    except DatabaseUnavailable:
        log.warning("callback not applied yet", gateway=gateway, account=kept.account.id)
    except (DBAPIError, ValueError) as error:
        said = f"{gateway}: cannot be recorded: {type(error).__name__}"
        log.error("notice cannot be recorded", gateway=gateway, reason=said)
    return CallbackResult.TRY_AGAIN


async def account_of(context: Context, gateway: str, account: str) -> GatewayAccountValue:
    """The account of a callback's path. Raises `NotFound`."""
    known = context.gateways.find_info(gateway) is not None
    try:
        return await context.agencies.get_gateway(gateway, account)
    except NotFound:
        count_rejected(
            gateway if known else None,
            CallbackFault.UNKNOWN_ACCOUNT if known else CallbackFault.UNKNOWN_GATEWAY,
        )
        raise


async def apply(context: Context, kept: KeptNotice) -> CallbackResult:
    """Apply a kept callback once; every later call gives the first result.

    An acceptance is told as `REPEATED` where nothing was new. Raises `DatabaseUnavailable` when it
    could not be applied now.
    """
    of_this = col(Callback.id) == kept.id

    async def work(session: WriteSession) -> CallbackResult:
        with waiting(session, kept.id):
            found = await session.lock_one(values_of(NoticeState, Callback).where(of_this))
        if found.state == "applied":
            first = CallbackResult(found.result or "")
            return CallbackResult.REPEATED if first is CallbackResult.ACCEPTED else first
        recorded = await _record(context, session, kept)
        end = update(Callback).where(of_this).values(attempts=Callback.attempts + 1)
        if recorded.misdirected:
            told = "The order is another account's: do two accounts have the same credentials?"
            await session.write(end.values(state="set_aside", last_error=told))
        else:
            applied = {"state": "applied", "result": recorded.result, "applied_at": clock.now()}
            await session.write(end.values(applied))
        failpoints.hit("callback.before_apply_commit")
        return _told(recorded, kept.content)

    return await context.database.run(work)


def _told(recorded: Recording, content: NoticeContent) -> CallbackResult:
    """Money that the books had already (a query was faster) is a repeat to who tells of it."""
    if isinstance(content, GatewayDispute):
        return recorded.result
    money = isinstance(content, Credit) or content.outcome in (Outcome.SUCCEEDED, Outcome.HELD)
    if recorded.result is CallbackResult.ACCEPTED and money and not recorded.new:
        return CallbackResult.REPEATED
    return recorded.result


async def _record(context: Context, session: WriteSession, kept: KeptNotice) -> Recording:
    actor = f"gateway:{kept.account.gateway}"
    if isinstance(kept.content, Credit):
        return await record_credit(
            session,
            kept.account.collection,
            kept.content,
            source=kept.account.id,
            actor=actor,
            cipher=context.cipher,
        )
    if isinstance(kept.content, GatewayDispute):
        return await record_dispute(session, kept.account, kept.content, actor=actor)
    recorded = await record_result(
        session, kept.account, kept.content, actor=actor, cipher=context.cipher
    )
    info = context.gateways.find_info(kept.account.gateway)
    await want_receipt(session, kept.account, info, kept.content, recorded)
    return recorded


async def apply_waiting(context: Context, limit: int = 50) -> int:
    """Apply callbacks that were kept but not applied, because something stopped; how many."""
    now = clock.now()
    due = (
        values_of(WaitingNotice, Callback)
        .where(
            col(Callback.state) == "received",
            # No pause is longer: what is due later, a clock that was put forward has said.
            or_(
                col(Callback.due_at) <= now,
                col(Callback.due_at) > now + _LONGEST_PAUSE + MOST_APART,
            ),
        )
        .order_by(col(Callback.due_at))
        .limit(limit)
    )
    async with context.database.reading() as session:
        waiting = await session.all(due)
    applied = 0
    for notice in waiting:
        try:
            account = await context.agencies.get_gateway_by_id(notice.gateway_account_id)
            told = _told_by(context, account, notice)
            if len(told) > 1:
                applied += await _spread(context, account, notice, told)
                continue
            if not told:
                await context.database.run(partial(_end_unread, notice))
            elif await _note_read(context, notice, told[0]):
                await apply(context, KeptNotice(notice.id, account, told[0]))
                applied += 1
        except Exception as error:  # noqa: BLE001  whatever it is, the others must go on
            # It was authentic when it came; keep it and let the operator see it waiting.
            log.error("kept callback cannot be applied", callback=notice.id, reason=repr(error))
            await _put_back(context, notice.id, error)
    return applied


def _told_by(
    context: Context, account: GatewayAccountValue, notice: WaitingNotice
) -> tuple[NoticeContent, ...]:
    """The value as it was verified; a row from before values were kept is read by its adapter."""
    if notice.content is not None:
        return (read_notice(context.cipher.decrypt(notice.content, content_of(notice.id))),)
    raw = open_sealed(context.cipher, notice.id, notice.raw)
    return verified(context.gateways, account, raw, clock.now())


async def _spread(
    context: Context,
    account: GatewayAccountValue,
    notice: WaitingNotice,
    told: tuple[NoticeContent, ...],
) -> int:
    """Take each thing that a notice tells which could not be read when it came; how many."""
    raw = open_sealed(context.cipher, notice.id, notice.raw)
    headers = context.gateways.reader(account.access).info.kept_headers
    for one in await keep(context, account, told, raw, headers, PATIENCE):
        await apply(context, one)
    await context.database.run(partial(_end_unread, notice))
    return len(told)


async def _end_unread(notice: WaitingNotice, session: WriteSession) -> None:
    """Note that nothing is to be made any more of a notice that could not be read when it came."""
    done = {"state": "applied", "result": CallbackResult.ACCEPTED, "applied_at": clock.now()}
    await session.write(
        update(Callback).where(col(Callback.id) == notice.id).values(**done, last_error=None)
    )


async def _note_read(context: Context, notice: WaitingNotice, content: NoticeContent) -> bool:
    """Keep the value of a notice that could not be read when it came; whether it is to be applied.

    It is not where it has been told again since in words that could be read.
    """
    if notice.content is not None:
        return True

    async def write(session: WriteSession) -> bool:
        key = event_key(content)
        told = select(Callback.id).where(
            Callback.gateway_account_id == notice.gateway_account_id,
            Callback.event_key == key,
            col(Callback.id) != notice.id,
        )
        if await session.first(told) is not None:
            await _end_unread(notice, session)
            return False
        value = context.cipher.encrypt(write_notice(content), content_of(notice.id))
        mine = update(Callback).where(col(Callback.id) == notice.id)
        await session.write(mine.values(event_key=key, content=value))
        return True

    return await context.database.run(write)


async def _put_back(context: Context, callback_id: str, error: Exception) -> None:
    """Count a failed try: it is tried again after a pause, or set aside after too many."""
    reason = f"{error.code}: {error.detail}" if isinstance(error, LephiError) else ""
    waiting = (col(Callback.id) == callback_id, col(Callback.state) == "received")
    async with context.database.transaction() as session:
        tried = await session.lock_first(select(Callback.attempts).where(*waiting))
        if tried is None:
            return
        # What cannot be read waits for another version of us, not for another hour.
        over = tried + 1 >= MOST_ATTEMPTS or isinstance(error, NoticeUnreadable)
        await session.write(
            update(Callback)
            .where(*waiting)
            .values(
                state="set_aside" if over else "received",
                attempts=tried + 1,
                due_at=clock.now() + pause(tried),
                # Other exceptions may quote what they were working on.
                last_error=(reason or type(error).__name__)[:500],
            )
        )
    if over:
        log.error("callback set aside", callback=callback_id, attempts=tried + 1)
