"""Every table of the house in one metadata, for migrations and for comparing schemas.

Importing a module declares its tables; the guards add the triggers that `create_all` makes. What
is true of tables of several rooms stands here: which of them are never emptied.
"""

from sqlalchemy import event
from sqlmodel import SQLModel

import core.allowances
import core.audit
import core.checkpoints
import core.figures
import core.guesses
import core.heartbeats
import core.idempotency
import core.outbox
import payments.administration.models
import payments.agencies.access.models
import payments.agencies.access.sign_in_models
import payments.agencies.models
import payments.attempts.models
import payments.billing.imports.models
import payments.billing.models
import payments.bills.models
import payments.books.closed_days
import payments.books.guards
import payments.books.models
import payments.catalogue.models
import payments.collecting.models
import payments.debts.models
import payments.disputes.models
import payments.incoming.models
import payments.messages.models
import payments.webhooks.models
import receipts.guards
import receipts.invoices.models
import receipts.models
import reconciliation.cases.models
import reconciliation.closing_models
import reconciliation.days.nightly_models
import reconciliation.days.rule_models
import reconciliation.guards
import reconciliation.models
import reconciliation.reports.remittance_models
import reconciliation.settlements.models
import reconciliation.statements.kept_file_models
import reconciliation.statements.saved_layout_models
from core.guards import executing, lasting

MODULES = (
    core.allowances,
    core.audit,
    core.checkpoints,
    core.figures,
    core.guesses,
    core.heartbeats,
    core.idempotency,
    core.outbox,
    payments.administration.models,
    payments.agencies.access.models,
    payments.agencies.access.sign_in_models,
    payments.agencies.models,
    payments.attempts.models,
    payments.catalogue.models,
    payments.books.guards,
    payments.bills.models,
    payments.books.models,
    payments.books.closed_days,
    payments.billing.models,
    payments.billing.imports.models,
    payments.disputes.models,
    payments.collecting.models,
    payments.debts.models,
    payments.incoming.models,
    payments.messages.models,
    payments.webhooks.models,
    receipts.guards,
    receipts.invoices.models,
    receipts.models,
    reconciliation.models,
    reconciliation.cases.models,
    reconciliation.closing_models,
    reconciliation.days.rule_models,
    reconciliation.settlements.models,
    reconciliation.days.nightly_models,
    reconciliation.reports.remittance_models,
    reconciliation.statements.kept_file_models,
    reconciliation.statements.saved_layout_models,
    reconciliation.guards,
)

metadata = SQLModel.metadata

#: What the books, the documents and a body's set-up are made of: no statement empties these.
LASTING = (
    "agency",
    "allocation",
    "api_key",
    "approval",
    "audit_entry",
    "audit_link",
    "bill",
    "bill_line",
    "billing_run",
    "callback",
    "cash_deposit",
    "cash_handover",
    "charge",
    "charge_tariff",
    "closed_day",
    "collected_action",
    "collection_account",
    "credit_notice",
    "day_minutes",
    "day_rule",
    "debt",
    "debt_list",
    "discrepancy",
    "discrepancy_attachment",
    "discrepancy_case",
    "discrepancy_comment",
    "dispute",
    "gateway_account",
    "gateway_receipt",
    "late_line",
    "late_return",
    "invoice",
    "invoice_account",
    "ledger_transaction",
    "market",
    "match",
    "message_channel",
    "meter_reading",
    "minutes_file",
    "nightly_run",
    "nightly_schedule",
    "outbox_event",
    "paid_batch",
    "payer_data",
    "payment",
    "payment_document",
    "payout",
    "placed_line",
    "posting",
    "receipt",
    "receipt_file",
    "receipt_series",
    "recovery_code",
    "reconciliation",
    "reference",
    "refund",
    "remittance_codes",
    "saved_layout",
    "settled_payment",
    "settlement",
    "settlement_line",
    "sign_on",
    "staff_factor",
    "staff_user",
    "slip_block",
    "stall",
    "stall_contract",
    "stall_import",
    "stall_tariff",
    "stall_waiver",
    "statement",
    "statement_line",
    "suspense_item",
    "undone_match",
    "vendor",
    "webhook_endpoint",
)

#: Where rows serve for a while and are taken away again.
PASSING = frozenset(
    {
        "agency_offer",
        "allowance",
        "debt_batch",
        "figure",
        "gateway_breaker",
        "heartbeat",
        "idempotency_key",
        "kept_file",
        "mark",
        "payer_message",
        "proposed_statement",
        "proposed_version",
        "staff_session",
        "stall_batch",
        "statement_taking",
        "webhook_message",
        "wrong_guess",
    }
)

for _table in LASTING:
    event.listen(metadata.tables[_table], "after_create", executing(lasting(_table)))
