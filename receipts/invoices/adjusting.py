"""Adjusting invoices (hóa đơn điều chỉnh): the difference, asked for at the provider of the first.

An invoice whose money has gone back says more than the body has. It stays, and another one at the
same provider says by how much less it counts, or more where money has come again. A person asks for
it, for what the bank took back may be paid again tomorrow; from then on it is asked for as every
invoice is: under a key of its own, and about before it is asked for again. Which of the lines was
given back nobody can say, so it has one, of the sum.
"""

import json
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from sqlalchemy import insert, update
from sqlmodel import col, select

from core import audit, clock
from core.crypto import Cipher
from core.errors import Conflict
from core.ids import new_id
from core.json import canonical
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from receipts.invoices.models import Invoice
from receipts.invoices.queries import InvoiceValue

_ROW: Final = Invoice
_ENDED: Final = ("issued", "dropped")
#: What the one line of such an invoice says.
_LESS: Final = "Điều chỉnh giảm hóa đơn {name}: tiền đã trả lại"
_MORE: Final = "Điều chỉnh tăng hóa đơn {name}: tiền đã nộp lại"


class AdjustmentUnderWay(Conflict):
    """An adjusting invoice waits, or nobody knows of one yet: wait until it is known."""

    code = "adjustment_under_way"


class MoneyBackChanged(Conflict):
    """More or less of an invoice's money is back by now than it was adjusted for."""

    code = "money_back_changed"


class NothingToAdjust(Conflict):
    """The invoice says what the body has of it, or is none yet."""

    code = "nothing_to_adjust"


@dataclass(frozen=True, slots=True)
class AdjustedRow:
    """An issued invoice as whoever adjusts it needs it; amounts are in đồng."""

    id: str
    bill_id: str
    agency_id: str
    account_id: str
    form: str
    symbol: str
    number: int | None
    issued_on: date
    vat_percent: int | None
    money_back: int
    adjusted: int
    state: str
    content: bytes = field(repr=False)

    @property
    def change(self) -> int:
        """By how much it is to say more; below 0 where it is to say less."""
        return self.adjusted - self.money_back

    @property
    def name(self) -> str:
        """Form, symbol and number, as an invoice is named."""
        return f"{self.form}{self.symbol}-{self.number}"


async def get_adjusted(session: ReadSession, invoice_id: str) -> AdjustedRow:
    """The invoice that another one adjusts."""
    return await session.one(values_of(AdjustedRow, _ROW).where(col(_ROW.id) == invoice_id))


async def order_adjustment(
    session: WriteSession, cipher: Cipher, invoice: InvoiceValue, money_back: int, *, actor: str
) -> str:
    """Want an adjusting invoice for what went back since the last; its id, and its key.

    `money_back` is the invoice's as whoever asks has read it, in đồng. Raises `NothingToAdjust`,
    `MoneyBackChanged` and `AdjustmentUnderWay`.
    """
    wanted = values_of(AdjustedRow, _ROW).where(col(_ROW.id) == invoice.id)
    found = await session.lock_one(wanted)
    require_wanting(found, money_back)
    if await _is_open(session, found.id):
        raise AdjustmentUnderWay("Một hóa đơn điều chỉnh của hóa đơn này đang chờ lập.")
    now, adjusting_id = clock.now(), new_id("invoice")
    said = json.loads(cipher.decrypt(bytes(found.content), f"invoice:{found.id}"))
    words = (_LESS if found.change < 0 else _MORE).format(name=found.name)
    amount = abs(found.change)
    content = canonical(said | {"lines": [[words, amount]]})
    row = {
        "id": adjusting_id,
        "bill_id": found.bill_id,
        "agency_id": found.agency_id,
        "account_id": found.account_id,
        "form": found.form,
        "symbol": found.symbol,
        "issued_on": clock.business_date(now),
        "amount": amount,
        "vat_percent": found.vat_percent,
        "content": cipher.encrypt(content, f"invoice:{adjusting_id}"),
        "state": "waiting",
        "money_back": 0,
        "adjusted": 0,
        "adjusts": found.id,
        "change": found.change,
        "due_at": now,
        "waits_since": now,
        "turn": 0,
        "attempts": 0,
        "created_at": now,
    }
    await session.write(insert(_ROW), row)
    await audit.record(
        session,
        actor=actor,
        action="invoice.adjustment_wanted",
        object_id=found.id,
        details={"adjusting": adjusting_id, "change": found.change},
    )
    return adjusting_id


async def record_adjustment(
    session: WriteSession, invoice: InvoiceValue, document: str, money_back: int, *, actor: str
) -> None:
    """Write down that a person adjusted an invoice at its provider for the money that went back.

    `document` names the adjusting invoice, `money_back` is what it adjusts for in all, in đồng, as
    whoever adjusted it has read. One that was asked for and set aside is wanted no more. Raises
    `NothingToAdjust`, `AdjustmentUnderWay`, and `MoneyBackChanged` where that is not what went back
    any more: then a part of it is still to be adjusted.
    """
    wanted = values_of(AdjustedRow, _ROW).where(col(_ROW.id) == invoice.id)
    found = await session.lock_one(wanted)
    require_wanting(found, money_back)
    aside = update(_ROW).where(col(_ROW.adjusts) == found.id, col(_ROW.state) == "set_aside")
    await session.write(aside.values(state="dropped", due_at=None))
    if await _is_open(session, found.id):
        raise AdjustmentUnderWay("Một hóa đơn điều chỉnh của hóa đơn này đang chờ lập.")
    await note_adjusted(session, found, money_back, document, actor=actor)


async def note_adjusted(
    session: WriteSession, found: AdjustedRow, adjusted: int, document: str, *, actor: str
) -> None:
    """Say on an invoice for how much it is adjusted by now, in đồng, and by which document."""
    told = {"adjusted": adjusted, "adjusted_by": document}
    await session.write(update(_ROW).where(col(_ROW.id) == found.id).values(told))
    await audit.record(
        session,
        actor=actor,
        action="invoice.adjusted",
        object_id=found.id,
        details={"before": found.adjusted, **told},
    )


def require_wanting(found: AdjustedRow, money_back: int) -> None:
    """Raise unless the invoice is to be adjusted, for as much as was read."""
    if found.state != "issued" or not found.change:
        raise NothingToAdjust("Hóa đơn này không có gì phải điều chỉnh.")
    if found.money_back != money_back:
        raise MoneyBackChanged("Số tiền đã trả lại vừa đổi. Hãy xem lại hóa đơn rồi ghi.")


async def _is_open(session: ReadSession, invoice_id: str) -> bool:
    wanted = select(_ROW.id).where(col(_ROW.adjusts) == invoice_id, col(_ROW.state).not_in(_ENDED))
    return await session.first(wanted.limit(1)) is not None
