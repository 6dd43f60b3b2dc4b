"""Where the money of one credit goes: to its bill or bills, into suspense, or refundable. Pure.

Nothing is dropped and nothing is created: allocated + suspense + refundable = credit, for every
input (a property test walks them). Amounts are whole đồng.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from payments.bills.reasons import Reason as Reason

#: Reasons for which nobody knows yet whether money is money of its own, or came at all.
DOUBTS = frozenset(
    {
        Reason.CONFLICTING_NOTICE,
        Reason.POSSIBLE_DUPLICATE,
        Reason.STATEMENT_ONLY,
        Reason.DATED_AHEAD,
        Reason.DATED_BEFORE,
        Reason.GATEWAY_SETTLEMENT,
        Reason.UNSIGNED_NOTICE,
    }
)

#: Reasons for which money waits until another source tells of it.
AWAITING_ANOTHER = frozenset({Reason.STATEMENT_ONLY, Reason.UNSIGNED_NOTICE})


@dataclass(frozen=True, slots=True)
class Distribution:
    """The parts of one credit; their sum is the credit."""

    allocated: int = 0
    suspense: int = 0
    refundable: int = 0
    #: what was no money, or was taken back
    reversed: int = 0
    #: what a gateway paid over of money that the books have already
    in_transit: int = 0
    #: what a collector paid in of cash that the books have already
    collector_cash: int = 0
    #: why there is money that is not allocated; None when there is none
    reason: Reason | None = None
    #: take what waits in suspense for this bill too: together they reach its amount
    takes_waiting: bool = False

    @property
    def total(self) -> int:
        """The credit this came from."""
        elsewhere = self.reversed + self.in_transit + self.collector_cash
        return self.allocated + self.suspense + self.refundable + elsewhere


def suspend(credit: int, reason: Reason) -> Distribution:
    """The whole credit waits for a person or for the rest."""
    return Distribution(suspense=credit, reason=reason)


def distribute(status: str, owed: int, waiting: int, credit: int) -> Distribution:
    """Place `credit` on a bill of `owed` đồng for which `waiting` đồng are in suspense already.

    * open or expired: settles when the sum reaches the amount; short money waits for the rest;
      what is over is refundable. An expired bill is settled late: the fee is still owed.
    * paid: a second payment, refundable. Exempt: nothing was owed, refundable.
    * cancelled: a person decides whether the service is wanted after all.
    """
    if status == "paid":
        return Distribution(refundable=credit, reason=Reason.BILL_ALREADY_PAID)
    if status == "exempt":
        return Distribution(refundable=credit, reason=Reason.NOTHING_OWED)
    if status == "cancelled":
        return suspend(credit, Reason.BILL_CANCELLED)
    if waiting + credit < owed:
        return suspend(credit, Reason.SHORT)
    needed = owed - waiting
    over = credit - needed
    return Distribution(
        allocated=needed,
        refundable=over,
        reason=Reason.EXCESS if over else None,
        takes_waiting=waiting > 0,
    )


def distribute_static(price: int | None, credit: int) -> Distribution:
    """Place a credit that carries a static reference whose fee costs `price` today.

    Exact money opens and settles a bill; any other amount, or a fee not in force, waits.
    """
    if price is None:
        return suspend(credit, Reason.FEE_NOT_IN_FORCE)
    if price != credit:
        return suspend(credit, Reason.STATIC_AMOUNT)
    return Distribution(allocated=credit)


@dataclass(frozen=True, slots=True)
class OwingBill:
    """A bill that a credit names beside others; amounts in đồng.

    `waiting` is what is in suspense for it already, `due_at` when it was to be paid; of two kinds
    of charges the one with the lower `priority` is paid first.
    """

    bill_id: str
    status: str
    amount: int
    waiting: int
    due_at: datetime
    priority: int = 0

    @property
    def missing(self) -> int:
        """What it still takes, in đồng."""
        return max(self.amount - self.waiting, 0) if self.status in ("open", "expired") else 0

    @property
    def rank(self) -> tuple[int, datetime, str]:
        """Where it stands among those that are paid with one credit."""
        return self.priority, self.due_at, self.bill_id


@dataclass(frozen=True, slots=True)
class BillShare:
    """What of a credit is for one bill, and where it goes there."""

    bill_id: str
    distribution: Distribution


def apportion(bills: Collection[OwingBill], credit: int) -> list[BillShare]:
    """Split `credit` over the bills that it is for, in the order in which they are paid.

    By kind of charge, then the oldest first: a newer one gets nothing before each older one is
    paid, in whatever order the payer named them. What is over goes with the last one that takes
    any, and is refundable; where none takes any, all of it goes with the first. Bills that get
    nothing are left out. Raises ValueError for no bills.
    """
    ordered = sorted(bills, key=lambda bill: bill.rank)
    if not ordered:
        raise ValueError("a credit is split over no bills")
    takers = [bill for bill in ordered if bill.missing] or ordered[:1]
    shares, left = [], credit
    for bill in takers:
        part = left if bill is takers[-1] else min(bill.missing, left)
        if part:
            distribution = distribute(bill.status, bill.amount, bill.waiting, part)
            shares.append(BillShare(bill.bill_id, distribution))
        left -= part
    return shares


@dataclass(frozen=True, slots=True)
class FilledBills:
    """What of a credit goes to bills, and what is `left` once they take nothing more, in đồng."""

    shares: tuple[BillShare, ...]
    left: int


def fill_oldest(bills: Collection[OwingBill], credit: int) -> FilledBills:
    """Give `credit` to the bills of one debtor by rank: by kind of charge, then the oldest first.

    As `apportion`, but what is over is nobody's refund: it waits for the debtor's next bill.
    """
    shares, left = [], credit
    for bill in sorted(bills, key=lambda bill: bill.rank):
        if part := min(bill.missing, left):
            distribution = distribute(bill.status, bill.amount, bill.waiting, part)
            shares.append(BillShare(bill.bill_id, distribution))
            left -= part
    return FilledBills(tuple(shares), left)


def pays_exactly(bills: Collection[OwingBill], credit: int) -> bool:
    """Whether `credit` is what these bills still take together, and each of them takes some.

    Only then is it split without people: any other sum may be for some of them, or for others.
    """
    taken = [bill.missing for bill in bills]
    return bool(taken) and all(taken) and sum(taken) == credit
