"""From what was asked for to priced lines, downhill: resolve, price, grant reliefs, copy. Pure.

Each step is a room of its own and takes all the lines at once; what goes on is only what the step
before has made. Faults are gathered line by line, whichever step finds them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import FieldError, Invalid
from payments.catalogue.rules.circumstances import Circumstances
from payments.catalogue.rules.claims import claim_faults
from payments.catalogue.rules.fee_requests import FeeRequest, LineRequest
from payments.catalogue.rules.fees import price
from payments.catalogue.rules.granting import grant
from payments.catalogue.rules.lines import NewLine
from payments.catalogue.rules.resolution import PricedFee, Resolution, WantedFee, resolve
from payments.catalogue.rules.schedule import FeeValue, Schedule


@dataclass(frozen=True, slots=True)
class PricedLines:
    """For each line that was asked for, the lines it becomes; none where it has a fault.

    `claim_faults` are what is wrong with the reliefs that are claimed, looked for only where the
    lines have no fault.
    """

    lines: Sequence[Sequence[NewLine]]
    faults: Sequence[FieldError]
    claim_faults: Sequence[FieldError]


def price_lines(
    schedule: Schedule, requests: Sequence[LineRequest], circumstances: Circumstances
) -> PricedLines:
    """The lines that a bill's requests become, each with its relief, and every fault."""
    resolved = [resolve(schedule, request, circumstances.on) for request in requests]
    faults: list[FieldError] = []
    priced = [_price(resolution, faults) for resolution in resolved]
    wrong: list[FieldError] = []
    if circumstances.claims and not faults:
        offered = [one for line in resolved for wanted in line.fees for one in wanted.reliefs]
        wrong = claim_faults(schedule.reliefs, offered, circumstances)
    granted = grant(priced, circumstances)
    lines = [
        [NewLine.of(fee, given) for fee, given in zip(fees, grants, strict=True)]
        for fees, grants in zip(priced, granted, strict=True)
    ]
    return PricedLines(lines, faults, wrong)


def _price(resolution: Resolution, faults: list[FieldError]) -> list[PricedFee]:
    """The fees of a line with what they come to; none where there are faults, which are added."""
    found = list(resolution.faults)
    priced = []
    path = resolution.request.path
    for wanted in resolution.fees:
        try:
            line = price(wanted.fee.rule, wanted.asked, unit=wanted.fee.unit, path=path)
        except Invalid as refusal:
            found.extend(refusal.errors)
        else:
            priced.append(PricedFee(wanted, line))
    faults.extend(found)
    return [] if found else priced


def price_fees(
    schedule: Schedule, code: str, asked: FeeRequest, circumstances: Circumstances
) -> Sequence[NewLine]:
    """The lines that `code` alone asks for. Raises `Invalid` with every fault."""
    priced = price_lines(schedule, [LineRequest(code, asked)], circumstances)
    if priced.faults:
        raise Invalid(priced.faults[0].detail, code="invalid_fee", errors=priced.faults)
    return priced.lines[0]


def price_fee(
    schedule: Schedule, fee: FeeValue, asked: FeeRequest, circumstances: Circumstances
) -> NewLine:
    """One fee as a line, with the best relief that holds. Raises `Invalid` as `fees.price` does."""
    wanted = WantedFee(fee, schedule.reliefs_of(fee.code, circumstances.on), asked)
    priced = PricedFee(wanted, price(fee.rule, asked, unit=fee.unit))
    ((given,),) = grant([[priced]], circumstances)
    return NewLine.of(priced, given)
