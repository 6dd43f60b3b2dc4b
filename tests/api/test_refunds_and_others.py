"""Refunds while something else happens to their money: a withdrawal, an assignment, a closing."""

import asyncio

import pytest
from sqlalchemy import text

from core import clock
from payments.books.commands import lock_notices_of
from payments.refunds.commands import Debit, close_by_debits
from reconciliation.days import commands as reconciling
from tests.api.test_approvals import bank_ref
from tests.api.test_refunds import approved, asked, paid, payment_of, read
from tests.api.test_working_discrepancies import unknown_line
from tests.integration.test_money_rooms import account_of
from tests.support.callbacks import credit
from tests.support.locks import until_someone_waits
from tests.support.problems import problem
from tests.support.staff import finance_office
from tests.support.statements import reconcile, release, take_statement
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: For tests that need a system to themselves.
alone = pytest.mark.asyncio(loop_scope="function")


async def test_a_debit_that_names_two_refunds_proves_neither(shared_system: System) -> None:
    system = shared_system
    office = await finance_office(system)
    refunds = [await approved(office, await asked(office, await paid(system), 5000)) for _ in "ab"]
    named = " ".join(one["reference"] for one in refunds)
    await take_statement(system, f"5000|debit|tra {named}|{bank_ref()}")
    await reconcile(system)
    assert [(await read(office, one))["status"] for one in refunds] == ["approved"] * 2


@alone
async def test_what_was_asked_back_of_money_that_was_none_can_be_rejected(system: System) -> None:
    office, bill = await finance_office(system), await system.create_bill()
    taken = await take_statement(system, f"5000|credit|{bill['reference']}|{bank_ref()}")
    await reconcile(system)
    await release(system, taken)
    payment = await payment_of(system, bill)
    refunds = [await asked(office, payment, part) for part in (2000, 3000)]
    withdrawal = await office.post(f"/statements/{taken['id']}/withdraw", {"reason": "nhầm tệp"})
    done = await office.approve(withdrawal.json())
    assert done["outcome"]["reversed"] == 5000
    assert await system.broken() == []
    for refund in refunds:
        problem(
            await office.post(f"/approvals/{refund['approval']}/approve", by=office.chief),
            409,
            "stale",
        )
        rejected = await office.post(
            f"/approvals/{refund['approval']}/reject", {"reason": "tiền không có"}, by=office.chief
        )
        assert rejected.status_code == 200, rejected.text
        assert (await read(office, refund))["status"] == "rejected"
    assert await system.broken() == []


async def test_money_that_went_to_a_bill_meanwhile_is_not_given_back_unseen(
    shared_system: System,
) -> None:
    system = shared_system
    office, bill = await finance_office(system), await system.create_bill()
    await credit(system, 5000, "chuyen tien", bank_ref=bank_ref())
    (item,) = [one for one in await office.suspense() if one["reason"] == "no_reference"][-1:]
    refund = await asked(office, {"id": item["payment"]}, 5000)
    await office.approve(await office.propose(item["id"], "assign", bill=bill["reference"]))
    assert (await system.read(bill))["status"] == "paid"
    problem(
        await office.post(f"/approvals/{refund['approval']}/approve", by=office.chief), 409, "stale"
    )


@alone
async def test_a_debit_whose_statement_is_withdrawn_meanwhile_proves_nothing(
    system: System,
) -> None:
    """A run has read its lines before, and closes refunds afterwards."""
    office, account = await finance_office(system), await account_of(system)
    refund = await approved(office, await asked(office, await paid(system), 5000))
    taken = await take_statement(system, f"5000|debit|tra {refund['reference']}|{bank_ref()}")
    parts, on = system.parts.reconciling, clock.business_date(clock.now())
    lines = (await reconciling.read_day(parts, account, on)).lines
    asked_for = await office.post(f"/statements/{taken['id']}/withdraw", {"reason": "nhầm tệp"})
    await office.approve(asked_for.json())
    await reconciling._close_refunds(parts, account, lines, actor="test")
    assert (await read(office, refund))["status"] == "approved"
    again = await take_statement(system, f"5000|debit|tra {refund['reference']}|{bank_ref()}")
    assert again["id"] != taken["id"]
    lines = (await reconciling.read_day(parts, account, on)).lines
    await reconciling._close_refunds(parts, account, lines, actor="test")
    assert (await read(office, refund))["status"] == "succeeded"
    assert await system.broken() == []


@alone
async def test_money_of_a_line_that_is_withdrawn_meanwhile_does_not_enter_the_books(
    system: System,
) -> None:
    office, account = await finance_office(system), await account_of(system)
    _, odd = await unknown_line(office)
    path = f"/discrepancies/{odd['id']}/resolutions"
    kept = (await office.post(path, {"kind": "suspense", "reason": "chờ"})).json()
    database = system.parts.database
    async with database.transaction() as session:
        await lock_notices_of(session, account.id)
        deciding = asyncio.create_task(
            office.post(f"/approvals/{kept['id']}/approve", by=office.chief)
        )
        await until_someone_waits(database)
        await session.execute(text("UPDATE statement_line SET withdrawn_at = now()"))
    problem(await deciding, 409, "stale")
    async with database.transaction() as session:
        assert await session.scalar(text("SELECT count(*) FROM payment")) == 0


@alone
@pytest.mark.parametrize("deed", ["sent", "debit"])
async def test_whoever_changes_a_refund_waits_for_its_payment_before_it_has_the_refund(
    system: System, deed: str
) -> None:
    """Who decides about a refund has its payment first: the other way round both would wait."""
    office, account = await finance_office(system), await account_of(system)
    refund = await approved(office, await asked(office, await paid(system), 5000))
    database, on = system.parts.database, clock.business_date(clock.now())
    debit = Debit("line_x", 5000, [refund["reference"]], "", on)

    async def close() -> None:
        async with database.transaction() as session:
            await close_by_debits(session, account.id, [debit], actor="test")

    async def send() -> None:
        await office.post(f"/refunds/{refund['id']}/sent", {})

    async with database.transaction() as session:
        await session.execute(
            text("SELECT id FROM payment WHERE id = :id FOR UPDATE"), {"id": refund["payment"]}
        )
        other = asyncio.create_task(close() if deed == "debit" else send())
        await until_someone_waits(database)
        await session.execute(
            text("SELECT id FROM refund WHERE id = :id FOR UPDATE NOWAIT"), {"id": refund["id"]}
        )
    await other
    assert (await read(office, refund))["status"] == ("succeeded" if deed == "debit" else "unknown")


@alone
async def test_a_receipt_that_is_issued_after_the_refund_says_so_too(system: System) -> None:
    """Events are handled in any order: here the bill's is set aside while the refund's is done."""
    office, bill = await finance_office(system), await system.create_bill()
    await credit(system, 5000, bill["reference"], bank_ref=bank_ref())
    moved = "UPDATE outbox_delivery SET state = :state WHERE state <> 'done'"
    database = system.parts.database
    async with database.transaction() as session:
        await session.execute(text(moved), {"state": "set_aside"})
    payment = await payment_of(system, bill)
    refund = await approved(office, await asked(office, payment, 5000))
    await take_statement(system, f"5000|debit|tra {refund['reference']}|{bank_ref()}")
    await reconcile(system)
    await system.work()
    assert (await system.read(bill))["receipts"] == []
    async with database.transaction() as session:
        await session.execute(text(moved), {"state": "waiting"})
    await system.work()
    (receipt,) = (await system.read(bill))["receipts"]
    assert receipt["status"] == "refunded"
    assert await system.broken() == []
