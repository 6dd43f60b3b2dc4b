"""What two people may decide about a discrepancy, as kinds of approvals.

* assign: the money of its line, or what of its payment waits, is for a bill that is still to be
  paid, or for several of one body;
* settle: its line is the money of an attempt that the gateway owes word of;
* suspense: the money of its line is recorded and waits, or what waits goes on waiting;
* returned: the bank took its payment's money back, and what that had paid is owed again;
* accept: it stays as it is, and the reason is on record.

Money that is to be given back is asked for where it waits (`payments.books`); whoever adds another
kind here gives it a line in `_WAYS`.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any

from sqlmodel import col

from core import audit
from core.crypto import Cipher
from core.errors import Conflict, FieldError, Invalid
from core.json import canonical
from core.references import find_references
from core.sessions import ReadSession, WriteSession
from payments.agencies.queries import CollectionAccountValue, get_collection_account
from payments.books.approvals import ApprovalKind, ApprovalKinds, ApprovalValue, Subject
from payments.books.closed_days import find_last_closed, share_open_days
from payments.books.commands import share_notices_of
from payments.incoming import line_money
from payments.ports import Credit
from payments.refunds.commands import open_decided_refund
from reconciliation.cases.commands import resolve_cases
from reconciliation.cases.discrepancies import (
    WorkedDiscrepancy,
    get_discrepancy,
    list_open,
    list_worked,
    lock_cases,
)
from reconciliation.cases.returned_money import reverse_returned, see_returned
from reconciliation.matching.values import DayLine
from reconciliation.models import StatementLine
from reconciliation.runs import check_open
from reconciliation.statements.lines import STORED_LINES

#: What a kind of approval about one discrepancy is called, before the resolution's name.
PREFIX = "discrepancy_"
#: The kind about several at once.
BULK = "discrepancies"
#: Classes of credits that are nobody's yet.
_UNKNOWN = ("unknown_in_ledger", "ambiguous")
#: The way that moves no money.
_ACCEPT = "accept"
#: How many may be named one by one.
MOST_NAMED = 5_000


class DiscrepancyNotOpen(Conflict):
    """It has been resolved already, or a newer run did not find it any more: look again."""

    code = "not_open"


class NoSuchResolution(Conflict):
    """This cannot be done about a discrepancy of this kind: choose another resolution."""

    code = "resolution_does_not_fit"


@dataclass(frozen=True, slots=True)
class _Matter:
    """A discrepancy with the account that it is on and, where it is about one, its line."""

    odd: WorkedDiscrepancy
    account: CollectionAccountValue
    line: DayLine | None

    @property
    def credit(self) -> Credit:
        """The line's money. Raises `NoSuchResolution` for a discrepancy about no credit."""
        line = self.line
        if line is None or line.direction != "credit" or self.odd.kind not in _UNKNOWN:
            raise NoSuchResolution("Chênh lệch này không phải một dòng ghi có chưa rõ.")
        return Credit(
            feed_ref=line.line_id,
            bank_ref=line.bank_ref,
            account_number=self.account.account_number,
            amount=line.amount,
            narrative=f"{line.reference} {line.narrative}".strip(),
            credited_at=line.booked_at,
        )


@dataclass(frozen=True, slots=True)
class _Seen:
    """What of a way its proposer sees, and whose things it touches too."""

    figures: dict[str, Any]
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Way:
    """A way to resolve: what there is to see of it, and how it is done."""

    figures: Callable[[WriteSession, _Matter, Mapping[str, Any]], Awaitable[_Seen]]
    do: Callable[[WriteSession, _Matter, ApprovalValue, str, Cipher], Awaitable[dict[str, Any]]]


def discrepancy_kinds(cipher: Cipher) -> ApprovalKinds:
    """The kinds of approvals about discrepancies; `cipher` keeps what a new payment's payer is."""
    kinds = {
        PREFIX + name: ApprovalKind(partial(_look, name, cipher), partial(_resolve, name, cipher))
        for name in _WAYS
    }
    return kinds | {
        BULK: ApprovalKind(partial(_look_at_all, cipher), partial(_resolve_all, cipher))
    }


async def _look(
    way: str, cipher: Cipher, session: WriteSession, name: str, wanted: Mapping[str, Any]
) -> Subject:
    matter = await _matter(session, cipher, await _locked(session, name))
    seen = await _WAYS[way].figures(session, matter, wanted)
    return Subject(matter.odd.agency_id, _figures(matter.odd) | seen.figures, seen.others)


async def _resolve(
    way: str, cipher: Cipher, session: WriteSession, approval: ApprovalValue, actor: str
) -> dict[str, Any]:
    odd = await get_discrepancy(session, approval.object_id)
    matter = await _matter(session, cipher, odd)
    return await _done(session, way, matter, approval, actor, cipher)


async def _done(
    session: WriteSession,
    way: str,
    matter: _Matter,
    approval: ApprovalValue,
    actor: str,
    cipher: Cipher,
) -> dict[str, Any]:
    outcome = await _WAYS[way].do(session, matter, approval, actor, cipher)
    case_id = str(matter.odd.case_id)
    await resolve_cases(session, [case_id], way, approval.reason, approval.id)
    told = {"resolution": way, "kind": matter.odd.kind, "amount": matter.odd.amount}
    await audit.record(
        session, actor=actor, action="discrepancy.resolved", object_id=case_id, details=told
    )
    return outcome


async def _locked(session: WriteSession, name: str) -> WorkedDiscrepancy:
    """An open discrepancy of an open day, its case locked."""
    odd = await get_discrepancy(session, name)
    # Neither is its statement withdrawn meanwhile, nor the day closed.
    await share_notices_of(session, odd.collection_account_id)
    await share_open_days(session, odd.collection_account_id)
    statuses = await lock_cases(session, [str(odd.case_id)])
    check_open(await find_last_closed(session, odd.collection_account_id), odd.business_on)
    if statuses.get(str(odd.case_id)) != "open":
        raise DiscrepancyNotOpen("Chênh lệch này đã được xử lý hoặc không còn.")
    return odd


async def _matter(session: ReadSession, cipher: Cipher, odd: WorkedDiscrepancy) -> _Matter:
    account = await get_collection_account(session, odd.collection_account_id)
    line = None
    if odd.side == "line":
        stands = col(StatementLine.withdrawn_at).is_(None)
        wanted = STORED_LINES.where(StatementLine.id == odd.object_id, stands)
        if (stored := await session.first(wanted)) is not None:
            line = stored.opened(cipher)
    return _Matter(odd, account, line)


def _figures(odd: WorkedDiscrepancy) -> dict[str, Any]:
    return {
        "date": odd.business_on.isoformat(),
        "class": odd.kind,
        "side": odd.side,
        "object": odd.object_id,
        "reference": odd.reference,
        "amount": odd.amount,
        "other_amount": odd.other_amount,
    }


async def _payment(session: ReadSession, matter: _Matter) -> str | None:
    if matter.odd.side == "payment":
        return matter.odd.object_id
    return await line_money.find_payment_of_line(session, matter.odd.object_id)


async def _see_assignment(
    session: WriteSession, matter: _Matter, wanted: Mapping[str, Any]
) -> _Seen:
    bills = await line_money.lock_bills_to_pay(session, matter.account, line_money.named_in(wanted))
    payment_id = await _payment(session, matter)
    if payment_id is None:
        waiting = matter.credit.amount
    else:
        givable = await line_money.lock_givable(session, payment_id, bills)
        waiting = sum(item.amount for item in givable)
    shown = [
        {"reference": bill.reference, "status": bill.status, "amount": bill.amount}
        for bill in bills
    ]
    named = {"bill": shown[0]} if len(shown) == 1 else {"bills": shown}
    others = tuple({bill.agency_id for bill in bills})
    return _Seen({**named, "waiting": waiting, "payment": payment_id}, others)


async def _assign(
    session: WriteSession, matter: _Matter, approval: ApprovalValue, actor: str, cipher: Cipher
) -> dict[str, Any]:
    bills = await line_money.lock_bills_to_pay(
        session, matter.account, line_money.named_in(approval.wanted)
    )
    payment_id = await _entered(session, matter, actor, cipher)
    return await line_money.give_waiting(session, payment_id, bills, actor=actor)


async def _missed(session: ReadSession, matter: _Matter) -> line_money.MissedAttempt:
    credit = matter.credit
    named = find_references(credit.narrative)
    attempt = await line_money.find_missed_attempt(session, matter.account.id, named, credit.amount)
    if attempt is None:
        raise line_money.NoMissedAttempt(
            "Không có lần thanh toán nào qua cổng mang mã và số tiền này còn thiếu tiền."
        )
    return attempt


async def _see_settlement(session: WriteSession, matter: _Matter, _: Mapping[str, Any]) -> _Seen:
    attempt = await _missed(session, matter)
    return _Seen({"payment": attempt.id, "status": attempt.status, "line": matter.odd.object_id})


async def _settle(
    session: WriteSession, matter: _Matter, _: ApprovalValue, actor: str, cipher: Cipher
) -> dict[str, Any]:
    attempt = await _missed(session, matter)
    return await line_money.settle_missed(
        session, matter.account, attempt, matter.credit, actor=actor, cipher=cipher
    )


async def _see_suspense(session: WriteSession, matter: _Matter, _: Mapping[str, Any]) -> _Seen:
    payment_id = await _payment(session, matter)
    if payment_id is None:
        return _Seen({"waiting": matter.credit.amount, "payment": None})
    waiting = await line_money.sum_waiting(session, payment_id)
    if not waiting:
        raise line_money.MoneyNotWaiting("Tiền này đã có chỗ trong sổ, không còn chờ.")
    return _Seen({"waiting": waiting, "payment": payment_id})


async def _keep_waiting(
    session: WriteSession, matter: _Matter, _: ApprovalValue, actor: str, cipher: Cipher
) -> dict[str, Any]:
    payment_id = await _entered(session, matter, actor, cipher)
    return {"payment": payment_id, "kept": matter.odd.amount}


async def _give_back(
    session: WriteSession, matter: _Matter, approval: ApprovalValue, actor: str, cipher: Cipher
) -> dict[str, Any]:
    """What waits goes back: two people have looked at the line, so nobody is asked once more."""
    payment_id = await _entered(session, matter, actor, cipher)
    amount = await line_money.sum_waiting(session, payment_id)
    asked = approval.proposed_by, approval.reason
    refund_id = await open_decided_refund(session, payment_id, amount, *asked, actor=actor)
    return {"payment": payment_id, "refund": refund_id, "amount": amount}


async def _entered(session: WriteSession, matter: _Matter, actor: str, cipher: Cipher) -> str:
    """The payment of a discrepancy's money, recorded now if the books have none of it yet."""
    payment_id = await _payment(session, matter)
    if payment_id is None:
        payment_id = await line_money.enter_line(
            session, matter.account, matter.credit, actor=actor, cipher=cipher
        )
    return payment_id


def _check_returned(matter: _Matter) -> WorkedDiscrepancy:
    if (matter.odd.side, matter.odd.kind) != ("payment", "reversed"):
        raise NoSuchResolution("Chênh lệch này không phải khoản đã thu mà ngân hàng thu lại.")
    return matter.odd


async def _see_returned(session: WriteSession, matter: _Matter, _: Mapping[str, Any]) -> _Seen:
    return _Seen(await see_returned(session, _check_returned(matter)))


async def _take_back(
    session: WriteSession, matter: _Matter, _: ApprovalValue, actor: str, __: Cipher
) -> dict[str, Any]:
    return await reverse_returned(session, _check_returned(matter), actor=actor)


async def _see_acceptance(_: WriteSession, __: _Matter, ___: Mapping[str, Any]) -> _Seen:
    return _Seen({})


async def _accept(
    _: WriteSession, matter: _Matter, __: ApprovalValue, ___: str, ____: Cipher
) -> dict[str, Any]:
    return {"accepted": matter.odd.amount}


#: Every way that takes two people, by name.
_WAYS: Mapping[str, _Way] = {
    "assign": _Way(_see_assignment, _assign),
    "settle": _Way(_see_settlement, _settle),
    "suspense": _Way(_see_suspense, _keep_waiting),
    "refund": _Way(_see_suspense, _give_back),
    "returned": _Way(_see_returned, _take_back),
    _ACCEPT: _Way(_see_acceptance, _accept),
}


async def _look_at_all(
    cipher: Cipher, session: WriteSession, _: str, wanted: Mapping[str, Any]
) -> Subject:
    """Several discrepancies of one run at once: how many, how much, and each that may be done."""
    run_id, way = str(wanted["run"]), str(wanted["resolution"])
    found = await _all_wanted(session, run_id, wanted)
    if not found:
        raise DiscrepancyNotOpen("Không có chênh lệch nào còn mở để xử lý.")
    account_id = found[0].collection_account_id
    await share_notices_of(session, account_id)
    await share_open_days(session, account_id)
    statuses = await lock_cases(session, [str(odd.case_id) for odd in found])
    check_open(await find_last_closed(session, account_id), found[0].business_on)
    closed = [odd for odd in found if statuses.get(str(odd.case_id)) != "open"]
    if closed:
        errors = [
            FieldError(str(odd.case_id), "not_open", "Đã được xử lý hoặc không còn.")
            for odd in closed
        ]
        raise DiscrepancyNotOpen("Có chênh lệch không còn mở.", errors=errors)
    if way != _ACCEPT:  # which has nothing to look at, and may be of a hundred thousand
        for odd in found:
            await _WAYS[way].figures(session, await _matter(session, cipher, odd), {})
    ids = [[odd.case_id, odd.amount] for odd in found]
    figures = {
        "date": found[0].business_on.isoformat(),
        "resolution": way,
        "count": len(found),
        "sum": sum(odd.amount for odd in found),
        "digest": sha256(canonical(ids)).hexdigest(),
    }
    return Subject(found[0].agency_id, figures)


async def _all_wanted(
    session: ReadSession, run_id: str, wanted: Mapping[str, Any]
) -> list[WorkedDiscrepancy]:
    named = wanted.get("discrepancies")
    if named is None:
        return await list_open(session, run_id, str(wanted["all_of"]))
    found = await list_worked(session, run_id, named)
    unknown = sorted(set(named) - {odd.case_id for odd in found})
    if unknown:
        errors = [FieldError(one, "unknown", "Lần đối chiếu này không có.") for one in unknown]
        raise Invalid("Có chênh lệch không thuộc lần đối chiếu này.", errors=errors)
    return found


async def _resolve_all(
    cipher: Cipher, session: WriteSession, approval: ApprovalValue, actor: str
) -> dict[str, Any]:
    wanted = approval.wanted
    found = await _all_wanted(session, str(wanted["run"]), wanted)
    way = str(wanted["resolution"])
    told = {"count": len(found), "sum": sum(odd.amount for odd in found)}
    if way == _ACCEPT:
        ids = [str(odd.case_id) for odd in found]
        await resolve_cases(session, ids, way, approval.reason, approval.id)
        details = {"resolution": way, **told}
        await audit.record(
            session,
            actor=actor,
            action="discrepancies.resolved",
            object_id=approval.object_id,
            details=details,
        )
        return told
    for odd in found:
        matter = await _matter(session, cipher, odd)
        await _done(session, way, matter, approval, actor, cipher)
    return told
