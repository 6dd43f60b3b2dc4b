"""Sending a message to a phone or a mailbox: what is asked of a provider, what it says. Pure.

A message is sent with no transaction open. What comes back is a value, never an exception, for what
a provider does must not decide what becomes of the others' messages:

* `TAKEN`: the provider has it;
* `REFUSED`: it never will, for this recipient is none of its, or wants nothing;
* `LATER`: nothing happened, and it may be tried again: no connection, no quota, wrong credentials;
* `UNCLEAR`: bytes had left us and no readable answer came back. It is sent again only where the
  provider knows our own id and takes a repeat for the same message (`repeatable`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal, Protocol, get_args

from core.errors import FieldError

ChannelKind = Literal["sms", "zns", "email"]
CHANNEL_KINDS: Final[tuple[ChannelKind, ...]] = get_args(ChannelKind)


class SendFate(StrEnum):
    """How a call ended; see the module."""

    TAKEN = "taken"
    REFUSED = "refused"
    LATER = "later"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class SendAnswer:
    """What became of one call; `ref` is the provider's own name of the message.

    `fault` says why it was not taken, and holds neither the recipient nor the text. `unwanted` says
    that it was refused by whom it is for: then it goes by no other channel either.
    """

    fate: SendFate
    ref: str | None = None
    fault: str | None = None
    unwanted: bool = False


@dataclass(frozen=True, slots=True)
class OutgoingText:
    """A message as it is sent: `id` is ours and the same at every try.

    `text` is for channels that carry one, `kind` and `params` for those that carry a template.
    """

    id: str
    kind: str
    recipient: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    params: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ChannelAccess:
    """A body's account at a provider of messages; `sender` is the name that recipients see."""

    kind: ChannelKind
    url: str = field(repr=False)
    sender: str
    accents: bool
    credentials: Mapping[str, str] = field(repr=False)


class MessageSenders(Protocol):
    """The providers of messages, one for each kind of channel."""

    async def send(self, channel: ChannelAccess, message: OutgoingText) -> SendAnswer:
        """Send a message once; never raises for what a provider or the network does."""
        ...

    def repeatable(self, kind: ChannelKind) -> bool:
        """Whether a repeat under the same id is the same message there."""
        ...

    def faults(self, channel: ChannelAccess) -> Sequence[FieldError]:
        """What is wrong with a channel as it is set up, field by field; never tells a value."""
        ...
