"""Where the money of one credit goes: to the bill, into suspense, or refundable. Pure.

Nothing is dropped and nothing is created: allocated + suspense + refundable = credit, for every
input (a property test walks them). Amounts are whole đồng.
"""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why money is not simply the payment of its bill."""

    NO_REFERENCE = "no_reference"
    UNKNOWN_REFERENCE = "unknown_reference"
    SEVERAL_REFERENCES = "several_references"
    SHORT = "short"
    EXCESS = "excess"
    BILL_ALREADY_PAID = "bill_already_paid"
    BILL_CANCELLED = "bill_cancelled"
    NOTHING_OWED = "nothing_owed"
    AMOUNT_MISMATCH = "amount_mismatch"
    HELD_BY_GATEWAY = "held_by_gateway"
    FEE_NOT_IN_FORCE = "fee_not_in_force"
    STATIC_AMOUNT = "static_amount"
    OTHER_AGENCY = "other_agency"
    #: told under the name of money that is in the books with another amount
    CONFLICTING_NOTICE = "conflicting_notice"
    #: may or may not be money that is in the books already: two people say which
    POSSIBLE_DUPLICATE = "possible_duplicate"
    #: only a statement told of it: two people release it
    STATEMENT_ONLY = "statement_only"
    #: two people said that it is money that is in the books already
    SAME_MONEY = "same_money"
    #: two people said that it is to be given back
    REFUND_WANTED = "refund_wanted"
    #: the statement that alone told of it was withdrawn
    STATEMENT_WITHDRAWN = "statement_withdrawn"
    #: the bank took it back
    RETURNED_BY_BANK = "returned_by_bank"
    #: said to have come on a day that is far ahead
    DATED_AHEAD = "dated_ahead"
    #: its words are those by which a gateway pays over what it took: two people say so
    GATEWAY_SETTLEMENT = "gateway_settlement"
    #: two people said that it is what a gateway pays over
    SETTLED_BY_GATEWAY = "settled_by_gateway"


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
    #: why there is money that is not allocated; None when there is none
    reason: Reason | None = None
    #: take what waits in suspense for this bill too: together they reach its amount
    takes_waiting: bool = False

    @property
    def total(self) -> int:
        """The credit this came from."""
        return self.allocated + self.suspense + self.refundable + self.reversed + self.in_transit


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
