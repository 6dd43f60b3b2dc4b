"""Which bill a payer of a poster has paid: what they know of their transfer leads to it.

A poster is paid without a bill, so nobody was sent its address. What the payer has is what the
banking app shows: the memo, and the bank's reference or the amount and the time. Many pay one
poster, so only what fits exactly one of them tells anything.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement
from sqlmodel import col, select

from core import clock
from core.bank_refs import line_bank_ref, plain_bank_ref
from core.sessions import ReadSession
from payments.bills.models import Bill, Payment, Reference
from payments.books.models import CreditNotice

#: The bills that transfers to posters have paid, by what was told of the transfers.
_PAID = (
    select(col(Payment.bill_id))
    .join_from(CreditNotice, Payment, col(Payment.id) == col(CreditNotice.payment_id))
    .join(Reference, col(Reference.reference) == col(CreditNotice.reference))
    .join(Bill, col(Bill.id) == col(Payment.bill_id))
    .where(
        col(Reference.kind) == "procedure",
        # Money that people have assigned to another bill leads nobody to it.
        col(Bill.channel) == "poster",
        col(Bill.status) == "paid",
        col(Payment.doubt).is_(None),
        col(CreditNotice.withdrawn_at).is_(None),
    )
    .distinct()
    .limit(2)
)


async def find_bill_by_bank_ref(session: ReadSession, reference: str, bank_ref: str) -> str | None:
    """The bill that a transfer to a poster paid, by the bank's own reference of the transfer.

    None if no transfer has it, if several have, or if it tells nothing (`plain_bank_ref`).
    """
    plain = plain_bank_ref(bank_ref)
    if not plain:
        return None
    # Notices of before labels were read apart are known with them.
    names = {plain, line_bank_ref(bank_ref) or plain}
    return await _find_only(session, reference, [col(CreditNotice.plain_ref).in_(names)])


async def find_bill_by_time(
    session: ReadSession, reference: str, amount: int, first: datetime, last: datetime
) -> str | None:
    """The bill that a transfer of `amount` đồng to a poster paid, from `first` to `last` (aware).

    None if there was no such transfer, or several.
    """
    days = {clock.business_date(first), clock.business_date(last)}
    conditions = [
        col(CreditNotice.booked_on).in_(days),
        col(CreditNotice.amount) == amount,
        col(Payment.paid_at).between(first, last),
    ]
    return await _find_only(session, reference, conditions)


async def _find_only(
    session: ReadSession, reference: str, conditions: Sequence[ColumnElement[bool]]
) -> str | None:
    found = await session.all(_PAID.where(col(CreditNotice.reference) == reference, *conditions))
    return found[0] if len(found) == 1 else None
