"""The statements of a page, and what they alone take: the floor of the page.

The page is asked for once in this process, and each statement it sends is kept as the driver gets
it. Then the statements are sent again and again on a connection of their own, in one transaction
that is taken back: nothing is opened, sealed, drawn or written down.
"""

import statistics
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx2
from fastapi import FastAPI
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from app.main import create_app
from core.settings import Settings

_TIMES: Final = 20

#: A statement and its parameters, as the driver gets them.
Sent = tuple[str, Any]


class PageQueries:
    """Asks a service in this process for pages, as whoever has these cookies."""

    def __init__(self, app: FastAPI, browser: httpx2.AsyncClient) -> None:
        self._engine: AsyncEngine = app.state.parts.database.engine
        self._browser = browser

    async def p95(self, page: str) -> float:
        """The milliseconds that 95 of 100 rounds of the page's statements take at most."""
        sent = await self._sent(page)
        times = []
        async with self._engine.connect() as connection:
            for _ in range(_TIMES + 2):
                began = time.perf_counter()
                for statement, parameters in sent:
                    found = await connection.exec_driver_sql(statement, parameters)
                    if found.returns_rows:
                        found.fetchall()
                times.append((time.perf_counter() - began) * 1000)
                await connection.rollback()
        return statistics.quantiles(times[2:], n=20)[-1]

    async def _sent(self, page: str) -> list[Sent]:
        sent: list[Sent] = []

        def keep(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            sent.append((statement, parameters))

        # The first answer computes what is computed once.
        await self._browser.get(page)
        event.listen(self._engine.sync_engine, "before_cursor_execute", keep)
        try:
            (await self._browser.get(page)).raise_for_status()
        finally:
            event.remove(self._engine.sync_engine, "before_cursor_execute", keep)
        return sent


@asynccontextmanager
async def page_queries(
    settings: Settings, cookies: Mapping[str, str]
) -> AsyncIterator[PageQueries]:
    """A service in this process over the database of `settings`."""
    app = create_app(settings)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=app),
            base_url=f"http://127.0.0.1:{settings.port}",
            cookies=dict(cookies),
            headers={"Accept": "text/html"},
        ) as browser,
    ):
        yield PageQueries(app, browser)
