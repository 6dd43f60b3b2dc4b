"""From what was asked for to priced lines: fees in force, reliefs given, everything copied. Pure.

A line keeps copies of all that it was priced by (words, basis, certainty, relief, notice), so that
later changes of the catalogue change no bill.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from core.errors import FieldError, Invalid
from core.folding import without_marks
from payments.catalogue.rules.fees import FeeRequest, MeasuredBy, NoticeOfAmount
from payments.catalogue.rules.reliefs import Circumstances, GrantedRelief, Ground, ReliefValue, best
from payments.catalogue.rules.schedule import FeeValue, Schedule


@dataclass(frozen=True, slots=True)
class NewLine:
    """One line of a new bill, priced; amounts in đồng. `amount` is what is left to pay."""

    description: str
    quantity: int
    copies: int
    amount: int
    full_amount: int
    sub_item: str | None
    fee_id: str | None = None
    fee: str | None = None
    description_en: str | None = None
    explanation: str | None = None
    explanation_en: str | None = None
    basis: str | None = None
    certainty: str | None = None
    unit: str = ""
    value: int | None = None
    relief: dict[str, Any] | None = None
    notice: dict[str, Any] | None = None
    #: whose relief it is and which, where an asset may have it once a year
    yearly: str | None = None


@dataclass(frozen=True, slots=True)
class AssessmentNotice:
    """Another office's notice of an amount: where the treasury is to book it, and whose tax it is.

    `tax_number` is personal data; a line never holds it.
    """

    number: str
    issued_on: date
    amount: int
    treasury: str
    chapter: str
    sub_item: str
    tax_number: str

    def shown(self) -> dict[str, Any]:
        """What a line keeps of it, as JSON values."""
        return {
            "number": self.number,
            "issued_on": self.issued_on.isoformat(),
            "treasury": self.treasury,
            "chapter": self.chapter,
            "sub_item": self.sub_item,
        }


def price_fees(
    schedule: Schedule,
    code: str,
    asked: FeeRequest,
    circumstances: Circumstances,
    *,
    notice: AssessmentNotice | None = None,
    path: str = "",
    used: Collection[str] = (),
) -> list[NewLine]:
    """The lines that `code` asks for: one fee, or each that a procedure always takes.

    `used` are the once-a-year reliefs that earlier lines of the bill have had. Raises `Invalid`
    with every fault, fields under `path`.
    """
    fees = schedule.get_all(code, circumstances.on, field=f"{path}fee")
    if notice is not None:
        told = NoticeOfAmount(notice.amount, notice.number, notice.issued_on)
        asked = replace(asked, notice=told)
    faults = _unused(fees, asked, path) if len(fees) > 1 else []
    lines: list[NewLine] = []
    spent = set(used)
    for fee in fees:
        # Several fees share what was asked for; a fee alone says what it has no use for.
        wanted = asked.of_measure(fee.rule.measured_by) if len(fees) > 1 else asked
        try:
            line = price_fee(schedule, fee, wanted, circumstances, notice, path=path, used=spent)
        except Invalid as error:
            faults.extend(error.errors)
            continue
        if line.yearly is not None:
            spent.add(line.yearly)
        lines.append(line)
    if faults:
        raise Invalid(faults[0].detail, code="invalid_fee", errors=faults)
    return lines


def price_fee(
    schedule: Schedule,
    fee: FeeValue,
    asked: FeeRequest,
    circumstances: Circumstances,
    notice: AssessmentNotice | None = None,
    *,
    path: str = "",
    used: Collection[str] = (),
) -> NewLine:
    """One fee as a line, with the best relief that holds. Raises `Invalid` as `fees.price` does."""
    priced = fee.price_of(asked, path=path)
    reliefs = [
        relief
        for relief in schedule.reliefs_of(fee.code, circumstances.on)
        if _yearly(relief) not in used
    ]
    given = best(reliefs, priced, circumstances)
    on_notice = notice if fee.rule.measured_by is MeasuredBy.NOTICE else None
    return NewLine(
        description=fee.name.vi,
        description_en=fee.name.en,
        quantity=priced.quantity,
        copies=priced.copies,
        amount=priced.amount - (given.off if given else 0),
        full_amount=priced.amount,
        sub_item=on_notice.sub_item if on_notice else fee.sub_item,
        fee_id=fee.id,
        fee=fee.code,
        explanation=priced.explanation.vi,
        explanation_en=priced.explanation.en,
        basis=fee.basis,
        certainty=fee.certainty,
        unit=fee.unit.vi,
        value=asked.value,
        relief=_shown(given) if given else None,
        notice=on_notice.shown() if on_notice else None,
        yearly=_yearly(given.relief) if given else None,
    )


def _yearly(relief: ReliefValue) -> str | None:
    """What a use of a yearly relief is counted under: reliefs of two owners are two."""
    if not relief.once_a_year:
        return None
    return relief.code if relief.agency_id is None else f"{relief.agency_id}:{relief.code}"


def claim_faults(
    schedule: Schedule, fees: Collection[str], circumstances: Circumstances
) -> list[FieldError]:
    """What is wrong with what a bill claims, for the fees it holds.

    A claim is a ground, or the code of a relief. A code must hold for one of the fees; a ground
    that changes nothing is no fault, for it is a fact about a person and not a wish.
    """
    if not circumstances.claims:
        return []
    possible = {
        relief.code: relief for fee in fees for relief in schedule.reliefs_of(fee, circumstances.on)
    }
    faults = unknown_claims(schedule, circumstances)
    for claim in sorted(circumstances.claims & _codes(schedule)):
        if claim not in possible:
            detail = f"Miễn, giảm {claim} không áp dụng cho các khoản này vào ngày này."
            faults.append(FieldError("relief", "not_applicable", detail))
        elif not _may_hold(possible[claim], circumstances):
            detail = f"Không đủ điều kiện của miễn, giảm {claim}."
            faults.append(FieldError("relief", "not_applicable", detail))
    lacking = {
        fault.field: fault for relief in possible.values() for fault in relief.lacks(circumstances)
    }
    faults.extend(replace(fault, field=f"relief.{fault.field}") for fault in lacking.values())
    return faults


def fact_faults(circumstances: Circumstances) -> list[FieldError]:
    """A birth date that nobody can have, and an asset without a name."""
    faults = []
    born_on, today = circumstances.born_on, circumstances.on
    if born_on is not None and not (today.year - 150 <= born_on.year and born_on <= today):
        detail = "Ngày sinh ở tương lai hoặc quá xa."
        faults.append(FieldError("relief.born_on", "out_of_range", detail))
    if circumstances.asset is not None and not normal_asset(circumstances.asset):
        detail = "Mã tài sản phải có chữ hoặc số."
        faults.append(FieldError("relief.asset", "empty", detail))
    return faults


def unknown_claims(schedule: Schedule, circumstances: Circumstances) -> list[FieldError]:
    """Claims that are neither a ground nor the code of any relief."""
    known = _codes(schedule) | set(Ground)
    return [
        FieldError("relief", "unknown", f"Không có diện hoặc mức miễn, giảm {claim}.")
        for claim in sorted(circumstances.claims - known)
    ]


def _codes(schedule: Schedule) -> set[str]:
    return {relief.code for relief in schedule.reliefs}


def _may_hold(relief: ReliefValue, circumstances: Circumstances) -> bool:
    return relief.applies(circumstances) or bool(relief.lacks(circumstances))


def whole_words(
    explanation: str | None, basis: str | None, relief: Mapping[str, Any] | None, language: str
) -> str | None:
    """How a line's amount came about, whole: the sum, its basis, the relief and its basis.

    `language` is vi or en. None for a line with its own amount, of which nothing is known.
    """
    if explanation is None:
        return None
    given = relief or {}
    parts = (explanation, basis, given.get(f"explanation_{language}"), given.get("basis"))
    return "; ".join(part for part in parts if part)


def normal_asset(name: str) -> str:
    """An asset's name as it is compared: "29A-123.45" and "29a 12345" are one.

    Letters without marks, and digits: however it was typed, it is the same parcel or plate. A
    slash stays, for parcel 12/3 is not parcel 1/23.
    """
    plain = without_marks(name.upper(), compatible=True)
    kept = (char for char in plain if char.isascii() and (char.isalnum() or char == "/"))
    return "".join(kept).strip("/")


def _shown(given: GrantedRelief) -> dict[str, Any]:
    relief = given.relief
    return {
        "code": relief.code,
        "name_vi": relief.name.vi,
        "name_en": relief.name.en,
        "amount": given.off,
        "explanation_vi": given.explanation.vi,
        "explanation_en": given.explanation.en,
        "basis": relief.basis,
        "certainty": relief.certainty,
    }


def _unused(fees: Collection[FeeValue], asked: FeeRequest, path: str) -> list[FieldError]:
    """A value or notice that none of several fees looks at."""
    measures = {fee.rule.measured_by for fee in fees}
    return [
        FieldError(f"{path}{measure}", "not_applicable", "Không khoản thu nào dùng đến.")
        for measure, thing in ((MeasuredBy.VALUE, asked.value), (MeasuredBy.NOTICE, asked.notice))
        if thing is not None and measure not in measures
    ]
