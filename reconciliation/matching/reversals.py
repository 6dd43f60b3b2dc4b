"""Credits that the bank took back: the pair settles nothing.

A debit returns a credit if it has its amount, comes on its day or within two weeks after it, says
so (hoàn trả, thoái trả, hủy, trả lại, reversal …), and names it by the bank's reference or by the
payer's. One debit returns one credit: of several, the one of its bank reference, else the last
before it. Pure.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from datetime import datetime, timedelta
from typing import Protocol

from core.bank_refs import plain_bank_ref
from core.clock import business_date
from core.folding import caseless, without_marks

_BACK = r"(?:tra|tien|lai|phi|le phi|chuyen|nop|ck|gd|giao dich|but toan)"
_WORDS = re.compile(
    rf"\b(?:hoan {_BACK}|hoan(?:tra|tien|lai|phi)|(?:chuyen|ck) (?:hoan|tra)|tra ?lai"
    r"|thoai ?(?:tra|thu)|huy(?:bo|gd|lenh)?|thu hoi|truy hoi"
    r"|dao (?:but toan|gd|giao dich)|but toan dao|(?:gd|giao dich) (?:loi|khong thanh cong)"
    r"|rev(?:ers(?:al|ed|e|ing))?|rvsl|returns?|returned|rtn|refund(?:ed|ing)?|storno|void(?:ed)?"
    r"|cancel(?:l?ed|lation)?|charge ?back)\b"
)
_APART = re.compile(r"[\W_]+")
#: How long after a credit a debit may still return it.
LONGEST = timedelta(days=14)


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


def reversals_of(
    lines: Sequence[ReversibleLine], *, worded: bool = True
) -> Mapping[str, ReversibleLine]:
    """The id of each credit that was taken back, and the debit that did it.

    Without `worded` a debit need not say that it returns money.
    """
    debits = [
        line
        for line in lines
        if line.direction == "debit" and (not worded or says_reversal(line.narrative))
    ]
    if not debits:
        return {}
    named = _by_name(lines, {debit.amount for debit in debits})
    reversed_: dict[str, ReversibleLine] = {}
    for debit in sorted(debits, key=_place):
        candidates = [
            line
            for name in _names(debit)
            for line in named.get(name, ())
            if line.line_id not in reversed_ and _is_in_time(line, debit)
        ]
        if candidates:
            reversed_[max(candidates, key=lambda line: _likeness(line, debit)).line_id] = debit
    return reversed_


def _by_name(
    lines: Sequence[ReversibleLine], amounts: Set[int]
) -> Mapping[tuple[int, str], Sequence[ReversibleLine]]:
    """The credits of these amounts by all that may name them: a day has thousands of one amount."""
    named: defaultdict[tuple[int, str], list[ReversibleLine]] = defaultdict(list)
    for line in lines:
        if line.direction == "credit" and line.amount in amounts:
            for name in _names(line):
                named[name].append(line)
    return named


def _names(line: ReversibleLine) -> list[tuple[int, str]]:
    plain = plain_bank_ref(line.bank_ref)
    told = [*line.references, *([f"bank {plain}"] if plain else [])]
    return [(line.amount, name) for name in dict.fromkeys(told)]


def says_reversal(narrative: str) -> bool:
    """Whether the words of a debit say that it returns money."""
    return _WORDS.search(_APART.sub(" ", caseless(without_marks(narrative)))) is not None


def _is_in_time(credit: ReversibleLine, debit: ReversibleLine) -> bool:
    # Exports that tell days only give both the same time, or none that can be compared.
    after = business_date(debit.booked_at) - business_date(credit.booked_at)
    return timedelta(0) <= after <= LONGEST


def _has_its_bank_ref(credit: ReversibleLine, debit: ReversibleLine) -> bool:
    plain = plain_bank_ref(debit.bank_ref)
    return bool(plain) and plain == plain_bank_ref(credit.bank_ref)


def _likeness(credit: ReversibleLine, debit: ReversibleLine) -> tuple[bool, bool, datetime, str]:
    before = credit.booked_at <= debit.booked_at
    return _has_its_bank_ref(credit, debit), before, *_place(credit)


def _place(line: ReversibleLine) -> tuple[datetime, str]:
    return line.booked_at, line.line_id
