"""What a body's year asks of its service: a million paid bills, and everything that looks at them.

`lephi serve` as in production, beside a durable database. Asked for are each page of the finance
office that stands by itself, a bill and its money, the searches, and an operator's figures; then
the worker's count of those figures, the whole look at the books and the log, and the look at a
thousand bills that came since. The floor is one statement that reads every bill by its state; of
each page, what its queries alone take stands beside it.
Receipts are not opened here, neither by their page nor by the look: what stands in them is sealed,
and to make a million seals takes hours.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx2
from fastapi.routing import iter_route_contexts
from rich.progress import track
from sqlalchemy import text
from sqlmodel import col, select

from app.figures import count_figures
from app.invariants import Evidence, look, look_at_new
from app.main import create_app
from app.migrations.run import upgrade
from app.parts import Parts
from app.seed.agency import DEMO_ACCOUNT, configure_gateway
from app.wiring import parts_of
from bench.bills import free_port, seed, service
from bench.memory import peak_of
from bench.page_queries import page_queries
from bench.paid_rows import PAID
from bench.server import durable_server
from bench.staff import sign_in
from core import audit, clock
from core.ids import new_id
from core.sessions import WriteSession
from core.settings import Settings
from payments.agencies.access.rights import ROLES
from payments.agencies.models import Agency, CollectionAccount
from receipts.models import ReceiptSeries

BILLS: Final = 1_000_000
NEW: Final = 1_000
TIMES: Final = 20
_AT_ONCE: Final = 50_000
_SOME: Final = 123_456
#: Pages by themselves that are the way in or out, or another host's.
_DOORS: Final = ("/staff/sign-", "/staff/second-factor", "/staff/on/")
_READ: Final = text("SELECT status, count(*), sum(amount) FROM bill GROUP BY status")


def run(count: int = BILLS) -> dict[str, Any]:
    """Milliseconds of which 95 of 100 answers take no more; `value` is the slowest page's."""
    with durable_server() as (server, folder):
        upgrade(server.url())
        settings = Settings(
            mode="demo",
            database_url=server.url(),
            data_dir=folder,
            port=free_port(),
            log_level="warning",
        )
        return asyncio.run(_measure(settings, count))


async def _measure(settings: Settings, count: int) -> dict[str, Any]:
    key, agency = await seed(settings)
    async with parts_of(settings) as parts:
        token = await _prepare(parts, count)
        chained = await _chain(parts)
        cookies = {"lephi_staff": token}
        pages = list(_pages(settings, min(_SOME, count)))
        with service(settings, quiet=True) as pid, peak_of(pid) as peak:
            home = f"http://127.0.0.1:{settings.port}"
            async with httpx2.AsyncClient(base_url=home, cookies=cookies, timeout=60) as browser:
                times = await _ask(browser, pages)
                before = await _head(parts)
                await _open(browser, key, agency)
        async with page_queries(settings, cookies) as queries:
            alone = {page: await queries.p95(page) for page in track(pages, "queries")}
        await _chain(parts)
        looks = await _look(parts, before)
        floor = min([await _read(parts) for _ in range(3)])
    page, slowest = max(times.items(), key=lambda found: found[1])
    return {
        "name": "books_1m",
        "value": round(slowest, 1),
        "unit": "ms p95",
        "floor": round(floor * 1000, 1),
        "floor_what": "one statement that reads every bill",
        "ratio": round(slowest / (floor * 1000), 2),
        "peers": {name: round(found, 1) for name, found in sorted(times.items())},
        "their queries alone": {name: round(found, 1) for name, found in sorted(alone.items())},
        "slowest": page,
        "bills": count,
        "chained_a_second": round(chained),
        "peak_mib": peak.together,
        **{name: round(seconds, 2) for name, seconds in looks.items()},
    }


async def _read(parts: Parts) -> float:
    """Seconds of the floor."""
    began = time.perf_counter()
    async with parts.database.transaction() as session:
        await session.execute(_READ)
    return time.perf_counter() - began


async def _prepare(parts: Parts, count: int) -> str:
    """The rows, and somebody of every role who is signed in: their token."""
    async with parts.database.transaction() as session:
        account = await session.one(select(CollectionAccount).limit(1))
        await configure_gateway(
            session,
            parts.cipher,
            agency_id=account.agency_id,
            collection_account_id=account.id,
            gateway="sepay",
            account="bench",
            base_url="http://127.0.0.1:1",
            credentials={"account_number": DEMO_ACCOUNT, "secret": "secret-of-a-bench"},
        )
        session.add(
            ReceiptSeries(
                id=new_id("series"),
                agency_id=account.agency_id,
                template="EBL01",
                symbol="26TAA",
                year=2026,
                last_number=count,
                last_issued_at=clock.now(),
            )
        )
    for first in track(range(1, count + 1, _AT_ONCE), "paid bills", transient=True):
        last = min(first + _AT_ONCE - 1, count)
        async with _unhurried(parts) as session:
            for statement in PAID:
                await session.execute(text(statement.format(first=first, last=last)))
    async with _unhurried(parts) as session:
        await session.execute(text("ANALYZE"))
        agency_id = await session.one(select(Agency.id).order_by(col(Agency.created_at)).limit(1))
        return await sign_in(session, agency_id, list(ROLES))


async def _chain(parts: Parts) -> float:
    """Link what is not linked yet, as the worker does; entries a second."""
    began, linked = time.perf_counter(), 0
    while True:
        async with parts.database.transaction() as session:
            found = await audit.chain(session, sealer=parts.evidence.sealer)
        if not found:
            return linked / (time.perf_counter() - began)
        linked += found


async def _head(parts: Parts) -> audit.LinkValue:
    async with parts.database.reading() as session:
        head = await audit.find_head(session)
    assert head is not None
    return head


def _pages(settings: Settings, some: int) -> Iterator[str]:
    for route in iter_route_contexts(create_app(settings).routes):
        path = str(route.path or "")
        alone = path.startswith("/staff") and "{" not in path and not path.startswith(_DOORS)
        if alone and "GET" in (route.methods or ()):
            yield path
    number = f"{some:032d}"
    yield from (f"/staff/bills/bill_{number}", f"/staff/payments/pay_{number}")
    for asked in (f"LP{some:012X}", f"H01.{some}", f"FT{some:014d}", "5000", f"{some}"):
        yield f"/staff/find?q={asked}"
    yield "/metrics"


async def _ask(browser: httpx2.AsyncClient, pages: list[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for page in track(pages, "pages", transient=True):
        times = []
        for _ in range(TIMES + 2):
            began = time.perf_counter()
            answer = await browser.get(page, headers={"Accept": "text/html"})
            times.append((time.perf_counter() - began) * 1000)
            assert answer.status_code in (200, 303), (page, answer.status_code, answer.text)
        found[page] = statistics.quantiles(times[2:], n=20)[-1]  # computed once by then
    return found


async def _open(browser: httpx2.AsyncClient, key: str, agency: str) -> None:
    wanted = {"agency": agency, "lines": [{"fee": "2.000815", "quantity": 3}]}
    for _ in range(NEW):
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": new_id("k")}
        answer = await browser.post("/api/v1/bills", json=wanted, headers=headers)
        assert answer.status_code == 201, answer.text


async def _look(parts: Parts, before: audit.LinkValue) -> dict[str, float]:
    """Seconds of the count, of the whole look at rows and log, and of the look at what is new."""
    found: dict[str, float] = {}
    began = time.perf_counter()
    async with _unhurried(parts) as session:
        await count_figures(session)
    found["figures_s"] = time.perf_counter() - began
    began = time.perf_counter()
    async with _unhurried(parts) as session:
        broken = [line async for line in look(session, None)]
    found["whole_s"] = time.perf_counter() - began
    assert not broken, broken[:20]
    began = time.perf_counter()
    async with _unhurried(parts) as session:
        evidence: Evidence = parts.evidence
        broken = [line async for line in look_at_new(session, evidence, before)]
    found["new_s"] = time.perf_counter() - began
    assert not broken, broken[:20]
    return found


@asynccontextmanager
async def _unhurried(parts: Parts) -> AsyncIterator[WriteSession]:
    """A transaction whose statements, and what lies between them, may take any time."""
    async with parts.database.transaction() as session:
        for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
            await session.execute(text(f"SET LOCAL {limit} = 0"))
        yield session
