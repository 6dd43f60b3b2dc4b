"""Prices remembered: how soon a change of the catalogue is seen, and how rarely it is asked."""

import asyncio
from datetime import date

import pytest

from core.db import Database
from core.errors import NotFound
from core.sessions import ReadSession, WriteSession
from payments.catalogue import queries
from payments.catalogue.prices import PriceBook
from payments.catalogue.rules.schedule import Schedule
from tests.support.catalogue_rows import (
    TODAY,
    add_agency,
    add_fees,
    amount_of,
    counted,
    full_price,
    run,
)


class Seconds:
    """A clock that a test moves by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def raise_price(database: Database, amount: int) -> None:
    rule = f"jsonb_build_object('amount', {amount})"
    await run(database, f"UPDATE fee SET rule = {rule} WHERE code = 'chung-thuc-chu-ky'")


async def asked(database: Database, book: PriceBook, day: date = TODAY) -> int:
    return full_price((await book.read(database, None)).get("2.000884", day))


async def test_remembered_prices_ask_the_database_only_now_and_then(seeded: Database) -> None:
    seconds = Seconds()
    book = PriceBook(check_every=2, monotonic=seconds)
    assert await asked(seeded, book) == 10_000
    with counted(seeded) as sent:
        for _ in range(20):
            assert await asked(seeded, book) == 10_000
    assert sent == []
    seconds.now += 2
    with counted(seeded) as sent:
        for _ in range(20):
            assert await asked(seeded, book) == 10_000
    assert len(sent) == 1
    assert "catalogue_stamp" in sent[0]


async def test_a_changed_price_is_seen_at_the_next_check_and_not_before(seeded: Database) -> None:
    seconds = Seconds()
    book = PriceBook(check_every=2, monotonic=seconds)
    assert await asked(seeded, book) == 10_000
    await raise_price(seeded, 11_000)
    seconds.now += 1.9
    assert await asked(seeded, book) == 10_000
    seconds.now += 0.1
    assert await asked(seeded, book) == 11_000
    await raise_price(seeded, 12_000)
    assert await asked(seeded, book) == 11_000
    book.forget()
    assert await asked(seeded, book) == 12_000


async def test_without_the_stamp_a_changed_price_would_never_be_seen(seeded: Database) -> None:
    seconds = Seconds()
    book = PriceBook(check_every=2, monotonic=seconds)
    await run(seeded, "DROP TRIGGER stamp_fee ON fee")
    assert await asked(seeded, book) == 10_000
    await raise_price(seeded, 11_000)
    seconds.now += 60
    assert await asked(seeded, book) == 10_000  # the control: the trigger is what tells


async def test_a_remembered_price_is_that_of_the_day(seeded: Database) -> None:
    book = PriceBook(check_every=3600)

    async def amount(day: date) -> int:
        return amount_of(await book.read(seeded, None), "2.001195", day)

    assert await amount(date(2026, 12, 31)) == 25_000
    with counted(seeded) as sent:
        assert await amount(date(2027, 1, 1)) == 50_000
        assert await amount(date(2026, 12, 31)) == 25_000
    assert sent == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE fee SET source = 'again' WHERE code = 'chung-thuc-ban-sao'",
        "DELETE FROM fee WHERE code = 'chung-thuc-ban-sao'",
        "UPDATE procedure SET code = '2.999999' WHERE code = '2.000815'",
        "TRUNCATE fee CASCADE",
        "TRUNCATE procedure, fee, catalogue_stamp CASCADE",
    ],
)
async def test_every_change_of_the_catalogue_renews_the_stamp(
    seeded: Database, change: str
) -> None:
    async with seeded.transaction() as session:
        before = await queries.find_stamp(session)
    if change.startswith("TRUNCATE"):  # lines of bills name fees, and their table is never emptied
        await run(seeded, "ALTER TABLE bill_line DISABLE TRIGGER lasting")
    await run(seeded, change)
    async with seeded.transaction() as session:
        after = await queries.find_stamp(session)
    assert before is not None
    assert after is not None
    assert before != after


async def test_a_schedule_older_than_the_stamp_is_not_remembered_under_it(
    seeded: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One request reads the old fees; before it is done, another has seen the new stamp."""
    seconds = Seconds()
    book = PriceBook(check_every=2, monotonic=seconds)
    load = queries.load_schedule
    old_is_read, go_on = asyncio.Event(), asyncio.Event()

    async def load_slowly(session: WriteSession, agency_id: str | None) -> Schedule:
        loaded = await load(session, agency_id)
        if not old_is_read.is_set():
            old_is_read.set()
            await go_on.wait()
        return loaded

    monkeypatch.setattr("payments.catalogue.prices.load_offer", load_slowly)
    slow = asyncio.create_task(asked(seeded, book))
    await old_is_read.wait()
    await raise_price(seeded, 11_000)
    seconds.now += 2
    assert await asked(seeded, book) == 11_000
    go_on.set()
    assert await slow == 10_000
    assert await asked(seeded, book) == 11_000


async def test_a_unit_that_comes_under_another_body_is_priced_by_it_at_once(
    seeded: Database,
) -> None:
    seconds = Seconds()
    book = PriceBook(check_every=2, monotonic=seconds)
    province, ward = [await add_agency(seeded, code) for code in ("tinh", "phuong")]
    row = {"code": "chung-thuc-chu-ky", "agency_id": province, "rule": {"amount": 8_000}}
    await add_fees(seeded, row, procedure="2.000884")

    async def amount() -> int:
        return amount_of(await book.read(seeded, ward), "2.000884", TODAY)

    assert await amount() == 10_000
    await run(seeded, f"UPDATE agency SET parent_id = '{province}' WHERE id = '{ward}'")
    seconds.now += 2
    assert await amount() == 8_000


async def test_the_price_book_holds_no_more_agencies_than_it_may(seeded: Database) -> None:
    agencies = [await add_agency(seeded, f"so-{number}") for number in range(3)]
    book = PriceBook(check_every=3600, most_agencies=2)

    async def ask(agency_id: str) -> int:
        with counted(seeded) as sent:
            async with seeded.transaction() as session:
                await book.schedule(session, agency_id)
        return len(sent)

    assert [await ask(agency_id) for agency_id in agencies] == [5, 4, 4]
    assert [await ask(agencies[2]), await ask(agencies[1])] == [0, 0]
    assert await ask(agencies[0]) == 4  # was put out by the third


async def test_an_answer_is_made_once_for_a_catalogue(seeded: Database) -> None:
    seconds = Seconds()
    book = PriceBook(check_every=2, most_answers=2, monotonic=seconds)

    async def price(session: ReadSession) -> bytes:
        schedule = await queries.load_offer(session, None)
        return str(full_price(schedule.get("2.000884", TODAY))).encode()

    async def ask(asked: str) -> tuple[bytes, bool]:
        with counted(seeded) as sent:
            found = await book.answer(seeded, asked, price)
        return found, bool(sent)

    assert await ask("a") == (b"10000", True)
    assert await ask("a") == (b"10000", False)
    await raise_price(seeded, 11_000)
    assert await ask("a") == (b"10000", False)
    seconds.now += 2
    assert await ask("a") == (b"11000", True)
    await ask("b")
    await ask("c")
    assert await ask("a") == (b"11000", True), "the longest unasked makes room"


async def test_what_cannot_be_answered_is_not_remembered(seeded: Database) -> None:
    book = PriceBook(check_every=3600)

    async def refused(session: ReadSession) -> bytes:
        raise NotFound("nothing")

    async def told(session: ReadSession) -> bytes:
        return b"told"

    with pytest.raises(NotFound):
        await book.answer(seeded, "a", refused)
    assert await book.answer(seeded, "a", told) == b"told"
