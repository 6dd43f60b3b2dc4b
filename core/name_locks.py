"""Locks by name, for what is not there yet or is no row: held until the transaction ends."""

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import array
from sqlmodel import select

from core.sessions import WriteSession


async def lock_names(session: WriteSession, *names: str) -> None:
    """Let nobody else hold one of these names before our transaction ends, in this order.

    Whoever takes several takes them in one order everywhere, or waits for ever.
    """
    each = func.unnest(array(names))
    await session.all(select(func.pg_advisory_xact_lock(func.hashtextextended(each, 0))))
