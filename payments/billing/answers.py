"""What the API of markets gives. Amounts are whole đồng, areas square decimetres."""

from dataclasses import asdict
from datetime import date

from pydantic import BaseModel

from core.schemas import Instant
from payments.billing.loading import MarketValue
from payments.billing.preview import RunPreview
from payments.billing.queries import (
    BillingRunValue,
    ChargedSum,
    ChargeTariffValue,
    ContractValue,
    ReadingValue,
    StallTariffValue,
    StallValue,
    VendorValue,
    WaiverValue,
)


class MarketOut(BaseModel):
    """A market."""

    id: str
    code: str
    name: str
    name_en: str
    market_class: int
    route_order: int
    opening_day: int
    due_day: int
    rounded_to: int
    reminder_days: list[int]
    opens_itself: bool

    @classmethod
    def of(cls, market: MarketValue) -> "MarketOut":
        """The answer for a market."""
        return cls(**{name: getattr(market, name) for name in cls.model_fields})


class StallOut(BaseModel):
    """A stall; a transfer that bears `reference` is for whatever it owes."""

    id: str
    code: str
    kind: str
    area: int
    frontages: int
    lane: str
    route_order: int
    place_x: int | None
    place_y: int | None
    reference: str
    meter_digits: int

    @classmethod
    def of(cls, stall: StallValue) -> "StallOut":
        """The answer for a stall."""
        return cls(**asdict(stall))


class VendorOut(BaseModel):
    """A vendor, with the personal data."""

    id: str
    code: str
    name: str
    phone: str
    tax_number: str
    language: str
    #: since when this vendor wants no reminders
    reminders_refused_at: Instant | None

    @classmethod
    def of(cls, vendor: VendorValue) -> "VendorOut":
        """The answer for a vendor."""
        return cls(
            id=vendor.id,
            code=vendor.code,
            name=vendor.data.get("name", ""),
            phone=vendor.data.get("phone", ""),
            tax_number=vendor.data.get("payer_tax_number", ""),
            language=vendor.language,
            reminders_refused_at=vendor.reminders_refused_at,
        )


class ContractOut(BaseModel):
    """A contract, with the codes of its stall and vendor."""

    id: str
    stall: str
    vendor: str
    number: str
    first_on: date
    last_on: date | None
    billed_by: str
    services: dict[str, int]

    @classmethod
    def of(cls, contract: ContractValue) -> "ContractOut":
        """The answer for a contract."""
        return cls(**asdict(contract))


class EndOut(BaseModel):
    """What ending a contract did: how many bills were withdrawn and made anew."""

    id: str
    last_on: date
    billed_anew: int


class StallTariffOut(BaseModel):
    """A tariff of places at the agency's markets of a class."""

    id: str
    market_class: int
    kind: str
    per: str
    rate: int
    frontage_surcharges: list[int]
    vat_included: bool
    vat_percent: int
    basis: str
    valid_from: date
    valid_to: date | None

    @classmethod
    def of(cls, tariff: StallTariffValue) -> "StallTariffOut":
        """The answer for a tariff."""
        return cls(**asdict(tariff))


class ChargeTariffOut(BaseModel):
    """A tariff of something beside the place."""

    id: str
    kind: str
    code: str
    name: str
    name_en: str
    per: str
    rate: int
    vat_included: bool
    vat_percent: int
    basis: str
    valid_from: date
    valid_to: date | None

    @classmethod
    def of(cls, tariff: ChargeTariffValue) -> "ChargeTariffOut":
        """The answer for a tariff."""
        return cls(**asdict(tariff))


class TariffsOut(BaseModel):
    """All that a market's prices come of, also what holds no more."""

    stalls: list[StallTariffOut]
    charges: list[ChargeTariffOut]


class ReadingOut(BaseModel):
    """What a meter showed at the end of a day."""

    id: str
    meter: str
    read_on: date
    shows: int
    began_anew: bool

    @classmethod
    def of(cls, reading: ReadingValue) -> "ReadingOut":
        """The answer for a reading."""
        return cls(**asdict(reading))


class WaiverOut(BaseModel):
    """What two people let off; `stall` is a stall's id, null for the whole market.

    Either `percent` of these days' price, or `amount` đồng of each stall's; the other one is 0.
    """

    id: str
    stall: str | None
    first_on: date
    last_on: date
    percent: int
    amount: int
    kind: str
    basis: str

    @classmethod
    def of(cls, waiver: WaiverValue) -> "WaiverOut":
        """The answer for a waiver."""
        return cls(
            id=waiver.id,
            stall=waiver.stall_id,
            first_on=waiver.first_on,
            last_on=waiver.last_on,
            percent=waiver.percent,
            amount=waiver.amount,
            kind=waiver.reason,
            basis=waiver.basis,
        )


class ProblemOut(BaseModel):
    """What could not be billed of a stall, and why."""

    stall: str
    code: str
    detail: str


class ChargedOut(BaseModel):
    """Charges of one kind and state of their bills; `none` is owed nothing of."""

    kind: str
    status: str
    count: int
    amount: int
    waived: int


class BillingRunOut(BaseModel):
    """A billing run. `charged` is there where one run is asked for."""

    id: str
    market: str
    kind: str
    period: str
    first_on: date
    last_on: date
    opened_on: date
    due_on: date
    readings_until: date
    state: str
    started_by: str
    created_at: Instant
    finished_at: Instant | None
    problems: list[ProblemOut]
    charged: list[ChargedOut] | None = None

    @classmethod
    def of(cls, run: BillingRunValue, charged: list[ChargedSum] | None = None) -> "BillingRunOut":
        """The answer for a run."""
        told = {name: value for name, value in asdict(run).items() if name in cls.model_fields}
        sums = None if charged is None else [ChargedOut(**asdict(one)) for one in charged]
        return cls(**told, charged=sums)


class PreviewSumOut(BaseModel):
    """Charges of one kind that a run would add."""

    kind: str
    count: int
    amount: int
    waived: int


class StallDifferenceOut(BaseModel):
    """What a stall owed in the run before, and would owe in this one."""

    stall: str
    before: int
    now: int


class RunPreviewOut(BaseModel):
    """What a run would add now, and how it differs from the run of that kind before it."""

    period: str
    stalls: int
    bills: int
    amount: int
    sums: list[PreviewSumOut]
    against: str | None
    amount_before: int
    differing: int
    differences: list[StallDifferenceOut]
    problems: list[ProblemOut]

    @classmethod
    def of(cls, preview: RunPreview) -> "RunPreviewOut":
        """The answer for a preview."""
        return cls.model_validate(asdict(preview))


class MarketList(BaseModel):
    """Markets in the order in which a collector goes round."""

    items: list[MarketOut]


class StallList(BaseModel):
    """Stalls; `next_cursor` asks for those that follow, null at the end."""

    items: list[StallOut]
    next_cursor: str | None


class VendorList(BaseModel):
    """Vendors; `next_cursor` asks for those that follow, null at the end."""

    items: list[VendorOut]
    next_cursor: str | None


class ContractList(BaseModel):
    """Contracts; `next_cursor` asks for those that follow, null at the end."""

    items: list[ContractOut]
    next_cursor: str | None


class ReadingList(BaseModel):
    """Readings of a stall that stand, the newest first."""

    items: list[ReadingOut]


class WaiverList(BaseModel):
    """Waivers of a market, the newest first."""

    items: list[WaiverOut]


class BillingRunList(BaseModel):
    """Billing runs of a market, the newest first."""

    items: list[BillingRunOut]


class CreatedOut(BaseModel):
    """The ids of what was written down, by the codes it was sent under."""

    ids: dict[str, str]


class StickerOut(BaseModel):
    """The short code that opens a stall's page, told this once: for its holder's contract."""

    code: str
