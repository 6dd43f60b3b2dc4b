"""The lies the sandbox tells, on demand or by a seeded chance.

A fault is asked for once for each request (`create`, `query`), for each successful payment
(`callback`) and for each bank credit (`credit`). First come the scripted ones, in order; then,
where a rate was set, chance decides. The same seed and the same requests give the same lies.
"""

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Operation(StrEnum):
    """Where a fault may strike."""

    CREATE = "create"
    QUERY = "query"
    CALLBACK = "callback"
    CREDIT = "credit"
    REFUND = "refund"


class Fault(StrEnum):
    """What goes wrong. Those of an answer strike after the order was taken unless said so."""

    #: the order is taken; no answer ever comes
    TIMEOUT = "timeout"
    #: the order is taken and charged; no answer ever comes, the callback does
    TIMEOUT_AFTER_CHARGE = "timeout_after_charge"
    #: create: charged, and the callback goes out before the answer to create.
    #: callback: it goes out before a query shows the charge
    EARLY_CALLBACK = "early_callback"
    #: the order is refused in a regular answer
    DECLINE = "decline"
    #: a 5xx; chance decides which, and whether the order was taken
    SERVER_ERROR = "server_error"
    #: 503 with Retry-After, and nothing was done
    UNAVAILABLE = "unavailable"
    #: 429 with Retry-After, and nothing was done
    RATE_LIMITED = "rate_limited"
    #: the answer comes one byte at a time
    SLOW = "slow"
    #: the connection closes in the middle of the answer
    TRUNCATED = "truncated"
    #: the answer goes on for tens of megabytes
    HUGE = "huge"
    #: a page of HTML, with status 200
    HTML = "html"
    #: a regular answer that an outsider has signed, from a provider that signs its answers
    FORGED_ANSWER = "forged_answer"
    #: a query that says it does not know the order, although it does
    NOT_FOUND = "not_found"
    #: a refund that is taken and stays undecided
    NOT_DECIDED = "not_decided"
    #: the same callback three times
    DUPLICATE_CALLBACK = "duplicate_callback"
    LATE_CALLBACK = "late_callback"
    LOST_CALLBACK = "lost_callback"
    #: a callback of an outsider comes before the genuine one
    FORGED_CALLBACK = "forged_callback"
    #: another amount than ordered is charged and reported
    WRONG_AMOUNT = "wrong_amount"
    #: a failure is reported first, then the success
    SUCCESS_AFTER_FAILURE = "success_after_failure"


_ANSWERS: Final = (
    Fault.TIMEOUT,
    Fault.SERVER_ERROR,
    Fault.UNAVAILABLE,
    Fault.RATE_LIMITED,
    Fault.SLOW,
    Fault.TRUNCATED,
    Fault.HUGE,
    Fault.HTML,
)
_CALLBACKS: Final = (
    Fault.DUPLICATE_CALLBACK,
    Fault.LATE_CALLBACK,
    Fault.LOST_CALLBACK,
    Fault.FORGED_CALLBACK,
)

#: which faults make sense where; anything else is refused when it is asked for
POSSIBLE: Final[dict[Operation, tuple[Fault, ...]]] = {
    Operation.CREATE: (
        *_ANSWERS,
        Fault.TIMEOUT_AFTER_CHARGE,
        Fault.EARLY_CALLBACK,
        Fault.DECLINE,
    ),
    Operation.QUERY: (*_ANSWERS, Fault.FORGED_ANSWER, Fault.NOT_FOUND),
    Operation.CALLBACK: (
        *_CALLBACKS,
        Fault.EARLY_CALLBACK,
        Fault.WRONG_AMOUNT,
        Fault.SUCCESS_AFTER_FAILURE,
    ),
    Operation.CREDIT: _CALLBACKS,
    Operation.REFUND: (*_ANSWERS, Fault.FORGED_ANSWER, Fault.DECLINE, Fault.NOT_DECIDED),
}

#: what a gateway writes into Retry-After when nobody watches it
_RETRY_AFTERS: Final = ("0", "1", "soon", "1000000000", "Wed, 21 Oct 2015 07:28:00 GMT")


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """A fault that is about to strike, with whatever it needs to be the same every time."""

    fault: Fault
    retry_after: str = "0"
    status: int = 500
    #: server_error only: whether the request took effect before the error
    takes_effect: bool = True


class FaultPlan:
    """Scripted and random faults, kept apart for each account (partner code, account number)."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._scripts: dict[tuple[str, Operation], deque[PlannedFault]] = {}
        self._chances: dict[tuple[str, Operation], tuple[float, tuple[Fault, ...]]] = {}

    def script(
        self,
        account: str,
        operation: Operation,
        fault: Fault,
        *,
        count: int = 1,
        retry_after: str | None = None,
        status: int | None = None,
        takes_effect: bool | None = None,
    ) -> None:
        """Strike at the next `count` requests of that kind; ValueError if it makes no sense."""
        _check(operation, (fault,))
        queue = self._scripts.setdefault((account, operation), deque())
        for _ in range(count):
            queue.append(self._dress(fault, retry_after, status, takes_effect))

    def randomly(
        self, account: str, operation: Operation, rate: float, faults: Sequence[Fault] = ()
    ) -> None:
        """Strike with probability `rate`, with one of `faults` (all possible ones if empty)."""
        _check(operation, faults)
        if not 0 <= rate <= 1:
            raise ValueError("a rate is between 0 and 1")
        self._chances[account, operation] = (rate, tuple(faults) or POSSIBLE[operation])

    def clear(self) -> None:
        """From now on the truth, at once."""
        self._scripts.clear()
        self._chances.clear()

    def forget(self, account: str) -> None:
        """The truth from now on, of one account."""
        for kept in (self._scripts, self._chances):
            for key in [key for key in kept if key[0] == account]:
                del kept[key]

    def scripted(self, account: str) -> list[tuple[Operation, Fault]]:
        """What is about to strike an account, in order for each operation."""
        return [
            (operation, one.fault)
            for (whose, operation), queue in self._scripts.items()
            for one in queue
            if whose == account
        ]

    def next(self, account: str, operation: Operation) -> PlannedFault | None:
        """The fault for this request, if any; it is used up."""
        queue = self._scripts.get((account, operation))
        if queue:
            return queue.popleft()
        rate, faults = self._chances.get((account, operation), (0.0, ()))
        if rate and self._rng.random() < rate:
            return self._dress(self._rng.choice(faults), None, None, None)
        return None

    def _dress(
        self, fault: Fault, retry_after: str | None, status: int | None, takes_effect: bool | None
    ) -> PlannedFault:
        return PlannedFault(
            fault,
            self._rng.choice(_RETRY_AFTERS) if retry_after is None else retry_after,
            self._rng.choice((500, 502, 503, 504)) if status is None else status,
            self._rng.random() < 0.5 if takes_effect is None else takes_effect,
        )


def other_amount(amount: int, rng: random.Random) -> int:
    """An amount that is not the order's: a slip of scale, a little less, a little more."""
    slips = (amount * 100, amount // 100, amount - 1, amount + 1000)
    return rng.choice([slip for slip in slips if 1 <= slip <= 10**13])


def _check(operation: Operation, faults: Sequence[Fault]) -> None:
    for fault in faults:
        if fault not in POSSIBLE[operation]:
            raise ValueError(f"{fault} cannot strike at {operation}")
