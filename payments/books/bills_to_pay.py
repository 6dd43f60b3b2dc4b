"""The bills that people name for money to be given to: one, or several of one body."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import col

from core.errors import Conflict, FieldError, Invalid
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.agencies.queries import CollectionAccountValue
from payments.agencies.tree import reaches
from payments.bills.locks import LockedBill, lock_bills
from payments.bills.models import Bill


class BillTakesNothing(Conflict):
    """A bill takes no money: it is paid, withdrawn, or owes nothing."""

    code = "bill_not_payable"


@dataclass(frozen=True, slots=True)
class _FoundBill:
    id: str
    reference: str


def named_in(wanted: Mapping[str, Any]) -> list[str]:
    """The references of the bills that an approval wants money to be given to."""
    return [str(wanted["bill"])] if "bill" in wanted else [str(one) for one in wanted["bills"]]


async def find_bill_ids(session: ReadSession, references: Sequence[str]) -> dict[str, str]:
    """The ids of the bills of these references; what is no bill's is left out."""
    wanted = values_of(_FoundBill, Bill).where(col(Bill.reference).in_(references))
    return {found.reference: found.id for found in await session.all(wanted)}


async def lock_bills_to_pay(
    session: WriteSession, account: CollectionAccountValue, references: Sequence[str]
) -> list[LockedBill]:
    """Lock the bills that money on the account is to be given to, by id.

    Raises `Invalid` where there is none of a reference here or they are not one body's, and
    `BillTakesNothing`.
    """
    known = await find_bill_ids(session, references)
    bills = await lock_bills(session, set(known.values()))
    here = {
        bill.reference
        for bill in bills
        if await reaches(session, account.agency_id, bill.agency_id)
    }
    errors = [
        FieldError(
            "bill" if len(references) == 1 else f"bills.{number}",
            "unknown",
            "Không có khoản phải nộp nào mang mã này ở đây.",
        )
        for number, reference in enumerate(references)
        if reference not in here
    ]
    if errors:
        raise Invalid(errors[0].detail, errors=errors)
    if len({bill.agency_id for bill in bills}) > 1:
        fault = FieldError("bills", "several_bodies", "Các khoản phải nộp của nhiều cơ quan.")
        raise Invalid(fault.detail, errors=[fault])
    if closed := [bill.reference for bill in bills if bill.status not in ("open", "expired")]:
        told = "này" if len(bills) == 1 else ", ".join(closed)
        raise BillTakesNothing(f"Khoản phải nộp {told} không còn nhận tiền.")
    return bills
