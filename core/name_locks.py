"""Locks by name, for what is not there yet or is no row: held until the transaction ends."""

from sqlalchemy import ColumnElement, String, cast, func
from sqlalchemy.dialects.postgresql import array
from sqlmodel import select

from core.row_waits import waiting
from core.sessions import WriteSession


async def lock_names(session: WriteSession, *names: str, within: str | None = None) -> None:
    """Let nobody else hold one of these names before our transaction ends, in this order.

    Whoever takes several takes them in one order everywhere, or waits for ever. `within` is a name
    that many may share; who takes it as one of the `names` waits for all of those, and they for it.
    Raises `RowBusy` where too many wait already.
    """
    each: ColumnElement[str] = func.unnest(array(names))
    lock: ColumnElement[str] = cast(func.pg_advisory_xact_lock(_number(each)), String)
    if within is not None:
        lock = cast(func.pg_advisory_xact_lock_shared(_number(within)), String) + lock
    with waiting(session, "|".join(names)):
        await session.all(select(lock))


async def share_name(session: WriteSession, name: str) -> None:
    """Let nobody hold this name alone before our transaction ends."""
    await session.all(select(cast(func.pg_advisory_xact_lock_shared(_number(name)), String)))


def _number(name: str | ColumnElement[str]) -> ColumnElement[int]:
    number: ColumnElement[int] = func.hashtextextended(name, 0)
    return number
