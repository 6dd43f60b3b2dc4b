"""Channels of messages: set up, taken away, and found for a body: its own, or of the body above.

Address and credentials are kept encrypted; a change tells only that they were renewed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import insert, update
from sqlmodel import col

from core import clock
from core.audit import record
from core.crypto import Cipher
from core.errors import Invalid, NotFound
from core.ids import new_id
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.agencies.changes import record_change
from payments.agencies.models import Agency
from payments.agencies.tree import lineage
from payments.message_calls import ChannelAccess, ChannelKind, MessageSenders
from payments.messages.models import MessageChannel

#: How long asking for a channel's tokens is one worker's; longer than a call takes.
ASKING: Final = timedelta(seconds=90)


@dataclass(frozen=True, slots=True)
class ChannelValue:
    """A channel without its secrets; `agency` is its body's code.

    `renewal_fault` says why its token could not be renewed; `token_until` when it ends (None: that
    is not known), `renewal_due_at` when new ones are asked for next.
    """

    id: str
    agency_id: str
    agency: str
    kind: str
    sender: str
    accents: bool
    created_at: datetime
    renewal_fault: str | None
    token_until: datetime | None
    renewal_due_at: datetime | None

    @property
    def wants_tokens(self) -> bool:
        """Whether a person has to grant new tokens: its provider takes those it has no more."""
        return self.renewal_fault is not None and self.renewal_due_at is None

    @property
    def has_ended(self) -> bool:
        """Whether nothing can be sent until there is a new token, as far as that is known."""
        return self.token_until is not None and self.token_until <= clock.now()


@dataclass(frozen=True, slots=True)
class SealedChannel:
    """A channel as it is kept."""

    id: str
    agency_id: str
    kind: ChannelKind
    sender: str
    accents: bool
    access: bytes = field(repr=False)


def opened_channel(cipher: Cipher, found: SealedChannel) -> ChannelAccess:
    """A channel ready to be sent through."""
    kept = json.loads(cipher.decrypt(bytes(found.access), _place(found.id)))
    credentials: Mapping[str, str] = kept["credentials"]
    shown = (found.sender, found.accents)
    return ChannelAccess(found.kind, kept["url"], *shown, credentials, id=found.id)


async def find_channel_by_id(
    session: ReadSession, cipher: Cipher, channel_id: str
) -> ChannelAccess | None:
    """A channel by its id, also one that was taken away since; None where there was none."""
    wanted = values_of(SealedChannel, MessageChannel).where(MessageChannel.id == channel_id)
    found = await session.first(wanted)
    return None if found is None else opened_channel(cipher, found)


def sealed_access(
    cipher: Cipher, channel_id: str, url: str, credentials: Mapping[str, str]
) -> bytes:
    """A channel's address and credentials as they are kept."""
    kept = {"url": url, "credentials": dict(credentials)}
    return cipher.encrypt(json.dumps(kept).encode(), _place(channel_id))


_STANDING = col(MessageChannel.removed_at).is_(None)


async def set_channel(
    session: WriteSession,
    cipher: Cipher,
    senders: MessageSenders,
    agency_id: str,
    access: ChannelAccess,
    *,
    actor: str,
) -> str:
    """Set a body's channel of a kind up, in the place of the one before; its id.

    Raises `Invalid`, naming each field that will not do and never a value.
    """
    faults = senders.faults(access)
    if faults:
        detail = "; ".join(f"{one.field}: {one.detail}" for one in faults)
        raise Invalid(detail, errors=list(faults))
    await _remove(session, agency_id, access.kind)
    channel_id = new_id("channel")
    shown = {"kind": access.kind, "sender": access.sender, "accents": access.accents}
    row = shown | {
        "id": channel_id,
        "agency_id": agency_id,
        "access": sealed_access(cipher, channel_id, access.url, access.credentials),
        "created_at": clock.now(),
        # At once: nobody knows how long the token that came with it lasts.
        "renewal_due_at": clock.now() if senders.renews(access) else None,
    }
    await session.write(insert(MessageChannel), row)
    told = shown | {"agency_id": agency_id}
    await record_change(session, actor, "message_channel.set", channel_id, {}, told)
    return channel_id


async def remove_channel(
    session: WriteSession, agency_id: str, kind: ChannelKind, *, actor: str
) -> None:
    """Take a body's channel of a kind away; what waits is set aside. Raises `NotFound`."""
    if not await _remove(session, agency_id, kind):
        raise NotFound("Cơ quan này không có kênh nhắn tin loại đó.")
    action, told = "message_channel.removed", {"kind": kind}
    await record(session, actor=actor, action=action, object_id=agency_id, details=told)


async def _remove(session: WriteSession, agency_id: str, kind: str) -> int:
    row = MessageChannel
    ended = update(row).where(col(row.agency_id) == agency_id, col(row.kind) == kind, _STANDING)
    return await session.write(ended.values(removed_at=clock.now()))


async def list_channels(
    session: ReadSession, within: frozenset[str] | None = None
) -> list[ChannelValue]:
    """The channels of some bodies (None: of all)."""
    row = MessageChannel
    wanted = (
        values_of(ChannelValue, row, agency=col(Agency.code))
        .join(Agency, col(Agency.id) == col(row.agency_id))
        .where(_STANDING)
        .order_by(col(Agency.code), col(row.kind))
    )
    if within is not None:
        wanted = wanted.where(col(row.agency_id).in_(within))
    return await session.all(wanted)


async def list_unrenewed(session: ReadSession, within: frozenset[str]) -> list[ChannelValue]:
    """The channels of some bodies whose tokens could not be renewed, and are not yet since."""
    return [one for one in await list_channels(session, within) if one.renewal_fault is not None]


async def kinds_of(session: ReadSession, agency_id: str) -> frozenset[ChannelKind]:
    """Through which kinds of channels a body's messages can go."""
    return frozenset(await _nearest(session, agency_id))


async def find_channel(
    session: ReadSession, cipher: Cipher, agency_id: str, kind: ChannelKind
) -> ChannelAccess | None:
    """A body's channel of a kind, ready to be sent through; None where there is none."""
    found = (await _nearest(session, agency_id)).get(kind)
    return None if found is None else opened_channel(cipher, found)


async def want_renewal(session: WriteSession, agency_id: str, kind: ChannelKind) -> None:
    """Have the tokens of a body's channel asked for at once: its provider says that one has ended.

    Where a person must grant them anew, or it is being asked or is about to, nothing is changed:
    a second asking by the same refresh token would be refused, and what the first got be lost.
    """
    found = (await _nearest(session, agency_id)).get(kind)
    if found is None:
        return
    row = MessageChannel
    due = update(row).where(
        col(row.id) == found.id,
        col(row.renewal_due_at) > clock.now() + ASKING,
        col(row.renewal_failures) == 0,
        col(row.token_until).is_not(None),
    )
    await session.write(due.values(renewal_due_at=clock.now(), token_until=None))


async def _nearest(session: ReadSession, agency_id: str) -> dict[ChannelKind, SealedChannel]:
    """Each kind's channel: the body's own, else of the nearest body above that has one."""
    above = await lineage(session, agency_id)
    row = MessageChannel
    wanted = values_of(SealedChannel, row).where(col(row.agency_id).in_(above), _STANDING)
    found: dict[ChannelKind, SealedChannel] = {}
    for one in sorted(await session.all(wanted), key=lambda one: above.index(one.agency_id)):
        found.setdefault(one.kind, one)
    return found


def _place(channel_id: str) -> str:
    """What a channel's encryption is bound to."""
    return f"message_channel:{channel_id}"
