"""What the rest of the house may know of receipts: frozen values, never rows."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import text

from core.crypto import Cipher
from core.errors import LephiError, NotFound
from core.sessions import WriteSession
from payments.ports import ReceiptSummary
from receipts.content import ReceiptContent, SignatureNote


class FileDamaged(LephiError):
    """A stored file is not the one that was stored: restore it from a backup."""

    code = "receipt_file_damaged"


@dataclass(frozen=True, slots=True)
class ReceiptValue:
    """A receipt with what it says."""

    summary: ReceiptSummary
    bill_id: str
    agency_id: str
    content: ReceiptContent
    note: SignatureNote


_SUMMARY = (
    "r.id, s.template, s.symbol, r.number, r.code, r.issued_at, r.amount, r.status"
    " FROM receipt r JOIN receipt_series s ON s.id = r.series_id"
)


class Receipts:
    """The receipts of bills, for `payments`, which may not look here by itself."""

    async def of_bills(
        self, session: WriteSession, bill_ids: Sequence[str]
    ) -> Mapping[str, Sequence[ReceiptSummary]]:
        """The receipts of each bill that has any, in order of issue."""
        if not bill_ids:
            return {}
        rows = await session.execute(
            text(
                f"SELECT r.bill_id, {_SUMMARY}"
                " WHERE r.bill_id = ANY(CAST(:ids AS text[])) ORDER BY r.issued_at, r.id"
            ),
            {"ids": list(bill_ids)},
        )
        found: dict[str, list[ReceiptSummary]] = {}
        for row in rows:
            found.setdefault(row.bill_id, []).append(ReceiptSummary(*row[1:]))
        return found


async def get_receipt(
    session: WriteSession, cipher: Cipher, key: str, agency_ids: Collection[str]
) -> ReceiptValue:
    """The receipt of that id. Raises `NotFound` if absent or another agency's."""
    found = await _find(session, cipher, "r.id = :key", key)
    if found is None or found.agency_id not in agency_ids:
        raise NotFound("Không có biên lai này.")
    return found


async def find_by_code(session: WriteSession, cipher: Cipher, code: str) -> ReceiptValue | None:
    """The receipt of that check code, None if there is none."""
    return await _find(session, cipher, "r.code = :key", code)


async def _find(session: WriteSession, cipher: Cipher, where: str, key: str) -> ReceiptValue | None:
    row = (
        await session.execute(
            text(
                "SELECT r.bill_id, r.agency_id, r.content, r.signer, r.signed_at,"
                f" {_SUMMARY} WHERE {where}"
            ),
            {"key": key},
        )
    ).first()
    if row is None:
        return None
    summary = ReceiptSummary(*row[5:])
    content = json.loads(cipher.decrypt(bytes(row.content), f"receipt:{summary.id}"))
    return ReceiptValue(
        summary=summary,
        bill_id=row.bill_id,
        agency_id=row.agency_id,
        content=ReceiptContent.from_json(content),
        note=SignatureNote(row.signer, row.signed_at),
    )


async def find_file(
    session: WriteSession, cipher: Cipher, receipt_id: str, kind: str
) -> bytes | None:
    """A receipt's stored file, None if it was not made yet. Raises `FileDamaged`."""
    row = (
        await session.execute(
            text("SELECT sha256, data FROM receipt_file WHERE receipt_id = :id AND kind = :kind"),
            {"id": receipt_id, "kind": kind},
        )
    ).first()
    if row is None:
        return None
    data = cipher.decrypt(bytes(row.data), f"receipt:{receipt_id}:{kind}")
    if sha256(data).hexdigest() != row.sha256:
        raise FileDamaged("Tệp biên lai đã bị hỏng.")
    return data


@dataclass(frozen=True, slots=True)
class SeriesValue:
    """A series and how far it has counted."""

    id: str
    agency_id: str
    template: str
    symbol: str
    year: int
    last_number: int
    last_issued_at: datetime | None


async def list_series(session: WriteSession) -> list[SeriesValue]:
    """Every series, by agency and symbol."""
    rows = await session.execute(
        text(
            "SELECT id, agency_id, template, symbol, year, last_number, last_issued_at"
            " FROM receipt_series ORDER BY agency_id, symbol"
        )
    )
    return [SeriesValue(*row) for row in rows]
