"""A day is settled by two people, closed by two people, and never changes after that."""

import asyncio
import hashlib
import io
import json
import shutil
import subprocess
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core import clock
from core.clock import VIETNAM
from payments.agencies.queries import find_collection_account
from payments.books.closed_days import close_day, lock_open_days
from tests.support.callbacks import credit
from tests.support.closing import (
    ask_to_close,
    close,
    discrepancies,
    reconcile_on,
    resolve,
    today,
)
from tests.support.locks import until_someone_waits
from tests.support.problems import problem
from tests.support.staff import finance_office, key_of_person
from tests.support.statements import reconcile, take_statement
from tests.support.system import System


async def test_an_open_discrepancy_keeps_the_day_open_until_it_is_resolved(system: System) -> None:
    office, bill = await finance_office(system), await system.create_bill()
    await credit(system, 5000, bill["reference"], bank_ref="FT26000001")
    await take_statement(
        system,
        f"5000|credit|{bill['reference']}|FT26000001",
        "7000|credit|tien khong ro|FT26000002",
    )
    run = await reconcile(system)
    refused = problem(await ask_to_close(office, run), 409, "open_discrepancies")
    (odd,) = await discrepancies(office, run)
    assert (odd["class"], odd["status"]) == ("unknown_in_ledger", "open")
    assert [one["field"] for one in refused["errors"]] == [odd["id"]]
    await resolve(office, odd, "suspense")
    run = await reconcile(system)
    told = await close(office, run)
    read = (await system.office.get(f"/api/v1/reconciliations/{run['id']}")).json()
    assert read["closed_at"] is not None
    assert told["approval"]["outcome"]["agrees"] is False  # the statement tells no balances
    assert await system.broken() == []


async def test_one_person_cannot_close_and_neither_can_another_clerk(system: System) -> None:
    office, run = await finance_office(system), await reconcile(system)
    assert (await ask_to_close(office, run)).status_code == 202
    problem(await ask_to_close(office, run), 409, "same_person")
    other = await key_of_person(system, "finance")
    problem(await ask_to_close(office, run, by=other), 403, "not_allowed")
    clerk = await key_of_person(system, "clerk")
    problem(await ask_to_close(office, run, by=clerk), 403, "not_allowed")
    both = await key_of_person(system, "finance", "chief")
    assert (await ask_to_close(office, run, by=both)).status_code == 200


async def test_figures_that_changed_since_are_stale(system: System) -> None:
    office, run = await finance_office(system), await reconcile(system)
    assert (await ask_to_close(office, run)).status_code == 202
    bill = await system.create_bill()
    await credit(system, 5000, bill["reference"], bank_ref="FT26000003")
    problem(await ask_to_close(office, run, by=office.chief), 409, "stale")
    assert (await system.office.get(f"/api/v1/reconciliations/{run['id']}")).json()[
        "closed_at"
    ] is None


async def test_a_run_that_misses_money_is_refused_and_names_it(system: System) -> None:
    office, run = await finance_office(system), await reconcile(system)
    bill = await system.create_bill()
    await credit(system, 5000, bill["reference"], bank_ref="FT26000004")
    payment = (await system.read(bill))["payments"][0]["id"]
    refused = problem(await ask_to_close(office, run), 409, "totals_differ")
    assert [one["field"] for one in refused["errors"]] == [payment]


async def test_a_superseded_run_is_not_closed(system: System) -> None:
    office, run = await finance_office(system), await reconcile(system)
    await reconcile(system)
    problem(await ask_to_close(office, run), 409, "superseded")


async def test_days_are_closed_in_order(system: System) -> None:
    office = await finance_office(system)
    now = date.fromisoformat(today())
    before = (now - timedelta(days=3)).isoformat()
    await close(office, (await reconcile_on(system, before)).json())
    run = await reconcile(system)
    problem(await ask_to_close(office, run), 409, "day_before_open")
    for days in (2, 1):
        day = (now - timedelta(days=days)).isoformat()
        await close(office, (await reconcile_on(system, day)).json())
    await close(office, run)
    assert await system.broken() == []


async def test_money_and_lines_that_come_later_count_for_the_first_open_day(
    system: System,
) -> None:
    office, bill = await finance_office(system), await system.create_bill()
    await close(office, await reconcile(system))
    tomorrow = date.fromisoformat(today()) + timedelta(days=1)
    await credit(system, 5000, bill["reference"], bank_ref="FT26000005")
    await take_statement(system, f"5000|credit|{bill['reference']}|FT26000005")
    async with system.parts.database.transaction() as session:
        days = await session.execute(
            text(
                "SELECT p.accounting_on, t.accounting_on, l.accounting_on FROM payment p"
                " JOIN ledger_transaction t ON t.payment_id = p.id CROSS JOIN late_line l"
            )
        )
        assert {tuple(row) for row in days} == {(tomorrow, tomorrow, tomorrow)}
    assert (await system.read(bill))["status"] == "paid"
    again = await reconcile_on(system, today())
    assert again.status_code == 201, again.text
    told = again.json()
    assert told["closed_at"] is not None
    assert told["difference_count"] == 2
    assert {one["change"] for one in told["differences"]} == {"new"}
    assert {one["place"] for one in told["differences"]} == {"matched"}
    problem(await ask_to_close(office, told), 409, "day_closed")
    await system.work()
    assert await system.broken() == []


CHANGES = {
    "a payment's day": "UPDATE payment SET accounting_on = accounting_on - 1 WHERE credited > 0",
    "a payment's amount": "UPDATE payment SET credited = credited + 1 WHERE credited > 0",
    "a match": "DELETE FROM match",
    "a match's amount": "UPDATE match SET amount = amount + 1",
    "a discrepancy": "UPDATE discrepancy SET amount = amount + 1",
    "a discrepancy gone": "DELETE FROM discrepancy",
    "a case": "UPDATE discrepancy_case SET reason = 'khác'",
    "a run": "UPDATE reconciliation SET summary = '{}'",
    "a line": "UPDATE statement_line SET amount = amount + 1",
    "a closed day": "DELETE FROM closed_day",
    "minutes": "UPDATE day_minutes SET hash = ''",
}


async def test_the_database_refuses_to_change_a_closed_day(system: System) -> None:
    office, bill = await finance_office(system), await system.create_bill()
    await credit(system, 5000, bill["reference"], bank_ref="FT26000006")
    await take_statement(
        system,
        f"5000|credit|{bill['reference']}|FT26000006",
        "7000|credit|khong ro|FT26000007",
    )
    run = await reconcile(system)
    for odd in await discrepancies(office, run):
        await resolve(office, odd, "accept")
    for name, change in CHANGES.items():
        if name not in ADDED_BY_CLOSING:  # an open day can be changed
            await try_change(system, change)
    await close(office, run)
    for change in CHANGES.values():
        with pytest.raises(DBAPIError, match=r"closed day|only ever added"):
            await try_change(system, change)


ADDED_BY_CLOSING = {"a closed day", "minutes"}


class _Undone(Exception):
    pass


async def try_change(system: System, change: str) -> None:
    """Make a change of some rows and take it back."""
    try:
        async with system.parts.database.transaction() as session:
            done = await session.execute(text(change))
            assert done.rowcount > 0  # type: ignore[attr-defined]
            raise _Undone
    except _Undone:
        return


async def test_money_for_a_closed_day_is_refused_by_the_database_too(system: System) -> None:
    office, bill = await finance_office(system), await system.create_bill()
    await credit(system, 5000, bill["reference"], bank_ref="FT26000008")
    await close(office, (await reconcile_on(system, yesterday())).json())
    with pytest.raises(Exception, match=r"bận|has been closed"):
        async with system.parts.database.transaction() as session:
            await session.execute(
                text(f"UPDATE payment SET accounting_on = '{yesterday()}' WHERE credited > 0")
            )


def yesterday() -> str:
    return (clock.business_date(clock.now()) - timedelta(days=1)).isoformat()


async def test_money_that_comes_while_the_day_is_being_closed_waits_and_counts_for_the_next(
    system: System,
) -> None:
    bill, run = await system.create_bill(), await reconcile(system)
    database = system.parts.database
    now = date.fromisoformat(today())
    async with database.transaction() as session:
        account = await find_collection_account(session, system.body.collection_code)
        assert account is not None
        await lock_open_days(session, account.id)
        await close_day(session, account.id, now, run["id"], clock.now())
        # It has looked already, and seen the day open.
        coming = asyncio.create_task(credit(system, 5000, bill["reference"], bank_ref="FT26000011"))
        await until_someone_waits(database)
    await coming
    async with database.transaction() as session:
        days = await session.scalars(text("SELECT accounting_on FROM payment"))
        assert list(days) == [now + timedelta(days=1)]


async def test_without_the_guards_it_would_count_for_the_closed_day(system: System) -> None:
    """The negative control of the test above."""
    bill, run = await system.create_bill(), await reconcile(system)
    database = system.parts.database
    now = date.fromisoformat(today())
    async with database.transaction() as session:
        for table in ("payment", "ledger_transaction"):
            await session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER open_day"))
    async with database.transaction() as session:
        account = await find_collection_account(session, system.body.collection_code)
        assert account is not None
        await lock_open_days(session, account.id)
        await close_day(session, account.id, now, run["id"], clock.now())
        await credit(system, 5000, bill["reference"], bank_ref="FT26000012")
    async with database.transaction() as session:
        days = await session.scalars(text("SELECT accounting_on FROM payment"))
        assert list(days) == [now]


async def test_a_statement_of_a_closed_day_is_not_withdrawn(system: System) -> None:
    office, bill = await finance_office(system), await system.create_bill()
    await credit(system, 5000, bill["reference"], bank_ref="FT26000010")
    taken = await take_statement(system, f"5000|credit|{bill['reference']}|FT26000010")
    path = f"/statements/{taken['id']}/withdraw"
    asked = await office.post(path, {"reason": "thử"})
    assert asked.status_code == 202, asked.text
    await close(office, await reconcile(system))
    refused = await office.post(f"/approvals/{asked.json()['id']}/approve", by=office.chief)
    problem(refused, 409, "stale")
    again = await office.post(f"/approvals/{asked.json()['id']}/reject", {"reason": "đã khóa"})
    assert again.status_code == 200, again.text
    problem(await office.post(path, {"reason": "thử"}), 409, "day_closed")


async def test_minutes_are_signed_frozen_and_chained(system: System, tmp_path: Path) -> None:
    office, bill = await finance_office(system), await system.create_bill()
    first = await close(office, (await reconcile_on(system, yesterday())).json())
    await credit(system, 5000, bill["reference"], bank_ref="FT26000009")
    await take_statement(system, f"5000|credit|{bill['reference']}|FT26000009")
    run = await reconcile(system)
    told = await close(office, run)
    files = {}
    for kind in ("pdf", "xlsx"):
        path = f"/api/v1/reconciliations/{run['id']}/minutes.{kind}"
        one = await system.browser.get(path, headers=office.clerk)
        two = await system.browser.get(path, headers=office.chief)
        assert one.status_code == 200, one.text
        assert one.content == two.content
        files[kind] = one.content
    async with system.parts.database.transaction() as session:
        rows = await session.execute(
            text("SELECT content, hash FROM day_minutes ORDER BY business_on")
        )
        (content, before), (after, digest) = rows.all()
    assert hashlib.sha256(bytes(content)).hexdigest() == before
    assert hashlib.sha256(bytes(after)).hexdigest() == digest
    assert before in bytes(after).decode()
    assert told["approval"]["outcome"]["hash"] == digest
    assert first["approval"]["outcome"]["hash"] == before
    assert files["pdf"].startswith(b"%PDF-")
    book = CalamineWorkbook.from_filelike(io.BytesIO(files["xlsx"]))
    facts = {row[0]: row[1] for row in book.get_sheet_by_name("Biên bản").to_python()}
    proposed = datetime.fromisoformat(json.loads(bytes(after))["proposed"]["at"])
    assert f"{proposed.astimezone(VIETNAM):%H:%M:%S %d/%m/%Y}" in str(facts["Người lập"])
    signed = tmp_path / "minutes.pdf"
    signed.write_bytes(files["pdf"])
    if shutil.which("pdfsig") is None:
        pytest.skip("pdfsig (poppler-utils) is not installed")
    said = await asyncio.to_thread(said_by_pdfsig, signed)
    assert "Signature is Valid" in said
    assert "Total document signed" in said


def said_by_pdfsig(signed: Path) -> str:
    done = subprocess.run(
        ["pdfsig", "-nocert", str(signed)], capture_output=True, text=True, check=False
    )
    return done.stdout
