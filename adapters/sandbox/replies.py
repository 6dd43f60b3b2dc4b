"""The sandbox's answers to requests, and in which manner each is given."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from adapters.sandbox import wire
from adapters.sandbox.books import Order
from adapters.sandbox.deliveries import Delivery
from adapters.sandbox.faults import Fault, Planned


class Manner(StrEnum):
    """How an answer is given."""

    PLAIN = "plain"
    NEVER = "never"
    SLOW = "slow"
    TRUNCATED = "truncated"
    HUGE = "huge"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to a request. `first` are callbacks to carry before it is given, after which
    `SandboxState.reveal` shows the charge of `order` to queries."""

    status: int
    body: bytes
    manner: Manner = Manner.PLAIN
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    first: tuple[Delivery, ...] = ()
    order: Order | None = None


_HTML = b"<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>"

_MANNERS = {
    Fault.TIMEOUT: Manner.NEVER,
    Fault.TIMEOUT_AFTER_CHARGE: Manner.NEVER,
    Fault.SLOW: Manner.SLOW,
    Fault.TRUNCATED: Manner.TRUNCATED,
    Fault.HUGE: Manner.HUGE,
}


def did_nothing(planned: Planned) -> bool:
    """Whether the request is refused before it takes effect."""
    if planned.fault is Fault.SERVER_ERROR:
        return not planned.takes_effect
    return planned.fault in (Fault.RATE_LIMITED, Fault.UNAVAILABLE, Fault.DECLINE)


def refusal(planned: Planned) -> Reply:
    """An answer to a request that was not looked at."""
    if planned.fault is Fault.DECLINE:
        return Reply(200, wire.error_body("51", "Giao dịch bị từ chối (môi trường thử)"))
    if planned.fault is Fault.SERVER_ERROR:
        return Reply(planned.status, _HTML, media_type="text/html")
    status = 429 if planned.fault is Fault.RATE_LIMITED else 503
    return Reply(
        status, wire.error_body("99", "busy"), headers={"Retry-After": planned.retry_after}
    )


def answer(
    planned: Planned | None,
    body: bytes,
    first: tuple[Delivery, ...] = (),
    order: Order | None = None,
) -> Reply:
    """The answer to a request that took effect, spoilt as planned."""
    if planned is None:
        return Reply(200, body)
    if planned.fault is Fault.SERVER_ERROR:
        return Reply(planned.status, _HTML, media_type="text/html")
    if planned.fault is Fault.HTML:
        return Reply(200, _HTML, media_type="text/html")
    return Reply(200, body, _MANNERS.get(planned.fault, Manner.PLAIN), first=first, order=order)
