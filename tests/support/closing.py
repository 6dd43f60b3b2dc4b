"""A finance office that settles and closes today, over the API."""

from typing import Any

import httpx2

from core import clock
from core.ids import new_id
from tests.support.staff import FinanceOffice
from tests.support.system import System


async def discrepancies(
    office: FinanceOffice, run: dict[str, Any], kind: str | None = None
) -> list[dict[str, Any]]:
    """All of a run's, as the clerk reads them, or those of a class."""
    answer = await office.system.browser.get(
        f"/api/v1/reconciliations/{run['id']}/discrepancies",
        params={"limit": 1000} | ({"class": kind} if kind else {}),
        headers=office.clerk,
    )
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def resolve(
    office: FinanceOffice, odd: dict[str, Any], kind: str, bill: str | None = None
) -> dict[str, Any]:
    """Two people resolve a discrepancy; the approval as it was given."""
    wanted = {"kind": kind, "reason": "đã xem"} | ({"bill": bill} if bill else {})
    asked = await office.post(f"/discrepancies/{odd['id']}/resolutions", wanted)
    assert asked.status_code == 202, asked.text
    return await office.approve(asked.json())


async def ask_to_close(
    office: FinanceOffice, run: dict[str, Any], by: dict[str, str] | None = None
) -> httpx2.Response:
    """One person's word for closing a run's day, the clerk's unless told otherwise."""
    return await office.post(f"/reconciliations/{run['id']}/close", by=by)


async def close(office: FinanceOffice, run: dict[str, Any]) -> dict[str, Any]:
    """Clerk and chief close a run's day."""
    asked = await ask_to_close(office, run)
    assert asked.status_code == 202, asked.text
    assert asked.json()["status"] == "closing_proposed"
    done = await ask_to_close(office, run, by=office.chief)
    assert done.status_code == 200, done.text
    told: dict[str, Any] = done.json()
    assert told["status"] == "closed"
    return told


async def reconcile_on(system: System, day: str) -> httpx2.Response:
    """Reconcile a day of the system's account."""
    asked = {"agency": system.body.agency_code, "account": system.body.collection_code}
    return await system.office.post(
        "/api/v1/reconciliations",
        json=asked | {"date": day},
        headers={"Idempotency-Key": new_id("k")},
    )


def today() -> str:
    return clock.business_date(clock.now()).isoformat()
