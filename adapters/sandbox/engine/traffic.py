"""What gateways were asked and what they answered, for people who watch.

The last of each, in memory: what nobody looked at is gone with the process. Pure.
"""

import contextlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from adapters.sandbox.engine.faults import Fault, Operation, PlannedFault
from adapters.sandbox.engine.gateway import ProviderRequest
from adapters.sandbox.engine.replies import Reply, ResponseFault
from adapters.sandbox.engine.store import Order

#: exchanges, and characters of each body, that are kept
KEPT: Final = 300
_BODY: Final = 8_000
#: headers whose value lets somebody in: a few characters of it are enough to compare
_KEYS: Final = frozenset({"authorization", "x-api-key", "cookie", "proxy-authorization"})
_SHOWN: Final = 12


class Seal(StrEnum):
    """What a gateway found of a request's signature, or of its key where it asks for no more."""

    RIGHT = "right"
    WRONG = "wrong"
    #: nothing was compared: a page, an account that nobody has, a request that was no request
    NOT_COMPARED = "not_compared"


@dataclass(slots=True)
class Exchange:
    """One request and its answer. `status` is None until there is one; `page` is a payer's page."""

    number: int
    at: datetime
    dialect: str
    method: str
    path: str
    query: str
    headers: dict[str, str] = field(repr=False)
    body: str = field(repr=False)
    account: str = ""
    operation: Operation | None = None
    fault: Fault | None = None
    seal: Seal = Seal.NOT_COMPARED
    status: int | None = None
    answer: str = field(default="", repr=False)
    spoilt: ResponseFault = ResponseFault.NONE
    page: bool = False

    def compared(self, *, good: bool) -> None:
        """Something that only the account's owner can write was compared; one slip is enough."""
        if self.seal is not Seal.WRONG:
            self.seal = Seal.RIGHT if good else Seal.WRONG

    def planned(self, operation: Operation, planned: PlannedFault | None) -> None:
        """What kind of request it is, and the lie that it meets."""
        self.operation, self.fault = operation, planned.fault if planned is not None else None

    def answered(self, reply: Reply | Order | None) -> None:
        """Note what the gateway says to it."""
        match reply:
            case None:
                self.status = 404
            case Order():
                self.status, self.page, self.account = 200, True, reply.merchant_id
            case Reply():
                self.status, self.spoilt = reply.status, reply.spoilt
                self.answer = _text(reply.body)


class Traffic:
    """The last `KEPT` exchanges. One is looked at at a time: gateways answer without waiting."""

    def __init__(self) -> None:
        self._kept: deque[Exchange] = deque(maxlen=KEPT)
        self._count = 0
        #: what is being answered; what is noted outside of an answer goes nowhere
        self.current = self._blank()

    @contextlib.contextmanager
    def watching(self, dialect: str, request: ProviderRequest, at: datetime) -> Iterator[Exchange]:
        """Keep a request while it is answered."""
        self._count += 1
        seen = Exchange(
            *(self._count, at, dialect, request.method, request.path, request.query),
            headers={name: _covered(name, value) for name, value in request.headers.items()},
            body=_text(request.body),
        )
        self._kept.append(seen)
        self.current = seen
        try:
            yield seen
        finally:
            self.current = self._blank()

    def newest(self) -> list[Exchange]:
        """All that are kept, newest first."""
        return list(reversed(self._kept))

    def find(self, number: int) -> Exchange | None:
        """One by its number; None where it is not kept any more."""
        return next((one for one in self._kept if one.number == number), None)

    @staticmethod
    def _blank() -> Exchange:
        return Exchange(0, datetime.min.replace(tzinfo=UTC), "", "", "", "", {}, "")


def _text(body: bytes) -> str:
    return body[:_BODY].decode("utf-8", "replace")


def _covered(name: str, value: str) -> str:
    covered = name in _KEYS and len(value) > _SHOWN
    return f"{value[:_SHOWN]}… ({len(value)})" if covered else value
