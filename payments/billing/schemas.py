"""What the API of markets takes. Amounts are whole đồng, areas square decimetres."""

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from core.schemas import Code, Line, PrintedLine, RequestModel
from core.tax_numbers import checked_tax_number
from payments.billing.periods import REMINDER_DAYS, PeriodKind
from payments.billing.setting_up import NewMarket, NewStall, NewVendor
from payments.billing.sheets import NUMBER_SIGNS

#: Kinds of places, as tariffs and stalls name them alike.
Kind = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
StallCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9./-]{0,31}$")]
Rate = Annotated[int, Field(ge=1, le=10**10)]


def plain_day(value: object) -> object:
    """The same value. Raises ValueError for what is no day like 2026-11-23."""
    if not isinstance(value, str) or re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII) is None:
        raise ValueError("must be a day like 2026-11-23")
    return value


Day = Annotated[
    date,
    BeforeValidator(plain_day),
    Field(strict=False, ge=date(2000, 1, 1), le=date(2199, 12, 31)),
]
PeriodName = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9W-]{2,5}$")]


ReminderDays = Annotated[list[Annotated[int, Field(ge=1, le=28)]], Field(max_length=28)]


class MarketIn(RequestModel):
    """A market of an agency."""

    agency: Code
    code: Code
    name: PrintedLine
    name_en: PrintedLine
    market_class: Annotated[int, Field(ge=1, le=3)]
    route_order: Annotated[int, Field(ge=0, le=10_000)] = 0
    opening_day: Annotated[int, Field(ge=1, le=28)] = 1
    due_day: Annotated[int, Field(ge=1, le=28)] = 15
    rounded_to: Literal[1, 100, 500, 1000] = 1
    reminder_days: ReminderDays = Field(default_factory=lambda: list(REMINDER_DAYS))
    #: whether the worker opens each month's bills on `opening_day`
    opens_itself: bool = True

    @property
    def new(self) -> NewMarket:
        """The market to write down."""
        return NewMarket(**self.model_dump(exclude={"agency"}))


class ScheduleIn(RequestModel):
    """When a market's months are opened and reminded of; what is left out stays."""

    opening_day: Annotated[int, Field(ge=1, le=28)] | None = None
    reminder_days: ReminderDays | None = None
    opens_itself: bool | None = None


class RemindersIn(RequestModel):
    """Whether a vendor wants reminders, and the language of them; left out, it stays."""

    wanted: bool
    language: Literal["vi", "en"] | None = None


class StallIn(RequestModel):
    """A stall; `area` in square decimetres: 12.5 m² are 1250."""

    code: StallCode
    kind: Kind
    area: Annotated[int, Field(ge=1, le=10_000_000)]
    frontages: Annotated[int, Field(ge=1, le=4)] = 1
    lane: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9 ./-]{0,32}$")] = ""
    route_order: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    place_x: Annotated[int, Field(ge=0, le=10_000)] | None = None
    place_y: Annotated[int, Field(ge=0, le=10_000)] | None = None
    meter_digits: Annotated[int, Field(ge=3, le=9)] = 5

    @property
    def new(self) -> NewStall:
        """The stall to write down."""
        return NewStall(**self.model_dump())


class StallsIn(RequestModel):
    """Stalls to write down together: all of them or none."""

    stalls: Annotated[list[StallIn], Field(min_length=1, max_length=500)]


class VendorFactsIn(RequestModel):
    """Who a vendor is; kept sealed. A tax number has its check digit."""

    name: PrintedLine
    phone: Annotated[str, StringConstraints(pattern=r"^(\+?[0-9][0-9 ]{7,18})?$")] = ""
    tax_number: Annotated[str, AfterValidator(lambda one: one and checked_tax_number(one))] = ""


class VendorIn(VendorFactsIn):
    """A vendor of an agency, by the number that the market's board knows them by."""

    agency: Code
    code: Code

    @property
    def new(self) -> NewVendor:
        """The vendor to write down."""
        return NewVendor(self.code, self.name, self.phone, self.tax_number)


Services = Annotated[
    dict[
        Annotated[str, StringConstraints(pattern=r"^(service|vehicle):[A-Za-z0-9._-]{1,32}$")],
        Annotated[int, Field(ge=1, le=1000)],
    ],
    Field(max_length=20, default_factory=dict),
]


class ContractIn(RequestModel):
    """That a vendor holds a stall from a day on; both by their codes."""

    stall: StallCode
    vendor: Code
    first_on: Day
    last_on: Day | None = None
    billed_by: PeriodKind = "month"
    number: Annotated[str, StringConstraints(pattern=f"^{NUMBER_SIGNS}{{0,64}}$")] = ""
    services: Services

    @model_validator(mode="after")
    def _in_order(self) -> "ContractIn":
        if self.last_on is not None and self.last_on < self.first_on:
            raise ValueError("last_on is before first_on")
        return self


class StickerIn(RequestModel):
    """Why a stall's sticker is printed anew; it is kept in the log."""

    reason: Line


class EndIn(RequestModel):
    """The last day of a contract."""

    last_on: Day


class _TariffIn(RequestModel):
    rate: Rate
    vat_included: bool = True
    vat_percent: Annotated[int, Field(ge=0, le=100)] = 0
    basis: Line
    valid_from: Day
    reason: Line

    @model_validator(mode="after")
    def _vat_once(self) -> "_TariffIn":
        if self.vat_included and self.vat_percent:
            raise ValueError("vat_percent is what comes on top: 0 where the rate includes it")
        return self

    @property
    def wanted(self) -> dict[str, Any]:
        """What an approval keeps of it."""
        return self.model_dump(mode="json", exclude={"reason"})


class StallTariffIn(_TariffIn):
    """What a square metre of a kind of place is to cost at the agency's markets of this class."""

    kind: Kind
    per: Literal["day", "month"]
    frontage_surcharges: Annotated[
        list[Annotated[int, Field(ge=0, le=10**9)]], Field(max_length=3, default_factory=list)
    ]


class ChargeTariffIn(_TariffIn):
    """What something beside the place is to cost at this market; electricity and water by unit."""

    kind: Literal["electricity", "water", "service", "vehicle", "entry"]
    code: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,32}$")]
    name: PrintedLine
    name_en: PrintedLine
    per: Literal["unit", "day", "month", "entry"]

    @model_validator(mode="after")
    def _fits(self) -> "ChargeTariffIn":
        metered = self.kind in ("electricity", "water")
        if metered != (self.per == "unit") or (self.kind == "entry") != (self.per == "entry"):
            raise ValueError("electricity and water are per unit, entry per entry, others by time")
        if metered and self.code != self.kind:
            raise ValueError("the code of electricity and water is that of their kind")
        return self


class ReadingIn(RequestModel):
    """What a meter showed at the end of a day."""

    meter: Literal["electricity", "water"]
    read_on: Day
    shows: Annotated[int, Field(ge=0, le=999_999_999)]
    began_anew: bool = False


class WaiverIn(RequestModel):
    """How much of the place's price of some days is to be let off; no `stall`: of every stall.

    `percent` of it, or `amount` đồng of each stall's, spread over these days and never more than a
    day costs.
    """

    stall: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,100}$")] | None = None
    first_on: Day
    last_on: Day
    percent: Annotated[int, Field(ge=1, le=100)] | None = None
    amount: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None
    kind: Literal["closed", "storm", "hardship"]
    basis: Line
    reason: Line

    @model_validator(mode="after")
    def _in_order(self) -> "WaiverIn":
        if self.last_on < self.first_on:
            raise ValueError("last_on is before first_on")
        if (self.percent is None) == (self.amount is None):
            raise ValueError("either percent or amount")
        return self

    def wanted(self, market_id: str) -> dict[str, Any]:
        """What an approval keeps of it: an amount by a name that says whose it is."""
        told = self.model_dump(mode="json", exclude={"reason", "kind", "percent", "amount"})
        if self.amount is None:
            told["percent"] = self.percent
        else:
            told["amount_each"] = self.amount
        return told | {"reason": self.kind, "market": market_id}


class RunIn(RequestModel):
    """The period to bill: 2026-11, 2026-W45 or 2026-11-05. `readings_until`: today unless told."""

    kind: PeriodKind = "month"
    period: PeriodName
    readings_until: Day | None = None
