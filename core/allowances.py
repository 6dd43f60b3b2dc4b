"""How often somebody may do something, counted for all processes at once.

Each may do it so many times at a stroke, and gets one turn back after the other, evenly over the
window. That needs one moment for each subject, and one statement: the moment at which all turns
will be back. A turn that is refused moves nothing, so that asking on and on keeps nobody waiting.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import DateTime, delete, func, literal
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Field, SQLModel, col

from core import clock
from core.db import moment
from core.sessions import WriteSession


class Allowance(SQLModel, table=True):
    """Turns that `subject` has taken; all of them are back at `full_at`.

    Not logged: a crash of the database gives everybody their turns back, and taking one waits for
    no disk.
    """

    __tablename__ = "allowance"
    __table_args__ = ({"prefixes": ["UNLOGGED"]},)

    subject: str = Field(primary_key=True)
    full_at: datetime = moment(index=True)


@dataclass(frozen=True, slots=True)
class Pace:
    """So many turns at most within a window, one of which comes back each `window / turns`."""

    turns: int
    window: timedelta


async def take(session: WriteSession, subject: str, pace: Pace) -> bool:
    """Take one of the turns that `subject` has; False where none is left. The caller commits."""
    now = literal(clock.now(), DateTime(timezone=True))
    each = pace.window / pace.turns
    used = func.greatest(col(Allowance.full_at), now) + each
    turn = (
        insert(Allowance)
        .values(subject=subject, full_at=now + each)
        .on_conflict_do_update(
            index_elements=[col(Allowance.subject)],
            set_={"full_at": used},
            where=used <= now + pace.window,
        )
    )
    return await session.write(turn) == 1


async def expire(session: WriteSession) -> int:
    """Forget whoever has all turns back; how many."""
    return await session.write(delete(Allowance).where(col(Allowance.full_at) <= clock.now()))
