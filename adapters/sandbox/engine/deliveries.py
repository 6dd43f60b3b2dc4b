"""Callbacks waiting to be sent: what is due, what was answered, when to try again.

Pure. Somebody else carries them: the webhook sender over real HTTP, a test by a plain call.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from adapters.sandbox.engine.dialect import Dialect, WebhookMessage

#: answers are kept for people to read, not for ever
_KEPT_ANSWER: Final = 2000


class DeliveryState(StrEnum):
    """Where a callback is on its way."""

    WAITING = "waiting"
    IN_FLIGHT = "in_flight"
    ACKNOWLEDGED = "acknowledged"
    GIVEN_UP = "given_up"
    #: planned to be lost: never sent
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to deliver; `status` None when there was no answer, `error` then says why."""

    at: datetime
    headers: Mapping[str, str]
    status: int | None
    answer: str
    error: str = ""


@dataclass(slots=True)
class WebhookDelivery:
    """One callback with the very bytes it carries at each attempt."""

    id: int
    #: whose words it is written in
    dialect: str
    #: the merchant or the account number it belongs to, and the order or movement it tells of
    account: str
    subject: str
    #: genuine, duplicate, forged, failure, …: for people
    kind: str
    message: WebhookMessage
    due_at: datetime
    state: DeliveryState = DeliveryState.WAITING
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it goes."""
        return self.message.url

    @property
    def body(self) -> bytes:
        """What it carries; nothing where the address says it all."""
        return self.message.body


class Deliveries:
    """All callbacks. `schedule` is the usual wait in seconds before the second, third, … attempt;
    a dialect may have another."""

    def __init__(self, schedule: tuple[float, ...], dialects: Mapping[str, Dialect]) -> None:
        self.all: list[WebhookDelivery] = []
        self._dialects = dialects
        self._schedule = schedule
        self._waiting: dict[int, WebhookDelivery] = {}
        #: called when something new is waiting, so that a sender can wake up
        self.on_planned: Callable[[], None] = lambda: None

    def plan(
        self,
        dialect: str,
        account: str,
        subject: str,
        kind: str,
        message: WebhookMessage,
        due_at: datetime,
        *,
        lost: bool = False,
    ) -> WebhookDelivery:
        """Put one callback in the queue (or only note it, if it is to be lost)."""
        state = DeliveryState.LOST if lost else DeliveryState.WAITING
        number = len(self.all) + 1
        delivery = WebhookDelivery(number, dialect, account, subject, kind, message, due_at, state)
        self.all.append(delivery)
        if not lost:
            self._wait(delivery)
        return delivery

    def take_due(self, now: datetime) -> list[WebhookDelivery]:
        """Those to be sent at `now`, oldest first; they are in flight until `answered`."""
        due = [d for d in self._waiting.values() if d.due_at <= now]
        due.sort(key=lambda d: (d.due_at, d.id))
        for delivery in due:
            self.take(delivery)
        return due

    def take(self, delivery: WebhookDelivery) -> bool:
        """Take this one whatever its time; False if somebody else has it already."""
        if self._waiting.pop(delivery.id, None) is None:
            return False
        delivery.state = DeliveryState.IN_FLIGHT
        return True

    def next_due_at(self) -> datetime | None:
        """When the next one is due; None if none is waiting."""
        return min((d.due_at for d in self._waiting.values()), default=None)

    def repeat(self, delivery: WebhookDelivery, now: datetime) -> WebhookDelivery:
        """The same bytes once more, as a callback of its own."""
        return self.plan(
            delivery.dialect,
            delivery.account,
            delivery.subject,
            "repeated",
            delivery.message,
            now,
        )

    def answered(
        self,
        delivery: WebhookDelivery,
        now: datetime,
        headers: Mapping[str, str],
        status: int | None,
        answer: bytes = b"",
        error: str = "",
    ) -> None:
        """Note what came back, and plan the next attempt unless that was an acknowledgement."""
        text = answer[:_KEPT_ANSWER].decode("utf-8", "replace")
        delivery.attempts.append(Attempt(now, dict(headers), status, text, error))
        dialect = self._dialects[delivery.dialect]
        schedule = dialect.schedule(self._schedule)
        if dialect.acknowledged(status, text):
            delivery.state = DeliveryState.ACKNOWLEDGED
        elif len(delivery.attempts) > len(schedule):
            delivery.state = DeliveryState.GIVEN_UP
        else:
            wait = schedule[len(delivery.attempts) - 1]
            delivery.due_at = now + timedelta(seconds=wait)
            delivery.state = DeliveryState.WAITING
            self._wait(delivery)

    def _wait(self, delivery: WebhookDelivery) -> None:
        self._waiting[delivery.id] = delivery
        self.on_planned()
