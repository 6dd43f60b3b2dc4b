"""What people do about invoices: have one asked for again, say that one was adjusted."""

from sqlalchemy import update
from sqlmodel import col

from core import audit, clock
from core.errors import Conflict
from core.sessions import WriteSession
from receipts.invoices.models import Invoice
from receipts.invoices.queries import InvoiceValue

_ROW = Invoice


class InvoiceUnderWay(Conflict):
    """The invoice waits or is there: only one that was set aside is asked for again."""

    code = "invoice_under_way"


class MoneyBackChanged(Conflict):
    """More or less of an invoice's money is back by now than it was adjusted for."""

    code = "money_back_changed"


class NothingToAdjust(Conflict):
    """The invoice says what the body has of it, or is none yet."""

    code = "nothing_to_adjust"


async def replay_invoice(session: WriteSession, invoice: InvoiceValue, *, actor: str) -> None:
    """Have an invoice that was set aside asked for again, under its own key.

    Raises `InvoiceUnderWay`.
    """
    now = clock.now()
    again = update(_ROW).where(col(_ROW.id) == invoice.id, col(_ROW.state) == "set_aside")
    count = await session.write(
        again.values(state="waiting", due_at=now, waits_since=now, attempts=0)
    )
    if not count:
        raise InvoiceUnderWay("Hóa đơn này đang chờ lập hoặc đã lập rồi.")
    await audit.record(
        session,
        actor=actor,
        action="invoice.replayed",
        object_id=invoice.id,
        details={"last_error": invoice.last_error},
    )


async def record_adjustment(
    session: WriteSession, invoice: InvoiceValue, document: str, money_back: int, *, actor: str
) -> None:
    """Write down that an invoice was adjusted at its provider for the money that went back.

    `document` names the adjusting invoice, `money_back` is what it adjusts for in all, in đồng, as
    whoever adjusted it has read. Raises `NothingToAdjust`, and `MoneyBackChanged` where that is not
    what went back any more: then a part of it is still to be adjusted.
    """
    adjusted = update(_ROW).where(
        col(_ROW.id) == invoice.id,
        col(_ROW.state) == "issued",
        col(_ROW.money_back) == money_back,
        col(_ROW.money_back) != col(_ROW.adjusted),
    )
    told = {"adjusted": money_back, "adjusted_by": document}
    if not await session.write(adjusted.values(told)):
        if invoice.wants_adjustment and invoice.money_back != money_back:
            raise MoneyBackChanged("Số tiền đã trả lại vừa đổi. Hãy xem lại hóa đơn rồi ghi.")
        raise NothingToAdjust("Hóa đơn này không có gì phải điều chỉnh.")
    await audit.record(
        session,
        actor=actor,
        action="invoice.adjusted",
        object_id=invoice.id,
        details={"before": invoice.adjusted, **told},
    )
