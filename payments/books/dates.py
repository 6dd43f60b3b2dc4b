"""When told money counts as having come: not on a day that has not been. Pure.

A source's clock may be a little wrong; what is dated further ahead is dated wrongly. Such money is
kept, on the day that it was told of, and a person looks before it pays anything.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

#: So far ahead a source may date money, as statements may (`reconciliation.formats`).
AHEAD = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class MoneyDate:
    """When money came, for the books; `said` is what was told, where that cannot be (both UTC)."""

    at: datetime
    said: datetime | None = None


def money_date(told: datetime, now: datetime) -> MoneyDate:
    """The date for the books of money that is told, at `now`, to have come at `told` (aware)."""
    return MoneyDate(now, told) if told - now > AHEAD else MoneyDate(told)
