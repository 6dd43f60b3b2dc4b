"""Which discrepancies somebody has to work, and which only wait or are explained already. Pure.

What is not due yet waits and goes on to the next day; what was booked late is matched; a credit
that the bank took back before anybody counted on it is nobody's. None of them keeps a day open, so
none of them grows overdue.
"""

from datetime import date
from typing import Final, Literal

from core.calendar import Calendar
from reconciliation.matching.ageing import WAITING, stage_of

Standing = Literal["open", "waiting", "explained"]
#: Classes that say all there is to say, whichever side they are of.
EXPLAINED: Final = ("late",)
#: The class that is explained where it is a line's: of a payment the books had counted on it.
EXPLAINED_LINE: Final = "reversed"


def standing_of(side: str, kind: str) -> Standing:
    """How a discrepancy that nobody has resolved stands."""
    if kind in WAITING:
        return "waiting"
    if kind in EXPLAINED or (kind == EXPLAINED_LINE and side == "line"):
        return "explained"
    return "open"


def stage_on(
    calendar: Calendar, expected_on: date | None, missing_after: int | None, today: date
) -> str | None:
    """How far awaited money is on a day; None of what is not awaited."""
    if expected_on is None or missing_after is None:
        return None
    return stage_of(calendar, expected_on, missing_after, today)
