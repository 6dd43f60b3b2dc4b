"""Attempts as frozen values."""

from collections.abc import Collection

from core.errors import NotFound
from core.sessions import ReadSession
from core.statements import values_of
from payments.bills.models import Payment
from payments.bills.queries import PaymentValue


async def get_payment(
    session: ReadSession, payment_id: str, agency_ids: Collection[str]
) -> PaymentValue:
    """The payment of that id. Raises `NotFound` if absent or another agency's."""
    found = await session.first(values_of(PaymentValue, Payment).where(Payment.id == payment_id))
    if found is None or found.agency_id not in agency_ids:
        raise NotFound("Không có giao dịch thanh toán này.")
    return found
