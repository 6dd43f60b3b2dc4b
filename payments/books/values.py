"""What of money goes to helper processes too, and so loads nothing of the database. Pure."""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class DayPayment:
    """Money on one account, as reconciliation needs it.

    `amount` is what was credited, in đồng; what was reversed whole is no such money.
    """

    payment_id: str
    #: the reference that the payer's bank carried, or the bill's; empty where there is none
    reference: str
    amount: int
    paid_at: datetime
    accounting_on: date
    gateway: str
    gateway_ref: str
    #: whether the reference is a poster's, which many payers carry, or a stall's or a hand-over's,
    #: which pays often
    static: bool = False
    #: whether no feed and no gateway has told of it, only a statement
    statement_alone: bool = False
    #: whether it is what a gateway paid over, and the line of a statement that two people named
    is_batch: bool = False
    batch_line: str | None = None
