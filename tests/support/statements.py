"""Statements taken in and days reconciled, as the finance office does it over the API."""

from typing import Any

from core import clock
from core.clock import VIETNAM
from core.ids import new_id
from tests.support.staff import finance_office
from tests.support.system import System

_HEADER = "line_id,booked_at,amount,direction,reference,narrative,bank_ref"


async def take_statement(system: System, *lines: str) -> dict[str, Any]:
    """Take in a statement of now: of each line amount, side, narrative and the bank's reference."""
    now = clock.now().astimezone(VIETNAM).isoformat(timespec="seconds")
    rows = [_HEADER]
    for number, line in enumerate(lines, 1):
        amount, direction, narrative, bank_ref = line.split("|")
        rows.append(f"L{number},{now},{amount},{direction},,{narrative},{bank_ref}")
    taken = await system.office.post(
        "/api/v1/statements",
        files={"file": ("so-phu.csv", "\n".join(rows).encode() + b"\n", "text/csv")},
        data={"account": system.body.collection_code, "mapping": "lephi-basic"},
        headers={"Idempotency-Key": new_id("k")},
    )
    assert taken.status_code == 201, taken.text
    found: dict[str, Any] = taken.json()
    return found


async def release(system: System, statement: dict[str, Any]) -> None:
    """Two people let what only a statement tells of go where it was sent."""
    office = await finance_office(system)
    path = f"/statements/{statement['id']}/release"
    asked = await office.post(path, {"reason": "chỉ có trên sao kê"})
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
