"""Sends each receiver what waits for it, in order, at least once, with no transaction open.

One worker at a time has a receiver (a lease). It sends what waits in the order of the numbers, over
one connection, and stops at the first that is not taken: a later message never overtakes an earlier
one that is still tried. What was taken is marked afterwards; who is killed between leaves it to be
sent again, with the same `webhook-id`.

A message that is not taken is tried again with growing pauses, for three days. Then it is set aside
and the next is tried at once: if that is taken, the one alone was at fault and all goes on; if not,
the receiver is silent, and everything that has waited for three days is set aside with it. Nothing
is thrown away: what was set aside can be listed and replayed.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from time import monotonic

from sqlalchemy import delete, or_, update
from sqlmodel import col, exists

from core import clock, failpoints
from core.audit import record
from core.clocks import MOST_APART
from core.crypto import Cipher
from core.db import Database
from core.log import get
from core.sessions import WriteSession
from core.statements import values_of
from payments.webhook_calls import WebhookAnswer, WebhookCaller
from payments.webhooks.models import EventMessage, WebhookEndpoint
from payments.webhooks.rules import KEPT_FOR, TRIED_FOR, MessageContent, headers_of, pause
from payments.webhooks.secrets import open_secrets

log = get(__name__)

LEASE = timedelta(seconds=60)
#: No further call is begun so many seconds after the first: the lease must outlast the last one.
SENDING_SECONDS = 30.0
#: How many messages are sent before they are marked.
BATCH = 200
ACTOR = "system:webhooks"


@dataclass(frozen=True, slots=True)
class WebhookContext:
    """What sending needs, made once."""

    database: Database
    cipher: Cipher = field(repr=False)
    caller: WebhookCaller


@dataclass(frozen=True, slots=True)
class LeasedEndpoint:
    """A receiver that is this worker's for a while."""

    id: str
    url: str
    secret: bytes = field(repr=False)
    previous_secret: bytes | None = field(repr=False)
    previous_until: datetime | None
    failures: int
    probing: bool
    turn: int


@dataclass(frozen=True, slots=True)
class DueMessage(MessageContent):
    """A message that waits; `waits_since` begins its three days."""

    waits_since: datetime


async def deliver_next(context: WebhookContext) -> int:
    """Send what waits for one receiver that is due; how many messages were tried."""
    async with context.database.transaction() as session:
        leased = await _lease(session)
    if leased is None:
        return 0
    async with context.database.reading() as reader:
        waiting = values_of(DueMessage, EventMessage).where(
            col(EventMessage.endpoint_id) == leased.id, col(EventMessage.state) == "waiting"
        )
        messages = await reader.all(waiting.order_by(col(EventMessage.sequence)).limit(BATCH))
    answers = await _send(context, leased, messages)
    failpoints.hit("webhook.after_send")
    async with context.database.transaction() as session:
        await _mark(session, leased, list(zip(messages, answers, strict=False)))
    return len(answers)


async def expire(session: WriteSession) -> int:
    """Forget messages that were acknowledged long ago; how many."""
    old = delete(EventMessage).where(
        col(EventMessage.state) == "acknowledged",
        col(EventMessage.acknowledged_at) < clock.now() - KEPT_FOR,
    )
    return await session.write(old)


async def _lease(session: WriteSession) -> LeasedEndpoint | None:
    """Take the receiver that has been due for longest and that nobody has."""
    now, row = clock.now(), WebhookEndpoint
    due = values_of(LeasedEndpoint, row).where(
        col(row.enabled).is_(True),
        col(row.removed_at).is_(None),
        # What a clock that was wrong has dated further ahead than we ever do waits for nobody.
        or_(col(row.due_at) <= now, col(row.due_at) > now + pause(1_000) + MOST_APART),
        or_(
            col(row.leased_until).is_(None),
            col(row.leased_until) <= now,
            col(row.leased_until) > now + LEASE + MOST_APART,
        ),
        exists().where(
            col(EventMessage.endpoint_id) == row.id, col(EventMessage.state) == "waiting"
        ),
    )
    found = await session.lock_all(due.order_by(col(row.due_at)).limit(1), skip_locked=True)
    if not found:
        return None
    (one,) = found
    taken = update(row).where(col(row.id) == one.id)
    await session.write(taken.values(leased_until=now + LEASE, turn=one.turn + 1))
    return LeasedEndpoint(
        *(one.id, one.url, one.secret, one.previous_secret, one.previous_until),
        *(one.failures, one.probing, one.turn + 1),
    )


async def _send(
    context: WebhookContext, endpoint: LeasedEndpoint, messages: Sequence[DueMessage]
) -> list[WebhookAnswer]:
    """Send the messages in their order; the answers up to the first that is not taken."""
    secrets = open_secrets(context.cipher, endpoint, clock.now())
    began = monotonic()
    answers: list[WebhookAnswer] = []
    async with context.caller.line(endpoint.url) as line:
        for message in messages:
            if monotonic() - began > SENDING_SECONDS:
                break
            body = message.body()
            headers = headers_of(message.id, body, clock.now(), secrets)
            answer = await line.post(body, headers)
            answers.append(answer)
            if not answer.ok:
                break
    return answers


async def _mark(
    session: WriteSession,
    endpoint: LeasedEndpoint,
    tried: Sequence[tuple[DueMessage, WebhookAnswer]],
) -> None:
    """Write down what became of a lease's messages, unless another has the receiver by now."""
    row, now = WebhookEndpoint, clock.now()
    own = values_of(_Turn, row).where(col(row.id) == endpoint.id, col(row.turn) == endpoint.turn)
    if await session.lock_first(own) is None:
        log.warning("webhooks: the lease was lost, sent messages come again", endpoint=endpoint.id)
        return
    await _mark_taken(session, tried, now)
    standing: dict[str, object] = {"due_at": now, "failures": 0, "probing": False}
    if tried and not tried[-1][1].ok:
        if len(tried) > 1:  # it lives, whatever is wrong with this one message
            endpoint = replace(endpoint, failures=0, probing=False)
        standing |= await _mark_failed(session, endpoint, *tried[-1], now)
    standing["leased_until"] = None
    await session.write(update(row).where(col(row.id) == endpoint.id).values(standing))


@dataclass(frozen=True, slots=True)
class _Turn:
    turn: int


async def _mark_taken(
    session: WriteSession, tried: Sequence[tuple[DueMessage, WebhookAnswer]], now: datetime
) -> None:
    by_status = defaultdict(list)
    for message, answer in tried:
        if answer.ok:
            by_status[answer.status].append(message.id)
    row = EventMessage
    for status, ids in by_status.items():
        # Replayed or acknowledged by its receiver meanwhile, it is as that has left it.
        taken = update(row).where(col(row.id).in_(ids), col(row.state) == "waiting")
        await session.write(
            taken.values(
                state="acknowledged",
                attempts=row.attempts + 1,
                last_status=status,
                last_error=None,
                tried_at=now,
                acknowledged_at=now,
            )
        )


async def _mark_failed(
    session: WriteSession,
    endpoint: LeasedEndpoint,
    message: DueMessage,
    answer: WebhookAnswer,
    now: datetime,
) -> dict[str, object]:
    """Note a message that was not taken; how the receiver stands by that."""
    row, failures = EventMessage, endpoint.failures + 1
    aged = message.waits_since <= now - TRIED_FOR
    failed = update(row).where(col(row.id) == message.id, col(row.state) == "waiting")
    await session.write(
        failed.values(
            state="set_aside" if aged else "waiting",
            attempts=row.attempts + 1,
            last_status=answer.status,
            last_error=answer.fault,
            tried_at=now,
        )
    )
    if answer.gone:
        await record(
            session, actor=ACTOR, action="webhook_endpoint.gone", object_id=endpoint.id, details={}
        )
        return {"enabled": False, "failures": failures}
    if aged and endpoint.probing:
        await _set_aside_aged(session, endpoint, now)
    # One that was set aside alone makes way at once: the next shows whether the receiver lives.
    at_once = aged and not endpoint.probing
    wait = timedelta(0) if at_once else pause(failures)
    log.warning(
        "webhook not taken",
        endpoint=endpoint.id,
        message=message.id,
        status=answer.status,
        reason=answer.fault,
        set_aside=aged,
    )
    return {
        "failures": failures,
        "due_at": now + wait,
        "probing": aged or endpoint.probing,
    }


async def _set_aside_aged(session: WriteSession, endpoint: LeasedEndpoint, now: datetime) -> None:
    row = EventMessage
    aged = update(row).where(
        col(row.endpoint_id) == endpoint.id,
        col(row.state) == "waiting",
        col(row.waits_since) <= now - TRIED_FOR,
    )
    count = await session.write(aged.values(state="set_aside"))
    log.error("webhook receiver is silent, messages set aside", endpoint=endpoint.id, count=count)
