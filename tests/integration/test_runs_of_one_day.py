"""Several runs of one day: whoever reads one learns of the one that stands, and none is stale."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from reconciliation.days import commands
from tests.support.callbacks import credit
from tests.support.statements import reconcile, release, take_statement
from tests.support.system import System


async def test_six_runs_at_once_say_the_same_and_one_stands(system: System) -> None:
    bills = [await system.create_bill() for _ in range(3)]
    told = (f"5000|credit|nop {bill['reference']}|FT26{n}777" for n, bill in enumerate(bills))
    statement = await take_statement(system, *told)
    runs = await asyncio.gather(*(reconcile(system) for _ in range(6)))
    for one in runs:
        assert one["summary"]["matched"] == {"count": 3, "sum": 15_000}
        assert one["summary"]["unknown_in_ledger"]["count"] == 0
    await release(system, statement)
    assert [(await system.read(bill))["status"] for bill in bills] == ["paid"] * 3
    read = [
        (await system.office.get(f"/api/v1/reconciliations/{one['id']}")).json() for one in runs
    ]
    (standing,) = [one["id"] for one in read if one["superseded_by"] is None]
    assert {one["superseded_by"] for one in read} == {None, standing}
    assert await system.broken() == []


async def test_a_run_whose_books_changed_is_made_again(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = [await system.create_bill() for _ in range(2)]
    await credit(system, 5000, first["reference"], bank_ref="FT26001")
    await take_statement(system, f"5000|credit|{first['reference']}|FT26001")
    match, changed = commands._match, False

    async def and_money_comes(*given: Any) -> Any:
        nonlocal changed
        result = await match(*given)
        if not changed:
            changed = True
            await credit(system, 5000, second["reference"], bank_ref="FT26002")
        return result

    monkeypatch.setattr(commands, "_match", and_money_comes)
    summary = (await reconcile(system))["summary"]
    assert (summary["matched"]["count"], summary["expected"]["count"]) == (1, 1)


async def test_a_day_that_never_comes_to_rest_is_stored_all_the_same(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await system.create_bill()
    await credit(system, 5000, first["reference"], bank_ref="FT26001")
    await take_statement(system, f"5000|credit|{first['reference']}|FT26001")
    match, ran = commands._match, 0

    async def and_money_comes(*given: Any) -> Any:
        nonlocal ran
        ran += 1
        result = await match(*given)
        await credit(system, 5000, (await system.create_bill())["reference"])
        return result

    monkeypatch.setattr(commands, "_match", and_money_comes)
    summary = (await reconcile(system))["summary"]
    assert summary["matched"]["count"] == 1
    assert ran == commands._TRIES


async def test_without_the_look_at_the_books_a_run_would_be_stale(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the tests above."""
    bill = await system.create_bill()
    await take_statement(system, f"5000|credit|{bill['reference']}|FT26003")

    async def unchanged(session: Any, account: Any, on: Any) -> Any:
        return seen[-1]

    seen: list[Any] = []
    state_of = commands._state_of

    def noted(*given: Any) -> Any:
        seen.append(state_of(*given))
        return seen[-1]

    async def nothing(*given: Any, **named: Any) -> int:
        return 0

    monkeypatch.setattr(commands, "_state_now", unchanged)
    monkeypatch.setattr(commands, "_state_of", noted)
    match = commands._match

    async def and_another_run(*given: Any) -> Any:
        result = await match(*given)
        monkeypatch.setattr(commands, "_match", match)
        await reconcile(system)
        monkeypatch.setattr(commands, "_record_unmatched", nothing)
        return result

    monkeypatch.setattr(commands, "_match", and_another_run)
    summary = (await reconcile(system))["summary"]
    assert summary["unknown_in_ledger"]["count"] == 1
    async with system.parts.database.transaction() as session:
        standing = await session.scalar(
            text("SELECT count(*) FROM reconciliation WHERE superseded_by IS NULL")
        )
    assert standing == 1


async def test_a_credit_and_its_reversal_on_a_statement_pay_nothing(system: System) -> None:
    bill = await system.create_bill()
    await take_statement(
        system,
        f"5000|credit|{bill['reference']} nop phi|FT58675382",
        f"5000|debit|HOAN TRA {bill['reference']}|FT58675382",
    )
    summary = (await reconcile(system))["summary"]
    assert summary["reversed"] == {"count": 1, "sum": 5000}
    assert summary["matched"]["count"] == summary["unknown_in_ledger"]["count"] == 0
    await system.work()
    found = await system.read(bill)
    assert (found["status"], found["receipts"]) == ("open", [])
