"""No day is written down that one clock alone says: a drift or a jump makes issuing wait."""

from datetime import timedelta

import pytest

from app.handlers import HANDLERS
from app.worker import deliver
from core import clock, clocks, outbox
from core.clocks import ClocksDisagree
from core.idempotency import LEASE, is_under_way
from core.sessions import ReadSession
from payments.attempts.inquiry import expire_bills, inquire
from payments.events import BillPaid
from receipts import commands as issuing
from tests.support.gateway_setups import PAYGOV
from tests.support.heartbeats import WORKING, leave_signs
from tests.support.rows import count
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="function")

DAY = timedelta(days=1)


async def lacking(system: System) -> list[str]:
    answer = await system.browser.get("/health/ready")
    assert answer.status_code == 200
    found: list[str] = answer.json().get("degraded", [])
    return found


async def try_everything(system: System) -> tuple[int, int]:
    """Deliver more often than a delivery is tried; how many receipts and series there are."""
    for handler in HANDLERS:
        for _ in range(outbox.MAX_ATTEMPTS + 2):
            await deliver(system.parts, handler)
    database = system.parts.database
    return await count(database, "receipt"), await count(database, "receipt_series")


@pytest.mark.parametrize("of_both", [False, True], ids=["ours alone", "one machine"])
@pytest.mark.parametrize("by", [DAY, -DAY], ids=["forward", "back"])
async def test_a_receipt_waits_until_the_clocks_can_be_believed(
    system: System, monkeypatch: pytest.MonkeyPatch, *, of_both: bool, by: timedelta
) -> None:
    bill = await system.create_bill()
    await system.transfer(bill["qr"]["payload"], 5000, bill["reference"])
    await system.until(bill, "paid")
    await leave_signs(system.parts.database, one=WORKING)
    monkeypatch.setattr(outbox, "LEASE", timedelta())
    now = clock.machine_now

    async def agrees(_: ReadSession) -> timedelta:
        return timedelta()

    with monkeypatch.context() as patch:
        patch.setattr(clock, "machine_now", lambda: now() + by)
        if of_both:  # then only the jump shows it
            patch.setattr(clocks, "measure_drift", agrees)
        assert await lacking(system) == ["clock"]
        assert await try_everything(system) == (0, 0)
        with pytest.raises(ClocksDisagree):
            await expire_bills(system.parts.payments)
    assert await count(system.parts.database, "outbox_delivery", "state = 'set_aside'") == 0
    assert await lacking(system) == []
    assert await try_everything(system) == (1, 1)


async def test_a_service_that_does_not_ask_is_noticed(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: what kept the receipt back was the question."""
    bill = await system.create_bill()
    await system.transfer(bill["qr"]["payload"], 5000, bill["reference"])
    await system.until(bill, "paid")
    now = clock.machine_now

    async def nobody_asks(_: ReadSession) -> None:
        return None

    monkeypatch.setattr(clock, "machine_now", lambda: now() + DAY)
    monkeypatch.setattr(issuing, "require_agreement", nobody_asks)
    assert await try_everything(system) == (1, 1)


async def test_what_a_clock_put_forward_has_dated_waits_for_nobody(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day's jump while money comes in, then the right time again, and no day of waiting."""
    now = clock.machine_now
    with monkeypatch.context() as patch:
        patch.setattr(clock, "machine_now", lambda: now() + DAY)
        patch.setattr(clock, "now", lambda: now() + DAY)
        # Of two bills one is paid, and the other's attempt is not finished.
        await system.start(await system.create_bill(), PAYGOV)
        paid = await system.create_bill()
        await system.decide(await system.start(paid, PAYGOV), "success")
        await system.until(paid, "paid")
        assert await try_everything(system) == (0, 0)
        assert await inquire(system.parts.payments) == 0
    assert await inquire(system.parts.payments) == 1
    assert await try_everything(system) == (1, 1)


@pytest.mark.parametrize("ahead", [timedelta(seconds=20), timedelta(seconds=50)])
async def test_a_lease_of_a_clock_a_little_ahead_is_kept(
    system: System, monkeypatch: pytest.MonkeyPatch, ahead: timedelta
) -> None:
    """Two workers' clocks are never quite the same, and that takes nothing from anybody."""
    bill = await system.create_bill()
    await system.transfer(bill["qr"]["payload"], 5000, bill["reference"])
    await system.until(bill, "paid")
    now = clock.machine_now
    handlers = [handler.name for handler in HANDLERS]
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: now() + ahead)
        async with system.parts.database.transaction() as session:
            leased = [await outbox.claim(session, name, 10) for name in handlers]
    async with system.parts.database.transaction() as session:
        again = [await outbox.claim(session, name, 10) for name in handlers]
    woken = sum(handler.event is BillPaid for handler in HANDLERS)
    assert sum(map(len, leased)) == woken
    assert sum(map(len, again)) == (0 if ahead < clocks.MOST_APART else woken)


@pytest.mark.parametrize(
    ("age", "under_way"),
    [(timedelta(), True), (-DAY, False), (timedelta(seconds=-20), True), (LEASE, False)],
)
async def test_a_request_that_began_tomorrow_is_not_under_way(
    age: timedelta, *, under_way: bool
) -> None:
    assert is_under_way(clock.now() - age) is under_way


async def test_a_slow_answer_is_no_drift(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = clock.machine_now()
    times = iter([begun - DAY, begun + DAY])
    monkeypatch.setattr(clock, "machine_now", lambda: next(times))
    async with system.parts.database.reading() as session:
        assert await clocks.measure_drift(session) == timedelta()
