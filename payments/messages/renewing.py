"""Asks for new tokens of channels whose tokens end, long before they do.

A refresh token serves once: whoever asks by it and does not hear the answer has neither the old one
nor the new. Nothing can give the lost one back, so it must not stop the messages: tokens are asked
for when half of their life is over, and what an unheard answer leaves is the access token of
before, which goes on for the other half. In that time the same refresh token is tried again (it
serves where the call never arrived), and where it is refused, an alert says that somebody must
grant new ones. One worker asks at a time, and what it got is kept before anything else is done.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import update
from sqlmodel import col

from core import audit, clock, failpoints
from core.log import get
from core.sessions import WriteSession
from core.statements import values_of
from payments.message_calls import ChannelAccess, RenewAnswer, RenewFate
from payments.messages.channels import ASKING, SealedChannel, opened_channel, sealed_access
from payments.messages.delivering import MessageContext
from payments.messages.models import MessageChannel
from payments.messages.rules import pause

log = get(__name__)

ACTOR: Final = "system:messages"
#: What of a token's life is over when the next is asked for.
_PART: Final = 0.5
_ROW: Final = MessageChannel


@dataclass(frozen=True, slots=True)
class _DueChannel(SealedChannel):
    renewal_turn: int
    renewal_failures: int


async def renew_next(context: MessageContext) -> int:
    """Ask for the tokens of the channel that has been due for longest; 1, or 0 where none is."""
    async with context.database.transaction() as session:
        due = await _take_up(session)
    if due is None:
        return 0
    channel = opened_channel(context.cipher, due)
    answer = await context.senders.renew(channel)
    failpoints.hit("message.after_renewal")
    async with context.database.transaction() as session:
        await _keep(context, session, due, channel, answer)
    return 1


async def _take_up(session: WriteSession) -> _DueChannel | None:
    now = clock.now()
    wanted = values_of(_DueChannel, _ROW).where(
        col(_ROW.removed_at).is_(None), col(_ROW.renewal_due_at) <= now
    )
    found = await session.lock_all(
        wanted.order_by(col(_ROW.renewal_due_at), col(_ROW.id)).limit(1), skip_locked=True
    )
    if not found:
        return None
    (due,) = found
    taken = update(_ROW).where(col(_ROW.id) == due.id)
    await session.write(
        taken.values(renewal_turn=due.renewal_turn + 1, renewal_due_at=now + ASKING)
    )
    return due


async def _keep(
    context: MessageContext,
    session: WriteSession,
    due: _DueChannel,
    channel: ChannelAccess,
    answer: RenewAnswer,
) -> None:
    """Write down what came, unless another has asked since or the channel was set up anew."""
    now = clock.now()
    told: dict[str, object] = {"renewal_fault": answer.fault}
    match answer.fate:
        case RenewFate.RENEWED:
            credentials = {**channel.credentials, **answer.credentials}
            told |= {
                "access": sealed_access(context.cipher, due.id, channel.url, credentials),
                "renewal_failures": 0,
                "renewal_due_at": now + answer.lasts * _PART,
                "token_until": now + answer.lasts,
            }
        case RenewFate.REFUSED:
            told |= {"renewal_failures": due.renewal_failures + 1, "renewal_due_at": None}
        case _:
            again = now + max(pause(due.renewal_failures + 1), timedelta(minutes=1))
            told |= {"renewal_failures": due.renewal_failures + 1, "renewal_due_at": again}
    ours = update(_ROW).where(
        col(_ROW.id) == due.id,
        col(_ROW.renewal_turn) == due.renewal_turn + 1,
        col(_ROW.removed_at).is_(None),
    )
    if not await session.write(ours.values(told)):
        log.warning("channel: another has asked for its tokens", channel=due.id)
        return
    if answer.fate is RenewFate.RENEWED:
        return
    log.error("channel's tokens not renewed", channel=due.id, reason=answer.fault)
    if answer.fate is RenewFate.REFUSED:
        # Sending goes on until the token of before ends: somebody has to grant new ones.
        await audit.record(
            session,
            actor=ACTOR,
            action="message_channel.renewal_refused",
            object_id=due.id,
            details={"agency_id": due.agency_id, "kind": due.kind, "reason": answer.fault},
        )
