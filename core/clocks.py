"""Whether the clocks can be believed: ours, the database's, and ours a while ago.

A receipt bears the day of its issue for ever, and its year's series is opened by it; a bill past
its time expires. So neither is done while the machine's clock and the database's disagree, nor
after ours has jumped under a running process, which a comparison alone would not show where both
are one machine. What waits goes on when the clocks agree again, after a jump when the process has
been started anew.
"""

from datetime import timedelta

from sqlalchemy import DateTime, cast, func
from sqlmodel import select

from core import clock
from core.errors import Unavailable
from core.sessions import ReadSession

#: How far two clocks may be apart: far less than a mistake of a day, far more than any network's.
MOST_APART = timedelta(seconds=30)

_DATABASE_NOW = select(cast(func.clock_timestamp(), DateTime(timezone=True)))


class ClocksDisagree(Unavailable):
    """The machine's clock is not the database's, or has jumped: put it right, then start anew."""

    code = "clocks_disagree"


_BEGAN = (clock.machine_now(), clock.seconds_running())


def measure_jump() -> timedelta:
    """How far the machine's clock was put forward, or back (negative), since we began."""
    began_at, began = _BEGAN
    passed = timedelta(seconds=clock.seconds_running() - began)
    return clock.machine_now() - began_at - passed


async def measure_drift(session: ReadSession) -> timedelta:
    """How far the database's clock is ahead of the machine's, or behind (negative).

    The time that the question took is in nobody's favour: within it they agree.
    """
    asked = clock.machine_now()
    there = await session.one(_DATABASE_NOW)
    heard = clock.machine_now()
    return max(there - heard, timedelta()) + min(there - asked, timedelta())


async def find_disagreement(session: ReadSession) -> str | None:
    """What is wrong with the clocks, for the operator; None where nothing is."""
    drift, jump = await measure_drift(session), measure_jump()
    if abs(drift) > MOST_APART:
        return f"the database's clock is {drift.total_seconds():+.0f} s from the machine's"
    if abs(jump) > MOST_APART:
        return f"the machine's clock has jumped by {jump.total_seconds():+.0f} s since the start"
    return None


async def require_agreement(session: ReadSession) -> None:
    """Raise `ClocksDisagree` unless the clocks can be believed."""
    if (wrong := await find_disagreement(session)) is not None:
        raise ClocksDisagree(f"Đồng hồ hệ thống không tin được: {wrong}.")
