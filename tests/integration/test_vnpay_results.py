"""What we say to VNPay's calls, in the order its page asks for: 97, 01, 04, 02, 00."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from adapters.sandbox.dialects import vnpay
from adapters.sandbox.engine.store import Charge, Merchant, Order
from core import clock
from core.db import Database
from payments.incoming import notices
from payments.ports import RawCallback
from tests.support.gateway_setups import ACCOUNT
from tests.support.rows import contents
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = f"/callbacks/vnpay/{ACCOUNT}"
LINES = [{"fee": "2.000815", "quantity": 30}]
_numbers = iter(range(14_226_000, 15_000_000))


@pytest.fixture
def system(shared_system: System) -> System:
    return shared_system


async def begun(system: System) -> tuple[dict[str, Any], Order, Merchant]:
    """A bill, and the order that VNPay has of it once the payer has opened the page."""
    bill = await system.create_bill(lines=LINES)
    answer = await system.post(f"/api/v1/bills/{bill['id']}/payments", {"gateway": "vnpay"})
    assert (await system.browser.get(answer.json()["checkout"]["url"])).status_code == 200
    (order,) = (
        o for o in system.sandbox.store.orders.values() if o.order_id.startswith(bill["reference"])
    )
    return bill, order, system.sandbox.store.merchants[order.merchant_id]


def charged(order: Order, amount: int | None = None) -> Charge:
    """Money that VNPay took for an order; it is in its books, too."""
    now = clock.now()
    charge = Charge(str(next(_numbers)), order.amount if amount is None else amount, now, now)
    order.charges.append(charge)
    return charge


def query_of(merchant: Merchant, order: Order, charge: Charge) -> str:
    return vnpay.DIALECT.paid(merchant, order, charge).url.partition("?")[2]


async def told(system: System, query: str) -> tuple[str, str]:
    """Our answer to a call: code and message, always with HTTP 200."""
    answer = await system.browser.get(f"{PATH}?{query}")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    said = answer.json()
    assert set(said) == {"RspCode", "Message"}
    return said["RspCode"], said["Message"]


async def test_a_genuine_result_is_confirmed_once_and_then_known(system: System) -> None:
    bill, order, merchant = await begun(system)
    query = query_of(merchant, order, charged(order))
    assert await told(system, query) == ("00", "Confirm Success")
    assert (await system.read(bill))["status"] == "paid"
    assert await told(system, query) == ("02", "Order already confirmed")
    assert await told(system, query) == ("02", "Order already confirmed")
    assert await system.broken() == []


async def test_money_that_a_question_found_first_is_confirmed_already(system: System) -> None:
    bill, order, merchant = await begun(system)
    query = query_of(merchant, order, charged(order))
    with clock.frozen(clock.now() + timedelta(seconds=20)):
        await system.work()
    assert (await system.read(bill))["status"] == "paid"
    assert (await told(system, query))[0] == "02"


async def test_the_signature_comes_first_and_a_forged_call_writes_nothing(system: System) -> None:
    _, order, merchant = await begun(system)
    outsider = replace(merchant, credentials={**merchant.credentials, "hash_secret": "guess"})
    before = await contents(system.parts.database)
    for forged in (
        query_of(outsider, order, Charge("1", order.amount, clock.now(), None)),
        query_of(outsider, replace_id(order), Charge("1", 1, clock.now(), None)),
        "",
        "vnp_Amount=1",
    ):
        assert await told(system, forged) == ("97", "Invalid signature")
    query = query_of(merchant, order, Charge("1", order.amount, clock.now(), None))
    assert (await system.browser.post(f"{PATH}?{query}")).json()["RspCode"] == "97"
    assert await contents(system.parts.database) == before


def replace_id(order: Order) -> Order:
    other = Order(**{name: getattr(order, name) for name in Order.__slots__})
    other.order_id = "LPNOBODY-01"
    return other


async def test_an_order_that_nobody_knows_is_not_found_and_its_money_waits(system: System) -> None:
    _, order, merchant = await begun(system)
    charge = Charge(str(next(_numbers)), 77_000, clock.now(), None)
    query = query_of(merchant, replace_id(order), charge)
    assert await told(system, query) == ("01", "Order not found")
    assert (await told(system, query))[0] == "01", "the first answer stands"
    async with system.parts.database.transaction() as session:
        waits = await session.scalar(
            text(
                "SELECT sum(s.amount) FROM suspense_item s JOIN payment p ON p.id = s.payment_id"
                " WHERE p.gateway_ref = :ref"
            ),
            {"ref": charge.transaction_no},
        )
    assert waits == 77_000


async def test_another_amount_is_invalid_also_after_the_order_was_confirmed(system: System) -> None:
    bill, order, merchant = await begun(system)
    odd = query_of(merchant, order, charged(order, order.amount // 100))
    assert await told(system, odd) == ("04", "Invalid amount")
    assert (await system.read(bill))["payments"][0]["status"] == "held"

    other, confirmed, _ = await begun(system)
    charge = charged(confirmed)
    assert (await told(system, query_of(merchant, confirmed, charge)))[0] == "00"
    # The amount is compared before "already confirmed" is said.
    again = replace(charge, amount=charge.amount + 1_000)
    assert (await told(system, query_of(merchant, confirmed, again)))[0] == "04"
    assert (await system.read(other))["status"] == "paid"


async def test_a_failed_attempt_is_confirmed_too_and_can_be_tried_again(system: System) -> None:
    bill, order, merchant = await begun(system)
    failed = vnpay.DIALECT.failed(merchant, order, str(next(_numbers))).url.partition("?")[2]
    assert await told(system, failed) == ("00", "Confirm Success")
    assert (await system.read(bill))["payments"][0]["status"] == "failed"
    again = await system.post(f"/api/v1/bills/{bill['id']}/payments", {"gateway": "vnpay"})
    assert again.status_code == 201


async def test_a_result_that_is_not_final_leaves_the_attempt_open(system: System) -> None:
    bill, order, merchant = await begun(system)
    fields = {
        "vnp_TmnCode": merchant.id,
        "vnp_TxnRef": order.order_id,
        "vnp_Amount": str(order.amount * 100),
        "vnp_OrderInfo": order.order_info,
        "vnp_ResponseCode": "88",
        "vnp_TransactionStatus": "02",
        "vnp_TransactionNo": "0",
    }
    assert (await told(system, vnpay.signed(merchant, fields)))[0] == "00"
    assert (await system.read(bill))["payments"][0]["status"] == "submitted"


async def test_suspicious_money_is_held_without_a_receipt_and_its_attempt_blocks_another(
    system: System,
) -> None:
    bill, order, merchant = await begun(system)
    charge = charged(order)
    charge.held = True
    assert (await told(system, query_of(merchant, order, charge)))[0] == "00"
    await system.work()
    found = await system.read(bill)
    assert (found["status"], found["receipts"]) == ("open", [])
    assert found["payments"][0]["status"] == "held"
    again = await system.post(f"/api/v1/bills/{bill['id']}/payments", {"gateway": "vnpay"})
    assert (again.status_code, again.json()["code"]) == (409, "payment_outcome_pending")
    assert await system.broken() == []


async def test_the_address_that_the_payer_returns_to_settles_nothing(system: System) -> None:
    bill, order, merchant = await begun(system)
    lies = Charge(str(next(_numbers)), order.amount, clock.now(), None)
    page = await system.browser.get(vnpay.DIALECT.return_url(merchant, order, lies))
    assert page.status_code == 200
    assert "vnp_SecureHash" in str(page.url)
    found = await system.read(bill)
    assert (found["status"], found["payments"][0]["status"]) == ("open", "submitted")


async def test_what_we_cannot_record_now_is_called_again_for_and_recorded_later(
    system: System,
) -> None:
    """Every answer is HTTP 200, so the code alone must make VNPay call again."""
    bill, order, merchant = await begun(system)
    query = query_of(merchant, order, charged(order))
    raw = RawCallback("GET", PATH, query, {}, b"", clock.now())
    impatient = Database(system.parts.database.url, pool_size=2, lock_timeout_ms=20)
    try:
        async with system.parts.database.transaction() as session:
            lock = text("SELECT 1 FROM bill WHERE id = :id FOR UPDATE")
            await session.execute(lock, {"id": bill["id"]})
            context = replace(system.parts.payments, database=impatient)
            answer = await notices.receive(context, "vnpay", ACCOUNT, raw)
    finally:
        await impatient.dispose()
    assert (answer.status, answer.body) == (200, b'{"Message":"Unknow error","RspCode":"99"}')
    assert not vnpay.DIALECT.acknowledged(answer.status, answer.body.decode())
    assert (await told(system, query))[0] == "00"
    assert (await system.read(bill))["status"] == "paid"
