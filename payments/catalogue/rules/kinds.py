"""The kinds of fee rule that public bodies have, one class each. Pure.

Rules are kept as JSON beside their `kind`; `rule_from` reads them back and refuses what it does
not understand, because a rule read loosely is a wrong amount.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import ClassVar, Self

from core.money import MAX_AMOUNT
from payments.catalogue.rules.fee_requests import FeeRequest, MeasuredBy
from payments.catalogue.rules.fees import FeeRule, faulty, fee_kind, known_kinds
from payments.catalogue.rules.wording import (
    FREE,
    FeeAmount,
    LocalizedText,
    count_vi,
    counted,
    joined,
    money,
    per,
    percent_words,
    share,
    times,
    whole,
)

_PERCENT = re.compile(r"(?:0|[1-9]\d?)(?:\.\d{1,4})?|100")
_CURRENCY = re.compile(r"[A-Z]{3}")

#: No tariff we know has more than a few; each is a line of what a citizen reads.
MOST_STEPS = 20


def kinds() -> tuple[str, ...]:
    """The kinds of rule there are, in alphabetical order."""
    return tuple(sorted(known_kinds()))


def rule_from(kind: str, data: object) -> FeeRule:
    """The rule kept as `kind` and JSON `data`.

    Raises `Invalid` for a kind nobody registered and for data that is not exactly such a rule.
    """
    rule = known_kinds().get(kind)
    if rule is None:
        detail = f"Không có cách tính {kind!r}; có {', '.join(kinds())}."
        raise faulty("kind", "unknown", detail)
    if not isinstance(data, Mapping):
        raise faulty("rule", "not_an_object", "Cách tính phải là một đối tượng JSON.")
    return rule.from_data(data)


@fee_kind
@dataclass(frozen=True, slots=True)
class FixedFee(FeeRule):
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

    def charge(self, asked: FeeRequest, unit: LocalizedText) -> FeeAmount:
        """The amount, once for each case."""
        return FeeAmount(counted(asked.quantity, unit), (times(asked.quantity, self.amount),))

    def tariff(self, unit: LocalizedText) -> LocalizedText:
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
    """So much for each unit, in steps; at least `minimum` and at most `cap` for one copy.

    The steps begin at unit 1 and rise; each holds until the next begins. Certifying a copy costs
    2,000 đ for each of the first two pages and 1,000 đ from the third on, at most 200,000 đ for a
    copy (TT 226/2016/TT-BTC, Art. 4).
    """

    kind: ClassVar[str] = "per_unit"

    steps: tuple[Step, ...]
    cap: int | None = None
    minimum: int | None = None

    def __post_init__(self) -> None:
        """Refuse steps that leave a unit without a price or give it two, and too many of them."""
        if len(self.steps) > MOST_STEPS:
            raise faulty("rule.steps", "too_many", f"Nhiều nhất {MOST_STEPS} bậc.")
        for position, step in enumerate(self.steps):
            _check_figure(f"rule.steps.{position}.from", step.first, least=1)
            _check_figure(f"rule.steps.{position}.each", step.each, least=0)
        if not self.steps or self.steps[0].first != 1:
            raise faulty("rule.steps", "no_start", "Bậc đầu tiên bắt đầu từ đơn vị thứ 1.")
        if any(later.first <= earlier.first for earlier, later in pairwise(self.steps)):
            raise faulty("rule.steps", "not_rising", "Mỗi bậc bắt đầu sau bậc trước nó.")
        _check_limits("minimum", self.minimum, "cap", self.cap)

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Read `{"steps": [{"from": 1, "each": 2000}, {"from": 3, "each": 1000}], "cap": null}`.

        `cap` and `minimum` may be left out.
        """
        _check_keys("rule", data, required=("steps",), optional=("cap", "minimum"))
        listed = data["steps"]
        if not isinstance(listed, Sequence) or isinstance(listed, str):
            raise faulty("rule.steps", "not_a_list", "Các bậc phải là một danh sách.")
        return cls(
            steps=tuple(_read_step(f"rule.steps.{n}", step) for n, step in enumerate(listed)),
            cap=_optional_figure(data, "cap"),
            minimum=_optional_figure(data, "minimum"),
        )

    def to_data(self) -> dict[str, object]:
        """Write what `from_data` reads, without the limits there are not."""
        steps = [{"from": step.first, "each": step.each} for step in self.steps]
        return {"steps": steps} | _given(cap=self.cap, minimum=self.minimum)

    def charge(self, asked: FeeRequest, unit: LocalizedText) -> FeeAmount:
        """One term for each step that the quantity reaches."""
        ends = [step.first - 1 for step in self.steps[1:]] + [asked.quantity]
        return FeeAmount(
            measured=counted(asked.quantity, unit),
            terms=tuple(
                [
                    times(min(end, asked.quantity) - step.first + 1, step.each)
                    for step, end in zip(self.steps, ends, strict=True)
                    if step.first <= asked.quantity
                ]
            ),
            at_least=self.minimum,
            at_most=self.cap,
        )

    def tariff(self, unit: LocalizedText) -> LocalizedText:
        """Say each step with the unit it begins at, then the limits."""
        parts = [per(self.steps[0].each, unit)]
        for step in self.steps[1:]:
            each = per(step.each, unit)
            parts.append(
                LocalizedText(
                    f"từ {unit.vi} thứ {count_vi(step.first)}: {each.vi}",
                    f"from {unit.en} {step.first:,}: {each.en}",
                )
            )
        return joined(
            parts + _limits(self.minimum, self.cap, LocalizedText(" mỗi bản", " per copy"))
        )


@fee_kind
@dataclass(frozen=True, slots=True)
class Percentage(FeeRule):
    """A share of a value, rounded half up to whole đồng; at least `floor`, at most `ceiling`.

    Appraising a file for a land certificate costs 0.15 % of the land's value, at most 5,000,000 đ
    (Hà Nội). `percent` is exact: a decimal of at most four places, above 0 and at most 100.
    """

    kind: ClassVar[str] = "percentage"
    measured_by: ClassVar[MeasuredBy] = MeasuredBy.VALUE

    percent: Decimal
    floor: int | None = None
    ceiling: int | None = None

    def __post_init__(self) -> None:
        """Refuse a share of nothing or of more than all, and limits that cross."""
        if not 0 < self.percent <= 100:
            raise faulty("rule.percent", "out_of_range", "Trên 0 và nhiều nhất 100.")
        _check_limits("floor", self.floor, "ceiling", self.ceiling)

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Read `{"percent": "0.15", "ceiling": 5000000}`; `floor` and `ceiling` may be left out.

        The percentage is a text, because a JSON number would be a binary fraction.
        """
        _check_keys("rule", data, required=("percent",), optional=("floor", "ceiling"))
        percent = data["percent"]
        if not isinstance(percent, str) or _PERCENT.fullmatch(percent) is None:
            detail = 'Tỷ lệ ghi dạng văn bản, tối đa 4 chữ số thập phân, ví dụ "0.15".'
            raise faulty("rule.percent", "not_a_percentage", detail)
        return cls(
            Decimal(percent), _optional_figure(data, "floor"), _optional_figure(data, "ceiling")
        )

    def to_data(self) -> dict[str, object]:
        """Write what `from_data` reads, without the limits there are not."""
        percent = f"{self.percent.normalize():f}"
        return {"percent": percent} | _given(floor=self.floor, ceiling=self.ceiling)

    def charge(self, asked: FeeRequest, unit: LocalizedText) -> FeeAmount:
        """The share of the value."""
        value = asked.value or 0
        exact = (value * self.percent / 100).quantize(Decimal(1), ROUND_HALF_UP)
        told = money(value)
        return FeeAmount(
            measured=LocalizedText(f"Giá trị {told.vi}", f"Value {told.en}"),
            terms=(share(self.percent, int(exact)),),
            at_least=self.floor,
            at_most=self.ceiling,
        )

    def tariff(self, unit: LocalizedText) -> LocalizedText:
        """Say, for example, "0,15 % giá trị; tối đa 5.000.000 đ"."""
        told = percent_words(self.percent)
        parts = [LocalizedText(f"{told.vi} giá trị", f"{told.en} of the value")]
        return joined(parts + _limits(self.floor, self.ceiling, LocalizedText("", "")))


@fee_kind
@dataclass(frozen=True, slots=True)
class AssessedFee(FeeRule):
    """An amount that another office has worked out and put on a notice; we only collect it."""

    kind: ClassVar[str] = "assessed"
    measured_by: ClassVar[MeasuredBy] = MeasuredBy.NOTICE

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Read `{}`: the figures stand on each notice."""
        _check_keys("rule", data, required=())
        return cls()

    def to_data(self) -> dict[str, object]:
        """Write `{}`."""
        return {}

    def charge(self, asked: FeeRequest, unit: LocalizedText) -> FeeAmount:
        """The notice's amount, and which notice it is."""
        if asked.notice is None:
            raise faulty("notice", "missing", "Thiếu thông báo.")
        notice = asked.notice
        return FeeAmount(
            measured=LocalizedText(
                f"Theo thông báo {notice.number} ngày {notice.issued_on:%d/%m/%Y}",
                f"By notice {notice.number} of {notice.issued_on:%d/%m/%Y}",
            ),
            terms=(whole(notice.amount),),
        )

    def tariff(self, unit: LocalizedText) -> LocalizedText:
        """Say where the amount comes from."""
        return LocalizedText("theo thông báo của cơ quan thuế", "as the tax office's notice says")


@fee_kind
@dataclass(frozen=True, slots=True)
class ForeignCurrency(FeeRule):
    """A fee set in a foreign currency: shown, so that nobody looks for it, but never collected.

    Converting needs a dated rate and its rules; this service collects đồng only.
    """

    kind: ClassVar[str] = "foreign_currency"

    currency: str
    amount: int

    def __post_init__(self) -> None:
        """Refuse what is no currency, the đồng itself, and an amount that is none."""
        if _CURRENCY.fullmatch(self.currency) is None or self.currency == "VND":
            detail = "Ba chữ cái của một ngoại tệ, ví dụ USD."
            raise faulty("rule.currency", "not_a_currency", detail)
        _check_figure("rule.amount", self.amount, least=1)

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Read `{"currency": "USD", "amount": 25}`, in whole units of the currency."""
        _check_keys("rule", data, required=("currency", "amount"))
        currency = data["currency"]
        if not isinstance(currency, str):
            raise faulty("rule.currency", "not_a_text", "Ngoại tệ là ba chữ cái.")
        return cls(currency, _figure("rule.amount", data["amount"]))

    def to_data(self) -> dict[str, object]:
        """Write what `from_data` reads."""
        return {"currency": self.currency, "amount": self.amount}

    def charge(self, asked: FeeRequest, unit: LocalizedText) -> FeeAmount:
        """Always raise `Invalid` on `fee`: this service does not collect foreign currency."""
        detail = (
            f"Khoản thu này tính bằng ngoại tệ ({self.currency}); hệ thống chỉ thu đồng Việt Nam."
            " Hãy thu theo cách khác của cơ quan."
        )
        raise faulty("fee", "foreign_currency", detail)

    def tariff(self, unit: LocalizedText) -> LocalizedText:
        """Say the amount, and that it is not collected here."""
        return LocalizedText(
            f"{count_vi(self.amount)} {self.currency} mỗi {unit.vi};"
            " thu bằng ngoại tệ, không thu qua hệ thống này",
            f"{self.amount:,} {self.currency} per {unit.en};"
            " in foreign currency, not collected by this service",
        )


def _limits(least: int | None, most: int | None, each: LocalizedText) -> list[LocalizedText]:
    """The limits of a fee in words, as far as there are any; `each` says what they hold for."""
    told = []
    for limit, vi, en in ((least, "tối thiểu", "at least"), (most, "tối đa", "at most")):
        if limit is not None:
            amount = money(limit)
            told.append(LocalizedText(f"{vi} {amount.vi}{each.vi}", f"{en} {amount.en}{each.en}"))
    return told


def _read_step(path: str, data: object) -> Step:
    if not isinstance(data, Mapping):
        raise faulty(path, "not_an_object", "Một bậc phải là một đối tượng JSON.")
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
            raise faulty(f"{path}.{key}", "missing", f"Thiếu {key}.")
    for key in data:
        if key not in required and key not in optional:
            raise faulty(f"{path}.{key}", "unknown", f"Cách tính này không có {key}.")


def _figure(path: str, value: object) -> int:
    if type(value) is not int:
        raise faulty(path, "not_an_integer", "Số trong cách tính phải là số nguyên.")
    return value


def _optional_figure(data: Mapping[str, object], key: str) -> int | None:
    value = data.get(key)
    return None if value is None else _figure(f"rule.{key}", value)


def _given(**figures: int | None) -> dict[str, object]:
    return {name: figure for name, figure in figures.items() if figure is not None}


def _check_figure(path: str, value: int, *, least: int) -> None:
    if not least <= _figure(path, value) <= MAX_AMOUNT:
        raise faulty(path, "out_of_range", f"Từ {least} đến {MAX_AMOUNT}.")


def _check_limits(least_name: str, least: int | None, most_name: str, most: int | None) -> None:
    for name, limit in ((least_name, least), (most_name, most)):
        if limit is not None:
            _check_figure(f"rule.{name}", limit, least=1)
    if least is not None and most is not None and least > most:
        detail = f"Mức tối thiểu {least} lớn hơn mức tối đa {most}."
        raise faulty(f"rule.{least_name}", "over_the_limit", detail)
