"""A worker that has stopped is seen: by the operator's instruments, and by the payer who waits."""

import asyncio
import json
import math
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlmodel import col, select
from typer.testing import CliRunner

from app import worker
from app.cli.main import build
from core import clock, heartbeats
from core.heartbeats import Heartbeat
from core.sessions import WriteSession
from payments.bills.models import Bill
from tests.support.heartbeats import STOPPED, WORKING, leave_signs
from tests.support.markup import tree_of, words_of
from tests.support.system import System

Beat = Callable[[WriteSession, str], Awaitable[None]]

PROMISE = "vài giây"


async def ready(system: System) -> dict[str, object]:
    answer = await system.browser.get("/health/ready")
    assert answer.status_code == 200, "payments go on, and a balancer must not take this out"
    told: dict[str, object] = answer.json()
    return told


async def figure(system: System, name: str) -> float:
    lines = (await system.metrics()).text.splitlines()
    (value,) = [line.split(" ")[1] for line in lines if line.startswith(f"{name} ")]
    return float(value)


async def test_readiness_names_a_worker_that_is_silent_or_never_was(system: System) -> None:
    database = system.parts.database
    assert await ready(system) == {"status": "ok"}
    await leave_signs(database, one=STOPPED)
    assert await ready(system) == {"status": "ok", "degraded": ["worker"]}
    assert await figure(system, "lephi_worker_silence_seconds") >= STOPPED.total_seconds()
    assert await figure(system, "lephi_workers") == 0
    await leave_signs(database)
    assert await ready(system) == {"status": "ok", "degraded": ["worker"]}
    assert await figure(system, "lephi_worker_silence_seconds") == math.inf


@pytest.mark.parametrize("off", [timedelta(hours=-3), timedelta(hours=3)], ids=str)
async def test_signs_go_by_the_databases_clock_and_not_by_a_machines(
    system: System, off: timedelta
) -> None:
    database = system.parts.database
    await leave_signs(database)
    with clock.frozen(clock.now() + off):
        async with database.transaction() as session:
            await heartbeats.beat(session, "one")
            assert not await heartbeats.is_silent(session)
    assert await ready(system) == {"status": "ok"}
    await leave_signs(database, one=STOPPED)
    with clock.frozen(clock.now() + off):
        assert await ready(system) == {"status": "ok", "degraded": ["worker"]}


async def test_of_several_workers_the_newest_sign_counts(system: System) -> None:
    await leave_signs(system.parts.database, one=STOPPED, other=WORKING, third=STOPPED * 2)
    assert await ready(system) == {"status": "ok"}
    assert await figure(system, "lephi_worker_silence_seconds") == 0
    assert await figure(system, "lephi_workers") == 1


async def _run(system: System, monkeypatch: pytest.MonkeyPatch, beat: Beat) -> None:
    """Run a worker until it would have left its first sign with `beat`."""
    stop = asyncio.Event()

    async def watched(session: WriteSession, name: str) -> None:
        await beat(session, name)
        stop.set()

    monkeypatch.setattr(heartbeats, "beat", watched)
    await asyncio.wait_for(worker.run(system.parts, stop), 60)


async def test_a_running_worker_is_seen(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    await leave_signs(system.parts.database, before=STOPPED)
    await _run(system, monkeypatch, heartbeats.beat)
    assert await ready(system) == {"status": "ok"}
    async with system.parts.database.reading() as session:
        workers = await session.all(select(Heartbeat.worker))
    assert len(workers) == 2, "each worker under an id of its own"


async def test_a_worker_that_leaves_no_signs_is_not_taken_for_one_that_works(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: what is seen is the sign, and not that a process was there."""

    async def nothing(session: WriteSession, name: str) -> None:
        pass

    await leave_signs(system.parts.database, before=STOPPED)
    await _run(system, monkeypatch, nothing)
    assert await ready(system) == {"status": "ok", "degraded": ["worker"]}


async def test_signs_of_long_ended_workers_go_but_never_the_newest(system: System) -> None:
    database = system.parts.database
    await leave_signs(database, old=STOPPED * 5000, older=STOPPED * 6000)
    async with database.transaction() as session:
        await heartbeats.beat(session, "new")
        assert await session.all(select(Heartbeat.worker)) == ["new"]


async def test_a_paid_bill_promises_seconds_only_while_a_worker_works(system: System) -> None:
    database = system.parts.database
    bill = await system.create_bill()
    await system.transfer(bill["qr"]["payload"], 5000, bill["reference"])
    await system.until(bill, "paid")
    page = bill["pay_url"].removeprefix(system.base_url)
    state = f"/b/{bill['reference']}/state"

    working = (await system.browser.get(page)).text
    assert PROMISE in words_of(working)
    await leave_signs(database, one=STOPPED)
    stopped = (await system.browser.get(page)).text
    assert PROMISE not in words_of(stopped)
    assert "a few seconds" not in words_of(stopped)
    assert "bạn không phải nộp lại" in words_of(stopped)
    # What the script asks for changes both ways, so that it renews the page.
    (shown,) = tree_of(stopped).xpath("//main/@data-version")
    asked = (await system.browser.get(state)).json()["version"]
    assert str(shown) == asked
    await leave_signs(database, one=WORKING)
    assert (await system.browser.get(state)).json()["version"] != asked

    await leave_signs(database)
    await system.work()
    paid = (await system.browser.get(page)).text
    assert "Xem PDF" in words_of(paid)
    assert "chưa lập được" not in words_of(paid)


async def test_a_receipt_that_does_not_come_is_not_promised_for_ever(system: System) -> None:
    """A worker works, and yet the receipt fails: its key is gone, or its delivery set aside."""
    bill = await system.create_bill()
    await system.transfer(bill["qr"]["payload"], 5000, bill["reference"])
    await system.until(bill, "paid")
    page = bill["pay_url"].removeprefix(system.base_url)
    assert PROMISE in words_of((await system.browser.get(page)).text)
    async with system.parts.database.transaction() as session:
        long_ago = col(Bill.paid_at) - timedelta(hours=1)
        await session.write(update(Bill).values(paid_at=long_ago))
    words = words_of((await system.browser.get(page)).text)
    assert PROMISE not in words
    assert "bạn không phải nộp lại" in words


async def test_the_doctor_tells_of_a_stopped_worker(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEPHI_DATABASE_URL", str(system.parts.settings.database_url))
    monkeypatch.setenv("LEPHI_DATA_DIR", str(system.parts.settings.data_dir))

    async def look() -> tuple[bool, bool, str]:
        done = await asyncio.to_thread(CliRunner().invoke, build("doctor"), ["doctor", "--json"])
        checks = json.loads(done.stdout)["checks"]
        (found,) = [one for one in checks if one["check"] == "worker"]
        return found["ok"], found["warning"], found["detail"]

    assert (await look())[:2] == (True, False)
    await leave_signs(system.parts.database, one=STOPPED)
    ok, _, detail = await look()
    assert not ok
    assert "lephi worker" in detail
    # Before the first start there is nothing to mend yet.
    await leave_signs(system.parts.database)
    assert (await look())[:2] == (True, True)
