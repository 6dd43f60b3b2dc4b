"""Statements taken in and days reconciled, as the finance office does it over the API."""

from typing import Any

from core import clock
from core.clock import VIETNAM
from core.ids import new_id
from tests.support.staff import finance_office
from tests.support.system import System

_HEADER = "Ngày hạch toán;Số tham chiếu;Nội dung;Phát sinh nợ;Phát sinh có;Số dư"


async def take_statement(
    system: System, *lines: str, balances: tuple[str, str] | None = None
) -> dict[str, Any]:
    """Take in a treasury's statement of now, with its sums.

    Of each line amount, side, narrative and the bank's reference; `balances` are those of its
    beginning and end, as it writes them.
    """
    now = f"{clock.now().astimezone(VIETNAM):%d/%m/%Y %H:%M:%S}"
    rows, sums = [_HEADER], {"debit": 0, "credit": 0}
    if balances is not None:
        rows.append(f"Số dư đầu kỳ;;;;;{balances[0]}")
    for line in lines:
        amount, direction, narrative, bank_ref = line.split("|")
        sums[direction] += int(amount)
        sides = f"{amount};" if direction == "debit" else f";{amount}"
        rows.append(f"{now};{bank_ref};{narrative};{sides};")
    if balances is not None:
        rows.append(f"Số dư cuối kỳ;;;;;{balances[1]}")
    rows.append(f"Cộng phát sinh;;;{sums['debit']};{sums['credit']};")
    rows.append(f"Số giao dịch;{len(lines)};;;;")
    taken = await system.office.post(
        "/api/v1/statements",
        files={"file": ("so-phu.csv", "\n".join(rows).encode() + b"\n", "text/csv")},
        data={"account": system.body.collection_code, "mapping": "kbnn-so-phu"},
        headers={"Idempotency-Key": new_id("k")},
    )
    assert taken.status_code == 201, taken.text
    found: dict[str, Any] = taken.json()
    return found


async def release(system: System, statement: dict[str, Any]) -> None:
    """Two people let what only a statement tells of go where it was sent.

    Where nothing vouches for the statement they do so item by item, for all that waits.
    """
    office = await finance_office(system)
    path = f"/statements/{statement['id']}/release"
    asked = await office.post(path, {"reason": "chỉ có trên sao kê"})
    if asked.json().get("code") == "nothing_vouches":
        for item in await office.suspense(reason="statement_only"):
            await office.approve(await office.propose(item["id"], "other_money"))
        return
    assert asked.status_code == 202, asked.text
    await office.approve(asked.json())


async def reconcile(system: System) -> dict[str, Any]:
    """Reconcile today; the run as the API shows it."""
    today = clock.business_date(clock.now()).isoformat()
    asked = {"agency": system.body.agency_code, "account": system.body.collection_code}
    answer = await system.post(
        "/api/v1/reconciliations", asked | {"date": today}, client=system.office
    )
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found
