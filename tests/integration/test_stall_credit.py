"""Money on a stall's own reference: the oldest debt first, the rest for what comes."""

import asyncio
from datetime import timedelta
from itertools import permutations

import pytest
from sqlalchemy import text

from core import clock
from payments.billing.credit.commands import tell_of_credit
from payments.billing.markets import get_market, lock_market
from payments.billing.periods import period_of
from payments.billing.runs import run_billing
from payments.billing.setting_up import NewContract, add_contracts
from tests.support.callbacks import credit
from tests.support.markets import lay_out
from tests.support.places import Kept, looking
from tests.support.stalls import StallAtHand, stall
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: For tests that need a system to themselves.
alone = pytest.mark.asyncio(loop_scope="function")


async def pay(at: StallAtHand, amount: int, words: str = "{} tien cho thang 11") -> None:
    """A transfer that bears the stall's reference, and what the worker makes of it."""
    await credit(at.system, amount, words.format(at.reference))
    await at.system.work()


async def test_one_transfer_pays_the_oldest_first_and_the_rest_waits_for_the_next(
    shared_system: System,
) -> None:
    system, at = shared_system, await stall(shared_system, "A-01")
    # The newer one was opened first.
    await at.owe(300_000, due_in=31)
    await at.owe(310_000, due_in=0)
    async with looking(system) as seen:
        await pay(at, 400_000)
    ledger = {"receivable": 400_000, "revenue": -310_000, "suspense": -90_000}
    assert seen == [Kept([(400_000, False)], [310_000], [("suspense", "short", 90_000)], ledger)]
    assert await at.statuses() == ["open", "paid"]
    async with looking(system) as seen:
        await pay(at, 250_000)
    assert (seen[0].allocated, seen[0].waiting) == (
        [210_000, 90_000],
        [("suspense", "stall_credit", 40_000)],
    )
    assert await at.statuses() == ["paid", "paid"]
    found = [await system.read(bill) for bill in at.bills]
    # Each has its own proof, of its own amount.
    assert [[one["amount"] for one in bill["documents"]] for bill in found] == [
        [300_000],
        [310_000],
    ]


async def test_credit_is_taken_by_the_next_bills_in_order_and_once(shared_system: System) -> None:
    system, at = shared_system, await stall(shared_system, "A-02")
    await pay(at, 1_000_000)
    assert await at.waiting() == {"stall_credit": 1_000_000}
    await at.owe(310_000)
    await system.work()
    assert (await at.statuses(), await at.waiting()) == (["paid"], {"stall_credit": 690_000})
    await at.owe(400_000, due_in=40)
    await at.owe(310_000, due_in=20)
    await system.work()
    await system.work()
    assert await at.statuses() == ["paid", "open", "paid"]
    assert await at.waiting() == {"short": 380_000}
    await pay(at, 20_000)
    assert (await at.statuses(), await at.waiting()) == (["paid"] * 3, {})
    assert await system.broken() == []


async def test_a_standing_order_of_the_same_amount_just_works(shared_system: System) -> None:
    at = await stall(shared_system, "A-03")
    for _ in range(4):
        await at.owe(310_000, due_in=len(at.bills) * 30)
        await pay(at, 320_000, "STANDING ORDER {}")
    assert await at.statuses() == ["paid"] * 4
    assert await at.waiting() == {"stall_credit": 40_000}


async def test_a_kind_of_charge_that_comes_first_is_paid_first(shared_system: System) -> None:
    at = await stall(shared_system, "A-04")
    await at.owe(100_000, due_in=0, priority=20)
    await at.owe(100_000, due_in=30, priority=10)
    await pay(at, 100_000)
    assert await at.statuses() == ["open", "paid"]


async def test_the_order_of_arrival_decides_nothing(shared_system: System) -> None:
    seen = set()
    for number, order in enumerate(permutations((50_000, 330_000, 150_000))):
        at = await stall(shared_system, f"B-{number:02}")
        early = await at.owe(200_000, due_in=0)
        for amount in order[:2]:
            await pay(at, amount)
        await at.owe(200_000, due_in=30)
        await pay(at, order[2])
        await shared_system.work()
        assert early["id"] == at.bills[0]["id"]
        seen.add((tuple(await at.statuses()), tuple(sorted((await at.waiting()).items()))))
    assert seen == {(("paid", "paid"), (("stall_credit", 130_000),))}


async def test_nobody_pays_for_who_held_the_stall_before(shared_system: System) -> None:
    system, at = shared_system, await stall(shared_system, "A-05")
    today = clock.business_date(clock.now())
    await at.owe(310_000, due_in=-30)
    vendor_id, contract_id = await at.hand_over(today)
    await at.owe(310_000, vendor_id=vendor_id, contract_id=contract_id)
    await pay(at, 500_000)
    # The new holder's is paid though it is newer; what is over waits for the new holder.
    assert await at.statuses() == ["open", "paid"]
    assert await at.waiting() == {"stall_credit": 190_000}
    assert await system.broken() == []


async def test_money_of_a_day_is_that_days_holders(shared_system: System) -> None:
    system, at = shared_system, await stall(shared_system, "A-06")
    await pay(at, 100_000)
    tomorrow = clock.business_date(clock.now()) + timedelta(days=1)
    vendor_id, contract_id = await at.hand_over(tomorrow)
    await at.owe(80_000, due_in=30, vendor_id=vendor_id, contract_id=contract_id)
    await system.work()
    assert (await at.statuses(), await at.waiting()) == (["open"], {"stall_credit": 100_000})
    await at.owe(60_000, due_in=40)
    await system.work()
    assert (await at.statuses(), await at.waiting()) == (["open", "paid"], {"stall_credit": 40_000})


@alone
async def test_a_contract_that_is_written_down_late_has_its_money(system: System) -> None:
    at, today = await stall(system, "A-05"), clock.business_date(clock.now())
    await at.owe(80_000, due_in=-30)
    await at.hand_over(today - timedelta(days=9))
    await pay(at, 100_000)
    assert (await at.statuses(), await at.waiting()) == (["open"], {"stall_credit": 100_000})
    # The other one has left again, and who was here before is back: that is told only now.
    database = system.parts.database
    async with database.transaction() as session:
        await session.execute(
            text("UPDATE stall_contract SET last_on = :day WHERE last_on IS NULL"),
            {"day": today - timedelta(days=5)},
        )
        market = await get_market(session, at.market_id)
        back = NewContract(at.id, at.vendor_id, today - timedelta(days=4))
        await add_contracts(session, market, [back], actor="system:test")
    await system.work()
    assert (await at.statuses(), await at.waiting()) == (["paid"], {"stall_credit": 20_000})
    assert await system.broken() == []


async def test_a_bill_paid_by_its_own_reference_takes_no_credit(shared_system: System) -> None:
    system, at = shared_system, await stall(shared_system, "A-07")
    bill = await at.owe(310_000)
    await credit(system, 310_000, bill["reference"])
    await pay(at, 310_000)
    assert (await at.statuses(), await at.waiting()) == (["paid"], {"stall_credit": 310_000})


async def test_both_names_in_one_memo_are_for_people(shared_system: System) -> None:
    at = await stall(shared_system, "A-08")
    bill = await at.owe(310_000)
    await credit(shared_system, 310_000, f"{at.reference} {bill['reference']}")
    await shared_system.work()
    assert await at.statuses() == ["open"]


@alone
async def test_a_real_run_has_its_bills_paid_by_what_was_sent_before(system: System) -> None:
    parts, agency = system.parts, system.body.agency_id
    laid = await lay_out(parts.database, parts.cipher, count=2, agency_id=agency)
    async with parts.database.transaction() as session:
        references = await session.execute(text("SELECT reference FROM stall ORDER BY code"))
        first, second = [row[0] for row in references]
    await credit(system, 10_000_000, first)
    await credit(system, 1_000, second)
    await system.work()
    await run_billing(
        parts.database, parts.cipher, laid.market, period_of("month", "2026-11"), actor="test"
    )
    await system.work()
    async with parts.database.transaction() as session:
        rows = await session.execute(
            text(
                "SELECT b.status, sum(i.amount)::bigint, b.amount FROM bill b"
                " JOIN charge c ON c.bill_id = b.id JOIN stall s ON s.id = c.stall_id"
                " JOIN payment p ON p.reference = s.reference"
                " JOIN suspense_item i ON i.payment_id = p.id AND i.closed_at IS NULL"
                " GROUP BY s.code, b.id ORDER BY s.code"
            )
        )
        (paid, left, cost), (open_, short, _) = rows
    assert (paid, left) == ("paid", 10_000_000 - cost)
    assert (open_, short) == ("open", 1_000)
    assert await system.broken() == []


async def opening_meanwhile(at: StallAtHand) -> list[str]:
    """Money comes and is looked at while a run has opened a bill and not yet committed it."""
    parts = at.system.parts
    async with parts.database.transaction() as session:
        await lock_market(session, at.market_id)
        bill = await at.open_bill(session, 80_000)
        await tell_of_credit(session, [at.id])
        await credit(at.system, 100_000, at.reference)
        looking_at_it = asyncio.create_task(at.system.work())
        # Whoever waits for the market waits now; nobody else does anything for so long.
        await asyncio.wait([looking_at_it], timeout=0.5)
    await looking_at_it
    await at.system.work()
    at.bills.append(await at.system.read({"id": bill}))
    return await at.system.broken()


@alone
async def test_money_that_comes_while_a_run_opens_bills_pays_them(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await stall(system, "Z-01")
    assert await opening_meanwhile(first) == []
    assert (await first.statuses(), await first.waiting()) == (["paid"], {"stall_credit": 20_000})

    # The control: nobody waits for the run, so neither sees what the other does.
    async def free(*_: object) -> None:
        return None

    monkeypatch.setattr("payments.billing.credit.commands.lock_market", free)
    second = await stall(system, "Z-02")
    (told,) = await opening_meanwhile(second)
    assert "100000 wait, owed" in told
    assert await second.statuses() == ["open"]


@alone
async def test_credit_that_waits_beside_a_debt_is_named(system: System) -> None:
    """The invariant's control: the credit came to be taken, and nobody took it."""
    at = await stall(system)
    await pay(at, 100_000)
    await at.owe(80_000)
    # On its way is no breach.
    assert await system.broken() == []
    async with system.parts.database.transaction() as session:
        await session.execute(text("UPDATE outbox_delivery SET state = 'done'"))
        payment = await session.scalar(text("SELECT id FROM payment"))
    rule = (
        "a stall's money waits only where its holder owes nothing there, or is on its way to what"
        " is owed"
    )
    told = f"{rule}: {payment} (100000 wait, owed {at.bills[0]['id']})"
    assert told in await system.broken()
