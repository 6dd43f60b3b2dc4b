"""A statement that the bank issues anew takes the place of the one before, by two people."""

from typing import Any

import httpx2
import pytest

from core.ids import new_id
from reconciliation.statements import superseding
from tests.api.test_withdrawals import HEADER, bank_ref, line, taken
from tests.support.problems import problem
from tests.support.staff import FinanceOffice, finance_office
from tests.support.statements import reconcile, release
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="function")


async def sent(
    office: FinanceOffice, statement: dict[str, Any], *lines: str, reason: str = "phát hành lại"
) -> httpx2.Response:
    """The answer to a file that is to take a statement's place."""
    content = "\n".join([HEADER, *lines]).encode() + b"\n"
    return await office.system.browser.post(
        f"/api/v1/statements/{statement['id']}/supersede",
        files={"file": ("so-phu-2.csv", content, "text/csv")},
        data={"mapping": "lephi-basic", "reason": reason},
        headers=office.clerk | {"Idempotency-Key": new_id("k")},
    )


async def superseded(
    office: FinanceOffice, statement: dict[str, Any], *lines: str
) -> dict[str, Any]:
    """The outcome of a file that took a statement's place."""
    asked = await sent(office, statement, *lines)
    assert asked.status_code == 202, asked.text
    outcome: dict[str, Any] = (await office.approve(asked.json()))["outcome"]
    return outcome


async def test_the_difference_is_shown_and_gone_rows_are_withdrawn(system: System) -> None:
    office = await finance_office(system)
    kept, gone, changed, added = [await system.create_bill() for _ in range(4)]
    same = line(5000, kept["reference"], bank_ref())
    wrong, ref = line(5000, gone["reference"], bank_ref()), bank_ref()
    first = await taken(system, same, wrong, line(4000, changed["reference"], ref))
    await reconcile(system)
    await release(system, first)
    assert [(await system.read(one))["status"] for one in (kept, gone)] == ["paid", "paid"]
    more = line(5000, added["reference"], bank_ref())
    asked = await sent(office, first, same, line(5000, changed["reference"], ref), more)
    assert asked.status_code == 202, asked.text
    figures = asked.json()["figures"]
    told = figures["difference"]
    assert (told["kept"], told["gone"]["count"], told["added"]["count"]) == (1, 1, 1)
    assert (told["changed"]["before"], told["changed"]["after"]) == (4000, 5000)
    assert told["net"] == 1000
    assert (figures["withdrawn"], figures["reversed"], figures["version"]) == (2, 9000, 2)
    assert figures["reopened"] == [gone["reference"]]
    outcome = (await office.approve(asked.json()))["outcome"]
    assert (outcome["new"], outcome["withdrawn"]["reversed"]) == (2, 9000)
    statuses = [(await system.read(one))["status"] for one in (kept, gone)]
    assert statuses == ["paid", "open"]
    await reconcile(system)
    summary = (await reconcile(system))["summary"]
    assert summary["matched"] == {"count": 3, "sum": 15_000}
    shown = await system.office.get(f"/api/v1/statements/{outcome['statement']}")
    told = shown.json()["statement"]
    assert (told["version"], told["supersedes"], told["credits"]) == (2, first["id"], 15_000)
    assert await system.broken() == []


async def test_the_same_rows_change_nothing(system: System) -> None:
    office, bill = await finance_office(system), await system.create_bill()
    lines = [line(5000, bill["reference"], bank_ref()), line(7000, "NOP", bank_ref())]
    first = await taken(system, *lines)
    answer = await sent(office, first, *reversed(lines))
    assert answer.status_code == 200, answer.text
    assert (answer.json()["known"], answer.json()["new"]) == (True, 0)
    (again,) = {(await taken(system, *lines))["id"]}
    assert again == first["id"]


async def test_rows_of_both_versions_settle_nothing_twice(system: System) -> None:
    office, bill = await finance_office(system), await system.create_bill()
    same = line(5000, bill["reference"], bank_ref())
    first = await taken(system, same, line(7000, "NHAM", bank_ref()))
    await reconcile(system)
    await release(system, first)
    outcome = await superseded(office, first, same)
    assert (outcome["new"], outcome["withdrawn"]["settled"]) == (0, 0)
    summary = (await reconcile(system))["summary"]
    assert summary["matched"] == {"count": 1, "sum": 5000}
    assert summary["unknown_in_ledger"]["count"] == 0
    assert len((await system.read(bill))["payments"]) == 1
    assert await system.broken() == []


async def test_without_the_withdrawal_a_gone_row_would_go_on_standing(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: the old version is left as it is."""

    async def nothing(*given: object, **named: object) -> dict[str, int]:
        return {"reversed": 0}

    monkeypatch.setattr(superseding, "withdraw_statement", nothing)
    office = await finance_office(system)
    same = line(5000, "NOP", bank_ref())
    first = await taken(system, same, line(7000, "NHAM", bank_ref()))
    await superseded(office, first, same)
    assert (await reconcile(system))["summary"]["unknown_in_ledger"]["count"] == 2


async def test_a_file_of_other_days_or_a_withdrawn_statement_is_refused(system: System) -> None:
    office = await finance_office(system)
    first = await taken(system, line(5000, "NOP", bank_ref()))
    problem(await sent(office, first, line(5000, "NOP", bank_ref(), days=2)), 422, field="file")
    await superseded(office, first, line(6000, "NOP", bank_ref()))
    again = await sent(office, first, line(7000, "NOP", bank_ref()))
    problem(again, 409, "already_withdrawn")
