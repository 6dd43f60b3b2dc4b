"""The sandbox's answers to requests, and what goes wrong in giving each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from adapters.sandbox.engine.deliveries import WebhookDelivery
from adapters.sandbox.engine.faults import Fault, PlannedFault
from adapters.sandbox.engine.store import Order


class ResponseFault(StrEnum):
    """How the giving of an answer goes wrong."""

    NONE = "none"
    NEVER = "never"
    SLOW = "slow"
    TRUNCATED = "truncated"
    HUGE = "huge"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to a request. `first` are callbacks to send before it is given, after which
    `SandboxState.reveal` shows the charge of `order` to queries."""

    status: int
    body: bytes
    spoilt: ResponseFault = ResponseFault.NONE
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    first: tuple[WebhookDelivery, ...] = ()
    order: Order | None = None


_HTML = b"<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>"

_SPOILT = {
    Fault.TIMEOUT: ResponseFault.NEVER,
    Fault.TIMEOUT_AFTER_CHARGE: ResponseFault.NEVER,
    Fault.SLOW: ResponseFault.SLOW,
    Fault.TRUNCATED: ResponseFault.TRUNCATED,
    Fault.HUGE: ResponseFault.HUGE,
}


def did_nothing(planned: PlannedFault) -> bool:
    """Whether the request is refused before it takes effect."""
    if planned.fault is Fault.SERVER_ERROR:
        return not planned.takes_effect
    return planned.fault in (Fault.RATE_LIMITED, Fault.UNAVAILABLE, Fault.DECLINE)


def refusal(planned: PlannedFault, declined: bytes, busy: bytes) -> Reply:
    """An answer to a request that was not looked at; the bodies are in the dialect's words."""
    if planned.fault is Fault.DECLINE:
        return Reply(200, declined)
    if planned.fault is Fault.SERVER_ERROR:
        return Reply(planned.status, _HTML, media_type="text/html")
    status = 429 if planned.fault is Fault.RATE_LIMITED else 503
    return Reply(status, busy, headers={"Retry-After": planned.retry_after})


def answer(
    planned: PlannedFault | None,
    body: bytes,
    first: tuple[WebhookDelivery, ...] = (),
    order: Order | None = None,
) -> Reply:
    """The answer to a request that took effect, spoilt as planned."""
    if planned is None:
        return Reply(200, body)
    if planned.fault is Fault.SERVER_ERROR:
        return Reply(planned.status, _HTML, media_type="text/html")
    if planned.fault is Fault.HTML:
        return Reply(200, _HTML, media_type="text/html")
    return Reply(
        200, body, _SPOILT.get(planned.fault, ResponseFault.NONE), first=first, order=order
    )
