"""What was charged at a stall, and who has held it: the newest first, as frozen values."""

from dataclasses import dataclass
from datetime import date

from sqlmodel import col

from core.sessions import ReadSession
from core.statements import values_of
from payments.billing.models import BillingRun, StallCharge, StallContract, Vendor
from payments.bills.models import Bill


@dataclass(frozen=True, slots=True)
class ChargeOfStall:
    """A charge that stands; `run_kind` and `period` are its run's, amounts in đồng.

    `bill_id`, `reference` and `status` are its bill's, None where nothing of it is owed.
    """

    id: str
    kind: str
    run_kind: str
    period: str
    first_on: date
    last_on: date
    due_on: date
    amount: int
    waived: int
    vendor: str
    bill_id: str | None
    reference: str | None
    status: str | None


@dataclass(frozen=True, slots=True)
class ContractOfStall:
    """A contract of a stall, with its vendor's number."""

    id: str
    vendor_id: str
    vendor: str
    number: str
    first_on: date
    last_on: date | None
    billed_by: str
    services: dict[str, int]


async def list_stall_charges(
    session: ReadSession, stall_id: str, limit: int
) -> list[ChargeOfStall]:
    """What was charged at a stall last."""
    charge = StallCharge
    wanted = (
        values_of(
            ChargeOfStall,
            charge,
            BillingRun,
            Bill,
            run_kind=col(BillingRun.kind),
            vendor=col(Vendor.code),
        )
        .join(BillingRun, col(BillingRun.id) == col(charge.run_id))
        .join(Vendor, col(Vendor.id) == col(charge.vendor_id))
        .outerjoin(Bill, col(Bill.id) == col(charge.bill_id))
        .where(col(charge.stall_id) == stall_id, col(charge.voided_at).is_(None))
        .order_by(col(charge.last_on).desc(), col(charge.priority), col(charge.id))
    )
    return await session.all(wanted.limit(limit))


async def list_stall_contracts(session: ReadSession, stall_id: str) -> list[ContractOfStall]:
    """Who has held a stall."""
    wanted = (
        values_of(ContractOfStall, StallContract, vendor=col(Vendor.code))
        .join(Vendor, col(Vendor.id) == col(StallContract.vendor_id))
        .where(col(StallContract.stall_id) == stall_id)
        .order_by(col(StallContract.first_on).desc())
    )
    return await session.all(wanted.limit(100))
