"""Matching the slow and obvious way: one payment after another, one line after another.

Written from the contract and not from the SQL, so that the two can disagree.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time

from core.calendar import national
from core.clock import business_date
from core.references import LENGTH, PREFIX, find_references


@dataclass(frozen=True)
class Payment:
    payment_id: str
    reference: str
    amount: int
    paid_at: datetime


@dataclass(frozen=True)
class Line:
    line_id: str
    booked_at: datetime
    amount: int
    direction: str
    reference: str
    narrative: str


@dataclass(frozen=True)
class Result:
    """Sets, because order is not what is compared here."""

    matches: frozenset[tuple[str, str, str, int, str]]
    discrepancies: frozenset[tuple[str, str, str, int, int | None]]
    """side, id, class, amount, other amount"""


def match_slowly(
    payments: Iterable[Payment], lines: Iterable[Line], cut_off: time = time(16)
) -> Result:
    payments = list(payments)
    by_reference = {payment.reference: payment for payment in payments}
    credits: dict[str, list[tuple[Line, str]]] = {payment.payment_id: [] for payment in payments}
    matches = set()
    discrepancies: set[tuple[str, str, str, int, int | None]] = set()
    for line in lines:
        if line.direction == "debit":
            continue
        named, rule = _named(line, by_reference)
        if named is None:
            discrepancies.add(("line", line.line_id, "unknown_in_ledger", line.amount, None))
        else:
            credits[named.payment_id].append((line, rule))
    for payment in payments:
        found = credits[payment.payment_id]
        name = ("payment", payment.payment_id)
        total = sum(line.amount for line, _ in found)
        if not found:
            discrepancies.add((*name, "missing_in_ledger", payment.amount, None))
        elif len(found) > 1:
            discrepancies.add((*name, "duplicate", payment.amount, total))
        elif total != payment.amount:
            discrepancies.add((*name, "amount_mismatch", payment.amount, total))
        else:
            line, rule = found[0]
            matches.add((payment.payment_id, line.line_id, payment.reference, payment.amount, rule))
            if business_date(line.booked_at) > national().treasury_day(payment.paid_at, cut_off):
                discrepancies.add((*name, "late", payment.amount, total))
    return Result(frozenset(matches), frozenset(discrepancies))


def _named(line: Line, by_reference: dict[str, Payment]) -> tuple[Payment | None, str]:
    """The one payment that a line names, and by what."""
    field = line.reference
    if any(character.isalnum() for character in field):
        if field in by_reference:
            return by_reference[field], "reference"
        if len(field) == LENGTH and field.startswith(PREFIX):
            return None, ""
        text, rule = field, "reference"
    else:
        text, rule = line.narrative, "narrative"
    named = {found for found in find_references(text) if found in by_reference}
    return (by_reference[named.pop()], rule) if len(named) == 1 else (None, "")
