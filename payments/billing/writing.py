"""Writing a batch of a run: ordinary bills, one for each contract, and their charges."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from core import clock
from core.copying import copy_line
from core.crypto import Cipher
from core.ids import new_id
from core.sessions import WriteSession
from payments.billing.charging import NewCharge
from payments.bills.copying import copy_rows
from payments.bills.create import create_bills_within
from payments.bills.new_bill import BillRequest
from payments.catalogue.rules.lines import NewLine
from payments.catalogue.rules.natures import FeeNature

#: How a bill of a run is told from others.
CHANNEL = "billing_run"

_CHARGE = (
    *("id", "run_id", "stall_id", "contract_id", "vendor_id", "kind", "period", "first_on"),
    *("last_on", "amount", "waived", "priority", "bill_id", "created_at"),
)


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What every bill of a run has of it."""

    run_id: str
    agency_id: str
    period: str
    opened_on: date
    due_on: date
    market: str


@dataclass(frozen=True, slots=True)
class VendorData:
    """A vendor's personal data, open, and the hash that the name is found by."""

    data: Mapping[str, str] = field(repr=False)
    name_hash: str | None = None


@dataclass(frozen=True, slots=True)
class OwedCharges:
    """What a contract owes for a period, with the code of its stall; the first is paid first."""

    stall: str
    charges: Sequence[NewCharge]

    @property
    def contract_id(self) -> str:
        """Whose charges these are."""
        return self.charges[0].contract.id


_NOBODY = VendorData({})


def line_of(charge: NewCharge) -> NewLine:
    """The line of a charge: a price, with what was let off as its relief."""
    relief = None
    if charge.waived:
        relief = {
            "code": "waiver",
            "name_vi": "Miễn, giảm giá thuê",
            "name_en": "Rent waived",
            "amount": charge.waived,
            "explanation_vi": "Miễn, giảm theo quyết định",
            "explanation_en": "Waived by decision",
            "basis": charge.waived_by,
            "certainty": None,
        }
    return NewLine(
        description=charge.description,
        description_en=charge.description_en,
        quantity=1,
        copies=1,
        amount=charge.amount,
        full_amount=charge.amount + charge.waived,
        sub_item=None,
        explanation=charge.explanation,
        basis=charge.basis or None,
        relief=relief,
        nature=FeeNature.PRICE,
    )


async def write_bills(
    session: WriteSession,
    facts: RunFacts,
    owed: Sequence[OwedCharges],
    vendors: Mapping[str, VendorData],
    cipher: Cipher,
    *,
    actor: str,
) -> dict[str, str]:
    """Open a bill for each contract that owes something; contract → bill."""
    billed = [one for one in owed if any(charge.amount for charge in one.charges)]
    requests = [
        _request(facts, one, vendors.get(one.charges[0].contract.vendor_id, _NOBODY))
        for one in billed
    ]
    made = await create_bills_within(session, requests, actor=actor, cipher=cipher)
    return {one.contract_id: bill.id for one, bill in zip(billed, made, strict=True)}


async def write_charges(
    session: WriteSession,
    facts: RunFacts,
    owed: Sequence[OwedCharges],
    bills: Mapping[str, str],
) -> int:
    """Write the charges with the bills that they are on; how many."""
    at = clock.now().isoformat()
    rows = [
        copy_line(_charge(facts, charge, bills.get(one.contract_id), at))
        for one in owed
        for charge in one.charges
    ]
    await copy_rows(session, "charge", _CHARGE, rows)
    return len(rows)


def _request(facts: RunFacts, owed: OwedCharges, vendor: VendorData) -> BillRequest:
    return BillRequest(
        agency_id=facts.agency_id,
        lines=tuple(line_of(one) for one in owed.charges),
        channel=CHANNEL,
        opened_on=facts.opened_on,
        metadata={
            "market": facts.market,
            "stall": owed.stall,
            "period": facts.period,
            "due_on": facts.due_on.isoformat(),
        },
        payer=dict(vendor.data) or None,
        name_hash=vendor.name_hash,
    )


def _charge(
    facts: RunFacts, charge: NewCharge, bill_id: str | None, at: str
) -> tuple[str | int | None, ...]:
    held = charge.contract
    return (
        *(new_id("charge"), facts.run_id, held.stall_id, held.id, held.vendor_id),
        *(charge.kind, facts.period, charge.first_on.isoformat(), charge.last_on.isoformat()),
        *(charge.amount, charge.waived, charge.priority, bill_id, at),
    )
