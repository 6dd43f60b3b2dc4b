"""The small steps that the books are made of, each with every row that it writes and locks.

Beside what a step is about stands what it is not about, and must leave as it was.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import SQLModel, col, select

from app.seed.agency import DemoBody
from core import audit, clock
from core.db import Database
from core.events import Event
from core.ids import new_id
from core.sessions import WriteSession
from payments.bills.locks import LockedBill, lock_bill
from payments.bills.models import Payment, SuspenseItem
from payments.books import cash, checks, ledger
from payments.books.allocation import Reason
from payments.books.cash import NewCash
from payments.books.closed_days import (
    ClosedDay,
    accounting_day,
    close_day,
    find_closed_at,
    find_last_closed,
    lock_open_days,
    share_open_days,
)
from payments.books.decided import note_decided
from payments.books.ledger import MoneySource
from payments.books.locks import (
    LockedAttempt,
    LockedPayment,
    find_and_lock_attempt,
    find_order_account,
    find_order_destination,
    lock_attempt,
)
from payments.books.moves import move_bill, move_payment
from payments.books.suspense import LockedItem, lock_item
from payments.events import CollectorDepositWaits, StallCreditWaits
from payments.states import IllegalMove
from tests.support.bare_money import add_account, add_body, add_reference, put
from tests.support.bare_rows import add_bill, add_credit, insert
from tests.support.locks import names_held, rows_free
from tests.support.rows import audited

pytestmark = pytest.mark.asyncio(loop_scope="module")

AT = datetime(2026, 11, 30, 3, tzinfo=UTC)
ON = date(2026, 11, 30)


async def rows(session: WriteSession, query: str, **values: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await session.execute(text(query), values)]


async def postings(session: WriteSession, *payments: str) -> list[tuple[Any, ...]]:
    """What was posted of these payments: kind, day, ledger, account, bill and amount."""
    return await rows(
        session,
        "SELECT t.payment_id, t.kind, t.accounting_on, o.ledger, o.collection_account_id,"
        " o.bill_id, o.amount FROM ledger_transaction t JOIN posting o ON o.transaction_id = t.id"
        " WHERE t.payment_id = ANY(:ids) ORDER BY t.id, o.id",
        ids=list(payments),
    )


async def read(session: WriteSession, model: type[SQLModel], row_id: str) -> dict[str, Any]:
    """A whole row, without what is None."""
    found = await session.one(select(model).where(col(model.id) == row_id))  # type: ignore[attr-defined]
    return {name: value for name, value in found.model_dump().items() if value is not None}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """The events that cash tells, in their order."""
    events: list[Event] = []

    async def emit(session: WriteSession, event: Event) -> None:
        assert isinstance(session, WriteSession)
        events.append(event)

    monkeypatch.setattr(cash, "emit", emit)
    return events


def new_cash(body: DemoBody, amount: int, reference: str) -> NewCash:
    name = new_id("slip")
    at = AT - timedelta(hours=20)
    return NewCash(
        name, f"P-{name}", amount, at, reference, body.agency_id, body.collection_account_id
    )


def entered(body: DemoBody, money: NewCash, payment: str, bill: str | None) -> dict[str, Any]:
    """The row of cash that was taken the day before."""
    return {
        "id": payment,
        "kind": "credit",
        "agency_id": body.agency_id,
        **({"bill_id": bill} if bill else {}),
        "gateway": "cash",
        "collection_account_id": body.collection_account_id,
        "status": "succeeded",
        "amount": money.amount,
        "credited": money.amount,
        "gateway_ref": money.slip,
        "settlement_key": f"cash:{money.name}",
        "reference": money.reference,
        "created_at": AT,
        "paid_at": money.taken_at,
        "accounting_on": ON - timedelta(days=1),
        "asked": 0,
    }


async def test_cash_for_a_stall_is_money_that_waits_there(
    bare_books: Database, told: list[Event]
) -> None:
    with clock.frozen(AT):
        async with bare_books.transaction() as session:
            body = await add_body(session)
            money = new_cash(body, 700, "LPSTALL")
            payment = await cash.take_stall_cash(session, money, actor="staff:me")
            assert await read(session, Payment, payment) == entered(body, money, payment, None)
            (item,) = await session.all(
                select(SuspenseItem).where(SuspenseItem.payment_id == payment)
            )
            assert (item.place, item.reason, item.amount, item.bill_id, item.created_at) == (
                *("suspense", "stall_credit", 700),
                *(None, AT),
            )
            at = (payment, "credit", ON - timedelta(days=1))
            account = body.collection_account_id
            assert sorted(await postings(session, payment), key=str) == sorted(
                [
                    (*at, "collector_cash", account, None, 700),
                    (*at, "suspense", account, None, -700),
                ],
                key=str,
            )
    assert told == [StallCreditWaits(payment, body.agency_id, 700)]
    assert await audited(bare_books, payment) == [
        (
            "payment.succeeded",
            "staff:me",
            {"amount": 700, "gateway": "cash", "accounting_on": "2026-11-29"},
        )
    ]


async def test_cash_for_a_bill_settles_it(bare_books: Database, told: list[Event]) -> None:
    with clock.frozen(AT):
        async with bare_books.transaction() as session:
            body = await add_body(session)
            bill = await lock_bill(session, await add_bill(session, body))
            money = new_cash(body, 5000, bill.reference)
            payment = await cash.take_bill_cash(session, money, bill, actor="staff:me")
            assert await read(session, Payment, payment) == entered(body, money, payment, bill.id)
            assert (await lock_bill(session, bill.id)).status == "paid"
            assert [one[3:] for one in await postings(session, payment)] == [
                ("revenue", body.collection_account_id, bill.id, -5000),
                ("collector_cash", body.collection_account_id, bill.id, 5000),
            ]
    assert told == []
    assert [who for _, who, _ in await audited(bare_books, payment)] == ["staff:me"]


async def test_what_collectors_have_taken_is_summed_for_one_account_and_held(
    bare_books: Database,
) -> None:
    async with bare_books.transaction() as session:
        body = await add_body(session)
        other = await add_account(session, body.agency_id)
        account = body.collection_account_id
        name = f"collector_cash:{account}"
        assert await cash.lock_collector_cash(session, account) == 0
        assert await names_held(session, name) == {name: "alone"}
        payment = await add_credit(session, body)
        for at, ledger_name, amount in (
            (account, "collector_cash", 700),
            (account, "collector_cash", 30),
            (account, "in_transit", 4000),
            (other, "collector_cash", 50_000),
        ):
            source = MoneySource(payment, at, ON)
            await ledger.post(
                session, "credit", source, None, {ledger_name: amount, "suspense": -amount}
            )
        assert await cash.lock_collector_cash(session, account) == 730


async def item_of(
    session: WriteSession, body: DemoBody, reason: Reason, amount: int, **changes: Any
) -> LockedItem:
    """Money of which so much waits for that reason, locked."""
    payment = await add_credit(session, body, **changes)
    return await lock_item(session, await put(session, payment, "suspense", reason, amount))


async def open_items(session: WriteSession, *payments: str) -> list[tuple[Any, ...]]:
    return await rows(
        session,
        "SELECT payment_id, place, reason, amount, bill_id FROM suspense_item"
        " WHERE closed_at IS NULL AND payment_id = ANY(:ids) ORDER BY payment_id, place",
        ids=list(payments),
    )


@pytest.mark.parametrize("amount", [5000, 3000])
async def test_a_deposit_clears_what_its_collector_took_and_the_rest_waits(
    bare_books: Database, amount: int
) -> None:
    with clock.frozen(AT):
        async with bare_books.transaction() as session:
            body = await add_body(session)
            item, other = [
                await item_of(session, body, Reason.COLLECTOR_DEPOSIT, 5000) for _ in range(2)
            ]
            cleared = await cash.clear_cash(session, "staff:me", item, amount)
            reason = "collector_deposit"
            rest = [(item.payment_id, "suspense", reason, 5000 - amount, None)]
            assert await open_items(session, item.payment_id, other.payment_id) == [
                (item.payment_id, "collector_cash", reason, amount, None),
                *(rest if amount < 5000 else []),
                (other.payment_id, "suspense", reason, 5000, None),
            ]
            made = await rows(
                *(session, "SELECT id, kind FROM ledger_transaction WHERE payment_id = :p"),
                p=item.payment_id,
            )
            assert made == [(cleared, "collector_deposit")]
            at = (item.payment_id, "collector_deposit", ON)
            account = body.collection_account_id
            assert await postings(session, item.payment_id, other.payment_id) == [
                (*at, "suspense", account, None, amount),
                (*at, "collector_cash", account, None, -amount),
            ]
            doubts = [
                (await read(session, Payment, one.payment_id)).get("doubt") for one in (item, other)
            ]
            assert doubts == [reason if amount == 5000 else None, None]
    assert await audited(bare_books, item.payment_id) == [
        ("payment.cleared_cash", "staff:me", {"item": item.id, "amount": amount})
    ]


async def test_only_what_was_paid_in_on_a_hand_overs_reference_is_looked_at_again(
    bare_books: Database, told: list[Event]
) -> None:
    async with bare_books.transaction() as session:
        body = await add_body(session)
        counted, another = f"LP{new_id('x')[-9:]}", f"LP{new_id('x')[-9:]}"
        first, second = [
            await item_of(session, body, Reason.COLLECTOR_DEPOSIT, amount, reference=counted)
            for amount in (400, 500)
        ]
        await item_of(session, body, Reason.STALL_CREDIT, 60, reference=counted)
        await item_of(session, body, Reason.COLLECTOR_DEPOSIT, 7, reference=another)
        short = await put(session, first.payment_id, "suspense", "short", 8)
        found = await cash.lock_deposit(session, first.payment_id)
        assert [one.id for one in found] == [first.id]
        assert short != first.id
        await cash.tell_of_deposits(session, counted)
    assert told == [
        CollectorDepositWaits(first.payment_id, body.agency_id, 400),
        CollectorDepositWaits(second.payment_id, body.agency_id, 500),
    ]


def refs(*names: str) -> dict[str, str]:
    return {name: new_id(name) for name in names}


async def gateway_account(session: WriteSession, body: DemoBody) -> str:
    account_id = new_id("gwacct")
    values = {
        "id": account_id,
        "agency_id": body.agency_id,
        "gateway": "paygov",
        "account": account_id,
        "base_url": "http://127.0.0.1:1",
        "credentials": b"",
        "collection_account_id": body.collection_account_id,
        "enabled": True,
        "created_at": AT,
    }
    await insert(session, "gateway_account", values)
    return account_id


async def attempt(
    session: WriteSession, body: DemoBody, bill: str, gateway: str, **changes: Any
) -> str:
    """An attempt of 5,000 đ that the gateway has taken; its id."""
    values: dict[str, Any] = {
        "kind": "attempt",
        "bill_id": bill,
        "gateway": "paygov",
        "gateway_account_id": gateway,
        "status": "submitted",
        "credited": None,
        "order_ref": new_id("order"),
        "settlement_key": None,
        "accounting_on": None,
        "paid_at": None,
        "created_at": AT,
        "gateway_ref": None,
    }
    return await add_credit(session, body, **(values | changes))


async def test_an_attempt_is_locked_with_its_bill_and_no_other(bare_books: Database) -> None:
    async with bare_books.transaction() as session:
        body, other = await add_body(session), await add_body(session)
        ours, theirs = await gateway_account(session, body), await gateway_account(session, other)
        bills = [await add_bill(session, body, amount=5000 + n) for n in range(3)]
        orders = [new_id("order") for _ in range(3)]
        said: dict[str, Any] = {"request_code": "RC", "asked": 3}
        payments = [
            await attempt(*(session, body, bill, gateway), order_ref=order, **said)
            for bill, gateway, order in zip(bills, (ours, ours, theirs), orders, strict=True)
        ]
        locked = LockedAttempt(
            await lock_bill(session, bills[1]),
            LockedPayment(
                id=payments[1],
                bill_id=bills[1],
                collection_account_id=body.collection_account_id,
                status="submitted",
                amount=5000,
                credited=None,
                request_code="RC",
                created_at=AT,
                asked=3,
            ),
        )

    async def others_are_free() -> bool:
        free = {bills[0], bills[2]}, {payments[0], payments[2]}
        return free == (
            await rows_free(bare_books, "bill", bills),
            await rows_free(bare_books, "payment", payments),
        )

    async with bare_books.transaction() as session:
        assert await lock_attempt(session, payments[1]) == locked
        assert await others_are_free()
    async with bare_books.transaction() as session:
        assert await find_and_lock_attempt(session, orders[1], ours) == locked
        assert await others_are_free()
    async with bare_books.transaction() as session:
        assert await find_and_lock_attempt(session, orders[1], theirs) is None
        assert await find_and_lock_attempt(session, new_id("order"), ours) is None
        assert await rows_free(bare_books, "bill", bills) == set(bills)
        assert await find_order_account(session, orders[1]) == ours
        assert await find_order_account(session, orders[2]) == theirs
        assert await find_order_account(session, new_id("order")) is None


async def test_where_an_orders_money_goes_is_asked_of_the_account_it_was_given_to(
    bare_books: Database,
) -> None:
    async with bare_books.transaction() as session:
        body, other = await add_body(session), await add_body(session)
        gateway = await gateway_account(session, body)
        places = {"first": body.collection_account_id, "second": other.collection_account_id}
        orders = {}
        for name, account in places.items():
            bill = await add_bill(session, body)
            orders[name] = new_id("order")
            where = {"order_ref": orders[name], "collection_account_id": account}
            await attempt(session, body, bill, gateway, **where)
        elsewhere = await gateway_account(session, body)
        for name, account in places.items():
            assert await find_order_destination(session, orders[name], gateway) == account
            assert await find_order_destination(session, orders[name], elsewhere) is None
        assert await find_order_destination(session, new_id("order"), gateway) is None


async def test_a_payment_and_a_bill_move_with_what_changes_and_are_told(
    bare_books: Database,
) -> None:
    async with bare_books.transaction() as session:
        body = await add_body(session)
        gateway = await gateway_account(session, body)
        bill, other = [await add_bill(session, body) for _ in range(2)]
        moved, stays = [await attempt(session, body, one, gateway) for one in (bill, other)]
        payment = (await lock_attempt(session, moved)).payment
        await move_payment(
            session, "test:who", payment, "failed", {"code": "51"}, gateway_code="51"
        )
        payment = replace(payment, status="failed")
        came = {"credited": 5000, "settlement_key": new_id("key"), "accounting_on": ON}
        await move_payment(session, "test:who", payment, "succeeded", {"code": "00"}, **came)  # type: ignore[arg-type]
        with pytest.raises(IllegalMove):
            await move_payment(session, "test", replace(payment, status="succeeded"), "failed", {})
        locked: LockedBill = await lock_bill(session, bill)
        await move_bill(session, "test:who", locked, "paid", {"amount": 5000}, paid_at=AT)
        with pytest.raises(IllegalMove):
            await move_bill(session, "test:who", replace(locked, status="paid"), "expired", {})
        now = "SELECT id, status, gateway_code, credited, accounting_on FROM payment"
        found = await rows(session, f"{now} WHERE id = ANY(:p) ORDER BY id", p=[moved, stays])
        assert found == [
            (moved, "succeeded", "51", 5000, ON),
            (stays, "submitted", None, None, None),
        ]
        states = "SELECT id, status, paid_at FROM bill WHERE id = ANY(:b) ORDER BY id"
        assert await rows(session, states, b=[bill, other]) == [
            (bill, "paid", AT),
            (other, "open", None),
        ]
    assert await audited(bare_books, moved) == [
        ("payment.failed", "test:who", {"before": "submitted", "code": "51"}),
        (
            "payment.succeeded",
            "test:who",
            {"before": "failed", "code": "00", "accounting_on": "2026-11-30"},
        ),
    ]
    assert await audited(bare_books, bill) == [
        ("bill.paid", "test:who", {"before": "open", "amount": 5000})
    ]


@pytest.mark.parametrize(
    ("status", "after"), [("held", "succeeded"), ("succeeded", "succeeded"), (None, "succeeded")]
)
async def test_what_people_decided_is_kept_and_a_held_attempt_held_no_longer(
    bare_books: Database, status: str | None, after: str
) -> None:
    """`status` is that of an attempt, None: it is a credit."""
    came = {"credited": 4000, "accounting_on": ON}
    async with bare_books.transaction() as session:
        body = await add_body(session)
        gateway = await gateway_account(session, body)
        payments = []
        for _ in range(2):
            bill = await add_bill(session, body)
            key = {"settlement_key": new_id("key")}
            payments.append(
                await add_credit(session, body)
                if status is None
                else await attempt(session, body, bill, gateway, status=status, **came, **key)
            )
        item = await lock_item(
            session, await put(session, payments[0], "suspense", "amount_mismatch", 4000)
        )
        await note_decided(session, "test:who", item, Reason.REFUND_WANTED)
        found = await rows(
            *(session, "SELECT status, doubt FROM payment WHERE id = ANY(:p) ORDER BY id"),
            p=payments,
        )
        assert found == [(after, "refund_wanted"), (status or "succeeded", None)]
        await note_decided(session, "test:who", item, None)
        assert (await read(session, Payment, payments[0])).get("doubt") is None
    moved = [("payment.succeeded", "test:who", {"before": "held", "item": item.id})]
    assert await audited(bare_books, payments[0]) == (moved if status == "held" else [])


async def test_a_ledger_transaction_is_written_whole_or_refused(bare_books: Database) -> None:
    with clock.frozen(AT):
        async with bare_books.transaction() as session:
            body = await add_body(session)
            bill, payment = await add_bill(session, body), await add_credit(session, body)
            source = MoneySource(payment, body.collection_account_id, ON)
            amounts = {"receivable": 5000, "revenue": -4000, "suspense": 0, "refundable": -1000}
            made = await ledger.post(session, "credit", source, bill, amounts)
            written = "SELECT id, created_at FROM ledger_transaction WHERE payment_id = :p"
            assert await rows(session, written, p=payment) == [(made, AT)]
            at = (payment, "credit", ON)
            assert await postings(session, payment) == [
                (*at, "receivable", body.collection_account_id, bill, 5000),
                (*at, "revenue", body.collection_account_id, bill, -4000),
                (*at, "refundable", body.collection_account_id, bill, -1000),
            ]
            wrong: Iterable[Mapping[str, int]] = (
                {"receivable": 5000, "revenue": -4999},
                {"receivable": 1},
                {"receivable": 0, "revenue": 0},
                {},
            )
            for entries in wrong:
                with pytest.raises(ValueError, match=payment):
                    await ledger.post(session, "credit", source, bill, entries)


async def close(session: WriteSession, body: DemoBody, on: date, at: datetime) -> str:
    """Close a day of the body's account by a run of it; the run."""
    run: dict[str, Any] = {
        "id": new_id("recon"),
        "agency_id": body.agency_id,
        "collection_account_id": body.collection_account_id,
        "business_on": on,
        "summary": "{}",
        "created_by": "test",
        "created_at": at,
    }
    await insert(session, "reconciliation", run)
    await close_day(session, body.collection_account_id, on, run["id"], at)
    return str(run["id"])


async def test_days_are_closed_for_one_account(bare_books: Database) -> None:
    async with bare_books.transaction() as session:
        body, other, none = [await add_body(session) for _ in range(3)]
        runs = [
            await close(session, body, ON + timedelta(days=days), AT + timedelta(days=days))
            for days in (0, 1)
        ]
        await close(session, other, ON + timedelta(days=7), AT)
        account, open_one = body.collection_account_id, none.collection_account_id
        closed = await session.all(
            select(ClosedDay)
            .where(ClosedDay.collection_account_id == account)
            .order_by(col(ClosedDay.business_on))
        )
        assert [one.model_dump() for one in closed] == [
            {
                "collection_account_id": account,
                "business_on": ON + timedelta(days=days),
                "reconciliation_id": runs[days],
                "closed_at": AT + timedelta(days=days),
            }
            for days in (0, 1)
        ]
        assert await find_last_closed(session, account) == ON + timedelta(days=1)
        assert await find_last_closed(session, open_one) is None
        assert await find_closed_at(session, runs[0]) == AT
        assert await find_closed_at(session, new_id("recon")) is None
        assert await accounting_day(session, account, AT) == ON + timedelta(days=2)
        assert await accounting_day(session, open_one, AT) == ON
        assert await accounting_day(session, account, AT + timedelta(days=3)) == ON + timedelta(
            days=3
        )


async def test_who_records_shares_the_days_that_who_closes_holds(bare_books: Database) -> None:
    name = "closing:acct_1"
    for lock, how in ((share_open_days, "shared"), (lock_open_days, "alone")):
        async with bare_books.transaction() as session:
            await lock(session, "acct_1")
            assert await names_held(session, name) == {name: how}


@pytest.mark.parametrize(
    ("moves", "wrong"),
    [
        ((("bill.opened", None), ("bill.paid", "open"), ("bill.reopened", "paid")), ""),
        ((("bill.opened", None), ("bill.paid", None)), ""),
        ((("bill.opened", None), ("bill.paid", "expired")), "open → paid (bill.paid)"),
        ((("bill.opened", None), ("bill.reopened", "open")), "open → open (bill.reopened)"),
        ((("bill.paid", None),), "None → paid (bill.paid)"),
        ((("bill.exempt", None), ("bill.paid", "exempt")), "exempt → paid (bill.paid)"),
        # Both lead to `open`, each from where it alone leads there.
        ((("bill.reopened", None),), "None → open (bill.reopened)"),
        ((("bill.reopened", None), ("bill.paid", "open")), "None → open (bill.reopened)"),
        (
            (("bill.opened", None), ("bill.paid", None), ("bill.opened", None)),
            "paid → open (bill.opened)",
        ),
    ],
)
async def test_moves_that_no_table_has_are_named(
    bare_books: Database, moves: tuple[tuple[str, str | None], ...], wrong: str
) -> None:
    """`moves` are the deeds of the log and the states that they name as those before."""
    thing, other = new_id("bill"), new_id("bill")
    async with bare_books.transaction() as session:
        for action, before in moves:
            details = {} if before is None else {"before": before}
            await audit.record(
                session, actor="test", action=action, object_id=thing, details=details
            )
        await audit.record(session, actor="test", action="bill.paid", object_id=other)
        told = [line async for line in checks.check_moves(session, [thing])]
        line = f"states move as the table allows: {thing} {wrong}"
        assert told == ([line] if wrong else [])
        of_all = [line async for line in checks.check(session)]
        assert (line in of_all) == bool(wrong)
        assert f"states move as the table allows: {other} None → paid (bill.paid)" in of_all


async def test_a_row_that_breaks_a_rule_is_named_beside_the_moves(bare_books: Database) -> None:
    async with bare_books.transaction() as session:
        body = await add_body(session)
        bill = await add_bill(session, body, status="paid", paid_at=AT)
        assert any(bill in line for line in [line async for line in checks.check(session)])
        await add_reference(session, body.agency_id, "stall", f"LP{new_id('x')[-9:]}")
