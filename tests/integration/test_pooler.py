"""Behind PgBouncer in transaction mode: a whole bill goes through, and what cannot is refused."""

import asyncio
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool
from sqlmodel import select

import reconciliation.statements.uploads
from adapters.sandbox.dialects import sepay
from adapters.sandbox.engine.embedded import bound, served
from app.cli.doctor import _checks
from app.main import create_app
from app.migrations.run import upgrade
from app.parts import Parts
from app.worker import run_once
from core import clock
from core.db import Database, DatabaseUnavailable
from core.ids import new_id
from core.pooler import LIMITS, BehindPooler, is_pooled, look_for_pooler
from core.settings import Settings
from payments.bills.models import Bill
from tests.support.callbacks import SEPAY, notice_of
from tests.support.gateway_setups import FEED_SECRET
from tests.support.pooler import pooled
from tests.support.system import System

#: As docs/operate.md tells the operator.
ROLE = (
    "SET lock_timeout = '5s'",
    "SET statement_timeout = '30s'",
    "SET idle_in_transaction_session_timeout = '60s'",
    "SET timezone = 'UTC'",
)


def configure(url: str) -> None:
    """Give the database what the role has in production."""
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for setting in ROLE:
            name = make_url(url).database
            connection.execute(text(f'ALTER DATABASE "{name}" {setting}'))
    engine.dispose()


async def test_a_whole_bill_goes_through_a_pooler(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(system.parts.database.url)
    with ExitStack() as stack:
        url = stack.enter_context(pooled(system.parts.database.url))
        listening = stack.enter_context(bound())
        base_url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        settings = system.parts.settings.model_copy(
            update={"database_url": url, "base_url": base_url, "behind_pooler": True}
        )
        app = create_app(settings)
        headers = {"Authorization": f"Bearer {system.api_key}"}
        async with (
            served(app, listening),
            httpx2.AsyncClient(base_url=base_url, headers=headers, timeout=30) as portal,
        ):
            parts: Parts = app.state.parts
            # More than the five times after which the driver would prepare a statement.
            bills = await asyncio.gather(*(_bill(system, portal, n) for n in range(24)))
            for bill in bills:
                body = notice_of(system, bill["amount"], bill["reference"])
                sent = sepay.notice_headers(FEED_SECRET, body, clock.now())
                sent["Content-Type"] = "application/json"
                answer = await portal.post(SEPAY, content=body, headers=sent)
                assert answer.json() == {"success": True}, answer.text
            while await run_once(parts):
                pass
            for bill in bills:
                read = (await portal.get(f"/api/v1/bills/{bill['id']}")).json()
                assert (read["status"], len(read["receipts"])) == ("paid", 1)
            office = {"Authorization": system.office.headers["Authorization"]}
            for rows in (3, 3, 3_000):
                taken = await _take(system, portal, office, rows)
                assert taken["new"] == rows, "large or not, they go through a table of their own"
            monkeypatch.setattr(reconciliation.statements.uploads, "LARGE", 10)
            assert (await _take(system, portal, office, 3_000))["new"] == 3_000
    assert await system.broken() == []


async def _bill(system: System, portal: httpx2.AsyncClient, number: int) -> dict[str, Any]:
    body = {"agency": system.body.agency_code, "lines": [{"fee": "2.000815", "quantity": 3}]}
    answer = await portal.post(
        "/api/v1/bills", json=body, headers={"Idempotency-Key": f"pooled-{number}"}
    )
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def _take(
    system: System, portal: httpx2.AsyncClient, office: dict[str, str], rows: int
) -> dict[str, Any]:
    """Take a statement of so many rows in; what its answer says in the end."""
    name, now = new_id("s"), clock.now().isoformat(timespec="seconds")
    lines = ["line_id,booked_at,amount,direction,reference,narrative,bank_ref"]
    lines += [f"{n},{now},{n + 1},credit,,{name},{name}{n}" for n in range(rows)]
    answer = await portal.post(
        "/api/v1/statements",
        files={"file": ("so-phu.csv", "\n".join(lines).encode(), "text/csv")},
        data={"account": system.body.collection_code, "mapping": "lephi-basic"},
        headers=office | {"Idempotency-Key": name},
    )
    told: dict[str, Any] = answer.json()
    while told.get("status") == "taking":
        await asyncio.sleep(0.02)
        told = (await portal.get(f"/api/v1/statements/{told['id']}", headers=office)).json()
    return told if answer.status_code == 201 else told["statement"]


async def test_without_the_setting_no_connection_is_had(database_url: str) -> None:
    """The start-up options alone are refused, and so is nothing half done."""
    with pooled(database_url) as url:
        database = Database(url, pool_size=1)
        with pytest.raises(DatabaseUnavailable):
            async with database.reading() as session:
                await session.one(select(Bill.id).limit(1))
        await database.dispose()


def test_statements_prepared_by_the_driver_would_fail_there(database_url: str) -> None:
    """The broken variant: connections that share a server connection prepare the same name."""

    def ask(address: str, times: int) -> None:
        for _ in range(times):
            with psycopg.connect(address, prepare_threshold=0, autocommit=True) as connection:
                connection.execute("SELECT 1")

    with pooled(database_url) as url:
        plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        with pytest.raises(psycopg.errors.Error, match="prepared statement"):
            ask(plain, 8)


async def test_the_doctor_finds_a_pooler_and_says_what_is_missing(
    database_url: str, tmp_path: Path
) -> None:
    assert look_for_pooler(database_url, expected=False) is None
    assert look_for_pooler(database_url, expected=True) is None
    with pooled(database_url) as url:
        found = look_for_pooler(url, expected=False)
        assert found is not None
        assert "LEPHI_BEHIND_POOLER=true" in found.detail
        settings = Settings(mode="test", database_url=url, data_dir=tmp_path)
        rows = await asyncio.to_thread(_checks, settings)
        assert [(one.check, one.ok) for one in rows][-1] == ("pooler", False)
        found = look_for_pooler(url, expected=True)
        assert found is not None
        assert all(name in found.detail for name in LIMITS)
    configure(database_url)
    with pooled(database_url) as url:
        found = look_for_pooler(url, expected=True)
        assert found is not None
        assert found.faults == ()
        settings = Settings(mode="test", database_url=url, data_dir=tmp_path, behind_pooler=True)
        rows = await asyncio.to_thread(_checks, settings)
        assert {one.check: one.ok for one in rows}["pooler"]
        assert {one.check: one.ok for one in rows}["database"]


def test_nobody_migrates_through_a_pooler(empty_database_url: str) -> None:
    with pooled(empty_database_url) as url:
        with pytest.raises(BehindPooler, match="PostgreSQL itself"):
            upgrade(url)
        engine = create_engine(url, poolclass=NullPool)
        with engine.connect() as connection:
            assert is_pooled(connection)
        engine.dispose()
    upgrade(empty_database_url)
