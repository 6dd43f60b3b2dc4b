"""The day of an account that a staff page is about: found for who asks, and its addresses."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final
from urllib.parse import quote, urlencode

from fastapi import Path

from core import clock
from core.errors import NotFound
from core.sessions import ReadSession
from payments.agencies.access.principals import Principal
from payments.agencies.queries import CollectionAccountValue
from reconciliation.days.listing import StandingRun, find_standing
from reconciliation.statements.uploads import own_account

#: The days that addresses may name: each has a day before and after it, in whatever zone.
FIRST_DAY: Final = date(2000, 1, 1)
LAST_DAY: Final = date(2999, 12, 31)

AccountCode = Annotated[str, Path(max_length=64, pattern=r"^[^\x00]*$")]


@dataclass(frozen=True, slots=True)
class StaffDay:
    """A day of an account of whoever asks, and the run that stands, if there is one."""

    account: CollectionAccountValue
    on: date
    run: StandingRun | None

    @property
    def path(self) -> str:
        """The address of the day's page."""
        return day_path(self.account.code, self.on)

    @property
    def is_closed(self) -> bool:
        """Whether the day never changes any more."""
        return self.run is not None and self.run.closed_at is not None

    @property
    def has_begun(self) -> bool:
        """Whether the day has begun in Vietnam, so that it can be reconciled."""
        return self.on <= clock.business_date(clock.now())


def day_path(account: str, on: date) -> str:
    """The address of a day's page."""
    return f"/staff/days/{quote(account, safe='')}/{on.isoformat()}"


def with_query(path: str, **query: str | None) -> str:
    """An address with those of the parts that are there."""
    given = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(given)}" if given else path


def read_day(text: str) -> date | None:
    """The day that an address names, or the nearest of ours; None for nothing and for no day."""
    try:
        return min(max(date.fromisoformat(text), FIRST_DAY), LAST_DAY)
    except ValueError:
        return None


async def get_day(session: ReadSession, who: Principal, account: str, on: date) -> StaffDay:
    """A day of an account. Raises `NotFound` for an account that is not theirs, and for no day."""
    if not FIRST_DAY <= on <= LAST_DAY:
        raise NotFound("Không có ngày này.")
    found = await own_account(session, who, account)
    return StaffDay(found, on, await find_standing(session, found.id, on))
