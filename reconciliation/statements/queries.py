"""Statements as frozen values."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlmodel import col

from core.sessions import ReadSession
from core.statements import values_of
from payments.agencies.queries import get_collection_account
from reconciliation.models import Statement


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
    #: which version of its days it is, and whose place it took
    version: int
    supersedes: str | None
    #: what its lines come to, and the balances that it tells, in đồng
    credit_count: int | None
    credited: int | None
    debit_count: int | None
    debited: int | None
    opening_balance: int | None
    closing_balance: int | None


@dataclass(frozen=True, slots=True)
class KnownStatementValue:
    """A statement that was taken in, by the code of its account; balances in đồng."""

    id: str
    account: str
    row_count: int
    new_count: int
    opening_balance: int | None
    closing_balance: int | None
    credit_count: int | None
    credited: int | None
    debit_count: int | None
    debited: int | None
    totals_stated: bool | None
    version: int
    supersedes: str | None


@dataclass(frozen=True, slots=True)
class _StoredStatement:
    id: str
    collection_account_id: str
    row_count: int
    new_count: int
    opening_balance: int | None
    closing_balance: int | None
    credit_count: int | None
    credited: int | None
    debit_count: int | None
    debited: int | None
    totals_stated: bool | None
    version: int
    supersedes: str | None


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
        credit_count=found.credit_count,
        credited=found.credited,
        debit_count=found.debit_count,
        debited=found.debited,
        totals_stated=found.totals_stated,
        version=found.version,
        supersedes=found.supersedes,
    )


_STATEMENTS: Final = values_of(
    StatementValue, Statement, withdrawn=col(Statement.withdrawn_at).is_not(None)
)


async def find_standing_statement(
    session: ReadSession, statement_id: str, collection_account_id: str
) -> StatementValue | None:
    """The statement of that id, None if it is no such account's or was withdrawn."""
    return await session.first(
        _STATEMENTS.where(
            Statement.id == statement_id,
            Statement.collection_account_id == collection_account_id,
            col(Statement.withdrawn_at).is_(None),
        )
    )


async def list_statements(
    session: ReadSession, collection_account_id: str, limit: int = 200
) -> list[StatementValue]:
    """The statements of an account, the newest first."""
    of_account = _STATEMENTS.where(Statement.collection_account_id == collection_account_id)
    return await session.all(of_account.order_by(col(Statement.id).desc()).limit(limit))
