"""Attempts as the public contract has them: started once, whatever the gateway does."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from adapters.sandbox.engine.faults import Fault, Operation
from adapters.sandbox.engine.state import Timing
from adapters.sandbox.engine.store import Order
from core import clock
from core.ids import is_id
from payments.attempts.inquiry import inquire
from tests.api.test_bills import INSTANT
from tests.support.breakers import answer_again
from tests.support.gateway_setups import MERCHANT
from tests.support.page_states import until_attempt
from tests.support.problems import problem
from tests.support.system import System, system_at
from tests.support.system_builder import SystemTemplate

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAYMENT = {"id", "bill", "gateway", "status", "amount", "checkout", "created_at", "paid_at"}
PAYMENT |= {"credited", "allocated", "in_suspense", "refundable", "reversed", "reason"}
PAYMENT |= {"paying_back", "paid_back", "shares"}
PARTNER = MERCHANT["partner_code"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(
    system_template: SystemTemplate, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[System]:
    """A system whose gateway, when it does not answer, does so for a moment only."""
    folder = tmp_path_factory.mktemp("system")
    async with system_at(system_template, folder, Timing(never=0.05)) as built:
        yield built


@pytest.fixture(autouse=True)
def _no_lies_left_over(system: System) -> None:
    system.sandbox.faults.clear()
    answer_again(system)


def orders_of(system: System, bill: dict[str, Any]) -> list[Order]:
    """The orders that the gateway took for a bill."""
    every = system.sandbox.store.orders.values()
    return [order for order in every if order.order_id.startswith(bill["reference"])]


def creates(system: System, bill: dict[str, Any]) -> int:
    """How often the gateway was asked to take an order for a bill."""
    calls = system.sandbox.store.create_calls.items()
    return sum(count for (_, order), count in calls if order.startswith(bill["reference"]))


async def test_an_attempt_has_every_field_and_is_read_as_it_was_answered(system: System) -> None:
    bill = await system.create_bill()
    payment = await system.start(bill)
    assert set(payment) == PAYMENT
    assert is_id(payment["id"], "pay")
    assert (payment["bill"], payment["gateway"]) == (bill["id"], "paygov")
    assert (payment["status"], payment["amount"]) == ("submitted", 5000)
    assert payment["checkout"]["type"] == "redirect"
    assert payment["checkout"]["url"].startswith(system.sandbox_url)
    assert INSTANT.fullmatch(payment["created_at"])
    assert payment["paid_at"] is None
    assert (await system.client.get(f"/api/v1/payments/{payment['id']}")).json() == payment
    assert (await system.read(bill))["payments"] == [payment]
    (order,) = orders_of(system, bill)
    assert (order.amount, order.details["request_code"]) == (5000, payment["id"])

    await system.decide(payment, "success")
    paid = await system.until(bill, "paid")
    (shown,) = paid["payments"]
    assert shown["status"] == "succeeded"
    assert INSTANT.fullmatch(shown["paid_at"])
    assert paid["qr"] is None
    again = await system.post(f"/api/v1/bills/{bill['id']}/payments", {"gateway": "paygov"})
    problem(again, 409, "bill_not_payable")
    await system.work()
    (receipt,) = (await system.read(bill))["receipts"]
    assert set(receipt) == {
        "id",
        "template",
        "symbol",
        "number",
        "code",
        "issued_at",
        "amount",
        "status",
        "pdf_url",
        "xml_url",
        "check_url",
    }
    assert (receipt["template"], receipt["amount"]) == ("EBL01", 5000)
    assert receipt["number"] >= 1
    assert receipt["status"] == "issued"
    assert INSTANT.fullmatch(receipt["issued_at"])
    found = await system.client.get(f"/api/v1/receipts/{receipt['id']}")
    assert found.json() == receipt
    for address in (receipt["xml_url"], receipt["check_url"]):
        assert address.startswith(f"{system.base_url}/r/{receipt['code']}")
        assert (await system.browser.get(address)).status_code == 200
    xml = await system.client.get(f"/api/v1/receipts/{receipt['id']}.xml")
    assert xml.content == (await system.browser.get(receipt["xml_url"])).content


async def test_only_a_gateway_of_the_agency_can_be_chosen(system: System) -> None:
    bill = await system.create_bill()
    path = f"/api/v1/bills/{bill['id']}/payments"
    for gateway in ("momo", "sepay", "bank"):
        problem(await system.post(path, {"gateway": gateway}), 404, "gateway_not_offered")
    assert (await system.read(bill))["payments"] == []


async def test_a_decline_is_an_answer_and_another_attempt_may_follow(system: System) -> None:
    bill = await system.create_bill()
    system.sandbox.faults.script(PARTNER, Operation.CREATE, Fault.DECLINE)
    assert (await system.start(bill))["status"] == "failed"
    assert (await system.start(bill))["status"] == "submitted"
    assert await system.broken() == []


async def test_after_a_gateway_that_did_nothing_the_same_key_starts_anew(system: System) -> None:
    bill = await system.create_bill()
    path = f"/api/v1/bills/{bill['id']}/payments"
    system.sandbox.faults.script(
        PARTNER, Operation.CREATE, Fault.UNAVAILABLE, count=20, retry_after="0"
    )
    refused = problem(await system.post(path, {"gateway": "paygov"}, "k"), 503)
    assert (refused["code"], refused["retryable"]) == ("gateway_unavailable", True)
    system.sandbox.faults.clear()
    answer = await system.post(path, {"gateway": "paygov"}, "k")
    assert answer.status_code == 201
    attempts = [(p["status"], p["id"]) for p in (await system.read(bill))["payments"]]
    assert [status for status, _ in attempts] == ["failed", "submitted"]
    assert attempts[1][1] == answer.json()["id"]
    assert len(orders_of(system, bill)) == 1


async def test_a_gateway_that_calls_us_wrong_is_our_fault_and_nothing_was_charged(
    system: System,
) -> None:
    bill = await system.create_bill()
    merchant = system.sandbox.store.merchants.pop(PARTNER)
    path = f"/api/v1/bills/{bill['id']}/payments"
    refused = problem(await system.post(path, {"gateway": "paygov"}), 502, "gateway_misuse")
    assert not refused["retryable"]
    for secret in (MERCHANT["secret_key"], MERCHANT["token"], MERCHANT["access_key"]):
        assert secret not in str(refused)
    system.sandbox.store.merchants[PARTNER] = merchant
    assert (await system.start(bill))["status"] == "submitted"


@pytest.mark.parametrize(
    "fault", [Fault.TIMEOUT, Fault.TRUNCATED, Fault.HUGE, Fault.HTML, Fault.TIMEOUT_AFTER_CHARGE]
)
async def test_no_clear_answer_is_unknown_and_is_asked_about_never_charged_again(
    system: System, fault: Fault
) -> None:
    bill = await system.create_bill()
    system.sandbox.faults.script(PARTNER, Operation.CREATE, fault)
    system.sandbox.faults.script(PARTNER, Operation.CALLBACK, Fault.LOST_CALLBACK)
    payment = await system.start(bill)
    assert (payment["status"], payment["checkout"]) == ("unknown", None)
    path = f"/api/v1/bills/{bill['id']}/payments"
    pending = problem(await system.post(path, {"gateway": "paygov"}), 409)
    assert (pending["code"], pending["errors"][0]["detail"]) == ("attempt_open", payment["id"])
    with clock.frozen(clock.now() + timedelta(minutes=1)):
        assert await inquire(system.parts.payments)
    found = (await system.client.get(f"/api/v1/payments/{payment['id']}")).json()
    charged = fault is Fault.TIMEOUT_AFTER_CHARGE
    assert found["status"] == ("succeeded" if charged else "submitted")
    assert creates(system, bill) == 1
    assert sum(order.charged for order in orders_of(system, bill)) == 5000 * charged
    assert await system.broken() == []


async def test_a_bill_has_one_open_attempt(system: System) -> None:
    bill = await system.create_bill()
    payment = await system.start(bill)
    path = f"/api/v1/bills/{bill['id']}/payments"
    for gateway in ("paygov", "vnpay"):
        refused = problem(await system.post(path, {"gateway": gateway}), 409, "attempt_open")
        assert refused["errors"][0]["detail"] == payment["id"]
    assert creates(system, bill) == 1
    assert (await system.read(bill))["qr"] is None


async def test_an_attempt_whose_money_is_held_lets_no_other_begin(system: System) -> None:
    bill = await system.create_bill()
    await system.decide(await system.start(bill), "wrong_amount")
    await until_attempt(system, bill, "held")
    path = f"/api/v1/bills/{bill['id']}/payments"
    pending = problem(await system.post(path, {"gateway": "paygov"}), 409)
    assert (pending["code"], pending["retryable"]) == ("payment_outcome_pending", True)


async def test_a_bill_past_its_time_starts_no_attempt_even_before_it_is_swept(
    system: System,
) -> None:
    at = clock.now()
    bill = await system.create_bill(expires_at=(at + timedelta(hours=1)).isoformat())
    with clock.frozen(at + timedelta(hours=1)):
        path = f"/api/v1/bills/{bill['id']}/payments"
        problem(await system.post(path, {"gateway": "paygov"}), 409, "bill_not_payable")
    assert creates(system, bill) == 0


async def test_an_attempt_asks_for_the_rest_of_a_bill_that_is_paid_in_part(system: System) -> None:
    bill = await system.create_bill()
    await system.transfer(bill["qr"]["payload"], 2000, bill["reference"])
    # So does the code that banking apps read; tag 54 is the amount, four digits long.
    assert "54043000" in (await system.read(bill))["qr"]["payload"]
    payment = await system.start(bill)
    assert payment["amount"] == 3000
    await system.decide(payment, "success")
    await system.until(bill, "paid")
    assert await system.broken() == []


async def test_a_browser_that_comes_back_with_success_proves_nothing(system: System) -> None:
    bill = await system.create_bill()
    payment = await system.start(bill)
    (order,) = orders_of(system, bill)
    back = f"{order.return_url}&orderId={order.order_id}&errorCode=00"
    assert (await system.browser.get(back)).status_code == 200
    await system.work()
    found = await system.read(bill)
    assert (found["status"], found["payments"]) == ("open", [payment])


async def test_many_readers_at_once_do_not_wait_for_each_other(system: System) -> None:
    bill = await system.create_bill()
    agencies = system.parts.payments.agencies

    async def read() -> int:
        agencies.forget()
        return (await system.client.get(f"/api/v1/bills/{bill['id']}")).status_code

    # More than there are connections, each of which needs an agency nobody remembers.
    assert set(await asyncio.gather(*(read() for _ in range(40)))) == {200}
