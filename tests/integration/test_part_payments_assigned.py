"""Money that waits for the rest of a bill, and is assigned from a discrepancy."""

from typing import Any

import pytest

from core.ids import new_id
from tests.support.callbacks import credit
from tests.support.closing import discrepancies
from tests.support.problems import problem
from tests.support.staff import FinanceOffice, finance_office
from tests.support.statements import reconcile, take_statement
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def told_otherwise(office: FinanceOffice, payment: str, reference: str) -> dict[str, Any]:
    """The discrepancy of a payment that a statement's line tells of with another amount."""
    ref = f"FT26{int(new_id('ft')[-10:], 16) % 10**10:010d}"
    await take_statement(office.system, f"3500|credit|{reference}|{ref}")
    found = await discrepancies(office, await reconcile(office.system))
    (odd,) = (one for one in found if one["object"] == payment)
    return odd


async def test_a_part_is_never_given_to_the_bill_whose_rest_it_waits_for(
    shared_system: System,
) -> None:
    system, office = shared_system, await finance_office(shared_system)
    bill, other = await system.create_bill(), await system.create_bill()
    await credit(system, 3000, bill["reference"])
    (payment,) = (await system.read(bill))["payments"]
    odd = await told_otherwise(office, payment["id"], bill["reference"])
    path = f"/discrepancies/{odd['id']}/resolutions"
    for named in ({"bill": bill["reference"]}, {"bills": [bill["reference"], other["reference"]]}):
        asked = await office.post(path, {"kind": "assign", "reason": "người nộp gọi", **named})
        problem(asked, 409, "not_waiting")
    found = await system.read(bill)
    assert (found["status"], found["payments"][0]["in_suspense"]) == ("open", 3000)
    assert await system.broken() == []
