"""Which relief each fee of a bill is given: the best that holds, and a yearly one only once. Pure.

A citizen has a once-a-year relief once. Of several lines it goes to the one from which it takes
most off, the first among equals; of several fees of one line, to the first by code.
"""

from collections.abc import Sequence

from payments.catalogue.rules.circumstances import Circumstances
from payments.catalogue.rules.reliefs import GrantedRelief, best
from payments.catalogue.rules.resolution import PricedFee

#: What each of a line's fees is given.
Grants = list[GrantedRelief | None]


def grant(lines: Sequence[Sequence[PricedFee]], circumstances: Circumstances) -> list[Grants]:
    """What each fee is given, for the fees of each line that asks for some."""
    yearly: list[set[str]] = [set() for _ in lines]
    granted = [_each(fees, circumstances, used) for fees, used in zip(lines, yearly, strict=True)]
    taken = [relief for used in yearly for relief in used]
    if len(taken) > len(set(taken)):
        used: set[str] = set()
        order = sorted(range(len(lines)), key=lambda line: (-_off(granted[line]), line))
        for line in order:
            granted[line] = _each(lines[line], circumstances, used)
    return granted


def _each(fees: Sequence[PricedFee], circumstances: Circumstances, used: set[str]) -> Grants:
    """What the fees of one line are given; the yearly reliefs among it are added to `used`."""
    grants: Grants = []
    for fee in fees:
        offered = fee.wanted.reliefs
        if used:
            offered = tuple(relief for relief in offered if relief.yearly not in used)
        given = best(offered, fee.price, circumstances)
        if given is not None and given.relief.yearly is not None:
            used.add(given.relief.yearly)
        grants.append(given)
    return grants


def _off(grants: Grants) -> int:
    """What is taken off a line, in đồng."""
    return sum(given.off for given in grants if given is not None)
