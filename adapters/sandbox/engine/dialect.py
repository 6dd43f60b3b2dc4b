"""What the engine asks of a dialect: a provider's words, and nothing else.

A dialect is a module of `adapters.sandbox.dialects` that names its `DIALECT`. It reads and writes
what that provider puts on the wire; what is taken, charged, told and lied about is the engine's.
Here is what every provider has, and what a feed has; see `gateway` for those that take orders.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from adapters.sandbox.engine.store import BankAccount, Movement


@dataclass(frozen=True, slots=True)
class WebhookMessage:
    """A notice on the wire, the same bytes at each attempt."""

    url: str
    body: bytes = b""
    method: str = "POST"
    media_type: str = "application/json"


class Dialect(Protocol):
    """What every provider has. `name` is the first part of its addresses."""

    name: str

    def demo_credentials(self, account_number: str) -> dict[str, str]:
        """Credentials made up for a demonstration; `account_number` is its bank account."""
        ...

    def acknowledged(self, status: int | None, answer: str) -> bool:
        """Whether this answer to a notice ends the calls."""
        ...

    def schedule(self, usual: tuple[float, ...]) -> tuple[float, ...]:
        """The waits in seconds before the second, third, … attempt to deliver."""
        ...


@runtime_checkable
class FeedDialect(Dialect, Protocol):
    """A teller of bank credits."""

    def bank_account(self, credentials: Mapping[str, str]) -> tuple[str, str]:
        """Number and signing key of the account. Raises `KeyError`."""
        ...

    def notice(self, account: BankAccount, movement: Movement) -> bytes:
        """The body that tells of a movement."""
        ...

    def headers(self, secret: str, body: bytes, at: datetime) -> dict[str, str]:
        """What signs a notice sent at `at`."""
        ...
