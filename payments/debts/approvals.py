"""What two people decide about debts: a version that changes or ends some, and one debt's end.

What is owed to a body is not one person's to let go. A version that only adds debts needs nobody
else; any other is taken when a second person has seen how many debts it changes and what they come
to. Paid debts stay as they are, and the outcome names what is to be given back.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from sqlalchemy import update
from sqlmodel import col, select

from core import audit
from core.crypto import Cipher
from core.errors import Conflict
from core.sessions import WriteSession
from payments.bills.commands import cancel_bill
from payments.bills.locks import lock_bills
from payments.books.approvals import ApprovalKind, ApprovalKinds, ApprovalValue, Subject
from payments.debts.commands import begin_loading, reject_list
from payments.debts.comparing import ListName, StandingDebt, compare, find_standing
from payments.debts.findings import DebtChange, decide
from payments.debts.kept_rows import KEPT_DEBTS
from payments.debts.loading import end_debts
from payments.debts.models import Debt, DebtList
from payments.debts.queries import DebtListValue, DebtValue, get_debt, get_list

DEBT_LIST: Final = "debt_list"
DEBT_WITHDRAWAL: Final = "debt_withdrawal"


class DebtEnded(Conflict):
    """This debt is owed no more already."""

    code = "debt_ended"


def debt_kinds(cipher: Cipher, key: bytes) -> ApprovalKinds:
    """The kinds of approvals about debts; `key` keys the hashes by which rows are compared."""
    return {
        DEBT_LIST: ApprovalKind(partial(_look_at_list, cipher, key), _load, _reject),
        DEBT_WITHDRAWAL: ApprovalKind(_look_at_debt, _withdraw),
    }


async def _look_at_list(
    cipher: Cipher, key: bytes, session: WriteSession, list_id: str, _: Mapping[str, Any]
) -> Subject:
    found = await _lock_list(session, list_id)
    if found.state != "proposed":
        raise Conflict("Danh sách này không chờ duyệt.", code="list_not_proposed")
    rows = await KEPT_DEBTS.list_rows(session, cipher, list_id)
    name = ListName(found.agency_id, found.kind, found.code)
    compared = await compare(session, name, rows, key)
    figures: dict[str, Any] = {
        "list": found.code,
        "version": found.version,
        "rows": found.row_count,
        "amount_before": compared.before,
        "amount_after": compared.after,
        "to_give_back": compared.difference,
    }
    figures |= {f"debts_{change}": compared.changes[change] for change in DebtChange}
    return Subject(found.agency_id, figures)


async def _load(session: WriteSession, approval: ApprovalValue, _: str) -> dict[str, Any]:
    """Only say that it may be loaded: a hundred thousand bills are no one transaction."""
    await begin_loading(session, approval.object_id, approval.agency_id)
    return {"list": approval.object_id}


async def _reject(session: WriteSession, list_id: str, _: str) -> None:
    await reject_list(session, list_id)


async def _lock_list(session: WriteSession, list_id: str) -> DebtListValue:
    await session.lock_first(select(DebtList.id).where(DebtList.id == list_id))
    return await get_list(session, list_id)


async def _look_at_debt(session: WriteSession, debt_id: str, _: Mapping[str, Any]) -> Subject:
    debt, standing = await _lock_debt(session, debt_id)
    decision = decide(standing.parts, 0, is_same=False)
    figures = {
        "debt": debt.code,
        "list": debt.list_code,
        "amount": standing.asked,
        "bills_withdrawn": len(decision.withdrawn),
        "to_give_back": decision.difference,
    }
    return Subject(debt.agency_id, figures)


async def _withdraw(session: WriteSession, approval: ApprovalValue, actor: str) -> dict[str, Any]:
    debt, standing = await _lock_debt(session, approval.object_id)
    decision = decide(standing.parts, 0, is_same=False)
    for part in decision.withdrawn:
        await cancel_bill(session, part.bill_id, [debt.agency_id], actor=actor)
    await end_debts(session, [part.debt_id for part in decision.withdrawn])
    if decision.finding is not None:
        left = update(Debt).where(col(Debt.id) == standing.id)
        told = {"finding": decision.finding, "difference": decision.difference}
        await session.write(left.values(**told))
    outcome = {
        "bills_withdrawn": len(decision.withdrawn),
        "finding": decision.finding,
        "to_give_back": decision.difference,
    }
    await audit.record(
        session, actor=actor, action="debt.withdrawn", object_id=debt.id, details=outcome
    )
    return outcome


async def _lock_debt(session: WriteSession, debt_id: str) -> tuple[DebtValue, StandingDebt]:
    """A debt and its supplements, their bills locked. Raises `NotFound` and `DebtEnded`."""
    debt = await get_debt(session, debt_id)
    if debt.supplement_of is not None:
        debt = await get_debt(session, debt.supplement_of)
    name = ListName(debt.agency_id, debt.kind, debt.list_code)
    seen = (await find_standing(session, name, [debt.code])).get(debt.code)
    if seen is not None:
        await lock_bills(session, [part.bill_id for part in seen.parts])
    # Read again now that the bills are locked: money may have come in between.
    standing = (await find_standing(session, name, [debt.code])).get(debt.code)
    if standing is None or standing.id != debt.id:
        raise DebtEnded("Khoản này đã được rút.")
    return debt, standing
