"""A day of the system's account with differences of several classes, for the pages of staff."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.ids import new_id
from tests.support.callbacks import credit
from tests.support.closing import today
from tests.support.statements import reconcile, take_statement
from tests.support.system import System


@dataclass(frozen=True, slots=True)
class OddDay:
    """A reconciled day: its page's address, and the run that stands."""

    path: str
    run: dict[str, Any]
    paid: dict[str, Any]


def bank_ref() -> str:
    """A reference of the bank's that no other movement has."""
    return f"FT26{int(new_id('ft')[-10:], 16) % 10**10:010d}"


def day_path_of(system: System) -> str:
    """The address of today's page."""
    return f"/staff/days/{system.body.collection_code}/{today()}"


async def odd_day(system: System, unknown: int = 4, agreed: Sequence[str] = ()) -> OddDay:
    """One payment that agrees, one that is on no statement, and credits that are nobody's.

    `agreed` are lines of the statement of payments that were made before, which agree too.
    """
    paid, lost = await system.create_bill(), await system.create_bill()
    known = bank_ref()
    await credit(system, 5000, paid["reference"], bank_ref=known)
    await credit(system, 5000, lost["reference"], bank_ref=bank_ref())
    lines = [f"5000|credit|{paid['reference']}|{known}", *agreed]
    lines += [f"{7000 + n}|credit|tien khong ro {n}|{bank_ref()}" for n in range(unknown)]
    await take_statement(system, *lines)
    return OddDay(day_path_of(system), await reconcile(system), paid)
