"""The one row that every statement format gives, and the refusal when it cannot.

Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from core.errors import FieldError, Invalid

Direction = Literal["credit", "debit"]

#: No more than this many faults of one file are listed: the rest is rarely of another kind.
FAULTS_LISTED: Final = 100


@dataclass(frozen=True, slots=True)
class StatementRow:
    """A line of a bank's or the treasury's statement, whatever it looked like there.

    `line_no` is the row as a person counts, from 1. `booked_at` is aware; a statement that tells
    only the day gives its midnight in Vietnam. `amount` is whole đồng, always positive;
    `direction` is seen from the account: a credit is money that came in. `reference` is the field
    for the payer's reference, None if there is none; `bank_ref` is the bank's own, "" if none.
    `balance` is the running balance, where the statement tells it. All text is NFC.
    """

    line_no: int
    booked_at: datetime
    amount: int
    direction: Direction
    reference: str | None
    narrative: str
    bank_ref: str
    balance: int | None = None


class StatementRefused(Invalid):
    """A statement cannot be taken; `errors` names row, column and reason, and nothing was taken."""

    code = "statement_refused"

    def __init__(self, faults: Sequence[FieldError]) -> None:
        listed = list(faults[:FAULTS_LISTED])
        if len(faults) > FAULTS_LISTED:
            more = len(faults) - FAULTS_LISTED
            listed.append(FieldError("file", "more", f"và {more} lỗi khác"))
        super().__init__(
            f"Sao kê có {len(faults)} lỗi; chưa nhận dòng nào.",
            errors=listed,
        )


def fault_at(row: int, column: str, code: str, detail: str) -> FieldError:
    """A fault of one cell, or of a whole row if `column` is empty."""
    place = f"row {row}, column {column}" if column else f"row {row}"
    return FieldError(place, code, detail)


def fault_of_file(code: str, detail: str) -> FieldError:
    """A fault of the file as a whole."""
    return FieldError("file", code, detail)
