"""Events: facts that happened, told to whoever subscribed, after the commit that made them true.

An event carries ids and amounts only, never personal data, and has a version: a handler that
meets a version it does not know sets the delivery aside instead of guessing. Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self


@dataclass(frozen=True, slots=True)
class Event:
    """Base of every event; subclasses are frozen dataclasses of JSON-ready values."""

    name: ClassVar[str]
    version: ClassVar[int] = 1

    def payload(self) -> dict[str, Any]:
        """The event as JSON-ready values."""
        return asdict(self)

    @classmethod
    def read(cls, version: int, payload: Mapping[str, Any]) -> Self:
        """Rebuild the event; raises ValueError for a version this code does not know."""
        if version != cls.version:
            raise ValueError(f"{cls.name} version {version} is not known here")
        return cls(**payload)


class Subscriptions:
    """Which handlers each event goes to, by name."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._handlers: dict[str, tuple[str, ...]] = {}
        for event_name, handler in pairs:
            self._handlers[event_name] = (*self._handlers.get(event_name, ()), handler)

    def handlers_of(self, event_name: str) -> tuple[str, ...]:
        """The handlers an event goes to; none is an empty tuple."""
        return self._handlers.get(event_name, ())
