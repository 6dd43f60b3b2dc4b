"""What receipts do when something has happened elsewhere."""

from collections.abc import Sequence

from core.sessions import WriteSession
from payments.events import BillPaid, RefundPaid, RefundUnproved
from receipts.commands import IssuingContext, issue
from receipts.refunding import note_what_went_back


async def issue_receipts(
    issuing: IssuingContext, session: WriteSession, events: Sequence[BillPaid]
) -> None:
    """Issue the receipt of each bill that was paid; one that has its receipt is left alone.

    Events come in any order: what has gone back before there was a receipt is said on it at once.
    """
    bills = [event.bill_id for event in events]
    await issue(session, issuing, bills)
    await note_what_went_back(session, bills)


async def note_refunds(
    session: WriteSession, events: Sequence[RefundPaid] | Sequence[RefundUnproved]
) -> None:
    """Say on each receipt what of its money has gone back: a part, all, or nothing after all."""
    await note_what_went_back(session, {event.bill_id for event in events if event.amount})
