"""Callbacks, however often, at whatever instant and in whatever order they come: one settlement.

No callback is answered with a failure of ours, every genuine one is acknowledged, a forged one
leaves nothing behind, and no đồng is lost or counted twice.
"""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from adapters.sandbox.engine.faults import Fault, Operation
from core import clock, failpoints
from core.db import Database
from core.ids import new_id
from core.sessions import ReadSession
from payments.attempts.inquiry import inquire
from payments.books import credits
from payments.books.identity import Identity, ToldNotice
from payments.incoming import keeping, notices
from payments.ports import RawCallback
from tests.support.callbacks import PAYGOV, call, credit, notice_of, notify, order_of, result_of
from tests.support.gateway_setups import MERCHANT
from tests.support.places import looking
from tests.support.rows import count
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: For tests that need a system to themselves.
alone = pytest.mark.asyncio(loop_scope="function")

Bill = dict[str, Any]
Send = Callable[[], Awaitable[httpx2.Response]]


async def by_gateway(system: System) -> tuple[Bill, Send]:
    """A bill whose order was charged, and the way to send its one callback."""
    bill = await system.create_bill()
    body = result_of(system, order_of(system, await system.start(bill)))
    return bill, lambda: call(system, body)


async def by_bank(system: System) -> tuple[Bill, Send]:
    """A bill that was paid by transfer, and the way to send its one notice."""
    bill = await system.create_bill()
    body = notice_of(system, bill["amount"], f"NGUYEN VAN A {bill['reference']} nop phi")
    return bill, lambda: notify(system, body)


async def settled_once(system: System, bill: Bill, answers: list[httpx2.Response]) -> None:
    """Every answer is a success in the sender's words; one payment, one settlement, one receipt."""
    for answer in answers:
        assert answer.status_code == 200, answer.text
        assert answer.json().get("error_code", "SUCCESSFUL") == "SUCCESSFUL"
        assert answer.json().get("success", True) is True
    await system.work()
    found = await system.read(bill)
    assert found["status"] == "paid"
    assert [p["status"] for p in found["payments"]] == ["succeeded"]
    assert [r["amount"] for r in found["receipts"]] == [bill["amount"]]
    database = system.parts.database
    for table in ("payment", "allocation", "receipt"):
        assert await count(database, table, "bill_id = :b", b=bill["id"]) == 1, table
    assert await count(database, "suspense_item", "bill_id = :b", b=bill["id"]) == 0
    told = "name = 'bill.paid' AND payload ->> 'bill_id' = :b"
    assert await count(database, "outbox_event", told, b=bill["id"]) == 1
    assert await system.broken() == []


@pytest.mark.parametrize(("way", "times"), [(by_gateway, 100), (by_bank, 100)])
async def test_the_same_callback_a_hundred_times_in_a_row_settles_once(
    shared_system: System, way: Callable[[System], Awaitable[tuple[Bill, Send]]], times: int
) -> None:
    bill, send = await way(shared_system)
    await settled_once(shared_system, bill, [await send() for _ in range(times)])


@pytest.mark.parametrize("way", [by_gateway, by_bank])
async def test_the_same_callback_from_fifty_tasks_at_once_settles_once(
    shared_system: System, way: Callable[[System], Awaitable[tuple[Bill, Send]]]
) -> None:
    bill, send = await way(shared_system)
    await settled_once(
        shared_system, bill, list(await asyncio.gather(*(send() for _ in range(50))))
    )


async def nothing_is_known(session: ReadSession, notice: ToldNotice) -> Identity:
    """Every notice tells of new money."""
    return Identity()


@alone
@pytest.mark.parametrize("way", [by_gateway, by_bank])
async def test_a_service_without_dedupe_is_caught_by_the_same_checks(
    system: System,
    monkeypatch: pytest.MonkeyPatch,
    way: Callable[[System], Awaitable[tuple[Bill, Send]]],
) -> None:
    monkeypatch.setattr("payments.attempts.results.settlement_key", lambda *_: new_id("key"))
    monkeypatch.setattr(credits, "identify", nothing_is_known)
    monkeypatch.setattr(ToldNotice, "key", property(lambda _: new_id("key")))
    monkeypatch.setattr(keeping, "event_key", lambda _: new_id("event"))
    bill, send = await way(system)
    answers = [await send() for _ in range(3)]
    with pytest.raises(AssertionError):
        await settled_once(system, bill, answers)
    rules = ("the same money is one payment", "a bank's credit is the money of a notice")
    assert any(line.startswith(rules) for line in await system.broken())


async def test_the_callback_and_the_sweep_at_one_instant_settle_once(shared_system: System) -> None:
    system = shared_system
    bill, send = await by_gateway(system)
    with clock.frozen(clock.now() + timedelta(minutes=1)):
        done = await asyncio.gather(
            *(send() for _ in range(4)), *(inquire(system.parts.payments) for _ in range(4))
        )
        answers = [one for one in done if isinstance(one, httpx2.Response)]
        await settled_once(system, bill, answers)


async def test_a_callback_may_come_before_the_gateway_has_answered_create(
    shared_system: System,
) -> None:
    system = shared_system
    bill = await system.create_bill()
    partner = MERCHANT["partner_code"]
    system.sandbox.faults.script(partner, Operation.CREATE, Fault.EARLY_CALLBACK)
    payment = await system.start(bill)
    assert payment["status"] == "succeeded"
    assert payment["checkout"]["url"].startswith(system.sandbox_url)
    await settled_once(system, bill, [])


async def audited(system: System, action: str, object_id: str) -> int:
    where = "action = :action AND object_id = :id"
    return await count(system.parts.database, "audit_entry", where, action=action, id=object_id)


async def test_a_failure_after_the_success_changes_nothing_and_is_noted(
    shared_system: System,
) -> None:
    system = shared_system
    bill = await system.create_bill()
    payment = await system.start(bill)
    order = order_of(system, payment)
    answers = [
        await call(system, result_of(system, order)),
        *[await call(system, result_of(system, order, code="24")) for _ in range(2)],
    ]
    await settled_once(system, bill, answers)
    # In the same words, though each notice has a number of its own.
    assert await audited(system, "payment.conflicting_notice", payment["id"]) == 1


async def test_a_success_after_the_failure_is_late_truth(shared_system: System) -> None:
    system = shared_system
    bill = await system.create_bill()
    payment = await system.start(bill)
    order = order_of(system, payment)
    failure = result_of(system, order, code="24")
    answers = [await call(system, failure), await call(system, failure)]
    assert (await system.read(bill))["payments"][0]["status"] == "failed"
    answers.append(await call(system, result_of(system, order)))
    await settled_once(system, bill, answers)


async def suspended(system: System, payment_id: str) -> list[tuple[str, str, int]]:
    async with system.parts.database.transaction() as session:
        rows = await session.execute(
            text(
                "SELECT place, reason, amount FROM suspense_item WHERE payment_id = :id"
                " AND closed_at IS NULL ORDER BY place"
            ),
            {"id": payment_id},
        )
        return [(row.place, row.reason, row.amount) for row in rows]


@pytest.mark.parametrize(
    ("changes", "credited"),
    [
        ({"amount": 500_000}, 500_000),
        ({"amount": 50}, 50),
        ({"amount": 4999}, 4999),
        ({"amount": 5001}, 5001),
        ({"requestCode": "another"}, 5000),
    ],
)
async def test_money_that_is_not_what_was_asked_for_is_held_and_the_bill_stays_open(
    shared_system: System, changes: dict[str, Any], credited: int
) -> None:
    system = shared_system
    bill = await system.create_bill()
    payment = await system.start(bill)
    body = result_of(system, order_of(system, payment), **changes)
    for _ in range(3):
        answer = await call(system, body)
        assert (answer.status_code, answer.json()["error_code"]) == (200, "FAILED")
    await system.work()
    found = await system.read(bill)
    assert (found["status"], found["receipts"]) == ("open", [])
    assert [p["status"] for p in found["payments"]] == ["held"]
    assert await suspended(system, payment["id"]) == [("suspense", "amount_mismatch", credited)]
    assert await system.broken() == []


async def test_money_that_the_gateway_suspects_waits_for_a_person(shared_system: System) -> None:
    system = shared_system
    bill = await system.create_bill()
    payment = await system.start(bill)
    body = result_of(system, order_of(system, payment), code="07")
    answers = [await call(system, body) for _ in range(3)]
    assert {a.json()["error_code"] for a in answers} == {"SUCCESSFUL"}
    await system.work()
    found = await system.read(bill)
    assert (found["status"], found["payments"][0]["status"]) == ("open", "held")
    assert found["receipts"] == []
    assert await suspended(system, payment["id"]) == [("suspense", "held_by_gateway", 5000)]
    assert await system.broken() == []


async def test_a_pending_report_changes_nothing(shared_system: System) -> None:
    system = shared_system
    bill = await system.create_bill()
    payment = await system.start(bill)
    order = order_of(system, payment)
    answer = await call(system, result_of(system, order, code="99"))
    assert answer.json()["error_code"] == "SUCCESSFUL"
    assert (await system.read(bill))["payments"] == [payment]


async def test_genuine_money_for_an_order_we_do_not_know_is_kept_in_suspense(
    shared_system: System,
) -> None:
    system = shared_system
    bill = await system.create_bill()
    order = order_of(system, await system.start(bill))
    body = result_of(system, order, orderId="LPAAAAAAAAAAAA-01", transaction_no="T-UNKNOWN")
    for _ in range(5):
        answer = await call(system, body)
        assert (answer.status_code, answer.json()["error_code"]) == (200, "FAILED")
    where = "gateway_ref = 'T-UNKNOWN' AND credited = 5000 AND bill_id IS NULL"
    assert await count(system.parts.database, "payment", where) == 1
    results = "result = 'unknown_order' AND event_key LIKE 'T-UNKNOWN:%'"
    assert await count(system.parts.database, "callback", results) == 1
    async with system.parts.database.transaction() as session:
        payment_id = await session.scalar(text(f"SELECT id FROM payment WHERE {where}"))
    assert await suspended(system, payment_id) == [("suspense", "unknown_reference", 5000)]
    # A failure of an unknown order is no money: it is noted, nothing more.
    gone = result_of(system, order, code="24", orderId="LPAAAAAAAAAAAA-02")
    assert (await call(system, gone)).status_code == 200
    assert await system.broken() == []


@pytest.mark.parametrize("at_once", [False, True])
async def test_one_charge_told_of_two_orders_is_one_payment(
    shared_system: System, at_once: bool
) -> None:
    system, number = shared_system, new_id("t")[-12:]
    bills = [await system.create_bill(), await system.create_bill()]
    orders = [order_of(system, await system.start(bill)) for bill in bills]
    bodies = [result_of(system, order, transaction_no=number) for order in orders]
    if at_once:
        answers = list(await asyncio.gather(*(call(system, body) for body in bodies * 5)))
    else:
        answers = [await call(system, body) for body in bodies]
    assert {answer.status_code for answer in answers} == {200}
    assert {a.json()["error_code"] for a in answers} == {"SUCCESSFUL", "FAILED"}
    assert sorted([(await system.read(bill))["status"] for bill in bills]) == ["open", "paid"]
    where = "gateway_ref = :number AND credited IS NOT NULL"
    assert await count(system.parts.database, "payment", where, number=number) == 1
    noted = [
        await audited(system, "payment.conflicting_notice", one["id"])
        for bill in bills
        for one in (await system.read(bill))["payments"]
    ]
    assert sum(noted) >= 1
    assert await system.broken() == []


async def test_a_second_charge_for_one_order_is_due_back(shared_system: System) -> None:
    system = shared_system
    bill = await system.create_bill()
    order = order_of(system, await system.start(bill))
    for _ in range(2):
        body = result_of(system, order)
        for _ in range(2):
            assert (await call(system, body)).json()["error_code"] == "SUCCESSFUL"
    await system.work()
    found = await system.read(bill)
    assert [p["status"] for p in found["payments"]] == ["succeeded", "succeeded"]
    assert len(found["receipts"]) == 1
    second = found["payments"][1]["id"]
    assert await suspended(system, second) == [("refundable", "bill_already_paid", 5000)]
    assert await system.broken() == []


async def test_the_same_transfer_under_two_numbers_of_the_feed_settles_once(
    shared_system: System,
) -> None:
    system, bank_ref = shared_system, new_id("ft")[-16:]
    bill = await system.create_bill()
    async with looking(system) as seen:
        for _ in range(2):
            await credit(system, 5000, bill["reference"], bank_ref=bank_ref)
    assert seen[0].allocated == [5000]
    assert seen[0].waiting == [("suspense", "possible_duplicate", 5000)]
    await system.work()
    assert len((await system.read(bill))["receipts"]) == 1
    assert await system.broken() == []


@alone
async def test_many_settlements_at_once_are_numbered_without_a_gap(system: System) -> None:
    bills = await asyncio.gather(*(system.create_bill() for _ in range(30)))
    await asyncio.gather(*(credit(system, 5000, bill["reference"]) for bill in bills))
    await asyncio.gather(*(system.work() for _ in range(4)))
    found = [await system.read(bill) for bill in bills]
    numbers = [receipt["number"] for bill in found for receipt in bill["receipts"]]
    assert sorted(numbers) == list(range(1, 31))
    assert await system.broken() == []


async def _received(system: System, body: bytes, database: Database) -> int:
    """The status of the answer that a callback gets from a service over another database pool."""
    raw = RawCallback("POST", PAYGOV, "", {}, body, clock.now())
    context = dataclasses.replace(system.parts.payments, database=database)
    return (await notices.receive(context, "paygov", "test", raw)).status


async def test_what_cannot_be_applied_now_is_not_acknowledged_but_kept_and_applied_later(
    shared_system: System,
) -> None:
    system = shared_system
    bill = await system.create_bill()
    body = result_of(system, order_of(system, await system.start(bill)))
    impatient = Database(system.parts.database.url, pool_size=2, lock_timeout_ms=20)
    try:
        async with system.parts.database.transaction() as session:
            lock = text("SELECT 1 FROM bill WHERE id = :id FOR UPDATE")
            await session.execute(lock, {"id": bill["id"]})
            assert await _received(system, body, impatient) == 503
    finally:
        await impatient.dispose()
    assert (await system.read(bill))["status"] == "open"
    with clock.frozen(clock.now() + timedelta(seconds=11)):
        assert await notices.apply_waiting(system.parts.payments) == 1
        await settled_once(system, bill, [await call(system, body)])


@alone
async def test_a_kept_callback_that_cannot_be_read_does_not_hold_up_the_others(
    system: System,
) -> None:
    bill, send = await by_gateway(system)
    failpoints.configure("callback.after_raw=raise")
    try:
        assert (await send()).status_code == 500
    finally:
        failpoints.clear()
    async with system.parts.database.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO callback (id, gateway_account_id, event_key, raw, state, attempts,"
                " received_at, due_at) SELECT 'cb_' || n, gateway_account_id, 'key' || n, '\\x00',"
                " 'received', 0, received_at - interval '1 hour', received_at - interval '1 hour'"
                " FROM callback, generate_series(1, 3) AS n"
            )
        )
    with clock.frozen(clock.now() + timedelta(seconds=11)):
        # Three at a time: the unreadable ones come first, once.
        applied = [await notices.apply_waiting(system.parts.payments, 3) for _ in range(2)]
        assert applied == [0, 1]
        await settled_once(system, bill, [await send()])
    assert await count(system.parts.database, "callback", "state = 'received'") == 3
