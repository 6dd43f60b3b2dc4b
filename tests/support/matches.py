"""Matches of a run, made over the API."""

from typing import TYPE_CHECKING

from core.ids import new_id
from tests.support.callbacks import credit
from tests.support.statements import reconcile, take_statement

if TYPE_CHECKING:
    from tests.support.every_route import Things


async def matched(things: "Things") -> str:
    """A run and a payment that it has matched, as the path of a match has them."""
    system, ref = things.system, f"FT{new_id('f')[-12:].upper()}"
    bill = await system.create_bill()
    await credit(system, 5000, bill["reference"], bank_ref=ref)
    await take_statement(system, f"5000|credit|{bill['reference']}|{ref}")
    run = await reconcile(system)
    answer = await system.office.get(
        f"/api/v1/reconciliations/{run['id']}/matches", params={"limit": 1000}
    )
    assert answer.status_code == 200, answer.text
    found = [one for one in answer.json()["items"] if one["reference"] == bill["reference"]]
    return f"{run['id']}/matches/{found[0]['payment']}"
