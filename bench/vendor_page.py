"""How long a vendor waits for the stall's page: 100,000 stalls with two years of history.

`lephi serve` as in production, beside a durable database; the page is opened already, as its own
address does. Each request is for another stall, so that what the database holds in memory is what
it would hold. The floor are the page's own queries alone, on the same database in turn with it, so
that a machine that grows slower does so for both. `LEPHI_BENCH_STALLS` says how many stalls where
there is no time for all.
"""

import asyncio
import random
import statistics
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import httpx2
from sqlmodel import col, select

from app.embedded.supervisor import EmbeddedDatabase
from app.migrations.run import upgrade
from app.parts import Parts
from app.web.market.stalls import MOST_OWED, MOST_PAID, keys_of
from app.wiring import parts_of
from bench.billing_100k import STALLS, TARIFFS, lay_out
from bench.bills import free_port, service
from bench.server import durable_server
from bench.vendor_rows import HISTORY, MONTHS, OWED
from core import clock
from core.db import Database
from core.sessions import ReadSession
from core.settings import Settings
from payments.billing.credit.queries import beginning_of, holder_on, list_holdings
from payments.billing.dues.opening import StallDoor, token_of
from payments.billing.dues.queries import (
    find_stall,
    list_money,
    list_owed,
    list_paid,
    sum_credit,
)
from payments.billing.markets import get_market
from payments.billing.models import Stall
from payments.billing.periods import month_of
from payments.billing.runs import run_billing
from payments.bills.lines import lines_of

TIMES: Final = 2_000
GOAL_MS: Final = 150
_WARMING: Final = 50
_SINCE: Final = date(2020, 1, 1)


@dataclass(frozen=True, slots=True)
class StallAddress:
    """A stall's reference, and the address that its page was opened at."""

    reference: str
    path: str


def run() -> dict[str, Any]:
    """Milliseconds of which 99 of 100 answers take no more; `value` is the page's."""
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
    began = time.perf_counter()
    addresses = asyncio.run(_prepare(settings, server))
    seeded = time.perf_counter() - began
    with service(settings, quiet=True):
        page, alone = asyncio.run(_ask(settings, addresses))
    value, floor = _p99(page), _p99(alone)
    return {
        "name": "vendor_page",
        "value": round(value, 1),
        "unit": f"ms p99, {STALLS} stalls, {MONTHS} months",
        "floor": round(floor, 1),
        "floor_what": "the page's own queries alone",
        "ratio": round(value / floor, 2),
        "peers": {"page, median": round(statistics.median(page), 1)},
        "seeded_in_s": round(seeded),
        "goal": GOAL_MS,
    }


async def _prepare(settings: Settings, server: EmbeddedDatabase) -> list[StallAddress]:
    """The market with its history, and pages of some of its stalls, each asked for once."""
    async with parts_of(settings) as parts:
        market_id = await lay_out(parts)
        with server.connect("lephi") as connection:
            connection.execute(TARIFFS)
        async with parts.database.reading() as session:
            market = await get_market(session, market_id)
        month = month_of(clock.business_date(clock.now()))
        await run_billing(
            parts.database, parts.cipher, market, month, actor="system:bench", opened_on=month.first
        )
        with server.connect("lephi") as connection:
            connection.autocommit = False
            for statement in HISTORY:
                connection.execute(statement.encode())
            connection.commit()
            connection.autocommit = True
            connection.execute("VACUUM ANALYZE")
        return await _addresses(parts)


async def _addresses(parts: Parts) -> list[StallAddress]:
    keys = keys_of(parts.payments)
    async with parts.database.reading() as session:
        known = await session.all(select(Stall.reference).order_by(col(Stall.id)))
        chosen = random.Random(7).choices(known, k=TIMES + _WARMING)
        found = []
        for reference in chosen:
            stall = await find_stall(session, reference)
            assert stall is not None
            (holding,) = await list_holdings(session, [reference])
            body = await parts.payments.agencies.get_agency(stall.agency_id, session)
            token = token_of(keys, StallDoor(stall, [holding]), holding)
            found.append(StallAddress(reference, f"/v/{body.code}/{reference}?t={token}"))
        return found


async def _ask(
    settings: Settings, addresses: list[StallAddress]
) -> tuple[list[float], list[float]]:
    page: list[float] = []
    alone: list[float] = []
    database = Database(settings.database_url or "")
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{settings.port}") as browser:
        for turn, at in enumerate(addresses):
            began = time.perf_counter()
            answer = await browser.get(at.path, headers={"Accept": "text/html"})
            took = time.perf_counter() - began
            assert answer.status_code == 200, answer.text
            began = time.perf_counter()
            async with database.reading() as session:
                await _queries(session, at.reference)
            if turn >= _WARMING:  # what is computed once is computed by then
                page.append(took * 1000)
                alone.append((time.perf_counter() - began) * 1000)
    await database.dispose()
    return page, alone


async def _queries(session: ReadSession, reference: str) -> None:
    """What the page reads of a stall, but for its proofs, which are the receipts' own."""
    stall = await find_stall(session, reference)
    assert stall is not None
    holdings = await list_holdings(session, [reference])
    holding = holder_on(holdings, clock.business_date(clock.now()))
    assert holding is not None
    owed = await list_owed(session, holding)
    assert len(owed) == OWED
    assert len(await list_paid(session, holding, MOST_PAID)) == MOST_PAID
    await lines_of(session, [bill.bill_id for bill in owed[:MOST_OWED]])
    await list_money(session, reference, beginning_of(_SINCE), MOST_PAID)
    await sum_credit(session, holdings, holding.vendor_id)


def _p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[-1]
