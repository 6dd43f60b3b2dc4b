"""The terms a fee is made of, and the words that tell them to a payer. Pure.

Each term carries its amount and its words together, and a charge is nothing but its terms and its
cap: whoever adds up the words gets the amount. Vietnamese text writes 2.000 đ, English text
2,000 VND.
"""

from dataclasses import dataclass

from core.money import format_vnd


@dataclass(frozen=True, slots=True)
class Words:
    """The same text for Vietnamese and for English readers."""

    vi: str
    en: str


#: The unit of a fee that is charged for the matter as a whole.
CASE = Words("trường hợp", "case")

#: What is said of an amount of zero.
FREE = Words("không thu", "no charge")


@dataclass(frozen=True, slots=True)
class Term:
    """One addend of a charge: its amount in whole đồng, and how it came about."""

    amount: int
    words: Words


@dataclass(frozen=True, slots=True)
class Charge:
    """What one copy costs: the sum of its terms, but never more than `at_most`."""

    terms: tuple[Term, ...]
    at_most: int | None = None

    @property
    def full(self) -> int:
        """The sum of the terms, before the cap."""
        return sum(term.amount for term in self.terms)

    @property
    def amount(self) -> int:
        """What is asked for, in whole đồng; 0 where nothing is."""
        return self.full if self.at_most is None else min(self.full, self.at_most)


def explain(charge: Charge, quantity: int, copies: int, unit: Words) -> Words:
    """How the amount came about: "3 trang: 2 × 2.000 đ + 1 × 1.000 đ".

    A cap is named only where it lowered the amount, copies only where there are several.
    """
    vi = f"{count_vi(quantity)} {unit.vi}: "
    en = f"{quantity:,} {unit.en if quantity == 1 else _plural(unit.en)}: "
    if charge.amount == 0:
        vi, en = vi + FREE.vi, en + FREE.en
    else:
        vi += " + ".join(term.words.vi for term in charge.terms)
        en += " + ".join(term.words.en for term in charge.terms)
    if charge.at_most is not None and charge.full > charge.at_most:
        vi += f", tối đa {format_vnd(charge.at_most)}"
        en += f", at most {vnd(charge.at_most)}"
    if copies > 1:
        vi += f"; nhân {count_vi(copies)} bản"
        en += f"; times {copies:,} copies"
    return Words(vi, en)


def times(count: int, each: int) -> Term:
    """The term of `count` units at `each` đồng: "2 × 2.000 đ"."""
    words = Words(f"{count_vi(count)} × {format_vnd(each)}", f"{count:,} × {vnd(each)}")
    return Term(count * each, words)


def per(amount: int, unit: Words) -> Words:
    """An amount for one unit: "2.000 đ mỗi trang"."""
    return Words(f"{format_vnd(amount)} mỗi {unit.vi}", f"{vnd(amount)} per {unit.en}")


def vnd(amount: int) -> str:
    """An amount as English readers write it: "2,000 VND"."""
    return f"{amount:,} VND"


def count_vi(count: int) -> str:
    """A count as Vietnamese readers write it: "10.000"."""
    return f"{count:,}".replace(",", ".")


def _plural(noun: str) -> str:
    """The plural of a regular English noun, which is all that units are (page, copy, case)."""
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "ch", "sh")) else f"{noun}s"
