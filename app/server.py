"""Who may hold a connection, and for how long: limits that the web server itself does not have.

A connection costs memory and one of the files that a process may open, whether it ever sends a
request or not. So there are at most so many, in all and from one address; a request's head has to
come within seconds and be of a sensible size, its body has to keep coming, and an answer has to be
read. Where all places are taken, whoever has not sent a whole request for longest makes room: one
who sends one is never turned away for those who do not.

Nothing is timed for each request: what a connection is doing stands in a table, the longest first,
and once a second somebody walks along it.
"""

import asyncio
import contextlib
import resource
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from core import log
from core.settings import Settings

_log = log.get(__name__)

#: Files that a process needs beside its connections: the database's, gateways', its own.
_OTHER_FILES: Final = 512
_SWEEP_SECONDS: Final = 1.0
#: What is still read of a body after its answer: its sender, who has not looked yet, would be told
#: of a broken connection in the place of it.
_LEFT_OVER: Final = 262_144
#: A proxy on this machine speaks for everybody.
_PROXIES: Final = ("127.0.0.1", "::1", "")
_STATUS: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
_TOO_LONG: Final = _STATUS + b"content-length: 0\r\nconnection: close\r\n\r\n"


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How many connections there may be, and how long they may take; 0 per address: any number.

    A head has `head_seconds` and `head_bytes`. A body brings `body_rate` bytes a second at least,
    once `body_grace` seconds have passed. What is left of a body whose answer is given may come for
    `linger_seconds`. An answer that nobody reads is given up after `read_seconds`.
    """

    most: int
    most_of_one: int
    head_seconds: float = 10.0
    head_bytes: int = 65_536
    body_grace: float = 10.0
    body_rate: int = 8_192
    linger_seconds: float = 2.0
    read_seconds: float = 60.0


@dataclass(slots=True)
class _Body:
    """A body that is on its way: since when, and how much of it has come."""

    since: float
    came: int = 0
    #: seconds in which it was we who did not read
    ours: float = 0.0
    answered_at: float | None = None
    #: how much of it had come by then
    kept: int = 0


class Guard:
    """The connections of one server, by what they are doing; the longest first."""

    def __init__(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        self.closed = 0
        #: no whole head yet, since when
        self.heads: dict[GuardedProtocol, float] = {}
        self.bodies: dict[GuardedProtocol, _Body] = {}
        #: answers that are not being read, since when
        self.unread: dict[GuardedProtocol, float] = {}
        self._of: dict[str, int] = {}
        self._timer: asyncio.TimerHandle | None = None

    def come(self, connection: "GuardedProtocol", address: str, count: int, now: float) -> bool:
        """A connection has been made, `count` with it; whether it may stay."""
        if self._timer is None:
            self._timer = connection.loop.call_later(_SWEEP_SECONDS, self._tick, connection.loop)
        of_one = self._of.get(address, 0) + 1
        self._of[address] = of_one
        if address not in _PROXIES and 0 < self.limits.most_of_one < of_one:
            self.close(connection)
            return False
        if count > self.limits.most and not self._make_room():
            self.close(connection)
            return False
        self.heads[connection] = now
        return True

    def go(self, connection: "GuardedProtocol", address: str) -> None:
        """A connection has ended."""
        left = self._of.get(address, 0) - 1
        if left > 0:
            self._of[address] = left
        else:
            self._of.pop(address, None)
        for table in (self.heads, self.bodies, self.unread):
            table.pop(connection, None)

    def begin_body(self, connection: "GuardedProtocol", now: float) -> None:
        """A head is whole; its body is on its way."""
        self.heads.pop(connection, None)
        self.bodies[connection] = _Body(now)

    def sweep(self, now: float) -> None:
        """Close whoever has taken too long."""
        limits = self.limits
        for table, longest in (
            (self.heads, limits.head_seconds),
            (self.unread, limits.read_seconds),
        ):
            for connection, since in list(table.items()):
                if now - since <= longest:
                    break
                self.close(connection)
        for connection, body in list(self.bodies.items()):
            if self._is_too_slow(connection, body, now):
                self.close(connection)

    def close(self, connection: "GuardedProtocol") -> None:
        """End a connection at once, whatever is still to be sent."""
        self.closed += 1
        connection.transport.abort()
        for table in (self.heads, self.bodies, self.unread):
            table.pop(connection, None)

    def _is_too_slow(self, connection: "GuardedProtocol", body: _Body, now: float) -> bool:
        if body.answered_at is not None:
            return now - body.answered_at > self.limits.linger_seconds
        if connection.flow.read_paused:
            body.ours += _SWEEP_SECONDS
            return False
        counted = now - body.since - body.ours - self.limits.body_grace
        return counted > 0 and body.came < counted * self.limits.body_rate

    def _make_room(self) -> bool:
        """Close whoever has been without a whole request for longest; False if there is nobody."""
        for table in (self.heads, self.bodies):
            oldest = next(iter(table), None)
            if oldest is not None:
                self.close(oldest)
                return True
        return False

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        before = self.closed
        self.sweep(loop.time())
        if self.closed != before:
            _log.warning("connections closed", slow_or_too_many=self.closed - before)
        anybody = self.heads or self.bodies or self.unread
        self._timer = loop.call_later(_SWEEP_SECONDS, self._tick, loop) if anybody else None


class GuardedProtocol(HttpToolsProtocol):
    """A connection that its server's guard knows of; `guard` is that server's."""

    guard: ClassVar[Guard]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come."""
        super().connection_made(transport)  # type: ignore[arg-type]  # of sockets
        self._address = self.client[0] if self.client else ""
        self._head = 0
        self.guard.come(self, self._address, len(self.connections), self.loop.time())

    def connection_lost(self, exc: Exception | None) -> None:
        """It has gone."""
        self.guard.go(self, self._address)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes have come: a head may not go on for ever."""
        if self in self.guard.heads:
            self._head += len(data)
            if self._head > self.guard.limits.head_bytes + len(data):
                self.transport.write(_TOO_LONG)
                self.transport.close()
                return
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """A head is whole; its body follows."""
        self._head = 0
        self.guard.begin_body(self, self.loop.time())
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of a body has come."""
        coming = self.guard.bodies.get(self)
        if coming is not None:
            coming.came += len(body)
            if coming.answered_at is not None and coming.came > coming.kept + _LEFT_OVER:
                self.flow.pause_reading()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is whole."""
        self.guard.bodies.pop(self, None)
        super().on_message_complete()
        if self.cycle.response_complete:
            self.guard.heads[self] = self.loop.time()

    def on_response_complete(self) -> None:
        """An answer is given: the next head is awaited, or what is left of the body."""
        coming = self.guard.bodies.get(self)
        if coming is not None:
            coming.answered_at = self.loop.time()
            coming.kept = coming.came
        elif not self.pipeline and not self.transport.is_closing():
            self.guard.heads[self] = self.loop.time()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """The answer is not being read."""
        self.guard.unread[self] = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """It is being read again."""
        self.guard.unread.pop(self, None)
        super().resume_writing()


def guarded(limits: ConnectionLimits) -> type[GuardedProtocol]:
    """What a server is given as its `http`: connections with a guard of its own."""
    own: dict[str, Any] = {"guard": Guard(limits)}
    return type("ServerProtocol", (GuardedProtocol,), own)


def limits_of(settings: Settings) -> ConnectionLimits:
    """The limits that an operator has set, no more than the process may open files."""
    allowed = _raise_files(settings.connections + _OTHER_FILES)
    most = min(settings.connections, max(allowed - _OTHER_FILES, 10))
    if most < settings.connections:
        _log.warning("fewer connections than set: the limit of open files is low", most=most)
    return ConnectionLimits(most, settings.connections_per_address)


def _raise_files(wanted: int) -> int:
    """Let this process open so many files, if it may; how many it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        hard = wanted
    if soft < wanted:
        soft = min(wanted, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


__all__ = ["ConnectionLimits", "Guard", "GuardedProtocol", "guarded", "limits_of"]
