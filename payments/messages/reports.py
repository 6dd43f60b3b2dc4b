"""What providers tell of messages that they took: whether each reached its recipient.

A report is taken where it is its provider's, by signature or by an address that nobody else has,
and about messages alone that go through its channel: of the channel's body and those below it. It
is told again and in any order: what has arrived stays arrived. One about a message of which nobody
knew says that the provider has it. Nothing is sent again for a report.
"""

from typing import Final

from sqlalchemy import func, or_, update
from sqlmodel import col, select

from core import clock
from core.crypto import Cipher
from core.log import get
from core.sessions import WriteSession
from payments.agencies.tree import reach
from payments.message_calls import ChannelAccess, DeliveryReport, MessageSenders, RawReport
from payments.messages.channels import find_channel_by_id
from payments.messages.models import MessageChannel, PayerMessage

log = get(__name__)

_ROW: Final = PayerMessage


async def take_report(
    session: WriteSession,
    cipher: Cipher,
    senders: MessageSenders,
    channel_id: str,
    report: RawReport,
) -> int | None:
    """Note what a report says; how many messages it was about, None where no channel is.

    Raises `ReportRejected`.
    """
    channel = await find_channel_by_id(session, cipher, channel_id)
    if channel is None:
        return None
    told = senders.read_report(channel, report)
    return 0 if told is None else await _note(session, channel, told)


async def _note(session: WriteSession, channel: ChannelAccess, told: DeliveryReport) -> int:
    now = clock.now()
    whose = select(MessageChannel.agency_id).where(col(MessageChannel.id) == channel.id)
    # By our own id where it is told, for theirs is new to us where no answer was heard.
    named = col(_ROW.id) == told.id if told.id else col(_ROW.provider_ref) == told.ref
    this = update(_ROW).where(
        named,
        col(_ROW.channel) == channel.kind,
        col(_ROW.agency_id).in_(await reach(session, await session.one(whose))),
        col(_ROW.state).in_(("sending", "unknown", "sent")),
        or_(col(_ROW.delivery).is_(None), col(_ROW.delivery) == "failed"),
    )
    count = await session.write(
        this.values(
            delivery="delivered" if told.delivered else "failed",
            reported_at=now,
            state="sent",
            due_at=None,
            sent_at=func.coalesce(col(_ROW.sent_at), now),
        )
    )
    if count and not told.delivered:
        log.warning("message not delivered", channel=channel.kind, ref=told.ref)
    return count
