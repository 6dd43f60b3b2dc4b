"""Every package's checks in one pass, over one snapshot of the database.

The whole look reads everything. The look at what is new begins at the last checkpoint: it walks the
links behind it and asks the rules of the objects that these tell of. What was changed without an
entry of the log, and long ago, is found by the whole look only.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import String, bindparam, func
from sqlmodel import select

from adapters.timestamps import TimestampAuthority
from app import anchors
from core import audit
from core.audit import LinkValue, Sealer
from core.checkpoints import find_checkpoint
from core.checks import RulesAtOnce, breaches, load_rules
from core.sessions import ReadSession, WriteSession
from core.statements import load_sql
from payments.agencies import checks as setup_checks
from payments.books import checks as payment_checks
from receipts import checks as receipt_checks
from receipts.evidence import (
    Opener,
    bills_of,
    count_receipts,
    disagreements,
    document_disagreements,
)
from reconciliation import checks as reconciliation_checks

_SQL = load_sql("app", "narrowing")
#: The rules that need the tables of several packages.
_BETWEEN = load_rules("app")
#: The checks of each package; `_BETWEEN` is asked after them.
_OF_PACKAGES = (payment_checks, receipt_checks, reconciliation_checks)
_AT_ONCE = RulesAtOnce(*(checks.RULES for checks in _OF_PACKAGES), _BETWEEN)
#: The rules that can be asked of some objects alone.
_NEW_OF_BOOKS = load_rules("payments.books", _SQL["touched"])
_NEW_OF_RECEIPTS = load_rules("receipts", _SQL["touched"])
_NEW_BETWEEN = load_rules("app", _SQL["touched"])
#: Sets how many milliseconds one statement of this transaction may take; between them, any time.
_LIMITS = select(
    func.set_config("statement_timeout", bindparam("limit", type_=String), True).concat(
        func.set_config("idle_in_transaction_session_timeout", "0", True)
    )
)
#: So all checks see one moment, and none can change it.
_SNAPSHOT = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}

#: Told how far a look is: what is being looked at, how much of it is done, and of how much.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known outside the database, and cannot be changed with it."""

    sealer: Sealer = field(repr=False)
    opener: Opener
    authority: TimestampAuthority | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look found: a line for each breach, and the end of the chain that it saw."""

    lines: list[str]
    head: LinkValue | None
    whole: bool


async def broken(session: WriteSession, evidence: Evidence | None = None) -> list[str]:
    """A line for each row that breaks an invariant; none when the house is in order.

    Without `evidence` the rows are held against each other only: then whoever changes all of them
    alike is not seen. For small databases, as tests have them: the rules are asked in one
    statement; `look` asks one by one and says the same. The session must be fresh: its isolation is
    set here, and is the pool's own again afterwards.
    """
    _ = await session.connection(execution_options=_SNAPSHOT)
    lines = await _AT_ONCE.breaches(session)
    lines += [line async for line in payment_checks.check_moves(session)]
    return lines + [line async for line in _beyond_rules(session, evidence, _untold)]


async def judge(
    session: WriteSession,
    evidence: Evidence,
    *,
    whole: bool,
    anchor_files: Sequence[Path] = (),
    statement_ms: int = 0,
    progress: Progress | None = None,
) -> Verdict:
    """Look at everything, or at what is new since the last checkpoint (all, if there is none).

    One statement may take `statement_ms` (0: as long as it wants). The session must be fresh.
    """
    _ = await session.connection(execution_options=_SNAPSHOT)
    await session.one(_LIMITS, {"limit": str(statement_ms)})
    tell = progress or _untold
    since = None if whole else await find_checkpoint(session, evidence.sealer)
    lines: list[str] = []
    if since is None:
        lines += [line async for line in look(session, evidence, tell)]
    else:
        lines += [line async for line in look_at_new(session, evidence, since, tell)]
    tell("anchors", 0, len(anchor_files))
    said = anchors.differences(
        session, anchor_files, evidence.opener.certificates, evidence.authority
    )
    lines += [line async for line in said]
    tell("anchors", len(anchor_files), len(anchor_files))
    return Verdict(lines, await audit.find_head(session), since is None)


def _untold(_what: str, _done: int, _of: int) -> None:
    """Nobody wants to know how far a look is."""


async def look(
    session: ReadSession, evidence: Evidence | None, tell: Progress = _untold
) -> AsyncIterator[str]:
    """As `broken`, rule by rule and line by line, over whatever the session sees."""
    for place, checks in enumerate(_OF_PACKAGES):
        tell("books", place, 4)
        async for line in checks.check(session):
            yield line
    tell("books", 3, 4)
    async for line in breaches(session, _BETWEEN):
        yield line
    tell("books", 4, 4)
    async for line in _beyond_rules(session, evidence, tell):
        yield line


async def _beyond_rules(
    session: ReadSession, evidence: Evidence | None, tell: Progress
) -> AsyncIterator[str]:
    """The chain of the log, and what is held against evidence."""
    sealer = None if evidence is None else evidence.sealer
    tell("log", 0, 1)
    async for line in audit.broken_links(session, sealer):
        yield line
    tell("log", 1, 1)
    if evidence is None:
        return
    async for line in setup_checks.check(session):
        yield line
    done, count = 0, await count_receipts(session)
    async for looked_at, lines in disagreements(session, evidence.opener):
        done += looked_at
        tell("receipts", done, count)
        for line in lines:
            yield line
    async for line in document_disagreements(session, evidence.opener.cipher):
        yield line
    async for line in reconciliation_checks.check_words(session, evidence.opener.cipher):
        yield line


async def look_at_new(
    session: ReadSession, evidence: Evidence, since: LinkValue, tell: Progress = _untold
) -> AsyncIterator[str]:
    """As `look`, of what the log tells of behind a link that was found to hold."""
    known = await audit.find_link(session, since.seq)
    if known is None or known.hash != since.hash:
        yield f"the chain is the one that was checked: audit link {since.seq} is another, or gone"
        return
    tell("log", 0, 1)
    async for line in audit.broken_links(session, evidence.sealer, known):
        yield line
    tell("log", 1, 1)
    ids = await audit.objects_since(session, since.seq)
    tell("books", 0, 4)
    for place, rules in enumerate((_NEW_OF_BOOKS, _NEW_OF_RECEIPTS, _NEW_BETWEEN), start=1):
        async for line in breaches(session, rules, ids):
            yield line
        tell("books", place, 4)
    async for line in payment_checks.check_moves(session, ids):
        yield line
    tell("books", 4, 4)
    async for line in setup_checks.check(session):
        yield line
    bills = await bills_of(session, ids)
    done = 0
    async for looked_at, lines in disagreements(session, evidence.opener, bills):
        done += looked_at
        tell("receipts", done, len(bills))
        for line in lines:
            yield line
