"""A statement that was taken in wrongly is withdrawn by two people, and the right one counts."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from core import clock
from core.clock import VIETNAM
from core.ids import new_id
from core.sessions import WriteSession
from payments.bills.static_references import static_reference
from payments.books.queries import list_receipt_sources
from receipts import commands as issuing
from reconciliation.statements import withdrawing
from tests.support.callbacks import credit
from tests.support.locks import until_someone_waits
from tests.support.places import looking
from tests.support.problems import problem
from tests.support.rows import count
from tests.support.staff import FinanceOffice, finance_office
from tests.support.statements import reconcile, release
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="function")

HEADER = "line_id,booked_at,amount,direction,reference,narrative,bank_ref"


def bank_ref() -> str:
    return f"FT26{int(new_id('ft')[-10:], 16) % 10**10:010d}"


def line(amount: int, narrative: str, ref: str, *, days: int = 0) -> str:
    at = (clock.now() - timedelta(days=days)).astimezone(VIETNAM).replace(hour=9, minute=0)
    return f"{new_id('l')},{at.isoformat(timespec='seconds')},{amount},credit,,{narrative},{ref}"


async def taken(system: System, *lines: str) -> dict[str, Any]:
    """A statement of these lines, taken in."""
    content = "\n".join([HEADER, *lines]).encode() + b"\n"
    answer = await system.office.post(
        "/api/v1/statements",
        files={"file": ("so-phu.csv", content, "text/csv")},
        data={"account": system.body.collection_code, "mapping": "lephi-basic"},
        headers={"Idempotency-Key": new_id("k")},
    )
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def asked_back(office: FinanceOffice, statement: dict[str, Any]) -> dict[str, Any]:
    path = f"/statements/{statement['id']}/withdraw"
    answer = await office.post(path, {"reason": "tệp mất hàng nghìn"})
    assert answer.status_code == 202, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def withdrawn(office: FinanceOffice, statement: dict[str, Any]) -> dict[str, Any]:
    """What withdrawing it did."""
    done = await office.approve(await asked_back(office, statement))
    outcome: dict[str, Any] = done["outcome"]
    return outcome


async def test_a_statement_that_lost_its_thousands_makes_way_for_the_right_one(
    system: System,
) -> None:
    office, bills = await finance_office(system), [await system.create_bill() for _ in range(2)]
    refs = [bank_ref() for _ in bills]
    told = list(zip(bills, refs, strict=True))
    wrong = await taken(system, *(line(5, bill["reference"], ref) for bill, ref in told))
    async with looking(system) as seen:
        await reconcile(system)
        asked = await asked_back(office, wrong)
        assert asked["figures"] == asked["figures"] | {"lines": 2, "credits": 10, "reversed": 10}
        outcome = (await office.approve(asked))["outcome"]
    assert (outcome["reversed"], outcome["settled"], outcome["settled_money"]) == (10, 0, [])
    assert outcome["days"] == [clock.business_date(clock.now()).isoformat()]
    assert seen[0].ledger == {"receivable": 10, "reversed": -10}
    assert await office.suspense() == []
    right = await taken(system, *(line(5000, bill["reference"], ref) for bill, ref in told))
    assert right["new"] == 2
    summary = (await reconcile(system))["summary"]
    assert summary["matched"] == {"count": 2, "sum": 10_000}
    assert summary["unknown_in_ledger"]["count"] == 0
    await release(system, right)
    assert [(await system.read(bill))["status"] for bill in bills] == ["paid"] * 2
    assert await system.broken() == []


async def test_what_a_bill_has_stays_and_is_listed(system: System) -> None:
    office, bill = await finance_office(system), await system.create_bill()
    own = line(7000, bill["reference"], bank_ref())
    wrong = await taken(system, own)
    await reconcile(system)
    await release(system, wrong)
    await system.work()
    outcome = await withdrawn(office, wrong)
    # What is over is left with what is settled: people see to both.
    assert (outcome["reversed"], outcome["settled"], outcome["bills"]) == (
        0,
        5000,
        [bill["reference"]],
    )
    (listed,) = outcome["settled_money"]
    assert (listed["bill"], listed["waiting"]) == (bill["reference"], 2000)
    assert len((await system.read(bill))["receipts"]) == 1
    again = await taken(system, own)
    assert (again["known"], again["new"]) == (False, 1)
    summary = (await reconcile(system))["summary"]
    assert summary["matched"] == {"count": 1, "sum": 7000}
    assert await system.broken() == []
    assert [one["reason"] for one in await office.suspense()] == ["excess"]


async def test_only_the_notices_of_money_that_goes_are_withdrawn(system: System) -> None:
    """The others would be entered twice by the next statement that tells of them."""
    office = await finance_office(system)
    bill, short = await system.create_bill(), await system.create_bill()
    stays, goes = bank_ref(), bank_ref()
    lines = (line(5000, bill["reference"], stays), line(3000, short["reference"], goes))
    wrong = await taken(system, *lines)
    await reconcile(system)
    await release(system, wrong)
    await system.work()
    outcome = await withdrawn(office, wrong)
    assert (outcome["reversed"], outcome["settled"]) == (3000, 5000)
    notice = (system.parts.database, "credit_notice", "plain_ref = :ref AND withdrawn_at IS NULL")
    assert (await count(*notice, ref=stays), await count(*notice, ref=goes)) == (1, 0)


async def test_what_a_bill_has_without_a_receipt_is_taken_back_and_the_bill_is_open(
    system: System,
) -> None:
    office, bill = await finance_office(system), await system.create_bill()
    async with looking(system) as seen:
        wrong = await taken(system, line(7000, bill["reference"], bank_ref()))
        await reconcile(system)
        await release(system, wrong)
        asked = await asked_back(office, wrong)
        assert asked["figures"] == asked["figures"] | {
            "reversed": 7000,
            "settled": 0,
            "reopened": [bill["reference"]],
            "bills": [],
        }
        outcome = (await office.approve(asked))["outcome"]
        assert (outcome["reversed"], outcome["settled_money"]) == (7000, [])
        await system.work()
    assert seen[0].ledger == {"receivable": 7000, "reversed": -7000}
    assert seen[0].allocated == [5000, -5000]
    found = await system.read(bill)
    assert (found["status"], found["receipts"], found["qr"] is not None) == ("open", [], True)
    right = await taken(system, line(5000, bill["reference"], bank_ref()))
    await reconcile(system)
    await release(system, right)
    await system.work()
    found = await system.read(bill)
    assert (found["status"], len(found["receipts"])) == ("paid", 1)
    assert await system.broken() == []


async def test_money_of_others_waits_for_the_rest_of_the_bill_again(system: System) -> None:
    office, bill = await finance_office(system), await system.create_bill()
    wrong = await taken(system, line(3000, bill["reference"], bank_ref()))
    await reconcile(system)
    await release(system, wrong)
    async with looking(system) as seen:
        await credit(system, 4000, bill["reference"], bank_ref=bank_ref())
        await withdrawn(office, wrong)
        assert (await system.read(bill))["status"] == "open"
    # What was over of it is needed now.
    assert ("suspense", "short", 4000) in merged(seen[0].waiting)
    await credit(system, 1000, bill["reference"], bank_ref=bank_ref())
    await system.work()
    assert len((await system.read(bill))["receipts"]) == 1
    assert await system.broken() == []


def merged(waiting: list[tuple[str, str, int]]) -> list[tuple[str, str, int]]:
    """What waits, by place and reason."""
    sums: dict[tuple[str, str], int] = {}
    for place, reason, amount in waiting:
        sums[place, reason] = sums.get((place, reason), 0) + amount
    return [(*where, amount) for where, amount in sums.items()]


async def test_what_was_paid_twice_pays_the_bill_when_the_first_was_none(system: System) -> None:
    office, bill = await finance_office(system), await system.create_bill()
    wrong = await taken(system, line(5000, bill["reference"], bank_ref()))
    await reconcile(system)
    await release(system, wrong)
    await credit(system, 5000, bill["reference"], bank_ref=bank_ref())
    assert [one["reason"] for one in await office.suspense()] == ["bill_already_paid"]
    await withdrawn(office, wrong)
    assert await office.suspense() == []
    await system.work()
    found = await system.read(bill)
    assert (found["status"], len(found["receipts"])) == ("paid", 1)
    assert await system.broken() == []


async def test_a_bill_that_only_such_money_had_made_is_cancelled(system: System) -> None:
    office = await finance_office(system)
    async with system.parts.database.transaction() as session:
        poster = await static_reference(session, system.body.agency_id, "chung-thuc-chu-ky")
    wrong = await taken(system, line(10_000, poster, bank_ref()))
    await reconcile(system)
    await release(system, wrong)
    await withdrawn(office, wrong)
    await system.work()
    listed = await system.client.get("/api/v1/bills")
    assert [(one["status"], one["receipts"]) for one in listed.json()["items"]] == [
        ("cancelled", [])
    ]
    assert await system.broken() == []


@pytest.mark.parametrize("held", [True, False], ids=["held", "not held"])
async def test_a_receipt_that_is_being_issued_keeps_its_money(
    system: System, monkeypatch: pytest.MonkeyPatch, *, held: bool
) -> None:
    """Where issuing does not hold the bill, which is the control, its receipt is of an open one."""
    office, bill = await finance_office(system), await system.create_bill()
    wrong = await taken(system, line(5000, bill["reference"], bank_ref()))
    await reconcile(system)
    await release(system, wrong)
    asked = await asked_back(office, wrong)
    approvals: list[asyncio.Task[httpx2.Response]] = []
    sources = list_receipt_sources

    async def and_approve(session: WriteSession, *given: Any) -> Any:
        found = await sources(session, *given)
        path = f"/approvals/{asked['id']}/approve"
        approvals.append(asyncio.create_task(office.post(path, by=office.chief)))
        if held:
            await until_someone_waits(system.parts.database)
        else:
            await asyncio.wait(approvals)
        return found

    async def nothing_is_held(*_: Any) -> list[Any]:
        return []

    monkeypatch.setattr(issuing, "list_receipt_sources", and_approve)
    if not held:
        monkeypatch.setattr(issuing, "lock_bills", nothing_is_held)
    await system.work()
    answer = await approvals[0]
    if held:
        problem(answer, 409, "stale")
        assert (await system.read(bill))["status"] == "paid"
        assert await system.broken() == []
    else:
        assert answer.status_code == 200
        broken = await system.broken()
        assert [line for line in broken if "only a settled bill has a receipt" in line]


async def test_money_that_a_feed_told_of_too_stays(system: System) -> None:
    office, bill, ref = await finance_office(system), await system.create_bill(), bank_ref()
    wrong = await taken(system, line(5000, bill["reference"], ref))
    await reconcile(system)
    await credit(system, 5000, bill["reference"], bank_ref=ref)
    async with looking(system) as seen:
        outcome = await withdrawn(office, wrong)
        assert (outcome["reversed"], outcome["settled"]) == (0, 0)
        await taken(system, line(5000, bill["reference"], ref))
        await reconcile(system)
    assert (seen[0].payments, seen[0].ledger) == ([], {})


async def test_a_line_that_another_statement_held_too_stands(system: System) -> None:
    office, bill = await finance_office(system), await system.create_bill()
    shared, own = line(5000, bill["reference"], bank_ref()), line(9000, "khac", bank_ref())
    first = await taken(system, shared, own)
    second = await taken(system, shared, line(8000, "khac nua", bank_ref()))
    assert second["new"] == 1
    assert (await reconcile(system))["summary"]["matched"]["count"] == 1
    assert (await withdrawn(office, first))["lines"] == 1
    summary = (await reconcile(system))["summary"]
    assert summary["matched"] == {"count": 1, "sum": 5000}
    assert summary["unknown_in_ledger"] == {"count": 1, "sum": 8000}
    assert (await withdrawn(office, second))["lines"] == 2
    assert (await reconcile(system))["summary"]["matched"]["count"] == 0
    assert await system.broken() == []


async def test_what_tells_of_other_money_keeps_none(system: System) -> None:
    """Nor does a statement that was withdrawn before: only what stands tells of anything."""
    office, bill = await finance_office(system), await system.create_bill()
    await credit(system, 8000, "tien cua nguoi khac", bank_ref=bank_ref())
    told = line(9000, bill["reference"], bank_ref())
    for _ in range(2):
        statement = await taken(system, told)
        await reconcile(system)
        assert (await withdrawn(office, statement))["reversed"] == 9000
    assert [one["amount"] for one in await office.suspense()] == [8000]


async def test_money_of_two_statements_goes_with_the_second(system: System) -> None:
    """The same credit in other words: while one of the two stands, it is somebody's money."""
    office, bill, ref = await finance_office(system), await system.create_bill(), bank_ref()
    statements = []
    for words in ("nop phi", "NOP PHI qua ngan hang"):
        statements.append(await taken(system, line(9000, f"{bill['reference']} {words}", ref)))
        await reconcile(system)
    assert [one["amount"] for one in await office.suspense()] == [9000]
    assert (await withdrawn(office, statements[0]))["reversed"] == 0
    assert (await withdrawn(office, statements[1]))["reversed"] == 9000
    assert await office.suspense() == []


async def test_a_statement_is_withdrawn_once_and_its_file_may_come_again(system: System) -> None:
    office, one = await finance_office(system), line(9000, "khac", bank_ref())
    statement = await taken(system, one)
    assert (await taken(system, one))["known"]
    await withdrawn(office, statement)
    path = f"/statements/{statement['id']}/withdraw"
    problem(await office.post(path, {"reason": "x"}), 409, "already_withdrawn")
    again = await taken(system, one)
    assert (again["known"], again["new"], again["id"] != statement["id"]) == (False, 1, True)
    problem(await office.post("/statements/stmt_khong/withdraw", {"reason": "x"}), 404)


async def test_figures_that_have_changed_are_not_approved(system: System) -> None:
    office, bill = await finance_office(system), await system.create_bill()
    statement = await taken(system, line(2000, bill["reference"], bank_ref()))
    asked = await asked_back(office, statement)
    await reconcile(system)
    answer = await office.post(f"/approvals/{asked['id']}/approve", by=office.chief)
    problem(answer, 409, "stale")


async def test_runs_beside_a_withdrawal_enter_nothing_of_its_lines(system: System) -> None:
    office = await finance_office(system)
    bills = [await system.create_bill() for _ in range(4)]
    statement = await taken(
        system, *(line(100 + n, bill["reference"], bank_ref()) for n, bill in enumerate(bills))
    )
    asked = await asked_back(office, statement)
    approving = office.post(f"/approvals/{asked['id']}/approve", by=office.chief)
    answer, *_ = await asyncio.gather(approving, *(reconcile(system) for _ in range(3)))
    if answer.status_code == 409:  # a run was first: what it entered is in the figures now
        why = {"reason": "hỏi lại"}
        await office.post(f"/approvals/{asked['id']}/reject", why, by=office.chief)
        await withdrawn(office, statement)
    assert await office.suspense() == []
    assert (await reconcile(system))["summary"]["unknown_in_ledger"]["count"] == 0
    assert await system.broken() == []


async def test_without_its_notices_withdrawn_the_right_file_would_stay_in_doubt(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the first test."""
    office, bill, ref = await finance_office(system), await system.create_bill(), bank_ref()
    wrong = await taken(system, line(5, bill["reference"], ref))
    await reconcile(system)

    async def nothing_happens(*_: Any, **__: Any) -> list[Any]:
        return []

    monkeypatch.setattr(withdrawing, "withdraw_stated_money", nothing_happens)
    await withdrawn(office, wrong)
    monkeypatch.undo()
    await taken(system, line(5000, bill["reference"], ref))
    await reconcile(system)
    assert (await system.read(bill))["status"] == "open"
