"""A stall in the money's world: a run opens its bills, and money comes under its reference.

Each bill falls due after those before it. Where none of the stall's money was ever taken back, the
bills that are paid, what waits for the next one and what is left over follow from the sum of all
that came, whatever the order in which bills were opened and money came. Where some was, a bill that
is owed again may be older than one that is paid: then only sums are known.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from payments.billing.credit.commands import tell_of_credit
from payments.catalogue.rules.natures import FeeNature
from tests.support.money_service import MoneyService
from tests.support.stalls import StallAtHand, stall
from tests.support.system import System


class MoneyStall:
    """A stall of the service's body, and what its bills cost, in the order of their days."""

    def __init__(self, service: MoneyService, at: StallAtHand) -> None:
        self._service = service
        self._at = at
        self.reference = at.reference
        self.costs: list[int] = []

    async def open_bill(self, amount: int) -> None:
        """Open the next period's bill as a run does, its fee one that a receipt proves."""
        due = 30 * (len(self.costs) + 1)
        async with self._service.parts.database.transaction() as session:
            await self._at.open_bill(session, amount, due, nature=FeeNature.CHARGE)
            await tell_of_credit(session, [self._at.id])
        self.costs.append(amount)


async def stall_of(service: MoneyService) -> MoneyStall:
    """A new stall, with nothing owed."""
    # Of a system its parts and its body are used, which a service has as well.
    return MoneyStall(service, await stall(cast("System", service)))


def placed(costs: Sequence[int], money: int) -> tuple[list[tuple[bool, int, int]], int]:
    """Whether each bill is paid, what it is given and what waits for it; and what is left."""
    places = []
    for cost in costs:
        if money >= cost:
            places.append((True, cost, 0))
            money -= cost
        else:
            places.append((False, 0, money))
            money = 0
    return places, money


def misplaced(
    stall: MoneyStall, rows: Sequence[Mapping[str, Any]], money: int, waiting: int, *, whole: bool
) -> list[str]:
    """What is wrong with a stall's `money` đồng: `rows` are its bills, `waiting` has none yet.

    `whole` says that none of it was ever taken back.
    """
    found = [(row["status"] == "paid", row["given"], row["waiting"]) for row in rows]
    kept = sum(given + short for _, given, short in found) + waiting
    if kept != money:
        return [f"{money} came for the stall, and {kept} are there"]
    expected, left = placed(stall.costs, money)
    if whole and (found, waiting) != (expected, left):
        return [f"the stall's bills are {found}, left {waiting}; must be {expected}, {left}"]
    return []
