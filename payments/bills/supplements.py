"""What is asked for later on a dossier that was paid already (thu bổ sung): a bill of its own.

It names the earlier bill and is of the same dossier, and each of the two shows the other.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from sqlmodel import col, or_

from core.errors import FieldError
from core.sessions import ReadSession
from core.statements import values_of
from payments.bills.models import Bill
from payments.bills.schemas import BillIn


@dataclass(frozen=True, slots=True)
class SupplementedBill:
    """A bill as the one that it adds to, or that adds to it, tells of it."""

    id: str
    agency_id: str
    reference: str
    status: str
    dossier_number: str | None


@dataclass(frozen=True, slots=True)
class _SupplementRow:
    id: str
    supplement_of: str


async def find_supplemented(session: ReadSession, key: str) -> SupplementedBill | None:
    """The bill of that id or reference, None if there is none."""
    named = or_(col(Bill.id) == key, col(Bill.reference) == key)
    return await session.first(values_of(SupplementedBill, Bill).where(named))


async def supplements_of(session: ReadSession, bill_ids: Collection[str]) -> dict[str, list[str]]:
    """The bills that add to each of these, by id, the oldest first; withdrawn ones are left out."""
    found: dict[str, list[str]] = defaultdict(list)
    wanted = values_of(_SupplementRow, Bill).where(
        col(Bill.supplement_of).in_(bill_ids), col(Bill.status) != "cancelled"
    )
    for row in await session.all(wanted.order_by(col(Bill.id))):
        found[row.supplement_of].append(row.id)
    return dict(found)


async def list_supplements(session: ReadSession, bill_id: str) -> list[SupplementedBill]:
    """The bills that add to this one, the oldest first; withdrawn ones are left out."""
    wanted = values_of(SupplementedBill, Bill).where(
        col(Bill.supplement_of) == bill_id, col(Bill.status) != "cancelled"
    )
    return await session.all(wanted.order_by(col(Bill.id)))


def supplement_faults(
    agency_id: str, body: BillIn, earlier: SupplementedBill | None
) -> list[FieldError]:
    """What is wrong with the earlier bill that a request names; None is none that there is."""
    field, number = "supplement_of", body.dossier_number
    if earlier is None or earlier.agency_id != agency_id:
        return [FieldError(field, "unknown", "Không có khoản phải nộp trước đó.")]
    if earlier.status != "paid":
        detail = "Khoản trước chưa nộp: hãy hủy khoản đó rồi lập lại với đủ số tiền."
        return [FieldError(field, "not_paid", detail)]
    if number is not None and number != earlier.dossier_number:
        return [FieldError(field, "differs", "Khoản trước không cùng số hồ sơ.")]
    return []
