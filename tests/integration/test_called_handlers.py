"""A worker asks once who has something to do, and calls those alone."""

import asyncio

import pytest

from app import worker
from core import outbox
from core.outbox import Delivery
from core.sessions import WriteSession
from tests.support.callbacks import credit
from tests.support.rows import count
from tests.support.system import System


@pytest.fixture
def claimed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The handlers that look for what is due to them, one after the other."""
    seen: list[str] = []
    claim = outbox.claim

    async def watched(session: WriteSession, handler: str, limit: int) -> list[Delivery]:
        seen.append(handler)
        return await claim(session, handler, limit)

    monkeypatch.setattr(outbox, "claim", watched)
    return seen


async def paid(system: System) -> None:
    bill = await system.create_bill()
    await credit(system, bill["amount"], bill["reference"])


async def until_nothing_waits(system: System) -> None:
    for _ in range(500):
        if not await count(system.parts.database, "outbox_delivery", "state = 'waiting'"):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("something still waits")


async def test_a_running_worker_calls_whom_something_waits_for(
    system: System, claimed: list[str]
) -> None:
    stop = asyncio.Event()
    await paid(system)
    running = asyncio.create_task(worker.run(system.parts, stop))
    await until_nothing_waits(system)
    await paid(system)
    await until_nothing_waits(system)
    stop.set()
    await asyncio.wait_for(running, 30)
    assert await count(system.parts.database, "receipt", "true") == 2
    assert "receipts.issue" in claimed
    assert "receipts.refund" not in claimed


async def test_so_does_one_pass_and_an_idle_one_calls_nobody(
    system: System, claimed: list[str]
) -> None:
    await paid(system)
    while await worker.run_once(system.parts):
        pass
    assert await count(system.parts.database, "receipt", "true") == 1
    assert "receipts.issue" in claimed
    assert "receipts.refund" not in claimed
    claimed.clear()
    assert await worker.run_once(system.parts) == 0
    assert claimed == []
