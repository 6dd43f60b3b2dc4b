"""What there is of gateways' settlements for every route to be asked about."""

import json
from typing import TYPE_CHECKING, Any

from core import clock
from core.ids import new_id
from payments.books.queries import list_waiting_money
from tests.support.callbacks import credit
from tests.support.gateway_setups import PAYGOV
from tests.support.settlements import new_batch, paid_at_gateway, pay_over, settled, take_settlement
from tests.support.staff import FinanceOffice

if TYPE_CHECKING:
    from tests.support.every_route import Things

PAYGOV_PATH = PAYGOV.callback_path.removeprefix("/callbacks/")


async def settlement(_: "Things") -> dict[str, Any]:
    day = clock.business_date(clock.now()).isoformat()
    content = (
        "batch_ref,settled_on,kind,order_ref,gateway_ref,amount,fee,net,paid_at\n"
        f"B1,{day},payment,,{new_id('g')},5000,55,4945,\n"
    )
    return {
        "files": {"file": ("quyet-toan.csv", content.encode(), "text/csv")},
        "data": {"gateway": PAYGOV_PATH, "mapping": "lephi-settlement"},
    }


async def settlement_layout(things: "Things") -> dict[str, Any]:
    """A layout that reads its sample."""
    names = ("batch_ref", "settled_on", "order_ref", "gateway_ref", "amount", "fee", "net")
    columns = {name: name for name in names}
    layout = {"title": "Mẫu riêng", "columns": columns, "days": ["%Y-%m-%d"], "scale": 1}
    form = {"gateway": PAYGOV_PATH, "name": f"mau-{new_id('x')[-12:]}"}
    return {**(await settlement(things)), "data": form | {"layout": json.dumps(layout)}}


async def version(things: "Things") -> dict[str, Any]:
    sent = await settlement(things)
    return {**sent, "data": {"mapping": "lephi-settlement", "reason": "thử"}}


async def payout(things: "Things") -> dict[str, Any]:
    batch, payment = things.batch
    wanted = {"gateway": PAYGOV_PATH, "batches": [batch], "credit": payment, "reason": "thử"}
    return {"json": wanted}


async def of_name(_: "Things") -> dict[str, Any]:
    return {"params": {"gateway": PAYGOV.name}}


async def of_paygov(_: "Things") -> dict[str, Any]:
    return {"params": {"gateway": PAYGOV_PATH}}


async def one_settlement(things: "Things") -> str:
    """A settlement file that was taken in."""
    sent = await settlement(things)
    headers = {"Idempotency-Key": new_id("k")}
    answer = await things.system.office.post("/api/v1/settlements", headers=headers, **sent)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def one_batch(things: "Things") -> str:
    """A batch that waits, and its credit: what the body of a payout names."""
    things.batch = await _batch(things)
    return things.batch[0]


async def one_payout(things: "Things") -> str:
    """A payout that stands."""
    await paid_at_gateway(things.system)
    office = FinanceOffice(things.system, things.client("finance"), things.client("chief"))
    name, payment = await _batch(things)
    return str((await pay_over(office, payment, name))["outcome"]["payout"])


async def _batch(things: "Things") -> tuple[str, str]:
    """A batch that waits for its credit, and a credit of its net."""
    await things.paid()  # what is in transit
    name = new_batch()
    await take_settlement(things.system, settled(name, new_id("g"), 5000, 55))
    await credit(things.system, 4945, "chuyen tien", bank_ref=new_id("ft"))
    async with things.system.parts.database.reading() as session:
        return name, (await list_waiting_money(session))[-1].payment_id
