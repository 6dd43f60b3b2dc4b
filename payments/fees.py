"""What a fee comes to: the rule, the amount, and the words that explain it. Pure.

A rule says what one copy costs for a quantity of the fee's unit; `price` repeats it by the copies.
The amount and its explanation are made from the same terms, so they cannot tell different stories;
a test reads the explanation back and adds it up again.

A new kind of rule is one class: a frozen dataclass under `FeeRule`, marked with `@fee_kind`.
Rules are kept as JSON beside their `kind`; `rule_from` reads them back and refuses what it does
not understand, because a rule read loosely is a wrong amount.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Self, TypeVar

from core.errors import FieldError, Invalid
from core.money import MAX_AMOUNT, format_vnd
from payments.fee_words import CASE, FREE, Charge, Words, count_vi, explain, per, times, vnd

#: How much of a unit one line may count, and how often a line may be repeated.
MAX_QUANTITY = 10_000
MAX_COPIES = 1_000


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A line of a bill: `amount` is that of all `copies`, in whole đồng; 0 is "exempt"."""

    quantity: int
    copies: int
    amount: int
    explanation_vi: str
    explanation_en: str


class FeeRule(ABC):
    """How a fee is worked out. Subclasses are frozen dataclasses and check their own figures."""

    __slots__ = ()

    kind: ClassVar[str]

    @classmethod
    @abstractmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """The rule kept as `data`. Raises `Invalid` naming the first faulty key."""

    @abstractmethod
    def to_data(self) -> dict[str, object]:
        """The rule as JSON values; `from_data` of it is an equal rule."""

    @abstractmethod
    def charge(self, quantity: int) -> Charge:
        """What one copy of `quantity` units costs. More units never cost less."""

    @abstractmethod
    def tariff(self, unit: Words) -> Words:
        """The rule itself in words, for someone who has not yet said how much they need."""


Rule = TypeVar("Rule", bound=FeeRule)

_KINDS: dict[str, type[FeeRule]] = {}


def fee_kind(rule: type[Rule]) -> type[Rule]:
    """Class decorator: make a kind of rule known under its `kind`."""
    if rule.kind in _KINDS:
        raise ValueError(f"there is already a kind of fee rule called {rule.kind}")
    _KINDS[rule.kind] = rule
    return rule


def kinds() -> tuple[str, ...]:
    """The kinds of rule there are, in alphabetical order."""
    return tuple(sorted(_KINDS))


def rule_from(kind: str, data: object) -> FeeRule:
    """The rule kept as `kind` and JSON `data`.

    Raises `Invalid` for a kind nobody registered and for data that is not exactly such a rule.
    """
    rule = _KINDS.get(kind)
    if rule is None:
        raise _invalid("kind", "unknown", f"Unknown kind {kind!r}; there are {', '.join(kinds())}.")
    if not isinstance(data, Mapping):
        raise _invalid("rule", "not_an_object", "A fee rule is a JSON object.")
    return rule.from_data(data)


@fee_kind
@dataclass(frozen=True, slots=True)
class Fixed(FeeRule):
    """The same amount for each case, whatever the case holds. Zero means that nothing is asked."""

    kind: ClassVar[str] = "fixed"

    amount: int

    def __post_init__(self) -> None:
        """Refuse an amount that is no amount."""
        _check_figure("rule.amount", self.amount, least=0)

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Read `{"amount": 10000}`."""
        _check_keys("rule", data, required=("amount",))
        return cls(_figure("rule.amount", data["amount"]))

    def to_data(self) -> dict[str, object]:
        """Write `{"amount": 10000}`."""
        return {"amount": self.amount}

    def charge(self, quantity: int) -> Charge:
        """The amount, once for each case."""
        return Charge((times(quantity, self.amount),))

    def tariff(self, unit: Words) -> Words:
        """Say, for example, "10.000 đ mỗi trường hợp"."""
        return per(self.amount, unit) if self.amount else FREE


@dataclass(frozen=True, slots=True)
class Step:
    """From the `first` unit on (counted from 1), each unit costs `each` đồng."""

    first: int
    each: int


@fee_kind
@dataclass(frozen=True, slots=True)
class PerUnit(FeeRule):
    """So much for each unit, in steps, and at most `cap` for one copy.

    The steps begin at unit 1 and rise; each holds until the next begins. Certifying a copy costs
    2,000 đ for each of the first two pages and 1,000 đ from the third on, at most 200,000 đ for a
    copy (TT 226/2016/TT-BTC, Art. 4).
    """

    kind: ClassVar[str] = "per_unit"

    steps: tuple[Step, ...]
    cap: int | None = None

    def __post_init__(self) -> None:
        """Refuse steps that leave a unit without a price or give it two."""
        for position, step in enumerate(self.steps):
            _check_figure(f"rule.steps.{position}.from", step.first, least=1)
            _check_figure(f"rule.steps.{position}.each", step.each, least=0)
        if not self.steps or self.steps[0].first != 1:
            raise _invalid("rule.steps", "no_start", "The first step begins at unit 1.")
        if any(later.first <= earlier.first for earlier, later in pairwise(self.steps)):
            raise _invalid("rule.steps", "not_rising", "Each step begins after the one before it.")
        if self.cap is not None:
            _check_figure("rule.cap", self.cap, least=1)

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Read `{"steps": [{"from": 1, "each": 2000}, {"from": 3, "each": 1000}], "cap": null}`.

        `cap` may be left out.
        """
        _check_keys("rule", data, required=("steps",), optional=("cap",))
        listed = data["steps"]
        if not isinstance(listed, Sequence) or isinstance(listed, str):
            raise _invalid("rule.steps", "not_a_list", "Steps are a list.")
        cap = data.get("cap")
        return cls(
            steps=tuple(_read_step(f"rule.steps.{n}", step) for n, step in enumerate(listed)),
            cap=None if cap is None else _figure("rule.cap", cap),
        )

    def to_data(self) -> dict[str, object]:
        """Write what `from_data` reads; without `cap` where there is none."""
        data: dict[str, object] = {
            "steps": [{"from": step.first, "each": step.each} for step in self.steps]
        }
        if self.cap is not None:
            data["cap"] = self.cap
        return data

    def charge(self, quantity: int) -> Charge:
        """One term for each step that the quantity reaches."""
        ends = [step.first - 1 for step in self.steps[1:]] + [quantity]
        return Charge(
            terms=tuple(
                times(min(end, quantity) - step.first + 1, step.each)
                for step, end in zip(self.steps, ends, strict=True)
                if step.first <= quantity
            ),
            at_most=self.cap,
        )

    def tariff(self, unit: Words) -> Words:
        """Say each step with the unit it begins at, then the cap."""
        parts = [per(self.steps[0].each, unit)]
        for step in self.steps[1:]:
            each = per(step.each, unit)
            parts.append(
                Words(
                    f"từ {unit.vi} thứ {count_vi(step.first)}: {each.vi}",
                    f"from {unit.en} {step.first:,}: {each.en}",
                )
            )
        if self.cap is not None:
            parts.append(
                Words(f"tối đa {format_vnd(self.cap)} mỗi bản", f"at most {vnd(self.cap)} per copy")
            )
        return Words("; ".join(part.vi for part in parts), "; ".join(part.en for part in parts))


def price(
    rule: FeeRule, quantity: int, copies: int = 1, *, unit: Words = CASE, path: str = ""
) -> PricedLine:
    """What a line costs: `quantity` counts the fee's unit (pages), `copies` repeats the line.

    Caps hold for each copy. Raises `Invalid` for a quantity outside 1..10,000, copies outside
    1..1,000, or an amount above 10^13; the errors name the field, with `path` ("lines.0.") before
    it. An amount of 0 is a valid answer: there is nothing to pay.
    """
    faults = [
        *_count_faults(f"{path}quantity", quantity, MAX_QUANTITY),
        *_count_faults(f"{path}copies", copies, MAX_COPIES),
    ]
    if faults:
        raise Invalid("Số lượng không hợp lệ.", errors=faults)
    charge = rule.charge(quantity)
    amount = charge.amount * copies
    if amount > MAX_AMOUNT:
        raise _invalid(f"{path}amount", "too_big", f"At most {format_vnd(MAX_AMOUNT)} for a line.")
    words = explain(charge, quantity, copies, unit)
    return PricedLine(quantity, copies, amount, words.vi, words.en)


def _read_step(path: str, data: object) -> Step:
    if not isinstance(data, Mapping):
        raise _invalid(path, "not_an_object", "A step is a JSON object.")
    _check_keys(path, data, required=("from", "each"))
    return Step(_figure(f"{path}.from", data["from"]), _figure(f"{path}.each", data["each"]))


def _check_keys(
    path: str,
    data: Mapping[str, object],
    *,
    required: tuple[str, ...],
    optional: tuple[str, ...] = (),
) -> None:
    for key in required:
        if key not in data:
            raise _invalid(f"{path}.{key}", "missing", f"{key} is missing.")
    for key in data:
        if key not in required and key not in optional:
            raise _invalid(f"{path}.{key}", "unknown", f"{key} is no part of such a rule.")


def _figure(path: str, value: object) -> int:
    if type(value) is not int:
        raise _invalid(path, "not_an_integer", "Figures in a rule are whole numbers.")
    return value


def _check_figure(path: str, value: int, *, least: int) -> None:
    if not least <= _figure(path, value) <= MAX_AMOUNT:
        raise _invalid(path, "out_of_range", f"Between {least} and {MAX_AMOUNT}.")


def _count_faults(field: str, value: object, most: int) -> list[FieldError]:
    if type(value) is not int:
        return [FieldError(field, "not_an_integer", "Phải là số nguyên.")]
    if not 1 <= value <= most:
        return [FieldError(field, "out_of_range", f"Từ 1 đến {count_vi(most)}.")]
    return []


def _invalid(field: str, code: str, detail: str) -> Invalid:
    return Invalid(detail, code="invalid_fee", errors=[FieldError(field, code, detail)])
