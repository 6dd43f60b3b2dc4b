"""How a statement that a bank issues anew differs from the one whose place it takes. Pure.

Rows are the same by their fingerprints (`intake`): what both have is not counted
twice. A row that is gone and one that is added are one row that was *changed* where they bear the
same informative reference of the bank and go the same way, one to one in their order.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Protocol

from core.bank_refs import plain_bank_ref

#: So many rows of each kind are shown one by one; the sums are of all.
MOST_SHOWN: Final = 50


class VersionedRow(Protocol):
    """A row of either version; `amount` in đồng."""

    @property
    def fingerprint(self) -> str: ...
    @property
    def booked_on(self) -> date: ...
    @property
    def amount(self) -> int: ...
    @property
    def direction(self) -> str: ...
    @property
    def bank_ref(self) -> str: ...


@dataclass(frozen=True, slots=True)
class VersionDifference:
    """Rows only the old version has, rows only the new one has, and pairs that changed."""

    gone: tuple[VersionedRow, ...]
    added: tuple[VersionedRow, ...]
    changed: tuple[tuple[VersionedRow, VersionedRow], ...]
    #: how many rows both have
    kept: int

    @property
    def is_nothing(self) -> bool:
        """Whether both say the same."""
        return not (self.gone or self.added or self.changed)

    def figures(self) -> dict[str, Any]:
        """What two people decide by: JSON values, sums in đồng, credits less debits."""
        return {
            "kept": self.kept,
            "gone": _tally(self.gone),
            "added": _tally(self.added),
            "changed": {
                "count": len(self.changed),
                "before": sum(_signed(before) for before, _ in self.changed),
                "after": sum(_signed(after) for _, after in self.changed),
                "rows": [
                    {"before": _shown(before), "after": _shown(after)}
                    for before, after in self.changed[:MOST_SHOWN]
                ],
            },
            "net": sum(map(_signed, self._new)) - sum(map(_signed, self._old)),
        }

    @property
    def _new(self) -> list[VersionedRow]:
        return [*self.added, *(after for _, after in self.changed)]

    @property
    def _old(self) -> list[VersionedRow]:
        return [*self.gone, *(before for before, _ in self.changed)]


def compare_versions(old: Sequence[VersionedRow], new: Sequence[VersionedRow]) -> VersionDifference:
    """What a new version says otherwise than the old one; the order of rows does not matter."""
    told, telling = {row.fingerprint for row in old}, {row.fingerprint for row in new}
    gone = _ordered(row for row in old if row.fingerprint not in telling)
    added = _ordered(row for row in new if row.fingerprint not in told)
    waiting: defaultdict[tuple[str, str], list[VersionedRow]] = defaultdict(list)
    for row in added:
        if plain := plain_bank_ref(row.bank_ref):
            waiting[plain, row.direction].append(row)
    changed, left = [], []
    for row in gone:
        alike = waiting.get((plain_bank_ref(row.bank_ref), row.direction), [])
        if alike:
            changed.append((row, alike.pop(0)))
        else:
            left.append(row)
    taken = {after.fingerprint for _, after in changed}
    return VersionDifference(
        tuple(left),
        tuple(row for row in added if row.fingerprint not in taken),
        tuple(changed),
        len(told & telling),
    )


def _ordered(rows: Iterable[VersionedRow]) -> list[VersionedRow]:
    return sorted(rows, key=lambda row: (row.booked_on, row.bank_ref, row.amount, row.fingerprint))


def _signed(row: VersionedRow) -> int:
    return row.amount if row.direction == "credit" else -row.amount


def _tally(rows: Sequence[VersionedRow]) -> dict[str, Any]:
    sums = {side: sum(one.amount for one in rows if one.direction == side) for side in _SIDES}
    return {"count": len(rows), **sums, "rows": [_shown(row) for row in rows[:MOST_SHOWN]]}


_SIDES: Final = ("credit", "debit")


def _shown(row: VersionedRow) -> dict[str, Any]:
    return {
        "date": row.booked_on.isoformat(),
        "amount": row.amount,
        "direction": row.direction,
        "bank_ref": row.bank_ref,
    }
