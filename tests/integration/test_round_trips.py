"""How often the money's paths go to the database: a round trip is what they cost at a busy hour.

The bounds are what was measured; a change that needs one more has to say so here.
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

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def test_an_exact_credit(shared_house: House) -> None:
    house = shared_house
    await credit(house, 5000, (await house.create_bill())["reference"])
    bill = await house.create_bill()
    with statements(house) as seen:
        await credit(house, 5000, bill["reference"])
    assert (await house.read(bill))["status"] == "paid"
    assert 0 < len(seen) <= 99, "\n".join(seen)


async def test_a_gateway_success(shared_house: House) -> None:
    house = shared_house
    bill = await house.create_bill()
    body = result_of(house, order_of(house, await house.start(bill)))
    with statements(house) as seen:
        assert (await call(house, body)).status_code == 200
    assert (await house.read(bill))["status"] == "paid"
    assert 0 < len(seen) <= 99, "\n".join(seen)


async def test_a_checkout(shared_house: House) -> None:
    house = shared_house
    await house.start(await house.create_bill())
    bill = await house.create_bill()
    with statements(house) as seen:
        payment = await house.start(bill)
    assert payment["status"] == "submitted"
    assert 0 < len(seen) <= 99, "\n".join(seen)
