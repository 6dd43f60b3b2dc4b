"""Processor work in processes of its own: one of them may die, and nothing else does with it.

Drawing, reading of files and matching run here, off the event loop. A child that is killed (the
kernel's own way out of a lack of memory is enough) breaks the pool of Python's library for ever; so
the pool is made anew and the work, which is pure, is done once more. Work that kills its child
again is told as unavailable, and leaves a pool that works.

A child may take only so much memory and time: what needs more is refused by name, before the kernel
chooses whom to kill.
"""

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from typing import Any, Final, TypeVar

from prometheus_client import CollectorRegistry, Counter

from app.processes import begin_helping, in_time
from core import log
from core.deadlines import paused
from core.errors import TooLarge, Unavailable

T = TypeVar("T")

_log = log.get(__name__)

#: What `/metrics` shows of them.
REGISTRY: Final = CollectorRegistry()
_LOST: Final = Counter(
    "lephi_children_lost",
    "Pools of helper processes that were made anew because one had died, since this process began",
    registry=REGISTRY,
)
#: Bytes of memory that a child may take.
MOST_MEMORY: Final = 2 * 1024**3
#: How long one piece of work may take, in seconds.
MOST_SECONDS: Final = 120.0
#: How long work that failed for want of children is held against them, in seconds.
_FAILING_FOR: Final = 60.0


class ChildLost(Unavailable):
    """The process that was to do it has died twice: try again later, and tell the operator."""

    code = "child_lost"


class WorkTooHeavy(TooLarge):
    """It needs more memory than one piece of work may take: send less at once."""

    code = "too_heavy"


class ChildPool:
    """Up to `size` processes, started by the first work; ended by `close`, or with us.

    `memory` is what each may take in bytes, `seconds` how long one piece of work may.
    """

    def __init__(
        self, size: int = 2, *, memory: int = MOST_MEMORY, seconds: float = MOST_SECONDS
    ) -> None:
        self._size = size
        self._memory = memory
        self._seconds = seconds
        self._failed_at: float | None = None
        self._executor = self._made()

    async def run(self, work: Callable[..., T], *given: Any) -> T:
        """What `work` gives for these arguments; it must be pure, for it may be done twice.

        Raises what it raises, `WorkTooHeavy`, and `ChildLost`.
        """
        with paused():
            for again in (True, False):
                executor, began = self._executor, time.monotonic()
                try:
                    loop = asyncio.get_running_loop()
                    done = await loop.run_in_executor(
                        executor, partial(in_time, self._seconds, work), *given
                    )
                except BrokenProcessPool:
                    self._renew(executor)
                    if not again or time.monotonic() - began >= self._seconds:
                        break
                except MemoryError:
                    raise WorkTooHeavy(
                        "Việc này cần quá nhiều bộ nhớ. Hãy chia nhỏ rồi gửi lại."
                    ) from None
                else:
                    self._failed_at = None
                    return done
        self._failed_at = time.monotonic()
        raise ChildLost("Chưa làm được việc này: tiến trình xử lý đã dừng. Hãy thử lại sau.")

    def is_failing(self) -> bool:
        """Whether work has lately failed because its processes died, and none was done since."""
        return self._failed_at is not None and time.monotonic() - self._failed_at < _FAILING_FOR

    def close(self) -> None:
        """End the processes; work that has not begun is given up."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _made(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self._size,
            mp_context=get_context("spawn"),
            initializer=begin_helping,
            initargs=(os.getpid(), self._memory),
        )

    def _renew(self, broken: ProcessPoolExecutor) -> None:
        """Put another in the place of a broken pool, once for all who saw it break."""
        if self._executor is not broken:
            return
        self._executor = self._made()
        broken.shutdown(wait=False, cancel_futures=True)
        _LOST.inc()
        _log.error("a helper process has died; its pool is made anew")
