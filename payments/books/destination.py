"""What money that arrived by itself is for, as the references in its narrative say."""

from dataclasses import dataclass, replace

from sqlmodel import col

from core.references import find_references
from core.sessions import ReadSession
from core.statements import values_of
from payments.agencies.queries import CollectionAccountValue
from payments.agencies.tree import reaches
from payments.bills.models import Bill, Reference
from payments.bills.queries import StaticReferenceValue
from payments.books.allocation import Reason


@dataclass(frozen=True, slots=True)
class Destination:
    """What a credit is for: a bill, an agency's fee, or nothing that we know, and then why."""

    reason: Reason
    bill_id: str | None = None
    reference: str | None = None
    static: StaticReferenceValue | None = None


@dataclass(frozen=True, slots=True)
class ReferenceTarget:
    """What a reference stands for: one bill, or one agency's fee for ever."""

    reference: str
    kind: str
    agency_id: str
    fee_code: str | None
    bill_id: str | None


_TARGETS = values_of(ReferenceTarget, Reference, bill_id=col(Bill.id)).join_from(
    Reference, Bill, col(Bill.reference) == col(Reference.reference), isouter=True
)


async def destination_of(
    session: ReadSession, account: CollectionAccountValue, narrative: str
) -> Destination:
    """What money on `account` is for: one bill, one static fee, or nothing that can be told."""
    candidates = find_references(narrative)
    if not candidates:
        return Destination(Reason.NO_REFERENCE)
    targets = await session.all(_TARGETS.where(col(Reference.reference).in_(candidates)))
    if len(targets) > 1:
        return Destination(Reason.SEVERAL_REFERENCES)
    if not targets:
        return Destination(Reason.UNKNOWN_REFERENCE)
    (target,) = targets
    found = Destination(Reason.UNKNOWN_REFERENCE, reference=target.reference)
    if not await reaches(session, account.agency_id, target.agency_id):
        return replace(found, reason=Reason.OTHER_AGENCY)
    if target.kind == "bill":
        return replace(found, bill_id=target.bill_id)
    if target.fee_code is not None:
        static = StaticReferenceValue(target.reference, target.agency_id, target.fee_code)
        return replace(found, static=static)
    return found
