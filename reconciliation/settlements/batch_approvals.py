"""What two people decide about a gateway's batches: one asks for it, another approves.

* settlement_batch: a credit is what the gateway paid over for these batches. They leave transit
  gross, the gateway's fee is a posting of its own, and the credit is what is left;
* undo_settlement_batch: it was not so after all. A reversal is posted, the credit waits again.

The credit is one of the books, told of by a feed, or a line of a statement, which is then recorded.
Of each batch all lines count as they stand, those that go back with their sign.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from sqlalchemy import insert, update
from sqlmodel import col, select

from core import clock, failpoints
from core.crypto import Cipher
from core.errors import Conflict, FieldError, Invalid, NotFound
from core.ids import new_id
from core.money import format_vnd
from core.name_locks import lock_names
from core.sessions import ReadSession, WriteSession
from payments.agencies.queries import (
    CollectionAccountValue,
    GatewayName,
    get_collection_account,
    get_gateway_name,
)
from payments.books.approvals import ApprovalKind, ApprovalKinds, ApprovalValue, Subject
from payments.books.closed_days import share_open_days
from payments.books.commands import share_notices_of
from payments.books.payouts import (
    PayoutValue,
    check_cleared,
    find_account_of,
    lock_credit,
    lock_payout,
    lock_transit,
    pay_over,
    undo_payout,
)
from payments.incoming.line_money import enter_line, find_payment_of_line
from payments.ports import Credit
from reconciliation.models import Match, Reconciliation, StatementLine
from reconciliation.settlements.batch_sums import (
    BatchPaidOver,
    BatchSum,
    list_batches,
    list_paid_batches,
)
from reconciliation.settlements.intake import settlements_lock
from reconciliation.settlements.models import PaidBatch
from reconciliation.statements.lines import STORED_LINES

PAY_OVER: Final = "settlement_batch"
UNDO: Final = "undo_settlement_batch"
#: What may be named at once.
MOST_BATCHES: Final = 50


class BatchSumDiffers(Conflict):
    """The batches less the gateway's fee do not come to the credit, to the đồng."""

    code = "batch_sum_differs"


class MoreBackThanTaken(Conflict):
    """More goes back in these batches than was taken: name them with one that makes up for it."""

    code = "more_back_than_taken"


@dataclass(frozen=True, slots=True)
class _NamedCredit:
    """The credit that is asked about: a line of a statement, money of the books, or both."""

    amount: int
    payment_id: str | None
    line_id: str | None = None
    told: Credit | None = None


@dataclass(frozen=True, slots=True)
class _Matter:
    """What is asked for, locked."""

    gateway: GatewayName
    account: CollectionAccountValue
    credit: _NamedCredit
    batches: list[BatchSum]

    @property
    def gross(self) -> int:
        return sum(one.gross for one in self.batches)

    @property
    def net(self) -> int:
        return sum(one.net for one in self.batches)


def batch_kinds(cipher: Cipher) -> ApprovalKinds:
    """The kinds of approvals about batches; `cipher` opens a line's words and keeps them."""
    return {
        PAY_OVER: ApprovalKind(partial(_look, cipher), partial(_pay_over, cipher)),
        UNDO: ApprovalKind(_look_to_undo, _undo),
    }


async def _look(
    cipher: Cipher, session: WriteSession, credit: str, wanted: Mapping[str, Any]
) -> Subject:
    matter = await _matter(session, cipher, credit, wanted)
    figures = {
        "gateway": f"{matter.gateway.gateway}/{matter.gateway.account}",
        "account": matter.account.code,
        "credit": matter.credit.amount,
        "payment": matter.credit.payment_id,
        "line": matter.credit.line_id,
        "gross": matter.gross,
        "fee": matter.gross - matter.net,
        "batches": [
            {
                "batch_ref": one.batch_ref,
                "lines": one.lines,
                "gross": one.gross,
                "fee": one.fee,
                "net": one.net,
                "digest": one.digest,
            }
            for one in matter.batches
        ],
    }
    return Subject(matter.gateway.agency_id, figures, (matter.account.agency_id,))


async def _pay_over(
    cipher: Cipher, session: WriteSession, approval: ApprovalValue, actor: str
) -> dict[str, Any]:
    matter = await _matter(session, cipher, approval.object_id, approval.wanted)
    payment_id = matter.credit.payment_id
    if payment_id is None and matter.credit.told is not None:
        payment_id = await enter_line(
            session, matter.account, matter.credit.told, actor=actor, cipher=cipher
        )
    item = await lock_credit(session, str(payment_id))
    payout_id = await pay_over(session, actor, item, matter.gross, line_id=matter.credit.line_id)
    await _keep_batches(session, matter, payout_id)
    return {
        "payout": payout_id,
        "payment": item.payment_id,
        "cleared": matter.gross,
        "fee": matter.gross - item.amount,
        "credited": item.amount,
    }


async def _keep_batches(session: WriteSession, matter: _Matter, payout_id: str) -> None:
    """Write down which batches a payout brought; the database holds them against its sums."""
    failpoints.hit("payout.after_postings")
    now = clock.now()
    for one in matter.batches:
        row = {
            "id": new_id("batch"),
            "payout_id": payout_id,
            "gateway_account_id": matter.gateway.id,
            "batch_ref": one.batch_ref,
            "line_count": one.lines,
            "gross": one.gross,
            "fee": one.fee,
            "net": one.net,
            "created_at": now,
        }
        await session.write(insert(PaidBatch), row)


async def _matter(
    session: WriteSession, cipher: Cipher, credit: str, wanted: Mapping[str, Any]
) -> _Matter:
    """What is asked for, with all of it locked, and seen to add up."""
    gateway = await get_gateway_name(session, str(wanted["gateway"]), None)
    account = await get_collection_account(session, gateway.collection_account_id)
    await lock_names(session, settlements_lock(gateway.id))
    # Neither is a statement withdrawn meanwhile, nor a day closed.
    await share_notices_of(session, account.id)
    await share_open_days(session, account.id)
    named = [str(one) for one in wanted["batches"]]
    batches = await _batches(session, gateway.id, named)
    found = await _credit(session, cipher, account, credit)
    matter = _Matter(gateway, account, found, batches)
    if matter.net != found.amount:
        raise BatchSumDiffers(
            f"Các lô cộng lại {format_vnd(matter.gross)}, trừ phí"
            f" {format_vnd(matter.gross - matter.net)} còn {format_vnd(matter.net)},"
            f" khác khoản ghi có {format_vnd(found.amount)}."
        )
    if matter.gross < 0:
        raise MoreBackThanTaken(
            f"Các lô này hoàn nhiều hơn thu {format_vnd(-matter.gross)}:"
            " hãy nêu cùng với lô mà cổng đã bù trừ."
        )
    await lock_transit(session, account.id)
    await check_cleared(session, account.id, matter.gross)
    return matter


async def _batches(session: ReadSession, gateway_id: str, named: Sequence[str]) -> list[BatchSum]:
    found = await list_batches(session, gateway_id, named)
    missing = sorted({*named} - {one.batch_ref for one in found})
    if missing or not named:
        told = f"Không có lô quyết toán nào mang mã {', '.join(missing)} ở tài khoản cổng này."
        raise Invalid(told, errors=[FieldError("batches", "unknown", told)])
    for one in found:
        if one.payout_id is not None:
            raise BatchPaidOver(
                f"Lô {one.batch_ref} đã gắn với một khoản ghi có khác ({one.payout_id});"
                " hãy hủy lần đó trước."
            )
    return found


async def _credit(
    session: WriteSession, cipher: Cipher, account: CollectionAccountValue, named: str
) -> _NamedCredit:
    """The credit of that name on the account: of the books by its payment, else a standing line."""
    of_line = STORED_LINES.where(
        StatementLine.id == named,
        StatementLine.collection_account_id == account.id,
        StatementLine.direction == "credit",
        col(StatementLine.withdrawn_at).is_(None),
    )
    stored = await session.first(of_line)
    if stored is None:
        if await find_account_of(session, named) != account.id:
            raise NotFound("Không có khoản ghi có này ở tài khoản mà cổng chuyển tiền về.")
        item = await lock_credit(session, named)
        return _NamedCredit(item.amount, item.payment_id)
    line = stored.opened(cipher)
    payment_id = await _payment_of(session, line.line_id)
    if payment_id is not None:
        await lock_credit(session, payment_id)
    told = Credit(
        feed_ref=line.line_id,
        bank_ref=line.bank_ref,
        account_number=account.account_number,
        amount=line.amount,
        narrative=f"{line.reference} {line.narrative}".strip(),
        credited_at=line.booked_at,
    )
    return _NamedCredit(line.amount, payment_id, line.line_id, told)


async def _payment_of(session: ReadSession, line_id: str) -> str | None:
    """The money of the books that a line is: told of by it, or matched with it by a standing run.

    Neither is, where only the statement tells of it.
    """
    if (told := await find_payment_of_line(session, line_id)) is not None:
        return told
    matched = (
        select(Match.payment_id)
        .join(Reconciliation, col(Reconciliation.id) == col(Match.reconciliation_id))
        .where(Match.line_id == line_id, col(Reconciliation.superseded_by).is_(None))
    )
    return await session.first(matched)


async def _look_to_undo(session: WriteSession, payout_id: str, _: Mapping[str, Any]) -> Subject:
    payout = await lock_payout(session, payout_id)
    batches = await list_paid_batches(session, payout.id)
    account = await get_collection_account(session, payout.collection_account_id)
    await share_open_days(session, account.id)
    figures = {
        "account": account.code,
        "payment": payout.payment_id,
        "credit": payout.amount,
        "gross": payout.gross,
        "fee": payout.fee,
        "batches": [one.batch_ref for one in batches],
    }
    return Subject(account.agency_id, figures)


async def _undo(session: WriteSession, approval: ApprovalValue, actor: str) -> dict[str, Any]:
    payout: PayoutValue = await lock_payout(session, approval.object_id)
    await undo_payout(session, actor, payout)
    failpoints.hit("payout.after_postings")
    undone = update(PaidBatch).where(col(PaidBatch.payout_id) == payout.id)
    await session.write(undone.values(undone_at=clock.now()))
    return {"payout": payout.id, "in_transit": payout.gross, "waiting": payout.amount}
