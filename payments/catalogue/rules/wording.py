"""The terms a fee is made of, and the words that tell them to a payer. Pure.

Each term carries its amount and its words together, and a charge is nothing but its terms and its
limits: whoever adds up the words gets the amount. Vietnamese text writes 2.000 đ and 0,15 %,
English text 2,000 VND and 0.15%.
"""

from dataclasses import dataclass
from decimal import Decimal

from core.money import format_vnd


@dataclass(frozen=True, slots=True)
class LocalizedText:
    """The same text for Vietnamese and for English readers."""

    vi: str
    en: str


#: The unit of a fee that is charged for the matter as a whole.
CASE = LocalizedText("trường hợp", "case")

#: What is said of an amount of zero.
FREE = LocalizedText("không thu", "no charge")


@dataclass(frozen=True, slots=True)
class Term:
    """One addend of a charge: its amount in whole đồng, and how it came about."""

    amount: int
    words: LocalizedText


@dataclass(frozen=True, slots=True)
class FeeAmount:
    """What one copy costs: the sum of its terms, never under `at_least` nor over `at_most`.

    `measured` says what was asked for ("3 trang").
    """

    measured: LocalizedText
    terms: tuple[Term, ...]
    at_least: int | None = None
    at_most: int | None = None

    @property
    def full(self) -> int:
        """The sum of the terms, before the limits."""
        return sum([term.amount for term in self.terms])

    @property
    def amount(self) -> int:
        """What is asked for, in whole đồng; 0 where nothing is."""
        full = self.full
        raised = full if self.at_least is None else max(full, self.at_least)
        return raised if self.at_most is None else min(raised, self.at_most)


def explain(charge: FeeAmount, copies: int) -> LocalizedText:
    """How the amount came about: "3 trang: 2 × 2.000 đ + 1 × 1.000 đ".

    A limit is named only where it changed the amount, copies only where there are several.
    """
    vi, en = f"{charge.measured.vi}: ", f"{charge.measured.en}: "
    full = charge.full
    if charge.amount == 0:
        vi, en = vi + FREE.vi, en + FREE.en
    else:
        vi += " + ".join([term.words.vi for term in charge.terms])
        en += " + ".join([term.words.en for term in charge.terms])
    if charge.at_least is not None and full < charge.at_least:
        vi += f", tối thiểu {format_vnd(charge.at_least)}"
        en += f", at least {vnd(charge.at_least)}"
    if charge.at_most is not None and full > charge.at_most:
        vi += f", tối đa {format_vnd(charge.at_most)}"
        en += f", at most {vnd(charge.at_most)}"
    if copies > 1:
        vi += f"; nhân {count_vi(copies)} bản"
        en += f"; times {copies:,} copies"
    return LocalizedText(vi, en)


def counted(quantity: int, unit: LocalizedText) -> LocalizedText:
    """A number of units: "3 trang", "3 pages"."""
    en = unit.en if quantity == 1 else plural(unit.en)
    return LocalizedText(f"{count_vi(quantity)} {unit.vi}", f"{quantity:,} {en}")


def times(count: int, each: int) -> Term:
    """The term of `count` units at `each` đồng: "2 × 2.000 đ"."""
    words = LocalizedText(f"{count_vi(count)} × {format_vnd(each)}", f"{count:,} × {vnd(each)}")
    return Term(count * each, words)


def share(percent: Decimal, amount: int) -> Term:
    """The term of a percentage, with its result: "0,15 % = 3.000.000 đ"."""
    told = percent_words(percent)
    return Term(
        amount, LocalizedText(f"{told.vi} = {format_vnd(amount)}", f"{told.en} = {vnd(amount)}")
    )


def whole(amount: int) -> Term:
    """The term of an amount that nothing more can be said about."""
    return Term(amount, money(amount))


def money(amount: int) -> LocalizedText:
    """An amount alone: "2.000 đ", "2,000 VND"."""
    return LocalizedText(format_vnd(amount), vnd(amount))


def per(amount: int, unit: LocalizedText) -> LocalizedText:
    """An amount for one unit: "2.000 đ mỗi trang"."""
    return LocalizedText(f"{format_vnd(amount)} mỗi {unit.vi}", f"{vnd(amount)} per {unit.en}")


def percent_words(percent: Decimal) -> LocalizedText:
    """A percentage: "0,15 %", "0.15%"."""
    plain = f"{percent.normalize():f}"
    return LocalizedText(f"{plain.replace('.', ',')} %", f"{plain}%")


def vnd(amount: int) -> str:
    """An amount as English readers write it: "2,000 VND"."""
    return f"{amount:,} VND"


def count_vi(count: int) -> str:
    """A count as Vietnamese readers write it: "10.000"."""
    return f"{count:,}".replace(",", ".")


def joined(parts: list[LocalizedText]) -> LocalizedText:
    """Several remarks as one, parted by semicolons."""
    return LocalizedText("; ".join(part.vi for part in parts), "; ".join(part.en for part in parts))


def plural(noun: str) -> str:
    """The plural of a regular English noun, which is all that units are (page, copy, case)."""
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "ch", "sh")) else f"{noun}s"
