"""SIGKILL around the call for a refund: it goes out once or not at all."""

import asyncio
import time
from typing import Any

from core.failpoints import FAILPOINTS
from core.ids import new_id
from tests.crash.harness import CrashSystem, kept
from tests.crash.payer import Payer
from tests.crash.test_closing_kills import ask, judged, keys_of_office
from tests.crash.test_payout_kills import read

OF_REFUNDS = [point.name for point in FAILPOINTS if point.name.startswith("refund.")]
#: What goes back of the 32,000 đ of a bill for thirty pages.
AMOUNT = 12_000
PATIENCE = 60.0


async def paid(system: CrashSystem) -> str:
    """A bill that was paid at a gateway that gives back: its payment."""
    payer = Payer(system)
    bill = await payer.create_bill(quantity=30)
    path = f"/api/v1/bills/{bill['id']}/payments"
    started = (await payer.ask("POST", path, {"gateway": "vnpay"}, new_id("k"))).json()
    assert started["status"] == "submitted", started
    url = started["checkout"]["url"]
    assert (await system.client.get(url)).status_code == 200
    assert (await system.client.post(url, data={"outcome": "success"})).status_code == 303
    await payer.fetch_receipt(bill)
    return str(started["id"])


async def approved(system: CrashSystem, keys: dict[str, str], payment: str) -> str:
    """Two people decide that some of it goes back by its gateway: the refund."""
    wanted = {"amount": AMOUNT, "reason": "nộp thừa", "way": "gateway"}
    path = f"/payments/{payment}/refunds"
    asked = await ask(system, keys["finance"], path, new_id("k"), json=wanted)
    assert asked.status_code == 202, asked.text
    done = await ask(system, keys["chief"], f"/approvals/{asked.json()['approval']}/approve")
    assert done.status_code == 200 or done.json()["code"] == "already_decided", done.text
    return str(asked.json()["id"])


#: In the product's order, a payment before its refunds: else the two wait for each other for ever.
_HURRIED = """
WITH paid AS MATERIALIZED (SELECT id FROM payment ORDER BY id FOR NO KEY UPDATE)
UPDATE refund SET ask_at = now() FROM paid WHERE refund.payment_id = paid.id
AND status IN ('unknown', 'submitted') AND ask_at > now()
"""


async def until(
    system: CrashSystem, keys: dict[str, str], refund: str, *statuses: str, hurry: bool = False
) -> dict[str, Any]:
    """Wait until a refund has a status; in a `hurry`, what is to be asked is due at once."""
    deadline = time.monotonic() + PATIENCE
    with system.ground.server.connect(system.database) as connection:
        while True:
            if hurry:
                connection.execute(_HURRIED)
            found = await read(system, keys["finance"], f"/refunds/{refund}")
            if found["status"] in statuses:
                return found
            assert time.monotonic() < deadline, found
            await asyncio.sleep(0.09)


def given_back(system: CrashSystem) -> list[int]:
    return [one.amount for one in system.sandbox.store.refunds.values()]


async def test_a_kill_around_the_call_sends_nothing_twice(system: CrashSystem) -> None:
    """Of one payment after the other, at each place; last where the gateway was not reached.

    It is asked then, and says that it has no answer yet: people end the refund, when it has had its
    time. It is never called for again.
    """
    keys = await keys_of_office(system)
    await system.open()
    async with kept(system):
        for name in sorted(OF_REFUNDS, key="refund.after_intent".__eq__):
            payment, before = await paid(system), given_back(system)
            system.dead.clear()
            system.arm(f"{name}=kill:1")
            refund = await approved(system, keys, payment)
            await system.until_dead("worker")
            reached = name != "refund.after_intent"
            final = ("succeeded",) if reached else ("submitted",)
            found = await until(system, keys, refund, *final, hurry=True)
            assert await judged(system) == [], name
            system.assert_killed("worker")
            assert given_back(system) == [*before, *([AMOUNT] if reached else [])], name
            assert (found["gateway_paid_at"] is not None) is reached, name


async def test_a_service_that_calls_again_is_caught(system: CrashSystem) -> None:
    """The negative control: what was under way when it stopped is called for under a new name."""
    keys = await keys_of_office(system)
    await system.open("refund.after_call=kill:1", variant="call_for_refunds_again")
    async with kept(system):
        refund = await approved(system, keys, await paid(system))
        await system.until_dead("worker")
        await until(system, keys, refund, "succeeded", hurry=True)
    assert given_back(system) == [AMOUNT, AMOUNT]
