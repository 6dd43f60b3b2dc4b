"""Writing many bills at once: the rows that `insertion` writes for one, by COPY, table by table.

A month of a large market is a hundred thousand bills, and a statement for each would take its time
with the database idle. Reliefs that a citizen has once a year are not among what is written so.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, Final

from core.copying import copy_line
from core.crypto import Cipher
from core.json import canonical
from core.sessions import WriteSession
from payments.bills.insertion import whole_row
from payments.bills.new_bill import NewBill

_BILL: Final = (
    *("id", "agency_id", "reference", "status", "amount", "dossier_number", "channel", "language"),
    *("return_url", "extra", "expires_at", "created_at", "opened_on", "supplement_of"),
)
_REFERENCE: Final = ("reference", "kind", "agency_id", "created_at")
_LINE: Final = (
    *("bill_id", "position", "fee_id", "fee", "description", "description_en", "quantity", "unit"),
    *("copies", "value", "full_amount", "amount", "sub_item", "explanation", "explanation_en"),
    *("basis", "certainty", "relief", "notice", "nature"),
)
_PAYER: Final = ("subject_id", "data", "created_at", "name_hash")
_AUDIT: Final = ("at", "actor", "action", "object_id", "details")
#: How many rows go to the driver at a time.
_PIECE: Final = 1_000


async def copy_bills(
    session: WriteSession, bills: Sequence[NewBill], *, actor: str, cipher: Cipher
) -> None:
    """Write bills in the caller's transaction; none of them may use up a yearly relief."""
    references: list[str] = []
    rows: list[str] = []
    lines: list[str] = []
    payers: list[str] = []
    entries: list[str] = []
    for bill in bills:
        told, at = whole_row(bill, actor, cipher), bill.created_at.isoformat()
        references.append(copy_line((bill.reference, "bill", bill.agency_id, at)))
        rows.append(copy_line(_cell(told[name]) for name in _BILL))
        lines += _lines(bill)
        if told["payer"] is not None:
            sealed = "\\x" + told["payer"].hex()
            payers.append(copy_line((bill.id, sealed, at, bill.name_hash)))
        entries.append(copy_line((at, actor, told["event"], bill.id, told["audit"])))
    for table, columns, text in (
        ("reference", _REFERENCE, references),
        ("bill", _BILL, rows),
        ("bill_line", _LINE, lines),
        ("payer_data", _PAYER, payers),
        ("audit_entry", _AUDIT, entries),
    ):
        await copy_rows(session, table, columns, text)


async def copy_rows(
    session: WriteSession, table: str, columns: Sequence[str], rows: Sequence[str]
) -> None:
    """COPY lines of `core.copying` into a table, in pieces."""
    if rows:
        await session.copy_in(table, columns, _pieces(rows))


def _pieces(rows: Sequence[str]) -> Iterator[bytes]:
    for begin in range(0, len(rows), _PIECE):
        yield "".join(rows[begin : begin + _PIECE]).encode()


def _lines(bill: NewBill) -> Iterator[str]:
    for position, line in enumerate(bill.lines, start=1):
        row: dict[str, Any] = {name: getattr(line, name, None) for name in _LINE}
        row |= {"bill_id": bill.id, "position": position}
        for name in ("relief", "notice"):
            if row[name] is not None:
                row[name] = canonical(row[name]).decode()
        yield copy_line(_cell(row[name]) for name in _LINE)


def _cell(value: object) -> str | int | None:
    """A value as COPY takes it."""
    if isinstance(value, date):  # an instant is one too
        return value.isoformat()
    return value if value is None or isinstance(value, int) else str(value)
