"""Runs that stand and call paid what the bank took back, though their statements showed both.

A closed day's run stays as it is (`late_returns` says what comes after); of an open one this must
never be, for a credit that is returned pays nothing.
"""

from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlmodel import col

from core import clock
from core.crypto import Cipher, DecryptionFailed
from core.sessions import ReadSession
from core.statements import ReadSql, load_sql
from payments.agencies.queries import list_collection_accounts
from payments.books.closed_days import find_last_closed
from payments.refunds.queries import list_proving_lines
from reconciliation.days.commands import AFTER, BEFORE
from reconciliation.matching.reversals import reversals_of, says_reversal
from reconciliation.models import StatementLine
from reconciliation.statements.lines import STORED_LINES
from reconciliation.statements.narratives import open_narrative

RULE: Final = "no run that stands calls paid what its statements take back"


@dataclass(frozen=True, slots=True)
class _StandingDebit:
    """A debit and its words, sealed or of before and in clear."""

    line_id: str
    narrative: str | None
    sealed_narrative: bytes | None


@dataclass(frozen=True, slots=True)
class _PossibleReturn:
    """A debit that says it returns money, and a run that has matched its amount."""

    run_id: str
    collection_account_id: str
    business_on: date
    line_id: str
    amount: int


@dataclass(frozen=True, slots=True)
class _MatchedLine:
    payment_id: str
    line_id: str
    amount: int


_SQL = load_sql("reconciliation.days", "taken_back")
#: What may be a return: its words decide, and few say so.
_DEBITS = ReadSql(_StandingDebit, _SQL["debits"])
#: Those that say so, run by run.
_RUNS = ReadSql(_PossibleReturn, _SQL["runs"])
#: What of some lines a run has matched.
_MATCHED = ReadSql(_MatchedLine, _SQL["matched"])
#: The lines that a run can have seen.
_SEEN = ReadSql(str, _SQL["seen"])


async def matches_taken_back(session: ReadSession, cipher: Cipher) -> AsyncIterator[str]:
    """A line for each payment that a standing run has as paid and its statements as returned.

    Of closed days and what was long before the open ones nothing is read: it stays as it is.
    """
    for account in await list_collection_accounts(session, None):
        closed = await find_last_closed(session, account.id) or date.min
        async for line in _matches_of(session, cipher, account.id, closed):
            yield line


async def _matches_of(
    session: ReadSession, cipher: Cipher, account_id: str, closed: date
) -> AsyncIterator[str]:
    """As `matches_taken_back`, of an account whose days are closed until `closed`."""
    saying: list[str] = []
    sealed: list[str] = []
    # Words first: a day has thousands of credits of one amount, and most debits are sweeps.
    async for debit in session.each(_DEBITS, {"account": account_id, "closed": closed}):
        try:
            words = open_narrative(cipher, debit.line_id, debit.sealed_narrative, debit.narrative)
        except DecryptionFailed:
            sealed.append(debit.line_id)
            continue
        if says_reversal(words):
            saying.append(debit.line_id)
    for line_id in sealed:
        yield f"{RULE}: {line_id} (its words are not its own)"
    runs: defaultdict[str, list[_PossibleReturn]] = defaultdict(list)
    asked = {"debits": saying, "closed": closed}
    for found in await session.all(_RUNS, asked) if saying else []:
        runs[found.run_id].append(found)
    for run_id, debits in runs.items():
        returned = await _returned(session, cipher, debits)
        for one in await session.all(_MATCHED, {"run": run_id, "lines": list(returned)}):
            told = f"{one.amount} by {one.line_id}, back by {returned[one.line_id]}"
            yield f"{RULE}: {one.payment_id} ({told})"


async def _returned(
    session: ReadSession, cipher: Cipher, debits: list[_PossibleReturn]
) -> dict[str, str]:
    """The credits that a run's statements take back, and by which debits."""
    run = debits[0]
    begin, end = clock.day_bounds(run.business_on - BEFORE, run.business_on + AFTER)
    amounts = sorted({debit.amount for debit in debits})
    asked = {"account": run.collection_account_id, "run": run.run_id, "amounts": amounts}
    seen = set(await session.all(_SEEN, {**asked, "begin": begin, "end": end}))
    wanted = STORED_LINES.where(
        col(StatementLine.collection_account_id) == run.collection_account_id,
        col(StatementLine.withdrawn_at).is_(None),
        col(StatementLine.booked_at) >= begin,
        col(StatementLine.booked_at) < end,
        col(StatementLine.amount).in_(amounts),
    )
    stored = [line for line in await session.all(wanted) if line.line_id in seen]
    ours = await list_proving_lines(session, {debit.line_id for debit in debits})
    lines = [line.opened(cipher) for line in stored if line.line_id not in ours]
    return {credit: debit.line_id for credit, debit in reversals_of(lines).items()}
