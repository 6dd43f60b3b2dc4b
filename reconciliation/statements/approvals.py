"""What two people decide about a statement: one asks for it, another approves.

* release: what only this statement tells of goes where it was sent, and settles;
* withdraw: it was taken in wrongly. Its lines stand no longer, but for those that another statement
  held too. What was recorded because only it told of it is reversed, and a bill that it has settled
  is open again; where that bill has a receipt, it is listed. The same file may come again.
"""

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

from core.crypto import Cipher
from core.errors import Conflict
from core.sessions import WriteSession
from payments.agencies.queries import get_collection_account
from payments.books.approvals import ApprovalKind, ApprovalKinds, ApprovalValue, Subject
from payments.books.commands import list_stated_money, release_stated_money
from reconciliation.statements.late_lines import check_lines_open
from reconciliation.statements.withdrawing import (
    MOST_LISTED,
    digest_of,
    lines_of,
    lock_money_of,
    lock_statement,
    sums_of,
    withdraw_statement,
)


class NothingToRelease(Conflict):
    """All that this statement tells of is told of by others too, was released, or taken back."""

    code = "nothing_to_release"


class BalancesDisagree(Conflict):
    """A row of this statement may be missing or wrong: decide about its money item by item."""

    code = "balances_disagree"


class NothingVouches(Conflict):
    """This statement has no totals or balances to compare: decide about its money item by item."""

    code = "nothing_vouches"


def statement_kinds(cipher: Cipher) -> ApprovalKinds:
    """The kinds of approvals about a statement; `cipher` keeps what a new bill's payer is."""
    return {
        "release_statement": ApprovalKind(_look_to_release, partial(_release, cipher)),
        "withdraw_statement": ApprovalKind(_look_to_withdraw, _withdraw),
    }


async def _look_to_release(
    session: WriteSession, statement_id: str, _: Mapping[str, Any]
) -> Subject:
    statement = await lock_statement(session, statement_id)
    if statement.gap_count:
        raise BalancesDisagree("Số dư trên sao kê không khớp; hãy duyệt từng khoản tiền chờ.")
    if not statement.vouched:
        told = "Sao kê này không có dòng cộng hay số dư để so; hãy duyệt từng khoản tiền chờ."
        raise NothingVouches(told)
    lines = await lines_of(session, statement_id)
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
        "digest": digest_of(waiting),
    }
    return Subject(account.agency_id, figures)


async def _release(
    cipher: Cipher, session: WriteSession, approval: ApprovalValue, actor: str
) -> dict[str, Any]:
    lines = await lines_of(session, approval.object_id)
    line_ids = [line.id for line in lines]
    return asdict(await release_stated_money(session, cipher, line_ids, actor=actor))


async def _look_to_withdraw(
    session: WriteSession, statement_id: str, _: Mapping[str, Any]
) -> Subject:
    statement = await lock_statement(session, statement_id)
    await check_lines_open(session, statement.collection_account_id, statement_id)
    lines = await lines_of(session, statement_id, alone=True)
    account = await get_collection_account(session, statement.collection_account_id)
    money, proved = await lock_money_of(session, lines)
    figures = {
        "account": account.code,
        "file_name": statement.file_name,
        "rows": statement.row_count,
        "lines": len(lines),
        "credits": sum(line.amount for line in lines if line.direction == "credit"),
        "debits": sum(line.amount for line in lines if line.direction == "debit"),
        **sums_of(money, proved),
    }
    return Subject(account.agency_id, figures)


async def _withdraw(session: WriteSession, approval: ApprovalValue, actor: str) -> dict[str, Any]:
    return await withdraw_statement(session, approval.object_id, actor=actor)
