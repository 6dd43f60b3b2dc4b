"""Every table of the house in one metadata, for migrations and for comparing schemas.

Importing a module declares its tables; the guards add the triggers that `create_all` makes.
"""

from sqlmodel import SQLModel

import core.audit
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

MODULES = (
    core.audit,
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
