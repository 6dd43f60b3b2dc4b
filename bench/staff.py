"""How long a finance clerk waits for a day's list: 10,000 lines, of them sixty exceptions.

`lephi serve` as in production, beside a durable database that holds 300 other days. The page is
asked for one after the other, as somebody works it. The floor are the page's own queries alone, on
the same database in turn with it, so that a machine that grows slower does so for both.
"""

import asyncio
import statistics
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import httpx2
from sqlalchemy import text
from sqlmodel import col, select

from app.embedded.supervisor import EmbeddedDatabase
from app.migrations.run import upgrade
from app.wiring import parts_of
from bench.bills import free_port, seed, service
from bench.server import durable_server
from bench.staff_rows import AROUND, DAY, TABLES
from core.db import Database
from core.sessions import ReadSession, WriteSession
from core.settings import Settings
from payments.agencies.access.staff import create_staff_user
from payments.agencies.access.staff_sessions import find_session, open_session, prove
from payments.agencies.models import Agency, CollectionAccount
from reconciliation.cases.worklist import page_of_work, read_asked, sum_work
from reconciliation.days.listing import find_standing

TIMES: Final = 300
GOAL_MS: Final = 150
_DAY: Final = date(2026, 11, 20)
_EMAIL: Final = "bench@example.vn"


def run() -> dict[str, Any]:
    """Milliseconds of which 95 of 100 answers take no more; `value` is the page's."""
    with durable_server() as (server, folder):
        return _measure(server, folder)


def _measure(server: EmbeddedDatabase, folder: Path) -> dict[str, Any]:
    upgrade(server.url())
    settings = Settings(
        mode="demo",
        database_url=server.url(),
        data_dir=folder,
        port=free_port(),
        log_level="warning",
    )
    asyncio.run(seed(settings))
    token, path = asyncio.run(_prepare(settings))
    with service(settings, quiet=True):
        page, alone = asyncio.run(_ask(settings, token, path))
    value, floor = _p95(page), _p95(alone)
    return {
        "name": "staff",
        "value": round(value, 1),
        "unit": "ms p95",
        "floor": round(floor, 1),
        "floor_what": "the page's own queries alone",
        "ratio": round(value / floor, 2),
        "peers": {"page, median": round(statistics.median(page), 1)},
        "goal": GOAL_MS,
    }


async def _prepare(settings: Settings) -> tuple[str, str]:
    """The rows, and somebody who is signed in: the token, and the address of the list."""
    async with parts_of(settings) as parts:
        async with parts.database.transaction() as session:
            for statement in (*DAY, *AROUND):
                await session.execute(text(statement))
        async with parts.database.transaction() as session:
            await session.execute(text(f"ANALYZE {', '.join(TABLES)}"))
            account = await session.one(
                select(CollectionAccount.code).order_by(col(CollectionAccount.created_at)).limit(1)
            )
            agency_id = await session.one(select(Agency.id).limit(1))
            token = await sign_in(session, agency_id, ["finance"])
    return token, f"/staff/days/{account}/2026-11-20/differences"


async def sign_in(session: WriteSession, agency_id: str, roles: Sequence[str]) -> str:
    """Somebody of a body who has given both factors; the token of their session."""
    person = await create_staff_user(
        session,
        agency_id=agency_id,
        email=_EMAIL,
        name="Bench",
        password="mat-khau-thu-nghiem",  # noqa: S106  of nobody
        roles=roles,
    )
    opened = await open_session(session, person.id, "127.0.0.1", "bench")
    found = await find_session(session, opened)
    assert found is not None
    return await prove(session, found)


async def _ask(settings: Settings, token: str, path: str) -> tuple[list[float], list[float]]:
    page: list[float] = []
    alone: list[float] = []
    database = Database(settings.database_url or "")
    home = f"http://127.0.0.1:{settings.port}"
    async with httpx2.AsyncClient(base_url=home, cookies={"lephi_staff": token}) as browser:
        for turn in range(TIMES + 20):
            began = time.perf_counter()
            answer = await browser.get(path, headers={"Accept": "text/html"})
            took = time.perf_counter() - began
            assert answer.status_code == 200, answer.text
            assert answer.text.count('class="why"') == 60
            began = time.perf_counter()
            async with database.reading() as session:
                await _queries(session)
            if turn >= 20:  # what is computed once is computed by then
                page.append(took * 1000)
                alone.append((time.perf_counter() - began) * 1000)
    await database.dispose()
    return page, alone


async def _queries(session: ReadSession) -> None:
    account = await session.one(
        select(CollectionAccount).order_by(col(CollectionAccount.created_at)).limit(1)
    )
    run = await find_standing(session, account.id, _DAY)
    assert run is not None
    asked = await read_asked(session, run.id, [account.agency_id])
    await page_of_work(session, run.id, asked, "todo")
    await sum_work(session, run.id, asked)


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]
