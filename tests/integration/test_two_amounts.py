"""One reference of the bank's or the gateway's, told of with two amounts: a correction, or two
credits?

Nobody here can know, so no amount is lost and none is believed in silence: the first stays where
it is, each other amount waits whole in suspense, once however often it is told, and a statement
shows which of them there are.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from core import clock
from core.clock import VIETNAM
from core.ids import new_id
from payments.bills.static_references import static_reference
from payments.books import credits
from payments.books.allocation import Distribution, Reason, suspend
from tests.support.callbacks import call, credit, notice_of, notify, order_of, result_of
from tests.support.house import House
from tests.support.places import looking
from tests.support.rows import count

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: For tests that break the books of their house.
alone = pytest.mark.asyncio(loop_scope="function")

Send = Callable[[int], Awaitable[httpx2.Response]]


def number() -> str:
    """A reference that nobody has used."""
    return new_id("ft")[-16:]


async def by_bank(house: House) -> tuple[str, str, Send]:
    """A bill, a bank's reference, and the way to tell of an amount under it."""
    bill, bank_ref = await house.create_bill(), number()

    async def send(amount: int) -> httpx2.Response:
        return await notify(house, notice_of(house, amount, bill["reference"], bank_ref=bank_ref))

    return bill["id"], bank_ref, send


async def by_gateway(house: House) -> tuple[str, str, Send]:
    """A bill, a gateway's reference, and the way to tell of an amount under it."""
    bill, transaction_no = await house.create_bill(), number()
    order = order_of(house, await house.start(bill))

    async def send(amount: int) -> httpx2.Response:
        body = result_of(house, order, amount=amount, transaction_no=transaction_no)
        return await call(house, body)

    return bill["id"], transaction_no, send


WAYS = pytest.mark.parametrize("way", [by_bank, by_gateway])
Way = Callable[[House], Awaitable[tuple[str, str, Send]]]


async def recorded(house: House, ref: str) -> list[tuple[int, str | None]]:
    """What is in the books under a reference: amounts, and why they wait in suspense if they do."""
    async with house.parts.database.transaction() as session:
        rows = await session.execute(
            text(
                "SELECT p.credited, s.reason FROM payment p LEFT JOIN suspense_item s"
                " ON s.payment_id = p.id AND s.closed_at IS NULL AND s.place = 'suspense'"
                " WHERE p.gateway_ref = :ref AND p.credited IS NOT NULL ORDER BY p.credited"
            ),
            {"ref": ref},
        )
        return [(row.credited, row.reason) for row in rows]


async def conflicts(house: House, ref: str) -> int:
    where = (
        "action = 'payment.conflicting_notice'"
        " AND object_id IN (SELECT id FROM payment WHERE gateway_ref = :ref)"
    )
    return await count(house.parts.database, "audit_entry", where, ref=ref)


@WAYS
async def test_the_second_amount_is_a_credit_in_suspense_however_often_it_is_told(
    shared_house: House, way: Way
) -> None:
    house = shared_house
    bill_id, ref, send = await way(house)
    async with looking(house) as seen:
        for amount in (5000, 9000, 9000, 5000, 9000):
            assert (await send(amount)).status_code == 200
    assert await recorded(house, ref) == [(5000, None), (9000, "conflicting_notice")]
    assert seen[0].allocated == [5000]
    assert seen[0].waiting == [("suspense", "conflicting_notice", 9000)]
    assert seen[0].ledger == {"receivable": 14_000, "revenue": -5000, "suspense": -9000}
    assert await conflicts(house, ref) == 1
    await house.work()
    found = await house.read({"id": bill_id})
    assert (found["status"], found["amount"], len(found["receipts"])) == ("paid", 5000, 1)
    # A third amount is one more.
    await send(1)
    assert await recorded(house, ref) == [
        (1, "conflicting_notice"),
        (5000, None),
        (9000, "conflicting_notice"),
    ]
    assert await conflicts(house, ref) == 2
    assert await house.broken() == []


@WAYS
async def test_the_second_amount_pays_no_bill_even_where_it_would_fit(
    shared_house: House, way: Way
) -> None:
    house = shared_house
    bill_id, ref, send = await way(house)
    await send(2000)
    await send(5000)
    await house.work()
    found = await house.read({"id": bill_id})
    assert (found["status"], found["receipts"]) == ("open", [])
    first = "short" if way is by_bank else "amount_mismatch"
    assert await recorded(house, ref) == [(2000, first), (5000, "conflicting_notice")]
    # Nor does it count for the rest: money that came clean does.
    await credit(house, 3000, found["reference"])
    expected = "paid" if way is by_bank else "open"
    assert (await house.read({"id": bill_id}))["status"] == expected
    assert (5000, "conflicting_notice") in await recorded(house, ref)
    assert await house.broken() == []


async def test_the_second_amount_opens_no_bill_on_a_poster(shared_house: House) -> None:
    house, bank_ref = shared_house, number()
    async with house.parts.database.transaction() as session:
        agency, fee = house.body.agency_id, "chung-thuc-chu-ky"
        reference = await static_reference(session, agency, fee)
    before = await count(house.parts.database, "bill")
    async with looking(house) as seen:
        await credit(house, 9999, reference, bank_ref=bank_ref)
        await credit(house, 10_000, reference, bank_ref=bank_ref)
    assert seen[0].waiting == [
        ("suspense", "static_amount", 9999),
        ("suspense", "conflicting_notice", 10_000),
    ]
    assert await count(house.parts.database, "bill") == before


async def test_the_second_amount_may_name_another_bill_and_waits_there(
    shared_house: House,
) -> None:
    house, bank_ref = shared_house, number()
    bills = [await house.create_bill(), await house.create_bill()]
    for bill, amount in zip(bills, (4000, 5000), strict=True):
        await credit(house, amount, bill["reference"], bank_ref=bank_ref)
    found = [await house.read(bill) for bill in bills]
    assert [bill["status"] for bill in found] == ["open", "open"]
    assert [[p["amount"] for p in bill["payments"]] for bill in found] == [[4000], [5000]]
    assert await house.broken() == []


async def test_one_charge_told_of_two_orders_with_two_amounts_is_in_no_order_twice(
    shared_house: House,
) -> None:
    house, transaction_no = shared_house, number()
    bills = [await house.create_bill(), await house.create_bill()]
    orders = [order_of(house, await house.start(bill)) for bill in bills]
    said = []
    for order, amount in zip(orders, (5000, 7000), strict=True):
        body = result_of(house, order, amount=amount, transaction_no=transaction_no)
        said.append((await call(house, body)).json()["error_code"])
    assert said == ["SUCCESSFUL", "FAILED"]
    assert [(await house.read(bill))["status"] for bill in bills] == ["paid", "open"]
    assert await recorded(house, transaction_no) == [(5000, None), (7000, "conflicting_notice")]
    assert await house.broken() == []


async def test_two_amounts_for_an_order_that_we_do_not_know_are_two_credits(
    shared_house: House,
) -> None:
    house, transaction_no = shared_house, number()
    order = order_of(house, await house.start(await house.create_bill()))
    for amount in (5000, 6000, 6000):
        stray = {"orderId": "LPAAAAAAAAAAAA-09", "transaction_no": transaction_no}
        answer = await call(house, result_of(house, order, amount=amount, **stray))
        assert (answer.status_code, answer.json()["error_code"]) == (200, "FAILED")
    expected = [(5000, "unknown_reference"), (6000, "conflicting_notice")]
    assert await recorded(house, transaction_no) == expected
    assert await house.broken() == []


@WAYS
async def test_of_two_amounts_at_one_instant_each_is_one_credit_and_one_of_them_waits(
    shared_house: House, way: Way
) -> None:
    house = shared_house
    _, ref, send = await way(house)
    answers = await asyncio.gather(*(send(amount) for amount in (5000, 9000) * 5))
    assert {answer.status_code for answer in answers} == {200}
    found = await recorded(house, ref)
    assert [amount for amount, _ in found] == [5000, 9000]
    assert [reason for _, reason in found].count("conflicting_notice") == 1
    assert await conflicts(house, ref) == 1
    assert await house.broken() == []


async def take_statement(house: House, reference: str, bank_ref: str, *amounts: int) -> None:
    """Take in a statement that tells of these amounts under one reference of the bank's."""
    now = clock.now().astimezone(VIETNAM).isoformat(timespec="seconds")
    rows = ["line_id,booked_at,amount,direction,reference,narrative,bank_ref"]
    rows += [f"L{n},{now},{n},credit,,tt {reference},{bank_ref}" for n in amounts]
    taken = await house.office.post(
        "/api/v1/statements",
        files={"file": ("so-phu.csv", "\n".join(rows).encode() + b"\n", "text/csv")},
        data={"account": house.body.collection_code, "mapping": "lephi-basic"},
        headers={"Idempotency-Key": new_id("k")},
    )
    assert taken.status_code == 201, taken.text


async def reconcile(house: House) -> dict[str, Any]:
    """Reconcile today; the summary."""
    today = clock.business_date(clock.now()).isoformat()
    asked = {"agency": house.body.agency_code, "account": house.body.collection_code}
    answer = await house.post(
        "/api/v1/reconciliations", asked | {"date": today}, client=house.office
    )
    assert answer.status_code == 201, answer.text
    summary: dict[str, Any] = answer.json()["summary"]
    return summary


@alone
@pytest.mark.parametrize(
    ("booked", "missing"), [((5000, 9000), []), ((5000,), [9000]), ((9000,), [5000])]
)
async def test_the_days_statement_shows_which_of_the_two_there_are(
    house: House, booked: tuple[int, ...], missing: list[int]
) -> None:
    bill, bank_ref = await house.create_bill(), number()
    for amount in (5000, 9000):
        await credit(house, amount, bill["reference"], bank_ref=bank_ref)
    await take_statement(house, bill["reference"], bank_ref, *booked)
    summary = await reconcile(house)
    assert summary["matched"] == {"count": len(booked), "sum": sum(booked)}
    assert summary["missing_in_ledger"] == {"count": len(missing), "sum": sum(missing)}
    assert summary["unknown_in_ledger"]["count"] == 0
    # Matching found everything it could; nothing was recorded anew from the statement.
    assert [amount for amount, _ in await recorded(house, bank_ref)] == [5000, 9000]
    assert await house.broken() == []


@alone
async def test_a_poster_credit_that_the_statement_knows_with_another_amount_is_kept_too(
    house: House,
) -> None:
    bank_ref = number()
    async with house.parts.database.transaction() as session:
        reference = await static_reference(session, house.body.agency_id, "chung-thuc-chu-ky")
    await credit(house, 10_000, reference, bank_ref=bank_ref)
    await take_statement(house, reference, bank_ref, 1000)
    for _ in range(2):
        summary = await reconcile(house)
        assert summary["matched"] == {"count": 1, "sum": 1000}
        assert summary["missing_in_ledger"] == {"count": 1, "sum": 10_000}
    assert await recorded(house, bank_ref) == [(1000, "conflicting_notice"), (10_000, None)]
    assert await house.broken() == []


def drop_the_second_amount(patch: pytest.MonkeyPatch) -> None:
    """A second amount is taken for a repeat of the first."""
    patch.setattr(credits, "conflicting_key", lambda key, amount: key)


def count_every_telling(patch: pytest.MonkeyPatch) -> None:
    """Each notice of a second amount is new money."""
    patch.setattr(credits, "conflicting_key", lambda key, amount: new_id("key"))


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
        (drop_the_second_amount, "an applied callback has left its trace"),
        (count_every_telling, "the same money is one payment"),
        (forget_why_it_waits, "the same money is one payment"),
    ],
)
async def test_a_service_that_does_otherwise_is_caught(
    house: House,
    monkeypatch: pytest.MonkeyPatch,
    way: Way,
    variant: Callable[[pytest.MonkeyPatch], None],
    rule: str,
) -> None:
    variant(monkeypatch)
    _, _, send = await way(house)
    for amount in (2000, 3000, 3000):
        await send(amount)
    if way is by_gateway and variant is count_every_telling:
        # A gateway's same event is known again; told of another order, it is another event.
        order = next(iter(house.sandbox.store.orders.values()))
        ref = order.charges[0].transaction_no
        other = order_of(house, await house.start(await house.create_bill()))
        await call(house, result_of(house, other, amount=3000, transaction_no=ref))
    assert any(line.startswith(rule) for line in await house.broken())
