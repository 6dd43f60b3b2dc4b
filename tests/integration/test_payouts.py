"""A batch that a gateway pays over: gross out of transit, the fee posted, the credit net."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import select

from app.invariants import look
from core.ids import new_id
from reconciliation.models import StatementLine
from tests.support.callbacks import credit
from tests.support.places import looking
from tests.support.problems import problem
from tests.support.settlements import (
    ask_payout,
    in_transit,
    new_batch,
    paid_at_gateway,
    pay_over,
    settled,
    take_settlement,
    undo_payout,
)
from tests.support.staff import FinanceOffice, finance_office
from tests.support.statements import reconcile, take_statement
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def batch_of(system: System, payments: int = 2, fee: int = 55) -> tuple[str, int]:
    """A batch of payments that PayGov settles, and its net."""
    batch = new_batch()
    numbers = await paid_at_gateway(system, payments)
    rows = [settled(batch, number, 5000, fee) for number in numbers]
    assert (await take_settlement(system, *rows)).status_code == 201
    return batch, payments * (5000 - fee)


async def credited(system: System, office: FinanceOffice, amount: int) -> str:
    """A transfer that a feed tells of and that nobody knows; its payment."""
    before = {one["id"] for one in await office.suspense()}
    await credit(system, amount, "CK DEN", bank_ref=new_id("ft"))
    (item,) = [one for one in await office.suspense(limit="100") if one["id"] not in before]
    return str(item["payment"])


async def line_of(system: System, amount: int, words: str) -> tuple[str, dict[str, dict[str, int]]]:
    """A credit that only a statement tells of: its line, and the run that calls it unknown."""
    await take_statement(system, f"{amount}|credit|{words}|{new_id('f')}")
    run = await reconcile(system)
    path = f"/api/v1/reconciliations/{run['id']}/discrepancies?limit=1000"
    odd = (await system.office.get(path)).json()["items"]
    (line,) = [
        one["object"]
        for one in odd
        if one["class"] == "unknown_in_ledger" and one["amount"] == amount
    ]
    return line, run["summary"]


async def test_a_credit_of_a_feed_clears_its_batch_gross_with_the_fee_posted(
    shared_system: System,
) -> None:
    system, office = shared_system, await finance_office(shared_system)
    batch, net = await batch_of(system)
    payment = await credited(system, office, net)
    before = await in_transit(system)
    async with looking(system) as seen:
        done = await pay_over(office, payment, batch)
    assert seen[0].ledger == {"suspense": 9890, "in_transit": -10_000, "gateway_fee": 110}
    assert seen[0].waiting == [("in_transit", "settled_by_gateway", 9890)]
    assert await in_transit(system) == before - 10_000
    told = {name: done["outcome"][name] for name in ("cleared", "fee", "credited", "payment")}
    assert told == {"cleared": 10_000, "fee": 110, "credited": 9890, "payment": payment}
    assert [one for one in await office.suspense(limit="100") if one["payment"] == payment] == []
    listed = await system.office.get(
        "/api/v1/settlements/batches", params={"gateway": "paygov/test", "limit": 1000}
    )
    (own,) = [one for one in listed.json()["items"] if one["batch_ref"] == batch]
    assert (own["gross"], own["fee"], own["net"]) == (10_000, 110, 9890)
    assert own["payout"] == done["outcome"]["payout"]


async def test_it_is_undone_by_a_posting_of_its_own_and_may_be_done_again(
    shared_system: System,
) -> None:
    system, office = shared_system, await finance_office(shared_system)
    batch, net = await batch_of(system)
    payment = await credited(system, office, net)
    before = await in_transit(system)
    async with looking(system) as seen:
        done = await pay_over(office, payment, batch)
        payout = done["outcome"]["payout"]
        await undo_payout(office, payout)
    assert seen[0].ledger == {}
    assert seen[0].waiting == [("suspense", "gateway_settlement", net)]
    assert await in_transit(system) == before
    again = await office.post(f"/settlements/payouts/{payout}/undo", {"reason": "lần nữa"})
    problem(again, 409, "already_undone")
    async with looking(system) as seen:
        await pay_over(office, payment, batch)
    assert seen[0].ledger == {"suspense": net, "in_transit": -10_000, "gateway_fee": 110}


async def test_a_line_of_a_statement_alone_is_recorded_and_cleared(shared_system: System) -> None:
    system, office = shared_system, await finance_office(shared_system)
    batch, net = await batch_of(system, fee=41)
    line, summary = await line_of(system, net, "GD CHUYEN TIEN")
    async with looking(system) as seen:
        done = await pay_over(office, line, batch)
    assert seen[0].payments == [(net, False)]
    assert seen[0].ledger == {"receivable": net, "in_transit": -10_000, "gateway_fee": 82}
    run = await reconcile(system)
    assert run["summary"]["batch"]["count"] == summary["batch"]["count"] + 1
    assert run["summary"]["batch"]["sum"] == summary["batch"]["sum"] + net
    odd = await system.office.get(
        f"/api/v1/reconciliations/{run['id']}/discrepancies", params={"limit": 1000}
    )
    assert line not in odd.text
    assert done["outcome"]["payment"] not in odd.text
    matches = await system.office.get(
        f"/api/v1/reconciliations/{run['id']}/matches", params={"limit": 1000}
    )
    (own,) = [one for one in matches.json()["items"] if one["line"] == line]
    assert own["rule"] == "batch"


async def test_a_statement_whose_line_brought_a_batch_is_withdrawn_after_that_is_undone(
    shared_system: System,
) -> None:
    system, office = shared_system, await finance_office(shared_system)
    batch, net = await batch_of(system, fee=43)
    taken = await take_statement(system, f"{net}|credit|GD|{new_id('f')}")
    await reconcile(system)
    async with system.parts.database.reading() as session:
        line = await session.first(
            select(StatementLine.id).where(StatementLine.statement_id == taken["id"])
        )
    done = await pay_over(office, str(line), batch)
    path = f"/statements/{taken['id']}/withdraw"
    problem(await office.post(path, {"reason": "sai tệp"}), 409, "batch_paid")
    await undo_payout(office, done["outcome"]["payout"])
    asked = await office.post(path, {"reason": "sai tệp"})
    assert asked.status_code == 202, asked.text
    await office.approve(asked.json())
    assert await system.broken() == []


async def test_what_goes_back_counts_against_the_batch_and_is_no_payment(
    shared_system: System,
) -> None:
    system, office = shared_system, await finance_office(shared_system)
    batch = new_batch()
    numbers = await paid_at_gateway(system, 3)
    rows = [
        *(settled(batch, number, 5000, 50) for number in numbers),
        settled(batch, new_id("r"), 2000, 20, "refund"),
        settled(batch, new_id("c"), 1000, 0, "chargeback"),
        settled(batch, new_id("a"), -500, 0, "adjustment"),
    ]
    taken = await take_settlement(system, *rows)
    assert taken.status_code == 201, taken.text
    # 15,000 less 2,000 and 1,000 that went back; of it 150 - 20 + 500 are the gateway's.
    payment = await credited(system, office, 11_370)
    async with looking(system) as seen:
        await pay_over(office, payment, batch)
    assert seen[0].payments == []
    assert seen[0].ledger == {"suspense": 11_370, "in_transit": -12_000, "gateway_fee": 630}


async def test_what_does_not_come_to_the_credit_is_refused_to_the_dong(
    shared_system: System,
) -> None:
    system, office = shared_system, await finance_office(shared_system)
    batch, net = await batch_of(system)
    payment = await credited(system, office, net + 1)
    answer = await ask_payout(office, payment, batch)
    told = problem(answer, 409, "batch_sum_differs")["detail"]
    assert "10.000" in told
    assert "9.891" in told
    assert problem(await ask_payout(office, payment, "khong-co"), 422)["errors"][0]["field"] == (
        "batches"
    )
    problem(await ask_payout(office, "pay_0", batch), 404, "not_found")
    problem(await ask_payout(office, payment, batch, gateway="paygov/other"), 404, "not_found")


async def test_a_batch_is_paid_once_and_a_credit_brings_one_set(shared_system: System) -> None:
    system, office = shared_system, await finance_office(shared_system)
    batch, net = await batch_of(system)
    other, _ = await batch_of(system)
    first, second = [await credited(system, office, net) for _ in range(2)]
    waiting = await ask_payout(office, second, batch)  # asked for before it was paid by another
    await pay_over(office, first, batch)
    problem(await ask_payout(office, second, batch), 409, "batch_paid")
    stale = await office.post(f"/approvals/{waiting.json()['id']}/approve", by=office.chief)
    problem(stale, 409, "stale")
    problem(await ask_payout(office, first, other), 409, "not_waiting")


async def test_of_two_approvals_at_once_one_is_given(shared_system: System) -> None:
    system, office = shared_system, await finance_office(shared_system)
    batch, net = await batch_of(system)
    await batch_of(system)
    asked = [await ask_payout(office, await credited(system, office, net), batch) for _ in range(3)]
    answers = await asyncio.gather(
        *(office.post(f"/approvals/{one.json()['id']}/approve", by=office.chief) for one in asked)
    )
    # Who would have waited too long is sent away, to come again.
    codes = [one.status_code for one in answers]
    assert codes.count(200) == 1
    assert set(codes) <= {200, 409, 503}
    assert await system.broken() == []


async def test_one_credit_may_bring_several_batches(shared_system: System) -> None:
    system, office = shared_system, await finance_office(shared_system)
    batches = [await batch_of(system, 1), await batch_of(system, 2)]
    payment = await credited(system, office, sum(net for _, net in batches))
    async with looking(system) as seen:
        await pay_over(office, payment, *(batch for batch, _ in batches))
    assert seen[0].ledger == {"suspense": 14_835, "in_transit": -15_000, "gateway_fee": 165}


async def test_one_person_does_not_do_it_alone(shared_system: System) -> None:
    system, office = shared_system, await finance_office(shared_system)
    batch, net = await batch_of(system)
    payment = await credited(system, office, net)
    wanted = {"gateway": "paygov/test", "batches": [batch], "credit": payment, "reason": "x"}
    asked = await office.post("/settlements/payouts", wanted, by=office.chief)
    own = await office.post(f"/approvals/{asked.json()['id']}/approve", by=office.chief)
    problem(own, 409, "same_person")


SPOILT = {
    "the fee is not posted": (
        "DELETE FROM posting WHERE ledger = 'gateway_fee' AND transaction_id ="
        " (SELECT clearing FROM payout WHERE id = :payout)",
        "each its own posting",
    ),
    "the gross is another": (
        "UPDATE payout SET gross = gross + 10, fee = fee + 10 WHERE id = :payout",
        "each its own posting",
    ),
    "a batch is paid twice": (
        "INSERT INTO paid_batch SELECT 'batch_twice', payout_id, gateway_account_id, batch_ref,"
        " line_count, gross, fee, net, created_at, NULL FROM paid_batch WHERE payout_id = :payout",
        "a batch is paid over once",
    ),
    "a credit brings two": (
        "INSERT INTO payout SELECT 'payout_twice', payment_id, collection_account_id, amount,"
        " gross, fee, (SELECT max(id) FROM ledger_transaction WHERE id <> clearing), created_at,"
        " NULL, NULL, NULL FROM payout WHERE id = :payout",
        "a credit is the payout of one set of batches",
    ),
    "a line is another": (
        "UPDATE settlement_line SET amount = amount + 10 WHERE batch_ref ="
        " (SELECT batch_ref FROM paid_batch WHERE payout_id = :payout)",
        "what its lines come to",
    ),
    "the batches are gone": (
        "DELETE FROM paid_batch WHERE payout_id = :payout",
        "a payout is the batches that it brought",
    ),
}


async def paid(system: System) -> str:
    """A payout that stands, with another batch that waits; its id."""
    office = await finance_office(system)
    batch, net = await batch_of(system)
    await batch_of(system)
    done = await pay_over(office, await credited(system, office, net), batch)
    return str(done["outcome"]["payout"])


async def test_what_is_broken_past_the_guards_is_found(shared_system: System) -> None:
    payout = await paid(shared_system)
    async with shared_system.parts.database.transaction() as session:
        assert [line async for line in look(session, None)] == []
        await session.execute(text("DROP INDEX uq_paid_batch"))
        await session.execute(text("DROP INDEX uq_payout_payment"))
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        for how, (statement, rule) in SPOILT.items():
            await session.execute(text("SAVEPOINT sound"))
            await session.execute(text(statement), {"payout": payout})
            told = [line async for line in look(session, None)]
            assert any(rule in line for line in told), (how, told)
            await session.execute(text("ROLLBACK TO SAVEPOINT sound"))
        await session.rollback()
    assert await shared_system.broken() == []


# What a gateway tells is held against its batches by the invariants alone.
@pytest.mark.parametrize("how", sorted(SPOILT.keys() - {"a line is another"}))
async def test_the_database_itself_refuses_it(shared_system: System, how: str) -> None:
    payout = await paid(shared_system)

    async def spoil() -> None:
        async with shared_system.parts.database.transaction() as session:
            await session.execute(text(SPOILT[how][0]), {"payout": payout})

    with pytest.raises(DBAPIError):
        await spoil()
