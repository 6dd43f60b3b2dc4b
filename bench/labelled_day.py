"""A day of payments and ledger lines with its truth: what real days have, in known shares.

References stand in their field, are wrapped in words, damaged or cut; words are blank while amounts
are equal; lines are late; money came twice, was taken back by the bank, came in parts, or for
several at once; some is nobody's. What gateways took stands in their settlements and comes in
batches, net of their fees (`bench.labelled_settlements`). Always the same day for the same seed.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final

from core.clock import VIETNAM
from core.references import ALPHABET, PREFIX, check_characters
from reconciliation.settlements.matching import SettledLine, TakenPayment

ON: Final = date(2026, 11, 2)
PRICES: Final = (2000, 5000, 8000, 10000, 15000, 20000, 30000, 50000, 100000, 150000)

#: Of a thousand payments, how many of each kind.
_KINDS: Final = {
    "field": 793,
    "words": 110,
    "late": 20,
    "one_wrong": 12,
    "swapped": 3,
    "lost": 3,
    "added": 2,
    "cut": 8,
    "blank": 5,
    "twice": 6,
    "returned": 6,
    "in_parts": 5,
    "for_several": 10,
    "several_damaged": 4,
    "several_other_sum": 3,
    "missing": 10,
}


_OF_SEVERAL: Final = frozenset({"for_several", "several_damaged", "several_other_sum"})


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment of the day, as matching is given it."""

    payment_id: str
    reference: str
    amount: int
    paid_at: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the ledger."""

    line_id: str
    booked_at: datetime
    amount: int
    direction: str
    reference: str
    narrative: str
    bank_ref: str


@dataclass(slots=True)
class Day:
    """What is given, and the truth: of what each line is the money, and its kind.

    `truth` tells of a credit its payments or its batch (`batch_name`), of a settlement line its
    payment. `payments` are those that came to the account one by one, `taken` what gateways took.
    """

    payments: list[Payment] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    taken: list[TakenPayment] = field(default_factory=list)
    settled: list[SettledLine] = field(default_factory=list)
    truth: dict[str, frozenset[str]] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    #: credits that settle nothing: told of once more, or taken back
    idle: set[str] = field(default_factory=set)


def batch_name(gateway: str, batch_ref: str) -> str:
    """What `Day.truth` calls a batch."""
    return f"{gateway}/{batch_ref}"


def generate(count: int, seed: int = 20261102) -> Day:
    """A day of `count` payments that came one by one, always the same one."""
    noise = random.Random(seed)
    day = Day()
    midnight = datetime.combine(ON, datetime.min.time(), VIETNAM)
    kinds = [kind for kind, share in _KINDS.items() for _ in range(share)]
    for number in range(count):
        at = midnight + timedelta(seconds=noise.randrange(6 * 3600, 15 * 3600))
        reference = _reference(noise)
        amount = noise.choice(PRICES)
        day.payments.append(Payment(f"pay_{number:06d}", reference, amount, at.astimezone(UTC)))
    place = 0
    while place < count:
        kind = noise.choice(kinds)
        many = noise.choice((2, 3)) if kind in _OF_SEVERAL else 1
        several = day.payments[place : place + many]
        place += len(several)
        _add(day, noise, kind, several)
    for _ in range(count // 200):
        stranger = midnight + timedelta(seconds=noise.randrange(86_400))
        words = noise.choice(("CHUYEN TIEN", "TRA NO", f"CK {_reference(noise)}"))
        add_credit(day, noise, "stranger", stranger, noise.choice(PRICES), "", words, frozenset())
    _debit(day, noise, midnight + timedelta(hours=17), 1_000_000_000, "KET CHUYEN NHNN")
    return day


def _add(day: Day, noise: random.Random, kind: str, several: Sequence[Payment]) -> None:
    one = several[0]
    at, reference, amount = one.paid_at + timedelta(seconds=40), one.reference, one.amount
    its = frozenset(each.payment_id for each in several)
    if kind == "field":
        add_credit(day, noise, kind, at, amount, reference, "LE PHI", its)
    elif kind == "words":
        add_credit(
            day, noise, kind, at, amount, "", _wrapped(noise, _altered(noise, reference)), its
        )
    elif kind == "late":
        add_credit(day, noise, kind, at + timedelta(days=3), amount, reference, "LE PHI", its)
    elif kind in ("one_wrong", "swapped", "lost", "added", "cut"):
        said = _damaged(noise, kind, reference)
        words = f"NOP LE PHI {said}" if kind == "cut" else _wrapped(noise, said)
        add_credit(day, noise, kind, at, amount, "", words, its)
    elif kind == "blank":
        add_credit(
            day, noise, kind, at, amount, "", noise.choice(("", "chuyen tien", "nop phi")), its
        )
    elif kind == "twice":
        for _ in range(2):
            day.idle.add(add_credit(day, noise, kind, at, amount, reference, "LE PHI", its))
    elif kind == "returned":
        day.idle.add(add_credit(day, noise, kind, at, amount, reference, "LE PHI", its))
        _debit(day, noise, at + timedelta(hours=1), amount, f"HOAN TRA {reference}")
    elif kind == "in_parts":
        for part in (amount // 2, amount - amount // 2):
            add_credit(day, noise, kind, at, part, reference, "LE PHI", its)
    elif kind == "for_several":
        total = sum(each.amount for each in several)
        words = " ".join(each.reference for each in several)
        add_credit(day, noise, kind, at, total, "", f"NOP {words}", its)
    elif kind == "several_damaged":
        total = sum(each.amount for each in several)
        how = noise.choice(("one_wrong", "swapped", "lost", "added"))
        named = [_damaged(noise, how, several[0].reference)]
        named += [each.reference for each in several[1:]]
        noise.shuffle(named)
        add_credit(day, noise, kind, at, total, "", f"NOP {' '.join(named)}", its)
    elif kind == "several_other_sum":
        total = sum(each.amount for each in several) + noise.choice((-500, 500, 1300))
        words = ", ".join(each.reference for each in several)
        add_credit(day, noise, kind, at, total, "", f"NOP {words}", its)


def add_credit(
    day: Day,
    noise: random.Random,
    kind: str,
    at: datetime,
    amount: int,
    reference: str,
    words: str,
    its: frozenset[str],
) -> str:
    """Add a credit of this kind with its truth (nothing: it settles nothing); its id."""
    line_id = f"L{noise.getrandbits(48):012x}"
    ref = f"FT{noise.getrandbits(40):012d}"
    day.lines.append(Line(line_id, at, amount, "credit", reference, words, ref))
    day.truth[line_id] = its
    day.kinds[line_id] = kind
    if not its:
        day.idle.add(line_id)
    return line_id


def _debit(day: Day, noise: random.Random, at: datetime, amount: int, words: str) -> None:
    line_id = f"D{noise.getrandbits(48):012x}"
    ref = f"FT{noise.getrandbits(40):012d}"
    day.lines.append(Line(line_id, at, amount, "debit", "", words, ref))


def _reference(noise: random.Random) -> str:
    """As `core.references.new_reference`, from our own dice."""
    body = "".join(noise.choices(ALPHABET, k=10))
    return f"{PREFIX}{body}{check_characters(body)}"


def _altered(noise: random.Random, reference: str) -> str:
    said = reference if noise.random() < 0.5 else reference.lower()
    if noise.random() < 0.5:
        at = noise.randrange(2, len(said))
        said = f"{said[:at]}{noise.choice(' -.')}{said[at:]}"
    return said


def _wrapped(noise: random.Random, said: str) -> str:
    number = noise.randrange(10**9)
    return noise.choice(
        (
            f"MBVCB.{number}.{said}.CT tu 0011 NGUYEN VAN A toi 0022",
            f"{said} FT{number}; tai Napas",
            f"BankAPINotify CT DEN:{number} ND: nộp lệ phí {said} SD:{number}",
            f"IBFT {said}-CTLNhanh",
        )
    )


def _damaged(noise: random.Random, kind: str, reference: str) -> str:
    at = noise.randrange(2, len(reference) - 1)
    other = noise.choice([letter for letter in ALPHABET if letter != reference[at]])
    if kind == "swapped":
        return reference[:at] + reference[at + 1] + reference[at] + reference[at + 2 :]
    return {
        "one_wrong": reference[:at] + other + reference[at + 1 :],
        "lost": reference[:at] + reference[at + 1 :],
        "added": reference[:at] + other + reference[at:],
        "cut": reference[: noise.randrange(9, len(reference))],
    }[kind]
