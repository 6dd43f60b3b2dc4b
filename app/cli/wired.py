"""Commands that need the whole house: settings from the environment, everything wired."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from app.cli.console import fail
from app.cli.settings import settings_or_fail
from app.parts import Parts
from app.wiring import parts_of
from core.errors import LephiError
from core.settings import Settings

T = TypeVar("T")


def with_parts(
    work: Callable[[Parts], Awaitable[T]], settings: Settings | None = None, *, failing: int = 1
) -> T:
    """Run asynchronous work with everything wired; an expected failure is one line and an exit."""
    chosen = settings or settings_or_fail()

    async def main() -> T:
        async with parts_of(chosen) as parts:
            return await work(parts)

    try:
        return asyncio.run(main())
    except LephiError as error:
        fail(error, code=failing)
