"""One reference of the bank's or the gateway's, told of with two amounts: a correction, or two
credits?

Nobody here can know, so no amount is lost and none is believed in silence: the first stays where
it is, each other amount waits whole in suspense, once however often it is told, and a statement
shows which of them there are.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import replace

import httpx2
import pytest
from sqlalchemy import text

from core.ids import new_id
from core.sessions import ReadSession, WriteSession
from payments.bills.static_references import static_reference
from payments.books import credits, identity
from payments.books.allocation import Distribution, Reason, suspend
from payments.books.identity import Identity, ToldNotice
from tests.support.callbacks import call, credit, notice_of, notify, order_of, result_of
from tests.support.places import looking
from tests.support.rows import count
from tests.support.statements import reconcile, take_statement
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: For tests that break the books of their system.
alone = pytest.mark.asyncio(loop_scope="function")

Send = Callable[[int], Awaitable[httpx2.Response]]


def number() -> str:
    """A reference that nobody has used."""
    return new_id("ft")[-16:]


async def by_bank(system: System) -> tuple[str, str, Send]:
    """A bill, a bank's reference, and the way to tell of an amount under it."""
    bill, bank_ref = await system.create_bill(), number()
    feed_ids: defaultdict[int, int] = defaultdict(lambda: int(new_id("m")[-12:], 16))

    async def send(amount: int) -> httpx2.Response:
        told = notice_of(
            system, amount, bill["reference"], bank_ref=bank_ref, feed_id=feed_ids[amount]
        )
        return await notify(system, told)

    return bill["id"], bank_ref, send


async def by_gateway(system: System) -> tuple[str, str, Send]:
    """A bill, a gateway's reference, and the way to tell of an amount under it."""
    bill, transaction_no = await system.create_bill(), number()
    order = order_of(system, await system.start(bill))

    async def send(amount: int) -> httpx2.Response:
        body = result_of(system, order, amount=amount, transaction_no=transaction_no)
        return await call(system, body)

    return bill["id"], transaction_no, send


WAYS = pytest.mark.parametrize("way", [by_bank, by_gateway])
Way = Callable[[System], Awaitable[tuple[str, str, Send]]]


async def recorded(system: System, ref: str) -> list[tuple[int, str | None]]:
    """What is in the books under a reference: amounts, and why they wait in suspense if they do."""
    async with system.parts.database.transaction() as session:
        rows = await session.execute(
            text(
                "SELECT p.credited, s.reason FROM payment p LEFT JOIN suspense_item s"
                " ON s.payment_id = p.id AND s.closed_at IS NULL AND s.place = 'suspense'"
                " WHERE p.gateway_ref = :ref AND p.credited IS NOT NULL ORDER BY p.credited"
            ),
            {"ref": ref},
        )
        return [(row.credited, row.reason) for row in rows]


async def conflicts(system: System, ref: str) -> int:
    where = (
        "action = 'payment.conflicting_notice'"
        " AND object_id IN (SELECT id FROM payment WHERE gateway_ref = :ref)"
    )
    return await count(system.parts.database, "audit_entry", where, ref=ref)


@WAYS
async def test_the_second_amount_is_a_credit_in_suspense_however_often_it_is_told(
    shared_system: System, way: Way
) -> None:
    system = shared_system
    bill_id, ref, send = await way(system)
    async with looking(system) as seen:
        for amount in (5000, 9000, 9000, 5000, 9000):
            assert (await send(amount)).status_code == 200
    assert await recorded(system, ref) == [(5000, None), (9000, "conflicting_notice")]
    assert seen[0].allocated == [5000]
    assert seen[0].waiting == [("suspense", "conflicting_notice", 9000)]
    told = "receivable" if way is by_bank else "in_transit"
    assert seen[0].ledger == {told: 14_000, "revenue": -5000, "suspense": -9000}
    assert await conflicts(system, ref) == 1
    await system.work()
    found = await system.read({"id": bill_id})
    assert (found["status"], found["amount"], len(found["receipts"])) == ("paid", 5000, 1)
    # A third amount is one more.
    await send(1)
    assert await recorded(system, ref) == [
        (1, "conflicting_notice"),
        (5000, None),
        (9000, "conflicting_notice"),
    ]
    assert await conflicts(system, ref) == 2
    assert await system.broken() == []


@WAYS
async def test_the_second_amount_pays_no_bill_even_where_it_would_fit(
    shared_system: System, way: Way
) -> None:
    system = shared_system
    bill_id, ref, send = await way(system)
    await send(2000)
    await send(5000)
    await system.work()
    found = await system.read({"id": bill_id})
    assert (found["status"], found["receipts"]) == ("open", [])
    first = "short" if way is by_bank else "amount_mismatch"
    assert await recorded(system, ref) == [(2000, first), (5000, "conflicting_notice")]
    # Nor does it count for the rest: money that came clean does.
    await credit(system, 3000, found["reference"])
    expected = "paid" if way is by_bank else "open"
    assert (await system.read({"id": bill_id}))["status"] == expected
    assert (5000, "conflicting_notice") in await recorded(system, ref)
    assert await system.broken() == []


async def test_the_second_amount_opens_no_bill_on_a_poster(shared_system: System) -> None:
    system, bank_ref = shared_system, number()
    async with system.parts.database.transaction() as session:
        agency, fee = system.body.agency_id, "chung-thuc-chu-ky"
        reference = await static_reference(session, agency, fee)
    before = await count(system.parts.database, "bill")
    async with looking(system) as seen:
        await credit(system, 9999, reference, bank_ref=bank_ref)
        await credit(system, 10_000, reference, bank_ref=bank_ref)
    assert seen[0].waiting == [
        ("suspense", "static_amount", 9999),
        ("suspense", "conflicting_notice", 10_000),
    ]
    assert await count(system.parts.database, "bill") == before


async def test_a_batch_of_several_amounts_pays_each_bill_under_one_reference(
    shared_system: System,
) -> None:
    """Payers that differ are credits that differ: no amount can be another one's correction."""
    system, bank_ref = shared_system, number()
    lines = [{"fee": "2.000815", "quantity": pages} for pages in (3, 2, 4, 5)]
    bills = [await system.create_bill(lines=[line]) for line in lines]
    for _ in range(2):  # told of again by numbers of its own, each waits once more: see below
        for bill in bills[:3]:
            await credit(system, bill["amount"], bill["reference"], bank_ref=bank_ref)
        assert [(await system.read(bill))["status"] for bill in bills[:3]] == ["paid"] * 3
    assert await conflicts(system, bank_ref) == 0
    # What names nobody, or who was named before, may be one of them told of otherwise.
    await credit(system, 7000, "chuyen tien", bank_ref=bank_ref)
    await credit(
        system, 8000, f"{bills[3]['reference']} {bills[0]['reference']}", bank_ref=bank_ref
    )
    found = await recorded(system, bank_ref)
    assert [one for one in found if one[0] in (7000, 8000)] == [
        (7000, "conflicting_notice"),
        (8000, "conflicting_notice"),
    ]
    assert (await system.read(bills[3]))["status"] == "open"
    assert await system.broken() == []


async def test_after_one_that_names_nobody_every_other_amount_waits(shared_system: System) -> None:
    system, bank_ref = shared_system, number()
    bill = await system.create_bill()
    await credit(system, 4000, "chuyen tien", bank_ref=bank_ref)
    await credit(system, 5000, bill["reference"], bank_ref=bank_ref)
    assert await recorded(system, bank_ref) == [
        (4000, "no_reference"),
        (5000, "conflicting_notice"),
    ]
    assert (await system.read(bill))["status"] == "open"
    assert await system.broken() == []


async def test_one_charge_told_of_two_orders_with_two_amounts_is_in_no_order_twice(
    shared_system: System,
) -> None:
    system, transaction_no = shared_system, number()
    bills = [await system.create_bill(), await system.create_bill()]
    orders = [order_of(system, await system.start(bill)) for bill in bills]
    said = []
    for order, amount in zip(orders, (5000, 7000), strict=True):
        body = result_of(system, order, amount=amount, transaction_no=transaction_no)
        said.append((await call(system, body)).json()["error_code"])
    assert said == ["SUCCESSFUL", "FAILED"]
    assert [(await system.read(bill))["status"] for bill in bills] == ["paid", "open"]
    assert await recorded(system, transaction_no) == [(5000, None), (7000, "conflicting_notice")]
    assert await system.broken() == []


async def test_two_amounts_for_an_order_that_we_do_not_know_are_two_credits(
    shared_system: System,
) -> None:
    system, transaction_no = shared_system, number()
    order = order_of(system, await system.start(await system.create_bill()))
    for amount in (5000, 6000, 6000):
        stray = {"orderId": "LPAAAAAAAAAAAA-09", "transaction_no": transaction_no}
        answer = await call(system, result_of(system, order, amount=amount, **stray))
        assert (answer.status_code, answer.json()["error_code"]) == (200, "FAILED")
    expected = [(5000, "unknown_reference"), (6000, "conflicting_notice")]
    assert await recorded(system, transaction_no) == expected
    assert await system.broken() == []


@WAYS
async def test_of_two_amounts_at_one_instant_each_is_one_credit_and_one_of_them_waits(
    shared_system: System, way: Way
) -> None:
    system = shared_system
    _, ref, send = await way(system)
    answers = await asyncio.gather(*(send(amount) for amount in (5000, 9000) * 5))
    assert {answer.status_code for answer in answers} == {200}
    found = await recorded(system, ref)
    assert [amount for amount, _ in found] == [5000, 9000]
    assert [reason for _, reason in found].count("conflicting_notice") == 1
    assert await conflicts(system, ref) == 1
    assert await system.broken() == []


@alone
@pytest.mark.parametrize(
    ("booked", "missing"), [((5000, 9000), []), ((5000,), [9000]), ((9000,), [5000])]
)
async def test_the_days_statement_shows_which_of_the_two_there_are(
    system: System, booked: tuple[int, ...], missing: list[int]
) -> None:
    bill, bank_ref = await system.create_bill(), number()
    for amount in (5000, 9000):
        await credit(system, amount, bill["reference"], bank_ref=bank_ref)
    told = (f"{amount}|credit|tt {bill['reference']}|{bank_ref}" for amount in booked)
    await take_statement(system, *told)
    summary = (await reconcile(system))["summary"]
    assert summary["matched"] == {"count": len(booked), "sum": sum(booked)}
    # What is not due yet is expected, and not missing.
    assert summary["expected"] == {"count": len(missing), "sum": sum(missing)}
    assert summary["unknown_in_ledger"]["count"] == 0
    # Matching found everything it could; nothing was recorded anew from the statement.
    assert [amount for amount, _ in await recorded(system, bank_ref)] == [5000, 9000]
    assert await system.broken() == []


@alone
async def test_a_poster_credit_that_the_statement_knows_with_another_amount_is_kept_too(
    system: System,
) -> None:
    bank_ref = number()
    async with system.parts.database.transaction() as session:
        reference = await static_reference(session, system.body.agency_id, "chung-thuc-chu-ky")
    await credit(system, 10_000, reference, bank_ref=bank_ref)
    await take_statement(system, f"1000|credit|tt {reference}|{bank_ref}")
    for _ in range(2):
        summary = (await reconcile(system))["summary"]
        assert summary["matched"] == {"count": 1, "sum": 1000}
        assert summary["expected"] == {"count": 1, "sum": 10_000}
    assert await recorded(system, bank_ref) == [(1000, "conflicting_notice"), (10_000, None)]
    assert await system.broken() == []


#: what is said of a gateway's money, and of a bank's
ONE_OR_ALL = ("the same money is one payment", "of amounts told of under one name")


def drop_the_second_amount(patch: pytest.MonkeyPatch) -> None:
    """A second amount is taken for a repeat of the first."""
    patch.setattr(credits, "conflicting_key", lambda key, amount: key)

    async def first_one(session: ReadSession, notice: ToldNotice) -> Identity:
        found = await identity.identify(session, notice)
        return replace(found, same=found.same or found.beside)

    async def not_kept(session: WriteSession, notice: ToldNotice, payment_id: str) -> None:
        pass

    patch.setattr(credits, "identify", first_one)
    patch.setattr(credits, "keep_notice", not_kept)


def count_every_telling(patch: pytest.MonkeyPatch) -> None:
    """Each notice of a second amount is new money."""
    patch.setattr(credits, "conflicting_key", lambda key, amount: new_id("key"))

    async def never_same(session: ReadSession, notice: ToldNotice) -> Identity:
        return Identity()

    patch.setattr(credits, "identify", never_same)


def forget_why_it_waits(patch: pytest.MonkeyPatch) -> None:
    """A second amount waits as if it were a part of the bill, and soon pays it."""

    def broken(credit: int, reason: Reason) -> Distribution:
        return suspend(credit, Reason.SHORT if reason is Reason.CONFLICTING_NOTICE else reason)

    patch.setattr(credits, "suspend", broken)


@alone
@WAYS
@pytest.mark.parametrize(
    ("variant", "rule"),
    [
        (drop_the_second_amount, ("an applied callback has left its trace",)),
        (count_every_telling, ONE_OR_ALL),
        (forget_why_it_waits, ONE_OR_ALL),
    ],
)
async def test_a_service_that_does_otherwise_is_caught(
    system: System,
    monkeypatch: pytest.MonkeyPatch,
    way: Way,
    variant: Callable[[pytest.MonkeyPatch], None],
    rule: tuple[str, ...],
) -> None:
    variant(monkeypatch)
    _, _, send = await way(system)
    for amount in (2000, 3000, 3000):
        await send(amount)
    if way is by_gateway and variant is count_every_telling:
        # A gateway's same event is known again; told of another order, it is another event.
        order = next(iter(system.sandbox.store.orders.values()))
        ref = order.charges[0].transaction_no
        other = order_of(system, await system.start(await system.create_bill()))
        await call(system, result_of(system, other, amount=3000, transaction_no=ref))
    assert any(line.startswith(rule) for line in await system.broken())
