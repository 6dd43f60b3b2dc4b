"""What people do about invoices that nobody could make: have them asked for again."""

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
