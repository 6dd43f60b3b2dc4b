"""Time limits of work, which end even a wait for a server that has stopped answering.

Cancelling is not enough for that: the database's driver would first ask the frozen server to give
the query up, and wait for it. So work that takes a connection lets its deadline hold it; when time
is over, the sockets of what is held are shut, the wait ends as it does when a server goes away, and
only what goes on after that is cancelled. Whether a transaction that was being committed at that
moment was committed, nobody knows: its caller is told 503, and repeats the request with its key.

What has a time limit of its own (a call to a gateway, work in another process) and what waits for
the caller (the rest of a body) stands under `paused`.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from typing import Any, Final, Protocol, TypeVar

from core.errors import Unavailable

F = TypeVar("F", bound=Callable[..., Any])

#: How long what was cut may take to end by itself before it is cancelled, in seconds.
_AFTER_CUT: Final = 0.25
#: How soon a deadline looks again at work that it could not end, or that is paused.
_AGAIN: Final = 0.5


class DeadlinePassed(Unavailable):
    """It took too long. Whether it was carried out is unknown: repeat it with the same key."""

    code = "deadline_passed"


class _Holdable(Protocol):
    """A connection, as far as it can be cut."""

    def fileno(self) -> int:
        """Its socket."""
        ...


class Deadline:
    """The time limit of the task that makes it, from now; `end` must be called.

    `own` is asked once when the time is over, and says how many seconds the work may take after
    all: so that nothing has to be looked up for work that is quick.
    """

    __slots__ = (
        *("_cancels", "_ended", "_handle", "_held", "_loop", "_own"),
        *("_pauses", "_paused_at", "_seconds", "_task", "passed", "until"),
    )

    def __init__(self, seconds: float, own: Callable[[], float] | None = None) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a deadline is a task's")
        self._task = task
        self._loop = task.get_loop()
        self._seconds = seconds
        self._own = own
        self._held: dict[int, _Holdable] = {}
        self._pauses = 0
        self._paused_at = 0.0
        self._cancels = 0
        self._ended = False
        self.passed = False
        self.until = self._loop.time() + seconds
        self._handle = self._loop.call_at(self.until, self._look)

    def end(self) -> None:
        """Time no longer counts."""
        self._ended = True
        self._handle.cancel()
        self._held.clear()

    def caused(self, error: BaseException) -> bool:
        """Whether it is this deadline, and nobody else, that cancelled the task."""
        if not self._cancels or not isinstance(error, asyncio.CancelledError):
            return False
        others = 0
        for _ in range(self._cancels):
            others = self._task.uncancel()
        self._cancels = 0
        return others == 0

    def allow(self, seconds: float) -> None:
        """Leave so many seconds from now, whatever was left."""
        if self._ended or self.passed:
            return
        until = self._loop.time() + seconds
        self._own = None
        self.until = until
        self._handle.cancel()
        self._handle = self._loop.call_at(until, self._look)

    def hold(self, connection: _Holdable) -> None:
        """Cut this connection when time is over, unless it was let go by then."""
        if not self._ended:
            self._held[id(connection)] = connection

    def let_go(self, connection: _Holdable) -> None:
        """The connection is somebody else's from now on."""
        self._held.pop(id(connection), None)

    def pause(self) -> None:
        """Let no time count until `resume`; pauses may lie in each other."""
        if not self._pauses:
            self._paused_at = self._loop.time()
        self._pauses += 1

    def resume(self) -> None:
        """Let time count again."""
        self._pauses -= 1
        if not self._pauses:
            self.until += self._loop.time() - self._paused_at

    def _look(self) -> None:
        if self._ended:
            return
        now = self._loop.time()
        if self._pauses:
            self._handle = self._loop.call_at(now + _AGAIN, self._look)
            return
        if self._own is not None:
            own, self._own = self._own(), None
            self.until += own - self._seconds
        if now < self.until:
            self._handle = self._loop.call_at(self.until, self._look)
            return
        self.passed = True
        if self._held:
            held, self._held = list(self._held.values()), {}
            for connection in held:
                _cut(connection)
            self._handle = self._loop.call_at(now + _AFTER_CUT, self._look)
            return
        self._cancels += 1
        self._task.cancel()
        self._handle = self._loop.call_at(now + _AGAIN, self._look)


def _cut(connection: _Holdable) -> None:
    """Shut a connection's socket under it: whoever waits for it is told that it has ended."""
    with suppress(Exception), socket.socket(fileno=os.dup(connection.fileno())) as shared:
        shared.shutdown(socket.SHUT_RDWR)


#: The deadline of the work that is under way.
CURRENT: Final[ContextVar[Deadline | None]] = ContextVar("deadline", default=None)


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[Deadline]:
    """Give the block so many seconds. Raises `DeadlinePassed`."""
    deadline = Deadline(seconds)
    before = CURRENT.set(deadline)
    try:
        yield deadline
    except asyncio.CancelledError as error:
        if deadline.caused(error):
            raise DeadlinePassed("Việc này mất quá nhiều thời gian.") from None
        raise
    finally:
        deadline.end()
        CURRENT.reset(before)


@contextmanager
def paused() -> Iterator[None]:
    """Let the time of the block not count: it has a limit of its own."""
    deadline = CURRENT.get()
    if deadline is None:
        yield
        return
    deadline.pause()
    try:
        yield
    finally:
        deadline.resume()


def allow(seconds: float) -> None:
    """Leave the work that is under way so many seconds from now, whatever was left."""
    deadline = CURRENT.get()
    if deadline is not None:
        deadline.allow(seconds)


def is_over() -> bool:
    """Whether the time of the work that is under way is over: then nothing is tried again."""
    deadline = CURRENT.get()
    return deadline is not None and deadline.passed


#: For routes whose work is a file or a day: seconds.
LONG_SECONDS: Final = 120.0

_ALLOWED: dict[Callable[..., Any], float] = {}


def allowing(seconds: float) -> Callable[[F], F]:
    """Let a route take longer than others, or less: stands right above its function."""

    def declare(route: F) -> F:
        _ALLOWED[route] = seconds
        return route

    return declare


def allowed(route: Callable[..., Any] | None, default: float) -> float:
    """How many seconds a route may take."""
    return default if route is None else _ALLOWED.get(route, default)
