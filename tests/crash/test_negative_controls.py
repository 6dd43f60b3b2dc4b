"""The oracle is seen to catch what it is there for: each broken variant fails, and says how.

Each control plays a scene that the sound product comes out of unharmed (test_failpoints), with
processes that `tests.support.broken` has broken.
"""

import signal

from tests.crash.harness import CrashSystem, kept
from tests.crash.oracle import find_faults
from tests.crash.payer import Payer


def assert_one_was_killed(system: CrashSystem, name: str) -> None:
    assert [(c.name, c.status) for c in system.dead] == [(name, -signal.SIGKILL)]


async def test_numbers_from_a_sequence_are_caught(system: CrashSystem) -> None:
    with system.ground.server.connect(system.database) as connection:
        connection.execute("CREATE SEQUENCE broken_numbers")
    payer = Payer(system)
    await system.open("receipt.before_commit=kill:2", variant="number_by_sequence")
    async with kept(system):
        for _ in range(2):
            await payer.pay_at_gateway()
        faults = await find_faults(system, payer)
    assert_one_was_killed(system, "worker")
    assert "numbers are not 1..N: [1, 3]" in faults
    assert [f for f in faults if f.startswith("invariant: numbers of a series are 1..N")]


async def test_a_receipt_without_the_delivered_mark_in_its_transaction_is_caught(
    system: CrashSystem,
) -> None:
    payer = Payer(system)
    await system.open("receipt.before_commit=kill:2", variant="mark_before_issuing")
    async with kept(system):
        await payer.pay_at_gateway()
        bill = await payer.create_bill()
        await payer.press(await payer.start(bill))
        await system.until_dead("worker")
        faults = await find_faults(system, payer)
    assert_one_was_killed(system, "worker")
    assert f"bill {bill['id']} is paid with 0 receipts" in faults
    assert [f for f in faults if f.startswith("invariant: a settled bill has its receipt")]


async def test_callbacks_that_are_not_known_again_are_caught(system: CrashSystem) -> None:
    payer = Payer(system)
    await system.open("callback.after_apply=kill:1", variant="count_every_callback")
    async with kept(system):
        await payer.pay_at_gateway()
        faults = await find_faults(system, payer)
    assert_one_was_killed(system, "serve")
    (charge,) = [c for order in system.sandbox.store.orders.values() for c in order.charges]
    twice = (charge.transaction_no, charge.amount)
    assert f"in the books, but never taken: {twice}" in faults
    assert [f for f in faults if f.startswith("invariant: the same money is one payment")]


async def test_a_commit_after_the_answer_is_caught(system: CrashSystem) -> None:
    payer = Payer(system)
    await system.open("bill.before_write=kill:2", variant="commit_after_the_answer")
    async with kept(system):
        lost = await payer.create_bill()
        await payer.create_bill()
        await system.until_dead("serve")
        faults = await find_faults(system, payer)
    assert_one_was_killed(system, "serve")
    assert f"answered bill is lost: {lost['id']}" in faults


async def test_a_database_that_answers_before_it_has_written_is_caught(
    system: CrashSystem,
) -> None:
    server = system.ground.server
    with server.connect() as connection:
        connection.execute(f"ALTER DATABASE {system.database} SET synchronous_commit = off")
        # Otherwise it writes a fifth of a second later by itself, and the kill comes too late.
        connection.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
        connection.execute("SELECT pg_reload_conf()")
    try:
        payer = Payer(system)
        await system.open()
        async with kept(system):
            lost = await payer.create_bill()
            await system.kill_database()
            await system.until_ready()
            faults = await find_faults(system, payer)
    finally:
        server.start()
        with server.connect() as connection:
            connection.execute("ALTER SYSTEM RESET wal_writer_delay")
            connection.execute("SELECT pg_reload_conf()")
    assert f"answered bill is lost: {lost['id']}" in faults
