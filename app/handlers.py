"""Every handler there is: the one list that the outbox and the worker are read from."""

from typing import Any, Final

from app.parts import Parts
from core.handlers import Handler
from payments.events import BillPaid
from receipts.handlers import issue_receipts

#: A line for each: its event, its name (never changed: deliveries that wait bear it), its work.
HANDLERS: Final[tuple[Handler[Parts, Any], ...]] = (
    Handler(
        BillPaid,
        "receipts.issue",
        lambda parts, session, events: issue_receipts(parts.issuing, session, events),
    ),
)
