"""A statement that its bank issues anew takes the place of the one before, when two people agree.

The file is kept, encrypted, from when the first person asks until the second has decided. What they
see is the difference (`versions`), and what becomes of the money of rows that are
gone: it is that of a withdrawal (`withdrawing`). Rows that both versions have are
handed on, and settle nothing twice. The same rows again change nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

from sqlalchemy import insert
from sqlmodel import col

from core import audit, clock, failpoints
from core.errors import Conflict, FieldError, Invalid, NotFound
from core.file_names import checked_name
from core.ids import new_id
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.agencies.access.principals import Principal
from payments.agencies.queries import CollectionAccountValue, get_collection_account
from payments.books.approvals import (
    ApprovalKind,
    ApprovalKinds,
    ApprovalValue,
    Subject,
    propose,
)
from reconciliation.context import ReconciliationContext
from reconciliation.models import ProposedStatement, Statement
from reconciliation.statements.forced import (
    AlreadyTaken,
    ProposedFile,
    forget,
    lock_proposed,
    place_of,
    reread,
)
from reconciliation.statements.late_lines import check_lines_open
from reconciliation.statements.preparing import PreparedStatement
from reconciliation.statements.taking import take_statement
from reconciliation.statements.versions import VersionDifference, compare_versions
from reconciliation.statements.withdrawing import (
    LineFacts,
    StatementFacts,
    lines_of,
    lock_money_of,
    lock_statement,
    sums_of,
    withdraw_statement,
)

#: The kind of approval by which a statement takes another one's place.
SUPERSEDE = "supersede_statement"


class SameRows(Conflict):
    """The file says what the statement says: there is nothing to replace."""

    code = "same_rows"


@dataclass(frozen=True, slots=True)
class _StandingRow:
    """A line of the statement that stands."""

    line: LineFacts

    @property
    def fingerprint(self) -> str:
        return self.line.fingerprint

    @property
    def booked_on(self) -> date:
        return clock.business_date(self.line.booked_at)

    @property
    def amount(self) -> int:
        return self.line.amount

    @property
    def direction(self) -> str:
        return self.line.direction

    @property
    def bank_ref(self) -> str:
        return self.line.bank_ref


@dataclass(frozen=True, slots=True)
class _KnownStatement:
    id: str
    collection_account_id: str


def superseding_kinds(reconciling: ReconciliationContext) -> ApprovalKinds:
    """The kind of approval about a file that is to take a statement's place."""
    return {
        SUPERSEDE: ApprovalKind(
            partial(_look, reconciling), partial(_carry_out, reconciling), forget
        )
    }


async def get_account_of(
    session: ReadSession, statement_id: str, agency_ids: Collection[str]
) -> CollectionAccountValue:
    """The account of a statement. Raises `NotFound` if absent or another agency's."""
    found = await session.first(
        values_of(_KnownStatement, Statement).where(col(Statement.id) == statement_id)
    )
    if found is not None:
        account = await get_collection_account(session, found.collection_account_id)
        if account.agency_id in agency_ids:
            return account
    raise NotFound("Không có sao kê này.")


async def is_same(session: ReadSession, statement_id: str, prepared: PreparedStatement) -> bool:
    """Whether a file says, row by row, what a statement says."""
    lines = await lines_of(session, statement_id)
    return _difference(lines, prepared).is_nothing


async def propose_superseding(
    session: WriteSession,
    reconciling: ReconciliationContext,
    kinds: ApprovalKinds,
    statement_id: str,
    prepared: PreparedStatement,
    *,
    content: bytes,
    file_name: str,
    reason: str,
    by: Principal,
    encoding: str | None = None,
) -> ApprovalValue:
    """Ask that a file take a statement's place; `prepared` is what it says.

    Raises what `payments.books.approvals.propose` does, `SameRows`, `AlreadyWithdrawn`, and
    `Invalid` for a file of other days.
    """
    statement = await lock_statement(session, statement_id)
    proposed_id = new_id("file")
    row = {
        "id": proposed_id,
        "collection_account_id": statement.collection_account_id,
        "file_name": checked_name(file_name),
        "mapping": prepared.mapping,
        "row_count": prepared.row_count,
        "credited": prepared.credited,
        "debited": prepared.debited,
        "content": reconciling.cipher.encrypt(content, place_of(proposed_id)),
        "created_at": clock.now(),
        "supersedes": statement.id,
        "encoding": encoding,
    }
    await session.write(insert(ProposedStatement), row)
    return await propose(session, kinds, SUPERSEDE, proposed_id, {}, reason, by)


async def _look(
    reconciling: ReconciliationContext,
    session: WriteSession,
    proposed_id: str,
    _: Mapping[str, Any],
) -> Subject:
    file, old, prepared = await _both(reconciling, session, proposed_id)
    _check_days(old, prepared)
    lines = await lines_of(session, old.id)
    difference = _difference(lines, prepared)
    if difference.is_nothing:
        raise SameRows("Tệp này có đúng các dòng của sao kê đã nhận; không có gì để thay.")
    telling = {row.fingerprint for row in prepared.rows}
    alone = await lines_of(session, old.id, alone=True)
    going = [line for line in alone if line.fingerprint not in telling]
    going_ids = [line.id for line in going]
    await check_lines_open(session, old.collection_account_id, old.id, going_ids)
    account = await get_collection_account(session, old.collection_account_id)
    money, proved = await lock_money_of(session, going)
    figures = {
        "account": account.code,
        "statement": old.id,
        "version": old.version + 1,
        "file_name": old.file_name,
        "new_file_name": file.file_name,
        "rows": {"before": len(lines), "after": prepared.row_count},
        "difference": difference.figures(),
        "withdrawn": len(going),
        **sums_of(money, proved),
    }
    return Subject(account.agency_id, figures)


async def _carry_out(
    reconciling: ReconciliationContext, session: WriteSession, approval: ApprovalValue, actor: str
) -> dict[str, Any]:
    file, old, prepared = await _both(reconciling, session, approval.object_id)
    account = await get_collection_account(session, old.collection_account_id)
    # First, so that what both have is handed on to it.
    taken = await take_statement(
        session,
        account,
        prepared,
        file_name=file.file_name,
        actor=actor,
        version=old.version + 1,
        supersedes=old.id,
    )
    if taken.known:
        raise AlreadyTaken("Tệp này đã được nhận trong lúc chờ duyệt; hãy từ chối đề nghị này.")
    failpoints.hit("superseding.after_taken")
    outcome = await withdraw_statement(session, old.id, actor=actor)
    await forget(session, file.id, actor)
    told = {"statement": taken.statement_id, "supersedes": old.id, "version": old.version + 1}
    await audit.record(
        session,
        actor=actor,
        action="statement.superseded",
        object_id=old.id,
        details={**told, "new": taken.new_count},
    )
    return {**told, "rows": taken.row_count, "new": taken.new_count, "withdrawn": outcome}


async def _both(
    reconciling: ReconciliationContext, session: WriteSession, proposed_id: str
) -> tuple[ProposedFile, StatementFacts, PreparedStatement]:
    file = await lock_proposed(session, proposed_id)
    if file.supersedes is None:
        raise NotFound("Tệp này không thay cho sao kê nào.")
    old = await lock_statement(session, file.supersedes)
    return file, old, await reread(reconciling, session, file, forced=False)


def _difference(lines: Sequence[LineFacts], prepared: PreparedStatement) -> VersionDifference:
    return compare_versions([_StandingRow(line) for line in lines], prepared.rows)


def _check_days(old: StatementFacts, prepared: PreparedStatement) -> None:
    ends = (old.first_on, old.last_on, prepared.first_on, prepared.last_on)
    if None in ends:
        return
    first, last, begins, ends_on = (end for end in ends if end is not None)
    if begins > last or ends_on < first:
        detail = "Tệp này là của những ngày khác, không thay cho sao kê này được."
        raise Invalid(detail, errors=[FieldError("file", "other_days", detail)])
