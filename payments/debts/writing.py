"""Writing debts: an ordinary bill for each, and the row that says which debt it is of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from core import clock
from core.copying import copy_line
from core.crypto import Cipher, keyed_hash
from core.ids import new_id
from core.sessions import WriteSession
from payments.bills.commands import DEBT_CHANNEL
from payments.bills.copying import copy_rows
from payments.bills.create import create_bills_within
from payments.bills.names import hash_of_name
from payments.bills.new_bill import BillRequest, NewBill
from payments.catalogue.rules.fee_requests import AssessmentNotice
from payments.catalogue.rules.lines import NewLine
from payments.debts.comparing import ListName, StandingDebt, hash_of_facts
from payments.debts.kinds import KINDS, DebtKind, nature_of_debt
from payments.debts.sheets import DebtRow

_DEBT: Final = (
    *("id", "agency_id", "list_id", "last_list_id", "kind", "list_code", "code", "bill_id"),
    *("dossier_number", "decision_number", "decided_on", "due_on", "facts_hash", "name_hash"),
    *("tax_hash", "supplement_of", "created_at"),
)


@dataclass(frozen=True, slots=True)
class OwedDebt:
    """A row that is to be billed: `amount` đồng of it, all of it or what a supplement asks for."""

    row: DebtRow
    amount: int
    #: the paid debt that it is a supplement of
    first: StandingDebt | None = None


@dataclass(frozen=True, slots=True)
class DebtWriter:
    """Writes the debts of one version of a list."""

    name: ListName
    list_id: str
    cipher: Cipher
    #: keys the hashes by which debts are found and compared
    key: bytes
    actor: str

    async def write(self, session: WriteSession, owed: Sequence[OwedDebt]) -> list[NewBill]:
        """Open a bill for each, and write the debts, in the caller's transaction."""
        requests = [self._request(one) for one in owed]
        bills = await create_bills_within(session, requests, actor=self.actor, cipher=self.cipher)
        at = clock.now().isoformat()
        rows = [
            copy_line(self._debt(one, bill.id, at)) for one, bill in zip(owed, bills, strict=True)
        ]
        await copy_rows(session, "debt", _DEBT, rows)
        return bills

    def _request(self, owed: OwedDebt) -> BillRequest:
        row = owed.row
        payer = people_of(row)
        return BillRequest(
            agency_id=self.name.agency_id,
            lines=(line_of_debt(DebtKind(self.name.kind), self.name.code, owed),),
            channel=DEBT_CHANNEL,
            opened_on=clock.business_date(clock.now()),
            dossier_number=row.dossier_number or None,
            metadata=_metadata(self.name, row),
            payer=payer,
            name_hash=hash_of_name(self.key, self.name.agency_id, payer["name"]),
            supplement_of=None if owed.first is None else owed.first.parts[0].bill_id,
        )

    def _debt(self, owed: OwedDebt, bill_id: str, at: str) -> tuple[str | int | None, ...]:
        row, name = owed.row, self.name
        return (
            *(new_id("debt"), name.agency_id, self.list_id, self.list_id, name.kind, name.code),
            *(row.code, bill_id, row.dossier_number or None, row.decision_number or None),
            *(_day(row.decided_on), _day(row.due_on)),
            hash_of_facts(self.key, name.agency_id, row),
            hash_of_name(self.key, name.agency_id, row.name),
            hash_of_tax_number(self.key, name.agency_id, row.tax_number),
            *(None if owed.first is None else owed.first.id, at),
        )


def hash_of_tax_number(key: bytes, agency_id: str, number: str) -> str | None:
    """The keyed hash by which an agency's debts are found by a tax number; None for no number."""
    return keyed_hash(key, f"tax:{agency_id}:{number}".encode()) if number else None


def people_of(row: DebtRow) -> dict[str, str]:
    """Who owes and who pays, as a bill keeps it sealed (see `payments.bills.parties`)."""
    notice = {"tax_number": row.tax_number if row.decision_number else ""}
    if row.payer_name:
        told = notice | {
            "name": row.payer_name,
            "address": row.payer_address,
            "payer_tax_number": row.payer_tax_number,
            "behalf_name": row.name,
            "behalf_address": row.address,
            "behalf_tax_number": row.tax_number,
        }
    else:
        told = notice | {
            "name": row.name,
            "address": row.address,
            "phone": row.phone,
            "payer_tax_number": row.tax_number,
        }
    return {name: value for name, value in told.items() if value}


def line_of_debt(kind: DebtKind, list_code: str, owed: OwedDebt) -> NewLine:
    """The line of a debt's bill, with what the treasury's slip needs where a decision set it."""
    row, facts = owed.row, KINDS[kind]
    notice, why, why_en = None, f"Theo danh sách {list_code}", f"By list {list_code}"
    if row.decision_number and row.decided_on is not None:
        on = f"{row.decided_on:%d/%m/%Y}"
        why = f"Theo quyết định (thông báo) số {row.decision_number} ngày {on}"
        why_en = f"By decision (notice) no. {row.decision_number} of {on}"
        told = (row.decision_number, row.decided_on, row.treasury, row.chapter, row.sub_item)
        notice = AssessmentNotice(owed.amount, *told).shown()
    description, description_en = row.description or facts.title, None
    if not row.description:
        description_en = facts.title_en
    if owed.first is not None:
        description = f"Thu bổ sung: {description}"[:200]
        description_en = f"Supplement: {description_en}" if description_en else None
    return NewLine(
        description=description,
        description_en=description_en,
        quantity=1,
        copies=1,
        amount=owed.amount,
        full_amount=owed.amount,
        sub_item=row.sub_item or None,
        explanation=why,
        explanation_en=why_en,
        notice=notice,
        nature=nature_of_debt(kind, row.description, row.sub_item),
    )


def _metadata(name: ListName, row: DebtRow) -> dict[str, Any]:
    told = {"debt": row.code, "debt_list": name.code, "debt_kind": name.kind}
    return told if row.due_on is None else told | {"due_on": row.due_on.isoformat()}


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
