"""What a settlement file that was issued again says differently from the one before. Pure.

Rows are compared by their count: two equal rows and one of them again is one row gone. Of the rest
a row of the same payment (its kind, the gateway's number and ours) has changed; what has no
counterpart was added or is gone.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Literal

from core.clock import business_date
from reconciliation.formats.settlement_rows import SettlementRow

Change = Literal["added", "gone", "changed"]


@dataclass(frozen=True, slots=True)
class RowDifference:
    """A row that differs: as it was, None where it was added, and as it is, None where gone."""

    change: Change
    before: SettlementRow | None
    after: SettlementRow | None

    @property
    def matters(self) -> bool:
        """Whether anything of it counts: all but the time of a payment within its day."""
        if self.before is None or self.after is None:
            return True
        return _weight(self.before) != _weight(self.after)

    @property
    def batches(self) -> set[str]:
        """The batches that it concerns."""
        return {one.batch_ref for one in (self.before, self.after) if one is not None}


@dataclass(frozen=True, slots=True)
class ReissueDifference:
    """All rows that differ, in order of payment; sums are what the rows add up to, in đồng."""

    rows: tuple[RowDifference, ...]
    net_before: int
    net_after: int

    @property
    def counts(self) -> dict[str, int]:
        """How many rows were added, are gone and have changed."""
        found = Counter(one.change for one in self.rows)
        return {"added": found["added"], "gone": found["gone"], "changed": found["changed"]}

    @property
    def matters(self) -> bool:
        """Whether two people have to say that the newer one is right."""
        return any(one.matters for one in self.rows)

    @property
    def batches(self) -> set[str]:
        """The batches that are not as they were."""
        return {ref for one in self.rows if one.matters for ref in one.batches}


def difference_of(
    before: Sequence[SettlementRow], after: Sequence[SettlementRow]
) -> ReissueDifference:
    """What `after` says differently from `before`, whatever the order of their rows."""
    old, new = _left(before, after), _left(after, before)
    by_payment: defaultdict[tuple[str, str, str], list[SettlementRow]] = defaultdict(list)
    for row in new:
        by_payment[_payment(row)].append(row)
    found = []
    for row in old:
        others = by_payment[_payment(row)]
        if others:
            found.append(RowDifference("changed", row, others.pop(0)))
        else:
            found.append(RowDifference("gone", row, None))
    for rows in by_payment.values():
        found += [RowDifference("added", None, row) for row in rows]
    found.sort(key=_order)
    return ReissueDifference(
        tuple(found), sum(row.paid_over for row in before), sum(row.paid_over for row in after)
    )


def _left(rows: Iterable[SettlementRow], others: Iterable[SettlementRow]) -> list[SettlementRow]:
    """The rows that have no equal among the others, each taken once; in an order of their own."""
    waiting = Counter(_said(row) for row in others)

    def unequal() -> Iterator[SettlementRow]:
        for row in rows:
            said = _said(row)
            if waiting[said]:
                waiting[said] -= 1
            else:
                yield row

    return sorted(unequal(), key=_said)


def _payment(row: SettlementRow) -> tuple[str, str, str]:
    return row.kind, row.gateway_ref, row.order_ref


def _weight(row: SettlementRow) -> tuple[object, ...]:
    on = row.settled_on if row.paid_at is None else business_date(row.paid_at)
    return row.batch_ref, row.settled_on, on, *_payment(row), row.amount, row.fee


def _said(row: SettlementRow) -> tuple[str, ...]:
    # A stored moment is in UTC, a file's in Vietnam.
    at = "" if row.paid_at is None else row.paid_at.astimezone(UTC).isoformat()
    return (
        *_payment(row),
        *(row.batch_ref, row.settled_on.isoformat(), str(row.amount), str(row.fee), at),
    )


def _order(one: RowDifference) -> tuple[str, ...]:
    row = one.before or one.after
    return () if row is None else (*_said(row), one.change)
