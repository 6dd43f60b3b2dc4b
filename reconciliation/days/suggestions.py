"""What the unknown lines of a day may be, for people: which of the bills that are still unpaid.

See `reconciliation.matching.suggesting` for the rules.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from sqlmodel import col, select

from core import clock
from core.crypto import Cipher
from core.references import find_references
from core.sessions import ReadSession
from payments.agencies.queries import find_collection_account
from payments.books.queries import list_payable_bills
from reconciliation.matching.suggesting import (
    Candidate,
    PlainCredit,
    Suggestion,
    may_misspell,
    suggest,
)
from reconciliation.matching.values import DayLine
from reconciliation.models import Discrepancy, StatementLine
from reconciliation.queries import get_run
from reconciliation.statements.lines import STORED_LINES

#: So many lines of a run are looked at; a day with more has another trouble.
LINES: Final = 2_000
#: Bills that were made so long before the day are thought of.
_BEFORE: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class LineSuggestions:
    """An unknown line of a run, and what it may be, the surest first; `amount` in đồng.

    The objects of a suggestion are references of bills.
    """

    line_id: str
    amount: int
    suggestions: list[Suggestion]


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """Credits that nobody knows, and what they may be for."""

    lines: list[PlainCredit]
    candidates: list[Candidate]


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


def answers_to(question: OpenQuestion) -> list[LineSuggestions]:
    """Each line and what it may be; lines without any suggestion too. Processor work."""
    found = suggest(question.lines, question.candidates)
    return [
        LineSuggestions(line.line_id, line.amount, list(found.get(line.line_id, [])))
        for line in question.lines
    ]


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


def misspelt_sums(question: OpenQuestion) -> frozenset[str]:
    """Of the credits those whose amount is the sum of several bills, some of them misspelt.

    They name one bill as it is: given to that one alone, the others' money would be its excess.
    Processor work.
    """
    named = {one.line_id: set(find_references(one.words)) for one in question.lines}
    return frozenset(
        line_id
        for line_id, (first, *_) in suggest(question.lines, question.candidates).items()
        if first.rule == "several" and not named[line_id].issuperset(first.object_ids)
    )


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
