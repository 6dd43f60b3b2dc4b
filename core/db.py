"""The database: one engine, short transactions, and rows that keep whole đồng and UTC.

Sessions are opened by the request dependency below, by the flows that must not wait inside a
transaction (`payments.attempts.checkout`, `payments.incoming.notices`: a gateway must never be
called inside one), by the worker and the command line; the whole list, with the reasons, is the
rule of tests/architecture/test_session_openers.py. Commands take a session and never commit. One
statement that is a whole transaction may do without a session: `Database.write_alone`, for the hot
path.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypeVar

import psycopg
from fastapi import Depends, Request
from psycopg import AsyncConnection
from psycopg.rows import namedtuple_row
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import BigInteger, Column, DateTime, MetaData, event
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlmodel import Field, SQLModel

from core import failpoints, log
from core.db_errors import (
    CounterBehind,
    DatabaseFull,
    DatabaseUnavailable,
    RowBusy,
    as_unavailable,
    is_passing,
)
from core.deadlines import CURRENT, is_over
from core.events import Subscriptions
from core.json import dumps
from core.row_waits import WAITS, RowWaits
from core.sessions import ReadSession, WriteSession

# Names that alembic and people can rely on; set before any table is declared.
SQLModel.metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_log = log.get(__name__)

T = TypeVar("T")


#: The key in a session's `info` of the failpoint that is hit when its work is committed.
_AFTER_COMMIT = "failpoint after commit"

#: How many seconds a lone statement waits for a connection, as while the server starts again.
_PATIENCE = 3.0

#: How long `run` tries again where only too many others want the same row, in seconds.
_FOR_A_ROW = 4.0
#: The longest pause between two such tries.
_LONGEST_PAUSE = 0.2
#: How long a database that said its disk is full is taken to be so.
_FULL_FOR = 30.0
#: The key in a pooled connection's `info` of the deadline that may cut it.
_CUT_BY = "deadline"


def amount_field(**options: Any) -> Any:
    """A column of whole đồng (64-bit)."""
    return Field(sa_type=BigInteger, **options)


def moment(**options: Any) -> Any:
    """A column holding an aware UTC instant."""
    return Field(sa_type=DateTime(timezone=True), **options)


def json_field(**options: Any) -> Any:
    """A JSONB column; None is NULL, not JSON's null."""
    nullable = options.pop("nullable", False)
    return Field(sa_column=Column(JSONB(none_as_null=True), nullable=nullable), **options)


class Database:
    """The connections to one PostgreSQL database: at most `pool_size` for sessions.

    Lone statements (`write_alone`) may take as many again, once there are any.

    `behind_pooler` says that a pooler in transaction mode stands in between: no statement is
    prepared, and time limits are the role's own.

    `subscriptions` says which handlers an event goes to; every session carries them, so an event
    emitted anywhere gets its delivery rows in the same transaction.
    """

    def __init__(
        self,
        url: str,
        *,
        subscriptions: Subscriptions | None = None,
        pool_size: int = 10,
        lock_timeout_ms: int = 5000,
        behind_pooler: bool = False,
    ) -> None:
        connecting: dict[str, Any] = {
            "connect_timeout": 10,
            # A server that has vanished without a word is given up after half a minute.
            "tcp_user_timeout": 30_000,
            "keepalives_idle": 15,
            "options": (
                f"-c lock_timeout={lock_timeout_ms} -c statement_timeout=30000 "
                "-c idle_in_transaction_session_timeout=60000 -c timezone=UTC"
            ),
        }
        if behind_pooler:
            # The next transaction may be another server connection's: what was prepared on this one
            # is not there, and a pooler refuses options it cannot give to every one of them. The
            # role has them instead (`core.pooler`).
            del connecting["options"]
            connecting["prepare_threshold"] = None
        self.url = url
        self.behind_pooler = behind_pooler
        self._full_at: float | None = None
        self.engine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            pool_pre_ping=False,
            pool_recycle=1800,
            hide_parameters=True,  # they hold personal data, and errors are logged
            connect_args=connecting,
            json_serializer=_json,
        )
        # A session that only read gives its connection back as the server has it: told to be
        # read-write, it would fail on a server that takes no writes.
        self.engine.dialect.set_readonly = _set_readonly  # type: ignore[attr-defined]
        event.listen(self.engine.sync_engine, "checkout", _hold)
        event.listen(self.engine.sync_engine, "checkin", _let_go)
        # A connection that commits by itself must never carry a session: hence a pool apart.
        self._lone = AsyncConnectionPool[AsyncConnection[Any]](
            kwargs={
                **self.engine.dialect.create_connect_args(self.engine.url)[1],
                **connecting,
                "autocommit": True,
                "row_factory": namedtuple_row,
            },
            min_size=0,
            max_size=pool_size,
            timeout=_PATIENCE,
            reconnect_timeout=1,
            open=False,
        )
        self._sessions = async_sessionmaker(
            self.engine,
            class_=WriteSession,
            expire_on_commit=False,
            info={
                "subscriptions": subscriptions or Subscriptions(),
                WAITS: RowWaits(max(pool_size // 2, 1)),
            },
        )

    def is_full(self) -> bool:
        """Whether the database has said within half a minute that its disk is full."""
        return self._full_at is not None and time.monotonic() - self._full_at < _FULL_FOR

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[WriteSession]:
        """A session whose work is committed at the end of the block, or not at all.

        Raises `DatabaseUnavailable` where the server is away or two transactions collided.
        """
        async with self._sessions() as session:
            try:
                yield session
                await session.commit()
            except (DBAPIError, PoolTimeout, psycopg.Error) as error:  # COPY is the driver's own
                await _abandon(session)
                self._raise_passing(error)
                raise
            except BaseException:
                await _abandon(session)
                raise
            if _AFTER_COMMIT in session.info:
                failpoints.hit(session.info[_AFTER_COMMIT])

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[ReadSession]:
        """A session in a transaction that the database lets read only.

        Raises `DatabaseUnavailable` where the server is away.
        """
        async with self.transaction() as session:
            _ = await session.connection(execution_options={"postgresql_readonly": True})
            yield session

    async def run(self, work: Callable[[WriteSession], Awaitable[T]], *, attempts: int = 4) -> T:
        """Do `work` in a transaction of its own, again from the start if it collided.

        `work` must have no effect outside its session. Where only too many others want a row, it
        waits its turn without a connection. Raises `DatabaseUnavailable` when the last attempt
        failed too, or the deadline has passed.
        """
        began = time.monotonic()
        while True:
            try:
                async with self.transaction() as session:
                    return await work(session)
            except RowBusy:
                if is_over() or time.monotonic() - began > _FOR_A_ROW:
                    raise
                await asyncio.sleep(_LONGEST_PAUSE * (1 + secrets.randbelow(10)) / 10)
            except DatabaseUnavailable as error:
                attempts -= 1
                if not attempts or not error.again or is_over():
                    raise

    async def write_alone(self, statement: str, values: Mapping[str, Any]) -> Any:
        """Run one statement that is a transaction of its own, and give its only row.

        It is committed when this returns. The driver does it without SQLAlchemy, for a session
        costs more than the statement (docs/decisions/0006). Place-holders are the driver's:
        `%(name)s`. Raises `DatabaseUnavailable` as `transaction` does, and what the driver says
        otherwise. A connection that was lost may have carried the statement out, so it must be one
        that can be repeated; it is, once, for connections that lay idle while the server started
        again are only found to be closed by using them.
        """
        if self._lone.closed:
            await self._lone.open()
        repeated = False
        while True:
            lost = False
            try:
                async with self._lone.connection() as connection:
                    deadline = CURRENT.get()
                    if deadline is not None:
                        deadline.hold(connection)
                    try:
                        return await (await connection.execute(statement, values)).fetchone()
                    finally:
                        if deadline is not None:
                            deadline.let_go(connection)
                        lost = connection.closed
                        if lost:  # the server's doing: the others are closed too
                            await self._lone.drain()
            except psycopg.Error as error:
                if lost and not repeated and not is_over():
                    repeated = True
                    continue
                self._raise_passing(error)
                raise

    def _raise_passing(self, error: Exception) -> None:
        """Raise `DatabaseUnavailable` in the place of an error of the kind that goes away."""
        told = as_unavailable(error)
        if told is None:
            return
        if isinstance(told, DatabaseFull):
            self._full_at = time.monotonic()
        if isinstance(told, CounterBehind):
            _log.error("a counter of the database has gone back", reason=str(error).splitlines()[0])
        raise told from error

    async def dispose(self) -> None:
        """Close all connections."""
        await self._lone.close()
        await self.engine.dispose()


def _json(value: object) -> str:
    """How values of JSON columns are written; NaN and the like are refused."""
    return dumps(value).decode()


def _set_readonly(connection: Any, value: bool) -> None:
    connection.set_read_only(value or None)


def _hold(_: Any, record: Any, __: Any) -> None:
    """A connection leaves the pool: the deadline of whoever takes it may cut it."""
    deadline = CURRENT.get()
    if deadline is not None:
        deadline.hold(record.driver_connection)
        record.info[_CUT_BY] = deadline, record.driver_connection


def _let_go(_: Any, record: Any) -> None:
    """A connection comes back: it is somebody else's next."""
    deadline, connection = record.info.pop(_CUT_BY, (None, None))
    if deadline is not None:
        deadline.let_go(connection)


async def _abandon(session: WriteSession) -> None:
    """Roll back; where the connection itself is gone there is nothing left to roll back."""
    try:
        await session.rollback()
    except (DBAPIError, OSError):
        await session.invalidate()


async def read_session(request: Request) -> AsyncIterator[ReadSession]:
    """The request's transaction, for routes that only read."""
    database: Database = request.app.state.database
    async with database.reading() as opened:
        yield opened


async def session(request: Request) -> AsyncIterator[WriteSession]:
    """The request's transaction. With `scope="function"` its commit comes before the answer."""
    database: Database = request.app.state.database
    async with database.transaction() as opened:
        yield opened


def hit_after_commit(session: WriteSession, name: str) -> None:
    """Have the failpoint `name` hit when the session's work is committed and nobody knows yet."""
    session.info[_AFTER_COMMIT] = name


async def database(request: Request) -> Database:
    """The database itself, for the two flows that need several transactions."""
    found: Database = request.app.state.database
    return found


SessionDep = Annotated[WriteSession, Depends(session, scope="function")]
ReadSessionDep = Annotated[ReadSession, Depends(read_session, scope="function")]
DatabaseDep = Annotated[Database, Depends(database)]

__all__ = [
    "Database",
    "DatabaseDep",
    "DatabaseFull",
    "DatabaseUnavailable",
    "ReadSessionDep",
    "SessionDep",
    "amount_field",
    "hit_after_commit",
    "is_passing",
    "json_field",
    "moment",
    "read_session",
    "session",
]
