"""The judge is seen to catch what it is there for: each broken variant fails, and says how.

Each control plays a scene that the sound product comes out of unharmed (test_failpoints), with
processes that `tests.support.broken` has broken.
"""

import signal

from tests.crash.harness import CrashHouse, kept
from tests.crash.judge import judge
from tests.crash.payer import Payer


def assert_one_was_killed(house: CrashHouse, name: str) -> None:
    assert [(c.name, c.status) for c in house.dead] == [(name, -signal.SIGKILL)]


async def test_numbers_from_a_sequence_are_caught(house: CrashHouse) -> None:
    with house.ground.server.connect(house.database) as connection:
        connection.execute("CREATE SEQUENCE broken_numbers")
    payer = Payer(house)
    await house.open(failpoints="receipt.before_commit=kill:2", variant="number_by_sequence")
    async with kept(house):
        for _ in range(2):
            await payer.pay_at_gateway()
        faults = await judge(house, payer)
    assert_one_was_killed(house, "worker")
    assert "numbers are not 1..N: [1, 3]" in faults
    assert [f for f in faults if f.startswith("invariant: numbers of a series are 1..N")]


async def test_a_receipt_without_the_delivered_mark_in_its_transaction_is_caught(
    house: CrashHouse,
) -> None:
    payer = Payer(house)
    await house.open(failpoints="receipt.before_commit=kill:2", variant="mark_before_issuing")
    async with kept(house):
        await payer.pay_at_gateway()
        bill = await payer.create_bill()
        await payer.press(await payer.start(bill))
        await house.until_dead("worker")
        faults = await judge(house, payer)
    assert_one_was_killed(house, "worker")
    assert f"bill {bill['id']} is paid with 0 receipts" in faults
    assert [f for f in faults if f.startswith("invariant: a settled bill has its receipt")]


async def test_callbacks_that_are_not_known_again_are_caught(house: CrashHouse) -> None:
    payer = Payer(house)
    await house.open(failpoints="callback.after_apply=kill:1", variant="count_every_callback")
    async with kept(house):
        await payer.pay_at_gateway()
        faults = await judge(house, payer)
    assert_one_was_killed(house, "serve")
    (charge,) = [c for order in house.sandbox.store.orders.values() for c in order.charges]
    twice = (charge.transaction_no, charge.amount)
    assert f"in the books, but never taken: {twice}" in faults
    assert [f for f in faults if f.startswith("invariant: the same money is one payment")]


async def test_a_commit_after_the_answer_is_caught(house: CrashHouse) -> None:
    payer = Payer(house)
    await house.open(failpoints="bill.before_write=kill:2", variant="commit_after_the_answer")
    async with kept(house):
        await payer.create_bill()
        lost = await payer.create_bill()
        await house.until_dead("serve")
        faults = await judge(house, payer)
    assert_one_was_killed(house, "serve")
    assert f"answered bill is lost: {lost['id']}" in faults


async def test_a_database_that_answers_before_it_has_written_is_caught(
    house: CrashHouse,
) -> None:
    server = house.ground.server
    with server.connect() as connection:
        connection.execute(f"ALTER DATABASE {house.database} SET synchronous_commit = off")
        # Otherwise it writes a fifth of a second later by itself, and the kill comes too late.
        connection.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
        connection.execute("SELECT pg_reload_conf()")
    try:
        payer = Payer(house)
        await house.open()
        async with kept(house):
            lost = await payer.create_bill()
            await house.kill_database()
            await house.until_ready()
            faults = await judge(house, payer)
    finally:
        server.start()
        with server.connect() as connection:
            connection.execute("ALTER SYSTEM RESET wal_writer_delay")
            connection.execute("SELECT pg_reload_conf()")
    assert f"answered bill is lost: {lost['id']}" in faults
