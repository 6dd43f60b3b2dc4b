"""Taking a statement out again: what it alone told of is reversed, or left for people to see to.

Its lines stand no longer, but for those that another statement held too; these are handed on to it.
What was recorded because only it told of it is reversed, and a bill that it has settled is open
again; where that bill has a receipt, it is listed. Commands never commit.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, func, update
from sqlmodel import col, or_, select

from core import audit, clock
from core.errors import Conflict, NotFound
from core.json import canonical
from core.name_locks import lock_names
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.books.commands import (
    StatedMoney,
    lock_notices_of,
    lock_stated_money,
    withdraw_stated_money,
)
from payments.books.payouts import list_standing_payouts
from payments.refunds.commands import unprove_refunds
from payments.refunds.queries import list_refunded_bills
from receipts.queries import list_proved_bills
from reconciliation.models import RepeatedLine, Statement, StatementLine
from reconciliation.statements.taking import intake_lock

#: Counts again the lines that statements brought, after some have gone from one to another.
_RECOUNT = update(Statement).values(
    new_count=select(func.count())
    .where(col(StatementLine.statement_id) == col(Statement.id))
    .correlate(Statement)
    .scalar_subquery()
)

#: How much money an approval lists one by one; the sums are of all.
MOST_LISTED = 200


class LinePaidOver(Conflict):
    """A line of this statement has brought a gateway's batch: undo that first."""

    code = "batch_paid"


class AlreadyWithdrawn(Conflict):
    """The statement has been withdrawn already."""

    code = "already_withdrawn"


@dataclass(frozen=True, slots=True)
class StatementFacts:
    """A statement that is locked with all that it tells of."""

    id: str
    collection_account_id: str
    file_name: str
    row_count: int
    withdrawn_at: datetime | None
    gap_count: int | None
    vouched: bool | None
    version: int
    first_on: date | None
    last_on: date | None


@dataclass(frozen=True, slots=True)
class LineFacts:
    """A line that stands; `amount` in đồng."""

    id: str
    booked_at: datetime
    amount: int
    direction: str
    bank_ref: str
    fingerprint: str


async def withdraw_statement(
    session: WriteSession, statement_id: str, *, actor: str
) -> dict[str, Any]:
    """Withdraw a statement; what it did, in đồng, for the approval. Raises `AlreadyWithdrawn`."""
    statement = await lock_statement(session, statement_id)
    handed = update(StatementLine).where(
        col(StatementLine.statement_id) == statement.id,
        col(StatementLine.withdrawn_at).is_(None),
        _another().is_not(None),
    )
    handed = handed.values(statement_id=_another())
    heirs = await session.write_all(handed.returning(col(StatementLine.statement_id)))
    if heirs:
        await session.write(_RECOUNT.where(col(Statement.id).in_({statement.id, *heirs})))
    lines = await lines_of(session, statement.id, alone=True)
    now = clock.now()
    gone = update(StatementLine).where(*_stands(statement.id))
    await session.write(gone.values(withdrawn_at=now))
    withdrawn = update(Statement).where(col(Statement.id) == statement.id)
    await session.write(withdrawn.values(withdrawn_at=now))
    money, proved = await lock_money_of(session, lines)
    line_ids = [line.id for line in lines]
    await withdraw_stated_money(session, money, line_ids, proved=proved, actor=actor)
    unproved = await unprove_refunds(session, line_ids, actor=actor)
    outcome = {
        "lines": len(lines),
        "days": sorted({clock.business_date(line.booked_at).isoformat() for line in lines}),
        **sums_of(money, proved),
        "refunds": unproved[:MOST_LISTED],
        "settled_money": [
            {
                "payment": one.payment_id,
                "amount": one.settled,
                "waiting": one.waiting,
                "spent": one.spent,
                "bill": one.bill or ", ".join(one.settled_references) or None,
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


def digest_of(money: Sequence[StatedMoney]) -> str:
    """Which money it is, one by one: sums would not tell it from other money."""
    told = [[one.payment_id, one.settled, one.waiting, one.unreleased, one.spent] for one in money]
    return sha256(canonical(told)).hexdigest()


async def lock_money_of(
    session: WriteSession, lines: Sequence[LineFacts]
) -> tuple[list[StatedMoney], set[str]]:
    """The money of these lines, its bills locked, and the ids of those that have receipts.

    Raises `LinePaidOver`.
    """
    line_ids = [line.id for line in lines]
    money = await lock_stated_money(session, line_ids)
    # Whoever asked for a payout may have named the line, or its money where that was known.
    own = [one.payment_id for one in money if not one.shared]
    if paid_over := await list_standing_payouts(session, line_ids, own):
        raise LinePaidOver(
            f"Một dòng của sao kê này đã gắn với lô quyết toán ({paid_over[0].id});"
            " hãy hủy lần đó trước."
        )
    settled = {bill_id for one in money for bill_id in one.settled_bills}
    proved = await list_proved_bills(session, settled)
    # What was settled and then paid back is nothing that could be undone by itself either.
    return money, proved | await list_refunded_bills(session, settled)


def sums_of(money: Sequence[StatedMoney], proved: Collection[str]) -> dict[str, Any]:
    """What withdrawing reverses and what it leaves to people, in đồng."""
    own = [one for one in money if not one.shared]
    gone = [one for one in own if one.is_taken_back(proved)]
    kept = [one for one in own if not one.is_taken_back(proved)]
    return {
        "reversed": sum(one.waiting + one.settled for one in gone),
        "settled": sum(one.settled for one in kept),
        "spent": sum(one.spent for one in kept),
        "digest": digest_of(own),
        "reopened": sorted({bill for one in gone for bill in one.settled_references})[:MOST_LISTED],
        "bills": sorted({bill for one in kept for bill in one.bills})[:MOST_LISTED],
    }


async def lock_statement(session: WriteSession, statement_id: str) -> StatementFacts:
    """A standing statement, locked with its account's intake and notices.

    Raises `NotFound` and `AlreadyWithdrawn`.
    """
    wanted = values_of(StatementFacts, Statement).where(Statement.id == statement_id)
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


async def lines_of(
    session: ReadSession, statement_id: str, *, alone: bool = False
) -> list[LineFacts]:
    """The lines of a statement that stand: all, or those that stand by it `alone`."""
    wanted = values_of(LineFacts, StatementLine)
    if alone:
        return await session.all(wanted.where(*_stands(statement_id), _another().is_(None)))
    repeated = select(RepeatedLine.line_id).where(RepeatedLine.statement_id == statement_id)
    held = or_(col(StatementLine.statement_id) == statement_id, col(StatementLine.id).in_(repeated))
    return await session.all(wanted.where(held, col(StatementLine.withdrawn_at).is_(None)))
