"""What a stall at a market costs: tariffs, parts of months, waivers, meters. Pure.

A place at a market costs a price for each square metre and day, or month, by the class of the
market and the kind of the place; a place with several frontages costs more (a price since the Law
on charges and fees of 2015, set by the province; decree 60/2024/NĐ-CP on markets). Who holds a
place changes within a month, and so may its tariff. A place whose area or kind changes is another
place from that day.

So everything is counted by days. What a place has cost from the month's first day up to a day is
exact, and rounded once; what some days cost is the difference of two such sums. However a month is
cut into stays, their charges are together what the whole month costs, to the đồng. Amounts are
whole đồng, areas square decimetres.
"""

from calendar import monthrange
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import Final, Literal

#: A square metre in square decimetres.
SQUARE_METRE: Final = 100


class TariffUnclear(ValueError):
    """No tariff, or more than one, is in force for a place on a day: the tariffs must be mended."""


class StaysOverlap(ValueError):
    """Two vendors are said to hold one place on one day, or the days are another month's."""


class MeterRunsBackwards(ValueError):
    """A meter shows less than before, and nobody says that it has begun anew."""


@dataclass(frozen=True, slots=True)
class StallTariff:
    """What a square metre of a kind of place costs, from `valid_from` to `valid_to`, both included.

    `rate` is for a day or a whole month; `frontage_surcharges` is what it costs beside that with
    two frontages, with three, and so on: the last one counts for more. `covers` are the kinds of
    places, `market_class` 1 to 3. `vat_percent` comes on top; 0 where the rate includes it.
    """

    market_class: int
    covers: frozenset[str]
    per: Literal["day", "month"]
    rate: int
    valid_from: date
    valid_to: date | None = None
    frontage_surcharges: tuple[int, ...] = ()
    vat_percent: int = 0

    def is_for(self, place: "StallPlace", on: date) -> bool:
        """Whether it is in force for a place on a day."""
        from_now = self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)
        of_place = self.market_class == place.market_class and place.kind in self.covers
        return from_now and of_place


@dataclass(frozen=True, slots=True)
class StallPlace:
    """A place at a market as it is on some days: `area` in square decimetres."""

    market_class: int
    kind: str
    area: int
    frontages: int = 1


@dataclass(frozen=True, slots=True)
class Stay:
    """That a vendor holds a place from `first` to `last`, both included, in one month."""

    vendor: str
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class StayCharge:
    """What a stay costs, in đồng."""

    stay: Stay
    amount: int


@dataclass(frozen=True, slots=True)
class StallWaiver:
    """What is let off: `percent` of what is left to pay, or up to `amount` đồng of it."""

    percent: int = 0
    amount: int = 0


@dataclass(frozen=True, slots=True)
class WaivedCharge:
    """A charge with what was let off, waiver by waiver; `charged` is `owed` and `waived`."""

    charged: int
    parts: tuple[int, ...]

    @property
    def waived(self) -> int:
        """What was let off in all."""
        return sum(self.parts)

    @property
    def owed(self) -> int:
        """What is left to pay."""
        return self.charged - self.waived


@dataclass(frozen=True, slots=True)
class MeterReading:
    """What a meter showed at the end of a day, in whole units.

    `began_anew` says that since the reading before it went past its last digit once.
    """

    on: date
    shows: int
    began_anew: bool = False


@dataclass(frozen=True, slots=True)
class MeteredCharge:
    """What was used from the day after `since` to `until`, and what that costs in đồng."""

    since: date
    until: date
    used: int
    amount: int


def find_tariff(
    tariffs: Collection[StallTariff], place: StallPlace, on: date
) -> StallTariff | None:
    """The tariff that is in force for a place on a day. Raises `TariffUnclear` for several."""
    found = [tariff for tariff in tariffs if tariff.is_for(place, on)]
    if len(found) > 1:
        raise TariffUnclear(f"{len(found)} tariffs for {place.kind} on {on.isoformat()}")
    return found[0] if found else None


def price_of_day(tariff: StallTariff, place: StallPlace, on: date) -> Fraction:
    """What a place costs on one day, exactly, in đồng; of a month's price the day's part."""
    more = tariff.frontage_surcharges
    corner = more[min(place.frontages - 1, len(more)) - 1] if more and place.frontages > 1 else 0
    net = (tariff.rate + corner) * place.area
    whole = Fraction(net * (100 + tariff.vat_percent), 100 * SQUARE_METRE)
    return whole / monthrange(on.year, on.month)[1] if tariff.per == "month" else whole


def price_of_days(
    tariffs: Collection[StallTariff],
    place: StallPlace,
    first: date,
    last: date,
    *,
    rounded_to: int = 1,
) -> int:
    """What a place costs from `first` to `last`, both included and of one month, in đồng.

    `rounded_to` is what the market rounds sums to, half up. The prices of days that follow each
    other add up to the price of all of them, and none is below 0. Raises `TariffUnclear` for a day
    without a tariff or with several, and `StaysOverlap` for days that are not of one month.
    """
    if first > last or (first.year, first.month) != (last.year, last.month):
        raise StaysOverlap(f"{first.isoformat()} to {last.isoformat()} are not days of one month")
    upto, before = Fraction(0), Fraction(0)
    for number in range(1, last.day + 1):
        day = last.replace(day=number)
        tariff = find_tariff(tariffs, place, day)
        if tariff is None and day >= first:
            raise TariffUnclear(f"no tariff for {place.kind} on {day.isoformat()}")
        upto += 0 if tariff is None else price_of_day(tariff, place, day)
        before = upto if day < first else before
    return _rounded(upto, rounded_to) - _rounded(before, rounded_to)


def charge_stays(
    tariffs: Collection[StallTariff],
    place: StallPlace,
    stays: Sequence[Stay],
    *,
    rounded_to: int = 1,
) -> list[StayCharge]:
    """What each stay of one month costs, in order of time.

    The stays of a month that is held all through cost what the month costs, however often the place
    was handed over. Days that nobody holds it cost nobody anything. Raises `TariffUnclear` and
    `StaysOverlap`.
    """
    ordered = sorted(stays, key=lambda stay: stay.first)
    for one, following in pairwise(ordered):
        if one.last >= following.first:
            raise StaysOverlap(f"{one.vendor} and {following.vendor} on {following.first}")
    return [
        StayCharge(
            stay, price_of_days(tariffs, place, stay.first, stay.last, rounded_to=rounded_to)
        )
        for stay in ordered
    ]


def waive(charged: int, waivers: Sequence[StallWaiver]) -> WaivedCharge:
    """Let off a charge, waiver by waiver, each of what those before it have left; never below 0.

    A percentage is rounded down, so that nobody is let off more than was granted.
    """
    parts, left = [], charged
    for waiver in waivers:
        part = min(left * min(waiver.percent, 100) // 100 + waiver.amount, left)
        parts.append(part)
        left -= part
    return WaivedCharge(charged, tuple(parts))


def charge_readings(
    readings: Sequence[MeterReading], unit_price: int, digits: int, *, vat_percent: int = 0
) -> list[MeteredCharge]:
    """What was used between readings, in order of time, at `unit_price` đồng for each unit.

    `vat_percent` comes on top. A reading in between, as at a hand-over, changes no sum: what the
    meter has cost up to a reading is rounded, not what was used since. `digits` is how many the
    meter shows. Raises `MeterRunsBackwards`.
    """
    ordered = sorted(readings, key=lambda reading: reading.on)
    charges = []
    for before, now in pairwise(ordered):
        shows = now.shows + (10**digits if now.began_anew else 0)
        used = shows - before.shows
        if used < 0:
            raise MeterRunsBackwards(f"{before.shows} on {before.on}, {now.shows} on {now.on}")
        upto, since = (
            _rounded(Fraction(one * unit_price * (100 + vat_percent), 100), 1)
            for one in (shows, before.shows)
        )
        charges.append(MeteredCharge(before.on, now.on, used, upto - since))
    return charges


def _rounded(exact: Fraction, step: int) -> int:
    return int(exact / step + Fraction(1, 2)) * step
