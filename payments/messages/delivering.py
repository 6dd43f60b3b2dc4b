"""Sends what waits to be told, one message at a time, with no transaction open.

A message is taken up in one transaction, which also looks whether what it says is still true (a
bill that was paid meanwhile is not asked for), sent, and marked in another. It is put together when
it is taken up: number, name and text are kept nowhere but with whom they belong to.

Who is killed between sending and marking leaves a message of which nobody knows. It is sent again
only where the provider takes a repeat under our id for the same message; elsewhere it stays
`unknown` until a person has looked. So it is with a call that had no readable answer.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import or_, tuple_, update
from sqlmodel import col

from core import clock, failpoints
from core.clocks import MOST_APART
from core.crypto import Cipher
from core.db import Database, DatabaseUnavailable
from core.log import get
from core.sessions import WriteSession
from core.statements import values_of
from payments.message_calls import (
    ChannelAccess,
    ChannelKind,
    MessageSenders,
    OutgoingText,
    SendAnswer,
    SendFate,
)
from payments.messages.channels import find_channel, want_renewal
from payments.messages.lengths import parts_of, plain
from payments.messages.models import PayerMessage
from payments.messages.rules import (
    LONGEST_WAIT,
    MESSAGE_KINDS,
    TRIED_FOR,
    Contact,
    MessageKind,
    goes_at,
    pause,
)
from payments.messages.wording import MessageWords

log = get(__name__)

#: How long a message is one worker's; longer than any call takes.
LEASE = timedelta(seconds=90)
#: How long others go first after a body's provider took nothing: it may hang for each of thousands.
RESTS = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class MessageFacts:
    """A message as whoever puts it together needs it; see `payments.messages.models`."""

    id: str
    agency_id: str
    kind: str
    object_id: str
    subject_id: str
    language: str
    facts: dict[str, str]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ComposedMessage:
    """A message put together: whom it goes to, and what it says in its language.

    `further` is the same in another language, for channels where length costs nothing.
    """

    contact: Contact = field(repr=False)
    words: MessageWords
    further: MessageWords | None = None


@dataclass(frozen=True, slots=True)
class MessageDrop:
    """What a message would say is not true any more, or nobody wants to hear it: `reason`."""

    reason: str


#: Puts a kind's messages together, in the transaction that takes one up.
Composer = Callable[[WriteSession, MessageFacts], Awaitable[ComposedMessage | MessageDrop]]


@dataclass(frozen=True, slots=True)
class MessageContext:
    """What sending needs, made once; `composers` by the kind of message.

    `resting` says until when the others go first, by the body and the channel that took nothing.
    """

    database: Database
    cipher: Cipher = field(repr=False)
    senders: MessageSenders
    composers: Mapping[str, Composer]
    #: where a channel's provider tells whether messages arrived, by the channel's id
    report_url: Callable[[str], str] = lambda _: ""
    resting: dict[tuple[str, str], datetime] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class _DueMessage(MessageFacts):
    channel: ChannelKind
    state: str
    turn: int
    attempts: int
    waits_since: datetime


@dataclass(frozen=True, slots=True)
class _ClaimedMessage:
    """A message that is this worker's for a while; `doubtful` where it may be there already."""

    due: _DueMessage
    channel: ChannelAccess
    text: OutgoingText
    doubtful: bool
    #: whether its body could tell the same recipient by SMS
    by_sms: bool


async def deliver_next(
    context: MessageContext, kinds: Collection[MessageKind] = MESSAGE_KINDS
) -> int:
    """Send the message of these kinds that has been due for longest; 1, or 0 where none is.

    One whose body's provider has just taken nothing makes way for those of others.
    """
    due: _DueMessage | None = None
    try:
        async with context.database.transaction() as session:
            due = await _next_due(context, session, kinds)
            if due is None:
                return 0
            claimed = await _claim(context, session, due)
    except DatabaseUnavailable:
        raise
    except Exception as error:
        if due is None:
            raise
        # Whatever it is, the others must go on: it makes way for them.
        log.exception("message cannot be put together", message=due.id)
        async with context.database.transaction() as session:
            await _put_off(session, due, type(error).__name__)
        return 1
    if claimed is None:
        return 1
    answer = await context.senders.send(claimed.channel, claimed.text)
    if answer.fate in (SendFate.LATER, SendFate.UNCLEAR):
        context.resting[due.agency_id, due.channel] = clock.now() + RESTS
    failpoints.hit("message.after_send")
    async with context.database.transaction() as session:
        await _mark(context, session, claimed, answer)
    return 1


async def _next_due(
    context: MessageContext, session: WriteSession, kinds: Collection[MessageKind]
) -> _DueMessage | None:
    now, row = clock.now(), PayerMessage
    for one in [one for one, until in context.resting.items() if not now < until <= now + RESTS]:
        del context.resting[one]
    wanted = values_of(_DueMessage, row).where(
        col(row.kind).in_(kinds),
        col(row.state).in_(("waiting", "sending", "unknown")),
        # What a clock that was wrong has dated further ahead than we ever do waits for nobody.
        or_(col(row.due_at) <= now, col(row.due_at) > now + LONGEST_WAIT + MOST_APART),
    )
    wanted = wanted.order_by(col(row.due_at)).limit(1)
    found: list[_DueMessage] = []
    if resting := list(context.resting):
        others = tuple_(col(row.agency_id), col(row.channel)).not_in(resting)
        found = await session.lock_all(wanted.where(others), skip_locked=True)
    if not found:
        found = await session.lock_all(wanted, skip_locked=True)
    return found[0] if found else None


async def _claim(
    context: MessageContext, session: WriteSession, due: _DueMessage
) -> _ClaimedMessage | None:
    """Take a message up, unless it is to wait, is not wanted any more, or cannot be sent."""
    now = clock.now()
    if (at := goes_at(due.kind, now)) > now:
        await _set(session, due, due_at=at)
        return None
    doubtful = due.state != "waiting"
    if doubtful and not context.senders.repeatable(due.channel):
        await _set(session, due, state="unknown", due_at=None, last_error="no answer was heard")
        return None
    channel = await find_channel(session, context.cipher, due.agency_id, due.channel)
    if channel is None:
        await _set(session, due, state="set_aside", due_at=None, last_error="no channel")
        return None
    channel = replace(channel, report_url=context.report_url(channel.id))
    composed = await context.composers[due.kind](session, due)
    recipient = None
    if isinstance(composed, ComposedMessage):
        recipient = composed.contact.at(due.channel)
        drop = MessageDrop("no number or address")
    else:
        drop = composed
    if isinstance(composed, MessageDrop) or recipient is None:
        # One that may be there already is none that was never sent.
        state = "unknown" if doubtful else "dropped"
        await _set(session, due, state=state, due_at=None, last_error=drop.reason)
        return None
    text = _text(due, channel, composed, recipient)
    await _set(
        session,
        due,
        state="sending",
        due_at=now + LEASE,
        turn=due.turn + 1,
        attempts=due.attempts + 1,
        parts=parts_of(text.text) if due.channel == "sms" else None,
        tried_at=now,
    )
    taken = replace(due, turn=due.turn + 1, attempts=due.attempts + 1)
    by_sms = due.channel == "zns" and (
        await find_channel(session, context.cipher, due.agency_id, "sms") is not None
    )
    return _ClaimedMessage(taken, channel, text, doubtful, by_sms)


def _text(
    due: _DueMessage, channel: ChannelAccess, composed: ComposedMessage, recipient: str
) -> OutgoingText:
    words, text = composed.words, composed.words.text
    if due.channel == "sms" and not channel.accents:
        text = plain(text)
    if due.channel == "email" and composed.further is not None:
        text = f"{text}\n\n{composed.further.text}"
    return OutgoingText(due.id, due.kind, recipient, words.subject, text, words.params)


async def _mark(
    context: MessageContext, session: WriteSession, claimed: _ClaimedMessage, answer: SendAnswer
) -> None:
    """Write down what became of a call, unless another has taken the message up by now."""
    due, now, row = claimed.due, clock.now(), PayerMessage
    ours = values_of(_Turn, row).where(
        col(row.id) == due.id,
        col(row.turn) == due.turn,
        # Taken for lost while its answer was still to come, it is known now.
        col(row.state).in_(("sending", "unknown")),
    )
    if await session.lock_first(ours) is None:
        log.warning("message: another has taken it up", message=due.id)
        return
    aged = due.waits_since <= now - TRIED_FOR
    again = now + pause(due.attempts)
    told: dict[str, object] = {"last_error": answer.fault}
    match answer.fate:
        case SendFate.TAKEN:
            told |= {"state": "sent", "due_at": None, "sent_at": now, "provider_ref": answer.ref}
        case SendFate.REFUSED | SendFate.MISSET if (
            claimed.by_sms and not claimed.doubtful and not answer.unwanted
        ):
            # Who has no Zalo has a telephone; whose template will not do is told all the same.
            told |= {"state": "waiting", "due_at": now, "channel": "sms"}
        case SendFate.REFUSED | SendFate.MISSET:
            told |= {"state": "set_aside", "due_at": None}
        case SendFate.LATER if not claimed.doubtful:
            told |= (
                {"state": "set_aside", "due_at": None}
                if aged
                else {
                    "state": "waiting",
                    "due_at": again,
                }
            )
        case _:
            asked = context.senders.repeatable(due.channel) and not aged
            told |= {"state": "unknown", "due_at": again if asked else None}
    await _set(session, due, **told)
    if answer.ended:
        await want_renewal(session, due.agency_id, due.channel)
    if answer.fate is not SendFate.TAKEN:
        log.warning(
            "message not taken",
            message=due.id,
            channel=due.channel,
            state=told["state"],
            reason=answer.fault,
        )


async def _put_off(session: WriteSession, due: _DueMessage, reason: str) -> None:
    """Let a message that fails before it is sent wait its turn, and in the end for people."""
    now = clock.now()
    aged = due.waits_since <= now - TRIED_FOR
    state = {"state": "set_aside"} if aged else {}
    await _set(
        session,
        due,
        due_at=None if aged else now + pause(due.attempts + 1),
        attempts=due.attempts + 1,
        last_error=reason,
        **state,
    )


@dataclass(frozen=True, slots=True)
class _Turn:
    turn: int


async def _set(session: WriteSession, message: _DueMessage, **values: object) -> None:
    """Change a message, unless another has taken it up since."""
    row = PayerMessage
    ours = update(row).where(col(row.id) == message.id, col(row.turn) == message.turn)
    await session.write(ours.values(values))
