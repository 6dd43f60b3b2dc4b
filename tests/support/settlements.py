"""Gateways' settlement files and batches, as the finance office works them over the API."""

from typing import Any

import httpx2

from core import clock
from core.ids import new_id
from payments.agencies.queries import get_account_id
from payments.books.transit import sum_in_transit
from tests.support.callbacks import call, order_of, result_of
from tests.support.staff import FinanceOffice
from tests.support.system import System

HEADER = "batch_ref,settled_on,kind,order_ref,gateway_ref,amount,fee,net,paid_at"
GATEWAY = "paygov/test"


def new_batch() -> str:
    """A batch's reference that no other test has."""
    return new_id("b").replace("_", "")


def settled(batch: str, number: str, amount: int, fee: int, kind: str = "payment") -> str:
    """A row of a settlement file of today."""
    on = clock.business_date(clock.now())
    return f"{batch},{on},{kind},,{number},{amount},{fee},{amount - fee},"


async def take_settlement(system: System, *rows: str, **form: str) -> httpx2.Response:
    """Send a settlement file of PayGov's."""
    content = "\n".join((HEADER, *rows)).encode()
    return await system.office.post(
        "/api/v1/settlements",
        files={"file": ("quyet-toan.csv", content, "text/csv")},
        data={"gateway": GATEWAY, "mapping": "lephi-settlement"} | form,
        headers={"Idempotency-Key": new_id("k")},
    )


async def paid_at_gateway(system: System, times: int = 1) -> list[str]:
    """Bills of 5,000 đ that were paid at PayGov just now: the gateway's numbers of them."""
    found = []
    for _ in range(times):
        order = order_of(system, await system.start(await system.create_bill()))
        found.append(new_id("t").partition("_")[2][-20:])
        await call(system, result_of(system, order, transaction_no=found[-1]))
    return found


async def ask_payout(
    office: FinanceOffice, credit: str, *batches: str, gateway: str = GATEWAY
) -> httpx2.Response:
    """The clerk says which credit brought these batches."""
    wanted = {"gateway": gateway, "batches": list(batches), "credit": credit, "reason": "đã xem"}
    return await office.post("/settlements/payouts", wanted)


async def pay_over(office: FinanceOffice, credit: str, *batches: str) -> dict[str, Any]:
    """Two people say so; the approval."""
    asked = await ask_payout(office, credit, *batches)
    assert asked.status_code == 202, asked.text
    return await office.approve(asked.json())


async def undo_payout(office: FinanceOffice, payout: str) -> dict[str, Any]:
    """Two people take it back; the approval."""
    asked = await office.post(f"/settlements/payouts/{payout}/undo", {"reason": "nhầm lô"})
    assert asked.status_code == 202, asked.text
    return await office.approve(asked.json())


async def in_transit(system: System) -> int:
    """What gateways have taken for the system's account and not paid over."""
    async with system.parts.database.reading() as session:
        account_id = await get_account_id(session, system.body.collection_code)
        return await sum_in_transit(session, account_id)
