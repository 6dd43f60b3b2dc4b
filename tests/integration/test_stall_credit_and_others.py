"""A stall's credit is given away while others take the same money back."""

import asyncio

from sqlalchemy import text

from core import audit
from core.sessions import WriteSession
from payments.billing.credit.commands import take_credit
from payments.books.commands import lock_returned_money, reverse_returned_money
from tests.support.callbacks import credit
from tests.support.locks import until_someone_waits
from tests.support.stalls import StallAtHand, stall
from tests.support.system import System

LINE = "line_of_a_test"


async def with_credit(system: System) -> tuple[StallAtHand, str]:
    """A stall with 100,000 đồng of credit and a bill of 80,000; the id of its payment."""
    at = await stall(system)
    await credit(system, 100_000, at.reference)
    await system.work()
    await at.owe(80_000)
    async with system.parts.database.transaction() as session:
        payment: str = await session.scalar(text("SELECT id FROM payment"))
    return at, payment


async def test_money_that_the_bank_took_back_is_reversed_from_the_bill_that_just_had_it(
    system: System,
) -> None:
    at, payment = await with_credit(system)
    database = system.parts.database

    async def reverse() -> int:
        async with database.transaction() as session:
            money = await lock_returned_money(session, payment, [LINE])
            await reverse_returned_money(session, money, actor="system:test")
            return money.settled + money.waiting

    async with database.transaction() as session:
        await audit.record(
            session,
            actor="system:test",
            action="payment.returned_by_bank",
            object_id=payment,
            details={"line": LINE},
        )
    async with database.transaction() as session:
        assert await take_credit(session, [at.reference]) == 80_000
        reversing = asyncio.create_task(reverse())
        await until_someone_waits(database)
    assert await reversing == 100_000
    assert (await at.statuses(), await at.waiting()) == (["open"], {})


async def test_the_payment_is_locked_before_its_parts(system: System) -> None:
    at, payment = await with_credit(system)
    database = system.parts.database

    async def take() -> int:
        async def work(session: WriteSession) -> int:
            return await take_credit(session, [at.reference])

        return await database.run(work, attempts=1)

    async with database.transaction() as session:
        # As a refund does: the payment, then its parts.
        mine = {"payment": payment}
        await session.execute(text("SELECT id FROM payment WHERE id = :payment FOR UPDATE"), mine)
        taking = asyncio.create_task(take())
        await until_someone_waits(database)
        await session.execute(
            text("SELECT id FROM suspense_item WHERE payment_id = :payment FOR UPDATE"), mine
        )
    assert await taking == 80_000
