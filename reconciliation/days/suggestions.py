"""What may be asked of a day's unknown lines: which bills that are still unpaid they are for.

`reconciliation.matching.open_questions` answers.
"""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Final

from sqlmodel import col, select

from core import clock
from core.crypto import Cipher
from core.sessions import ReadSession
from payments.agencies.queries import find_collection_account
from payments.books.queries import list_payable_bills
from reconciliation.matching.open_questions import OpenQuestion
from reconciliation.matching.suggesting import Candidate, PlainCredit, may_misspell
from reconciliation.matching.values import DayLine
from reconciliation.models import Discrepancy, StatementLine
from reconciliation.queries import get_run
from reconciliation.statements.lines import STORED_LINES

#: So many lines of a run are looked at; a day with more has another trouble.
LINES: Final = 2_000
#: Bills that were made so long before the day are thought of.
_BEFORE: Final = timedelta(days=30)


async def read_open_question(
    session: ReadSession, cipher: Cipher, run_id: str, agency_ids: Collection[str]
) -> OpenQuestion:
    """The unknown credits of a run by time, and what they may be for. Raises `NotFound`."""
    run = await get_run(session, run_id, agency_ids)
    lines = await _unknown_lines(session, cipher, run_id)
    account = await find_collection_account(session, run.account)
    if account is None or not lines:
        return OpenQuestion([], [])
    return OpenQuestion(lines, await _candidates(session, account.agency_id, run.business_on))


async def read_misspelt(
    session: ReadSession, agency_id: str, on: date, lines: Sequence[DayLine]
) -> OpenQuestion:
    """Of these credits those that may misspell a bill, and what they may be for."""
    said = [
        PlainCredit(x.line_id, f"{x.reference} {x.narrative}", x.amount, x.booked_at) for x in lines
    ]
    doubtful = [one for one in said if may_misspell(one.words)]
    candidates = await _candidates(session, agency_id, on) if doubtful else []
    return OpenQuestion(doubtful, candidates)


async def _candidates(session: ReadSession, agency_id: str, on: date) -> list[Candidate]:
    """What money of a day may be for; references name the objects."""
    begin, end = clock.day_bounds(on - _BEFORE, on)
    bills = await list_payable_bills(session, agency_id, begin, end)
    return [Candidate(one.reference, one.reference, one.amount, one.created_at) for one in bills]


async def _unknown_lines(session: ReadSession, cipher: Cipher, run_id: str) -> list[PlainCredit]:
    unknown = select(Discrepancy.object_id).where(
        Discrepancy.reconciliation_id == run_id,
        Discrepancy.side == "line",
        Discrepancy.kind == "unknown_in_ledger",
    )
    stored = await session.all(STORED_LINES.where(col(StatementLine.id).in_(unknown)).limit(LINES))
    lines = [one.opened(cipher) for one in stored]
    return [
        PlainCredit(one.line_id, f"{one.reference} {one.narrative}", one.amount, one.booked_at)
        for one in lines
    ]
