"""Lists of debts and debts as frozen values, and the ways in which a debt is found."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlmodel import col, select

from core.cursors import Page, page_of
from core.errors import NotFound
from core.sessions import ReadSession
from core.statements import values_of
from payments.agencies.models import Agency
from payments.bills.models import Bill
from payments.bills.names import hash_of_name
from payments.debts.models import Debt, DebtList
from payments.debts.writing import hash_of_tax_number


@dataclass(frozen=True, slots=True)
class DebtListValue:
    """A version of a list; `agency` is a code, `amount` the sum of its rows in đồng."""

    id: str
    agency_id: str
    agency: str
    kind: str
    code: str
    version: int
    file_name: str
    sha256: str
    row_count: int
    amount: int
    state: str
    created_by: str
    created_at: datetime
    finished_at: datetime | None
    outcome: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DebtValue:
    """A debt with its bill; `agency` is a code, `bill` a reference, amounts in đồng."""

    id: str
    agency_id: str
    agency: str
    list_id: str
    kind: str
    list_code: str
    code: str
    bill_id: str
    bill: str
    amount: int
    status: str
    dossier_number: str | None
    decision_number: str | None
    decided_on: date | None
    due_on: date | None
    supplement_of: str | None
    finding: str | None
    difference: int | None
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class DebtSearch:
    """What a debt is looked for by: all that is said must hold, whole and exactly.

    `name` goes without regard to marks and case. Debts that ended are left out unless `with_ended`
    says otherwise.
    """

    code: str | None = None
    name: str | None = None
    tax_number: str | None = None
    dossier_number: str | None = None
    list_id: str | None = None
    has_finding: bool = False
    with_ended: bool = False


_LISTS: Final = values_of(DebtListValue, DebtList, agency=col(Agency.code)).join_from(
    DebtList, Agency, col(Agency.id) == col(DebtList.agency_id)
)
_DEBTS: Final = (
    values_of(
        DebtValue,
        Debt,
        agency=col(Agency.code),
        bill=col(Bill.reference),
        amount=col(Bill.amount),
        status=col(Bill.status),
    )
    .join_from(Debt, Bill, col(Bill.id) == col(Debt.bill_id))
    .join(Agency, col(Agency.id) == col(Debt.agency_id))
)


async def page_of_lists(
    session: ReadSession,
    agency_ids: Collection[str],
    *,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[DebtListValue]:
    """The lists of these agencies, each version, the newest first; `cursor` is an id."""
    wanted = _LISTS.where(col(DebtList.agency_id).in_(agency_ids))
    if cursor is not None:
        wanted = wanted.where(col(DebtList.id) < cursor)
    found = await session.all(wanted.order_by(col(DebtList.id).desc()).limit(limit + 1))
    return page_of(found, limit, lambda one: one.id)


async def get_list(
    session: ReadSession, list_id: str, agency_ids: Collection[str] | None = None
) -> DebtListValue:
    """A version of a list of one of these agencies, None for all. Raises `NotFound`."""
    found = await session.first(_LISTS.where(DebtList.id == list_id))
    if found is None or (agency_ids is not None and found.agency_id not in agency_ids):
        raise NotFound("Không có danh sách này.")
    return found


async def get_debt(
    session: ReadSession, debt_id: str, agency_ids: Collection[str] | None = None
) -> DebtValue:
    """A debt of one of these agencies, None for all. Raises `NotFound`."""
    found = await session.first(_DEBTS.where(Debt.id == debt_id))
    if found is None or (agency_ids is not None and found.agency_id not in agency_ids):
        raise NotFound("Không có khoản này.")
    return found


async def page_of_debts(
    session: ReadSession,
    agency_ids: Collection[str],
    key: bytes,
    search: DebtSearch,
    *,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[DebtValue]:
    """Debts of these agencies as they are looked for, the newest first; `cursor` is an id.

    `key` keys the hashes of names and tax numbers.
    """
    wanted = _DEBTS.where(col(Debt.agency_id).in_(agency_ids))
    own = sorted(agency_ids)
    if search.code is not None:
        wanted = wanted.where(col(Debt.code) == search.code)
    if search.name is not None:
        hashes = [hash_of_name(key, agency_id, search.name) for agency_id in own]
        wanted = wanted.where(col(Debt.name_hash).in_(hashes))
    if search.tax_number is not None:
        hashes = [hash_of_tax_number(key, agency_id, search.tax_number) for agency_id in own]
        wanted = wanted.where(col(Debt.tax_hash).in_(hashes))
    if search.dossier_number is not None:
        wanted = wanted.where(col(Debt.dossier_number) == search.dossier_number)
    if search.list_id is not None:
        wanted = wanted.where(col(Debt.last_list_id) == search.list_id)
    if search.has_finding:
        wanted = wanted.where(col(Debt.finding).is_not(None))
    if not search.with_ended:
        wanted = wanted.where(col(Debt.ended_at).is_(None))
    if cursor is not None:
        wanted = wanted.where(col(Debt.id) < cursor)
    found = await session.all(wanted.order_by(col(Debt.id).desc()).limit(limit + 1))
    return page_of(found, limit, lambda one: one.id)


async def find_debt_of_bill(session: ReadSession, bill_id: str) -> DebtValue | None:
    """The debt that a bill is of; None for any other bill."""
    return await session.first(_DEBTS.where(Debt.bill_id == bill_id))


#: How many agencies and debts are looked at for somebody who knows a code.
_MOST_ALIKE: Final = 100


async def find_own_debts(
    session: ReadSession, key: bytes, code: str, tax_number: str
) -> list[DebtValue]:
    """What is owed under an office's code by whoever has that tax number, at whichever agency."""
    bodies = await session.all(
        select(Debt.agency_id).where(Debt.code == code).distinct().limit(_MOST_ALIKE)
    )
    hashes = [hash_of_tax_number(key, agency_id, tax_number) for agency_id in bodies]
    wanted = _DEBTS.where(
        col(Debt.code) == code, col(Debt.tax_hash).in_(hashes), col(Debt.ended_at).is_(None)
    )
    return await session.all(wanted.order_by(col(Debt.id)).limit(_MOST_ALIKE))
