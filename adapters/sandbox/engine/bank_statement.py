"""The sandbox bank's statement of an account's day, in the seven columns that `lephi-basic` reads.

Pure. What the bank has told of and what it has kept to itself both stand in it, as in a real one.
"""

import csv
import io
from collections.abc import Iterable
from datetime import date
from typing import Final

from adapters.sandbox.engine.store import Movement
from core import clock

_COLUMNS: Final = (
    *("line_id", "booked_at", "amount", "direction", "reference", "narrative", "bank_ref"),
)


def days_of(movements: Iterable[Movement]) -> list[tuple[str, date]]:
    """The accounts and Vietnamese days on which something moved, the newest first."""
    found = {(one.account_number, clock.business_date(one.booked_at)) for one in movements}
    return sorted(found, key=lambda one: (one[1], one[0]), reverse=True)


def write_bank_statement(movements: Iterable[Movement], account: str, on: date) -> bytes:
    """The movements of an account's day as CSV, in their order; amounts in đồng."""
    text = io.StringIO(newline="")
    sheet = csv.writer(text, lineterminator="\n")
    sheet.writerow(_COLUMNS)
    for one in movements:
        if one.account_number == account and clock.business_date(one.booked_at) == on:
            at = one.booked_at.astimezone(clock.VIETNAM).isoformat(timespec="seconds")
            way = "credit" if one.direction == "in" else "debit"
            sheet.writerow((one.id, at, one.amount, way, "", one.narrative, one.reference_code))
    return text.getvalue().encode()
