"""What sessions and typed statements promise, against a real database."""

from dataclasses import dataclass

import pytest
from sqlalchemy import func, insert, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, NoResultFound
from sqlmodel import col, select

from core import audit, clock
from core.db import Database
from core.db_errors import CounterBehind
from core.sessions import WriteSession
from core.statements import ReadSql, WriteSql, load_sql, values_of
from payments.agencies.models import Agency


@dataclass(frozen=True, slots=True)
class Named:
    code: str
    name: str


def _agency(code: str) -> dict[str, object]:
    return {
        "id": f"ag_{code}",
        "code": code,
        "name": f"Body {code}",
        "name_en": code,
        "tax_code": "",
        "address": "",
        "phone": "",
        "return_origins": [],
        "created_at": clock.now(),
    }


@dataclass(frozen=True, slots=True)
class Tally:
    kind: str
    count: int


async def _two(session: WriteSession) -> None:
    assert await session.write(insert(Agency), _agency("a")) == 1
    await session.write_each(insert(Agency), [_agency("b")])


async def test_a_select_gives_values_models_or_single_columns(database: Database) -> None:
    async with database.transaction() as session:
        await _two(session)
        by_code = values_of(Named, Agency).order_by(col(Agency.code))
        assert await session.all(by_code) == [Named("a", "Body a"), Named("b", "Body b")]
        assert await session.first(by_code.where(Agency.code == "c")) is None
        assert await session.one(select(Agency.id).where(Agency.code == "a")) == "ag_a"
        assert (await session.one(select(Agency).where(Agency.code == "b"))).name == "Body b"
        assert [one.code async for one in session.each(by_code)] == ["a", "b"]
        with pytest.raises(NoResultFound):
            await session.one(by_code.where(Agency.code == "c"))


async def test_a_value_takes_a_column_and_a_figure_under_other_names(database: Database) -> None:
    async with database.transaction() as session:
        await _two(session)
        of_each = values_of(Tally, kind=col(Agency.code), count=func.count()).group_by(
            col(Agency.code)
        )
        found = await session.all(of_each.order_by(col(Agency.code).desc()))
    assert found == [Tally("b", 1), Tally("a", 1)]


async def test_text_gives_values_by_the_names_of_its_columns(database: Database) -> None:
    find = ReadSql(Named, "SELECT name, code FROM agency WHERE code = :code")
    rename = WriteSql(str, "UPDATE agency SET name = :name WHERE code = 'a' RETURNING id")
    async with database.transaction() as session:
        await _two(session)
        assert await session.write_all(rename, {"name": "New"}) == ["ag_a"]
        assert await session.first(find, {"code": "a"}) == Named("a", "New")


async def test_a_locked_row_is_a_value_and_others_wait_or_skip_it(database: Database) -> None:
    async with database.transaction() as session:
        await _two(session)
    statement = values_of(Named, Agency).order_by(col(Agency.code))
    async with database.transaction() as first, database.transaction() as second:
        assert await first.lock_one(statement.where(Agency.code == "a")) == Named("a", "Body a")
        left = await second.lock_all(statement, skip_locked=True)
        assert left == [Named("b", "Body b")]


async def test_a_reading_session_is_refused_by_the_database_when_it_writes(
    database: Database,
) -> None:
    async with database.transaction() as session:
        await _two(session)
    change = update(Agency).values(name="x")
    async with database.reading() as session:
        assert isinstance(session, WriteSession)  # as only a fault of ours could find out
        with pytest.raises(DBAPIError, match="read-only"):
            await session.write(change)
    # The connection went back to the pool as one that writes.
    async with database.transaction() as session:
        assert await session.write(change) == 2


def test_text_that_writes_is_no_reading_statement() -> None:
    ReadSql(str, "SELECT 'DELETE' -- never an UPDATE\n FROM bill")
    with pytest.raises(ValueError, match="UPDATE"):
        ReadSql(str, "WITH x AS (UPDATE bill SET status = 'paid' RETURNING 1) SELECT 1")


def test_a_value_whose_field_no_model_has_is_a_fault() -> None:
    @dataclass(frozen=True)
    class Wrong:
        code: str
        colour: str

    with pytest.raises(TypeError, match="colour"):
        values_of(Wrong, Agency)


def test_a_file_of_statements_names_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from pathlib import Path

    def given(text: str) -> None:
        monkeypatch.setattr(Path, "read_text", lambda *_: text)

    given("-- What follows is ours.\n-- name: one\n-- Says one.\nSELECT 1\n-- name: two\nSELECT 2")
    found = load_sql("core", "made_up")
    assert list(found) == ["one", "two"]
    assert found["two"] == "SELECT 2"
    given("SELECT 0\n-- name: one\nSELECT 1")
    with pytest.raises(ValueError, match="without a name"):
        load_sql("core", "made_up")
    given("-- name: one\nSELECT 1\n-- name: one\nSELECT 2")
    with pytest.raises(ValueError, match="one name"):
        load_sql("core", "made_up")


async def test_a_connection_that_only_read_is_given_back_as_the_server_has_it(
    database: Database,
) -> None:
    async with database.reading() as session:
        assert await session.all(select(Agency.id)) == []
    # Where the server takes no writes, nobody may have made this connection one that writes.
    async with database.transaction() as session:
        await session.execute(text("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"))
    async with database.transaction() as session:
        with pytest.raises(DBAPIError, match="read-only"):
            await session.write(insert(Agency), _agency("c"))


async def test_a_counter_that_went_back_is_told_as_what_passes(database: Database) -> None:
    """As PostgreSQL leaves it that is killed soon after a database was copied."""

    async def write(session: WriteSession) -> None:
        await audit.record(session, actor="test", action="test.done", object_id="x")

    async with database.transaction() as session:
        for _ in range(6):
            await write(session)
        await session.execute(text("SELECT setval('audit_entry_id_seq', 1)"))
    for _ in range(2):
        with pytest.raises(CounterBehind) as refused:
            async with database.transaction() as session:
                await write(session)
        assert refused.value.status == 503
        assert refused.value.retryable
    await database.run(write)
    lone = (
        "INSERT INTO audit_entry (id, at, actor, action, object_id, details)"
        " OVERRIDING SYSTEM VALUE VALUES (1, now(), '', '', '', '{}') RETURNING id"
    )
    with pytest.raises(CounterBehind):
        await database.write_alone(lone, {})
    # The negative control: a key that callers give, and a number that means something else.
    async with database.transaction() as session:
        await _two(session)
    with pytest.raises(IntegrityError):
        async with database.transaction() as session:
            await _two(session)
