"""Every table of the house in one metadata, for migrations and for comparing schemas.

Importing a module declares its tables; the guards add the triggers that `create_all` makes. What
is true of tables of several rooms stands here: which of them are never emptied.
"""

from sqlalchemy import event
from sqlmodel import SQLModel

import core.audit
import core.checkpoints
import core.figures
import core.guesses
import core.heartbeats
import core.idempotency
import core.outbox
import payments.administration.models
import payments.agencies.access.models
import payments.agencies.models
import payments.bills.models
import payments.books.guards
import payments.books.models
import payments.catalogue.models
import payments.incoming.models
import receipts.guards
import receipts.models
import reconciliation.models
from core.guards import executing, lasting

MODULES = (
    core.audit,
    core.checkpoints,
    core.figures,
    core.guesses,
    core.heartbeats,
    core.idempotency,
    core.outbox,
    payments.administration.models,
    payments.agencies.access.models,
    payments.agencies.models,
    payments.catalogue.models,
    payments.books.guards,
    payments.bills.models,
    payments.books.models,
    payments.incoming.models,
    receipts.guards,
    receipts.models,
    reconciliation.models,
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
    "callback",
    "collection_account",
    "credit_notice",
    "discrepancy",
    "gateway_account",
    "ledger_transaction",
    "match",
    "outbox_event",
    "payer_data",
    "payment",
    "payment_document",
    "posting",
    "receipt",
    "receipt_file",
    "receipt_series",
    "reconciliation",
    "reference",
    "staff_user",
    "statement",
    "statement_line",
    "suspense_item",
)

#: Where rows serve for a while and are taken away again.
PASSING = frozenset(
    {
        "agency_offer",
        "figure",
        "heartbeat",
        "idempotency_key",
        "proposed_statement",
        "statement_taking",
        "wrong_guess",
    }
)

for _table in LASTING:
    event.listen(metadata.tables[_table], "after_create", executing(lasting(_table)))
