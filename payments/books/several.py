"""What bills owe that one transfer names together: read without locks, to be shown or weighed.

What is not the exact sum goes to people; what is suggested to them is what `apportion` would do.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, cast, func
from sqlmodel import col

from core.sessions import ReadSession
from core.statements import values_of
from payments.bills.models import Bill
from payments.books.allocation import OwingBill, Reason, apportion, pays_exactly
from payments.books.destination import Destination, find_left_out
from payments.books.queries import WaitingMoney
from payments.books.suspense import amount_waiting


@dataclass(frozen=True, slots=True)
class SuggestedShare:
    """What a bill would get of money that names several; `owed` is what it still takes, in đồng."""

    bill: str
    owed: int
    share: int


@dataclass(frozen=True, slots=True)
class _NamedBill:
    id: str
    agency_id: str
    reference: str
    status: str
    amount: int
    waiting: int
    due_at: datetime

    @property
    def owing(self) -> OwingBill:
        return OwingBill(self.id, self.status, self.amount, self.waiting, self.due_at)


_NAMED = values_of(
    _NamedBill,
    Bill,
    waiting=cast(amount_waiting(col(Bill.id)), BigInteger),
    due_at=func.coalesce(Bill.expires_at, Bill.created_at),
)


async def owe_exactly(session: ReadSession, bill_ids: Collection[str], amount: int) -> bool:
    """Whether several bills, as they are now, still take `amount` đồng together, and each some."""
    found = await session.all(_NAMED.where(col(Bill.id).in_(bill_ids)))
    return pays_exactly([bill.owing for bill in found], amount)


async def unless_for_others(
    session: ReadSession, destination: Destination, words: str, amount: int
) -> Destination:
    """Where `words` name one bill and misspell others, and `amount` đồng is theirs: people look.

    Given to the first whole, the money of the others would be its excess.
    """
    left_out = await find_left_out(session, destination, words)
    if destination.bill_id is None or not left_out:
        return destination
    if not await owe_exactly(session, [destination.bill_id, *left_out], amount):
        return destination
    return Destination(Reason.SEVERAL_REFERENCES, reference=destination.reference)


async def suggest_shares(
    session: ReadSession, items: Sequence[WaitingMoney], agency_ids: Collection[str]
) -> Mapping[str, list[SuggestedShare]]:
    """For each item that waits because its words name several bills: whose it may be, by item.

    The shares are those that `apportion` gives the bills that still take money, in its order. Of
    bills of several bodies, or of one that is none of `agency_ids`, nothing is suggested.
    """
    waiting = {item.id: item.named for item in items if item.reason == Reason.SEVERAL_REFERENCES}
    references = {name for names in waiting.values() for name in names}
    if not references:
        return {}
    found = await session.all(_NAMED.where(col(Bill.reference).in_(references)))
    known = {bill.reference: bill for bill in found if bill.agency_id in agency_ids}
    amounts = {item.id: item.amount for item in items}
    suggested = {}
    for item_id, names in waiting.items():
        bills = [known[name] for name in names if name in known]
        if len(bills) == len(names) and len({bill.agency_id for bill in bills}) == 1:
            suggested[item_id] = _suggested(bills, amounts[item_id])
    return suggested


def _suggested(bills: Sequence[_NamedBill], amount: int) -> list[SuggestedShare]:
    owing = sorted((bill.owing for bill in bills if bill.owing.missing), key=lambda one: one.rank)
    if len(owing) < 2:
        return []
    names = {bill.id: bill.reference for bill in bills}
    given = {one.bill_id: one.distribution.total for one in apportion(owing, amount)}
    return [
        SuggestedShare(names[one.bill_id], one.missing, given.get(one.bill_id, 0)) for one in owing
    ]
