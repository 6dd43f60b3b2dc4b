"""What a bank owes for money that it booked late, over the API."""

from datetime import UTC, datetime, timedelta

import pytest

from core import clock
from tests.api.test_approvals import bank_ref
from tests.support.callbacks import credit
from tests.support.problems import problem
from tests.support.statements import take_statement
from tests.support.system import System

#: For tests that need a system to themselves.
alone = pytest.mark.asyncio(loop_scope="function")

#: A Monday morning in Vietnam.
PAID = datetime(2026, 11, 16, 2, tzinfo=UTC)


@alone
async def test_late_money_is_a_claim_by_the_calendar(system: System) -> None:
    with clock.frozen(PAID) as now:
        bill, ref = await system.create_bill(), bank_ref()
        await credit(system, 5000, bill["reference"], bank_ref=ref)
        intime, other = await system.create_bill(), bank_ref()
        await credit(system, 5000, intime["reference"], bank_ref=other)
        await take_statement(system, f"5000|credit|{intime['reference']}|{other}")
        now.advance(timedelta(days=4))
        await take_statement(system, f"5000|credit|{bill['reference']}|{ref}")
        asked = {"agency": system.body.agency_code, "account": system.body.collection_code}
        run = await system.post(
            "/api/v1/reconciliations", asked | {"date": "2026-11-16"}, client=system.office
        )
        assert run.status_code == 201, run.text
        path = f"/api/v1/reconciliations/{run.json()['id']}/claims"
        answer = await system.office.get(path, params={"rate_basis_points": "5000"})
    found = answer.json()
    (claim,) = found["items"]
    assert (claim["reference"], claim["due_on"], claim["booked_on"], claim["days_late"]) == (
        bill["reference"],
        "2026-11-16",
        "2026-11-20",
        4,
    )
    # 5,000 × 150 % × 50 % × 4 / 365 = 41.1
    assert (claim["claim"], found["total"]) == (41, 41)
    assert "81/2025" in found["basis"]
    problem(await system.office.get(path), 422, field="rate_basis_points")
