"""What the database refuses by itself, whoever writes: the last word on money and receipts."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.seed.agency import DemoBody, seed_body
from core import clock
from core.db import Database
from core.ids import new_id
from core.money import MAX_AMOUNT
from core.sessions import WriteSession
from tests.support.bare_rows import add_bill, add_credit, add_paid_bill, insert
from tests.support.rows import contents, count


@dataclass(frozen=True, slots=True)
class Books:
    """A database with a body that has one open bill, a credit, and a receipt of a paid bill."""

    database: Database
    body: DemoBody
    bill_id: str
    payment_id: str


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Books]:
    """Rows by hand: no service stands between the test and the database."""
    database = Database(database_url, pool_size=2)
    async with database.transaction() as session:
        body = await seed_body(session)
        bill_id = await add_bill(session, body)
        payment_id = await add_credit(session, body)
        await add_receipt(session, body)
    yield Books(database, body, bill_id, payment_id)
    await database.dispose()


async def add_receipt(session: WriteSession, body: DemoBody) -> None:
    now = clock.now()
    series_id, receipt_id = new_id("series"), new_id("rcpt")
    series = {
        "id": series_id,
        "agency_id": body.agency_id,
        "template": "EBL01",
        "symbol": "26TAA",
        "year": 2026,
        "last_number": 1,
    }
    receipt = {
        "id": receipt_id,
        "series_id": series_id,
        "number": 1,
        "agency_id": body.agency_id,
        "bill_id": await add_paid_bill(session, body),
        "code": new_id("code"),
        "status": "issued",
        "amount": 5000,
        "issued_on": clock.business_date(now),
        "issued_at": now,
        "content": b"encrypted",
        "signer": "test",
        "signed_at": now,
    }
    file = {
        "receipt_id": receipt_id,
        "kind": "xml",
        "sha256": "0" * 64,
        "data": b"encrypted",
        "created_at": now,
    }
    await insert(session, "receipt_series", series)
    await insert(session, "receipt", receipt)
    await insert(session, "receipt_file", file)


async def post(session: WriteSession, books: Books, *amounts: int) -> None:
    """A ledger transaction with a posting of each amount."""
    transaction_id = new_id("ltx")
    now = clock.now()
    transaction = {
        "id": transaction_id,
        "kind": "credit",
        "payment_id": books.payment_id,
        "accounting_on": clock.business_date(now),
        "created_at": now,
    }
    await insert(session, "ledger_transaction", transaction)
    for amount in amounts:
        posting = {
            "transaction_id": transaction_id,
            "ledger": "revenue",
            "collection_account_id": books.body.collection_account_id,
            "amount": amount,
        }
        await insert(session, "posting", posting)


async def allocate(session: WriteSession, payment_id: str, bill_id: str, amount: int) -> None:
    row = {
        "id": new_id("alloc"),
        "payment_id": payment_id,
        "bill_id": bill_id,
        "amount": amount,
        "created_at": clock.now(),
    }
    await insert(session, "allocation", row)


@pytest.mark.parametrize("amounts", [(5000, -4999), (5000,), (5000, -2500, -2499), (1, 1)])
async def test_postings_that_do_not_sum_to_zero_are_refused_at_commit(
    books: Books, amounts: tuple[int, ...]
) -> None:
    written = False

    async def write() -> None:
        nonlocal written
        async with books.database.transaction() as session:
            await post(session, books, *amounts)
            written = True

    with pytest.raises(DBAPIError, match="not to zero"):
        await write()
    # Each side alone is no fault: the database waits for all of them.
    assert written
    assert await count(books.database, "ledger_transaction") == 0


async def test_a_side_added_to_a_closed_transaction_is_refused(books: Books) -> None:
    async with books.database.transaction() as session:
        await post(session, books, 5000, -3000, -2000)

    async def add() -> None:
        async with books.database.transaction() as session:
            await session.execute(
                text(
                    "INSERT INTO posting (transaction_id, ledger, collection_account_id, amount)"
                    " SELECT transaction_id, ledger, collection_account_id, 1 FROM posting LIMIT 1"
                )
            )

    with pytest.raises(DBAPIError, match="not to zero"):
        await add()
    assert await count(books.database, "posting") == 3


async def test_a_payment_gives_all_that_came_and_not_a_dong_more(books: Books) -> None:
    async with books.database.transaction() as session:
        other = await add_bill(session, books.body)
        third = await add_bill(session, books.body)
        await allocate(session, books.payment_id, books.bill_id, 3000)
        await allocate(session, books.payment_id, other, 2000)

    async def add() -> None:
        async with books.database.transaction() as session:
            await allocate(session, books.payment_id, third, 1)

    with pytest.raises(DBAPIError, match="gives 5001 of 5000"):
        await add()
    assert await count(books.database, "allocation") == 2


async def test_what_was_given_is_taken_back_whole_and_once(books: Books) -> None:
    async with books.database.transaction() as session:
        other = await add_bill(session, books.body)
        await allocate(session, books.payment_id, books.bill_id, 5000)

    async def take_back(bill_id: str, amount: int) -> None:
        async with books.database.transaction() as session:
            (given,) = await session.scalars(text("SELECT id FROM allocation WHERE amount > 0"))
            row = {"id": new_id("alloc"), "payment_id": books.payment_id, "bill_id": bill_id}
            made = {"amount": amount, "created_at": clock.now(), "reverses": given}
            await insert(session, "allocation", row | made)

    for bill_id, amount in ((books.bill_id, -4999), (other, -5000)):
        with pytest.raises(DBAPIError, match="takes back another one than it names"):
            await take_back(bill_id, amount)
    with pytest.raises(IntegrityError, match="ck_allocation_amount"):
        await take_back(books.bill_id, 5000)
    await take_back(books.bill_id, -5000)
    with pytest.raises(IntegrityError, match="uq_allocation_reverses"):
        await take_back(books.bill_id, -5000)


async def test_a_payment_without_money_gives_nothing(books: Books) -> None:
    empty = {
        "status": "failed",
        "credited": None,
        "accounting_on": None,
        "settlement_key": None,
        "paid_at": None,
    }
    async with books.database.transaction() as session:
        failed = await add_credit(session, books.body, **empty)

    async def add() -> None:
        async with books.database.transaction() as session:
            await allocate(session, failed, books.bill_id, 1)

    with pytest.raises(DBAPIError, match="gives 1 of"):
        await add()
    assert await count(books.database, "allocation") == 0


async def refused(books: Books, statement: str, **values: Any) -> str:
    """The message of the database that refuses a statement, which leaves everything as it was."""
    before = await contents(books.database)
    async with books.database.transaction() as session:
        nested = await session.begin_nested()
        with pytest.raises(DBAPIError) as caught:
            await session.execute(text(statement), values)
        await nested.rollback()
    assert await contents(books.database) == before
    return str(caught.value.orig)


@pytest.mark.parametrize(
    "change",
    [
        "SET number = 2",
        "SET amount = amount + 1",
        "SET content = 'other'",
        "SET code = 'other'",
        "SET issued_on = issued_on + 1",
        "SET issued_at = issued_at - interval '1 second'",
        "SET paid_at = now()",
        "SET series_id = 'other'",
        "SET bill_id = 'other'",
        "SET status = 'replaced', amount = 1",
    ],
)
async def test_what_an_issued_receipt_says_is_frozen(books: Books, change: str) -> None:
    assert "does not change" in await refused(books, f"UPDATE receipt {change}")


async def test_an_issued_receipt_is_not_deleted_but_may_be_replaced(books: Books) -> None:
    assert "does not change" in await refused(books, "DELETE FROM receipt")
    async with books.database.transaction() as session:
        await session.execute(text("UPDATE receipt SET status = 'replaced'"))
    assert await count(books.database, "receipt", "status = 'replaced'") == 1


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("receipt_file", "sha256"),
        ("posting", "ledger"),
        ("ledger_transaction", "kind"),
        ("allocation", "bill_id"),
    ],
)
async def test_rows_that_prove_money_are_only_ever_added(
    books: Books, table: str, column: str
) -> None:
    async with books.database.transaction() as session:
        await post(session, books, 5000, -5000)
        await allocate(session, books.payment_id, books.bill_id, 5000)
    assert await count(books.database, table) > 0
    for statement in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):
        assert "only ever added" in await refused(books, statement)


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"amount": -1}, "ck_bill_amount"),
        ({"amount": MAX_AMOUNT + 1}, "ck_bill_amount"),
        ({"amount": 0}, "ck_bill_exempt_is_zero"),
        ({"status": "exempt"}, "ck_bill_exempt_is_zero"),
        ({"status": "paid"}, "ck_bill_paid_has_time"),
        ({"paid_at": "now"}, "ck_bill_paid_has_time"),
        ({"status": "settled"}, "ck_bill_status"),
    ],
)
async def test_a_bill_that_cannot_be_is_refused(
    books: Books, changes: dict[str, Any], constraint: str
) -> None:
    values = {name: clock.now() if value == "now" else value for name, value in changes.items()}
    async with books.database.transaction() as session:
        nested = await session.begin_nested()
        with pytest.raises(IntegrityError, match=constraint):
            await add_bill(session, books.body, **values)
        await nested.rollback()
    assert await count(books.database, "bill") == 2


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"amount": 0}, "ck_payment_amount"),
        ({"amount": -5000}, "ck_payment_amount"),
        ({"amount": MAX_AMOUNT + 1}, "ck_payment_amount"),
        ({"credited": 0}, "ck_payment_credited"),
        ({"credited": -1}, "ck_payment_credited"),
        ({"status": "failed"}, "ck_payment_credited_if_money"),
        ({"credited": None, "accounting_on": None}, "ck_payment_credited_if_money"),
        ({"accounting_on": None}, "ck_payment_accounting_if_money"),
        ({"settlement_key": None}, "ck_payment_money_has_key"),
        ({"kind": "gift"}, "ck_payment_kind"),
        ({"kind": "attempt", "order_ref": "O1"}, "ck_payment_attempt_has_bill"),
        ({"order_ref": "O1"}, "ck_payment_attempt_has_order"),
    ],
)
async def test_a_payment_that_cannot_be_is_refused(
    books: Books, changes: dict[str, Any], constraint: str
) -> None:
    async with books.database.transaction() as session:
        nested = await session.begin_nested()
        with pytest.raises(IntegrityError, match=f'"{constraint}"'):
            await add_credit(session, books.body, **changes)
        await nested.rollback()
    assert await count(books.database, "payment") == 1


@pytest.mark.parametrize("amount", [0, -1, MAX_AMOUNT + 1])
async def test_no_part_of_a_payment_is_nothing_or_negative(books: Books, amount: int) -> None:
    item = (
        "INSERT INTO suspense_item (id, payment_id, place, amount, reason, created_at)"
        " VALUES ('i', :payment, 'suspense', :amount, 'short', now())"
    )
    part = (
        "INSERT INTO allocation (id, payment_id, bill_id, amount, created_at)"
        " VALUES ('a', :payment, :bill, :amount, now())"
    )
    values = {"payment": books.payment_id, "amount": amount}
    assert "ck_suspense_item_amount" in await refused(books, item, **values)
    told = await refused(books, part, **values, bill=books.bill_id)
    assert "ck_allocation_amount" in told


async def test_a_posting_of_nothing_is_refused(books: Books) -> None:
    async with books.database.transaction() as session:
        nested = await session.begin_nested()
        with pytest.raises(IntegrityError, match="ck_posting_not_zero"):
            await post(session, books, 5000, 0, -5000)
        await nested.rollback()
    assert await count(books.database, "posting") == 0


async def test_the_same_money_is_not_recorded_twice(books: Books) -> None:
    async with books.database.transaction() as session:
        await add_credit(session, books.body, settlement_key="bank:FT1")
        nested = await session.begin_nested()
        with pytest.raises(IntegrityError, match="uq_payment_settlement_key"):
            await add_credit(session, books.body, settlement_key="bank:FT1")
        await nested.rollback()
    assert await count(books.database, "payment") == 2


async def test_what_is_right_is_not_refused(books: Books) -> None:
    async with books.database.transaction() as session:
        await add_bill(session, books.body, status="exempt", amount=0)
        await add_bill(session, books.body, amount=MAX_AMOUNT)
        paid = await add_paid_bill(session, books.body)
        await allocate(session, books.payment_id, paid, 5000)
        await post(session, books, 5000, -5000)
    assert await count(books.database, "bill") == 5
    assert await count(books.database, "posting") == 2
