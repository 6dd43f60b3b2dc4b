"""Accounts of a running body are changed: pointed elsewhere, or added below, while people pay."""

from typing import Any

import pytest
from sqlalchemy import text

from core.ids import new_id
from tests.support.callbacks import call, order_of, result_of
from tests.support.staff import key_of_person
from tests.support.system import System

ACCOUNT = {
    "kind": "treasury",
    "bank_bin": "970436",
    "number": "1133668899",
    "holder": "KBNN Moi",
}


@pytest.mark.parametrize("amount", [5000, 4000])
async def test_money_of_an_attempt_is_posted_where_the_attempt_says(
    system: System, amount: int
) -> None:
    order = order_of(system, await system.start(await system.create_bill()))
    await point_elsewhere(system)
    assert (await call(system, result_of(system, order, amount=amount))).status_code == 200
    async with system.parts.database.transaction() as session:
        rows = await session.execute(
            text(
                "SELECT p.collection_account_id AS entered, o.collection_account_id AS posted"
                " FROM payment p JOIN ledger_transaction t ON t.payment_id = p.id"
                " JOIN posting o ON o.transaction_id = t.id"
            )
        )
        accounts = [(row.entered, row.posted) for row in rows]
    assert accounts == [(system.body.collection_account_id,) * 2] * 2
    assert await system.broken() == []


async def test_money_that_is_posted_on_another_account_is_named(system: System) -> None:
    order = order_of(system, await system.start(await system.create_bill()))
    await call(system, result_of(system, order))
    await point_elsewhere(system)
    moved = text(
        "UPDATE payment SET collection_account_id ="
        " (SELECT id FROM collection_account WHERE code = 'tk-moi')"
    )
    async with system.parts.database.transaction() as session:
        await session.execute(moved)
    (told,) = [line for line in await system.broken() if "posted on the account" in line]
    assert f"posted on {system.body.collection_account_id}" in told


async def point_elsewhere(system: System) -> None:
    """Have the gateway pay to another account from now on."""
    headers = await key_of_person(system, "admin")
    account = ACCOUNT | {"agency": system.body.agency_code, "code": "tk-moi"}
    keyed = headers | {"Idempotency-Key": new_id("test")}
    made = await system.browser.post("/api/v1/accounts", json=account, headers=keyed)
    assert made.status_code == 201, made.text
    listed = await system.browser.get("/api/v1/gateway-accounts", headers=headers)
    (paygov,) = (one for one in listed.json()["items"] if one["gateway"] == "paygov")
    path = f"/api/v1/gateway-accounts/{paygov['id']}/change"
    moved = await system.browser.post(path, json={"collection_account": "tk-moi"}, headers=headers)
    assert moved.json()["collection_account"] == "tk-moi", moved.text
    system.parts.payments.agencies.forget()


async def test_a_unit_with_a_feed_of_its_own_is_paid_at_the_gateways_above_it(
    system: System,
) -> None:
    headers = await key_of_person(system, "admin")

    async def make(path: str, body: dict[str, Any]) -> None:
        made = await system.post(f"/api/v1/{path}", body, client=system.browser)
        assert made.status_code == 201, made.text

    system.browser.headers.update(headers)
    unit = {"code": "to-1", "name": "Tổ", "name_en": "Desk", "tax_code": "0100109106"}
    place = {"address": "1 đường Thử", "phone": "024 3333 4444"}
    await make("agencies", unit | place | {"parent": system.body.agency_code})
    feed = {"agency": "to-1", "gateway": "sepay", "account": "to-1", "collection_account": "tk-to"}
    own = {"account_number": "1133668899", "secret": "bi-mat-rat-dai-cua-to-mot"}
    await make("accounts", ACCOUNT | {"agency": "to-1", "code": "tk-to"})
    await make("gateway-accounts", feed | {"base_url": "https://x.example", "credentials": own})
    system.parts.keyring.forget()
    assert (await system.start(await system.create_bill(agency="to-1")))["status"] == "submitted"
