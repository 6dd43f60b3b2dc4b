"""What the API of messages gives."""

from dataclasses import asdict
from typing import Literal

from pydantic import BaseModel

from core.schemas import Instant
from payments.messages.channels import ChannelValue
from payments.messages.queries import PayerMessageState, PayerMessageValue


class PayerMessageOut(BaseModel):
    """A message and what became of it, without recipient and text.

    `object_id` is what it tells of: of a `reminder` the vendor, of a `receipt` the receipt. `parts`
    is how many parts its SMS had; `due_at` when it is looked at again. `delivery` says whether it
    arrived, where its provider has told that.
    """

    id: str
    agency: str
    kind: str
    object_id: str
    channel: str
    language: str
    state: PayerMessageState
    attempts: int
    parts: int | None
    last_error: str | None
    due_at: Instant | None
    created_at: Instant
    tried_at: Instant | None
    sent_at: Instant | None
    delivery: Literal["delivered", "failed"] | None
    reported_at: Instant | None

    @classmethod
    def of(cls, value: PayerMessageValue) -> "PayerMessageOut":
        """The message as the API shows it."""
        return cls(**{name: getattr(value, name) for name in cls.model_fields})


class PayerMessageList(BaseModel):
    """Messages, the newest first; `next_cursor` asks for those that follow."""

    items: list[PayerMessageOut]
    next_cursor: str | None


class MessageChannelOut(BaseModel):
    """A channel that a body's messages go through, without its credentials.

    `token_until` is when its token ends, where it renews its tokens by itself; `renewal_fault` says
    why there is no new one: where it was refused, somebody must grant new tokens before that.
    """

    id: str
    agency: str
    kind: str
    sender: str
    accents: bool
    created_at: Instant
    renewal_fault: str | None
    token_until: Instant | None

    @classmethod
    def of(cls, value: ChannelValue) -> "MessageChannelOut":
        """The channel as the API shows it."""
        told = asdict(value)
        return cls(**{name: told[name] for name in cls.model_fields})


class MessageChannelList(BaseModel):
    """The channels of a body and its units; where there are none, nothing is sent."""

    items: list[MessageChannelOut]
