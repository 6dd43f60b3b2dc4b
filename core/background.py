"""Work that an answer does not wait for: it goes on after it, and ends with the process.

Nothing may depend on it: whatever is lost when the process ends is done by the worker too, or is
nothing that was promised.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from core.deadlines import paused, within
from core.log import get

log = get(__name__)

#: How long a piece of work may take, in seconds, what has a limit of its own not counted.
_LONGEST = 60.0


class Background:
    """The work under way in this process, each piece under a name of its own."""

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Task[None]] = {}

    async def do(
        self, name: str, work: Callable[[], Coroutine[Any, Any, None]], patience: float
    ) -> bool:
        """Begin the work unless it is under way; whether it has ended within so many seconds.

        A failure is noted in the log: nobody may be left to be told of it.
        """
        task = self._running.get(name)
        if task is None:
            task = self._running[name] = asyncio.create_task(_noted(name, work))
            task.add_done_callback(lambda _: self._running.pop(name, None))
        if patience <= 0:
            return task.done()
        with paused():  # the patience is the caller's own
            ended, _ = await asyncio.wait({task}, timeout=patience)
        return bool(ended)

    async def aclose(self) -> None:
        """Break off what is under way."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _noted(name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    try:
        # Not the deadline of the request that began it, which the answer does not wait for.
        async with within(_LONGEST):
            await work()
    except Exception as error:  # noqa: BLE001  whatever it is, nobody else will tell of it
        log.error("work in the background failed", work=name, reason=repr(error))
