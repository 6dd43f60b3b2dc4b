"""What a stall costs: however a month is cut, waived or metered, no đồng is made or lost."""

from calendar import monthrange
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.billing.rules import (
    MeterReading,
    MeterRunsBackwards,
    StallPlace,
    StallTariff,
    StallWaiver,
    Stay,
    StayCharge,
    StaysOverlap,
    TariffUnclear,
    charge_readings,
    charge_stays,
    price_of_days,
    waive,
)

#: The year of a leap day is among them.
MONTHS = st.dates(date(2026, 1, 1), date(2028, 12, 31)).map(lambda day: day.replace(day=1))
BEGAN = date(2020, 1, 1)


@st.composite
def tariffs(draw: st.DrawFn, month: date) -> list[StallTariff]:
    """One tariff, or two of which the second takes over within the month."""
    some = []
    begins = [BEGAN, *([month + timedelta(days=draw(st.integers(1, 27)))] * draw(st.booleans()))]
    for number, begin in enumerate(begins):
        last = begins[number + 1] - timedelta(days=1) if number + 1 < len(begins) else None
        surcharges = draw(st.lists(st.integers(0, 60_000), max_size=3).map(sorted).map(tuple))
        some.append(
            StallTariff(
                market_class=1,
                covers=frozenset({"kiosk"}),
                per=draw(st.sampled_from(("day", "month"))),
                rate=draw(st.integers(1, 200_000)),
                valid_from=begin,
                valid_to=last,
                frontage_surcharges=surcharges,
            )
        )
    return some


@st.composite
def stalls(draw: st.DrawFn) -> tuple[date, list[StallTariff], StallPlace, list[Stay]]:
    """A place in a month, and stays that cover all of it."""
    month = draw(MONTHS)
    length = monthrange(month.year, month.month)[1]
    place = StallPlace(1, "kiosk", draw(st.integers(1, 10_000)), draw(st.integers(1, 5)))
    cuts = sorted(draw(st.sets(st.integers(1, length - 1), max_size=6)))
    edges = [0, *cuts, length]
    stays = [
        Stay(f"v{number}", month.replace(day=begin + 1), month.replace(day=end))
        for number, (begin, end) in enumerate(pairwise(edges))
    ]
    return month, draw(tariffs(month)), place, stays


def faults(whole: int, charges: list[StayCharge]) -> list[str]:
    """What is wrong with the charges of stays that cover a month which costs `whole`."""
    found = []
    if (total := sum(one.amount for one in charges)) != whole:
        found.append(f"stays of {total} are a month of {whole}")
    found += [f"{one.stay.vendor} pays {one.amount}" for one in charges if one.amount < 0]
    return found


@given(stalls(), st.sampled_from((1, 1, 500, 1000)))
def test_the_stays_of_a_month_cost_what_the_month_costs(
    stall: tuple[date, list[StallTariff], StallPlace, list[Stay]], step: int
) -> None:
    month, known, place, stays = stall
    last = month.replace(day=monthrange(month.year, month.month)[1])
    whole = price_of_days(known, place, month, last, rounded_to=step)
    charges = charge_stays(known, place, stays[::-1], rounded_to=step)
    assert [one.stay for one in charges] == stays
    assert faults(whole, charges) == []
    # Days that nobody holds the place are nobody's, and the others' charges do not change.
    assert charge_stays(known, place, stays[1:], rounded_to=step) == charges[1:]


def test_rounding_each_stay_by_itself_would_be_caught() -> None:
    month, place = date(2026, 11, 1), StallPlace(1, "kiosk", 100)
    tariff = StallTariff(1, frozenset({"kiosk"}), "month", 100, BEGAN)
    stays = [
        Stay(f"v{day}", month.replace(day=day), month.replace(day=day)) for day in range(1, 31)
    ]
    assert faults(100, charge_stays([tariff], place, stays)) == []
    alone = [StayCharge(stay, round(100 / 30)) for stay in stays]
    assert faults(100, alone) == ["stays of 90 are a month of 100"]


@given(
    st.integers(0, 10**9),
    st.lists(st.builds(StallWaiver, st.integers(0, 120), st.integers(0, 10**9)), max_size=4),
)
def test_what_is_waived_and_what_is_owed_are_what_was_charged(
    charged: int, waivers: list[StallWaiver]
) -> None:
    found = waive(charged, waivers)
    assert found.owed + found.waived == charged
    assert found.owed >= 0
    assert min(found.parts, default=0) >= 0
    assert len(found.parts) == len(waivers)


@given(
    st.integers(0, 99_999),
    st.lists(st.tuples(st.integers(1, 40), st.integers(0, 99_999)), min_size=1, max_size=8),
    st.integers(0, 20_000),
)
def test_a_reading_in_between_changes_no_sum(
    start: int, steps: list[tuple[int, int]], price: int
) -> None:
    readings, total = [MeterReading(date(2026, 1, 1), start)], 0
    for days, used in steps:
        before, total = readings[-1], total + used
        shows = before.shows + used
        readings.append(
            MeterReading(before.on + timedelta(days=days), shows % 100_000, shows >= 100_000)
        )
    charges = charge_readings(readings[::-1], price, digits=5)
    assert sum(one.used for one in charges) == total
    assert sum(one.amount for one in charges) == total * price
    assert [one.since for one in charges[1:]] == [one.until for one in charges[:-1]]


@pytest.mark.parametrize(
    ("tariff", "place", "month", "costs"),
    [
        # Cao Lãnh, decision 480/QĐ-UBND of 14/02/2026: 2,000 đ for a covered m² and day.
        (
            StallTariff(2, frozenset({"covered"}), "day", 2000, BEGAN),
            StallPlace(2, "covered", 450),
            date(2026, 4, 1),
            270_000,
        ),
        # Vĩnh Phúc, decision 18/2017: 36,000, 40,000 or 45,000 đ a month by one to three frontages.
        *(
            (
                StallTariff(
                    1, frozenset({"kiosk"}), "month", 36_000, BEGAN,
                    frontage_surcharges=(4000, 9000),
                ),
                StallPlace(1, "kiosk", 600, frontages),
                date(2026, 2, 1),
                amount,
            )
            for frontages, amount in ((1, 216_000), (2, 240_000), (3, 270_000), (4, 270_000))
        ),
        # Chợ Vinh, resolution 73/2016: 24,000 đ a month, 36,000 at a corner.
        (
            StallTariff(
                1, frozenset({"ordinary"}), "month", 24_000, BEGAN, frontage_surcharges=(12_000,)
            ),
            StallPlace(1, "ordinary", 325, 2),
            date(2028, 2, 1),
            117_000,
        ),
    ],
)  # fmt: skip
def test_real_tariffs_cost_what_they_say(
    tariff: StallTariff, place: StallPlace, month: date, costs: int
) -> None:
    last = month.replace(day=monthrange(month.year, month.month)[1])
    assert price_of_days([tariff], place, month, last) == costs


def test_what_cannot_be_told_is_refused() -> None:
    tariff = StallTariff(1, frozenset({"kiosk"}), "day", 1000, date(2026, 3, 10))
    place, day = StallPlace(1, "kiosk", 100), date(2026, 3, 20)
    for known in ([], [tariff, tariff]):
        with pytest.raises(TariffUnclear):
            price_of_days(known, place, day, day)
    with pytest.raises(TariffUnclear):  # it is not in force yet on the first of them
        price_of_days([tariff], place, date(2026, 3, 9), day)
    assert price_of_days([tariff], place, date(2026, 3, 10), day) == 11_000
    with pytest.raises(StaysOverlap):
        price_of_days([tariff], place, day, date(2026, 4, 2))
    twice = [Stay("a", day, day), Stay("b", day, day)]
    with pytest.raises(StaysOverlap, match="a and b"):
        charge_stays([tariff], place, twice)
    back = [MeterReading(day, 10), MeterReading(day + timedelta(days=1), 9)]
    with pytest.raises(MeterRunsBackwards):
        charge_readings(back, 3000, digits=5)


def test_waivers_of_the_whole_each_would_be_caught() -> None:
    """The negative control: two of 60 %, each of the whole, let off more than was charged."""
    granted = [StallWaiver(60, 0), StallWaiver(60, 0)]
    sound = waive(1_000, granted)
    assert (sound.owed, sound.waived) == (160, 840)
    alone = sum(1_000 * one.percent // 100 for one in granted)
    assert 1_000 - alone < 0


def test_rounding_what_is_used_by_itself_would_be_caught() -> None:
    """The negative control: with 8 % on top, ten readings rounded alone cost less than one."""
    readings = [MeterReading(BEGAN + timedelta(days=day), day) for day in range(11)]
    (whole,) = charge_readings([readings[0], readings[-1]], 1, 5, vat_percent=8)
    cut = charge_readings(readings, 1, 5, vat_percent=8)
    assert sum(one.amount for one in cut) == whole.amount == 11
    assert sum(round(one.used * 1.08) for one in cut) == 10
