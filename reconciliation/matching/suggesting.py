"""What a credit that matching could not place may be: suggestions for people, never matches.

A credit whose words name nothing known is looked at again for a reference with one character wrong,
two swapped, one lost or one too many, or cut short; for several bills that it pays at once, some of
them written so, or in another sum than theirs; for a bill that several credits pay together. Amount
and time alone are the weakest sign, because fees have fixed prices, and none at all beside words
that name another bill. Each suggestion says why, and how often such a one is right (`confidence`,
in percent, as `bench/match_accuracy.py` measures it). Whatever fits two alike is sure of neither.

The order in which lines and candidates are given does not matter. Pure.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations, product
from typing import Final

from core.money import format_vnd
from core.references import (
    ALPHABET,
    LENGTH,
    PREFIX,
    find_references,
    is_reference,
    normalise,
)

#: The rules, with how often in a hundred such a suggestion is right.
_SEVERAL, _TOGETHER, _ONE_WRONG, _CUT = 99, 97, 97, 96
_SEVERAL_NEAR: Final = 96
#: As those, but the amount is another one.
_OTHER_AMOUNT: Final = 60
#: Nothing but the amount, and only one that it could be; several.
_ALONE, _AMONG = 60, 25

#: A cut reference must hold so many characters of its body to name anything.
_LEAST_BODY: Final = 6
#: So many suggestions of a line are shown.
_SHOWN: Final = 3
#: So many readings of what is damaged are tried, and so many sets of what a line names.
_MOST_READINGS, _MOST_SETS = 64, 4_096
#: So long after it was asked for, money may come whose words tell nothing.
_WITHIN: Final = timedelta(days=3)
#: An account's or a card's number stands around a reference more often than letters do.
_LETTERS = frozenset(ALPHABET)


@dataclass(frozen=True, slots=True)
class PlainCredit:
    """A credit that names nothing known, or not plainly; `amount` in đồng."""

    line_id: str
    words: str
    amount: int
    booked_at: datetime


@dataclass(frozen=True, slots=True)
class Candidate:
    """What money may be for: a bill that is still to be paid, or a payment that is missing."""

    object_id: str
    reference: str
    amount: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Suggestion:
    """That these lines are together the money of these objects.

    `confidence` is in percent; `reason` says why, in Vietnamese.
    """

    line_ids: tuple[str, ...]
    object_ids: tuple[str, ...]
    rule: str
    confidence: int
    reason: str


def suggest(
    credits_: Iterable[PlainCredit], candidates: Iterable[Candidate]
) -> Mapping[str, list[Suggestion]]:
    """For each line, at most three suggestions, the surest first; lines without any are left out.

    Ids and references of candidates are unique.
    """
    lines = sorted(credits_, key=lambda line: (line.booked_at, line.line_id))
    known = _ReferenceIndex(sorted(candidates, key=lambda one: one.reference))
    found: defaultdict[str, list[Suggestion]] = defaultdict(list)
    plain: list[PlainCredit] = []
    naming: defaultdict[str, list[PlainCredit]] = defaultdict(list)
    for line in lines:
        read = _read(line, known)
        if len(read.exact) == 1 and (not read.near or read.exact[0].amount == line.amount):
            naming[read.exact[0].reference].append(line)
        elif read.exact or len(read.near) > 1:
            found[line.line_id] += _several(line, read)
        elif read.near:
            found[line.line_id] += _damaged(line, read.near[0])
        elif not read.names_others:
            plain.append(line)
    for reference, several in naming.items():
        for suggestion in _together(several, known.by_reference[reference]):
            for line in several:
                found[line.line_id].append(suggestion)
    taken = {one for some in found.values() for each in some for one in each.object_ids}
    for line_id, suggestions in _by_amount(plain, known.ordered, taken):
        found[line_id] += suggestions
    return {
        line_id: sorted(some, key=lambda one: (-one.confidence, one.object_ids))[:_SHOWN]
        for line_id, some in found.items()
        if some
    }


def may_misspell(words: str) -> bool:
    """Whether some place in these words begins like a reference and is none that is sound."""
    least = len(PREFIX) + _LEAST_BODY
    return any(
        len(place) >= least and not is_reference(place[:LENGTH])
        for place in _places(normalise(words))
    )


class _ReferenceIndex:
    """The candidates by reference, and in its order, so that what begins alike stands together."""

    def __init__(self, ordered: Sequence[Candidate]) -> None:
        self.ordered = ordered
        self.by_reference = {one.reference: one for one in ordered}
        self._references = [one.reference for one in ordered]

    def __contains__(self, reference: str) -> bool:
        return reference in self.by_reference

    def beginning(self, text: str) -> list[Candidate]:
        """Those whose reference begins with `text`."""
        first = bisect_left(self._references, text)
        found = []
        for one in self.ordered[first:]:
            if not one.reference.startswith(text):
                break
            found.append(one)
        return found


@dataclass(frozen=True, slots=True)
class _ReadWords:
    """What a line's words name: candidates as they are, and for each damaged place what it may be.

    `names_others` says that a sound reference stands there that is none of the candidates'.
    """

    exact: list[Candidate]
    near: list[dict[str, tuple[Candidate, str]]]
    names_others: bool


def _read(line: PlainCredit, known: _ReferenceIndex) -> _ReadWords:
    sound = find_references(line.words)
    exact = {one: known.by_reference[one] for one in sound if one in known}
    near: list[dict[str, tuple[Candidate, str]]] = []
    for place in _places(normalise(line.words)):
        # A sound reference has spoken. One that is named as it is was only repeated.
        if is_reference(place[:LENGTH]):
            continue
        may_be = _near(place, known)
        repeated = any(may_be.keys() == other.keys() for other in near)
        if may_be and not repeated and not may_be.keys() & exact.keys():
            near.append(may_be)
    return _ReadWords(list(exact.values()), near, len(exact) < len(sound))


def _several(line: PlainCredit, read: _ReadWords) -> Iterator[Suggestion]:
    """For words that name more than one: all of them, or else those that the sum fits."""
    readings = [x for x in _readings(read) if len(x) > 1 or _sum(x) == line.amount]
    fitting = [some for some in readings if _sum(some) == line.amount]
    sure = _SEVERAL_NEAR if read.near else _SEVERAL
    how = " (có mã viết gần giống)" if read.near else ""
    for some in fitting:
        reason = f"Một lần chuyển {format_vnd(line.amount)} nêu các mã {_named(some)}{how}, vừa đủ."
        rule = "several" if len(some) > 1 else "damaged"
        yield _suggestion(line, some, rule, sure // len(fitting), reason)
    if fitting:
        return
    parts = _parts(readings, line.amount)
    for some in parts:
        reason = (
            f"Chuyển {format_vnd(line.amount)}: không bằng tổng mọi mã được nêu, nhưng vừa đủ cho"
            f" {_named(some)}."
        )
        yield _suggestion(line, some, "several_part", _OTHER_AMOUNT // len(parts), reason)
    for some in () if parts else readings:
        over = line.amount - _sum(some)
        reason = (
            f"Nêu các mã {_named(some)}, cộng lại {format_vnd(_sum(some))}:"
            f" {'thừa' if over > 0 else 'thiếu'} {format_vnd(abs(over))}."
        )
        alike = len(readings)
        yield _suggestion(line, some, "several_other_amount", _OTHER_AMOUNT // alike, reason)


def _parts(readings: Sequence[Sequence[Candidate]], amount: int) -> list[list[Candidate]]:
    """The sets of what is named, fewer than all, whose sum is `amount`; none of too many."""
    if sum(2 ** len(some) for some in readings) > _MOST_SETS:
        return []
    found = {
        tuple(one.reference for one in part): list(part)
        for some in readings
        for many in range(1, len(some))
        for part in combinations(some, many)
        if _sum(part) == amount
    }
    return [found[names] for names in sorted(found)]


def _readings(read: _ReadWords) -> list[list[Candidate]]:
    """Each set of candidates that the words may name, in order; of too many only what is sure."""
    count = 1
    for place in read.near:
        count *= len(place)
    if count > _MOST_READINGS:
        return [read.exact] if read.exact else []
    found: dict[tuple[str, ...], list[Candidate]] = {}
    for chosen in product(*(place.values() for place in read.near)):
        some = {one.reference: one for one in read.exact} | {
            one.reference: one for one, _ in chosen
        }
        names = tuple(sorted(some))
        found[names] = [some[name] for name in names]
    return [found[names] for names in sorted(found)]


def _sum(some: Iterable[Candidate]) -> int:
    return sum(one.amount for one in some)


def _named(some: Iterable[Candidate]) -> str:
    return ", ".join(sorted(one.reference for one in some))


def _suggestion(
    line: PlainCredit, some: Iterable[Candidate], rule: str, sure: int, reason: str
) -> Suggestion:
    ids = tuple(sorted(one.object_id for one in some))
    return Suggestion((line.line_id,), ids, rule, sure, reason)


def _together(lines: Sequence[PlainCredit], one: Candidate) -> Iterator[Suggestion]:
    total = sum(line.amount for line in lines)
    ids = tuple(line.line_id for line in lines)
    if total == one.amount and len(lines) > 1:
        reason = f"{len(lines)} lần chuyển cùng nêu mã {one.reference}, cộng lại vừa đủ."
        yield Suggestion(ids, (one.object_id,), "together", _TOGETHER, reason)
    elif total == one.amount:
        reason = f"Nêu đúng mã {one.reference} và đúng số tiền."
        yield Suggestion(ids, (one.object_id,), "named", _TOGETHER, reason)
    elif len(lines) == 1:
        reason = f"Nêu mã {one.reference}, nhưng khoản đó là {format_vnd(one.amount)}."
        yield Suggestion(ids, (one.object_id,), "other_amount", _OTHER_AMOUNT, reason)


def _near(place: str, known: _ReferenceIndex) -> dict[str, tuple[Candidate, str]]:
    """What the damaged reference that begins a stretch may have been, and how it was damaged."""
    near: dict[str, tuple[Candidate, str]] = {}
    for text in _undamaged(place):
        if text in known:
            near[text] = (known.by_reference[text], "sai một ký tự")
    for length in range(min(len(place), LENGTH - 1), len(PREFIX) + _LEAST_BODY - 1, -1):
        if begun := known.beginning(place[:length]):
            # Only where the text ends, or goes on with another reference or what is none's.
            rest = place[length:]
            if not rest or rest[0] not in _LETTERS or rest.startswith(PREFIX):
                near |= {one.reference: (one, "bị cắt ngắn") for one in begun}
                break
    return near


def _damaged(line: PlainCredit, near: Mapping[str, tuple[Candidate, str]]) -> Iterator[Suggestion]:
    """What the only reference in the words may have been."""
    exact = [one for one in near.values() if one[0].amount == line.amount]
    for one, how in exact or near.values():
        sure = _CUT if how == "bị cắt ngắn" else _ONE_WRONG
        if not exact:
            sure = _OTHER_AMOUNT
        alike = len(exact or near)
        reason = f"Diễn giải có mã gần giống {one.reference} ({how})."
        yield _suggestion(line, [one], "damaged", sure // alike, reason)


def _places(text: str) -> Iterator[str]:
    """Each stretch that begins like a reference, a little longer than one."""
    start = text.find(PREFIX)
    while start >= 0:
        yield text[start : start + LENGTH + 1]
        start = text.find(PREFIX, start + 1)


def _undamaged(place: str) -> Iterator[str]:
    """What a stretch would be without one wrong, swapped, lost or added character after the prefix.

    A reference's check characters tell one wrong character from every other reference; where one
    was lost or added, what follows has moved, and chance could make another one of it: all are
    given, and a second one that is known makes neither sure.
    """
    whole, first = place[:LENGTH], len(PREFIX)
    if len(whole) == LENGTH:
        for at in range(first, LENGTH):
            for letter in ALPHABET:
                yield whole[:at] + letter + whole[at + 1 :]
            if at + 1 < LENGTH:
                yield whole[:at] + whole[at + 1] + whole[at] + whole[at + 2 :]
    if len(place) > LENGTH:
        for at in range(first, LENGTH + 1):
            yield place[:at] + place[at + 1 :]
    short = place[: LENGTH - 1]
    if len(short) == LENGTH - 1:
        for at in range(first, LENGTH):
            for letter in ALPHABET:
                yield short[:at] + letter + short[at:]


def _by_amount(
    lines: Sequence[PlainCredit], candidates: Sequence[Candidate], taken: set[str]
) -> Iterator[tuple[str, list[Suggestion]]]:
    """For lines whose words tell nothing: what is of their amount, and was asked for before."""
    priced: defaultdict[int, list[Candidate]] = defaultdict(list)
    for one in candidates:
        if one.object_id not in taken:
            priced[one.amount].append(one)
    for some in priced.values():
        some.sort(key=lambda one: (one.since, one.object_id))
    counts: defaultdict[int, int] = defaultdict(int)
    for line in lines:
        counts[line.amount] += 1
    for line in lines:
        fitting = [
            one
            for one in priced.get(line.amount, [])
            if one.since <= line.booked_at <= one.since + _WITHIN
        ]
        sure = _ALONE if len(fitting) == counts[line.amount] == 1 else _AMONG
        reason = f"Cùng số tiền {format_vnd(line.amount)}, diễn giải không nêu mã nào."
        yield (
            line.line_id,
            [
                Suggestion((line.line_id,), (one.object_id,), "amount", sure, reason)
                # Who has just been asked pays soonest.
                for one in fitting[: -_SHOWN - 1 : -1]
            ],
        )
