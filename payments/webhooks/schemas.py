"""What the API of webhooks takes and gives."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from core.schemas import Code, Instant, RequestModel
from payments.webhooks.queries import MessageState, WebhookEndpointValue, WebhookMessageValue
from payments.webhooks.rules import EVENT_TYPES, MessageContent

Address = Annotated[
    str, StringConstraints(min_length=1, max_length=2000, pattern=r"^[\x21-\x7e]+$")
]
EventType = Literal["bill.paid", "refund.paid", "refund.unproved", "receipt.issued"]
Types = Annotated[list[EventType], Field(min_length=1, max_length=len(EVENT_TYPES))]
Sequence = Annotated[int, Field(ge=1, le=2**53 - 1)]


class WebhookEndpointIn(RequestModel):
    """A receiver to be registered; without `types` it is told of everything."""

    #: left out, the caller's own
    agency: Code | None = None
    url: Address
    types: Types | None = None


class WebhookEndpointChangeIn(RequestModel):
    """What is to be changed of a receiver; what is left out stays."""

    url: Address | None = None
    types: Types | None = None
    enabled: bool | None = None


class WebhookSecretIn(RequestModel):
    """For how many hours the secret before signs beside the new one."""

    keep_hours: Annotated[int, Field(ge=0, le=168)] = 24


class WebhookReplayIn(RequestModel):
    """Which messages are to be sent again; `to_sequence` left out, the one alone."""

    from_sequence: Sequence
    to_sequence: Sequence | None = None
    #: those too that were acknowledged, not only those that were set aside
    acknowledged: bool = False


class WebhookAcknowledgementIn(RequestModel):
    """The number up to which the receiver has everything."""

    through_sequence: Sequence


class WebhookEndpointOut(BaseModel):
    """A receiver without its secret.

    `failures` is how often in a row it has not taken what it was sent; `next_try_at` when it is
    called again; `previous_secret_until` how long the secret before signs too.
    """

    id: str
    agency: str
    url: str
    types: list[str]
    enabled: bool
    last_sequence: int
    failures: int
    next_try_at: Instant | None
    previous_secret_until: Instant | None
    created_at: Instant

    @classmethod
    def of(cls, value: WebhookEndpointValue) -> "WebhookEndpointOut":
        """The receiver as the API shows it."""
        return cls(
            id=value.id,
            agency=value.agency,
            url=value.url,
            types=value.types,
            enabled=value.enabled,
            last_sequence=value.last_sequence,
            failures=value.failures,
            next_try_at=value.due_at if value.failures else None,
            previous_secret_until=value.previous_until,
            created_at=value.created_at,
        )


class StandingWebhookEndpointOut(WebhookEndpointOut):
    """A receiver and how much it has not acknowledged."""

    waiting: int
    set_aside: int


class NewWebhookEndpointOut(WebhookEndpointOut):
    """A receiver with its new secret, which is shown here and never again."""

    secret: str


class WebhookEndpointList(BaseModel):
    """Receivers, the oldest first; `next_cursor` asks for those that follow."""

    items: list[WebhookEndpointOut]
    next_cursor: str | None


class WebhookMessageOut(BaseModel):
    """A message and what became of it; `body` is what is sent, byte for byte."""

    id: str
    sequence: int
    type: str
    version: int
    object_id: str
    told_at: Instant
    state: MessageState
    attempts: int
    last_status: int | None
    last_error: str | None
    tried_at: Instant | None
    acknowledged_at: Instant | None
    body: str

    @classmethod
    def of(cls, value: WebhookMessageValue) -> "WebhookMessageOut":
        """The message as the API shows it."""
        content = MessageContent(
            *(value.id, value.sequence, value.type, value.version, value.object_id, value.told_at)
        )
        shown = {name: getattr(value, name) for name in cls.model_fields if name != "body"}
        return cls(**shown, body=content.body().decode())


class WebhookMessageList(BaseModel):
    """Messages in their order; `next_cursor` asks for those that follow."""

    items: list[WebhookMessageOut]
    next_cursor: str | None


class WebhookCountOut(BaseModel):
    """How many messages it was about."""

    messages: int
