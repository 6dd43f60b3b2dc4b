"""Every handler there is: the one list that the outbox and the worker are read from."""

from typing import Any, Final

from app.parts import Parts
from app.receipt_messages import tell_payers
from core.handlers import Handler
from payments.billing.credit.handlers import pay_again_with_credit, pay_with_credit
from payments.billing.imports.handlers import load_stall_files
from payments.collecting.handlers import clear_handovers
from payments.debts.handlers import load_debts
from payments.events import (
    BillPaid,
    BillReopened,
    CollectorDepositWaits,
    DebtListWaits,
    RefundPaid,
    RefundUnproved,
    StallCreditWaits,
    StallImportWaits,
)
from payments.webhooks.handlers import EventFact, tell, tell_of_bills, tell_of_refunds
from receipts.events import ReceiptIssued
from receipts.handlers import issue_receipts, note_refunds
from receipts.invoices.handlers import note_returns, want_invoices

#: Telling is a few statements for any number of events.
_TOLD_AT_ONCE: Final = 500

#: A line for each: its event, its name (never changed: deliveries that wait bear it), its work.
HANDLERS: Final[tuple[Handler[Parts, Any], ...]] = (
    Handler(
        BillPaid,
        "receipts.issue",
        lambda parts, session, events: issue_receipts(parts.issuing, session, events),
    ),
    Handler(
        RefundPaid,
        "receipts.refund",
        lambda _, session, events: note_refunds(session, events),
    ),
    Handler(
        RefundUnproved,
        "receipts.unprove",
        lambda _, session, events: note_refunds(session, events),
    ),
    Handler(
        BillPaid,
        "invoices.want",
        lambda parts, session, events: want_invoices(parts.invoicing, session, events),
    ),
    Handler(
        BillReopened,
        "invoices.reopen",
        lambda _, session, events: note_returns(session, events),
    ),
    Handler(
        RefundPaid,
        "invoices.refund",
        lambda _, session, events: note_returns(session, events),
    ),
    Handler(
        RefundUnproved,
        "invoices.unprove",
        lambda _, session, events: note_returns(session, events),
    ),
    Handler(
        StallCreditWaits,
        "billing.pay_with_credit",
        lambda _, session, events: pay_with_credit(session, events),
    ),
    Handler(
        CollectorDepositWaits,
        "collecting.clear_handovers",
        lambda _, session, events: clear_handovers(session, events),
    ),
    Handler(
        BillReopened,
        "billing.pay_again_with_credit",
        lambda _, session, events: pay_again_with_credit(session, events),
    ),
    Handler(
        StallImportWaits,
        "billing.load_stall_files",
        lambda parts, session, events: load_stall_files(
            session, events, parts.cipher, parts.payments.request_key
        ),
        1,
    ),
    Handler(
        DebtListWaits,
        "debts.load",
        lambda parts, session, events: load_debts(
            session, events, parts.cipher, parts.payments.request_key
        ),
        1,
    ),
    Handler(
        BillPaid,
        "webhooks.bill_paid",
        lambda _, session, events: tell_of_bills(session, events),
        _TOLD_AT_ONCE,
    ),
    Handler(
        RefundPaid,
        "webhooks.refund_paid",
        lambda _, session, events: tell_of_refunds(session, events),
        _TOLD_AT_ONCE,
    ),
    Handler(
        RefundUnproved,
        "webhooks.refund_unproved",
        lambda _, session, events: tell_of_refunds(session, events),
        _TOLD_AT_ONCE,
    ),
    Handler(
        ReceiptIssued,
        "webhooks.receipt_issued",
        lambda _, session, events: tell(
            session, [EventFact(one, one.receipt_id, one.agency_id) for one in events]
        ),
        _TOLD_AT_ONCE,
    ),
    Handler(
        ReceiptIssued,
        "messages.receipt_issued",
        lambda parts, session, events: tell_payers(session, parts.cipher, events),
    ),
)
