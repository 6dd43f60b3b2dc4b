"""An administrator replaces a gateway's secret while the gateway still signs with the old one."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from core import clock
from core.ids import new_id
from tests.support.every_route import keys_of
from tests.support.gateway_setups import VNPAY
from tests.support.system import System, client_of

NEW = {"tmn_code": "TESTTMN1", "hash_secret": "THENEWSECRETOFATEST"}


async def change(system: System, **what: Any) -> dict[str, Any]:
    """Change the account at VNPAY; what the API says of it."""
    keys = await keys_of(system, system.body.agency_id)
    async with client_of(system.base_url, keys.secrets["admin"]) as admin:
        listed = (await admin.get("/api/v1/gateway-accounts")).json()["items"]
        (entry,) = [one for one in listed if one["gateway"] == VNPAY.name]
        answer = await admin.post(
            f"/api/v1/gateway-accounts/{entry['id']}/change",
            json=what,
            headers={"Idempotency-Key": new_id("k")},
        )
        assert answer.status_code == 200, answer.text
        system.parts.payments.agencies.forget()
        made: dict[str, Any] = answer.json()
        return made


async def pressed(system: System) -> dict[str, Any]:
    """A bill on whose page a payment was begun before the secret was replaced."""
    bill = await system.create_bill()
    bill["started"] = await system.start(bill, VNPAY)
    return bill


async def refused(system: System, bill: dict[str, Any]) -> None:
    """The payer has paid, and the gateway's first notice of it is no proof: the bill is open.

    Which it tells again and again: nobody waits for it to give up.
    """
    told = system.sandbox.deliveries.all
    before = len(told)
    await system.decide(bill["started"], "success")
    (notice,) = told[before:]
    for _ in range(500):
        if notice.attempts:
            break
        await asyncio.sleep(0.02)
    assert json.loads(notice.attempts[0].answer)["RspCode"] == "97"  # an invalid signature
    assert (await system.read(bill))["status"] == "open"


async def test_a_notice_under_the_old_secret_pays_within_its_hours_and_not_after(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = [await pressed(system) for _ in range(3)]
    shown = await change(system, credentials=NEW, keep_hours=2)
    assert shown["previous_until"] is not None
    await system.decide(first["started"], "success")
    await system.until(first, "paid")
    now = clock.now()
    with monkeypatch.context() as later:
        later.setattr(clock, "now", lambda: now + timedelta(hours=2, minutes=1))
        await refused(system, second)
    # A leaked secret is ended at once.
    ended = await change(system, keep_hours=0)
    assert ended["previous_until"] is None
    await refused(system, third)
    assert await system.broken() == []


async def test_without_hours_the_old_secret_is_refused_at_once(system: System) -> None:
    bill = await pressed(system)
    assert (await change(system, credentials=NEW))["previous_until"] is None
    await refused(system, bill)
