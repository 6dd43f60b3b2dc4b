"""What people and systems do to lists of debts. Commands take a session and never commit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import insert, update
from sqlmodel import col

from core import audit, clock
from core.crypto import Cipher
from core.errors import Conflict
from core.ids import new_id
from core.json import canonical
from core.name_locks import lock_names
from core.outbox import emit
from core.sessions import WriteSession
from core.statements import values_of
from payments.bills.locks import lock_bill
from payments.bills.models import Bill, PayerData
from payments.bills.names import hash_of_name
from payments.bills.queries import read_payer
from payments.bills.untouched import has_payment
from payments.debts.comparing import (
    BATCH,
    DebtComparison,
    ListName,
    batched,
    check_rows,
    compare,
)
from payments.debts.kept_rows import KEPT_DEBTS
from payments.debts.models import DebtList
from payments.debts.queries import DebtValue
from payments.debts.sheets import DebtRow
from payments.events import DebtListWaits

#: What people are called in a bill's sealed data, of who pays and of whom it is paid for.
_OF_PARTY: Final = (("name", "name"), ("address", "address"), ("tax_number", "payer_tax_number"))


class ListUnderWay(Conflict):
    """A version of this list is being loaded or waits for a second person: wait for it first."""

    code = "list_under_way"


class DebtPaid(Conflict):
    """Money of this debt has come or is under way: its payer stays as it is."""

    code = "debt_paid"


@dataclass(frozen=True, slots=True)
class NewDebtList:
    """A version of a list to take: which list, its file, and its rows, which have no fault."""

    name: ListName
    file_name: str
    sha256: str
    rows: Sequence[DebtRow] = field(repr=False)


@dataclass(frozen=True, slots=True)
class TakenList:
    """A version that was taken: it is `loading`, or `proposed` where a second person is needed.

    `known`: that file was taken already, and nothing was done.
    """

    id: str
    state: str
    known: bool = False


@dataclass(frozen=True, slots=True)
class DebtPayer:
    """Somebody who pays for the one who owes."""

    name: str = field(repr=False)
    address: str = field(default="", repr=False)
    tax_number: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class _NewestList:
    id: str
    version: int
    sha256: str
    state: str


async def take_list(
    session: WriteSession,
    new: NewDebtList,
    *,
    cipher: Cipher,
    key: bytes,
    actor: str,
    size: int = BATCH,
) -> TakenList:
    """Take a version of a list: its rows are kept, and become bills in batches of `size`.

    One that only adds debts is loaded at once; one by which a debt is changed or ended waits as
    `proposed`. The same file again is no new version. Raises `DebtSheetRefused` and
    `ListUnderWay`.
    """
    newest = await _lock_newest(session, new.name)
    if newest is not None:
        if newest.sha256 == new.sha256 and newest.state != "rejected":
            return TakenList(newest.id, newest.state, known=True)
        _check_free(newest)
    await check_rows(session, new.name, new.rows)
    compared = await compare(session, new.name, new.rows, key)
    taken = await _write(session, new, newest, compared, actor)
    await KEPT_DEBTS.keep(session, cipher, taken.id, batched(new.rows, size))
    return taken


async def withdraw_list(
    session: WriteSession, name: ListName, *, key: bytes, actor: str
) -> TakenList:
    """Ask that nothing of a list be owed any more: a version without rows, which is `proposed`.

    Raises `ListUnderWay`, and `Conflict` where nothing of it stands.
    """
    newest = await _lock_newest(session, name)
    if newest is not None:
        _check_free(newest)
    compared = await compare(session, name, (), key)
    if not compared.takes_two:
        raise Conflict("Danh sách này không còn khoản nào.", code="nothing_owed")
    return await _write(session, NewDebtList(name, "", "", ()), newest, compared, actor)


async def begin_loading(session: WriteSession, list_id: str, agency_id: str) -> None:
    """Have a version loaded by whoever comes first: the worker, or the command line."""
    change = update(DebtList).where(col(DebtList.id) == list_id)
    await session.write(change.values(state="loading"))
    await emit(session, DebtListWaits(list_id, agency_id))


async def reject_list(session: WriteSession, list_id: str) -> None:
    """A version that a second person does not want: its rows are kept no more."""
    change = update(DebtList).where(col(DebtList.id) == list_id)
    await session.write(change.values(state="rejected"))
    await KEPT_DEBTS.forget_all(session, list_id)


async def name_payer(
    session: WriteSession,
    debt: DebtValue,
    payer: DebtPayer,
    *,
    cipher: Cipher,
    key: bytes,
    actor: str,
) -> None:
    """Say who pays a debt for the one who owes it: both names stand on its bill and its proof.

    The last one named counts. Raises `DebtPaid` once money has come or is under way.
    """
    bill = await lock_bill(session, debt.bill_id)
    touched = await session.one(
        values_of(_TouchedBill, has_payment=has_payment(col(Bill.id))).where(Bill.id == bill.id)
    )
    if bill.status != "open" or touched.has_payment:
        raise DebtPaid("Khoản này đã có tiền nộp hoặc đang được nộp; không đổi người nộp được.")
    told = with_payer(await read_payer(session, cipher, bill.id), payer)
    change = update(PayerData).where(col(PayerData.subject_id) == bill.id)
    sealed = cipher.encrypt(canonical(told), f"payer:{bill.id}")
    hashed = hash_of_name(key, debt.agency_id, payer.name)
    await session.write(change.values(data=sealed, name_hash=hashed))
    action = "debt.payer_named"
    await audit.record(session, actor=actor, action=action, object_id=debt.id, details={})


def with_payer(known: Mapping[str, str], payer: DebtPayer) -> dict[str, str]:
    """A bill's people once somebody pays for the one who owes, who stays who they were."""
    owes = {
        f"behalf_{name}": known.get(f"behalf_{name}" if "behalf_name" in known else kept, "")
        for name, kept in _OF_PARTY
    }
    pays = {kept: getattr(payer, name) for name, kept in _OF_PARTY}
    told = {"tax_number": known.get("tax_number", "")} | pays | owes
    return {name: value for name, value in told.items() if value}


@dataclass(frozen=True, slots=True)
class _TouchedBill:
    has_payment: bool


async def _lock_newest(session: WriteSession, name: ListName) -> _NewestList | None:
    await lock_names(session, f"debt_list:{name.agency_id}:{name.kind}:{name.code}")
    return await session.first(
        values_of(_NewestList, DebtList)
        .where(
            col(DebtList.agency_id) == name.agency_id,
            col(DebtList.kind) == name.kind,
            col(DebtList.code) == name.code,
        )
        .order_by(col(DebtList.version).desc())
        .limit(1)
    )


def _check_free(newest: _NewestList) -> None:
    if newest.state == "loading":
        raise ListUnderWay("Phiên bản trước của danh sách này đang được nạp; hãy chờ xong.")
    if newest.state == "proposed":
        raise ListUnderWay("Phiên bản trước của danh sách này đang chờ người thứ hai duyệt.")


async def _write(
    session: WriteSession,
    new: NewDebtList,
    newest: _NewestList | None,
    compared: DebtComparison,
    actor: str,
) -> TakenList:
    list_id, name = new_id("dlist"), new.name
    state = "proposed" if compared.takes_two else "loading"
    row = {
        "id": list_id,
        "agency_id": name.agency_id,
        "kind": name.kind,
        "code": name.code,
        "version": 1 if newest is None else newest.version + 1,
        "file_name": new.file_name,
        "sha256": new.sha256,
        "row_count": len(new.rows),
        "amount": sum(one.amount for one in new.rows),
        "state": state,
        "created_by": actor,
        "created_at": clock.now(),
        "outcome": {},
    }
    await session.write(insert(DebtList), row)
    told = {one: row[one] for one in ("code", "version", "row_count", "amount", "state")}
    action = "debt_list.taken"
    await audit.record(session, actor=actor, action=action, object_id=list_id, details=told)
    if state == "loading":
        await emit(session, DebtListWaits(list_id, name.agency_id))
    return TakenList(list_id, state)
