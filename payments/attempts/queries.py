"""Attempts as frozen values."""

from collections.abc import Collection

from sqlalchemy import text

from core.errors import NotFound
from core.sessions import WriteSession
from payments.agencies.queries import CollectionAccountValue as CollectionAccountValue
from payments.bills.queries import _PAYMENT_COLUMNS, PaymentValue


async def get_payment(
    session: WriteSession, payment_id: str, agency_ids: Collection[str]
) -> PaymentValue:
    """The payment of that id. Raises `NotFound` if absent or another agency's."""
    row = (
        await session.execute(
            text(f"SELECT {_PAYMENT_COLUMNS} FROM payment WHERE id = :id"),  # noqa: S608  constant
            {"id": payment_id},
        )
    ).first()
    if row is None or row.agency_id not in agency_ids:
        raise NotFound("Không có giao dịch thanh toán này.")
    return PaymentValue(*row)
