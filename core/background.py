"""Work that an answer does not wait for: it goes on after it, and ends with the process.

Nothing may depend on it: whatever is lost when the process ends is done by the worker too.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class Background:
    """The work under way in this process, each piece under a name of its own."""

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Task[None]] = {}

    async def do(
        self, name: str, work: Callable[[], Coroutine[Any, Any, None]], patience: float
    ) -> bool:
        """Begin the work unless it is under way; whether it has ended within so many seconds.

        The work answers for its own failures: nobody may be left to be told of them.
        """
        task = self._running.get(name)
        if task is None:
            task = self._running[name] = asyncio.create_task(work())
            task.add_done_callback(lambda _: self._running.pop(name, None))
        if patience <= 0:
            return task.done()
        ended, _ = await asyncio.wait({task}, timeout=patience)
        return bool(ended)

    async def aclose(self) -> None:
        """Break off what is under way."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
