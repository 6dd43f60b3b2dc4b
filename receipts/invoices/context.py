"""What asking for invoices needs beside a session, put together once by the application."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from core.crypto import Cipher
from core.db import Database
from receipts.invoice_calls import InvoiceProviders


@dataclass(frozen=True, slots=True)
class InvoiceContext:
    """The parts, shared by all; `resting` says until when the invoices of others go first.

    By the account whose provider has just given no answer: it may hang for each of thousands.
    """

    database: Database
    cipher: Cipher = field(repr=False)
    providers: InvoiceProviders
    #: a gateway's title in Vietnamese, from its name
    gateway_title: Callable[[str], str]
    resting: dict[str, datetime] = field(default_factory=dict, repr=False)
