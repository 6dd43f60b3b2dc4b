"""A schedule of fees: which fee holds for an agency on a day. No database in sight.

An agency's own fee stands in the place of the national fee of the same code, on the days on which
it is valid. A procedure's code names a fee as well, where the procedure has exactly one that day.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from core.errors import FieldError, Invalid
from payments.fee_words import Words
from payments.fees import FeeRule, PricedLine, price


class Certainty(StrEnum):
    """How sure we are of a figure: read in the law's text, read about, or neither."""

    CONFIRMED = "confirmed"
    SECONDARY = "secondary"
    UNCONFIRMED = "unconfirmed"


@dataclass(frozen=True, slots=True)
class FeeValue:
    """A fee of the catalogue. `agency_id` None is national; `valid_to` is the last day, or None."""

    id: str
    code: str
    procedure_code: str
    agency_id: str | None
    name: Words
    unit: Words
    rule: FeeRule
    sub_item: str
    basis: str
    source: str
    certainty: Certainty
    checked_on: date
    valid_from: date
    valid_to: date | None

    def holds_on(self, day: date) -> bool:
        """Whether the fee is in force on a Vietnamese day."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)

    def price(self, quantity: int, copies: int = 1, *, path: str = "") -> PricedLine:
        """What a line of this fee costs; see `payments.fees.price`."""
        return price(self.rule, quantity, copies, unit=self.unit, path=path)


class Schedule:
    """The fees that can concern one agency: the nation's and its own, of every day."""

    __slots__ = ("_by_code", "_by_procedure")

    def __init__(self, fees: Iterable[FeeValue]) -> None:
        self._by_code: dict[str, list[FeeValue]] = {}
        self._by_procedure: dict[str, list[FeeValue]] = {}
        for fee in fees:
            self._by_code.setdefault(fee.code, []).append(fee)
            self._by_procedure.setdefault(fee.procedure_code, []).append(fee)

    def of_procedure(self, code: str, on: date) -> tuple[FeeValue, ...]:
        """The fees of a procedure on a day, by fee code; the agency's own before the nation's."""
        return _in_force(self._by_procedure.get(code, ()), on)

    def find(self, code: str, on: date) -> FeeValue | None:
        """The fee that `code` names on a day: a fee's code, or that of a procedure with one fee."""
        named = self._named(code, on)
        return named[0] if len(named) == 1 else None

    def get(self, code: str, on: date, *, field: str = "fee") -> FeeValue:
        """As `find`. Raises `Invalid` on `field`, saying what is wrong with the code.

        The error's code is `unknown`, `not_in_force` (its dates are in the message) or
        `ambiguous` (the message lists the fees to choose from).
        """
        named = self._named(code, on)
        if len(named) == 1:
            return named[0]
        if named:
            listed = ", ".join(fee.code for fee in named)
            fault = FieldError(
                field, "ambiguous", f"Thủ tục {code} có nhiều khoản thu, hãy nêu một: {listed}."
            )
        elif known := self._by_code.get(code) or self._by_procedure.get(code):
            spans = ", ".join(sorted({_span(fee) for fee in known}))
            fault = FieldError(
                field,
                "not_in_force",
                f"Khoản thu {code} không có hiệu lực ngày {_day(on)}; có hiệu lực {spans}.",
            )
        else:
            fault = FieldError(field, "unknown", f"Không có khoản thu {code}.")
        raise Invalid(fault.detail, code="invalid_fee", errors=[fault])

    def _named(self, code: str, on: date) -> tuple[FeeValue, ...]:
        return _in_force(self._by_code.get(code, ()), on) or self.of_procedure(code, on)


def _in_force(fees: Iterable[FeeValue], on: date) -> tuple[FeeValue, ...]:
    """One fee for each code: those of the day, an agency's own in the place of the nation's."""
    chosen: dict[str, FeeValue] = {}
    for fee in fees:
        if fee.holds_on(on) and (fee.agency_id is not None or fee.code not in chosen):
            chosen[fee.code] = fee
    return tuple(chosen[code] for code in sorted(chosen))


def _span(fee: FeeValue) -> str:
    if fee.valid_to is None:
        return f"từ {_day(fee.valid_from)}"
    return f"từ {_day(fee.valid_from)} đến hết {_day(fee.valid_to)}"


def _day(day: date) -> str:
    return f"{day:%d/%m/%Y}"
