"""What the API takes and gives. Bodies in are strict: unknown fields and other types are refused.

The names are the public contract; tables never appear here. Amounts are whole đồng, times ISO 8601
UTC.
"""

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from core.money import Amount
from core.schemas import Code, Instant, Line, RequestModel, no_controls
from core.tax_numbers import checked_tax_number
from payments.catalogue.rules.fees import MAX_COPIES, MAX_QUANTITY
from payments.catalogue.rules.natures import FeeNature
from payments.catalogue.schemas import ReliefOut
from payments.schemas import DocumentOut, InvoiceOut, ReceiptOut

SubItem = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}$")]


_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})"
)


def _instant(value: object) -> datetime:
    if not isinstance(value, str) or _INSTANT.fullmatch(value) is None:
        raise ValueError("must be an ISO 8601 time with its offset, such as 2026-11-22T10:00:00Z")
    return datetime.fromisoformat(value)


#: An instant in a body. Pydantic alone would also take a number, in seconds or milliseconds as
#: its size suggests, and a time without an offset.
InstantIn = Annotated[
    datetime,
    BeforeValidator(_instant),
    Field(strict=False),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


def _web_address(value: str) -> str:
    # urlsplit drops line breaks and tabs by itself: what it checked would not be what is kept.
    if not value.isascii() or not value.isprintable() or " " in value or "\\" in value:
        raise ValueError("must be printable ASCII without spaces; escape everything else")
    parts = urlsplit(value)
    if parts.scheme not in ("https", "http") or not parts.hostname or "@" in parts.netloc:
        raise ValueError("must be an absolute http(s) address without credentials")
    return value


WebAddress = Annotated[
    str, StringConstraints(min_length=8, max_length=500), AfterValidator(_web_address)
]


def _day(value: object) -> date:
    if not isinstance(value, str) or re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value) is None:
        raise ValueError("must be a date, such as 2026-11-22")
    return date.fromisoformat(value)


#: A date in a body.
Day = Annotated[
    date,
    BeforeValidator(_day),
    Field(strict=False),
    WithJsonSchema({"type": "string", "format": "date"}),
]


class NoticeIn(RequestModel):
    """Another office's notice of an amount, such as the tax office's of a registration charge."""

    number: Line
    issued_on: Day
    tax_number: Annotated[str, AfterValidator(checked_tax_number)]
    treasury: Line
    chapter: Annotated[str, StringConstraints(pattern=r"^[0-9]{3}$")]
    sub_item: SubItem


class LineIn(RequestModel):
    """A line by fee (with quantity, value, or amount and notice), or one with its own amount."""

    fee: Code | None = None
    quantity: int | None = Field(default=None, ge=1, le=MAX_QUANTITY)
    copies: int | None = Field(default=None, ge=1, le=MAX_COPIES)
    value: Amount | None = None
    notice: NoticeIn | None = None
    description: Line | None = None
    amount: Amount | None = None
    sub_item: SubItem | None = None
    #: what a line with its own amount is in law; told by its words unless it is said
    nature: FeeNature | None = Field(default=None, strict=False)

    @model_validator(mode="after")
    def _one_kind(self) -> "LineIn":
        if self.fee is None:
            self._check_own()
        else:
            self._check_by_fee()
        return self

    def _check_own(self) -> None:
        if any(v is None for v in (self.description, self.amount, self.sub_item)):
            raise ValueError("give fee and quantity, or description, amount and sub_item")
        if self.quantity is not None or self.copies is not None:
            raise ValueError("quantity and copies go with a fee")
        if self.value is not None or self.notice is not None:
            raise ValueError("value and notice go with a fee")

    def _check_by_fee(self) -> None:
        if self.nature is not None:
            raise ValueError("nature goes with a line's own amount; a fee has its own")
        if self.description is not None or self.sub_item is not None:
            raise ValueError("give fee and quantity, or description, amount and sub_item")
        if (self.amount is None) != (self.notice is None):
            raise ValueError("amount and notice of a fee go together")
        if self.quantity is None and self.value is None and self.notice is None:
            raise ValueError("quantity is missing")


class ReliefIn(RequestModel):
    """What speaks for a relief. `claims` are grounds, or codes of reliefs.

    `born_on` is the birth date of the person the matter is about; `asset` names what it is about
    (a number plate, a parcel of land) and decides nothing. A relief once a year is counted under
    `payer.identity_number`, a personal number of 12 digits.
    """

    claims: list[Code] = Field(default_factory=list, max_length=20)
    born_on: Day | None = None
    asset: Line | None = None


def _relief(value: object) -> object:
    return {"claims": [value]} if isinstance(value, str) else value


#: One ground or relief alone may be given as its name.
Relief = Annotated[
    ReliefIn,
    BeforeValidator(_relief),
]


#: A party's tax number as it is sent; what is wrong with it is said with the bill's other faults.
TaxNumber = Annotated[str, StringConstraints(min_length=1, max_length=30)]


class PayerIn(RequestModel):
    """Who pays, as far as the agency needs to know; kept encrypted."""

    name: Line | None = None
    phone: Annotated[str, StringConstraints(pattern=r"^\+?[0-9 .-]{8,20}$")] | None = None
    email: (
        Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$", max_length=200)] | None
    ) = None
    identity_number: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{6,20}$")] | None = None
    address: Line | None = None
    #: ten digits, ten and three of a branch, or a person's twelve; checked with the bill
    tax_number: TaxNumber | None = None


class OnBehalfIn(RequestModel):
    """Whose obligation the payer pays (nộp thay); kept encrypted."""

    name: Line
    address: Line | None = None
    tax_number: TaxNumber | None = None


class DelegateIn(RequestModel):
    """Who collects in the body's name under a written delegation (ủy quyền, ủy nhiệm thu)."""

    name: Line
    address: Line


Metadata = Annotated[
    dict[
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,40}$")],
        Annotated[str, StringConstraints(max_length=500), AfterValidator(no_controls)]
        | int
        | bool
        | None,
    ],
    Field(max_length=20, json_schema_extra={"additionalProperties": False}),
]


DOSSIER_NUMBER = r"^[A-Za-z0-9./_-]{1,64}$"
DossierNumber = Annotated[str, StringConstraints(pattern=DOSSIER_NUMBER)]


class BillIn(RequestModel):
    """A bill to open."""

    agency: Code
    lines: list[LineIn] = Field(min_length=1, max_length=50)
    dossier_number: DossierNumber | None = None
    payer: PayerIn | None = None
    on_behalf_of: OnBehalfIn | None = None
    delegate: DelegateIn | None = None
    channel: Literal["api", "counter", "online"] = "api"
    expires_at: InstantIn | None = None
    return_url: WebAddress | None = None
    language: Literal["vi", "en"] = "vi"
    metadata: Metadata = Field(default_factory=dict)
    relief: Relief | None = None
    #: id or reference of the earlier bill of this dossier that it adds to (thu bổ sung)
    supplement_of: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,100}$")] | None = None


class NoticeOut(BaseModel):
    """The notice that set an amount; its tax number is not shown."""

    number: str
    issued_on: date
    treasury: str
    chapter: str
    sub_item: str


class LineOut(BaseModel):
    """A line of a bill as it was priced when the bill was opened.

    `amount` is what is left of `full_amount` after the relief. The explanations tell how it came
    about, with the legal basis; `certainty` is that of the fee, null for a line with its own
    amount; `sub_item` null is no state revenue (postage).
    """

    fee: str | None
    description: str
    description_en: str | None
    quantity: int
    copies: int
    value: int | None
    full_amount: int
    amount: int
    sub_item: str | None
    explanation: str | None
    explanation_en: str | None
    basis: str | None
    certainty: Literal["confirmed", "secondary", "unconfirmed"] | None
    relief: ReliefOut | None
    notice: NoticeOut | None
    nature: FeeNature


class QrOut(BaseModel):
    """The VietQR of an open bill: its payload, and its image at two addresses that need no key."""

    payload: str
    png_url: str
    svg_url: str


class CheckoutOut(BaseModel):
    """How the payer goes on."""

    type: Literal["redirect", "qr", "form"]
    url: str | None = None
    payload: str | None = None


class ShareOut(BaseModel):
    """What a bill has of a payment that paid several: given to it, or waiting for the rest."""

    bill: str
    amount: int


class PaymentOut(BaseModel):
    """An attempt, or a credit that arrived by itself.

    `amount` is what was asked for; `credited` what came, null until then. Of that `allocated` is
    with bills, `in_suspense` waits for people or for the rest, `refundable` is to be given back,
    `reversed` was no money or was taken back; `paying_back` is a refund's that is under way, and
    `paid_back` has been returned. `reason` says why not all of it is with its bill.

    A transfer that paid several bills is of none alone: `bill` is null and `shares` are what each
    has of it. In a bill's own list it is shown with that bill, its one share, and where that is.
    """

    id: str
    bill: str | None
    gateway: str
    status: Literal["created", "submitted", "unknown", "held", "succeeded", "failed", "expired"]
    amount: int
    credited: int | None
    shares: list[ShareOut]
    allocated: int
    in_suspense: int
    refundable: int
    reversed: int
    paying_back: int
    paid_back: int
    reason: str | None
    checkout: CheckoutOut | None
    created_at: Instant
    paid_at: Instant | None


class BillOut(BaseModel):
    """A bill, its payments, its receipts, and what proves what no receipt proves.

    `invoice` is that of its prices, where the body has a provider of e-invoices.
    `supplement_of` is the id of the earlier bill that it adds to, `supplements` those of the bills
    that add to it.
    """

    id: str
    agency: str
    reference: str
    status: Literal["open", "paid", "exempt", "expired", "cancelled"]
    amount: int
    currency: Literal["VND"] = "VND"
    lines: list[LineOut]
    dossier_number: str | None
    pay_url: str
    qr: QrOut | None
    payments: list[PaymentOut]
    receipts: list[ReceiptOut]
    documents: list[DocumentOut]
    invoice: InvoiceOut | None
    expires_at: Instant | None
    created_at: Instant
    metadata: dict[str, Any]
    supplement_of: str | None
    supplements: list[str]


class BillList(BaseModel):
    """A page of bills, newest first."""

    items: list[BillOut]
    next_cursor: str | None


class DossierBillsOut(BaseModel):
    """What is owed on a dossier: `amount` đồng by the bills in `items`, each payable by itself."""

    dossier_number: str
    state: Literal["unpaid", "settled"]
    amount: int
    items: list[BillOut]
