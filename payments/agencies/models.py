"""Public bodies and where their money arrives."""

from datetime import date, datetime, time

from sqlalchemy import (
    CheckConstraint,
    Column,
    Integer,
    LargeBinary,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from core.db import moment

#: Unless treasury and bank have agreed otherwise.
DEFAULT_CUT_OFF = time(16, 0)


class Agency(SQLModel, table=True):
    """A body that collects fees; a unit names the body above it."""

    __tablename__ = "agency"
    __table_args__ = (
        CheckConstraint(
            "offers IN ('all', 'own') OR (offers = 'parent' AND parent_id IS NOT NULL)",
            name="offers",
        ),
    )

    id: str = Field(primary_key=True)
    code: str = Field(unique=True)
    name: str
    name_en: str
    parent_id: str | None = Field(default=None, foreign_key="agency.id", index=True)
    tax_code: str
    address: str
    phone: str
    #: the only places a citizen may be sent back to (scheme, host and port)
    return_origins: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))
    created_at: datetime = moment()
    #: `all` procedures, its `own` choice of them (`AgencyOffer`), or what its `parent` offers
    offers: str = Field(default="all", sa_column_kwargs={"server_default": "all"})


class AgencyOffer(SQLModel, table=True):
    """A procedure that an agency has chosen to collect for."""

    __tablename__ = "agency_offer"

    agency_id: str = Field(primary_key=True, foreign_key="agency.id")
    procedure_code: str = Field(primary_key=True)


class CollectionAccount(SQLModel, table=True):
    """A bank or treasury account on which an agency's money arrives."""

    __tablename__ = "collection_account"
    __table_args__ = (
        CheckConstraint(r"bank_bin ~ '^\d{6}$'", name="bank_bin"),
        CheckConstraint("kind IN ('bank', 'treasury')", name="kind"),
        CheckConstraint("virtual_prefix ~ '^[0-9A-Z]{1,5}$'", name="virtual_prefix"),
        CheckConstraint(
            "NOT virtual_digits OR coalesce(virtual_prefix, '') ~ '^[0-9]{1,3}$'",
            name="virtual_digits",
        ),
    )

    id: str = Field(primary_key=True)
    agency_id: str = Field(foreign_key="agency.id", index=True)
    #: a short name people use on the command line and in statements, such as "kbnn-01"
    code: str = Field(unique=True)
    bank_bin: str
    account_number: str
    account_name: str
    #: money that comes after this time of a working day (Vietnam) is booked the next working day;
    #: the cut-off is agreed between treasury and bank (TT 81/2025/TT-BTC, Art. 2)
    cut_off: time = DEFAULT_CUT_OFF
    created_at: datetime = moment()
    #: whose account it is to be read as: a bank's own, or the treasury's at a bank
    kind: str = Field(default="treasury", sa_column_kwargs={"server_default": "treasury"})
    #: the first day that a statement of it can tell of; None where nobody has said
    opened_on: date | None = None
    #: since when two people stand by its number; None where one alone has said it, as payers see
    confirmed_at: datetime | None = moment(default=None)
    #: words in the narrative of what gateways pay over to it, as agreed with them
    settlement_words: list[str] = Field(
        default_factory=list,
        sa_column=Column(ARRAY(String), nullable=False, server_default=text("'{}'")),
    )
    #: what the bank's virtual accounts of it begin with, a reference following; None: it has none
    virtual_prefix: str | None = None
    #: whether a reference follows it as sixteen digits, at a bank that takes no letters
    virtual_digits: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})


class GatewayAccountRow(SQLModel, table=True):
    """An agency's account at a gateway, or the feed of credits to one of its bank accounts."""

    __tablename__ = "gateway_account"
    __table_args__ = (UniqueConstraint("gateway", "account"),)

    id: str = Field(primary_key=True)
    agency_id: str = Field(foreign_key="agency.id", index=True)
    gateway: str
    #: the last part of its callback path
    account: str
    base_url: str
    #: JSON of the gateway's own names, encrypted
    credentials: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    #: where this gateway's money arrives
    collection_account_id: str = Field(foreign_key="collection_account.id")
    #: offered to payers; what was started is asked about and told of even when it no longer is
    enabled: bool = True
    created_at: datetime = moment()
    #: which comes first where payers choose: the smaller one, of equal ones the older
    rank: int = Field(
        default=0, sa_column=Column(Integer, nullable=False, server_default=text("0"))
    )
    #: those before, encrypted; notices under them are taken until then
    previous_credentials: bytes | None = Field(
        default=None, sa_column=Column(LargeBinary, nullable=True)
    )
    previous_until: datetime | None = moment(default=None)


class GatewayBreaker(SQLModel, table=True):
    """How an account at a gateway answered the last attempts that were started there.

    It is open from `opened_at` on: nobody is sent there, but one payer from `probe_at` on, to see
    whether it answers again.
    """

    __tablename__ = "gateway_breaker"
    __table_args__ = (
        CheckConstraint("silences >= 0", name="silences"),
        CheckConstraint("(opened_at IS NULL) = (probe_at IS NULL)", name="opened"),
    )

    gateway_account_id: str = Field(primary_key=True, foreign_key="gateway_account.id")
    #: how many attempts in a row it did not answer, and the code of the last
    silences: int = 0
    code: str
    changed_at: datetime = moment()
    opened_at: datetime | None = moment(default=None)
    probe_at: datetime | None = moment(default=None)
    #: when the last payer was sent to see
    probed_at: datetime | None = moment(default=None)
