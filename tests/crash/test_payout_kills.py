"""SIGKILL while a batch is paid over and taken back: its postings stand whole or not at all."""

from typing import Any

from app.seed.agency import DEMO_ACCOUNT
from core.ids import new_id
from tests.crash.harness import CrashSystem, kept
from tests.crash.payer import Payer
from tests.crash.test_closing_kills import ask, judged, keys_of_office
from tests.support.settlements import GATEWAY, HEADER, new_batch, settled


async def read(system: CrashSystem, secret: str, path: str, **query: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {secret}"}
    answer = await system.client.get(f"/api/v1{path}", headers=headers, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def a_batch(system: CrashSystem, keys: dict[str, str]) -> tuple[str, str]:
    """A bill paid at the gateway, its batch, and the credit that brought it, told of by a feed."""
    payer = Payer(system)
    bill = await payer.create_bill()
    await payer.press(await payer.start(bill))
    await payer.fetch_receipt(bill)
    batch, net = new_batch(), bill["amount"] - 55
    content = "\n".join((HEADER, settled(batch, new_id("g"), bill["amount"], 55)))
    sent = {
        "files": {"file": ("quyet-toan.csv", content.encode(), "text/csv")},
        "data": {"gateway": GATEWAY, "mapping": "lephi-settlement"},
    }
    taken = await ask(system, keys["finance"], "/settlements", new_id("k"), **sent)
    assert taken.status_code == 201, taken.text
    told = {"account_number": DEMO_ACCOUNT, "amount": net, "narrative": "CK DEN"}
    await system.client.post(f"{system.sandbox.base_url}/sandbox/credits", json=told)
    while True:
        waiting = (await read(system, keys["finance"], "/suspense"))["items"]
        if waiting:
            return batch, str(waiting[0]["payment"])


async def decide(system: CrashSystem, keys: dict[str, str], path: str, wanted: object) -> str:
    """Both say it until it is done; a repeat is told that it is. The approval."""
    asked = await ask(system, keys["finance"], path, new_id("k"), json=wanted)
    assert asked.status_code == 202, asked.text
    approval = str(asked.json()["id"])
    done = await ask(system, keys["chief"], f"/approvals/{approval}/approve")
    assert done.status_code == 200 or done.json()["code"] == "already_decided", done.text
    return approval


async def pay_over(system: CrashSystem, keys: dict[str, str], batch: str, payment: str) -> str:
    wanted = {"gateway": GATEWAY, "batches": [batch], "credit": payment, "reason": "thử"}
    approval = await decide(system, keys, "/settlements/payouts", wanted)
    told = await read(system, keys["chief"], f"/approvals/{approval}")
    return str(told["outcome"]["payout"])


async def test_a_kill_at_any_place_leaves_a_batch_whole(system: CrashSystem) -> None:
    """One batch that is killed at each place, first while it is paid over, then taken back."""
    places = "payout.after_postings=kill:1", "approval.before_commit=kill:1"
    keys = await keys_of_office(system)
    await system.open()
    async with kept(system):
        batch, payment = await a_batch(system, keys)
        system.arm(*places)
        payout = await pay_over(system, keys, batch, payment)
        faults = await judged(system)
        system.assert_killed("serve", "serve")
        system.arm(*places)
        await decide(system, keys, f"/settlements/payouts/{payout}/undo", {"reason": "nhầm"})
        faults += await judged(system)
        (own,) = (await read(system, keys["chief"], "/settlements/batches", gateway=GATEWAY))[
            "items"
        ]
        waiting = (await read(system, keys["finance"], "/suspense"))["items"]
    system.assert_killed(*["serve"] * 4)
    assert faults == []
    assert own["payout"] is None
    assert [(one["payment"], one["reason"]) for one in waiting] == [(payment, "gateway_settlement")]


async def test_postings_before_their_batches_are_caught(system: CrashSystem) -> None:
    """The negative control: a payout is committed before it is known what it brought."""
    keys = await keys_of_office(system)
    await system.open("payout.after_postings=kill:1", variant="payout_before_batches")
    async with kept(system):
        batch, payment = await a_batch(system, keys)
        wanted = {"gateway": GATEWAY, "batches": [batch], "credit": payment, "reason": "thử"}
        asked = await ask(system, keys["finance"], "/settlements/payouts", new_id("k"), json=wanted)
        await ask(system, keys["chief"], f"/approvals/{asked.json()['id']}/approve")
        faults = await judged(system)
    assert [line for line in faults if "a payout is the batches that it brought" in line], faults
