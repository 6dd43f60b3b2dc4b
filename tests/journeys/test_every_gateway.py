"""Every registered gateway, every ending of its payment page, over real HTTP: the money ends right.

Nothing here knows which gateways there are. The bill is over the greatest least amount; what the
sandbox charged is compared with our books, and lost callbacks are found by asking.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from adapters.sandbox.engine.deliveries import DeliveryState
from adapters.sandbox.engine.state import PayerOutcome, Timing
from adapters.sandbox.engine.store import Order
from app.seed.agency import configure_gateway
from core import clock
from tests.support.every_gateway import GATEWAYS, open_every_account
from tests.support.house import House, house_at
from tests.support.system_builder import SystemTemplate

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENDINGS = [outcome for outcome in PayerOutcome if outcome is not PayerOutcome.HELD]
#: The gateway keeps these to itself: only asking finds the money.
UNTOLD = (PayerOutcome.TIMEOUT_AFTER_CHARGE, PayerOutcome.LOST_CALLBACK)
#: How many callbacks there are, where it is not one.
COPIES = {PayerOutcome.DUPLICATE_CALLBACK: 3, PayerOutcome.SUCCESS_AFTER_FAILURE: 2}
#: Certified copies: 30 pages are 40,000 đ.
LINES = [{"fee": "2.000815", "quantity": 30}]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(
    system_template: SystemTemplate, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    timing = Timing(
        schedule=(0.05,), late=0.1, between_duplicates=0.02, failure_to_success=0.2, never=0.05
    )
    folder = tmp_path_factory.mktemp("house")
    async with house_at(system_template, folder, timing) as built:
        await open_every_account(built)
        yield built


async def start(house: House, bill: dict[str, Any], gateway: str) -> dict[str, Any]:
    answer = await house.post(f"/api/v1/bills/{bill['id']}/payments", {"gateway": gateway})
    assert answer.status_code == 201, answer.text
    payment: dict[str, Any] = answer.json()
    assert payment["status"] == "submitted"
    assert payment["checkout"]["url"].startswith(f"{house.sandbox_url}/{gateway}/")
    return payment


async def press(house: House, payment: dict[str, Any], outcome: PayerOutcome) -> None:
    """Open the page as a browser does, then press one of its buttons."""
    url = payment["checkout"]["url"]
    page = await house.browser.get(url)
    assert page.status_code == 200, page.text
    assert f'name="outcome" value="{outcome}"' in page.text
    assert '<form method="post">' in page.text
    answer = await house.browser.post(url, data={"outcome": str(outcome)})
    timed_out = outcome is PayerOutcome.TIMEOUT_AFTER_CHARGE
    assert answer.status_code == (504 if timed_out else 303), answer.text
    if not timed_out:
        assert answer.headers["Location"].startswith(house.base_url)


def order_of(house: House, bill: dict[str, Any]) -> Order:
    (found,) = (
        o for o in house.sandbox.store.orders.values() if o.order_id.startswith(bill["reference"])
    )
    return found


async def attempt(house: House, payment: dict[str, Any]) -> dict[str, Any]:
    answer = await house.client.get(f"/api/v1/payments/{payment['id']}")
    found: dict[str, Any] = answer.json()
    return found


async def credited(house: House, bill: dict[str, Any]) -> list[tuple[str, int]]:
    """Reference and amount of all money that our books have for a bill."""
    async with house.parts.database.transaction() as session:
        rows = await session.execute(
            text(
                "SELECT gateway_ref, credited FROM payment"
                " WHERE bill_id = :id AND credited IS NOT NULL"
            ),
            {"id": bill["id"]},
        )
        return [(row.gateway_ref, row.credited) for row in rows]


@pytest.mark.parametrize("outcome", ENDINGS)
@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_every_ending_leaves_the_money_where_the_gateway_has_it(
    house: House, gateway: str, outcome: PayerOutcome
) -> None:
    bill = await house.create_bill(lines=LINES)
    payment = await start(house, bill, gateway)
    await press(house, payment, outcome)
    if outcome not in (PayerOutcome.WRONG_AMOUNT, PayerOutcome.DECLINE):
        await settled(house, bill, by_asking=outcome in UNTOLD)
    else:
        expected = "held" if outcome is PayerOutcome.WRONG_AMOUNT else "failed"
        await until_attempt(house, payment, expected)
    await house.told()
    await house.work()

    order, found = order_of(house, bill), await house.read(bill)
    told = [d for d in house.sandbox.deliveries.all if d.subject == order.order_id]
    states = {delivery.state for delivery in told}
    if outcome in UNTOLD:
        assert states == {DeliveryState.LOST}
    elif outcome is not PayerOutcome.WRONG_AMOUNT:
        assert states == {DeliveryState.ACKNOWLEDGED}, [d.attempts for d in told]
    assert len(told) == COPIES.get(outcome, 1)
    real = [(charge.transaction_no, charge.amount) for charge in order.charges]
    assert await credited(house, bill) == real, "our books and the gateway's differ"
    status = (await attempt(house, payment))["status"]
    if outcome is PayerOutcome.DECLINE:
        assert (found["status"], status, real) == ("open", "failed", [])
    elif outcome is PayerOutcome.WRONG_AMOUNT:
        assert (found["status"], status, found["receipts"]) == ("open", "held", [])
        assert real[0][1] != bill["amount"]
    else:
        assert (found["status"], status) == ("paid", "succeeded")
        assert [amount for _, amount in real] == [bill["amount"]]
        assert len(found["receipts"]) == 1
    assert await house.broken() == []


async def settled(house: House, bill: dict[str, Any], *, by_asking: bool = False) -> None:
    """Wait until the bill is paid; where no callback comes, time goes on and the worker asks."""
    if by_asking:
        assert (await house.read(bill))["status"] == "open"
        with clock.frozen(clock.now() + timedelta(seconds=20)):
            await house.work()
    await house.until(bill, "paid")


async def until_attempt(house: House, payment: dict[str, Any], status: str) -> None:
    """Wait until the attempt has a status."""
    for _ in range(400):
        if (await attempt(house, payment))["status"] == status:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"the attempt never was {status}")


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_a_receipt_names_the_way_it_was_paid_and_the_page_its_button(
    house: House, gateway: str
) -> None:
    bill = await house.create_bill(lines=LINES)
    info = house.parts.payments.gateways.find_info(gateway)
    assert info is not None
    page = (await house.browser.get(bill["pay_url"])).text
    assert f'name="gateway" value="{gateway}"' in page
    assert f"qua {info.title_vi}" in page
    await press(house, await start(house, bill, gateway), PayerOutcome.SUCCESS)
    await settled(house, bill)
    await house.work()
    (receipt,) = (await house.read(bill))["receipts"]
    xml = (await house.browser.get(receipt["xml_url"])).text
    assert f"({info.title_vi})" in xml


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_a_forged_result_is_not_believed(house: House, gateway: str) -> None:
    bill = await house.create_bill(lines=LINES)
    payment = await start(house, bill, gateway)
    await house.browser.get(payment["checkout"]["url"])
    order = order_of(house, bill)
    merchant = house.sandbox.store.merchants[order.merchant_id]
    forged = house.sandbox.forge(merchant, order.order_id, bill["amount"])
    for _ in range(400):
        if forged.attempts:
            break
        await asyncio.sleep(0.02)
    assert forged.attempts[0].status in (200, 401), "nobody answered"
    assert forged.state != "acknowledged"
    assert (await house.read(bill))["status"] == "open"
    assert await credited(house, bill) == []


async def test_a_gateway_is_not_offered_beyond_its_limits(house: House) -> None:
    small = await house.create_bill(lines=[{"fee": "2.000815", "quantity": 1}])
    page = (await house.browser.get(small["pay_url"])).text
    refused = []
    for gateway in GATEWAYS:
        info = house.parts.payments.gateways.find_info(gateway)
        assert info is not None
        takes = info.takes(small["amount"], {})
        assert (f'name="gateway" value="{gateway}"' in page) == takes
        answer = await house.post(f"/api/v1/bills/{small['id']}/payments", {"gateway": gateway})
        if takes:
            assert answer.status_code == 201, answer.text
            continue
        assert answer.status_code == 409, answer.text
        problem = answer.json()
        assert problem["code"] == "amount_not_taken"
        assert info.title_vi in problem["detail"]
        refused.append(gateway)
    assert refused, "no gateway has a limit over 2,000 đ: this shows nothing"
    async with house.parts.database.transaction() as session:
        rows = await session.execute(
            text("SELECT gateway FROM payment WHERE bill_id = :id"), {"id": small["id"]}
        )
        assert not set(refused) & {row.gateway for row in rows}, "a refused attempt was written"


async def test_a_name_that_no_adapter_has_is_offered_to_nobody(house: House) -> None:
    """An account at it may stand in the database: of another version, or by a slip."""
    async with house.parts.database.transaction() as session:
        await configure_gateway(
            session,
            house.parts.cipher,
            agency_id=house.body.agency_id,
            collection_account_id=house.body.collection_account_id,
            gateway="nobody",
            account="x",
            base_url="https://pay.example",
            credentials={},
        )
    house.parts.payments.agencies.forget()
    bill = await house.create_bill(lines=LINES)
    page = await house.browser.get(bill["pay_url"])
    assert (page.status_code, "nobody" in page.text) == (200, False)
    answer = await house.post(f"/api/v1/bills/{bill['id']}/payments", {"gateway": "nobody"})
    assert (answer.status_code, answer.json()["code"]) == (404, "gateway_not_offered")
    assert (await house.browser.post("/callbacks/nobody/x", content=b"{}")).status_code == 404
