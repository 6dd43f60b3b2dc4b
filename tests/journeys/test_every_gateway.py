"""Every registered gateway, every ending of its payment page, over real HTTP: the money ends right.

Nothing here knows which gateways there are. The bill is over the greatest least amount; what the
sandbox charged is compared with our books, and lost callbacks are found by asking.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from adapters.registry import ADAPTERS
from adapters.sandbox.engine.deliveries import DeliveryState
from adapters.sandbox.engine.discovery import dialects
from adapters.sandbox.engine.gateway import CheckingDialect
from adapters.sandbox.engine.state import PayerOutcome, Timing
from adapters.sandbox.engine.store import Order
from core import clock
from payments.gateway_info import Capability
from tests.support.every_gateway import GATEWAYS, open_every_account
from tests.support.rigs.every import GATEWAY_RIGS
from tests.support.system import System, system_at
from tests.support.system_builder import SystemTemplate

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENDINGS = [outcome for outcome in PayerOutcome if outcome is not PayerOutcome.HELD]
#: Gateways whose money comes to the body's own account by bank transfer.
STRAIGHT = [one for one in GATEWAYS if ADAPTERS[one].info.straight]
#: The gateway keeps these to itself: only asking finds the money.
UNTOLD = (PayerOutcome.TIMEOUT_AFTER_CHARGE, PayerOutcome.LOST_CALLBACK)
#: How many callbacks there are, where it is not one.
COPIES = {PayerOutcome.DUPLICATE_CALLBACK: 3, PayerOutcome.SUCCESS_AFTER_FAILURE: 2}
#: Certified copies: 30 pages are 32,000 đ.
LINES = [{"fee": "2.000815", "quantity": 30}]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(
    system_template: SystemTemplate, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[System]:
    timing = Timing(
        schedule=(0.05,), late=0.1, between_duplicates=0.02, failure_to_success=0.2, never=0.05
    )
    folder = tmp_path_factory.mktemp("system")
    async with system_at(system_template, folder, timing) as built:
        await open_every_account(built)
        yield built
        # Once, for it reads every book and receipt: nothing is taken away here, so what any test
        # broke is seen, and named by its bill.
        assert await built.broken() == []


async def start(system: System, bill: dict[str, Any], gateway: str) -> dict[str, Any]:
    answer = await system.post(f"/api/v1/bills/{bill['id']}/payments", {"gateway": gateway})
    assert answer.status_code == 201, answer.text
    payment: dict[str, Any] = answer.json()
    assert payment["status"] == "submitted"
    assert payment["checkout"]["url"].startswith(f"{system.sandbox_url}/{gateway}/")
    return payment


async def press(system: System, payment: dict[str, Any], outcome: PayerOutcome) -> None:
    """Open the page as a browser does, then press one of its buttons."""
    url = payment["checkout"]["url"]
    page = await system.browser.get(url)
    assert page.status_code == 200, page.text
    assert f'name="outcome" value="{outcome}"' in page.text
    assert '<form method="post">' in page.text
    answer = await system.browser.post(url, data={"outcome": str(outcome)})
    timed_out = outcome is PayerOutcome.TIMEOUT_AFTER_CHARGE
    assert answer.status_code == (504 if timed_out else 303), answer.text
    if not timed_out:
        assert answer.headers["Location"].startswith(system.base_url)


def order_of(system: System, payment: dict[str, Any]) -> Order:
    """The order whose page an attempt leads to."""
    page = payment["checkout"]["url"].removeprefix(system.sandbox_url)
    (found,) = (one for one in system.sandbox.store.orders.values() if one.page == page)
    return found


async def attempt(system: System, payment: dict[str, Any]) -> dict[str, Any]:
    answer = await system.client.get(f"/api/v1/payments/{payment['id']}")
    found: dict[str, Any] = answer.json()
    return found


async def credited(system: System, bill: dict[str, Any]) -> list[tuple[str, int]]:
    """Reference and amount of all money that our books have for a bill."""
    async with system.parts.database.transaction() as session:
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
    system: System, gateway: str, outcome: PayerOutcome
) -> None:
    bill = await system.create_bill(lines=LINES)
    payment = await start(system, bill, gateway)
    await press(system, payment, outcome)
    info = system.parts.payments.gateways.find_info(gateway)
    assert info is not None
    if outcome in UNTOLD and Capability.QUERY not in info.capabilities:
        # Nobody can ask: what is left is the statement, or two people.
        order, found = order_of(system, payment), await system.read(bill)
        assert (found["status"], order.charged) == ("open", bill["amount"])
        assert (await attempt(system, payment))["status"] == "submitted"
        return
    tells = getattr(GATEWAY_RIGS.get(gateway), "tells_failures", True)
    if outcome is PayerOutcome.DECLINE and not tells:
        with clock.frozen(clock.now() + timedelta(seconds=20)):
            await system.work()
    if outcome not in (PayerOutcome.WRONG_AMOUNT, PayerOutcome.DECLINE):
        await settled(system, bill, by_asking=outcome in UNTOLD)
    else:
        expected = "held" if outcome is PayerOutcome.WRONG_AMOUNT else "failed"
        await until_attempt(system, payment, expected)
    await system.told()
    await system.work()

    order, found = order_of(system, payment), await system.read(bill)
    told = [d for d in system.sandbox.deliveries.all if d.subject == order.order_id]
    states = {delivery.state for delivery in told}
    if outcome in UNTOLD:
        assert states == {DeliveryState.LOST}
    elif outcome is not PayerOutcome.WRONG_AMOUNT and told:
        assert states == {DeliveryState.ACKNOWLEDGED}, [d.attempts for d in told]
    failed = outcome in (PayerOutcome.DECLINE, PayerOutcome.SUCCESS_AFTER_FAILURE)
    assert len(told) == COPIES.get(outcome, 1) - (failed and not tells)
    real = [(charge.transaction_no, charge.amount) for charge in order.charges]
    assert await credited(system, bill) == real, "our books and the gateway's differ"
    status = (await attempt(system, payment))["status"]
    if outcome is PayerOutcome.DECLINE:
        assert (found["status"], status, real) == ("open", "failed", [])
    elif outcome is PayerOutcome.WRONG_AMOUNT:
        assert (found["status"], status, found["receipts"]) == ("open", "held", [])
        assert real[0][1] != bill["amount"]
    else:
        assert (found["status"], status) == ("paid", "succeeded")
        assert [amount for _, amount in real] == [bill["amount"]]
        assert len(found["receipts"]) == 1


async def settled(system: System, bill: dict[str, Any], *, by_asking: bool = False) -> None:
    """Wait until the bill is paid; where no callback comes, time goes on and the worker asks."""
    if by_asking:
        assert (await system.read(bill))["status"] == "open"
        with clock.frozen(clock.now() + timedelta(seconds=20)):
            await system.work()
    await system.until(bill, "paid")


async def until_attempt(system: System, payment: dict[str, Any], status: str) -> None:
    """Wait until the attempt has a status."""
    for _ in range(400):
        if (await attempt(system, payment))["status"] == status:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"the attempt never was {status}")


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_a_receipt_names_the_way_it_was_paid_and_the_page_its_button(
    system: System, gateway: str
) -> None:
    bill = await system.create_bill(lines=LINES)
    info = system.parts.payments.gateways.find_info(gateway)
    assert info is not None
    page = (await system.browser.get(bill["pay_url"])).text
    assert f'name="gateway" value="{gateway}"' in page
    assert f"qua {info.title_vi}" in page
    await press(system, await start(system, bill, gateway), PayerOutcome.SUCCESS)
    await settled(system, bill)
    await system.work()
    (receipt,) = (await system.read(bill))["receipts"]
    xml = (await system.browser.get(receipt["xml_url"])).text
    # A transfer is the bank's, whoever watched it come.
    assert ("Chuyển khoản" if gateway in STRAIGHT else f"({info.title_vi})") in xml


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_a_forged_result_is_not_believed(system: System, gateway: str) -> None:
    bill = await system.create_bill(lines=LINES)
    payment = await start(system, bill, gateway)
    await system.browser.get(payment["checkout"]["url"])
    order = order_of(system, payment)
    merchant = system.sandbox.store.merchants[order.merchant_id]
    forged = system.sandbox.forge(merchant, order.order_id, bill["amount"])
    for _ in range(400):
        if forged.attempts:
            break
        await asyncio.sleep(0.02)
    assert forged.attempts[0].status in (200, 401), "nobody answered"
    assert forged.state != "acknowledged"
    assert (await system.read(bill))["status"] == "open"
    assert await credited(system, bill) == []


@pytest.mark.parametrize("come", [False, True])
@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_an_attempt_is_left_for_another_whether_or_not_its_payer_came_to_it(
    system: System, gateway: str, come: bool
) -> None:
    bill = await system.create_bill(lines=LINES)
    first = await start(system, bill, gateway)
    if come:
        assert (await system.browser.get(first["checkout"]["url"])).status_code == 200
    path = f"/api/v1/bills/{bill['id']}/payments"
    # At the same one or at another: each is somebody's other.
    for other in (gateway, GATEWAYS[GATEWAYS.index(gateway) - 1]):
        refused = await system.post(path, {"gateway": other})
        assert (refused.status_code, refused.json()["code"]) == (409, "attempt_open")
    info = system.parts.payments.gateways.find_info(gateway)
    assert info is not None
    asked = Capability.QUERY in info.capabilities
    # One that cannot be asked is left when its page takes no more money.
    past = clock.now() + (timedelta() if asked else info.open_for + timedelta(seconds=1))
    with contextlib.nullcontext() if asked else clock.frozen(past):
        second = await system.post(path, {"gateway": gateway, "instead_of": first["id"]})
    assert second.status_code == 201, second.text
    await press(system, second.json(), PayerOutcome.SUCCESS)
    await system.until(bill, "paid")
    if isinstance(dialects()[gateway], CheckingDialect):
        # It asks before it takes money, and is told that nothing is owed.
        pressed = {"outcome": str(PayerOutcome.SUCCESS)}
        refused = await system.browser.post(first["checkout"]["url"], data=pressed)
        assert (refused.status_code, order_of(system, first).charges) == (409, [])
        return
    # The first page was still open in the payer's other window.
    await press(system, first, PayerOutcome.SUCCESS)
    await system.told()
    paid = {p["id"]: p for p in (await system.read(bill))["payments"]}
    assert paid[second.json()["id"]]["allocated"] == bill["amount"]
    late = paid[first["id"]]
    assert (late["refundable"], late["reason"]) == (bill["amount"], "bill_already_paid")


async def test_a_gateway_is_not_offered_beyond_its_limits(system: System) -> None:
    refused, bills = [], []
    for gateway in GATEWAYS:
        # One each, for an attempt at the first would keep the others from being tried.
        small = await system.create_bill(lines=[{"fee": "2.000815", "quantity": 1}])
        bills.append(small["id"])
        page = (await system.browser.get(small["pay_url"])).text
        info = system.parts.payments.gateways.find_info(gateway)
        assert info is not None
        takes = info.takes(small["amount"], {})
        assert (f'name="gateway" value="{gateway}"' in page) == takes
        answer = await system.post(f"/api/v1/bills/{small['id']}/payments", {"gateway": gateway})
        if takes:
            assert answer.status_code == 201, answer.text
            continue
        assert answer.status_code == 409, answer.text
        problem = answer.json()
        assert problem["code"] == "amount_not_taken"
        assert info.title_vi in problem["detail"]
        refused.append(gateway)
    assert refused, "no gateway has a limit over 2,000 đ: this shows nothing"
    async with system.parts.database.transaction() as session:
        rows = await session.execute(
            text("SELECT gateway FROM payment WHERE bill_id = ANY(:ids)"), {"ids": bills}
        )
        assert not set(refused) & {row.gateway for row in rows}, "a refused attempt was written"


async def test_a_name_that_no_adapter_has_is_offered_to_nobody(system: System) -> None:
    """An account at it may stand in the database: of another version, or by a slip."""
    slip = (
        "INSERT INTO gateway_account (id, agency_id, gateway, account, base_url, credentials,"
        " collection_account_id, enabled, created_at) SELECT 'gw_slip', agency_id, 'nobody', 'x',"
        " 'https://pay.example', credentials, collection_account_id, true, created_at"
        " FROM gateway_account LIMIT 1"
    )
    async with system.parts.database.transaction() as session:
        await session.execute(text(slip))
        sealed = system.parts.cipher.encrypt(b"{}", "gateway:gw_slip")
        mend = "UPDATE gateway_account SET credentials = :sealed WHERE id = 'gw_slip'"
        await session.execute(text(mend), {"sealed": sealed})
    system.parts.payments.agencies.forget()
    bill = await system.create_bill(lines=LINES)
    page = await system.browser.get(bill["pay_url"])
    assert (page.status_code, "nobody" in page.text) == (200, False)
    answer = await system.post(f"/api/v1/bills/{bill['id']}/payments", {"gateway": "nobody"})
    assert (answer.status_code, answer.json()["code"]) == (404, "gateway_not_offered")
    assert (await system.browser.post("/callbacks/nobody/x", content=b"{}")).status_code == 404
    async with system.parts.database.transaction() as session:
        await session.execute(text("DELETE FROM gateway_account WHERE id = 'gw_slip'"))
    system.parts.payments.agencies.forget()
