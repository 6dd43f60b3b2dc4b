"""The discrepancies of a run as a CSV file, written as it is fetched.

A run may have a hundred thousand of them: a page at a time is read and sent, and between two pages
neither a connection nor more than the page is held, however slowly the file is fetched. A run never
changes, so that the pages fit together.
"""

import csv
import io
from collections.abc import AsyncIterator, Iterable
from datetime import date
from typing import Final

from core import clock
from core.calendar import Calendar
from core.db import Database
from core.spreadsheets import inert
from reconciliation.cases.standing import stage_on
from reconciliation.days.run_queries import DiscrepancyValue, page_of_discrepancies

_PAGE: Final = 1_000
_HEADINGS: Final = (
    "id",
    "side",
    "object",
    "class",
    "reference",
    "amount",
    "other_amount",
    "reason",
    "expected_on",
    "stage",
)
#: Spreadsheets take a file for UTF-8 by it.
_MARK: Final = "\ufeff"


async def discrepancy_pieces(
    database: Database, run_id: str, calendar: Calendar
) -> AsyncIterator[bytes]:
    """The file, a page of discrepancies at a time; `stage` is that of today, the same in all."""
    today = clock.business_date(clock.now())
    yield (_MARK + _text([_HEADINGS])).encode()
    cursor = None
    while True:
        async with database.reading() as session:
            page = await page_of_discrepancies(session, run_id, cursor=cursor, limit=_PAGE)
        yield write_rows(page.items, calendar, today).encode()
        cursor = page.next_cursor
        if cursor is None:
            return


def write_rows(discrepancies: Iterable[DiscrepancyValue], calendar: Calendar, today: date) -> str:
    """Rows of the file; no text in them is ever calculated."""
    return _text(
        (
            *(odd.id, odd.side, inert(odd.object_id), odd.kind, inert(odd.reference)),
            *(odd.amount, odd.other_amount, inert(odd.reason), odd.expected_on),
            stage_on(calendar, odd.expected_on, odd.missing_after, today),
        )
        for odd in discrepancies
    )


def _text(rows: Iterable[Iterable[object]]) -> str:
    written = io.StringIO(newline="")
    csv.writer(written).writerows(rows)
    return written.getvalue()
