"""What a bank owes for booking money late: the rule in force, and the claim for each payment.

Circular 81/2025/TT-BTC art. 5(5): amount × 150 % × the bank's non-term rate × days late / 365. The
numbers are dated rows of `late_booking.toml`. Rates are whole hundredths of a percent a year (basis
points), so that nothing is a fraction; a claim is rounded half up to whole đồng. Pure.
"""

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Final

from pydantic import ConfigDict, TypeAdapter

from core.days import day_text, holds_on
from core.errors import Invalid

_WHOLE: Final = 100 * 10_000  # of a percentage and of basis points


class NoClaimRule(Invalid):
    """On that day no rule of late booking was in force."""

    code = "no_claim_rule"


@dataclass(frozen=True, slots=True)
class LateBookingRule:
    """How a claim is computed while the rule is in force; `basis` is where it is written."""

    valid_from: date
    factor_percent: int
    days_of_year: int
    basis: str
    valid_to: date | None = None

    __pydantic_config__ = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class LateMoney:
    """Money that a bank booked after the day on which it had to; `amount` in đồng."""

    payment_id: str
    line_id: str
    reference: str
    amount: int
    due_on: date
    booked_on: date


@dataclass(frozen=True, slots=True)
class LateClaim:
    """What the bank owes for one payment, in đồng; `days_late` are days of the calendar."""

    money: LateMoney
    days_late: int
    claim: int


def rule_on(day: date) -> LateBookingRule:
    """The rule in force on a day. Raises `NoClaimRule`."""
    for rule in _rules():
        if holds_on(day, rule.valid_from, rule.valid_to):
            return rule
    raise NoClaimRule(f"Chưa có quy định về ghi sổ chậm cho ngày {day_text(day)}.")


def claim_for(money: LateMoney, rule: LateBookingRule, rate_basis_points: int) -> LateClaim:
    """The claim for money that was booked late: 0 days late is no claim."""
    days = max((money.booked_on - money.due_on).days, 0)
    whole = money.amount * rule.factor_percent * rate_basis_points * days
    part = _WHOLE * rule.days_of_year
    return LateClaim(money, days, (2 * whole + part) // (2 * part))


@cache
def _rules() -> tuple[LateBookingRule, ...]:
    text = files("reconciliation.matching").joinpath("late_booking.toml").read_text("utf-8")
    return TypeAdapter(tuple[LateBookingRule, ...]).validate_python(tomllib.loads(text)["rule"])
