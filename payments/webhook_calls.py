"""Calling a receiver of webhooks: what is asked of the network, and what it says. Pure.

The address is somebody else's choice: an implementation resolves its name once for each line,
refuses whatever is not on the open internet, connects to the very address that it looked at and
follows no redirect.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """What became of one call: the receiver's status, or why there is none."""

    status: int | None
    fault: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the receiver has it: 2xx, and nothing else (a redirect is a failure)."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """Whether the receiver wants no more (410, Standard Webhooks 1.0)."""
        return self.status == 410


class WebhookLine(Protocol):
    """A connection to one receiver, kept while several calls go over it."""

    async def post(self, body: bytes, headers: Mapping[str, str]) -> WebhookAnswer:
        """Send JSON once; never raises for what the receiver or the network does."""
        ...


class WebhookCaller(Protocol):
    """How receivers are reached."""

    async def check(self, url: str) -> None:
        """Raises `Invalid`, naming `url` and the reason, for an address that is never called."""
        ...

    def line(self, url: str) -> AbstractAsyncContextManager[WebhookLine]:
        """A line to the receiver; where it may not be called, each call says so."""
        ...
