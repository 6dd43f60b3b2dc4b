"""What the rest of the house may know of reconciliations: frozen values, never rows."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlmodel import col

from core.cursors import Page, page_of
from core.errors import NotFound
from core.sessions import ReadSession
from core.statements import values_of
from payments.agencies.queries import get_account_codes, get_collection_account
from reconciliation.models import Discrepancy, Match, Reconciliation, Statement


@dataclass(frozen=True, slots=True)
class RunValue:
    """A run: one account, one business day; `summary` maps a class to its count and sum (đồng).

    `superseded_by` is the newer run of the same day, None for the one that stands.
    """

    id: str
    agency: str
    account: str
    business_on: date
    summary: dict[str, Any]
    created_at: datetime
    superseded_by: str | None


@dataclass(frozen=True, slots=True)
class DiscrepancyValue:
    """What did not simply agree, and why; amounts in đồng."""

    id: str
    side: str
    object_id: str
    kind: str
    reference: str
    amount: int
    other_amount: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class _StoredRun:
    """A run as it is stored, which knows ids only."""

    id: str
    agency_id: str
    collection_account_id: str
    business_on: date
    summary: dict[str, Any]
    created_at: datetime
    superseded_by: str | None


async def get_run(session: ReadSession, run_id: str, agency_ids: Collection[str]) -> RunValue:
    """The run of that id. Raises `NotFound` if absent or another agency's."""
    run = await session.first(
        values_of(_StoredRun, Reconciliation).where(Reconciliation.id == run_id)
    )
    if run is None or run.agency_id not in agency_ids:
        raise NotFound("Không có lần đối soát này.")
    codes = await get_account_codes(session, run.collection_account_id)
    return RunValue(
        id=run.id,
        agency=codes.agency,
        account=codes.account,
        business_on=run.business_on,
        summary=run.summary,
        created_at=run.created_at,
        superseded_by=run.superseded_by,
    )


async def page_of_discrepancies(
    session: ReadSession, run_id: str, *, cursor: str | None = None, limit: int = 50
) -> Page[DiscrepancyValue]:
    """Some discrepancies of a run, by side and object; `cursor` is that of the page before."""
    wanted = values_of(DiscrepancyValue, Discrepancy).where(Discrepancy.reconciliation_id == run_id)
    if cursor is not None:
        # They got their ids in the order of side, object and kind.
        wanted = wanted.where(col(Discrepancy.id) > cursor)
    found = await session.all(wanted.order_by(col(Discrepancy.id)).limit(limit + 1))
    return page_of(found, limit, lambda odd: odd.id)


@dataclass(frozen=True, slots=True)
class MatchValue:
    """A payment of the day and the line that is its money, amount in đồng.

    `statement_alone` says that no feed and no gateway has told of it; None in runs of before.
    """

    payment_id: str
    line_id: str
    reference: str
    amount: int
    rule: str
    statement_alone: bool | None


async def list_matches(
    session: ReadSession,
    run_id: str,
    *,
    statement_alone: bool | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> Page[MatchValue]:
    """The matches of a run by payment: all, or those that do or do not rest on a statement alone.

    `cursor` is the payment to go on after.
    """
    wanted = values_of(MatchValue, Match).where(Match.reconciliation_id == run_id)
    if statement_alone is not None:
        wanted = wanted.where(col(Match.statement_alone).is_(statement_alone))
    if cursor is not None:
        wanted = wanted.where(col(Match.payment_id) > cursor)
    found = await session.all(wanted.order_by(col(Match.payment_id)).limit(limit + 1))
    return page_of(found, limit, lambda one: one.payment_id)


@dataclass(frozen=True, slots=True)
class StatementValue:
    """A statement file of an account; `new_count` of its rows were in no earlier one."""

    id: str
    file_name: str
    row_count: int
    new_count: int
    created_by: str
    created_at: datetime
    withdrawn: bool


@dataclass(frozen=True, slots=True)
class KnownStatementValue:
    """A statement that was taken in, by the code of its account; balances in đồng."""

    id: str
    account: str
    row_count: int
    new_count: int
    opening_balance: int | None
    closing_balance: int | None


@dataclass(frozen=True, slots=True)
class _StoredStatement:
    id: str
    collection_account_id: str
    row_count: int
    new_count: int
    opening_balance: int | None
    closing_balance: int | None


async def find_statement(
    session: ReadSession, statement_id: str, agency_ids: Collection[str]
) -> KnownStatementValue | None:
    """The statement of that id, None if absent or another agency's."""
    wanted = values_of(_StoredStatement, Statement)
    found = await session.first(wanted.where(Statement.id == statement_id))
    if found is None:
        return None
    account = await get_collection_account(session, found.collection_account_id)
    if account.agency_id not in agency_ids:
        return None
    return KnownStatementValue(
        id=found.id,
        account=account.code,
        row_count=found.row_count,
        new_count=found.new_count,
        opening_balance=found.opening_balance,
        closing_balance=found.closing_balance,
    )


async def list_statements(
    session: ReadSession, collection_account_id: str, limit: int = 200
) -> list[StatementValue]:
    """The statements of an account, the newest first."""
    wanted = values_of(
        StatementValue, Statement, withdrawn=col(Statement.withdrawn_at).is_not(None)
    )
    of_account = wanted.where(Statement.collection_account_id == collection_account_id)
    return await session.all(of_account.order_by(col(Statement.id).desc()).limit(limit))
