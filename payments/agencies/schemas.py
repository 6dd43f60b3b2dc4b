"""What is asked of whoever sets up a body, and what is shown of it. Secrets never come out."""

import re
from datetime import date, time
from typing import Annotated, Final, Literal, Self, TypeAlias
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)
from stdnum.vn import mst

from core import clock
from core.schemas import Instant, Line, PrintedLine, RequestModel
from payments.agencies.banks import BANKS
from payments.agencies.listing import AccountEntry, AgencyEntry, GatewayEntry
from payments.agencies.models import DEFAULT_CUT_OFF
from payments.agencies.offers import named


def _no_id(value: str) -> str:
    # An agency or account is found by its code or by its id: the two must not be taken for another.
    if re.match(r"(agency|acct|gw)_", value):
        raise ValueError("must not look like one of our ids")
    return value


#: A code of a body or an account: it stands in addresses, so there is no slash in it.
OwnCode = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"),
    AfterValidator(_no_id),
]
ProcedureCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
GatewayName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,30}$")]


def _tax_code(value: str) -> str:
    if not re.fullmatch(r"[0-9]{10}(-?[0-9]{3})?", value) or not mst.is_valid(value):
        raise ValueError("is no tax code: 10 or 13 digits with a right check digit")
    return value


def _phone(value: str) -> str:
    digits = re.sub(r"[ .()-]", "", value)
    if not re.fullmatch(r"(\+84|0)[0-9]{8,10}|1[0-9]{3,9}", digits):
        raise ValueError("is no telephone number: 0 or +84 and 8 to 10 digits, or a hotline")
    return value


def origin(value: str) -> str:
    """An origin as a browser writes it. Raises ValueError for more than scheme, host and port."""
    if not value.isascii() or not value.isprintable() or re.search(r"[\s\\]", value):
        raise ValueError("must be printable ASCII without spaces")
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValueError("is no address") from None
    if parts.scheme not in ("https", "http") or not parts.hostname or "@" in parts.netloc:
        raise ValueError("must be https:// or http://, host and port")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("must be scheme, host and port only, without a path")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    usual = {"https": 443, "http": 80}[parts.scheme]
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, usual) else "")


def _service_address(value: str) -> str:
    parts = urlsplit(value) if value.isascii() and value.isprintable() else urlsplit("")
    if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc:
        raise ValueError("must be an https:// address without credentials")
    if parts.query or parts.fragment:
        raise ValueError("must end with its path")
    return value.rstrip("/")


def _operators_address(value: str) -> str:
    """As `_service_address`, or plain http to this very machine: an exchange's local relay."""
    parts = urlsplit(value) if value.isascii() and value.isprintable() else urlsplit("")
    if parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost"):
        return value.rstrip("/")
    return _service_address(value)


TaxCode = Annotated[str, AfterValidator(_tax_code)]
Phone = Annotated[str, StringConstraints(max_length=30), AfterValidator(_phone)]
Origin = Annotated[str, StringConstraints(max_length=200), AfterValidator(origin)]
Origins = Annotated[list[Origin], Field(max_length=20)]
Offers = Annotated[list[ProcedureCode], Field(max_length=5000)] | Literal["all", "parent"]
ServiceAddress = Annotated[str, StringConstraints(max_length=300), AfterValidator(_service_address)]
Credentials = Annotated[
    dict[
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,60}$")],
        Annotated[str, StringConstraints(max_length=10_000)],
    ],
    Field(max_length=40),
]


class AgencyIn(RequestModel):
    """A body or a unit of one. `offers` left out: a unit as its parent does, a body nothing yet."""

    code: OwnCode
    name: PrintedLine
    name_en: PrintedLine
    tax_code: TaxCode
    address: PrintedLine
    phone: Phone
    parent: OwnCode | None = None
    offers: Offers | None = None
    return_origins: Origins = Field(default_factory=list)
    #: why, for the second person who decides; production asks for two
    reason: Line | None = None


class AgencyChangeIn(RequestModel):
    """What is to be different; what is left out, or null, stays. A code never changes."""

    name: PrintedLine | None = None
    name_en: PrintedLine | None = None
    tax_code: TaxCode | None = None
    address: PrintedLine | None = None
    phone: Phone | None = None
    parent: OwnCode | None = None
    offers: Offers | None = None
    return_origins: Origins | None = None
    #: why, for the second person who decides; production asks for two
    reason: Line | None = None


def _cut_off(value: object) -> time:
    if isinstance(value, time):
        return value
    if not isinstance(value, str) or re.fullmatch(r"[0-9]{2}:[0-9]{2}", value) is None:
        raise ValueError("must be a time of day, such as 16:00")
    return time.fromisoformat(value)


#: A time of day in Vietnam, in a body.
CutOff = Annotated[
    time,
    BeforeValidator(_cut_off),
    Field(strict=False),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{2}:[0-9]{2}$", "default": "16:00"}),
]


def _past_day(value: object) -> object:
    # A number is a date to Pydantic, too.
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        day = date.fromisoformat(value)
        if date(1990, 1, 1) <= day <= clock.business_date(clock.now()):
            return day
    raise ValueError("must be a day from 1990 to today, such as 2026-11-02")


#: A day that has been, in a body.
Day = Annotated[date, BeforeValidator(_past_day)]


class AccountIn(RequestModel):
    """A bank or treasury account that a body's money arrives on; it never changes afterwards."""

    agency: OwnCode
    code: OwnCode
    kind: Literal["bank", "treasury"]
    bank_bin: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
    #: as a VietQR code carries it
    number: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{4,19}$")]
    holder: Annotated[PrintedLine, StringConstraints(max_length=100)]
    #: after this time of a working day (Vietnam) money is booked the next one (TT 81/2025, Art. 2)
    cut_off: CutOff = DEFAULT_CUT_OFF
    #: the BIN is right although the list of banks does not have it
    unlisted_bank: bool = False
    #: the first day it existed on: a statement that tells of earlier days is refused
    opened_on: Day | None = None
    #: why, for the second person who decides; production asks for two
    reason: Line | None = None


#: A place among a body's gateways.
MOST_RANK: Final = 1000
Rank: TypeAlias = Annotated[int, Field(ge=0, le=MOST_RANK)]


class GatewayIn(RequestModel):
    """An account at a gateway or feed; its credentials are in the gateway's own names."""

    agency: OwnCode
    collection_account: OwnCode
    gateway: GatewayName
    #: the last part of its callback path
    account: OwnCode
    base_url: ServiceAddress
    credentials: Credentials
    enabled: bool = True
    #: which comes first where payers choose: the smaller one
    rank: Rank = 0
    #: why, for the second person who decides; production asks for two
    reason: Line | None = None


KeepHours: TypeAlias = Annotated[int, Field(ge=0, le=168)]


class GatewayChangeIn(RequestModel):
    """What is to be different about an account at a gateway; what is left out, or null, stays."""

    collection_account: OwnCode | None = None
    base_url: ServiceAddress | None = None
    credentials: Credentials | None = None
    #: for how many hours notices under the credentials before are taken too; left out, for none
    keep_hours: KeepHours | None = None
    enabled: bool | None = None
    rank: Rank | None = None
    #: why, for the second person who decides; production asks for two
    reason: Line | None = None


#: Whose account: a bank's own, or the treasury's at a bank.
AccountKind: TypeAlias = Literal["bank", "treasury"]


class OperatorGatewayIn(RequestModel):
    """What the command line gives of an account at a gateway; what it leaves out stays."""

    agency: OwnCode
    gateway: GatewayName
    account: OwnCode
    collection_account: OwnCode | None = None
    base_url: (
        Annotated[str, StringConstraints(max_length=300), AfterValidator(_operators_address)] | None
    ) = None
    credentials: Credentials | None = None
    keep_hours: KeepHours | None = None
    enabled: bool | None = None
    rank: Rank | None = None


class AgencyOut(BaseModel):
    """A body. `offers` is its own choice: codes of procedures, `all`, or as its `parent` does."""

    id: str
    code: str
    name: str
    name_en: str
    tax_code: str
    address: str
    phone: str
    parent: str | None
    offers: list[str] | Literal["all", "parent"]
    return_origins: list[str]
    created_at: Instant

    @classmethod
    def of(cls, entry: AgencyEntry) -> Self:
        """The body as it was set up."""
        facts = {name: getattr(entry, name) for name in cls.model_fields if name != "offers"}
        return cls(**facts, offers=named(entry.offers, entry.codes))


class AccountOut(BaseModel):
    """A collection account; `bank` is null where the list of banks does not have its BIN."""

    id: str
    code: str
    agency: str
    kind: AccountKind
    bank_bin: str
    bank: str | None
    number: str
    holder: str
    cut_off: Annotated[time, PlainSerializer(lambda at: at.strftime("%H:%M"), return_type=str)]
    created_at: Instant
    opened_on: date | None
    #: since when two people stand by its number; while it is null, payers are warned
    confirmed_at: Instant | None
    #: what the bank's virtual accounts of it begin with; a reference follows
    virtual_prefix: str | None
    #: whether that reference follows as sixteen digits
    virtual_digits: bool

    @classmethod
    def of(cls, entry: AccountEntry) -> Self:
        """The account, with its bank's name."""
        return cls(
            id=entry.id,
            code=entry.code,
            agency=entry.agency,
            kind=entry.kind,
            bank_bin=entry.bank_bin,
            bank=BANKS.get(entry.bank_bin),
            number=entry.account_number,
            cut_off=entry.cut_off,
            holder=entry.account_name,
            created_at=entry.created_at,
            opened_on=entry.opened_on,
            confirmed_at=entry.confirmed_at,
            virtual_prefix=entry.virtual_prefix,
            virtual_digits=entry.virtual_digits,
        )


class GatewayOut(BaseModel):
    """An account at a gateway or feed, without its credentials."""

    id: str
    agency: str
    gateway: str
    account: str
    base_url: str
    collection_account: str
    enabled: bool
    #: until when notices under the credentials before are taken too
    previous_until: Instant | None
    created_at: Instant
    rank: int

    @classmethod
    def of(cls, entry: GatewayEntry) -> Self:
        """The account at the gateway."""
        return cls(**{name: getattr(entry, name) for name in cls.model_fields})


class AgencyList(BaseModel):
    """Some bodies by code; `next_cursor` asks for those that follow, null at the end."""

    items: list[AgencyOut]
    next_cursor: str | None


class AccountList(BaseModel):
    """Some collection accounts by code; `next_cursor` as above."""

    items: list[AccountOut]
    next_cursor: str | None


class GatewayList(BaseModel):
    """Some accounts at gateways by id; `next_cursor` as above."""

    items: list[GatewayOut]
    next_cursor: str | None
