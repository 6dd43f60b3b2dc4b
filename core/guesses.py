"""A brake on guessing that all processes share: so many wrong guesses about one thing, then a wait.

It counts by what is guessed about and not by who guesses. An address can be changed, and a header
that names one can be made up; the thing that somebody wants to know stays the same.
"""

from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Column, Identity, Index, delete, func, insert
from sqlmodel import Field, SQLModel, col, select

from core import clock
from core.db import moment
from core.errors import RateLimited
from core.sessions import WriteSession

#: Wrong guesses about one thing within `WINDOW`; whoever mistypes needs a few.
MOST_WRONG = 20
WINDOW = timedelta(minutes=15)


class WrongGuess(SQLModel, table=True):
    """Somebody guessed wrongly about `subject`, such as a poster's reference."""

    __tablename__ = "wrong_guess"
    __table_args__ = (Index("ix_wrong_guess_subject", "subject", "at"),)

    id: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True)
    )
    subject: str
    at: datetime = moment()


async def brake(session: WriteSession, subject: str) -> None:
    """Let this transaction guess about `subject`, one at a time.

    Guesses that come at one instant are counted like any others. Raises `RateLimited` where there
    were too many wrong ones; a right one is refused then, too.
    """
    lock = func.pg_advisory_xact_lock(func.hashtextextended(f"guess:{subject}", 0))
    await session.all(select(lock))
    wrong = await session.one(
        select(func.count()).where(
            col(WrongGuess.subject) == subject, col(WrongGuess.at) > clock.now() - WINDOW
        )
    )
    if wrong >= MOST_WRONG:
        raise RateLimited("Có quá nhiều lần tra cứu sai; hãy chờ 15 phút rồi thử lại.")


async def note_wrong(session: WriteSession, subject: str) -> None:
    """Count a wrong guess; the caller's transaction must commit."""
    await session.write(insert(WrongGuess).values(subject=subject, at=clock.now()))


async def expire(session: WriteSession) -> int:
    """Forget the guesses that count no more; how many."""
    return await session.write(delete(WrongGuess).where(col(WrongGuess.at) <= clock.now() - WINDOW))
