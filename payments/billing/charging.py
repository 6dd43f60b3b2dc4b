"""What the contracts of a stall owe for a period, charge by charge. Pure.

Rent, services and vehicles are priced by days (`rules`), so a part of a month, a hand-over and a
waiver of some days neither make nor lose a đồng. Electricity and water are billed by what was read
since they were billed last, to whoever held the stall all that time; where it changed hands without
a reading, nobody is billed until there is one, and the run says so.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import Final

from core.money import format_vnd
from payments.billing.periods import Period, months_between
from payments.billing.rules import (
    SQUARE_METRE,
    MeteredCharge,
    MeterReading,
    MeterRunsBackwards,
    StallPlace,
    StallTariff,
    StallWaiver,
    TariffUnclear,
    charge_readings,
    price_of_days,
    waive,
)

RENT: Final = "rent"
METERS: Final = ("electricity", "water")
#: Which is paid first of what is equally old, the smaller number first.
_PRIORITIES: Final = {RENT: 10, "electricity": 20, "water": 30, "service": 40, "vehicle": 50}
_UNITS: Final = {"electricity": "kWh", "water": "m³"}
_METER_NAMES: Final = {
    "electricity": ("Tiền điện", "Electricity"),
    "water": ("Tiền nước", "Water"),
}
_A_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ChargeRate:
    """What something beside the place costs; `rate` for a unit, a day, or a whole month."""

    kind: str
    code: str
    name: str
    name_en: str
    per: str
    rate: int
    vat_percent: int
    basis: str
    valid_from: date
    valid_to: date | None

    def is_for(self, kind: str, code: str, on: date) -> bool:
        """Whether it is in force for that on a day."""
        upto = self.valid_to is None or on <= self.valid_to
        return (self.kind, self.code) == (kind, code) and self.valid_from <= on and upto


@dataclass(frozen=True, slots=True)
class DatedWaiver:
    """`percent` of the price of some days, of one stall or (`stall_id` None) of all.

    Or `amount` đồng of each such stall's price, spread over these days: so much a day, and never
    more than the day costs.
    """

    stall_id: str | None
    first_on: date
    last_on: date
    percent: int
    basis: str
    amount: int = 0

    def share(self, first: date, last: date) -> int:
        """What of `amount` falls on days of its own, in đồng.

        The shares of days that follow each other add up to that of all of them, and those of all
        its days to `amount`, however they are cut.
        """
        days = (self.last_on - self.first_on).days + 1
        before, upto = (first - self.first_on).days, (last - self.first_on).days + 1
        return self.amount * upto // days - self.amount * before // days


@dataclass(frozen=True, slots=True)
class HeldStall:
    """That a vendor holds a stall, as a contract says; `services` is code → how many."""

    id: str
    stall_id: str
    vendor_id: str
    first_on: date
    last_on: date | None
    billed_by: str
    services: Mapping[str, int]

    def holds(self, first: date, last: date) -> bool:
        """Whether it holds the stall on every one of these days."""
        return self.first_on <= first and (self.last_on is None or last <= self.last_on)

    def meets(self, first: date, last: date) -> bool:
        """Whether it holds the stall on any of these days."""
        return self.first_on <= last and (self.last_on is None or first <= self.last_on)


@dataclass(frozen=True, slots=True)
class StallFacts:
    """A stall with all that its charges depend on.

    Between two `readings` lies what is not billed yet, unless the later one is of a day in
    `billed`: what was used up to then is on a bill that stands.
    """

    id: str
    code: str
    place: StallPlace
    meter_digits: int
    contracts: Sequence[HeldStall]
    readings: Mapping[str, Sequence[MeterReading]]
    billed: Mapping[str, Collection[date]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewCharge:
    """A charge with the words of its line; `amount` is owed, `waived` was let off, in đồng."""

    contract: HeldStall
    kind: str
    first_on: date
    last_on: date
    amount: int
    waived: int
    description: str
    description_en: str
    explanation: str
    basis: str
    waived_by: str = ""

    @property
    def priority(self) -> int:
        """Which is paid first of what is equally old."""
        return _PRIORITIES[self.kind.partition(":")[0]]


@dataclass(frozen=True, slots=True)
class BillingProblem:
    """Why something of a stall could not be billed."""

    stall: str
    code: str
    detail: str


@dataclass(slots=True)
class PriceList:
    """The tariffs of a market; what a place costs on some days is worked out once."""

    tariffs: Sequence[StallTariff]
    bases: Mapping[str, str]
    rates: Sequence[ChargeRate]
    rounded_to: int = 1
    _known: dict[tuple[StallPlace, date, date], int] = field(default_factory=dict)

    def price(self, place: StallPlace, first: date, last: date) -> int:
        """What a place costs on some days of one month. Raises `TariffUnclear`."""
        asked = (place, first, last)
        if asked not in self._known:
            step = self.rounded_to if place.market_class else 1
            self._known[asked] = price_of_days(self.tariffs, place, first, last, rounded_to=step)
        return self._known[asked]

    def find_rate(self, kind: str, code: str, on: date) -> ChargeRate | None:
        """The rate of something that is in force on a day."""
        return next((one for one in self.rates if one.is_for(kind, code, on)), None)


def price_list(
    tariffs: Sequence[StallTariff],
    bases: Mapping[str, str],
    rates: Sequence[ChargeRate],
    rounded_to: int,
) -> PriceList:
    """The tariffs with those of services beside: each is a place of a kind of its own."""
    of_services = [
        StallTariff(
            market_class=0,
            covers=frozenset({f"{rate.kind}:{rate.code}"}),
            per="month" if rate.per == "month" else "day",
            rate=rate.rate,
            valid_from=rate.valid_from,
            valid_to=rate.valid_to,
            vat_percent=rate.vat_percent,
        )
        for rate in rates
        if rate.per in ("day", "month")
    ]
    return PriceList([*tariffs, *of_services], bases, rates, rounded_to)


def charges_of(
    stall: StallFacts,
    prices: PriceList,
    waivers: Collection[DatedWaiver],
    period: Period,
    readings_until: date,
) -> tuple[list[NewCharge], list[BillingProblem]]:
    """What a stall's contracts owe for a period, and what could not be billed of it."""
    charges: list[NewCharge] = []
    problems: list[BillingProblem] = []
    own = [one for one in waivers if one.stall_id in (None, stall.id)]
    for contract in stall.contracts:
        if contract.billed_by != period.kind or not contract.meets(period.first, period.last):
            continue
        try:
            charges += _by_days(stall, contract, prices, own, period)
        except TariffUnclear as error:
            detail = f"Không có đúng một biểu giá áp dụng ({error})."
            problems.append(BillingProblem(stall.code, "tariff_unclear", detail))
    for meter in METERS:
        made, missed = _metered(stall, meter, prices, period, readings_until)
        charges += made
        problems += missed
    return charges, problems


def _by_days(
    stall: StallFacts,
    contract: HeldStall,
    prices: PriceList,
    waivers: Sequence[DatedWaiver],
    period: Period,
) -> list[NewCharge]:
    """Rent, services and vehicles of a contract for the days of a period that it holds."""
    first = max(contract.first_on, period.first)
    last = period.last if contract.last_on is None else min(contract.last_on, period.last)
    days = (last - first).days + 1
    words = f"{days} ngày ({first:%d/%m/%Y}–{last:%d/%m/%Y})"
    area = f"{stall.place.area / SQUARE_METRE:.2f}".rstrip("0").rstrip(".").replace(".", ",")
    charged, waived, by = _price(prices, stall.place, first, last, waivers)
    made = [
        NewCharge(
            contract=contract,
            kind=RENT,
            first_on=first,
            last_on=last,
            amount=charged - waived,
            waived=waived,
            description=f"Giá thuê điểm kinh doanh {stall.code}, {period.words()}",
            description_en=f"Rent of stall {stall.code}, {period.words('en')}",
            explanation=f"Diện tích {area} m², {words}",
            basis=prices.bases.get(stall.place.kind, ""),
            waived_by=by,
        )
    ]
    for name, count in sorted(contract.services.items()):
        kind, _, code = name.partition(":")
        rate = prices.find_rate(kind, code, last)
        if rate is None:
            raise TariffUnclear(f"no rate for {name} on {last.isoformat()}")
        place = StallPlace(0, name, SQUARE_METRE * count)
        pieces = months_between(first, last)
        price = sum(prices.price(place, one, other) for one, other in pieces)
        made.append(
            NewCharge(
                contract=contract,
                kind=name,
                first_on=first,
                last_on=last,
                amount=price,
                waived=0,
                description=f"{rate.name}, {period.words()}",
                description_en=f"{rate.name_en}, {period.words('en')}",
                explanation=f"{count} × {words}",
                basis=rate.basis,
            )
        )
    return made


def _price(
    prices: PriceList,
    place: StallPlace,
    first: date,
    last: date,
    waivers: Sequence[DatedWaiver],
) -> tuple[int, int, str]:
    """What a place costs on some days, what of it is let off, and by what decision."""
    met = [one for one in waivers if one.first_on <= last and first <= one.last_on]
    cuts = {first, last + _A_DAY}
    for one in met:
        cuts |= {max(one.first_on, first), min(one.last_on, last) + _A_DAY}
    charged = waived = 0
    for begin, end in pairwise(sorted(cuts)):
        granted = [one for one in met if one.first_on <= begin and end - _A_DAY <= one.last_on]
        for since, until in months_between(begin, end - _A_DAY):
            let_off = [StallWaiver(one.percent, one.share(since, until)) for one in granted]
            part = waive(prices.price(place, since, until), let_off)
            charged += part.charged
            waived += part.waived
    return charged, waived, "; ".join(dict.fromkeys(one.basis for one in met))


def _metered(
    stall: StallFacts, meter: str, prices: PriceList, period: Period, until: date
) -> tuple[list[NewCharge], list[BillingProblem]]:
    """What was used and is on no bill costs each contract, and where a reading is missing."""
    readings = [one for one in stall.readings.get(meter, ()) if one.on <= until]
    billed = stall.billed.get(meter, ())
    of_contracts: dict[str, list[tuple[HeldStall, MeteredCharge, int]]] = {}
    for before, now in pairwise(sorted(readings, key=lambda one: one.on)):
        first = before.on + _A_DAY
        met = [one for one in stall.contracts if one.meets(first, now.on)]
        if not met or now.on in billed:
            continue
        fault = _fault(met, meter, prices, first, now.on)
        rate = prices.find_rate(meter, meter, now.on)
        if fault is None and rate is not None:
            try:
                (used,) = charge_readings(
                    [before, now], rate.rate, stall.meter_digits, vat_percent=rate.vat_percent
                )
            except MeterRunsBackwards:
                detail = f"Chỉ số {now.on:%d/%m/%Y} nhỏ hơn chỉ số trước; hãy ghi lại."
                fault = ("meter_backwards", detail)
            else:
                of_contracts.setdefault(met[0].id, []).append((met[0], used, rate.rate))
                continue
        if fault is not None:
            # What comes after is billed once this is mended, so that nothing is passed over.
            made = _metered_charges(stall, meter, prices, period, of_contracts)
            return made, [BillingProblem(stall.code, *fault)]
    return _metered_charges(stall, meter, prices, period, of_contracts), []


def _fault(
    met: Sequence[HeldStall], meter: str, prices: PriceList, first: date, last: date
) -> tuple[str, str] | None:
    if len(met) > 1 or not met[0].holds(first, last):
        day = f"{max(one.first_on for one in met) - _A_DAY:%d/%m/%Y}"
        return (
            "reading_wanted",
            f"Sạp đổi người thuê mà chưa có chỉ số ({meter}) lúc bàn giao {day}.",
        )
    if prices.find_rate(meter, meter, last) is None:
        return "tariff_unclear", f"Chưa có giá {meter} áp dụng ngày {last:%d/%m/%Y}."
    return None


def _metered_charges(
    stall: StallFacts,
    meter: str,
    prices: PriceList,
    period: Period,
    of_contracts: Mapping[str, Sequence[tuple[HeldStall, MeteredCharge, int]]],
) -> list[NewCharge]:
    vietnamese, english = _METER_NAMES[meter]
    made = []
    for parts in of_contracts.values():
        contract = parts[0][0]
        if contract.billed_by != period.kind:
            continue
        used = "; ".join(
            f"{one.used} {_UNITS[meter]} × {format_vnd(rate)} (đến {one.until:%d/%m/%Y})"
            for _, one, rate in parts
        )
        until = parts[-1][1].until
        rate = prices.find_rate(meter, meter, until)
        made.append(
            NewCharge(
                contract=contract,
                kind=meter,
                first_on=parts[0][1].since + _A_DAY,
                last_on=until,
                amount=sum(one.amount for _, one, _ in parts),
                waived=0,
                description=f"{vietnamese} sạp {stall.code}, {period.words()}",
                description_en=f"{english} of stall {stall.code}, {period.words('en')}",
                explanation=used,
                basis="" if rate is None else rate.basis,
            )
        )
    return made
