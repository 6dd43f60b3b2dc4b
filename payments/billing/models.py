"""Rows of the market: places, who holds them, what they cost, what was read and let off.

A contract says who holds a stall from day to day; the database refuses two of them on one day. A
tariff holds from its first day to its last, and on one day a kind of place has one. Personal data
of a vendor stands in `payer_data` under the vendor's id, encrypted, and nowhere here.

Input never reaches these classes unchecked; the limits stand here again as CHECK constraints.
"""

from datetime import date, datetime
from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    Index,
    Integer,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from core.db import amount_field, json_field, moment
from core.guards import after_create
from payments.billing.guards import CREATE_MARKET_GUARDS
from payments.billing.periods import REMINDER_DAYS
from payments.catalogue.models import Fee

_PERIODS = "IN ('day', 'week', 'month')"
_METERS = "IN ('electricity', 'water')"
#: See `payments.billing.suggesting.likeness`, which makes the same of a payer's words.
PLAIN_CODE: Final = "upper(regexp_replace(code, '[^0-9A-Za-z]', '', 'g'))"


class Market(SQLModel, table=True):
    """A market of an agency; its class (1 to 3) decides with a stall's kind what a place costs."""

    __tablename__ = "market"
    __table_args__ = (
        UniqueConstraint("agency_id", "code"),
        CheckConstraint("market_class BETWEEN 1 AND 3", name="market_class"),
        CheckConstraint("opening_day BETWEEN 1 AND 28", name="opening_day"),
        CheckConstraint("due_day BETWEEN 1 AND 28", name="due_day"),
        CheckConstraint("rounded_to IN (1, 100, 500, 1000)", name="rounded_to"),
        CheckConstraint(
            "1 <= ALL (reminder_days) AND 28 >= ALL (reminder_days)", name="reminder_days"
        ),
    )

    id: str = Field(primary_key=True)
    agency_id: str = Field(foreign_key="agency.id")
    code: str
    name: str
    name_en: str
    market_class: int
    #: in which order a collector goes round an agency's markets
    route_order: int = 0
    #: the day of the month before or of the month itself on which a month's bills are opened
    opening_day: int = 1
    #: the day of the month by which they are to be paid
    due_day: int = 15
    #: what a stall's price is rounded to, in đồng
    rounded_to: int = 1
    created_at: datetime = moment()
    #: the days of a month on which whoever owes for it is reminded
    reminder_days: list[int] = Field(
        default_factory=lambda: list(REMINDER_DAYS),
        sa_column=Column(ARRAY(Integer), nullable=False, server_default=text("'{5,10}'")),
    )
    #: months whose opening day is this one or later are opened by themselves; None: none is
    opens_itself_from_on: date | None = None
    #: whose turn it is to open a month ends then
    opening_until: datetime | None = moment(default=None)
    #: the last day on which reminders were written
    reminded_on: date | None = None


class Stall(SQLModel, table=True):
    """A place at a market. One whose area or kind changes is another place from that day."""

    __tablename__ = "stall"
    __table_args__ = (
        UniqueConstraint("market_id", "code"),
        CheckConstraint("area BETWEEN 1 AND 10000000", name="area"),
        CheckConstraint("frontages BETWEEN 1 AND 4", name="frontages"),
        CheckConstraint("meter_digits BETWEEN 3 AND 9", name="meter_digits"),
        Index("ix_stall_plain_code", "plain_code"),
    )

    id: str = Field(primary_key=True)
    market_id: str = Field(foreign_key="market.id")
    code: str
    #: the kind of place, as tariffs name it: kiosk, nha-long, ngoai-troi, …
    kind: str
    #: square decimetres
    area: int
    frontages: int = 1
    #: where it is on the market's map, in steps of a grid; None where nobody has drawn it
    place_x: int | None = None
    place_y: int | None = None
    #: the row of stalls that it stands in, as people call it
    lane: str = ""
    #: in which order a collector comes past
    route_order: int = 0
    #: of kind `stall`: what a transfer bears that pays whatever the stall owes
    reference: str = Field(foreign_key="reference.reference", unique=True)
    #: how many digits its meters show
    meter_digits: int = 5
    created_at: datetime = moment()
    #: letters and digits of the code alone, as a payer's words have it; the database's own
    plain_code: str | None = Field(
        default=None, sa_column=Column(String, Computed(PLAIN_CODE, persisted=True))
    )


class Vendor(SQLModel, table=True):
    """Who holds stalls; the name, phone and tax number are in `payer_data` under this id."""

    __tablename__ = "vendor"
    __table_args__ = (
        UniqueConstraint("agency_id", "code"),
        CheckConstraint("language IN ('vi', 'en')", name="language"),
    )

    id: str = Field(primary_key=True)
    agency_id: str = Field(foreign_key="agency.id")
    #: the number by which the market's board knows them; no personal data
    code: str
    created_at: datetime = moment()
    #: the language of what they are told
    language: str = Field(
        default="vi", sa_column=Column(String, nullable=False, server_default=text("'vi'"))
    )
    #: since when they want no reminders; None: they are reminded
    reminders_refused_at: datetime | None = moment(default=None)


class StallContract(SQLModel, table=True):
    """That a vendor holds a stall from `first_on` to `last_on`, both included, or for now."""

    __tablename__ = "stall_contract"
    __table_args__ = (
        CheckConstraint("last_on >= first_on", name="days"),
        CheckConstraint(f"billed_by {_PERIODS}", name="billed_by"),
        UniqueConstraint("stall_id", "first_on"),
        Index("ix_stall_contract_vendor_id", "vendor_id"),
    )

    id: str = Field(primary_key=True)
    stall_id: str = Field(foreign_key="stall.id")
    vendor_id: str = Field(foreign_key="vendor.id")
    #: the number on paper; empty where there is none
    number: str = ""
    first_on: date
    last_on: date | None = None
    #: whether it is billed by the day, the week or the month
    billed_by: str
    #: codes of services and vehicles that it has, and how many of each
    services: dict[str, int] = json_field()
    created_at: datetime = moment()
    #: keyed hash of the short code on the paper, which opens its vendor's page of the stall; None
    #: where none was given with this contract
    code_hash: str | None = None


class StallTariffRow(SQLModel, table=True):
    """What a square metre of a kind of place costs at an agency's markets of a class."""

    __tablename__ = "stall_tariff"
    __table_args__ = (
        CheckConstraint("market_class BETWEEN 1 AND 3", name="market_class"),
        CheckConstraint("per IN ('day', 'month')", name="per"),
        CheckConstraint("rate BETWEEN 1 AND 10000000000", name="rate"),
        CheckConstraint("vat_percent BETWEEN 0 AND 100", name="vat_percent"),
        CheckConstraint("NOT vat_included OR vat_percent = 0", name="vat_included"),
        CheckConstraint("valid_to >= valid_from", name="days"),
    )

    id: str = Field(primary_key=True)
    agency_id: str = Field(foreign_key="agency.id")
    market_class: int
    kind: str
    per: str
    #: đồng for a square metre and day, or month
    rate: int = amount_field()
    #: what is added for two frontages, for three, and so on, in đồng for a square metre
    frontage_surcharges: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))
    #: whether value added tax is in the rate already; `vat_percent` is added where it is not
    vat_included: bool = True
    vat_percent: int = 0
    #: the decision that set it
    basis: str
    valid_from: date
    valid_to: date | None = None
    #: what put it into force; None where it came with the agency's first data
    approval_id: str | None = Field(default=None, foreign_key="approval.id")
    created_at: datetime = moment()


class ChargeTariffRow(SQLModel, table=True):
    """What a market charges beside the place: metered power and water, services, vehicles, entry.

    `code` names one among its kind; electricity and water have one each.
    """

    __tablename__ = "charge_tariff"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('electricity', 'water', 'service', 'vehicle', 'entry')", name="kind"
        ),
        CheckConstraint("per IN ('unit', 'day', 'month', 'entry')", name="per"),
        CheckConstraint(f"(kind {_METERS}) = (per = 'unit')", name="metered_by_unit"),
        CheckConstraint("(kind = 'entry') = (per = 'entry')", name="entry_by_entry"),
        CheckConstraint("rate BETWEEN 1 AND 10000000000", name="rate"),
        CheckConstraint("vat_percent BETWEEN 0 AND 100", name="vat_percent"),
        CheckConstraint("NOT vat_included OR vat_percent = 0", name="vat_included"),
        CheckConstraint("valid_to >= valid_from", name="days"),
    )

    id: str = Field(primary_key=True)
    market_id: str = Field(foreign_key="market.id")
    kind: str
    code: str
    name: str
    name_en: str
    per: str
    #: đồng for a unit of the meter, a day, a month or an entry
    rate: int = amount_field()
    vat_included: bool = True
    vat_percent: int = 0
    basis: str
    valid_from: date
    valid_to: date | None = None
    approval_id: str | None = Field(default=None, foreign_key="approval.id")
    created_at: datetime = moment()


class MeterReadingRow(SQLModel, table=True):
    """What a stall's meter showed at the end of a day, in whole units; one a day stands."""

    __tablename__ = "meter_reading"
    __table_args__ = (
        CheckConstraint(f"meter {_METERS}", name="meter"),
        CheckConstraint("shows BETWEEN 0 AND 999999999", name="shows"),
        Index(
            "uq_meter_reading_day",
            "stall_id",
            "meter",
            "read_on",
            unique=True,
            postgresql_where=text("voided_at IS NULL"),
        ),
    )

    id: str = Field(primary_key=True)
    stall_id: str = Field(foreign_key="stall.id")
    meter: str
    read_on: date
    shows: int
    #: since the reading before, it went past its last digit once
    began_anew: bool = False
    read_by: str
    created_at: datetime = moment()
    #: when another reading took its place
    voided_at: datetime | None = moment(default=None)


class StallWaiverRow(SQLModel, table=True):
    """What two people let off for some days: of one stall's charges, or of a whole market's."""

    __tablename__ = "stall_waiver"
    __table_args__ = (
        CheckConstraint("percent BETWEEN 0 AND 100", name="percent"),
        CheckConstraint("amount BETWEEN 0 AND 1000000000", name="amount"),
        CheckConstraint("(percent > 0) <> (amount > 0)", name="one_of_both"),
        CheckConstraint("reason IN ('closed', 'storm', 'hardship')", name="reason"),
        CheckConstraint("last_on >= first_on", name="days"),
        Index("ix_stall_waiver_market_id", "market_id", "first_on"),
    )

    id: str = Field(primary_key=True)
    market_id: str = Field(foreign_key="market.id")
    #: None for every stall of the market
    stall_id: str | None = Field(default=None, foreign_key="stall.id")
    first_on: date
    last_on: date
    #: of the place's price of these days; 0 where it is an amount
    percent: int
    reason: str
    #: the decision that grants it
    basis: str
    approval_id: str = Field(foreign_key="approval.id")
    created_at: datetime = moment()
    #: of each stall's price, spread over these days, in đồng; 0 where it is a percentage
    amount: int = Field(
        default=0, sa_column=Column(BigInteger, nullable=False, server_default=text("0"))
    )


class BillingRun(SQLModel, table=True):
    """The bills of a market for a day, a week or a month, opened by one run.

    A run that was stopped is `running` until it is run again, which adds what is not there yet.
    """

    __tablename__ = "billing_run"
    __table_args__ = (
        UniqueConstraint("market_id", "kind", "period"),
        CheckConstraint(f"kind {_PERIODS}", name="kind"),
        CheckConstraint("state IN ('running', 'done')", name="state"),
        CheckConstraint("last_on >= first_on", name="days"),
        CheckConstraint("(state = 'done') = (finished_at IS NOT NULL)", name="finished"),
    )

    id: str = Field(primary_key=True)
    market_id: str = Field(foreign_key="market.id")
    kind: str
    #: 2026-11, 2026-W45 or 2026-11-05
    period: str
    first_on: date
    last_on: date
    #: the Vietnamese day whose bills these are
    opened_on: date
    due_on: date
    #: readings up to this day are billed
    readings_until: date
    state: str
    started_by: str
    created_at: datetime = moment()
    finished_at: datetime | None = moment(default=None)
    #: what could not be billed, stall by stall, as the run that finished last saw it
    problems: list[dict[str, str]] = json_field()


class StallCharge(SQLModel, table=True):
    """One thing that a contract owes for a period; the charges of a run and contract are one bill.

    `amount` is what is owed and `waived` what was let off; both together are the tariff's price.
    One that is owed nothing of may be on no bill.
    """

    __tablename__ = "charge"
    __table_args__ = (
        CheckConstraint("amount BETWEEN 0 AND 10000000000000", name="amount"),
        CheckConstraint("waived BETWEEN 0 AND 10000000000000", name="waived"),
        CheckConstraint("amount = 0 OR bill_id IS NOT NULL", name="owed_is_billed"),
        CheckConstraint("last_on >= first_on", name="days"),
        Index(
            "uq_charge_period",
            "contract_id",
            "kind",
            "period",
            unique=True,
            postgresql_where=text("voided_at IS NULL"),
        ),
        Index("ix_charge_run_id", "run_id"),
        Index("ix_charge_bill_id", "bill_id"),
        Index("ix_charge_stall_id", "stall_id", "period"),
    )

    id: str = Field(primary_key=True)
    run_id: str = Field(foreign_key="billing_run.id")
    stall_id: str = Field(foreign_key="stall.id")
    contract_id: str = Field(foreign_key="stall_contract.id")
    vendor_id: str = Field(foreign_key="vendor.id")
    #: rent, electricity, water, or service:CODE and vehicle:CODE
    kind: str
    period: str
    #: the days that it is for; of a meter, from the day after one reading to the day of another
    first_on: date
    last_on: date
    amount: int = amount_field()
    waived: int = amount_field(default=0)
    #: which is paid first of what is equally old: the smaller one
    priority: int
    bill_id: str | None = Field(default=None, foreign_key="bill.id")
    created_at: datetime = moment()
    #: since when it stands no more, for its bill was withdrawn; a re-run bills it anew
    voided_at: datetime | None = moment(default=None)


_GUARDED: tuple[type[SQLModel], ...] = (StallContract, StallTariffRow, ChargeTariffRow)
for _model, _guard in zip(_GUARDED, CREATE_MARKET_GUARDS, strict=True):
    # The guards need the type of ranges that the catalogue's make.
    _tables = SQLModel.metadata.tables
    _tables[str(_model.__tablename__)].add_is_dependent_on(_tables[str(Fee.__tablename__)])
    after_create(_model, _guard)
