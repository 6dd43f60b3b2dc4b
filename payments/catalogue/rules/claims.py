"""What is wrong with the reliefs that somebody claims. Pure.

A claim is a ground, or the code of a relief. A code must hold for one of the fees; a ground that
changes nothing is no fault, for it is a fact about a person and not a wish.
"""

from collections.abc import Iterable

from core.errors import FieldError
from payments.catalogue.rules.circumstances import Circumstances
from payments.catalogue.rules.reliefs import Ground, ReliefValue


def unknown_claims(known: Iterable[ReliefValue], circumstances: Circumstances) -> list[FieldError]:
    """Claims that are neither a ground nor the code of any relief known."""
    named = _codes(known) | set(Ground)
    return [
        FieldError("relief", "unknown", f"Không có diện hoặc mức miễn, giảm {claim}.")
        for claim in sorted(circumstances.claims - named)
    ]


def claim_faults(
    known: Iterable[ReliefValue], offered: Iterable[ReliefValue], circumstances: Circumstances
) -> list[FieldError]:
    """What is wrong with a bill's claims, where `offered` are the reliefs from its fees.

    `known` are the reliefs of every fee and day, which tell a code from a slip of the pen.
    """
    possible = {relief.code: relief for relief in offered}
    faults = unknown_claims(known, circumstances)
    for claim in sorted(circumstances.claims & _codes(known)):
        if claim not in possible:
            detail = f"Miễn, giảm {claim} không áp dụng cho các khoản này vào ngày này."
            faults.append(FieldError("relief", "not_applicable", detail))
        elif not possible[claim].may_apply(circumstances):
            detail = f"Không đủ điều kiện của miễn, giảm {claim}."
            faults.append(FieldError("relief", "not_applicable", detail))
    lacking = {
        fault.field: fault for relief in possible.values() for fault in relief.lacks(circumstances)
    }
    faults.extend(lacking.values())
    return faults


def _codes(reliefs: Iterable[ReliefValue]) -> set[str]:
    return {relief.code for relief in reliefs}
