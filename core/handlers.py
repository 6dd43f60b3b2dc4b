"""Handlers: who listens to which event, and what they do about it.

A handler is declared once, with its event, its name and its work; what the outbox delivers and what
the worker runs are read from those declarations, so that the two can never disagree.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from core.events import Event, Subscriptions
from core.outbox import Delivery
from core.sessions import WriteSession

E = TypeVar("E", bound=Event)
P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Handler(Generic[P, E]):
    """Something that listens to an event, under the name that its deliveries have in the outbox.

    `work` gets the application's parts and at most `batch` events. It runs in the transaction that
    marks them delivered, and must have no other effect; what it raises is tried again.
    """

    event: type[E]
    name: str
    work: Callable[[P, WriteSession, Sequence[E]], Awaitable[None]]
    batch: int = 50

    async def handle(self, parts: P, session: WriteSession, deliveries: Sequence[Delivery]) -> None:
        """Do the work for some deliveries. Raises ValueError for an event of unknown version."""
        events = [self.event.read(one.version, one.payload) for one in deliveries]
        await self.work(parts, session, events)


def subscriptions_of(handlers: Iterable[Handler[Any, Any]]) -> Subscriptions:
    """Which handlers hear of which events."""
    return Subscriptions((handler.event.name, handler.name) for handler in handlers)
