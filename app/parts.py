"""What a running process is made of; `app.wiring` puts it together."""

from dataclasses import dataclass, field

from app.anchors import AnchorPlaces
from app.children import ChildPool
from app.invariants import Evidence
from core.crypto import Cipher
from core.db import Database
from core.settings import Settings
from payments.administration.deeds import Administration
from payments.agencies.access.principals import Keyring
from payments.agencies.changes import Knowledge
from payments.books.approvals import ApprovalKinds
from payments.context import Context
from payments.messages.delivering import MessageContext
from payments.webhooks.delivering import WebhookContext
from receipts.commands import IssuingContext
from receipts.display import Display
from receipts.invoices.context import InvoiceContext
from reconciliation.closing.minutes_files import MinutesPress
from reconciliation.context import ReconciliationContext


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything a process needs, made once."""

    settings: Settings
    children: ChildPool
    database: Database
    cipher: Cipher = field(repr=False)
    keyring: Keyring
    knowledge: Knowledge
    payments: Context
    issuing: IssuingContext
    display: Display
    reconciling: ReconciliationContext
    minutes_press: MinutesPress
    approval_kinds: ApprovalKinds
    evidence: Evidence
    anchoring: AnchorPlaces
    administration: Administration
    webhooks: WebhookContext
    messages: MessageContext
    invoicing: InvoiceContext
