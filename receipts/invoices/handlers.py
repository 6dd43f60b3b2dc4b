"""What invoices do when something has happened elsewhere."""

from collections.abc import Sequence

from core.sessions import WriteSession
from payments.events import BillPaid, BillReopened, RefundPaid, RefundUnproved
from receipts.invoices.context import InvoiceContext
from receipts.invoices.ordering import note_money_back, order_invoices


async def want_invoices(
    context: InvoiceContext, session: WriteSession, events: Sequence[BillPaid]
) -> None:
    """Write down the invoice that each paid bill needs; told again, it changes nothing."""
    await order_invoices(session, context, list(dict.fromkeys(one.bill_id for one in events)))


async def note_returns(
    session: WriteSession,
    events: Sequence[BillReopened] | Sequence[RefundPaid] | Sequence[RefundUnproved],
) -> None:
    """Say on each invoice what of its money is not with its bill any more, or is again."""
    await note_money_back(session, {one.bill_id for one in events if one.bill_id})
