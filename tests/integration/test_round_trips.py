"""How often the money's paths go to the database, and in what order they lock.

A round trip is what they cost at a busy hour. The bounds are what was measured, with nothing
remembered of agencies and accounts; a change that needs one more has to say so here.
"""

import contextlib
from collections.abc import Iterator

import pytest
from sqlalchemy import event

from tests.support.callbacks import call, credit, order_of, result_of
from tests.support.house import House

pytestmark = pytest.mark.asyncio(loop_scope="module")


@contextlib.contextmanager
def statements(house: House) -> Iterator[list[str]]:
    """Every statement that the service sends through its sessions meanwhile."""
    seen: list[str] = []
    engine = house.parts.database.engine.sync_engine

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    house.parts.payments.agencies.forget()
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def test_an_exact_credit_takes_seventeen_statements(shared_house: House) -> None:
    house = shared_house
    bill = await house.create_bill()
    with statements(house) as seen:
        await credit(house, 5000, bill["reference"])
    assert (await house.read(bill))["status"] == "paid"
    assert 10 < len(seen) <= 17, "\n".join(seen)


async def test_a_success_at_a_gateway_takes_seventeen_statements(shared_house: House) -> None:
    house = shared_house
    bill = await house.create_bill()
    body = result_of(house, order_of(house, await house.start(bill)))
    with statements(house) as seen:
        assert (await call(house, body)).status_code == 200
    assert (await house.read(bill))["status"] == "paid"
    assert 10 < len(seen) <= 17, "\n".join(seen)


async def test_a_checkout_takes_fourteen_statements(shared_house: House) -> None:
    house = shared_house
    bill = await house.create_bill()
    with statements(house) as seen:
        payment = await house.start(bill)
    assert payment["status"] == "submitted"
    assert 10 < len(seen) <= 14, "\n".join(seen)


async def test_a_credit_that_is_told_again_takes_fewer(shared_house: House) -> None:
    house = shared_house
    bill = await house.create_bill()
    await credit(house, 5000, bill["reference"], bank_ref="FTTOLDAGAIN")
    with statements(house) as seen:
        await credit(house, 5000, bill["reference"], bank_ref="FTTOLDAGAIN")
    assert 5 < len(seen) <= 10, "\n".join(seen)


def locked(statements: list[str]) -> list[str]:
    """The tables whose rows were locked, in order."""
    return [s.partition("FROM ")[2].split()[0] for s in statements if "FOR UPDATE" in s]


async def test_a_bill_is_locked_before_its_attempt(shared_house: House) -> None:
    house = shared_house
    bill = await house.create_bill()
    with statements(house) as seen:
        payment = await house.start(bill)
    # The intent locks the bill alone; what the gateway answered is written to both.
    assert locked(seen) == ["bill", "bill", "payment"]
    body = result_of(house, order_of(house, payment))
    with statements(house) as seen:
        await call(house, body)
    assert locked(seen) == ["callback", "bill", "payment", "suspense_item"]
