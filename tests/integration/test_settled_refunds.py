"""Settlement files that show refunds: each is matched, an unclear one is paid by it."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from adapters.sandbox.engine.faults import Fault, Operation
from adapters.sandbox.engine.state import PayerOutcome
from core import clock
from core.ids import new_id
from payments.refunds import settled as settled_refunds
from tests.api.test_refunds import approved, asked, read
from tests.journeys.test_every_gateway import LINES, order_of, press, settled, start
from tests.support.every_gateway import PLACE, open_every_account
from tests.support.settlements import HEADER, new_batch
from tests.support.staff import finance_office
from tests.support.system import System

pytestmark = pytest.mark.asyncio

GATEWAY = "momo"


async def take(system: System, *rows: tuple[str, str, int]) -> None:
    """A file of the gateway's: for each what it calls the refund, its own number, and đồng."""
    on, batch = clock.business_date(clock.now()), new_batch()
    lines = [f"{batch},{on},refund,{name},{no},{sum_},0,{sum_}," for name, no, sum_ in rows]
    answer = await system.office.post(
        "/api/v1/settlements",
        files={"file": ("qt.csv", "\n".join((HEADER, *lines)).encode(), "text/csv")},
        data={"gateway": f"{GATEWAY}/{PLACE}", "mapping": "lephi-settlement"},
        headers={"Idempotency-Key": new_id("k")},
    )
    assert answer.status_code == 201, answer.text


async def test_a_file_shows_a_refund_pays_an_unclear_one_and_tells_of_odd_lines(
    system: System,
) -> None:
    await open_every_account(system)
    office = await finance_office(system)
    bill = await system.create_bill(lines=LINES)
    payment = await start(system, bill, GATEWAY)
    await press(system, payment, PayerOutcome.SUCCESS)
    await settled(system, bill)
    order = order_of(system, payment)
    clear = await approved(office, await asked(office, payment, 9_000, way="gateway"))
    await system.work()
    clear = await read(office, clear)
    assert clear["status"] == "succeeded"
    system.sandbox.timing = replace(system.sandbox.timing, never=0.05)
    system.sandbox.faults.script(order.merchant_id, Operation.REFUND, Fault.TIMEOUT)
    unclear = await approved(office, await asked(office, payment, 7_000, way="gateway"))
    await system.work()
    assert (await read(office, unclear))["status"] == "unknown"
    await take(
        system,
        ("", str(clear["gateway_ref"]), 9_000),
        (f"MO-{unclear['reference']}", "778899", 7_000),
        (str(unclear["reference"]), "778900", 7_000),
    )
    clear, unclear = await read(office, clear), await read(office, unclear)
    assert clear["settlement_line"] is not None
    assert (unclear["status"], unclear["gateway_ref"]) == ("succeeded", "778899")
    assert unclear["settlement_line"] not in (None, clear["settlement_line"])
    async with system.parts.database.transaction() as session:
        told = await session.execute(
            text("SELECT object_id FROM audit_entry WHERE action = :action"),
            {"action": settled_refunds.UNEXPECTED},
        )
        assert list(told.scalars()) == [unclear["id"]]
    assert await system.broken() == []
    # What the gateway gave back it takes from what it pays over.
    async with system.parts.database.transaction() as session:
        left = await session.execute(
            text(
                "SELECT ledger, sum(amount) FROM posting WHERE ledger LIKE '%gateway%' OR"
                " ledger = 'in_transit' GROUP BY 1"
            )
        )
        assert {row[0]: row[1] for row in left} == {"in_transit": 16_000, "gateway_back": 16_000}
