"""Statements that are being taken in: how many at once, how far each is, and how it ended.

A taking has a row of its own while it is under way, so that the bound holds for all processes
together and anybody can ask. Whoever takes a statement in leaves a sign of life on it every moment;
where the signs end, the taking was interrupted and nothing of it is taken: the transaction that
takes the rows ends the taking too, and does so only while its signs are fresh.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, delete, func, insert, update
from sqlmodel import col, select

from core import clock
from core.crypto import Cipher
from core.db import Database, DatabaseUnavailable
from core.db_errors import RowBusy
from core.errors import Conflict, LephiError, Unavailable
from core.json import dumps, loads
from core.name_locks import lock_names
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from reconciliation.models import StatementTaking

T = TypeVar("T")

#: How many statements are taken in at once, by all processes together: large ones, and others.
LARGE_AT_ONCE: Final = 2
OTHERS_AT_ONCE: Final = 4
#: How many seconds one waits for its turn before it is sent away, and when to come back.
PATIENCE: Final = 5.0
RETRY_AFTER: Final = 30
_PAUSE: Final = 0.2
#: How often a sign of life is left, in seconds, and how long after the last one nobody works.
BEAT_SECONDS: Final = 1.0
SILENCE: Final = timedelta(seconds=30)
#: How long it can be asked how a taking ended; a statement that was taken stays known.
KEPT: Final = timedelta(hours=72)

_LOCK = "statement takings"
_PLACE = "statement taking:"


class TooManyStatements(Unavailable):
    """As many statements as may be are being taken in: nothing happened, send it again shortly."""

    code = "too_many_statements"
    retry_after = RETRY_AFTER

    def __init__(self) -> None:
        super().__init__(
            "Hệ thống đang nhận nhiều sao kê cùng lúc; tệp này chưa được nhận."
            f" Hãy gửi lại sau {RETRY_AFTER} giây."
        )


class TakingInterrupted(Conflict):
    """Whoever took the statement in ended before it was done: nothing was taken, send it again."""

    code = "interrupted"
    retryable = True

    def __init__(self) -> None:
        super().__init__(
            "Việc nhận sao kê bị gián đoạn; chưa nhận dòng nào."
            " Hãy gửi lại tệp với Idempotency-Key mới."
        )


@dataclass(frozen=True, slots=True)
class NewTaking:
    """A statement that asks to be taken in; `id` is the statement's to be."""

    id: str
    collection_account_id: str
    large: bool


@dataclass(frozen=True, slots=True)
class TakingValue:
    """How far a taking is: its state is `taking`, `taken` or `refused`.

    `outcome` is what taking it gave, `refusal` the members of a problem that say why it was not.
    """

    id: str
    collection_account_id: str
    state: str
    rows_read: int
    outcome: dict[str, Any] | None
    refusal: Any


@dataclass(frozen=True, slots=True)
class _StoredTaking:
    id: str
    collection_account_id: str
    state: str
    rows_read: int
    beat_at: datetime
    outcome: dict[str, Any] | None
    refusal: bytes | None


def _under_way() -> tuple[ColumnElement[bool], ...]:
    """The takings that somebody works on."""
    return (
        col(StatementTaking.state) == "taking",
        col(StatementTaking.beat_at) > clock.now() - SILENCE,
    )


def _own(taking_id: str) -> tuple[ColumnElement[bool], ...]:
    return (col(StatementTaking.id) == taking_id, *_under_way())


async def begin(session: WriteSession, new: NewTaking) -> None:
    """Begin a taking. Raises `TooManyStatements`."""
    await lock_names(session, _LOCK)
    alike = select(func.count()).where(col(StatementTaking.large) == new.large, *_under_way())
    if await session.one(alike) >= (LARGE_AT_ONCE if new.large else OTHERS_AT_ONCE):
        raise TooManyStatements
    now = clock.now()
    row = {
        "id": new.id,
        "collection_account_id": new.collection_account_id,
        "large": new.large,
        "state": "taking",
        "rows_read": 0,
        "beat_at": now,
        "created_at": now,
    }
    await session.write(insert(StatementTaking), row)


async def patiently(attempt: Callable[[], Awaitable[T]]) -> T:
    """What an attempt to begin gives, made again for a while.

    Raises `TooManyStatements`, and `RowBusy` where too many others begin.
    """
    until = monotonic() + PATIENCE
    while True:
        try:
            return await attempt()
        except (TooManyStatements, RowBusy):
            if monotonic() >= until:
                raise
        await asyncio.sleep(_PAUSE)


@asynccontextmanager
async def taking_turn(database: Database, new: NewTaking) -> AsyncIterator[None]:
    """A turn for a statement whose sender waits for it; nobody asks about it afterwards.

    Raises `TooManyStatements`.
    """

    async def start() -> None:
        async with database.transaction() as session:
            await begin(session, new)

    await patiently(start)
    try:
        yield
    finally:
        async with database.transaction() as session:
            await session.write(delete(StatementTaking).where(col(StatementTaking.id) == new.id))


@asynccontextmanager
async def beating(
    database: Database, taking_id: str, rows_read: Callable[[], int]
) -> AsyncIterator[None]:
    """Leave signs of life, and how many rows were read, for as long as the block takes."""
    task = asyncio.create_task(_beat(database, taking_id, rows_read))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _beat(database: Database, taking_id: str, rows_read: Callable[[], int]) -> None:
    while True:
        sign = update(StatementTaking).where(*_own(taking_id))
        with suppress(DatabaseUnavailable):  # the next one may come through
            async with database.transaction() as session:
                await session.write(sign.values(beat_at=clock.now(), rows_read=rows_read()))
        await asyncio.sleep(BEAT_SECONDS)


async def end_taken(
    session: WriteSession, taking_id: str, rows: int, outcome: dict[str, Any]
) -> None:
    """End a taking, in the transaction that takes its rows.

    Raises `TakingInterrupted` where others have been told that it was.
    """
    taken = update(StatementTaking).where(*_own(taking_id))
    taken = taken.values(state="taken", rows_read=rows, outcome=outcome)
    if not await session.write(taken):
        raise TakingInterrupted


async def end_refused(
    session: WriteSession, cipher: Cipher, taking_id: str, refused: LephiError
) -> None:
    """End a taking of which nothing was taken, and keep why."""
    told = {
        "code": refused.code,
        "detail": refused.detail,
        "retryable": refused.retryable,
        "errors": [
            {"field": one.field, "code": one.code, "detail": one.detail} for one in refused.errors
        ],
    }
    ended = update(StatementTaking).where(
        col(StatementTaking.id) == taking_id, col(StatementTaking.state) == "taking"
    )
    sealed = cipher.encrypt(dumps(told), _PLACE + taking_id)
    await session.write(ended.values(state="refused", refusal=sealed))


async def find_taking(session: ReadSession, cipher: Cipher, taking_id: str) -> TakingValue | None:
    """How far a taking is; None where none of that id is known any more."""
    wanted = values_of(_StoredTaking, StatementTaking)
    found = await session.first(wanted.where(StatementTaking.id == taking_id))
    if found is None:
        return None
    state = found.state
    refusal: Any = None
    if found.refusal is not None:
        refusal = loads(cipher.decrypt(bytes(found.refusal), _PLACE + taking_id))
    elif state == "taking" and found.beat_at <= clock.now() - SILENCE:
        gone = TakingInterrupted()
        state, refusal = "refused", {"code": gone.code, "detail": gone.detail, "retryable": True}
    return TakingValue(
        found.id, found.collection_account_id, state, found.rows_read, found.outcome, refusal
    )


async def expire(session: WriteSession) -> int:
    """Forget takings that ended, or were interrupted, more than `KEPT` ago; how many."""
    old = col(StatementTaking.created_at) < clock.now() - KEPT
    return await session.write(delete(StatementTaking).where(old))
