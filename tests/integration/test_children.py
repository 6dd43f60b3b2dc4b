"""Work in processes of its own: one may die, and the next piece of work is done all the same."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from app.children import ChildLost, ChildPool, WorkTooHeavy
from tests.support.child_work import die, die_once, double, fill_memory, hang
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool() -> AsyncIterator[ChildPool]:
    pool = ChildPool(1, memory=512 * 1024**2)
    yield pool
    pool.close()


async def test_work_whose_process_was_killed_is_done_once_more(
    pool: ChildPool, tmp_path: Path
) -> None:
    assert await pool.run(die_once, str(tmp_path / "mark")) == "done"
    assert not pool.is_failing()


async def test_work_that_kills_every_process_is_told_and_leaves_a_pool_that_works(
    pool: ChildPool,
) -> None:
    with pytest.raises(ChildLost):
        await pool.run(die, 1)
    assert pool.is_failing()
    assert await pool.run(double, 21) == 42
    assert not pool.is_failing()


async def test_what_takes_too_much_memory_is_refused_by_name(pool: ChildPool) -> None:
    with pytest.raises(WorkTooHeavy):
        await pool.run(fill_memory, 1024**3)
    assert await pool.run(double, 1) == 2


async def test_what_hangs_is_ended_and_not_begun_again() -> None:
    pool = ChildPool(1, seconds=0.3)
    with pytest.raises(ChildLost):
        await pool.run(hang, 1)
    assert await pool.run(double, 2) == 4
    pool.close()


async def test_a_pool_that_is_not_made_anew_stays_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: what Python's library does by itself."""
    monkeypatch.setattr(ChildPool, "_renew", lambda *_: None)
    pool = ChildPool(1)
    for work in (die, double):
        with pytest.raises(ChildLost):
            await pool.run(work, 1)
    pool.close()


async def test_a_receipt_is_drawn_after_its_process_was_killed(shared_system: System) -> None:
    system = shared_system
    bill = await system.create_bill()
    await system.transfer(bill["qr"]["payload"], bill["amount"], bill["reference"])
    await system.until(bill, "paid")
    await system.work()
    with pytest.raises(ChildLost):
        await system.parts.children.run(die, 1)
    ready = (await system.browser.get("/health/ready")).json()
    assert ready == {"status": "ok", "degraded": ["children"]}
    (receipt,) = (await system.read(bill))["receipts"]
    drawn = await system.client.get(f"/api/v1/receipts/{receipt['id']}.pdf")
    assert drawn.content.startswith(b"%PDF")
    assert (await system.browser.get("/health/ready")).json() == {"status": "ok"}
    figures = (await system.browser.get("/metrics")).text
    assert "lephi_children_lost_total 0" not in figures
