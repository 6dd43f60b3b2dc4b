"""The only source of now, and what day it is in Vietnam.

Every stored time is aware UTC; every business day is a day in Asia/Ho_Chi_Minh. Nothing else in
the project asks the machine for the time, so a test can stop the clock in one place.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")


class FrozenClock:
    """A clock that stands still until it is told to move; made by `frozen`."""

    def __init__(self, at: datetime) -> None:
        self.at = _utc(at)

    def advance(self, by: timedelta) -> None:
        """Move the clock by `by`, backwards too: clocks do jump back."""
        self.at += by

    def move_to(self, at: datetime) -> None:
        """Put the clock at `at` (aware). Raises ValueError for a naive time."""
        self.at = _utc(at)


_frozen: FrozenClock | None = None


def now() -> datetime:
    """The present moment, aware UTC, with microseconds."""
    clock = _frozen
    return datetime.now(UTC) if clock is None else clock.at


def unix_milliseconds() -> int:
    """Milliseconds since 1970 by the machine's clock, also while `now` is frozen.

    Identifiers are ordered by it, and a frozen clock must not make two of them collide.
    """
    return time.time_ns() // 1_000_000


def machine_now() -> datetime:
    """The machine's own time, aware UTC, also while `now` is frozen: to judge the machine by."""
    return datetime.now(UTC)


def seconds_running() -> float:
    """Seconds on a clock that nobody can set, and that counts while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def business_date(at: datetime) -> date:
    """The day `at` (aware) falls on in Vietnam, which begins at 17:00 UTC.

    Raises ValueError for a naive time: guessing its zone would move money between days.
    """
    return _utc(at).astimezone(VIETNAM).date()


def day_bounds(first: date, last: date) -> tuple[datetime, datetime]:
    """When the business days from `first` to `last` begin and when they are over, in UTC.

    The second moment belongs to the next day.
    """
    begin = datetime.combine(first, datetime.min.time(), VIETNAM)
    end = datetime.combine(last + timedelta(days=1), datetime.min.time(), VIETNAM)
    return begin.astimezone(UTC), end.astimezone(UTC)


@contextmanager
def frozen(at: datetime) -> Iterator[FrozenClock]:
    """Stop `now` at `at` (aware) for the whole process until the block ends; for tests.

    One variable, not a context variable: a server in another thread must see the same clock.
    """
    global _frozen
    before = _frozen
    _frozen = clock = FrozenClock(at)
    try:
        yield clock
    finally:
        _frozen = before


def _utc(at: datetime) -> datetime:
    if at.utcoffset() is None:
        raise ValueError("a time without a zone cannot be placed on a day")
    return at.astimezone(UTC)
