"""Days in a row: which days of a stretch do others leave out, where do two meet. Pure.

A span is its first and its last day, both counted; `FOREVER` as the last day means open.
"""

from collections.abc import Iterable
from datetime import date, timedelta

FOREVER = date.max
_DAY = timedelta(days=1)

Span = tuple[date, date]


def span_of(valid_from: date, valid_to: date | None) -> Span:
    """The days of a dated row."""
    return valid_from, FOREVER if valid_to is None else valid_to


def day_after(day: date) -> date | None:
    """The next day; None after the end of time."""
    return None if day == FOREVER else day + _DAY


def common(one: Span, other: Span) -> Span | None:
    """The days that both have, if any."""
    first, last = max(one[0], other[0]), min(one[1], other[1])
    return (first, last) if first <= last else None


def uncovered(span: Span, covers: Iterable[Span]) -> tuple[Span, ...]:
    """The stretches of `span` that none of the covers holds, in order."""
    left = []
    first: date | None = span[0]
    for start, end in sorted(covers):
        if first is None or start > span[1]:
            break
        if start > first:
            left.append((first, start - _DAY))
        if end >= first:
            first = day_after(end)
    if first is not None and first <= span[1]:
        left.append((first, span[1]))
    return tuple(left)


def between(spans: Iterable[Span]) -> Span:
    """From the first day of all to the last of all. Raises `ValueError` for no spans."""
    known = list(spans)
    return min(first for first, _ in known), max(last for _, last in known)


def collisions(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The days that two spans have in common, for each span that begins before another ends."""
    found = []
    reached: Span | None = None
    for span in sorted(spans):
        if reached is not None and (both := common(reached, span)):
            found.append(both)
        reached = span if reached is None or span[1] > reached[1] else reached
    return tuple(found)
