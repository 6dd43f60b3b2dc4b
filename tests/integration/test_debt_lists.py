"""Lists of debts in the database: loaded once, by whoever comes, beside each other."""

import asyncio

import pytest
from psycopg.errors import UniqueViolation
from sqlalchemy import text

from core.db import Database
from payments.debts import loading
from payments.debts.faults import DebtSheetRefused
from payments.debts.kept_rows import KEPT_DEBTS
from payments.debts.kinds import DebtKind
from payments.debts.loading import CodeTakenMeanwhile, load_list, load_next
from payments.debts.queries import DebtSearch, page_of_debts
from tests.support.debts import CIPHER, land, land_file, take_file, utility_file
from tests.support.locks import until_someone_waits
from tests.support.markets import KEY, new_body

COUNTS = """
SELECT (SELECT count(*) FROM bill), (SELECT count(*) FROM debt WHERE ended_at IS NULL),
  (SELECT coalesce(sum(amount), 0) FROM bill WHERE status = 'open'),
  (SELECT count(*) FROM debt_batch)
"""


async def counts(database: Database) -> tuple[int, ...]:
    async with database.transaction() as session:
        (row,) = await session.execute(text(COUNTS))
        return tuple(int(one) for one in row)


async def body_of(database: Database) -> str:
    async with database.transaction() as session:
        return await new_body(session)


async def test_two_who_load_a_list_at_once_take_turns(database: Database) -> None:
    agency_id = await body_of(database)
    rows = [land(f"ID-{place}", amount="1.000") for place in range(9)]
    taken = await take_file(database, agency_id, land_file(*rows), load=False, size=2)
    await asyncio.gather(*(load_list(database, taken.id, CIPHER, KEY) for _ in range(3)))
    assert await counts(database) == (9, 9, 9_000, 0)


async def test_rows_that_wait_are_sealed_and_come_back_as_they_were(database: Database) -> None:
    agency_id = await body_of(database)
    content = land_file(land("ID-1", name="Lê Thị Kín"))
    taken = await take_file(database, agency_id, content, load=False)
    async with database.transaction() as session:
        (sealed,) = (await session.execute(text("SELECT data FROM debt_batch"))).scalars()
        assert "Lê Thị Kín".encode() not in bytes(sealed)
        (row,) = await KEPT_DEBTS.list_rows(session, CIPHER, taken.id)
    assert (row.name, row.code, str(row.due_on)) == ("Lê Thị Kín", "ID-1", "2026-12-30")


async def test_a_code_stands_in_one_list_of_a_kind(database: Database) -> None:
    agency_id = await body_of(database)
    await take_file(database, agency_id, land_file(land("ID-1"), land("ID-2")))
    with pytest.raises(DebtSheetRefused) as caught:
        await take_file(database, agency_id, land_file(land("ID-9"), land("ID-2")), code="khac")
    (error,) = caught.value.errors
    assert (error.field, error.code) == ("row 3, column Mã khoản phải nộp", "elsewhere")
    assert "dat-2026" in error.detail
    # Of another kind, or another body's, it is another debt.
    utility = utility_file("ID-2,Lê Ba,5.000,Tiền nước")
    await take_file(database, agency_id, utility, kind=DebtKind.UTILITY, code="nuoc")
    await take_file(database, await body_of(database), land_file(land("ID-2")))
    assert (await counts(database))[:2] == (4, 4)


async def test_a_code_that_came_meanwhile_is_told_of_and_billed_once(database: Database) -> None:
    """Both lists are looked at before either is loaded."""
    agency_id = await body_of(database)
    first = await take_file(database, agency_id, land_file(land("ID-1"), land("ID-2")), load=False)
    content = land_file(land("ID-2"), land("ID-3"))
    second = await take_file(database, agency_id, content, code="khac", load=False)
    for taken in (first, second):
        await load_list(database, taken.id, CIPHER, KEY)
    assert (await counts(database))[:2] == (3, 3)
    async with database.transaction() as session:
        wanted = text("SELECT outcome FROM debt_list WHERE id = :id")
        outcome = (await session.execute(wanted, {"id": second.id})).scalar_one()
        told = text("SELECT details FROM audit_entry WHERE action = 'debt_list.not_taken'")
        details = (await session.execute(told)).scalar_one()
    assert outcome == {"new": 1, "elsewhere": 1}
    assert details == {"elsewhere": ["ID-2"]}


async def test_a_code_that_two_lists_load_at_one_moment_is_billed_once(
    database: Database,
) -> None:
    """The second one's batch has looked when the first one commits: it looks again."""
    agency_id = await body_of(database)
    first = await take_file(database, agency_id, land_file(land("ID-1"), land("ID-2")), load=False)
    content = land_file(land("ID-2"), land("ID-3"))
    second = await take_file(database, agency_id, content, code="khac", load=False)
    async with database.transaction() as session:
        assert await load_next(session, first.id, CIPHER, KEY)
        other = asyncio.create_task(load_list(database, second.id, CIPHER, KEY))
        await until_someone_waits(database)
    await other
    await load_list(database, first.id, CIPHER, KEY)
    assert (await counts(database))[:2] == (3, 3)
    async with database.transaction() as session:
        wanted = text("SELECT outcome FROM debt_list WHERE id = :id")
        outcome = (await session.execute(wanted, {"id": second.id})).scalar_one()
    assert outcome == {"new": 1, "elsewhere": 1}


async def test_who_collides_again_and_again_is_told(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    agency_id = await body_of(database)
    taken = await take_file(database, agency_id, land_file(land("ID-1")), load=False)
    tried = 0

    async def colliding(*_: object) -> bool:
        nonlocal tried
        tried += 1
        raise UniqueViolation

    monkeypatch.setattr(loading, "load_next", colliding)
    with pytest.raises(UniqueViolation):
        await load_list(database, taken.id, CIPHER, KEY)
    monkeypatch.setattr(loading, "is_code_taken", lambda _: True)
    with pytest.raises(CodeTakenMeanwhile):
        await load_list(database, taken.id, CIPHER, KEY)
    assert tried == 1 + 5


async def test_the_same_debt_is_found_by_each_of_its_names(database: Database) -> None:
    agency_id = await body_of(database)
    await take_file(database, agency_id, land_file(land("ID-1", name="Trần Thị Ánh")))
    async with database.reading() as session:
        for search in (
            DebtSearch(code="ID-1"),
            DebtSearch(name="tran thi anh"),
            DebtSearch(tax_number="0100109106"),
            DebtSearch(dossier_number="H01-ID-1", name="TRẦN THỊ ÁNH"),
        ):
            page = await page_of_debts(session, [agency_id], KEY, search)
            assert [one.code for one in page.items] == ["ID-1"], search
        other = await page_of_debts(
            session, [agency_id], b"x" * 32, DebtSearch(name="Trần Thị Ánh")
        )
        assert other.items == ()
