"""A bill in every state that its page can show, made the way it comes about."""

import asyncio
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from adapters.sandbox.engine.faults import Fault, Operation
from receipts.commands import issue
from tests.support.gateway_setups import MERCHANT
from tests.support.system import System

PAYER = "Nguyễn Văn An"
DOSSIER = "H00.01-261122-0001"

#: The states of `bills_in_every_state`.
STATES = (
    "open",
    "starting",
    "submitted",
    "unknown",
    "held",
    "declined",
    "lapsed",
    "short",
    "paid",
    "over",
    "paid, receipt on its way",
    "exempt",
    "expired",
    "cancelled",
    "cancelled, then paid",
)


#: The bills of `bills_with_reliefs`: all open but the second.
RELIEVED = ("reduced", "exempt by relief", "by notice")

_NOTICE = {
    "number": "LTB-2026/0042",
    "issued_on": "2026-11-02",
    "tax_number": "0100109106",
    "treasury": "KBNN Bến Mẫu",
    "chapter": "757",
    "sub_item": "2801",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A bill and the addresses of its page: for whoever has the reference, and with its token."""

    bill: dict[str, Any]
    public: str
    private: str


async def bills_in_every_state(system: System) -> dict[str, Shown]:
    """One bill for each of `STATES`, with a payer and a dossier; 5,000 đ unless exempt."""
    made = {}
    for state in STATES:
        # The worker issues a receipt for whatever is paid by then.
        if state == "paid, receipt on its way":
            await system.work()
        bill = await _bill(system, state)
        private = bill["pay_url"].removeprefix(system.base_url)
        made[state] = Shown(bill, private.partition("?")[0], private)
    return made


async def numbered_receipt(system: System) -> str:
    """The check page of a receipt that bears the payer's identity number, with its address whole.

    5,000 đồng.
    """
    bill = await system.create_bill(payer={"name": PAYER, "identity_number": "001090123456"})
    await system.decide(await system.start(bill), "success")
    await system.until(bill, "paid")
    await system.work()
    return str((await system.read(bill))["receipts"][0]["check_url"])


async def bills_with_reliefs(system: System) -> dict[str, Shown]:
    """One bill for each of `RELIEVED`, of the fees that `fee_pages` writes.

    50,000 đ less 40,000 đ for a child's age; the same exempt for a poor household; and 12,345,000 đ
    by a notice of the tax office.
    """
    relief = {"fee": "duoc-giam", "quantity": 1}
    notice = {"fee": "thong-bao", "amount": 12_345_000, "notice": _NOTICE}
    bodies: dict[str, dict[str, Any]] = {
        "reduced": {"lines": [relief], "relief": {"born_on": "2020-01-01"}},
        "exempt by relief": {"lines": [relief], "relief": "poor_household"},
        "by notice": {"lines": [notice]},
    }
    made = {}
    for state, body in bodies.items():
        bill = await system.create_bill(**body)
        private = bill["pay_url"].removeprefix(system.base_url)
        made[state] = Shown(bill, private.partition("?")[0], private)
    return made


async def documents_of_every_kind(system: System) -> dict[str, str]:
    """The path of a treasury slip's data and of a confirmation, with every party there may be."""
    lines = [
        {"fee": "tien-su-dung-dat", "amount": 12_345_000, "notice": _NOTICE},
        {"fee": "tra-ket-qua-qua-buu-chinh", "quantity": 1},
    ]
    bill = await system.create_bill(
        lines=lines,
        dossier_number=DOSSIER,
        payer={"name": PAYER, "address": "số 5 phố Huế, Hà Nội", "tax_number": "0100109106"},
        on_behalf_of={"name": "Công ty trách nhiệm hữu hạn Bình Minh", "address": "phố Vọng"},
        delegate={"name": "Bưu điện Bến Mẫu", "address": "số 9 phố Tràng Thi, Hà Nội"},
    )
    await system.transfer(bill["qr"]["payload"], bill["amount"], bill["reference"])
    await system.until(bill, "paid")
    # This bill alone: the worker would also issue the receipt that is on its way elsewhere.
    async with system.parts.database.transaction() as session:
        await issue(session, system.parts.issuing, [bill["id"]])
    paid = await system.read(bill)
    return {one["kind"]: one["page_url"].removeprefix(system.base_url) for one in paid["documents"]}


async def _bill(system: System, state: str) -> dict[str, Any]:
    changes: dict[str, Any] = {"payer": {"name": PAYER}, "dossier_number": DOSSIER}
    if state == "exempt":
        changes["lines"] = [{"fee": "khai-sinh-dung-han", "quantity": 1}]
    bill = await system.create_bill(**changes)
    if state == "submitted":
        await system.start(bill)
    elif state == "starting":
        payment = await system.start(bill)
        async with system.parts.database.transaction() as session:
            statement = text("UPDATE payment SET status = 'created' WHERE id = :id")
            await session.execute(statement, {"id": payment["id"]})
    elif state == "over":
        await system.transfer(bill["qr"]["payload"], 15_000, bill["reference"])
        await system.until(bill, "paid")
    elif state == "unknown":
        partner = MERCHANT["partner_code"]
        # The gateway has never heard of it, however often the page asks.
        system.sandbox.faults.script(
            partner, Operation.CREATE, Fault.SERVER_ERROR, takes_effect=False
        )
        assert (await system.start(bill))["status"] == "unknown"
    elif state == "held":
        await system.decide(await system.start(bill), "wrong_amount")
        await until_attempt(system, bill, "held")
    elif state == "declined":
        await system.decide(await system.start(bill), "decline")
        await until_attempt(system, bill, "failed")
    elif state == "lapsed":
        order_ref = f"{bill['reference']}-01"
        await system.start(bill)
        path = f"/b/{bill['reference']}/another-way"
        await system.browser.post(path, data={"attempt": order_ref})
        await until_attempt(system, bill, "expired")
    elif state == "short":
        await system.transfer(bill["qr"]["payload"], 3000, bill["reference"])
        await until_attempt(system, bill, "succeeded")
    elif state.startswith("paid"):
        await system.decide(await system.start(bill), "success")
        await system.until(bill, "paid")
    elif state.startswith("cancelled"):
        assert (await system.client.post(f"/api/v1/bills/{bill['id']}/cancel")).status_code == 200
        if state == "cancelled, then paid":
            await system.transfer(bill["qr"]["payload"], 5000, bill["reference"])
            await until_attempt(system, bill, "succeeded")
    elif state == "expired":
        async with system.parts.database.transaction() as session:
            statement = text("UPDATE bill SET status = 'expired' WHERE id = :id")
            await session.execute(statement, {"id": bill["id"]})
    return bill


async def until_attempt(system: System, bill: dict[str, Any], status: str) -> None:
    """Wait until the last payment of a bill has a status; fails after ten seconds."""
    payments: list[dict[str, Any]] = []
    for _ in range(500):
        payments = (await system.read(bill))["payments"]
        if payments and payments[-1]["status"] == status:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"no payment of the bill is {status}: {payments}")
