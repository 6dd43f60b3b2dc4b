"""A match is undone by two people: it was not the same money after all."""

from typing import Any

import httpx2
import pytest

from reconciliation.days import undoing
from tests.api.test_withdrawals import bank_ref, line, taken
from tests.support.callbacks import credit
from tests.support.closing import close
from tests.support.problems import problem
from tests.support.staff import FinanceOffice, finance_office
from tests.support.statements import reconcile, release
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="function")


async def the_match(office: FinanceOffice, run: dict[str, Any]) -> dict[str, Any]:
    path = f"/api/v1/reconciliations/{run['id']}/matches"
    (found,) = (await office.system.browser.get(path, headers=office.clerk)).json()["items"]
    told: dict[str, Any] = found
    return told


async def asked(
    office: FinanceOffice, run: dict[str, Any], match: dict[str, Any]
) -> httpx2.Response:
    path = f"/reconciliations/{run['id']}/matches/{match['payment']}/undo"
    return await office.post(path, {"reason": "không phải tiền này"})


async def settled_by_a_statement(
    system: System, ref: str | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A bill that money settled of which only a statement told, and the run that matched it."""
    bill = await system.create_bill()
    statement = await taken(system, line(5000, bill["reference"], ref or bank_ref()))
    await reconcile(system)
    await release(system, statement)
    return bill, await reconcile(system)


async def test_what_only_the_line_told_of_is_taken_from_its_bill_and_waits(
    system: System,
) -> None:
    office, ref = await finance_office(system), bank_ref()
    bill, run = await settled_by_a_statement(system, ref)
    match = await the_match(office, run)
    made = await asked(office, run, match)
    assert made.status_code == 202, made.text
    figures = made.json()["figures"]
    assert (figures["reversed"], figures["reopened"]) == (5000, [bill["reference"]])
    await office.approve(made.json())
    assert (await system.read(bill))["status"] == "open"
    (item,) = await office.suspense()
    assert (item["reason"], item["amount"]) == ("unknown_reference", 5000)
    again = await reconcile(system)
    assert again["summary"]["matched"]["count"] == 1
    problem(await asked(office, run, match), 409, "superseded")
    problem(await asked(office, again, match), 409, "nothing_to_undo")
    # A feed that tells of it too does not send it to that bill again.
    await credit(system, 5000, bill["reference"], bank_ref=ref)
    assert (await system.read(bill))["status"] == "open"
    other = await system.create_bill()
    await office.approve(await office.propose(item["id"], "assign", other["reference"]))
    assert (await system.read(other))["status"] == "paid"
    assert await system.broken() == []


async def test_what_a_feed_told_of_stays_money_and_is_matched_with_that_line_no_more(
    system: System,
) -> None:
    office, bill, ref = await finance_office(system), await system.create_bill(), bank_ref()
    await credit(system, 5000, bill["reference"], bank_ref=ref)
    await taken(system, line(5000, bill["reference"], ref))
    run = await reconcile(system)
    match = await the_match(office, run)
    await office.approve((await asked(office, run, match)).json())
    summary = (await reconcile(system))["summary"]
    assert (summary["matched"]["count"], summary["unknown_in_ledger"]["count"]) == (0, 1)
    assert summary["expected"]["count"] + summary["missing_in_ledger"]["count"] == 1
    assert (await system.read(bill))["status"] == "paid"
    assert await system.broken() == []


async def test_what_a_receipt_proves_is_not_undone(system: System) -> None:
    office = await finance_office(system)
    _, run = await settled_by_a_statement(system)
    await system.work()
    problem(await asked(office, run, await the_match(office, run)), 409, "receipt_issued")


async def test_without_the_look_at_receipts_a_proved_bill_would_be_opened_again(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control."""

    async def nothing(*given: object) -> set[str]:
        return set()

    monkeypatch.setattr(undoing, "list_proved_bills", nothing)
    office = await finance_office(system)
    bill, run = await settled_by_a_statement(system)
    await system.work()
    await office.approve((await asked(office, run, await the_match(office, run))).json())
    assert (await system.read(bill))["status"] == "open"
    assert await system.broken() != []


async def test_after_the_day_is_closed_it_is_an_adjustment_of_the_first_open_day(
    system: System,
) -> None:
    office = await finance_office(system)
    bill, run = await settled_by_a_statement(system)
    match = await the_match(office, run)
    await close(office, run)
    made = await asked(office, run, match)
    assert made.json()["figures"]["closed"] is True
    outcome = (await office.approve(made.json()))["outcome"]
    assert outcome["accounting_on"] > run["date"]
    assert (await system.read(bill))["status"] == "open"
    kept = await the_match(office, run)
    assert kept["line"] == match["line"]
    assert await system.broken() == []
