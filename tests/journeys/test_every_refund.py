"""Every gateway that gives money back, over real HTTP: two people, one call, and the books agree.

Nothing here knows which gateways there are. What the sandbox gave back is compared with our books.
"""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from adapters.registry import ADAPTERS
from adapters.sandbox.engine.faults import Fault, Operation
from adapters.sandbox.engine.state import PayerOutcome, Timing
from adapters.sandbox.engine.store import Order, RefundStatus
from core import clock
from payments.gateway_info import Capability
from tests.api.test_refunds import approved, ask, asked, read
from tests.journeys.test_every_gateway import LINES, order_of, press, settled, start
from tests.support.every_gateway import GATEWAYS, open_every_account
from tests.support.problems import problem
from tests.support.staff import FinanceOffice, finance_office
from tests.support.system import System, system_at
from tests.support.system_builder import SystemTemplate

pytestmark = pytest.mark.asyncio(loop_scope="module")

GIVING = [one for one in GATEWAYS if Capability.REFUND in ADAPTERS[one].info.capabilities]
OTHERS = [one for one in GATEWAYS if one not in GIVING]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(
    system_template: SystemTemplate, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[System]:
    timing = Timing(schedule=(0.05,), late=0.1, between_duplicates=0.02, never=0.05)
    async with system_at(system_template, tmp_path_factory.mktemp("system"), timing) as built:
        await open_every_account(built)
        yield built
        # Once, for it reads every book and receipt: nothing is taken away here.
        assert await built.broken() == []


async def paid_at(system: System, gateway: str) -> tuple[dict[str, Any], Order]:
    """A bill of 32,000 đ that was paid there: its payment, and what the sandbox has of it."""
    bill = await system.create_bill(lines=LINES)
    payment = await start(system, bill, gateway)
    await press(system, payment, PayerOutcome.SUCCESS)
    await settled(system, bill)
    return payment, order_of(system, payment)


async def later(system: System, after: timedelta = timedelta(minutes=2)) -> None:
    """Time goes on and the worker does what is due by then."""
    with clock.frozen(clock.now() + after):
        await system.work()


async def called(system: System, office: FinanceOffice, refund: dict[str, Any]) -> None:
    """The worker calls the gateway; on a busy machine it may not be reached at once."""
    await system.work()
    for _ in range(5):
        if (await read(office, refund))["status"] != "approved":
            return
        await later(system)


def given_back(system: System, order: Order) -> list[int]:
    """What the sandbox has given back of an order, and has not refused."""
    return [
        one.amount
        for one in system.sandbox.store.refunds_of(order)
        if one.status is not RefundStatus.REFUSED
    ]


async def by_gateway(office: FinanceOffice, payment: dict[str, Any], amount: int) -> dict[str, Any]:
    """A refund that goes back by the gateway and that two people have approved."""
    return await approved(office, await asked(office, payment, amount, way="gateway"))


@pytest.mark.parametrize("gateway", GIVING)
async def test_money_goes_back_in_parts_and_never_more_than_came(
    system: System, gateway: str
) -> None:
    office = await finance_office(system)
    payment, order = await paid_at(system, gateway)
    for part in (15_000, 17_000):
        refund = await by_gateway(office, payment, part)
        assert (refund["status"], refund["transfer"]) == ("approved", None)
        await system.work()
        await later(system)
        refund = await read(office, refund)
        assert (refund["status"], refund["gateway"]) == ("succeeded", gateway)
        assert refund["gateway_paid_at"] is not None
    assert given_back(system, order) == [15_000, 17_000]
    problem(await ask(office, payment, 1, way="gateway"), 409, "not_refundable", "amount")
    problem(await ask(office, payment, 1), 409, "not_refundable", "amount")
    await system.work()
    shown = (await system.client.get(f"/api/v1/bills/{payment['bill']}")).json()
    assert shown["receipts"][0]["status"] == "refunded"
    assert shown["payments"][0]["paid_back"] == 32_000


@pytest.mark.parametrize("gateway", GIVING)
@pytest.mark.parametrize("fault", [Fault.TIMEOUT, Fault.HTML, Fault.TRUNCATED])
async def test_a_lost_answer_is_asked_about_and_never_called_for_again(
    system: System, gateway: str, fault: Fault
) -> None:
    office = await finance_office(system)
    payment, order = await paid_at(system, gateway)
    system.sandbox.faults.script(order.merchant_id, Operation.REFUND, fault)
    refund = await by_gateway(office, payment, 12_000)
    await called(system, office, refund)
    assert (await read(office, refund))["status"] == "unknown"
    # Nobody orders a transfer for it as well.
    problem(await office.post(f"/refunds/{refund['id']}/sent", {}), 409, "other_way")
    problem(
        await office.post(f"/refunds/{refund['id']}/failure", {"reason": "x"}),
        409,
        "refund_decided",
    )
    await later(system)
    assert (await read(office, refund))["status"] == "succeeded"
    assert given_back(system, order) == [12_000]


@pytest.mark.parametrize("gateway", GIVING)
async def test_what_the_gateway_is_at_is_asked_about_and_a_late_refusal_puts_it_back(
    system: System, gateway: str
) -> None:
    office = await finance_office(system)
    payment, order = await paid_at(system, gateway)
    system.sandbox.faults.script(order.merchant_id, Operation.REFUND, Fault.NOT_DECIDED)
    refund = await by_gateway(office, payment, 12_000)
    # Before there is another: whichever the gateway is reached for first gets the scripted answer.
    await called(system, office, refund)
    assert (await read(office, refund))["status"] == "submitted"
    second = await by_gateway(office, payment, 9_000)
    await system.work()
    await later(system)
    # One of a payment at a time: some gateways tell of the newest alone.
    assert (await read(office, second))["status"] == "approved"
    assert (await read(office, refund))["status"] == "submitted"
    (made,) = system.sandbox.store.refunds_of(order)
    made.status = RefundStatus.REFUSED
    await later(system, timedelta(hours=1))
    assert (await read(office, refund))["status"] == "failed"
    await later(system, timedelta(hours=2))
    await later(system, timedelta(hours=3))
    assert (await read(office, second))["status"] == "succeeded"
    assert given_back(system, order) == [9_000]
    # What was refused can go back by the other way.
    again = await approved(office, await asked(office, payment, 12_000))
    assert again["transfer"]["memo"] == again["reference"]


@pytest.mark.parametrize("gateway", GIVING)
async def test_one_that_was_certainly_not_reached_is_called_again_under_its_name(
    system: System, gateway: str
) -> None:
    office = await finance_office(system)
    payment, order = await paid_at(system, gateway)
    system.sandbox.faults.script(
        order.merchant_id, Operation.REFUND, Fault.RATE_LIMITED, count=20, retry_after="0"
    )
    refund = await by_gateway(office, payment, 12_000)
    await system.work()
    assert (await read(office, refund))["status"] in ("approved", "unknown")
    system.sandbox.faults.clear()
    for hours in (1, 2):
        await later(system, timedelta(hours=hours))
    found = await read(office, refund)
    if found["status"] == "unknown":  # this one's client does not take it for "nothing happened"
        assert given_back(system, order) == []
    else:
        assert found["status"] == "succeeded"
        assert given_back(system, order) == [12_000]


@pytest.mark.parametrize("gateway", GIVING)
async def test_a_refusal_puts_the_money_where_it_was(system: System, gateway: str) -> None:
    office = await finance_office(system)
    payment, order = await paid_at(system, gateway)
    system.sandbox.faults.script(order.merchant_id, Operation.REFUND, Fault.DECLINE)
    refund = await by_gateway(office, payment, 12_000)
    await called(system, office, refund)
    await later(system)
    refund = await read(office, refund)
    assert (refund["status"], refund["transfer"]) == ("failed", None)
    assert given_back(system, order) == []
    shown = (await system.client.get(f"/api/v1/bills/{payment['bill']}")).json()
    assert (shown["payments"][0]["allocated"], shown["payments"][0]["paying_back"]) == (32_000, 0)


@pytest.mark.parametrize("gateway", OTHERS)
async def test_one_that_gives_nothing_back_is_not_asked(system: System, gateway: str) -> None:
    office = await finance_office(system)
    payment, _ = await paid_at(system, gateway)
    problem(await ask(office, payment, 1000, way="gateway"), 409, "way_not_open", "way")


async def test_a_gateway_that_takes_its_word_back_is_believed(system: System) -> None:
    """It said "paid", and some days later that the card's bank sent the money back to it."""
    office = await finance_office(system)
    payment, order = await paid_at(system, GIVING[0])
    refund = await by_gateway(office, payment, 12_000)
    await called(system, office, refund)
    await later(system)
    assert (await read(office, refund))["status"] == "succeeded"
    for one in system.sandbox.store.refunds_of(order):
        one.status = RefundStatus.REFUSED
    await later(system, timedelta(hours=7))
    assert (await read(office, refund))["status"] == "failed"
    async with system.parts.database.transaction() as session:
        back = await session.execute(
            text(
                "SELECT o.ledger, sum(o.amount) FROM posting o JOIN ledger_transaction t"
                " ON t.id = o.transaction_id WHERE t.payment_id = :id GROUP BY 1"
                " HAVING sum(o.amount) <> 0"
            ),
            {"id": payment["id"]},
        )
        assert {row[0]: row[1] for row in back} == {"in_transit": 32_000, "revenue": -32_000}
