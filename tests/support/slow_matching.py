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
    bank_ref: str = ""


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
    debits = []
    for line in lines:
        if line.direction == "debit":
            debits.append(line)
            continue
        named, rule = _named(line, by_reference)
        if named is None:
            discrepancies.add(("line", line.line_id, "unknown_in_ledger", line.amount, None))
        else:
            credits[named.payment_id].append((line, rule))
    returned = _returned(debits, credits, {one.payment_id: one.reference for one in payments})
    for payment in payments:
        found = credits[payment.payment_id]
        name = ("payment", payment.payment_id)
        total = sum(line.amount for line, _ in found)
        back = sum(line.amount for line, _ in found if line.line_id in returned)
        if back:
            discrepancies.add((*name, "reversed", payment.amount, total - back))
        elif not found:
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


def _returned(
    debits: list[Line], credits: dict[str, list[tuple[Line, str]]], references: dict[str, str]
) -> set[str]:
    """The credits that a debit returns, one each: the likeliest, of those the last before it."""
    returned: set[str] = set()
    for debit in sorted(debits, key=lambda line: (line.booked_at, line.line_id)):
        said = find_references(f"{debit.reference} {debit.narrative}")
        best: tuple[tuple[bool, bool, datetime, str], str] | None = None
        for payment_id, found in credits.items():
            for line, _ in found:
                by_bank = bool(debit.bank_ref) and line.bank_ref == debit.bank_ref
                days = (business_date(debit.booked_at) - business_date(line.booked_at)).days
                fits = line.amount == debit.amount and 0 <= days <= 14
                if line.line_id in returned or not fits:
                    continue
                if by_bank or references[payment_id] in said:
                    before = line.booked_at <= debit.booked_at
                    likeness = (by_bank, before, line.booked_at, line.line_id)
                    if best is None or likeness > best[0]:
                        best = (likeness, line.line_id)
        if best is not None:
            returned.add(best[1])
    return returned


def _stands_for_none(field: str) -> bool:
    plain = "".join(c for c in field.upper() if c.isalnum())
    return not plain.strip("0") or plain in ("NONREF", "NA", "NOTPROVIDED")


def _named(line: Line, by_reference: dict[str, Payment]) -> tuple[Payment | None, str]:
    """The one payment that a line names, and by what."""
    field = line.reference
    if any(character.isalnum() for character in field) and not _stands_for_none(field):
        if field in by_reference:
            return by_reference[field], "reference"
        if len(field) == LENGTH and field.startswith(PREFIX):
            return None, ""
        text, rule = field, "reference"
    else:
        text, rule = line.narrative, "narrative"
    named = {found for found in find_references(text) if found in by_reference}
    return (by_reference[named.pop()], rule) if len(named) == 1 else (None, "")
