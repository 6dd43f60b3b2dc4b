"""The rules that three public engines match by, restated: what each makes of a labelled day.

Each is given what ours is given: bank credits with the payments and batches that they may be, and
settlement lines with what the gateways took. A batch is one more thing of its net amount.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Final

from bench.labelled_day import ON, Day, Line, Payment, batch_name
from core.clock import VIETNAM

_NOON = datetime.combine(ON, time(12), VIETNAM)
_Placed = dict[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class _Side:
    """Lines, and what each of them may be."""

    lines: list[Line]
    candidates: list[Payment]

    def by_price(self) -> defaultdict[int, list[Payment]]:
        """The candidates by their amount, in their order."""
        priced: defaultdict[int, list[Payment]] = defaultdict(list)
        for one in self.candidates:
            priced[one.amount].append(one)
        return priced


def _sides(day: Day) -> Iterator[_Side]:
    net: defaultdict[str, int] = defaultdict(int)
    refs: dict[str, str] = {}
    for line in day.settled:
        name = batch_name(line.gateway, line.batch_ref)
        net[name] += line.paid_over
        refs[name] = line.batch_ref
    batches = [Payment(name, refs[name], amount, _NOON) for name, amount in net.items()]
    yield _Side([x for x in day.lines if x.direction == "credit"], [*day.payments, *batches])
    yield _Side(
        [
            Line(x.line_id, _NOON, x.amount, "credit", x.gateway_ref, x.order_ref, "")
            for x in day.settled
            if x.kind == "payment"
        ],
        [Payment(x.payment_id, x.gateway_ref, x.amount, _NOON) for x in day.taken],
    )


def by_score(day: Day) -> _Placed:
    """A point for the amount, one for the currency, one for the day; the best of what is left."""
    placed = {}
    for side in _sides(day):
        left: defaultdict[int, defaultdict[int, deque[Payment]]]
        left = defaultdict(lambda: defaultdict(deque))
        for one in side.candidates:
            left[one.amount][_day(one.paid_at)].append(one)
        for line in side.lines:
            if days := left[line.amount]:
                near = min(days, key=lambda day: abs(day - _day(line.booked_at)))
                placed[line.line_id] = frozenset({days[near].popleft().payment_id})
                if not days[near]:
                    del days[near]
    return placed


def _day(moment: datetime) -> int:
    return moment.astimezone(VIETNAM).toordinal()


def first_fit(day: Day) -> _Placed:
    """Whose reference stands in the words as it is, else the first of its amount that is left."""
    placed = {}
    for side in _sides(day):
        by_reference = {one.reference: one for one in side.candidates}
        priced, used = side.by_price(), set[str]()
        for line in side.lines:
            words = f"{line.reference} {line.narrative}".split()
            named = next((by_reference[word] for word in words if word in by_reference), None)
            left = (one for one in priced[line.amount] if one.payment_id not in used)
            fit = named if named is not None and named.payment_id not in used else next(left, None)
            if fit is not None:
                used.add(fit.payment_id)
                placed[line.line_id] = frozenset({fit.payment_id})
    return placed


def by_amount(day: Day) -> _Placed:
    """The first of that amount that is left."""
    placed = {}
    for side in _sides(day):
        priced = side.by_price()
        for line in side.lines:
            if priced[line.amount]:
                placed[line.line_id] = frozenset({priced[line.amount].pop(0).payment_id})
    return placed


RULES: Final[Mapping[str, Callable[[Day], _Placed]]] = {
    "score by amount, currency and day": by_score,
    "the first that fits wins": first_fit,
    "amount only": by_amount,
}
