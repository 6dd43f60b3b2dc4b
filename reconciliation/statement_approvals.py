"""What two people decide about a statement: one asks for it, another approves.

* release: what only this statement tells of goes where it was sent, and settles;
* withdraw: it was taken in wrongly. Its lines stand no longer, but for those that another statement
  held too. What was recorded because only it told of it is reversed, and a bill that it has settled
  is open again; where that bill has a receipt, it is listed. The same file may come again.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, func, update
from sqlmodel import col, or_, select

from core import audit, clock
from core.crypto import Cipher
from core.errors import Conflict, NotFound
from core.json import canonical
from core.name_locks import lock_names
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.agencies.queries import get_collection_account
from payments.books.approvals import ApprovalKind, ApprovalKinds, ApprovalValue, Subject
from payments.books.commands import (
    StatedMoney,
    list_stated_money,
    lock_notices_of,
    lock_stated_money,
    release_stated_money,
    withdraw_stated_money,
)
from receipts.queries import list_proved_bills
from reconciliation.models import RepeatedLine, Statement, StatementLine
from reconciliation.statements import intake_lock

#: Counts again the lines that statements brought, after some have gone from one to another.
_RECOUNT = update(Statement).values(
    new_count=select(func.count())
    .where(col(StatementLine.statement_id) == col(Statement.id))
    .correlate(Statement)
    .scalar_subquery()
)

#: How much money an approval lists one by one; the sums are of all.
MOST_LISTED = 200


class NothingToRelease(Conflict):
    """All that this statement tells of is told of by others too, or has been released."""

    code = "nothing_to_release"


class BalancesDisagree(Conflict):
    """A row of this statement may be missing or wrong: decide about its money item by item."""

    code = "balances_disagree"


class AlreadyWithdrawn(Conflict):
    """The statement has been withdrawn already."""

    code = "already_withdrawn"


@dataclass(frozen=True, slots=True)
class _StatementFacts:
    id: str
    collection_account_id: str
    file_name: str
    row_count: int
    withdrawn_at: datetime | None
    gap_count: int | None


@dataclass(frozen=True, slots=True)
class _LineFacts:
    id: str
    booked_at: datetime
    amount: int
    direction: str


def statement_kinds(cipher: Cipher) -> ApprovalKinds:
    """The kinds of approvals about a statement; `cipher` keeps what a new bill's payer is."""
    return {
        "release_statement": ApprovalKind(_look_to_release, partial(_release, cipher)),
        "withdraw_statement": ApprovalKind(_look_to_withdraw, _withdraw),
    }


async def _look_to_release(
    session: WriteSession, statement_id: str, _: Mapping[str, Any]
) -> Subject:
    statement = await _lock(session, statement_id)
    if statement.gap_count:
        raise BalancesDisagree("Số dư trên sao kê không khớp; hãy duyệt từng khoản tiền chờ.")
    lines = await _lines(session, statement_id)
    money = await list_stated_money(session, [line.id for line in lines])
    waiting = [one for one in money if one.unreleased]
    if not waiting:
        raise NothingToRelease("Sao kê này không có khoản tiền nào chờ duyệt.")
    account = await get_collection_account(session, statement.collection_account_id)
    figures = {
        "account": account.code,
        "file_name": statement.file_name,
        "rows": statement.row_count,
        "count": len(waiting),
        "amount": sum(one.unreleased for one in waiting),
        "bills": sorted({one.bill for one in waiting if one.bill})[:MOST_LISTED],
        "digest": _digest_of(waiting),
    }
    return Subject(account.agency_id, figures)


async def _release(
    cipher: Cipher, session: WriteSession, approval: ApprovalValue, actor: str
) -> dict[str, Any]:
    lines = await _lines(session, approval.object_id)
    line_ids = [line.id for line in lines]
    return asdict(await release_stated_money(session, cipher, line_ids, actor=actor))


async def _look_to_withdraw(
    session: WriteSession, statement_id: str, _: Mapping[str, Any]
) -> Subject:
    statement = await _lock(session, statement_id)
    lines = await _lines(session, statement_id, alone=True)
    account = await get_collection_account(session, statement.collection_account_id)
    money, proved = await _lock_money(session, lines)
    figures = {
        "account": account.code,
        "file_name": statement.file_name,
        "rows": statement.row_count,
        "lines": len(lines),
        "credits": sum(line.amount for line in lines if line.direction == "credit"),
        "debits": sum(line.amount for line in lines if line.direction == "debit"),
        **_sums(money, proved),
    }
    return Subject(account.agency_id, figures)


async def _withdraw(session: WriteSession, approval: ApprovalValue, actor: str) -> dict[str, Any]:
    statement = await _lock(session, approval.object_id)
    handed = update(StatementLine).where(
        col(StatementLine.statement_id) == statement.id,
        col(StatementLine.withdrawn_at).is_(None),
        _another().is_not(None),
    )
    handed = handed.values(statement_id=_another())
    heirs = await session.write_all(handed.returning(col(StatementLine.statement_id)))
    if heirs:
        await session.write(_RECOUNT.where(col(Statement.id).in_({statement.id, *heirs})))
    lines = await _lines(session, statement.id, alone=True)
    now = clock.now()
    gone = update(StatementLine).where(*_stands(statement.id))
    await session.write(gone.values(withdrawn_at=now))
    withdrawn = update(Statement).where(col(Statement.id) == statement.id)
    await session.write(withdrawn.values(withdrawn_at=now))
    money, proved = await _lock_money(session, lines)
    line_ids = [line.id for line in lines]
    await withdraw_stated_money(session, money, line_ids, proved=proved, actor=actor)
    outcome = {
        "lines": len(lines),
        "days": sorted({clock.business_date(line.booked_at).isoformat() for line in lines}),
        **_sums(money, proved),
        "settled_money": [
            {
                "payment": one.payment_id,
                "amount": one.settled,
                "waiting": one.waiting,
                "bill": one.bill,
            }
            for one in money
            if not (one.shared or one.is_taken_back(proved))
        ][:MOST_LISTED],
    }
    await audit.record(
        session,
        actor=actor,
        action="statement.withdrawn",
        object_id=statement.id,
        details={name: outcome[name] for name in ("lines", "reversed", "settled")},
    )
    return outcome


def _digest_of(money: Sequence[StatedMoney]) -> str:
    """Which money it is, one by one: sums would not tell it from other money."""
    told = [[one.payment_id, one.settled, one.waiting, one.unreleased] for one in money]
    return sha256(canonical(told)).hexdigest()


async def _lock_money(
    session: WriteSession, lines: Sequence[_LineFacts]
) -> tuple[list[StatedMoney], set[str]]:
    """The money of these lines, its bills locked, and the ids of those that have receipts."""
    money = await lock_stated_money(session, [line.id for line in lines])
    settled = {bill_id for one in money for bill_id in one.settled_bills}
    return money, await list_proved_bills(session, settled)


def _sums(money: Sequence[StatedMoney], proved: Collection[str]) -> dict[str, Any]:
    """What withdrawing reverses and what it leaves to people, in đồng."""
    own = [one for one in money if not one.shared]
    gone = [one for one in own if one.is_taken_back(proved)]
    kept = [one for one in own if not one.is_taken_back(proved)]
    return {
        "reversed": sum(one.waiting + one.settled for one in gone),
        "settled": sum(one.settled for one in kept),
        "digest": _digest_of(own),
        "reopened": sorted({one.bill for one in gone if one.settled and one.bill})[:MOST_LISTED],
        "bills": sorted({one.bill for one in kept if one.bill})[:MOST_LISTED],
    }


async def _lock(session: WriteSession, statement_id: str) -> _StatementFacts:
    wanted = values_of(_StatementFacts, Statement).where(Statement.id == statement_id)
    found = await session.first(wanted)
    if found is None:
        raise NotFound("Không có sao kê này.")
    await lock_names(session, intake_lock(found.collection_account_id))
    # What is shown stays so: nobody enters money that this statement tells of meanwhile.
    await lock_notices_of(session, found.collection_account_id)
    statement = await session.lock_one(wanted)
    if statement.withdrawn_at is not None:
        raise AlreadyWithdrawn("Sao kê này đã được rút.")
    return statement


def _stands(statement_id: str) -> tuple[ColumnElement[bool], ...]:
    return (
        col(StatementLine.statement_id) == statement_id,
        col(StatementLine.withdrawn_at).is_(None),
    )


def _another() -> ScalarSelect[str]:
    """The statement, still standing, that held a line too."""
    return (
        select(func.min(RepeatedLine.statement_id))
        .join(Statement, col(Statement.id) == col(RepeatedLine.statement_id))
        .where(
            col(RepeatedLine.line_id) == col(StatementLine.id),
            # A line that was handed on stands by the statement that repeated it.
            col(RepeatedLine.statement_id) != col(StatementLine.statement_id),
            col(Statement.withdrawn_at).is_(None),
        )
        .correlate(StatementLine)
        .scalar_subquery()
    )


async def _lines(
    session: ReadSession, statement_id: str, *, alone: bool = False
) -> list[_LineFacts]:
    """The lines of a statement that stand: all, or those that stand by it `alone`."""
    wanted = values_of(_LineFacts, StatementLine)
    if alone:
        return await session.all(wanted.where(*_stands(statement_id), _another().is_(None)))
    repeated = select(RepeatedLine.line_id).where(RepeatedLine.statement_id == statement_id)
    held = or_(col(StatementLine.statement_id) == statement_id, col(StatementLine.id).in_(repeated))
    return await session.all(wanted.where(held, col(StatementLine.withdrawn_at).is_(None)))
