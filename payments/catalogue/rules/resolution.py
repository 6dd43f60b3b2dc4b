"""Which fees of the schedule a line asks for, and which reliefs there are from them. Pure."""

from dataclasses import dataclass
from datetime import date

from core.errors import FieldError, Invalid
from payments.catalogue.rules.fee_requests import FeeRequest, LineRequest
from payments.catalogue.rules.fees import PricedLine
from payments.catalogue.rules.reliefs import ReliefValue
from payments.catalogue.rules.schedule import FeeValue, Schedule


@dataclass(frozen=True, slots=True)
class WantedFee:
    """A fee that a line asks for, the reliefs there are from it, and what is asked of it."""

    fee: FeeValue
    reliefs: tuple[ReliefValue, ...]
    asked: FeeRequest


@dataclass(frozen=True, slots=True)
class PricedFee:
    """A fee that a line asks for, and what it comes to before any relief."""

    wanted: WantedFee
    price: PricedLine


@dataclass(frozen=True, slots=True)
class Resolution:
    """The fees that one line asks for, and what is wrong with how it asks for them."""

    request: LineRequest
    fees: tuple[WantedFee, ...]
    faults: tuple[FieldError, ...]


def resolve(schedule: Schedule, request: LineRequest, on: date) -> Resolution:
    """The fees that a line asks for on a Vietnamese day: one, or each a procedure always takes.

    Faults are those of `Schedule.get_all`, and a value or a notice that none of several fees has
    use for. A fee that is alone says that itself, when it is priced.
    """
    try:
        fees = schedule.get_all(request.code, on, field=f"{request.path}fee")
    except Invalid as refusal:
        return Resolution(request, (), refusal.errors)
    asked = request.asked
    if len(fees) == 1:
        (fee,) = fees
        wanted = WantedFee(fee, schedule.reliefs_of(fee.code, on), asked)
        return Resolution(request, (wanted,), ())
    several = tuple(
        WantedFee(fee, schedule.reliefs_of(fee.code, on), asked.of_measure(fee.rule.measured_by))
        for fee in fees
    )
    faults = asked.unused({fee.rule.measured_by for fee in fees}, request.path)
    return Resolution(request, several, tuple(faults))
