"""Bills and their payments as frozen values, never rows."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import text
from sqlmodel import col

from core.crypto import Cipher
from core.cursors import Page, page_of, read_cursor, write_cursor
from core.errors import NotFound
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.agencies.models import Agency, CollectionAccount

# Given on: other packages know payments through this module alone.
from payments.agencies.queries import CollectionAccountValue as CollectionAccountValue
from payments.bills.lines import LineValue, lines_of


@dataclass(frozen=True, slots=True)
class PaymentValue:
    """An attempt or a credit; `credited` is what arrived, None where nothing has."""

    id: str
    kind: str
    agency_id: str
    bill_id: str | None
    gateway: str
    gateway_account_id: str | None
    collection_account_id: str
    status: str
    amount: int
    credited: int | None
    order_ref: str | None
    gateway_ref: str | None
    checkout: dict[str, Any] | None
    created_at: datetime
    paid_at: datetime | None
    accounting_on: date | None


@dataclass(frozen=True, slots=True)
class BillValue:
    """A bill with its lines and payments."""

    id: str
    agency_id: str
    reference: str
    status: str
    amount: int
    dossier_number: str | None
    channel: str
    language: str
    return_url: str | None
    metadata: dict[str, Any]
    expires_at: datetime | None
    created_at: datetime
    opened_on: date
    paid_at: datetime | None
    lines: tuple[LineValue, ...]
    payments: tuple[PaymentValue, ...]

    @property
    def received(self) -> int:
        """What has come for this bill and needs no person to look at it, in đồng."""
        return sum(p.credited or 0 for p in self.payments if p.status == "succeeded")

    @property
    def remaining(self) -> int:
        """What is still to be paid, in đồng; short money that waits is not asked for twice."""
        unpaid = self.status in ("open", "expired")
        return max(self.amount - self.received, 0) if unpaid else 0


#: Some bills, newest first.
BillPage = Page[BillValue]


_PAYMENT_COLUMNS = (
    "id, kind, agency_id, bill_id, gateway, gateway_account_id, collection_account_id, status,"
    " amount, credited, order_ref, gateway_ref, checkout, created_at, paid_at, accounting_on"
)


async def _complete(session: WriteSession, rows: Sequence[Any]) -> tuple[BillValue, ...]:
    ids = [row.id for row in rows]
    lines = await lines_of(session, ids)
    payments: dict[str, list[PaymentValue]] = {bill_id: [] for bill_id in ids}
    found = await session.execute(
        text(
            f"SELECT {_PAYMENT_COLUMNS} FROM payment"  # noqa: S608  columns are a constant
            " WHERE bill_id = ANY(CAST(:ids AS text[])) ORDER BY created_at, id"
        ),
        {"ids": ids},
    )
    for payment in found:
        payments[payment.bill_id].append(PaymentValue(*payment))
    return tuple(
        BillValue(
            id=row.id,
            agency_id=row.agency_id,
            reference=row.reference,
            status=row.status,
            amount=row.amount,
            dossier_number=row.dossier_number,
            channel=row.channel,
            language=row.language,
            return_url=row.return_url,
            metadata=row.extra,
            expires_at=row.expires_at,
            created_at=row.created_at,
            opened_on=row.opened_on,
            paid_at=row.paid_at,
            lines=tuple(lines[row.id]),
            payments=tuple(payments[row.id]),
        )
        for row in rows
    )


async def find_bill(session: WriteSession, key: str) -> BillValue | None:
    """The bill of that id or reference, None if there is none."""
    rows = (
        await session.execute(
            text("SELECT * FROM bill WHERE id = :key OR reference = :key"), {"key": key}
        )
    ).all()
    return (await _complete(session, rows))[0] if rows else None


async def get_bill(session: WriteSession, key: str, agency_ids: Collection[str]) -> BillValue:
    """The bill of that id or reference. Raises `NotFound` if absent or another agency's."""
    bill = await find_bill(session, key)
    if bill is None or bill.agency_id not in agency_ids:
        raise NotFound("Không có khoản phải nộp này.")
    return bill


async def list_bills(
    session: WriteSession,
    agency_ids: Collection[str],
    *,
    dossier_number: str | None = None,
    status: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> BillPage:
    """A page of bills. Raises `Invalid` for a cursor we did not make."""
    created_at, bill_id = read_cursor(cursor, "bill") if cursor else (None, None)
    rows = (
        await session.execute(
            text(
                "SELECT * FROM bill WHERE agency_id = ANY(CAST(:agencies AS text[]))"
                " AND (CAST(:dossier AS text) IS NULL OR dossier_number = :dossier)"
                " AND (CAST(:status AS text) IS NULL OR status = :status)"
                " AND (CAST(:created_at AS timestamptz) IS NULL"
                "      OR (created_at, id) < (:created_at, :id))"
                " ORDER BY created_at DESC, id DESC LIMIT :limit"
            ),
            {
                "agencies": sorted(agency_ids),
                "dossier": dossier_number,
                "status": status,
                "created_at": created_at,
                "id": bill_id,
                "limit": limit + 1,
            },
        )
    ).all()
    page = page_of(rows, limit, lambda row: write_cursor(row.created_at, row.id))
    return Page(await _complete(session, page.items), page.next_cursor)


async def read_payer(session: WriteSession, cipher: Cipher, subject_id: str) -> dict[str, str]:
    """The personal data kept for a bill (payer) or a credit (narrative); empty where none is."""
    data = await session.scalar(
        text("SELECT data FROM payer_data WHERE subject_id = :id"), {"id": subject_id}
    )
    if data is None:
        return {}
    found: dict[str, str] = json.loads(cipher.decrypt(bytes(data), f"payer:{subject_id}"))
    return found


@dataclass(frozen=True, slots=True)
class StaticReferenceValue:
    """A static reference: which agency's which fee."""

    reference: str
    agency_id: str
    fee_code: str


async def find_static_reference(
    session: WriteSession, reference: str
) -> StaticReferenceValue | None:
    """The static reference of that text, None if it is none."""
    row = (
        await session.execute(
            text(
                "SELECT reference, agency_id, fee_code FROM reference"
                " WHERE reference = :reference AND kind = 'procedure'"
            ),
            {"reference": reference},
        )
    ).first()
    return None if row is None else StaticReferenceValue(*row)


@dataclass(frozen=True, slots=True)
class AccountCodes:
    """What people call a collection account and the agency whose it is."""

    agency: str
    account: str


async def get_account_codes(session: ReadSession, account_id: str) -> AccountCodes:
    """The codes of a collection account and of its agency. Raises `NoResultFound`."""
    return await session.one(
        values_of(AccountCodes, agency=col(Agency.code), account=col(CollectionAccount.code))
        .join_from(CollectionAccount, Agency, col(Agency.id) == CollectionAccount.agency_id)
        .where(CollectionAccount.id == account_id)
    )
