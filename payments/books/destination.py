"""What money that arrived by itself is for, as the references in its narrative say."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlmodel import col

from core.references import find_references, near_references
from core.sessions import ReadSession
from core.statements import values_of
from payments.agencies.queries import CollectionAccountValue
from payments.agencies.tree import reaches
from payments.bills.models import Bill, Reference
from payments.bills.queries import StaticReferenceValue
from payments.books.allocation import Reason


@dataclass(frozen=True, slots=True)
class Destination:
    """What a credit is for: a bill, an agency's fee, or nothing that we know, and then why.

    Where the words name several bills of one body, `several` are their ids: whether it is theirs
    depends on what they owe. A stall's money waits (`Reason.STALL_CREDIT`) until
    `payments.billing.credit` gives it to what the stall's holder owes. `reference` is what was
    named: one, or several as `joined` has them. What went `astray` was sent to a number that the
    account's bank gives out and that is nobody's: the words say what else tells of it, and no more.
    """

    reason: Reason
    bill_id: str | None = None
    reference: str | None = None
    static: StaticReferenceValue | None = None
    several: tuple[str, ...] = ()
    #: whose stall's or hand-over's reference it is, where it is one
    agency_id: str | None = None
    astray: bool = False

    @property
    def bill_ids(self) -> tuple[str, ...]:
        """The bills that the money may go to, one or several."""
        return self.several if self.bill_id is None else (self.bill_id,)


@dataclass(frozen=True, slots=True)
class ReferenceTarget:
    """What a reference stands for: one bill, one agency's fee for ever, a stall, a refund, cash."""

    reference: str
    kind: str
    agency_id: str
    fee_code: str | None
    bill_id: str | None


#: So many bills at most are paid with one transfer: its words have no room for more.
MOST_AT_ONCE: Final = 20

_TARGETS = values_of(ReferenceTarget, Reference, bill_id=col(Bill.id)).join_from(
    Reference, Bill, col(Bill.reference) == col(Reference.reference), isouter=True
)


async def destination_of(
    session: ReadSession,
    account: CollectionAccountValue,
    narrative: str,
    virtual_account: str = "",
) -> Destination:
    """What money on `account` is for: bills, one static fee, or nothing that can be told.

    `virtual_account` is the number that it was sent to: it names its reference as words do. Where
    it is one that the account's bank gives out and names nothing of ours, no words say otherwise.
    """
    sent_to = account.references_in(virtual_account)
    candidates = list(dict.fromkeys([*find_references(narrative), *sent_to]))
    if not candidates and not account.gives_out(virtual_account):
        return Destination(Reason.NO_REFERENCE)
    targets = await session.all(_TARGETS.where(col(Reference.reference).in_(candidates)))
    if account.gives_out(virtual_account):
        known = {target.reference for target in targets}
        if known.isdisjoint(sent_to):
            named = joined(known) or None
            return Destination(Reason.UNKNOWN_REFERENCE, reference=named, astray=True)
    if len(targets) > 1:
        return await _several(session, account, targets)
    if not targets:
        return Destination(Reason.UNKNOWN_REFERENCE)
    (target,) = targets
    found = Destination(Reason.UNKNOWN_REFERENCE, reference=target.reference)
    if not await reaches(session, account.agency_id, target.agency_id):
        return replace(found, reason=Reason.OTHER_AGENCY)
    if target.kind == "refund":
        return replace(found, reason=Reason.REFUND_RETURNED)
    if target.kind == "stall":
        return replace(found, reason=Reason.STALL_CREDIT, agency_id=target.agency_id)
    if target.kind == "handover":
        return replace(found, reason=Reason.COLLECTOR_DEPOSIT, agency_id=target.agency_id)
    if target.kind == "bill":
        return replace(found, bill_id=target.bill_id)
    if target.fee_code is not None:
        static = StaticReferenceValue(target.reference, target.agency_id, target.fee_code)
        return replace(found, static=static)
    return found


async def find_left_out(
    session: ReadSession, destination: Destination, narrative: str
) -> tuple[str, ...]:
    """The bills of the same body that words misspell beside the one bill that they name.

    A reference with a wrong character, or two that changed places, is nobody's by itself: it is
    only a reason to let people look.
    """
    if destination.bill_id is None or not (near := near_references(narrative)):
        return ()
    wanted = [*near, destination.reference]
    targets = await session.all(_TARGETS.where(col(Reference.reference).in_(wanted)))
    body = {one.agency_id for one in targets if one.bill_id == destination.bill_id}
    bills = {one.bill_id for one in targets if one.bill_id is not None and one.agency_id in body}
    return tuple(sorted(bills - {destination.bill_id}))


def joined(references: Collection[str]) -> str:
    """Several references as one text: whatever the order in which they were named."""
    return " ".join(sorted(set(references)))


async def _several(
    session: ReadSession, account: CollectionAccountValue, targets: Sequence[ReferenceTarget]
) -> Destination:
    """Words that name several things; they are for bills only where all are one body's."""
    named = joined([target.reference for target in targets])
    found = Destination(Reason.SEVERAL_REFERENCES, reference=named)
    bodies = {target.agency_id for target in targets}
    bills = tuple(target.bill_id for target in targets if target.bill_id is not None)
    if len(bodies) > 1 or len(bills) < len(targets) or len(bills) > MOST_AT_ONCE:
        return found
    if not await reaches(session, account.agency_id, bodies.pop()):
        return found
    return replace(found, several=bills)
