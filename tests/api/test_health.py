"""Health and figures: what an operator's instruments may rely on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest
from sqlalchemy import make_url

from tests.support.problems import problem
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")


@asynccontextmanager
async def changed(system: System, change: str, back: str) -> AsyncIterator[None]:
    """The system's database with one setting changed; its connections are cut both times."""
    url = make_url(system.parts.database.url)
    database = f'"{url.database}"'
    query = url.query
    connection = await psycopg.AsyncConnection.connect(
        host=str(query["host"]),
        port=str(query["port"]),
        user=url.username,
        dbname="postgres",
        autocommit=True,
    )
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
    async with connection:
        await connection.execute(f"ALTER DATABASE {database} {change}".encode())
        await connection.execute(cut, [url.database])
        try:
            yield
        finally:
            await connection.execute(f"ALTER DATABASE {database} {back}".encode())
            await connection.execute(cut, [url.database])


async def test_a_system_in_order_is_live_and_ready_without_a_key(shared_system: System) -> None:
    for path in ("/health/live", "/health/ready"):
        answer = await shared_system.browser.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("change", "back"),
    [
        ("SET default_transaction_read_only = on", "RESET default_transaction_read_only"),
        ("ALLOW_CONNECTIONS false", "ALLOW_CONNECTIONS true"),
    ],
    ids=["read only", "away"],
)
async def test_without_a_database_that_takes_writes_nothing_is_promised(
    shared_system: System, change: str, back: str
) -> None:
    system = shared_system
    bill = await system.create_bill()
    payment = await system.start(bill)
    async with changed(system, change, back):
        assert (await system.browser.get("/health/live")).status_code == 200
        await system.browser.get("/health/ready")  # one notices that connections were cut
        ready = await system.browser.get("/health/ready")
        assert ready.status_code == 503
        assert ready.json() == {"status": "unavailable", "failed": ["database"]}
        assert ready.headers["Retry-After"] == "5"
        sent = {"agency": system.body.agency_code, "lines": [{"fee": "2.000815", "quantity": 1}]}
        found = problem(await system.post("/api/v1/bills", sent), 503, "database_unavailable")
        assert found["retryable"]
        # The gateway is told to call again, and does.
        await system.decide(payment, "success")
        every = system.sandbox.deliveries.all
        (told,) = [one for one in every if one.subject.startswith(bill["reference"])]
        while not told.attempts:
            await system.browser.get("/health/live")
        assert told.attempts[0].status == 503
    while (await system.browser.get("/health/ready")).status_code != 200:
        pass
    assert (await system.until(bill, "paid"))["status"] == "paid"
    assert await system.broken() == []


async def test_figures_count_what_is_there_and_what_calls_for_a_person(
    shared_system: System,
) -> None:
    system = shared_system
    bill = await system.create_bill()
    await system.transfer(bill["qr"]["payload"], 7000, bill["reference"])
    await system.until(bill, "paid")
    await system.transfer(bill["qr"]["payload"], 123_456, "khong co ma")
    answer = await system.metrics()
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    figures = dict(
        line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#")
    )
    assert float(figures['lephi_bills{kind="paid"}']) >= 1
    assert float(figures['lephi_suspense_dong{kind="refundable"}']) == 2000
    assert float(figures['lephi_suspense_dong{kind="suspense"}']) == 123_456
    assert float(figures['lephi_outbox_deliveries{kind="waiting"}']) >= 1
    assert bill["reference"] not in answer.text
