"""What receipts and reconciliation may know of settled money: frozen values, never rows."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import text

from core.crypto import Cipher
from core.sessions import WriteSession
from payments.agencies.queries import CollectionAccountValue as CollectionAccountValue
from payments.bills.lines import LineValue, lines_of


@dataclass(frozen=True, slots=True)
class DayPayment:
    """Money on one account, as reconciliation needs it; `amount` is what was credited, in đồng."""

    payment_id: str
    #: the reference that the payer's bank carried, or the bill's; empty where there is none
    reference: str
    amount: int
    paid_at: datetime
    accounting_on: date
    gateway: str
    gateway_ref: str
    #: whether the reference is a poster's, which many payers carry
    static: bool = False


async def list_day_payments(
    session: WriteSession, collection_account_id: str, first: date, last: date
) -> list[DayPayment]:
    """Every payment with money whose accounting day is `first` to `last`, by time."""
    rows = await session.execute(
        text(
            "SELECT p.id, coalesce(p.reference, b.reference, ''), p.credited, p.paid_at,"
            " p.accounting_on, p.gateway, p.gateway_ref, r.reference IS NOT NULL"
            " FROM payment p LEFT JOIN bill b ON b.id = p.bill_id"
            " LEFT JOIN reference r ON r.reference = p.reference AND r.kind = 'procedure'"
            " WHERE p.collection_account_id = :account"
            " AND p.accounting_on BETWEEN :first AND :last ORDER BY p.paid_at, p.id"
        ),
        {"account": collection_account_id, "first": first, "last": last},
    )
    return [DayPayment(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class ReceiptSource:
    """What a settled bill gives to its receipt: who collected what, from whom, and how."""

    bill_id: str
    agency_id: str
    agency_name: str
    agency_name_en: str
    agency_tax_code: str
    agency_address: str
    agency_phone: str
    account: str
    reference: str
    dossier_number: str | None
    amount: int
    paid_at: datetime
    #: the gateways that the money came through, in order of name
    gateways: tuple[str, ...]
    payer: dict[str, str]
    lines: tuple[LineValue, ...]


async def list_receipt_sources(
    session: WriteSession, cipher: Cipher, bill_ids: Sequence[str]
) -> list[ReceiptSource]:
    """The settled bills among `bill_ids`, by the order of `bill_ids`; others are left out."""
    rows = (
        await session.execute(
            text(
                "SELECT b.id, b.agency_id, a.name, a.name_en, a.tax_code, a.address, a.phone,"
                " b.reference, b.dossier_number, b.amount, b.paid_at, y.data,"
                " ARRAY(SELECT DISTINCT p.gateway FROM allocation o JOIN payment p"
                "  ON p.id = o.payment_id WHERE o.bill_id = b.id ORDER BY 1) AS gateways,"
                " (SELECT c.account_number || ' · ' || c.account_name FROM allocation o"
                "  JOIN payment p ON p.id = o.payment_id"
                "  JOIN collection_account c ON c.id = p.collection_account_id"
                "  WHERE o.bill_id = b.id ORDER BY p.id LIMIT 1) AS account"
                " FROM bill b JOIN agency a ON a.id = b.agency_id"
                " LEFT JOIN payer_data y ON y.subject_id = b.id"
                " WHERE b.id = ANY(CAST(:ids AS text[])) AND b.status = 'paid'"
            ),
            {"ids": list(bill_ids)},
        )
    ).all()
    lines = await lines_of(session, [row.id for row in rows])
    found = {
        row.id: ReceiptSource(
            bill_id=row.id,
            agency_id=row.agency_id,
            agency_name=row.name,
            agency_name_en=row.name_en,
            agency_tax_code=row.tax_code,
            agency_address=row.address,
            agency_phone=row.phone,
            account=row.account or "",
            reference=row.reference,
            dossier_number=row.dossier_number,
            amount=row.amount,
            paid_at=row.paid_at,
            gateways=tuple(row.gateways),
            payer=json.loads(cipher.decrypt(bytes(row.data), f"payer:{row.id}"))
            if row.data is not None
            else {},
            lines=tuple(lines[row.id]),
        )
        for row in rows
    }
    return [found[bill_id] for bill_id in bill_ids if bill_id in found]
