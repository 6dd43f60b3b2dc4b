"""Credits that the bank took back: the pair settles nothing.

A debit returns a credit if it has its amount, comes on its day or within two weeks after it, says
so (hoàn trả, hủy, trả lại, reversal …), and names it by the bank's reference or by the payer's.
One debit returns one credit: of several, the one of its bank reference, else the last before it.
Pure.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from core.bank_refs import plain_bank_ref
from core.clock import business_date
from core.folding import caseless, without_marks

_WORDS = re.compile(
    r"\b(?:hoan (?:tra|tien|lai)|tra lai|huy|thu hoi|dao (?:but toan|gd|giao dich)"
    r"|revers(?:al|ed|e)|refund(?:ed)?|cancel(?:led)?|chargeback)\b"
)
_LONGEST = timedelta(days=14)


class ReversibleLine(Protocol):
    """What is asked of a statement's line; `amount` in đồng, `direction` credit or debit."""

    @property
    def line_id(self) -> str: ...
    @property
    def booked_at(self) -> datetime: ...
    @property
    def amount(self) -> int: ...
    @property
    def direction(self) -> str: ...
    @property
    def narrative(self) -> str: ...
    @property
    def bank_ref(self) -> str: ...
    @property
    def references(self) -> list[str]: ...


def reversals_of(lines: Sequence[ReversibleLine]) -> Mapping[str, ReversibleLine]:
    """The id of each credit that was taken back, and the debit that did it."""
    debits = [line for line in lines if line.direction == "debit" and says_reversal(line.narrative)]
    reversed_: dict[str, ReversibleLine] = {}
    for debit in sorted(debits, key=_place):
        candidates = [
            line
            for line in lines
            if line.direction == "credit"
            and line.amount == debit.amount
            and line.line_id not in reversed_
            and _is_in_time(line, debit)
            and _is_named(line, debit)
        ]
        if candidates:
            reversed_[max(candidates, key=lambda line: _likeness(line, debit)).line_id] = debit
    return reversed_


def says_reversal(narrative: str) -> bool:
    """Whether the words of a debit say that it returns money."""
    return _WORDS.search(caseless(without_marks(narrative))) is not None


def _is_in_time(credit: ReversibleLine, debit: ReversibleLine) -> bool:
    # Exports that tell days only give both the same time, or none that can be compared.
    after = business_date(debit.booked_at) - business_date(credit.booked_at)
    return timedelta(0) <= after <= _LONGEST


def _is_named(credit: ReversibleLine, debit: ReversibleLine) -> bool:
    shared = not set(credit.references).isdisjoint(debit.references)
    return shared or _has_its_bank_ref(credit, debit)


def _has_its_bank_ref(credit: ReversibleLine, debit: ReversibleLine) -> bool:
    plain = plain_bank_ref(debit.bank_ref)
    return bool(plain) and plain == plain_bank_ref(credit.bank_ref)


def _likeness(credit: ReversibleLine, debit: ReversibleLine) -> tuple[bool, bool, datetime, str]:
    before = credit.booked_at <= debit.booked_at
    return _has_its_bank_ref(credit, debit), before, *_place(credit)


def _place(line: ReversibleLine) -> tuple[datetime, str]:
    return line.booked_at, line.line_id
