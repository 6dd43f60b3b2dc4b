"""A day is called khớp only where the bank's balances go from its beginning to its end."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from core.ids import new_id
from tests.support.callbacks import credit
from tests.support.closing import (
    ask_to_close,
    close,
    discrepancies,
    reconcile_on,
    resolve,
    today,
)
from tests.support.problems import problem
from tests.support.staff import finance_office
from tests.support.statements import reconcile, take_statement
from tests.support.system import System


async def a_settled_day(system: System, opening: str, closing: str) -> dict[str, Any]:
    """A paid bill and the evening sweep, on a statement with these balances; the run."""
    bill = await system.create_bill()
    await credit(system, 5000, bill["reference"], bank_ref="FT26100001")
    await take_statement(
        system,
        f"5000|credit|{bill['reference']}|FT26100001",
        "3000|debit|KET CHUYEN|FT26100002",
        balances=(opening, closing),
    )
    return await reconcile(system)


async def last_payment(system: System) -> str:
    async with system.parts.database.transaction() as session:
        found: str = await session.scalar(text("SELECT max(id) FROM payment"))
    return found


async def minutes_of(system: System, run: dict[str, Any]) -> dict[str, Any]:
    async with system.parts.database.transaction() as session:
        content = await session.scalar(
            text("SELECT content FROM day_minutes WHERE reconciliation_id = :run"),
            {"run": run["id"]},
        )
    found: dict[str, Any] = json.loads(bytes(content or b""))
    return found


async def test_a_day_whose_balances_go_together_agrees(system: System) -> None:
    office = await finance_office(system)
    run = await a_settled_day(system, "100.000", "102.000")
    told = await close(office, run)
    assert told["approval"]["outcome"]["agrees"] is True
    minutes = await minutes_of(system, run)
    assert minutes["balances"] == {"opening": 100_000, "closing": 102_000}
    assert (minutes["lines"]["credits"], minutes["lines"]["debits"]) == (5000, 3000)
    assert sum(fee["amount"] for fee in minutes["fees"]) == 5000
    assert minutes["places"] == [{"place": "allocated", "reason": "", "count": 1, "amount": 5000}]


async def test_a_payment_that_went_back_counts_no_longer_as_allocated(system: System) -> None:
    office = await finance_office(system)
    await credit(system, 5000, (await system.create_bill())["reference"], bank_ref="FT26100001")
    payment = await last_payment(system)
    asked = await office.post(
        f"/payments/{payment}/refunds", {"amount": 5000, "reason": "rút hồ sơ"}
    )
    await office.approve({"id": asked.json()["approval"]})
    await take_statement(
        system,
        "5000|credit|NOP TIEN|FT26100001",
        f"5000|debit|hoan tra {asked.json()['reference']}|FT26100002",
        balances=("0", "0"),
    )
    run = await reconcile(system)
    await close(office, run)
    assert (await minutes_of(system, run))["places"] == [
        {"place": "allocated", "reason": "", "count": 0, "amount": 0},
        {"place": "paid_back", "reason": "refund_wanted", "count": 1, "amount": 5000},
    ]


async def test_statements_without_times_follow_each_other_by_their_balances(
    system: System,
) -> None:
    office = await finance_office(system)
    async with system.parts.database.transaction() as session:
        number = await session.scalar(text("SELECT account_number FROM collection_account"))
    day = f"{date.fromisoformat(today()):%y%m%d}"
    # Money that leaves, so that nothing of it waits for anybody; the later one is longer.
    for name, opening, closing, amounts in (("A", 1100, 1093, [7]), ("B", 1093, 1070, [20, 3])):
        lines = "".join(f":61:{day}D{one},NTRFNONREF//FT{one}\n" for one in amounts)
        told = (
            f":20:{name}\n:25:{number}\n:28C:1/1\n:60F:C{day}VND{opening},\n{lines}"
            f":62F:C{day}VND{closing},\n-\n"
        )
        taken = await system.office.post(
            "/api/v1/statements",
            files={"file": (f"{name}.sta", told.encode(), "text/plain")},
            data={"account": system.body.collection_code, "mapping": "mt940"},
            headers={"Idempotency-Key": new_id("k")},
        )
        assert taken.status_code == 201, taken.text
    run = await reconcile(system)
    await close(office, run)
    assert (await minutes_of(system, run))["balances"] == {"opening": 1100, "closing": 1070}


async def test_a_closing_balance_that_does_not_follow_is_refused(system: System) -> None:
    office = await finance_office(system)
    run = await a_settled_day(system, "100.000", "102.001")
    refused = problem(await ask_to_close(office, run), 409, "totals_differ")
    assert "closing_balance" in {one["field"] for one in refused["errors"]}
    assert "102.001" in str(refused["errors"])


async def test_without_the_equation_a_wrong_balance_would_be_called_khop(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the test above."""
    office = await finance_office(system)
    run = await a_settled_day(system, "100.000", "102.001")
    monkeypatch.setattr("reconciliation.days.control_totals._balance_faults", lambda *given: [])
    assert (await ask_to_close(office, run)).status_code == 202


async def test_the_next_day_begins_where_the_day_before_ended(system: System) -> None:
    """The day before is closed by hand, as if its statement had told another balance."""
    office = await finance_office(system)
    before = (date.fromisoformat(today()) - timedelta(days=1)).isoformat()
    run = await a_settled_day(system, "100.000", "102.000")
    empty = await reconcile_before(system, before)
    await close(office, empty)
    assert (await minutes_of(system, empty))["balances"] == {"opening": None, "closing": None}
    told = await close(office, run)
    assert told["approval"]["outcome"]["agrees"] is True
    late = await system.create_bill()
    # A line of a closed day explains the difference to the balance of before.
    await take_statement(system, f"5000|credit|{late['reference']}|FT26100003")
    tomorrow = (date.fromisoformat(today()) + timedelta(days=1)).isoformat()
    async with system.parts.database.transaction() as session:
        days = await session.scalars(text("SELECT accounting_on FROM late_line"))
        assert [day.isoformat() for day in days] == [tomorrow]


async def reconcile_before(system: System, day: str) -> dict[str, Any]:
    answer = await reconcile_on(system, day)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_what_is_accepted_stands_in_the_minutes(system: System) -> None:
    office = await finance_office(system)
    await take_statement(system, "7000|credit|khong ro|FT26100004")
    run = await reconcile(system)
    (odd,) = await discrepancies(office, run)
    await resolve(office, odd, "accept")
    await close(office, run)
    minutes = await minutes_of(system, run)
    (item,) = minutes["items"]
    assert (item["id"], item["resolution"], item["amount"]) == (odd["id"], "accept", 7000)
    assert minutes["resolved"] == [
        {"kind": "unknown_in_ledger", "resolution": "accept", "count": 1, "sum": 7000}
    ]


async def test_what_was_resolved_before_the_last_run_stands_in_the_minutes(system: System) -> None:
    office = await finance_office(system)
    bill = await system.create_bill()
    await take_statement(system, f"{bill['amount']}|credit|khong ro|FT26100005")
    (odd,) = await discrepancies(office, await reconcile(system))
    await resolve(office, odd, "assign", bill=bill["reference"])
    run = await reconcile(system)
    assert await discrepancies(office, run) == []
    await close(office, run)
    minutes = await minutes_of(system, run)
    (item,) = minutes["items"]
    assert (item["id"], item["resolution"], item["amount"]) == (
        *(odd["id"], "assign", bill["amount"]),
    )
    assert [one["count"] for one in minutes["resolved"]] == [1]
