"""What we say to VNPay's calls, in the order its page asks for: 97, 01, 04, 02, 00."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from adapters.sandbox.dialects import vnpay
from adapters.sandbox.engine.store import Charge, Merchant, Order
from core import clock
from core.db import Database
from payments.incoming import notices
from payments.ports import RawCallback
from tests.support.every_gateway import PLACE, open_every_account
from tests.support.house import House
from tests.support.rows import contents

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = f"/callbacks/vnpay/{PLACE}"
LINES = [{"fee": "2.000815", "quantity": 30}]
_numbers = iter(range(14_226_000, 15_000_000))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(shared_house: House) -> AsyncIterator[House]:
    await open_every_account(shared_house)
    yield shared_house


async def begun(house: House) -> tuple[dict[str, Any], Order, Merchant]:
    """A bill, and the order that VNPay has of it once the payer has opened the page."""
    bill = await house.create_bill(lines=LINES)
    answer = await house.post(f"/api/v1/bills/{bill['id']}/payments", {"gateway": "vnpay"})
    assert (await house.browser.get(answer.json()["checkout"]["url"])).status_code == 200
    (order,) = (
        o for o in house.sandbox.store.orders.values() if o.order_id.startswith(bill["reference"])
    )
    return bill, order, house.sandbox.store.merchants[order.merchant_id]


def charged(order: Order, amount: int | None = None) -> Charge:
    """Money that VNPay took for an order; it is in its books, too."""
    now = clock.now()
    charge = Charge(str(next(_numbers)), order.amount if amount is None else amount, now, now)
    order.charges.append(charge)
    return charge


def query_of(merchant: Merchant, order: Order, charge: Charge) -> str:
    return vnpay.DIALECT.paid(merchant, order, charge).url.partition("?")[2]


async def told(house: House, query: str) -> tuple[str, str]:
    """Our answer to a call: code and message, always with HTTP 200."""
    answer = await house.browser.get(f"{PATH}?{query}")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    said = answer.json()
    assert set(said) == {"RspCode", "Message"}
    return said["RspCode"], said["Message"]


async def test_a_genuine_result_is_confirmed_once_and_then_known(house: House) -> None:
    bill, order, merchant = await begun(house)
    query = query_of(merchant, order, charged(order))
    assert await told(house, query) == ("00", "Confirm Success")
    assert (await house.read(bill))["status"] == "paid"
    assert await told(house, query) == ("02", "Order already confirmed")
    assert await told(house, query) == ("02", "Order already confirmed")
    assert await house.broken() == []


async def test_money_that_a_question_found_first_is_confirmed_already(house: House) -> None:
    bill, order, merchant = await begun(house)
    query = query_of(merchant, order, charged(order))
    with clock.frozen(clock.now() + timedelta(seconds=20)):
        await house.work()
    assert (await house.read(bill))["status"] == "paid"
    assert (await told(house, query))[0] == "02"


async def test_the_signature_comes_first_and_a_forged_call_writes_nothing(house: House) -> None:
    _, order, merchant = await begun(house)
    outsider = replace(merchant, credentials={**merchant.credentials, "hash_secret": "guess"})
    before = await contents(house.parts.database)
    for forged in (
        query_of(outsider, order, Charge("1", order.amount, clock.now(), None)),
        query_of(outsider, replace_id(order), Charge("1", 1, clock.now(), None)),
        "",
        "vnp_Amount=1",
    ):
        assert await told(house, forged) == ("97", "Invalid signature")
    query = query_of(merchant, order, Charge("1", order.amount, clock.now(), None))
    assert (await house.browser.post(f"{PATH}?{query}")).json()["RspCode"] == "97"
    assert await contents(house.parts.database) == before


def replace_id(order: Order) -> Order:
    other = Order(**{name: getattr(order, name) for name in Order.__slots__})
    other.order_id = "LPNOBODY-01"
    return other


async def test_an_order_that_nobody_knows_is_not_found_and_its_money_waits(house: House) -> None:
    _, order, merchant = await begun(house)
    charge = Charge(str(next(_numbers)), 77_000, clock.now(), None)
    query = query_of(merchant, replace_id(order), charge)
    assert await told(house, query) == ("01", "Order not found")
    assert (await told(house, query))[0] == "01", "the first answer stands"
    async with house.parts.database.transaction() as session:
        waits = await session.scalar(
            text(
                "SELECT sum(s.amount) FROM suspense_item s JOIN payment p ON p.id = s.payment_id"
                " WHERE p.gateway_ref = :ref"
            ),
            {"ref": charge.transaction_no},
        )
    assert waits == 77_000


async def test_another_amount_is_invalid_also_after_the_order_was_confirmed(house: House) -> None:
    bill, order, merchant = await begun(house)
    odd = query_of(merchant, order, charged(order, order.amount // 100))
    assert await told(house, odd) == ("04", "Invalid amount")
    assert (await house.read(bill))["payments"][0]["status"] == "held"

    other, confirmed, _ = await begun(house)
    charge = charged(confirmed)
    assert (await told(house, query_of(merchant, confirmed, charge)))[0] == "00"
    # The amount is compared before "already confirmed" is said.
    again = replace(charge, amount=charge.amount + 1_000)
    assert (await told(house, query_of(merchant, confirmed, again)))[0] == "04"
    assert (await house.read(other))["status"] == "paid"


async def test_a_failed_attempt_is_confirmed_too_and_can_be_tried_again(house: House) -> None:
    bill, order, merchant = await begun(house)
    failed = vnpay.DIALECT.failed(merchant, order, str(next(_numbers))).url.partition("?")[2]
    assert await told(house, failed) == ("00", "Confirm Success")
    assert (await house.read(bill))["payments"][0]["status"] == "failed"
    again = await house.post(f"/api/v1/bills/{bill['id']}/payments", {"gateway": "vnpay"})
    assert again.status_code == 201


async def test_a_result_that_is_not_final_leaves_the_attempt_open(house: House) -> None:
    bill, order, merchant = await begun(house)
    fields = {
        "vnp_TmnCode": merchant.id,
        "vnp_TxnRef": order.order_id,
        "vnp_Amount": str(order.amount * 100),
        "vnp_OrderInfo": order.order_info,
        "vnp_ResponseCode": "88",
        "vnp_TransactionStatus": "02",
        "vnp_TransactionNo": "0",
    }
    assert (await told(house, vnpay.signed(merchant, fields)))[0] == "00"
    assert (await house.read(bill))["payments"][0]["status"] == "submitted"


async def test_what_we_cannot_record_now_is_called_again_for_and_recorded_later(
    house: House,
) -> None:
    """Every answer is HTTP 200, so the code alone must make VNPay call again."""
    bill, order, merchant = await begun(house)
    query = query_of(merchant, order, charged(order))
    raw = RawCallback("GET", PATH, query, {}, b"", clock.now())
    impatient = Database(house.parts.database.url, pool_size=2, lock_timeout_ms=20)
    try:
        async with house.parts.database.transaction() as session:
            lock = text("SELECT 1 FROM bill WHERE id = :id FOR UPDATE")
            await session.execute(lock, {"id": bill["id"]})
            context = replace(house.parts.payments, database=impatient)
            answer = await notices.receive(context, "vnpay", PLACE, raw)
    finally:
        await impatient.dispose()
    assert (answer.status, answer.body) == (200, b'{"Message":"Unknow error","RspCode":"99"}')
    assert not vnpay.DIALECT.acknowledged(answer.status, answer.body.decode())
    assert (await told(house, query))[0] == "00"
    assert (await house.read(bill))["status"] == "paid"
