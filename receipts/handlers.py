"""What receipts do when something has happened elsewhere."""

from collections.abc import Sequence

from core.sessions import WriteSession
from payments.events import BillPaid
from receipts.commands import IssuingContext, issue


async def issue_receipts(
    issuing: IssuingContext, session: WriteSession, events: Sequence[BillPaid]
) -> None:
    """Issue the receipt of each bill that was paid; one that has its receipt is left alone."""
    await issue(session, issuing, [event.bill_id for event in events])
