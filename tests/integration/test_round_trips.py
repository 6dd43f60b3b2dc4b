"""How often the money's paths go to the database, and in what order they lock.

A round trip is what they cost at a busy hour. The bounds are what was measured, with agencies
and accounts remembered; a change that needs one more has to say so here.
"""

import contextlib
from collections.abc import Iterator

import pytest
import pytest_asyncio
from sqlalchemy import event

from payments.agencies import memory
from tests.support.callbacks import call, credit, order_of, result_of
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def remembered(shared_system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """Agencies and accounts are in memory, and stay there as long as the test takes."""
    monkeypatch.setattr(memory, "CACHE_SECONDS", 3600.0)
    payment = await shared_system.start(await shared_system.create_bill())
    await call(shared_system, result_of(shared_system, order_of(shared_system, payment)))
    await credit(shared_system, 5000, (await shared_system.create_bill())["reference"])


@contextlib.contextmanager
def statements(system: System) -> Iterator[list[str]]:
    """Every statement that the service sends through its sessions meanwhile."""
    seen: list[str] = []
    engine = system.parts.database.engine.sync_engine

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def test_an_exact_credit_takes_twenty_statements(shared_system: System) -> None:
    system = shared_system
    bill = await system.create_bill()
    with statements(system) as seen:
        await credit(system, 5000, bill["reference"])
    assert (await system.read(bill))["status"] == "paid"
    assert 10 < len(seen) <= 20, "\n".join(seen)


async def test_a_success_at_a_gateway_takes_seventeen_statements(shared_system: System) -> None:
    system = shared_system
    bill = await system.create_bill()
    body = result_of(system, order_of(system, await system.start(bill)))
    with statements(system) as seen:
        assert (await call(system, body)).status_code == 200
    assert (await system.read(bill))["status"] == "paid"
    assert 10 < len(seen) <= 17, "\n".join(seen)


async def test_a_checkout_takes_fourteen_statements(shared_system: System) -> None:
    """Two of them are the breaker's: whether the account rests, and that it has answered."""
    system = shared_system
    bill = await system.create_bill()
    with statements(system) as seen:
        payment = await system.start(bill)
    assert payment["status"] == "submitted"
    assert 10 < len(seen) <= 14, "\n".join(seen)


async def test_a_credit_that_is_told_again_takes_fewer(shared_system: System) -> None:
    system = shared_system
    bill = await system.create_bill()
    await credit(system, 5000, bill["reference"], bank_ref="ft26toldagain", feed_id=77_100)
    with statements(system) as seen:
        await credit(system, 5000, bill["reference"], bank_ref="FT26TOLDAGAIN", feed_id=77_100)
    assert 5 < len(seen) <= 9, "\n".join(seen)


def locked(statements: list[str]) -> list[str]:
    """The tables whose rows were locked, in order."""
    return [s.partition("FROM ")[2].split()[0] for s in statements if "FOR UPDATE" in s]


async def test_a_bill_is_locked_before_its_attempt(shared_system: System) -> None:
    system = shared_system
    bill = await system.create_bill()
    with statements(system) as seen:
        payment = await system.start(bill)
    # The intent locks the bill alone; what the gateway answered is written to both.
    assert locked(seen) == ["bill", "bill", "payment"]
    body = result_of(system, order_of(system, payment))
    with statements(system) as seen:
        await call(system, body)
    assert locked(seen) == ["callback", "bill", "payment", "suspense_item"]
