"""Work for many counterparts, each in a lane of its own, so many pieces of each at once.

A counterpart that does not answer keeps nobody else's from being worked on; it is given one piece
only, with growing pauses, until it answers again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from core.log import get

log = get(__name__)


class Lanes:
    """The lanes of one worker.

    `due` names whose work is due, `work` does so many pieces of one of them and says of each
    whether it was answered clearly; `pause` is how many seconds one that was silent so often in a
    row is left alone.
    """

    def __init__(
        self,
        name: str,
        due: Callable[[], Awaitable[list[str]]],
        work: Callable[[str, int], Awaitable[list[bool]]],
        pause: Callable[[int], float],
        at_once: int,
    ) -> None:
        self._name = name
        self._due = due
        self._work = work
        self._pause = pause
        self._at_once = at_once
        self._lanes: dict[str, asyncio.Task[None]] = {}
        #: how often in a row each has answered nothing, and until when it is left alone
        self._silent: dict[str, tuple[int, float]] = {}

    async def begin(self) -> int:
        """Begin what is due and not under way; 0, for nobody has to wait for it."""
        now = asyncio.get_running_loop().time()
        for whose in await self._due():
            _, until = self._silent.get(whose, (0, 0.0))
            if whose not in self._lanes and until <= now:
                lane = asyncio.create_task(self._run(whose))
                self._lanes[whose] = lane
                lane.add_done_callback(partial(self._ended, whose))
        return 0

    async def aclose(self) -> None:
        """Break off what is under way: it is taken up again when it is due."""
        lanes = list(self._lanes.values())
        for lane in lanes:
            lane.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)

    def _ended(self, whose: str, _: asyncio.Task[None]) -> None:
        self._lanes.pop(whose, None)

    async def _run(self, whose: str) -> None:
        """Work for one until nothing is due, or it is silent."""
        answered = [True]
        try:
            while answered and any(answered):
                most = 1 if whose in self._silent else self._at_once
                answered = await self._work(whose, most)
                if any(answered):
                    self._silent.pop(whose, None)
        except Exception as error:  # noqa: BLE001  whatever it is, the next round begins anew
            log.error("a lane broke off", lane=self._name, account=whose, reason=repr(error))
            return
        if answered:
            times = self._silent.get(whose, (0, 0.0))[0] + 1
            rest = self._pause(times)
            self._silent[whose] = times, asyncio.get_running_loop().time() + rest
            log.warning(
                "gateway does not answer", lane=self._name, account=whose, times=times, rest=rest
            )
