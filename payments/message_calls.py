"""Sending a message to a phone or a mailbox: what is asked of a provider, what it says. Pure.

A message is sent with no transaction open. What comes back is a value, never an exception, for what
a provider does must not decide what becomes of the others' messages:

* `TAKEN`: the provider has it;
* `REFUSED`: it never will, for this recipient is none of its, or wants nothing;
* `LATER`: nothing happened, and it may be tried again: no connection, no quota, wrong credentials;
* `MISSET`: it never will as the message is put together: its template is not approved, or wants
  other parameters. People mend that; tried again it is refused again;
* `UNCLEAR`: bytes had left us and no readable answer came back. It is sent again only where the
  provider knows our own id and takes a repeat for the same message (`repeatable`).

Some providers give tokens that end, and renew them for another that serves once (`renew`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
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
    MISSET = "misset"
    UNCLEAR = "unclear"


class RenewFate(StrEnum):
    """How asking for new tokens ended: `REFUSED` says that a person must grant them anew."""

    RENEWED = "renewed"
    REFUSED = "refused"
    LATER = "later"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class RenewAnswer:
    """What became of asking: `credentials` that are new, and for how long the token `lasts`.

    `fault` says why there are none, and holds no secret.
    """

    fate: RenewFate
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    lasts: timedelta = timedelta(0)
    fault: str | None = None


class ReportRejected(Exception):
    """A call about a message that is not its provider's, or cannot be read; the text says why."""


@dataclass(frozen=True, slots=True)
class RawReport:
    """A call about a message as it came; header names are in lower case."""

    method: str
    query: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """Whether a message reached its recipient; `id` is ours where it is told, `ref` theirs."""

    id: str
    ref: str
    delivered: bool


@dataclass(frozen=True, slots=True)
class SendAnswer:
    """What became of one call; `ref` is the provider's own name of the message.

    `fault` says why it was not taken, and holds neither the recipient nor the text. `unwanted` says
    that it was refused by whom it is for: then it goes by no other channel either. `ended` says
    that the token it was sent with has ended.
    """

    fate: SendFate
    ref: str | None = None
    fault: str | None = None
    unwanted: bool = False
    ended: bool = False


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
    #: ours of the channel, and where its provider tells whether messages arrived
    id: str = ""
    report_url: str = field(default="", repr=False)


class MessageSenders(Protocol):
    """The providers of messages, one for each kind of channel."""

    async def send(self, channel: ChannelAccess, message: OutgoingText) -> SendAnswer:
        """Send a message once; never raises for what a provider or the network does."""
        ...

    async def renew(self, channel: ChannelAccess) -> RenewAnswer:
        """Ask for new tokens in the place of those that end; never raises for what happens."""
        ...

    def read_report(self, channel: ChannelAccess, report: RawReport) -> DeliveryReport | None:
        """What a provider tells of a message; None where it tells something else.

        Raises `ReportRejected`.
        """
        ...

    def renews(self, channel: ChannelAccess) -> bool:
        """Whether the channel has tokens that end, and what new ones are asked for by."""
        ...

    def repeatable(self, kind: ChannelKind) -> bool:
        """Whether a repeat under the same id is the same message there."""
        ...

    def faults(self, channel: ChannelAccess) -> Sequence[FieldError]:
        """What is wrong with a channel as it is set up, field by field; never tells a value."""
        ...
