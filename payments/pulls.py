"""What is asked of us before money is taken: what a code, a dossier or an order owes. Pure.

Amounts are whole đồng. Nothing of a payer is told, but what `billed` has of who must pay by a
decision.
"""

from dataclasses import dataclass
from enum import StrEnum

from payments.billed import BilledDossier


class PullKey(StrEnum):
    """By what it is asked: a bill's reference, the number of a dossier, or an order of ours.

    `ORDER` is asked by a gateway at which we started an attempt, before it takes money for it.
    """

    REFERENCE = "reference"
    DOSSIER = "dossier"
    ORDER = "order"


@dataclass(frozen=True, slots=True)
class Pull:
    """An authentic question of what is owed."""

    key: PullKey
    number: str


class PullState(StrEnum):
    """What there is to pay."""

    UNPAID = "unpaid"
    #: everything is paid, or nothing is to be paid any more
    SETTLED = "settled"
    #: the fee is owed still, and the time to pay it by this bill is over
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    #: it is owed and cannot be taken here now: an attempt's payment page takes money still, a
    #: person looks at an attempt's money, or the amount is outside the account's limits
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True)
class PulledBill:
    """What is owed: of a dossier of several bills the oldest that is unpaid, one after the other.

    Money for it is told of under `reference`. Only what is `UNPAID` has an amount and its fees.
    """

    state: PullState
    reference: str = ""
    amount: int = 0
    billed: BilledDossier | None = None
