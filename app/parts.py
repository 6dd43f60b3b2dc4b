"""What a running process is made of; `app.wiring` puts it together."""

from dataclasses import dataclass, field

from app.anchors import AnchorPlaces
from app.children import ChildPool
from app.invariants import Evidence
from core.crypto import Cipher
from core.db import Database
from core.settings import Settings
from payments.agencies.access.principals import Keyring
from payments.agencies.changes import Knowledge
from payments.books.approvals import ApprovalKinds
from payments.context import Context
from receipts.commands import IssuingContext
from receipts.display import Display
from reconciliation.commands import ReconciliationContext


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
    approval_kinds: ApprovalKinds
    evidence: Evidence
    anchoring: AnchorPlaces
