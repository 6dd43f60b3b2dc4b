"""Sessions: one that only reads and one that writes, so that a query cannot write by mistake.

A query takes a `ReadSession`, a command a `WriteSession`; whoever calls a writing method of the
first is told by the type checker, and a session that came from `Database.reading` is told by the
database too. Who opens one is in `core.db`.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import is_dataclass
from operator import itemgetter
from typing import Any, Protocol, TypeVar

from psycopg.sql import SQL, Identifier
from sqlalchemy import Delete, Insert, Update
from sqlalchemy.exc import MultipleResultsFound, NoResultFound
from sqlalchemy.ext.asyncio import AsyncSession as PlainAsyncSession
from sqlalchemy.sql.dml import ReturningDelete, ReturningInsert, ReturningUpdate
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession as ModelAsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from core.statements import ReadSql, Sql, ValueSelect, WriteSql

T = TypeVar("T")

#: A statement that only reads, and gives rows of type `T`.
Reading = ValueSelect[T] | SelectOfScalar[T] | ReadSql[T]
#: A statement that writes and gives back a column of type `T`, or values of a class.
Returning = ReturningInsert[T] | ReturningUpdate[T] | ReturningDelete[T] | WriteSql[T]
#: A statement that writes.
Writing = Insert | Update | Delete | WriteSql[Any]
Parameters = Mapping[str, Any]


class ReadSession(Protocol):
    """What a query gets: it can read, and nothing else.

    Every session can be given where one of these is asked for. One that comes from
    `Database.reading` is in a transaction that the database itself lets read only.
    """

    async def all(self, statement: Reading[T], parameters: Parameters | None = None) -> list[T]:
        """Every row, as the statement's value or model."""
        ...

    async def one(self, statement: Reading[T], parameters: Parameters | None = None) -> T:
        """The only row. Raises `sqlalchemy.exc.NoResultFound` or `MultipleResultsFound`."""
        ...

    async def first(self, statement: Reading[T], parameters: Parameters | None = None) -> T | None:
        """The first row, None if there is none."""
        ...

    def each(self, statement: Reading[T], parameters: Parameters | None = None) -> AsyncIterator[T]:
        """The rows one by one, as the database gives them."""
        ...


class WriteSession(ModelAsyncSession):
    """A session that reads and writes: what a command gets.

    The unit of work is not used: statements are sent as they are written, `select`, `insert` and
    `update` on the models, or the few texts of `core.statements`.
    """

    # SQLModel discourages `execute` in favour of `exec`, which takes models only.
    execute = PlainAsyncSession.execute

    async def all(self, statement: Reading[T], parameters: Parameters | None = None) -> list[T]:
        """Every row, as the statement's value or model."""
        return _read(statement, await self.execute(_clause(statement), parameters or {}))

    async def one(self, statement: Reading[T], parameters: Parameters | None = None) -> T:
        """The only row. Raises `sqlalchemy.exc.NoResultFound` or `MultipleResultsFound`."""
        found = await self.all(statement, parameters)
        if len(found) != 1:
            raise (MultipleResultsFound if found else NoResultFound)(f"{len(found)} rows")
        return found[0]

    async def first(self, statement: Reading[T], parameters: Parameters | None = None) -> T | None:
        """The first row, None if there is none."""
        found = await self.all(statement, parameters)
        return found[0] if found else None

    async def each(
        self, statement: Reading[T], parameters: Parameters | None = None
    ) -> AsyncIterator[T]:
        """The rows one by one, as the database gives them."""
        become = _becoming(statement)
        async for row in await self.stream(_clause(statement), parameters or {}):
            yield become(row)

    async def lock_all(
        self,
        statement: ValueSelect[T] | SelectOfScalar[T],
        *,
        of: type[SQLModel] | None = None,
        skip_locked: bool = False,
    ) -> list[T]:
        """Every row, locked until the transaction ends; `of` names the table that is locked."""
        return await self.all(statement.with_for_update(of=of, skip_locked=skip_locked))

    async def lock_first(
        self, statement: ValueSelect[T] | SelectOfScalar[T], *, of: type[SQLModel] | None = None
    ) -> T | None:
        """The first row, locked until the transaction ends; None if there is none."""
        return await self.first(statement.with_for_update(of=of))

    async def lock_one(
        self, statement: ValueSelect[T] | SelectOfScalar[T], *, of: type[SQLModel] | None = None
    ) -> T:
        """The only row, locked until the transaction ends. Raises as `one` does."""
        return await self.one(statement.with_for_update(of=of))

    @asynccontextmanager
    async def rehearsal(self) -> AsyncIterator[None]:
        """What is done inside is taken back at the end: only its faults are to be learnt.

        Locks that it takes go with it; what must stay locked is locked before.
        """
        nested = await self.begin_nested()
        try:
            yield
        finally:
            await nested.rollback()

    async def write(self, statement: Writing, parameters: Parameters | None = None) -> int:
        """Carry out a statement that writes; how many rows it changed."""
        # On the connection itself: the session would turn it into work of the ORM.
        connection = await self.connection()
        kept = {"preserve_rowcount": True}  # an INSERT's is thrown away otherwise
        result = await connection.execute(
            _clause(statement), parameters or {}, execution_options=kept
        )
        return result.rowcount

    async def write_each(self, statement: Writing, parameters: Sequence[Parameters]) -> None:
        """Carry out a statement that writes once for each set of parameters."""
        connection = await self.connection()
        await connection.execute(_clause(statement), parameters)

    async def copy_in(self, table: str, columns: Sequence[str], rows: Iterable[bytes]) -> None:
        """COPY rows into a table: `rows` is text in COPY's own form (`core.copying`), in pieces."""
        raw = await (await self.connection()).get_raw_connection()
        driver: Any = raw.driver_connection  # psycopg's own: SQLAlchemy knows no COPY
        copying = SQL("COPY {} ({}) FROM STDIN").format(
            Identifier(table), SQL(", ").join(map(Identifier, columns))
        )
        async with driver.cursor() as cursor, cursor.copy(copying) as copy:
            for piece in rows:
                await copy.write(piece)

    async def write_all(
        self, statement: Returning[T], parameters: Parameters | None = None
    ) -> list[T]:
        """Carry out a statement that writes; the rows it gives back, one column or a value."""
        connection = await self.connection()
        return _read(statement, await connection.execute(_clause(statement), parameters or {}))


def _clause(statement: Any) -> Any:
    return statement.clause if isinstance(statement, Sql) else statement


def _becoming(statement: Any) -> Callable[[Any], Any]:
    """What makes a statement's value of a row."""
    kind: Any = getattr(statement, "kind", None)
    if not isinstance(kind, type) or not is_dataclass(kind):
        return itemgetter(0)
    made: Callable[..., Any] = kind
    return lambda row: made(**row._mapping)


def _read(statement: Any, result: Any) -> list[Any]:
    become = _becoming(statement)
    return [become(row) for row in result]
