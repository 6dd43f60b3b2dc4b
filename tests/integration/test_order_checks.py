"""Whether an order is ours, asked by its gateway before it takes money for it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from unittest.mock import AsyncMock

import httpx2
import pytest
import pytest_asyncio

from adapters.sandbox.dialects import viettel
from adapters.sandbox.engine.state import PayerOutcome
from adapters.sandbox.engine.store import Merchant, Order
from app.seed.agency import configure_gateway
from core import clock
from core.ids import new_id
from payments.attempts import pulled
from payments.attempts.pulled import record_pulled
from payments.attempts.queries import EarlierAttempts
from payments.ports import GatewayResult, Outcome
from payments.states import PAYMENT
from tests.support.gateway_setups import PAYING
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Two accounts of one body, each with its own keys.
KEYS = {
    "checks": {"merchant_code": "CHECKS", "access_code": "access-1", "hash_key": "key-1"},
    "others": {"merchant_code": "OTHERS", "access_code": "access-2", "hash_key": "key-2"},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(shared_system: System) -> System:
    """The shared system with two accounts at a gateway that asks about its orders."""
    for account, keys in reversed(KEYS.items()):
        async with shared_system.parts.database.transaction() as session:
            await configure_gateway(
                session,
                shared_system.parts.cipher,
                agency_id=shared_system.body.agency_id,
                collection_account_id=shared_system.body.collection_account_id,
                gateway="viettel",
                account=account,
                base_url=f"{shared_system.sandbox_url}/viettel",
                credentials=keys,
            )
        where = f"{shared_system.base_url}/callbacks/viettel/{account}"
        shared_system.sandbox.open("viettel", keys, where)
    shared_system.parts.payments.agencies.forget()
    return shared_system


def account_of(order: Order) -> str:
    return {keys["merchant_code"]: name for name, keys in KEYS.items()}[order.merchant_id]


def merchant_of(system: System, order: Order) -> Merchant:
    return system.sandbox.store.merchants[order.merchant_id]


def later(*, minutes: int) -> str:
    return (clock.now() + timedelta(minutes=minutes)).isoformat()


async def ordered(system: System, **changes: Any) -> tuple[dict[str, Any], dict[str, Any], Order]:
    """A bill, its attempt, and the order that its payer's browser brought there."""
    bill = await system.create_bill(**changes)
    answer = await system.post(f"/api/v1/bills/{bill['id']}/payments", {"gateway": "viettel"})
    assert answer.status_code == 201, answer.text
    url = answer.json()["checkout"]["url"]
    assert (await system.browser.get(url)).status_code == 200
    page = url.removeprefix(system.sandbox_url)
    (order,) = (one for one in system.sandbox.store.orders.values() if one.page == page)
    return bill, answer.json(), order


async def asked(
    system: System, account: str, merchant: Merchant, order: Order
) -> Mapping[str, object]:
    """The gateway asks; our answer."""
    answer: httpx2.Response = await system.browser.post(
        f"/callbacks/viettel/{account}/pull", content=viettel.check_of(merchant, order)
    )
    assert answer.status_code == 200
    told: Mapping[str, object] = answer.json()
    return told


async def check(system: System, order: Order) -> bool:
    """Whether the gateway, having asked, takes the money."""
    merchant = merchant_of(system, order)
    told = await asked(system, account_of(order), merchant, order)
    return viettel.is_confirmed(merchant, order, told)


async def test_an_order_of_ours_is_confirmed_until_it_is_paid(system: System) -> None:
    bill, _, order = await ordered(system)
    assert await check(system, order)
    system.sandbox.pay(order, PayerOutcome.SUCCESS)
    await system.told()
    assert (await system.read(bill))["status"] == "paid"
    assert not await check(system, order), "a paid order is confirmed again"
    assert await system.broken() == []


async def test_what_we_answer_to_a_result_is_under_our_checksum(system: System) -> None:
    _, _, order = await ordered(system)
    merchant = merchant_of(system, order)
    system.sandbox.pay(order, PayerOutcome.SUCCESS)
    await system.told()
    (delivery,) = [one for one in system.sandbox.deliveries.all if one.subject == order.order_id]
    answer = await system.browser.post(
        f"/callbacks/viettel/{account_of(order)}", content=delivery.body
    )
    assert viettel.is_heard(merchant, order.order_id, answer.json())


async def test_an_order_that_nobody_may_pay_is_not_confirmed(system: System) -> None:
    _, _, order = await ordered(system)
    merchant = merchant_of(system, order)
    stranger = Order(
        *("viettel", merchant.id, "LPABCDEFGHJK23-77", 5_000, "", "", ""),
        {"billcode": "LPABCDEFGHJK23-77-5000VND"},
        *("", "", clock.now()),
    )
    assert not await check(system, stranger), "an order that we never made"
    (other,) = [name for name in KEYS if name != account_of(order)]
    theirs = system.sandbox.store.merchants[KEYS[other]["merchant_code"]]
    told = await asked(system, other, theirs, order)
    assert not viettel.is_confirmed(theirs, order, told), "another account's order"
    dearer = Order(
        *("viettel", merchant.id, order.order_id, 6_000, "", "", ""),
        {"billcode": f"{order.order_id}-6000VND"},
        *("", "", clock.now()),
    )
    assert not await check(system, dearer), "an amount that is not owed"
    assert await check(system, order)


async def left(system: System) -> Order:
    """An order whose payer has chosen another way."""
    bill, payment, order = await ordered(system)
    assert await check(system, order)
    answer = await system.post(
        f"/api/v1/bills/{bill['id']}/payments",
        {"gateway": PAYING[0].name, "instead_of": payment["id"]},
    )
    assert answer.status_code == 201, answer.text
    return order


async def test_an_attempt_that_was_left_is_not_confirmed(system: System) -> None:
    assert not await check(system, await left(system))


async def test_an_order_is_not_confirmed_once_its_bill_s_time_is_over(system: System) -> None:
    order = (await ordered(system, expires_at=later(minutes=30)))[2]
    assert await check(system, order)
    with clock.frozen(clock.now() + timedelta(minutes=31)):
        assert not await check(system, order)


async def test_an_order_is_not_confirmed_while_money_for_its_bill_is_looked_at(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Money that another gateway took for the bill and holds: the payer would pay it twice."""
    bill, _, order = await ordered(system)
    agencies = system.parts.payments.agencies
    held = GatewayResult(
        order_ref=bill["reference"],
        outcome=Outcome.HELD,
        gateway_ref=new_id("n"),
        amount=bill["amount"],
        paid_at=clock.now(),
    )
    account = await agencies.get_gateway("viettel", "others")
    assert await check(system, order)
    async with system.parts.database.transaction() as session:
        told = (session, account, held)
        await record_pulled(*told, actor="test", cipher=system.parts.cipher)
    assert not await check(system, order)
    # The negative control: one who does not count it.
    nothing = EarlierAttempts(attempts=1, open=None, held=0, waiting=0)
    monkeypatch.setattr(pulled, "count_attempts", AsyncMock(return_value=nothing))
    assert await check(system, order)
    assert await system.broken() == []


async def test_an_answer_that_looks_at_neither_attempt_nor_bill_is_caught(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control."""
    order, brief = await left(system), (await ordered(system, expires_at=later(minutes=30)))[2]
    monkeypatch.setattr(pulled, "LIVE", frozenset({*PAYMENT.states}))
    assert await check(system, order)
    monkeypatch.setattr(pulled, "_has_expired", lambda _bill, _now: False)
    with clock.frozen(clock.now() + timedelta(minutes=31)):
        assert await check(system, brief)


async def test_who_cannot_prove_it_learns_nothing(system: System) -> None:
    _, _, order = await ordered(system)
    merchant = merchant_of(system, order)
    keys = {**merchant.credentials, "hash_key": "not the key"}
    outsider = Merchant("viettel", merchant.id, keys, "")
    assert await asked(system, account_of(order), outsider, order) == {"error_code": "02"}
