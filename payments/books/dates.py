"""When told money counts as having come: on no day that has not been, nor before its account. Pure.

A source's clock may be a little wrong; what is dated further ahead is dated wrongly, and so is what
came before there was an account for it. Such money is kept, on the day that it was told of, and a
person looks before it pays anything.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from core.calendar_files import FIRST_DAY
from core.clock import business_date
from payments.bills.reasons import Reason

#: So far ahead a source may date money, as statements may (`reconciliation.formats`).
AHEAD = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class MoneyDate:
    """When money came, for the books; `said` is what was told, where that cannot be (both UTC).

    `doubt` is then why it waits.
    """

    at: datetime
    said: datetime | None = None
    doubt: Reason | None = None


def money_date(told: datetime, now: datetime, opened_on: date | None) -> MoneyDate:
    """The date for the books of money that is told, at `now`, to have come at `told` (aware).

    `opened_on` is the first day of its account, None where nobody has said: then every day may be
    that the books know at all.
    """
    if told - now > AHEAD:
        return MoneyDate(now, told, Reason.DATED_AHEAD)
    if business_date(told) < max(opened_on or FIRST_DAY, FIRST_DAY):
        return MoneyDate(now, told, Reason.DATED_BEFORE)
    return MoneyDate(told)
