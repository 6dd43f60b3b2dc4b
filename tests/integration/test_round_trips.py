"""How often the money's paths go to the database, and in what order they lock.

A round trip is what they cost at a busy hour. The bounds are what was measured, with agencies
and accounts remembered; a change that needs one more has to say so here.
"""

import contextlib
from collections.abc import Iterator

import pytest
import pytest_asyncio
from sqlalchemy import event

from payments.agencies import queries
from tests.support.callbacks import call, credit, order_of, result_of
from tests.support.house import House

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def remembered(shared_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Agencies and accounts are in memory, and stay there as long as the test takes."""
    monkeypatch.setattr(queries, "CACHE_SECONDS", 3600.0)
    payment = await shared_house.start(await shared_house.create_bill())
    await call(shared_house, result_of(shared_house, order_of(shared_house, payment)))
    await credit(shared_house, 5000, (await shared_house.create_bill())["reference"])


@contextlib.contextmanager
def statements(house: House) -> Iterator[list[str]]:
    """Every statement that the service sends through its sessions meanwhile."""
    seen: list[str] = []
    engine = house.parts.database.engine.sync_engine

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def test_an_exact_credit_takes_sixteen_statements(shared_house: House) -> None:
    house = shared_house
    bill = await house.create_bill()
    with statements(house) as seen:
        await credit(house, 5000, bill["reference"])
    assert (await house.read(bill))["status"] == "paid"
    assert 10 < len(seen) <= 16, "\n".join(seen)


async def test_a_success_at_a_gateway_takes_sixteen_statements(shared_house: House) -> None:
    house = shared_house
    bill = await house.create_bill()
    body = result_of(house, order_of(house, await house.start(bill)))
    with statements(house) as seen:
        assert (await call(house, body)).status_code == 200
    assert (await house.read(bill))["status"] == "paid"
    assert 10 < len(seen) <= 16, "\n".join(seen)


async def test_a_checkout_takes_twelve_statements(shared_house: House) -> None:
    house = shared_house
    bill = await house.create_bill()
    with statements(house) as seen:
        payment = await house.start(bill)
    assert payment["status"] == "submitted"
    assert 10 < len(seen) <= 12, "\n".join(seen)


async def test_a_credit_that_is_told_again_takes_fewer(shared_house: House) -> None:
    house = shared_house
    bill = await house.create_bill()
    await credit(house, 5000, bill["reference"], bank_ref="FTTOLDAGAIN")
    with statements(house) as seen:
        await credit(house, 5000, bill["reference"], bank_ref="FTTOLDAGAIN")
    assert 5 < len(seen) <= 9, "\n".join(seen)


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
