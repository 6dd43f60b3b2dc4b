"""Receipts that gateways make out themselves: fetched while their link is good, and kept."""

import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from adapters.dvcqg.gateway import PortalPlatform
from adapters.paygov.gateway import PayGov
from adapters.sandbox.engine.state import PayerOutcome
from adapters.sandbox.engine.store import Order
from app.seed.agency import configure_gateway
from core import clock, failpoints
from payments.attempts import gateway_receipts
from tests.support.gateway_setups import ACCOUNT, MERCHANT
from tests.support.system import System, system_at
from tests.support.system_builder import SystemTemplate

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEYS = {
    "paygov": {**MERCHANT, "receipt": "yes"},
    "dvcqg": {"partner_code": "BIENLAI", "hash_key": "key-of-receipts", "receipt": "yes"},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(
    system_template: SystemTemplate, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[System]:
    """A system whose accounts at two gateways have receipts fetched."""
    async with system_at(system_template, tmp_path_factory.mktemp("system")) as built:
        async with built.parts.database.transaction() as session:
            for name, keys in KEYS.items():
                await configure_gateway(
                    session,
                    built.parts.cipher,
                    agency_id=built.body.agency_id,
                    collection_account_id=built.body.collection_account_id,
                    gateway=name,
                    account=ACCOUNT,
                    base_url=f"{built.sandbox_url}/{name}",
                    credentials=keys,
                )
                built.sandbox.open(name, keys, f"{built.base_url}/callbacks/{name}/{ACCOUNT}")
        built.parts.payments.agencies.forget()
        yield built


async def paid(system: System, gateway: str, **changes: Any) -> tuple[str, Order]:
    """A bill paid at a gateway; the id of its payment, and the order there."""
    payer = {"name": "Nguyễn Thị Biên", "identity_number": "012345678901"}
    bill = await system.create_bill(payer=payer, dossier_number="G12-7", **changes)
    answer = await system.post(f"/api/v1/bills/{bill['id']}/payments", {"gateway": gateway})
    assert answer.status_code == 201, answer.text
    page = answer.json()["checkout"]["url"].removeprefix(system.sandbox_url)
    (order,) = (one for one in system.sandbox.store.orders.values() if one.page == page)
    system.sandbox.pay(order, PayerOutcome.SUCCESS)
    await system.until(bill, "paid")
    return answer.json()["id"], order


async def kept(system: System, payment_id: str) -> bytes | None:
    answer = await system.client.get(f"/api/v1/payments/{payment_id}/gateway-receipt")
    if answer.status_code == 404:
        return None
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/pdf")
    return answer.content


@pytest.mark.parametrize("quantity", [3, 30])
@pytest.mark.parametrize("gateway", KEYS)
async def test_a_gateway_s_receipt_is_fetched_and_kept_encrypted(
    system: System, gateway: str, quantity: int
) -> None:
    payment_id, order = await paid(
        system, gateway, lines=[{"fee": "2.000815", "quantity": quantity}]
    )
    await system.work()
    pdf = await kept(system, payment_id)
    assert pdf is not None
    number = f"TC{order.charges[0].transaction_no}" if gateway == "paygov" else order.order_id
    assert number.encode() in pdf
    async with system.parts.database.transaction() as session:
        wanted = text("SELECT state, sha256, data FROM gateway_receipt WHERE payment_id = :id")
        row = (await session.execute(wanted, {"id": payment_id})).one()
    assert (row.state, row.sha256) == ("kept", hashlib.sha256(pdf).hexdigest())
    assert number.encode() not in bytes(row.data)
    assert await system.broken() == []


@pytest.mark.parametrize(("adapter", "gateway"), [(PayGov, "paygov"), (PortalPlatform, "dvcqg")])
async def test_one_that_is_not_there_yet_is_asked_for_again(
    system: System, monkeypatch: pytest.MonkeyPatch, adapter: type, gateway: str
) -> None:
    async def none_yet(*_: object) -> None:
        return None

    with monkeypatch.context() as patch:
        patch.setattr(adapter, "receipt", none_yet)
        payment_id, _ = await paid(system, gateway)
        await system.work()
    assert await kept(system, payment_id) is None
    await system.work()
    assert await kept(system, payment_id) is None, "nobody waited"
    with clock.frozen(clock.now() + timedelta(seconds=20)):
        await system.work()
    assert await kept(system, payment_id) is not None


async def test_one_that_never_comes_is_given_up_and_the_payment_stands(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(*_: object) -> None:
        raise RuntimeError("the gateway's own words")

    monkeypatch.setattr(PayGov, "receipt", breaks)
    monkeypatch.setattr(gateway_receipts, "MOST_ASKED", 2)
    payment_id, _ = await paid(system, "paygov")
    await system.work()
    with clock.frozen(clock.now() + timedelta(seconds=20)):
        await system.work()
    async with system.parts.database.transaction() as session:
        wanted = text("SELECT state, asked FROM gateway_receipt WHERE payment_id = :id")
        row = (await session.execute(wanted, {"id": payment_id})).one()
    assert (row.state, row.asked) == ("given_up", 2)
    found = (await system.client.get(f"/api/v1/payments/{payment_id}")).json()
    assert found["status"] == "succeeded"


async def test_a_stop_between_the_call_and_the_keeping_leaves_it_wanted(system: System) -> None:
    """The call is made again: it gives the same receipt, and nothing was promised before."""
    payment_id, _ = await paid(system, "dvcqg")
    failpoints.configure("gateway_receipt.after_call=raise")
    try:
        await system.work()
    finally:
        failpoints.clear()
    assert await kept(system, payment_id) is None
    with clock.frozen(clock.now() + timedelta(seconds=20)):
        await system.work()
    assert await kept(system, payment_id) is not None
    assert await system.broken() == []
