"""Pairs money that is alike: payments and credits of one name and one amount. Pure.

Where as many payments as lines lie together in time they are paired, in order: each has its own,
whichever it is. Where there are more of one side, nobody can say which of them has none: they are
*ambiguous*, all of them, with all candidates named. Never the first that comes.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, Protocol

from core.clock import business_date
from core.money import format_vnd

#: So many days apart money may lie that is taken together, the nearest first. A bank's reference
#: may start again each day; money is booked within days (Tết) of its coming.
_RADII: Final = (0, 1, 2, 3, 5, 7, 14)
LONGEST: Final = _RADII[-1]
#: So many candidates are named one by one.
_NAMED: Final = 5


class AlikePayment(Protocol):
    """What is asked of a payment.

    `reference` is the payer's: empty where there is none, with spaces between where there are
    several, in order.
    """

    @property
    def payment_id(self) -> str: ...
    @property
    def reference(self) -> str: ...
    @property
    def amount(self) -> int: ...
    @property
    def paid_at(self) -> datetime: ...
    @property
    def accounting_on(self) -> date: ...


class AlikeLine(Protocol):
    """What is asked of a credit line."""

    @property
    def line_id(self) -> str: ...
    @property
    def amount(self) -> int: ...
    @property
    def booked_at(self) -> datetime: ...
    @property
    def references(self) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class AmbiguousMoney:
    """Payments and lines that fit alike, more of one side than of the other."""

    payments: tuple[AlikePayment, ...]
    lines: tuple[AlikeLine, ...]

    @property
    def for_payment(self) -> str:
        """Why it is nobody's, for people, as the payments see it."""
        named = _listed(line.line_id for line in self.lines)
        return f"{self._told}; dòng có thể là của nó: {named}."

    @property
    def for_line(self) -> str:
        """Why it is nobody's, for people, as the lines see it."""
        named = _listed(payment.payment_id for payment in self.payments)
        return f"{self._told}; khoản có thể là của nó: {named}."

    @property
    def _told(self) -> str:
        amount = format_vnd(self.lines[0].amount)
        return (
            f"{len(self.payments)} khoản và {len(self.lines)} dòng ghi có {amount} giống nhau,"
            " không phân định được"
        )


@dataclass(slots=True)
class PairedMoney:
    """What was paired, payment and line, and what could not be."""

    pairs: list[tuple[AlikePayment, AlikeLine]] = field(default_factory=list)
    ambiguous: list[AmbiguousMoney] = field(default_factory=list)


def pair_alike(
    payments: Iterable[AlikePayment],
    lines: Iterable[AlikeLine],
    undone: Collection[tuple[str, str]] = frozenset(),
) -> PairedMoney:
    """Pair payments and lines of one name and one amount; what fits nothing is left out.

    A line that names a payment's references, all of them and no others, is that payment's before
    any other; one that names others and none of them is never. `undone` are pairs of ids that
    people have taken apart.
    """
    left, open_ = list(payments), list(lines)
    result = PairedMoney()
    if not left or not open_:
        return result
    own: defaultdict[str, list[AlikePayment]] = defaultdict(list)
    for one in left:
        own[one.reference].append(one)
    named: defaultdict[str, list[AlikeLine]] = defaultdict(list)
    for line in open_:
        if told := " ".join(sorted(line.references)):
            named[told].append(line)
    # No payment and no line is of two sets of references: one's pairs take nothing from another.
    for reference in sorted(own.keys() & named.keys()):
        _add(result, _pair_near(own[reference], named[reference], undone))
    _add(result, _pair_near(*_without(left, open_, result), undone))
    return result


def _add(result: PairedMoney, found: PairedMoney) -> None:
    result.pairs += found.pairs
    result.ambiguous += found.ambiguous


def _pair_near(
    payments: Sequence[AlikePayment],
    lines: Sequence[AlikeLine],
    undone: Collection[tuple[str, str]],
) -> PairedMoney:
    result = PairedMoney()
    left, open_ = list(payments), list(lines)
    for radius in _RADII:
        if not left or not open_:
            break
        for some, near in _clusters(left, open_, radius):
            pairs = _in_order(some, near, undone)
            if pairs is not None:
                result.pairs += pairs
            elif radius == LONGEST:
                _note_ambiguous(some, near, undone, result)
        left, open_ = _without(left, open_, result)
    return result


def _note_ambiguous(
    payments: Sequence[AlikePayment],
    lines: Sequence[AlikeLine],
    undone: Collection[tuple[str, str]],
    result: PairedMoney,
) -> None:
    some = [one for one in payments if any(_fits(one, line, undone) for line in lines)]
    near = [line for line in lines if any(_fits(one, line, undone) for one in payments)]
    if some and near:
        result.ambiguous.append(AmbiguousMoney(tuple(some), tuple(near)))


def _in_order(
    payments: Sequence[AlikePayment],
    lines: Sequence[AlikeLine],
    undone: Collection[tuple[str, str]],
) -> list[tuple[AlikePayment, AlikeLine]] | None:
    """Each payment with one line; None where there are not as many, or they do not fit so."""
    if len(payments) != len(lines):
        return None
    # What has named something takes what has not, so that nothing is left that fits nothing.
    some = sorted(payments, key=lambda one: (not one.reference, one.paid_at, one.payment_id))
    near = sorted(lines, key=lambda line: (bool(line.references), line.booked_at, line.line_id))
    pairs = list(zip(some, near, strict=True))
    return pairs if all(_fits(one, line, undone) for one, line in pairs) else None


def _fits(payment: AlikePayment, line: AlikeLine, undone: Collection[tuple[str, str]]) -> bool:
    named, own = set(line.references), set(payment.reference.split())
    # A bank may have cut the words after the first of several.
    other_purpose = bool(named and own) and not named & own
    apart = abs((business_date(line.booked_at) - payment.accounting_on).days)
    kept = (payment.payment_id, line.line_id) not in undone
    return kept and not other_purpose and apart <= LONGEST


def _clusters(
    payments: Sequence[AlikePayment], lines: Sequence[AlikeLine], radius: int
) -> Iterator[tuple[list[AlikePayment], list[AlikeLine]]]:
    """What lies together in time, no two neighbours further apart than `radius` days."""
    days: dict[date, tuple[list[AlikePayment], list[AlikeLine]]] = {}
    for payment in payments:
        days.setdefault(payment.accounting_on, ([], []))[0].append(payment)
    for line in lines:
        days.setdefault(business_date(line.booked_at), ([], []))[1].append(line)
    some: list[AlikePayment] = []
    near: list[AlikeLine] = []
    last: date | None = None
    for day in sorted(days):
        if last is not None and (day - last).days > radius:
            if some and near:
                yield some, near
            some, near = [], []
        some, near, last = some + days[day][0], near + days[day][1], day
    if some and near:
        yield some, near


def _without(
    payments: Sequence[AlikePayment], lines: Sequence[AlikeLine], result: PairedMoney
) -> tuple[list[AlikePayment], list[AlikeLine]]:
    gone = {one.payment_id for one, _ in result.pairs}
    gone |= {line.line_id for _, line in result.pairs}
    for ambiguous in result.ambiguous:
        gone |= {one.payment_id for one in ambiguous.payments}
        gone |= {line.line_id for line in ambiguous.lines}
    return (
        [one for one in payments if one.payment_id not in gone],
        [line for line in lines if line.line_id not in gone],
    )


def _listed(names: Iterable[str]) -> str:
    known = sorted(names)
    more = "" if len(known) <= _NAMED else f" và {len(known) - _NAMED} nữa"
    return ", ".join(known[:_NAMED]) + more
