"""What a fee comes to: the frame that every kind of rule fills, and the price of a line. Pure.

A rule says what one copy costs; `price` repeats it by the copies. The amount and its explanation
are made from the same terms, so they cannot tell different stories; a test reads the explanation
back and adds it up again.

The kinds of rule stand in `fee_kinds`. A new one is one class there: a frozen dataclass under
`FeeRule`, marked with `@fee_kind` (docs/fees.md shows it).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self, TypeVar

from core.errors import FieldError, Invalid
from core.money import MAX_AMOUNT, format_vnd
from payments.catalogue.rules.fee_requests import FeeRequest, MeasuredBy
from payments.catalogue.rules.wording import CASE, FeeAmount, LocalizedText, count_vi, explain

#: How much of a unit one line may count, and how often a line may be repeated.
MAX_QUANTITY = 10_000
MAX_COPIES = 1_000


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A line of a bill: `amount` is that of all `copies`, in whole đồng; 0 is "exempt"."""

    quantity: int
    copies: int
    amount: int
    explanation: LocalizedText
    unit: LocalizedText = CASE


class FeeRule(ABC):
    """How a fee is worked out. Subclasses are frozen dataclasses and check their own figures."""

    __slots__ = ()

    #: what the rule is called where it is kept
    kind: ClassVar[str]
    measured_by: ClassVar[MeasuredBy] = MeasuredBy.QUANTITY

    @classmethod
    @abstractmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """The rule kept as `data`. Raises `Invalid` naming the first faulty key."""

    @abstractmethod
    def to_data(self) -> dict[str, object]:
        """The rule as JSON values; `from_data` of it is an equal rule."""

    @abstractmethod
    def charge(self, asked: FeeRequest, unit: LocalizedText) -> FeeAmount:
        """What one copy costs, in whole đồng and in words that count `unit`.

        More of what the rule measures never costs less.

        `price` has seen to it that what the rule is measured by is there and in range. Raises
        `Invalid` only where the fee cannot be collected at all.
        """

    @abstractmethod
    def tariff(self, unit: LocalizedText) -> LocalizedText:
        """The rule itself in words, for someone who has not yet said how much they need."""


Rule = TypeVar("Rule", bound=FeeRule)

_KINDS: dict[str, type[FeeRule]] = {}


def fee_kind(rule: type[Rule]) -> type[Rule]:
    """Class decorator: make a kind of rule known under its `kind`."""
    if rule.kind in _KINDS:
        raise ValueError(f"there is already a kind of fee rule called {rule.kind}")
    _KINDS[rule.kind] = rule
    return rule


def known_kinds() -> Mapping[str, type[FeeRule]]:
    """The kinds made known so far; `fee_kinds.kinds` is sure to know all of them."""
    return _KINDS


def price(
    rule: FeeRule, asked: FeeRequest, *, unit: LocalizedText = CASE, path: str = ""
) -> PricedLine:
    """What a line costs, in whole đồng, and how it came about.

    Caps hold for each copy. Raises `Invalid` for a quantity outside 1..10,000, copies outside
    1..1,000, a value or notice that the rule needs and has not got, or has no use for, and an
    amount above 10^13; the errors name the field, with `path` ("lines.0.") before it. An amount of
    0 is a valid answer: there is nothing to pay.
    """
    faults = [
        *_count_faults(f"{path}quantity", asked.quantity, MAX_QUANTITY),
        *_count_faults(f"{path}copies", asked.copies, MAX_COPIES),
        *_measure_faults(rule, asked, path),
    ]
    if faults:
        raise Invalid(faults[0].detail, code="invalid_fee", errors=faults)
    charge = _charge(rule, asked, unit, path)
    amount = charge.amount * asked.copies
    if amount > MAX_AMOUNT:
        detail = f"Một dòng tối đa {format_vnd(MAX_AMOUNT)}."
        raise faulty(f"{path}amount", "too_big", detail)
    return PricedLine(asked.quantity, asked.copies, amount, explain(charge, asked.copies), unit)


def _charge(rule: FeeRule, asked: FeeRequest, unit: LocalizedText, path: str) -> FeeAmount:
    try:
        return rule.charge(asked, unit)
    except Invalid as error:
        faults = [FieldError(path + e.field, e.code, e.detail) for e in error.errors]
        raise Invalid(error.detail, code=error.code, errors=faults) from error


def _measure_faults(rule: FeeRule, asked: FeeRequest, path: str) -> list[FieldError]:
    faults = []
    for measure, thing in ((MeasuredBy.VALUE, asked.value), (MeasuredBy.NOTICE, asked.notice)):
        if measure is rule.measured_by and thing is None:
            detail = f"Khoản thu này cần {_NAMES[measure]}."
            faults.append(FieldError(f"{path}{measure}", "missing", detail))
        elif measure is not rule.measured_by and thing is not None:
            detail = f"Khoản thu này không tính theo {_NAMES[measure]}."
            faults.append(FieldError(f"{path}{measure}", "not_applicable", detail))
    if asked.value is not None:
        faults.extend(_amount_faults(f"{path}value", asked.value))
    if asked.notice is not None:
        faults.extend(_amount_faults(f"{path}amount", asked.notice.amount))
    if rule.measured_by is not MeasuredBy.QUANTITY:
        for name, count in (("quantity", asked.quantity), ("copies", asked.copies)):
            if count != 1:
                detail = "Khoản thu này mỗi dòng chỉ tính một lần."
                faults.append(FieldError(f"{path}{name}", "not_applicable", detail))
    return faults


_NAMES = {
    MeasuredBy.VALUE: "giá trị tính phí (đồng)",
    MeasuredBy.NOTICE: "thông báo của cơ quan đã tính số tiền",
}


def _count_faults(field: str, value: object, most: int) -> list[FieldError]:
    if type(value) is not int:
        return [FieldError(field, "not_an_integer", "Phải là số nguyên.")]
    if not 1 <= value <= most:
        return [FieldError(field, "out_of_range", f"Từ 1 đến {count_vi(most)}.")]
    return []


def _amount_faults(field: str, value: object) -> list[FieldError]:
    if type(value) is not int:
        return [FieldError(field, "not_an_integer", "Phải là số nguyên.")]
    if not 1 <= value <= MAX_AMOUNT:
        return [FieldError(field, "out_of_range", f"Từ 1 đến {format_vnd(MAX_AMOUNT)}.")]
    return []


def faulty(field: str, code: str, detail: str) -> Invalid:
    """An error about one field of a fee or of what is asked of it."""
    return Invalid(detail, code="invalid_fee", errors=[FieldError(field, code, detail)])
