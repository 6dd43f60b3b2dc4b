"""A receipt that a gateway makes out itself, as a PDF: what it is asked for with. Pure.

It is told who paid and for what: personal data, and in no repr.
"""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ReceiptPayer:
    """Who paid, "" for what is not known."""

    name: str = ""
    identity_number: str = ""
    address: str = ""
    district: str = ""
    province: str = ""


@dataclass(frozen=True, slots=True)
class ReceiptOrder:
    """A paid order of which the gateway's receipt is wanted.

    `code` is the gateway's number of the money for this purpose, where it told one, else its
    `gateway_ref`. `dossier_number` and `procedure` are "" where there are none; `asked_at` and
    `paid_at` are aware UTC.
    """

    order_ref: str
    code: str
    dossier_number: str
    procedure: str
    agency_code: str
    agency_name: str
    paid_at: datetime
    asked_at: datetime
    payer: ReceiptPayer = field(repr=False)
