"""What somebody asks of the schedule: a code with a count, a value or a notice. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from core.errors import FieldError


class MeasuredBy(StrEnum):
    """What decides how large a fee is: a count, a value in đồng, or another office's notice."""

    QUANTITY = "quantity"
    VALUE = "value"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class AssessmentNotice:
    """Another office's notice of an amount in whole đồng, and where the treasury is to book it.

    Whose tax it is, it does not say here: that is personal data, which no line may hold.
    """

    amount: int
    number: str
    issued_on: date
    treasury: str
    chapter: str
    sub_item: str

    def shown(self) -> dict[str, Any]:
        """What a line keeps of it, as JSON values."""
        return {
            "number": self.number,
            "issued_on": self.issued_on.isoformat(),
            "treasury": self.treasury,
            "chapter": self.chapter,
            "sub_item": self.sub_item,
        }


@dataclass(frozen=True, slots=True)
class FeeRequest:
    """What somebody asks for: units and copies, and for some fees a value or a notice.

    `value` is in whole đồng (what a house is worth), never an amount to pay.
    """

    quantity: int = 1
    copies: int = 1
    value: int | None = None
    notice: AssessmentNotice | None = None

    def of_measure(self, measure: MeasuredBy) -> "FeeRequest":
        """Only what a fee of this measure looks at: several fees share what was asked for."""
        if measure is MeasuredBy.QUANTITY:
            return FeeRequest(self.quantity, self.copies)
        if measure is MeasuredBy.VALUE:
            return FeeRequest(value=self.value)
        return FeeRequest(notice=self.notice)

    def unused(self, measures: Collection[MeasuredBy], path: str) -> list[FieldError]:
        """A value or notice that none of several fees, of these measures, looks at."""
        told = ((MeasuredBy.VALUE, self.value), (MeasuredBy.NOTICE, self.notice))
        return [
            FieldError(f"{path}{measure}", "not_applicable", "Không khoản thu nào dùng đến.")
            for measure, thing in told
            if thing is not None and measure not in measures
        ]


@dataclass(frozen=True, slots=True)
class LineRequest:
    """A line of a bill as it is asked for: by the code of a fee, or of a procedure with fees.

    `path` ("lines.0.") goes before the fields in which something is wrong.
    """

    code: str
    asked: FeeRequest
    path: str = ""
