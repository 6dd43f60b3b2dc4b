"""A match is undone when one person says why and another agrees: it was not the same money.

Where a feed or a gateway told of the payment, it and the line are not put together again: each is a
discrepancy until people say what it is. Where the line is all that told of it, it is the line's
money, and was given to a wrong bill: a reversal of its own takes it back, the bill is open again,
and the money waits in suspense. Where a receipt was issued, or money went back, undoing is refused:
a refund mends that. Of a closed day the run stays as it is, and the reversal is posted on the first
open day.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import insert
from sqlmodel import col

from core import audit, clock
from core.errors import Conflict, FieldError, NotFound
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.agencies.queries import get_account_codes
from payments.books.approvals import ApprovalKind, ApprovalKinds, ApprovalValue, Subject
from payments.books.closed_days import find_last_closed, open_day, share_open_days
from payments.books.commands import (
    StatedMoney,
    lock_notices_of,
    lock_stated_money,
    take_from_bills,
)
from payments.refunds.queries import list_refunded_bills
from receipts.queries import list_proved_bills
from reconciliation.closing_models import UndoneMatch
from reconciliation.models import Match, Reconciliation

#: The kind of approval by which a match is undone; it is about a payment, in a run.
UNDO_MATCH: Final = "undo_match"


class MatchUndone(Conflict):
    """This match has been undone already."""

    code = "already_undone"


class MatchSuperseded(Conflict):
    """A newer run of the day stands: undo what that one has matched."""

    code = "superseded"


class NothingToUndo(Conflict):
    """This money is the line's, and no bill has any of it: decide about it where it waits."""

    code = "nothing_to_undo"


class MatchProved(Conflict):
    """A receipt proves what this money paid, or it was paid back: ask for a refund instead."""

    code = "receipt_issued"


@dataclass(frozen=True, slots=True)
class _FoundMatch:
    payment_id: str
    line_id: str
    reference: str
    amount: int
    rule: str
    reconciliation_id: str
    collection_account_id: str
    agency_id: str
    business_on: date
    superseded_by: str | None


@dataclass(frozen=True, slots=True)
class _UndonePair:
    payment_id: str
    line_id: str


_MATCHES = values_of(
    _FoundMatch, Match, Reconciliation, reconciliation_id=col(Match.reconciliation_id)
).join_from(Match, Reconciliation, col(Reconciliation.id) == col(Match.reconciliation_id))


def undoing_kinds() -> ApprovalKinds:
    """The kind of approval that undoes a match."""
    return {UNDO_MATCH: ApprovalKind(_look, _undo)}


async def list_undone(session: ReadSession, account_id: str) -> frozenset[tuple[str, str]]:
    """The payment and the line, by their ids, of each match of an account that was undone."""
    found = await session.all(
        values_of(_UndonePair, UndoneMatch).where(
            col(UndoneMatch.collection_account_id) == account_id
        )
    )
    return frozenset((one.payment_id, one.line_id) for one in found)


async def _look(session: WriteSession, payment_id: str, wanted: Mapping[str, Any]) -> Subject:
    match, money, posted_on = await _locked(session, payment_id, str(wanted["run"]))
    codes = await get_account_codes(session, match.collection_account_id)
    figures = {
        "account": codes.account,
        "date": match.business_on.isoformat(),
        "payment": match.payment_id,
        "line": match.line_id,
        "reference": match.reference,
        "amount": match.amount,
        "rule": match.rule,
        "reversed": 0 if money is None else money.settled,
        "reopened": [] if money is None else [money.bill],
        "closed": posted_on != match.business_on,
    }
    return Subject(match.agency_id, figures)


async def _undo(session: WriteSession, approval: ApprovalValue, actor: str) -> dict[str, Any]:
    match, money, posted_on = await _locked(
        session, approval.object_id, str(approval.wanted["run"])
    )
    if money is not None:
        await take_from_bills(session, money, actor=actor)
    else:
        row = {
            "payment_id": match.payment_id,
            "line_id": match.line_id,
            "collection_account_id": match.collection_account_id,
            "reconciliation_id": match.reconciliation_id,
            "approval_id": approval.id,
            "accounting_on": posted_on,
            "created_at": clock.now(),
        }
        await session.write(insert(UndoneMatch), row)
    told = {
        "line": match.line_id,
        "reversed": 0 if money is None else money.settled,
        "accounting_on": posted_on.isoformat(),
    }
    await audit.record(
        session, actor=actor, action="match.undone", object_id=match.payment_id, details=told
    )
    return told


async def _locked(
    session: WriteSession, payment_id: str, run_id: str
) -> tuple[_FoundMatch, StatedMoney | None, date]:
    """A match, the money that its line alone told of, and the day that undoing it counts for."""
    of_run = (col(Match.reconciliation_id) == run_id, col(Match.payment_id) == payment_id)
    match = await session.first(_MATCHES.where(*of_run))
    if match is None:
        raise NotFound("Lần đối chiếu này không khớp khoản đó.")
    if match.superseded_by is not None:
        raise MatchSuperseded("Đã có lần đối chiếu mới hơn của ngày này; hãy gỡ khớp ở lần đó.")
    await lock_notices_of(session, match.collection_account_id)
    await share_open_days(session, match.collection_account_id)
    if (payment_id, match.line_id) in await list_undone(session, match.collection_account_id):
        raise MatchUndone("Khớp này đã được gỡ.")
    told = await lock_stated_money(session, [match.line_id])
    own = [one for one in told if one.payment_id == payment_id and not one.shared]
    money = own[0] if own else None
    if match.rule == "batch" or (money is not None and not money.settled):
        told_why = (
            "Tiền này chưa trả cho khoản nào, hoặc là lô của cổng; hãy quyết định tại chỗ đó."
        )
        raise NothingToUndo(told_why)
    if money is not None:
        settled = set(money.settled_bills)
        proved = await list_proved_bills(session, settled)
        proved |= await list_refunded_bills(session, settled)
        if proved:
            detail = (
                "Khoản tiền này đã có biên lai hoặc đã hoàn; hãy đề nghị hoàn trả thay vì gỡ khớp."
            )
            raise MatchProved(detail, errors=[FieldError("bill", "proved", str(money.bill))])
    last = await find_last_closed(session, match.collection_account_id)
    return match, money, open_day(last, match.business_on)
