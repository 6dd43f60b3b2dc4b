"""What a run charges: hand-overs, waivers and readings neither make nor lose a đồng."""

from calendar import monthrange
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from payments.billing.charging import (
    ChargeRate,
    DatedWaiver,
    HeldStall,
    NewCharge,
    PriceList,
    StallFacts,
    charges_of,
    price_list,
)
from payments.billing.periods import month_of, period_of
from payments.billing.rules import MeterReading, StallPlace, StallTariff

BEGAN = date(2020, 1, 1)
MONTHS = st.dates(date(2026, 1, 1), date(2028, 12, 31)).map(lambda day: day.replace(day=1))
DAY = timedelta(days=1)


@st.composite
def prices(draw: st.DrawFn) -> PriceList:
    """Rent, power and a service, each by a tariff of its own, with VAT on top or not."""
    vat = st.sampled_from((0, 8, 10))
    rent = StallTariff(
        market_class=2,
        covers=frozenset({"covered"}),
        per=draw(st.sampled_from(("day", "month"))),
        rate=draw(st.integers(1, 200_000)),
        valid_from=BEGAN,
        vat_percent=draw(vat),
    )
    rates = [
        ChargeRate(
            kind,
            code,
            "Giá",
            "Price",
            per,
            draw(st.integers(1, 99_999)),
            draw(vat),
            "",
            BEGAN,
            None,
        )
        for kind, code, per in (
            ("electricity", "electricity", "unit"),
            ("service", "rac", draw(st.sampled_from(("day", "month")))),
        )
    ]
    return price_list([rent], {}, rates, draw(st.sampled_from((1, 100, 1000))))


@st.composite
def days_cut(draw: st.DrawFn, month: date) -> list[tuple[date, date]]:
    """The days of a month, cut into stays."""
    length = monthrange(month.year, month.month)[1]
    cuts = sorted(draw(st.sets(st.integers(1, length - 1), max_size=4)))
    begins = [month + timedelta(days=cut) for cut in (0, *cuts)]
    return list(
        zip(begins, [*(one - DAY for one in begins[1:]), month_of(month).last], strict=True)
    )


def stall_of(stays: list[tuple[date, date]], readings: list[MeterReading]) -> StallFacts:
    held = [
        HeldStall(f"c{n}", "s", f"v{n}", first, last, "month", {"service:rac": 1})
        for n, (first, last) in enumerate(stays)
    ]
    place = StallPlace(2, "covered", 1_234, 2)
    return StallFacts("s", "A-1", place, 5, held, {"electricity": readings})


def total(charges: list[NewCharge], kind: str) -> int:
    return sum(one.amount + one.waived for one in charges if one.kind == kind)


@given(MONTHS, prices(), st.data())
def test_the_charges_of_a_months_stays_are_those_of_the_month(
    month: date, listed: PriceList, data: st.DataObject
) -> None:
    stays = data.draw(days_cut(month))
    period = month_of(month)
    cut, faults = charges_of(stall_of(stays, []), listed, [], period, period.last)
    whole_stay = stall_of([(month, period.last)], [])
    whole, _ = charges_of(whole_stay, listed, [], period, period.last)
    assert faults == []
    assert len(cut) == 2 * len(stays)
    for kind in ("rent", "service:rac"):
        assert total(cut, kind) == total(whole, kind)
    # By days it costs what it costs by the month.
    by_day = 0
    held = whole_stay.contracts[0]
    for number in range((period.last - month).days + 1):
        day = month + timedelta(days=number)
        one = HeldStall("c", "s", "v", held.first_on, None, "day", {})
        facts = StallFacts("s", "A-1", whole_stay.place, 5, [one], {})
        made, _ = charges_of(facts, listed, [], period_of("day", day.isoformat()), day)
        by_day += total(made, "rent")
    assert by_day == total(whole, "rent")


@given(MONTHS, prices(), st.data())
def test_what_is_waived_and_what_is_owed_are_the_price(
    month: date, listed: PriceList, data: st.DataObject
) -> None:
    period = month_of(month)
    stays = data.draw(days_cut(month))
    some_days = st.tuples(
        st.dates(month - 9 * DAY, period.last), st.integers(0, 40), st.integers(1, 100)
    )
    waivers = [
        DatedWaiver(None, first, first + timedelta(days=more), percent, "QĐ")
        for first, more, percent in data.draw(st.lists(some_days, max_size=4))
    ]
    charged, _ = charges_of(stall_of(stays, []), listed, waivers, period, period.last)
    plain, _ = charges_of(stall_of(stays, []), listed, [], period, period.last)
    for one, other in zip(charged, plain, strict=True):
        assert one.amount >= 0
        assert one.waived >= 0
        assert one.amount + one.waived == other.amount
    whole = [DatedWaiver("s", month, period.last, 100, "QĐ")]
    free, _ = charges_of(stall_of(stays, []), listed, whole, period, period.last)
    assert sum(one.amount for one in free if one.kind == "rent") == 0
    others = [DatedWaiver("t", month, period.last, 100, "QĐ")]
    assert charges_of(stall_of(stays, []), listed, others, period, period.last)[0] == plain


@given(MONTHS, prices(), st.data())
def test_an_amount_is_let_off_whole_however_the_days_are_cut(
    month: date, listed: PriceList, data: st.DataObject
) -> None:
    """Never more than was granted, never below nothing, and to the đồng where there is room."""
    period = month_of(month)
    stays = data.draw(days_cut(month))
    first = data.draw(st.dates(month, period.last))
    last = data.draw(st.dates(first, period.last))
    amount = data.draw(st.integers(1, 10**6))
    granted = [DatedWaiver(None, first, last, 0, "QĐ", amount)]
    charged, _ = charges_of(stall_of(stays, []), listed, granted, period, period.last)
    plain, _ = charges_of(stall_of(stays, []), listed, [], period, period.last)
    for one, other in zip(charged, plain, strict=True):
        assert one.amount >= 0
        assert one.amount + one.waived == other.amount
    waived = sum(one.waived for one in charged)
    assert waived <= amount
    met = [(max(a, first), min(b, last)) for a, b in stays if a <= last and first <= b]
    place = stall_of(stays, []).place
    if all(listed.price(place, a, b) >= granted[0].share(a, b) for a, b in met):
        # Where the days cost as much, all of it is: no đồng is lost where they are cut.
        assert waived == amount


@given(st.dates(BEGAN, date(2030, 1, 1)), st.integers(0, 400), st.integers(1, 10**9), st.data())
def test_the_shares_of_an_amount_are_the_amount(
    first: date, more: int, amount: int, data: st.DataObject
) -> None:
    waiver = DatedWaiver(None, first, first + more * DAY, 0, "QĐ", amount)
    cuts = sorted(data.draw(st.sets(st.integers(1, max(more, 1)), max_size=5)) & {*range(more + 1)})
    begins = [0, *cuts]
    ends = [*(one - 1 for one in cuts), more]
    shares = [
        waiver.share(first + a * DAY, first + b * DAY) for a, b in zip(begins, ends, strict=True)
    ]
    assert sum(shares) == amount
    assert min(shares) >= 0
    # The control: each piece rounded by itself loses đồng.
    if len(shares) > 1 and amount * (ends[0] + 1) % (more + 1):
        alone = [amount * (b - a + 1) // (more + 1) for a, b in zip(begins, ends, strict=True)]
        assert sum(alone) < amount


@given(MONTHS, prices(), st.data())
def test_a_reading_at_each_hand_over_changes_no_sum(
    month: date, listed: PriceList, data: st.DataObject
) -> None:
    period = month_of(month)
    stays = data.draw(days_cut(month))
    used = data.draw(st.lists(st.integers(0, 900), min_size=len(stays), max_size=len(stays)))
    shows, readings = 100, [MeterReading(month - DAY, 100)]
    for (_, last), more in zip(stays, used, strict=True):
        shows += more
        readings.append(MeterReading(last, shows))
    cut, faults = charges_of(stall_of(stays, readings), listed, [], period, period.last)
    ends = [readings[0], readings[-1]]
    whole_stay = stall_of([(month, period.last)], ends)
    whole, _ = charges_of(whole_stay, listed, [], period, period.last)
    assert faults == []
    assert total(cut, "electricity") == total(whole, "electricity")
    # The order in which rows come does not matter.
    turned = stall_of(stays[::-1], readings[::-1])
    other, _ = charges_of(turned, listed, [], period, period.last)
    assert total(other, "electricity") == total(whole, "electricity")
    if len(stays) > 1:
        # Without those readings nobody is billed, and it is said.
        silent, told = charges_of(stall_of(stays, ends), listed, [], period, period.last)
        assert total(silent, "electricity") == 0
        assert [one.code for one in told] == ["reading_wanted"]


def test_rounding_each_stay_by_itself_would_be_caught() -> None:
    """The negative control: days priced one by one and rounded lose what the month costs."""
    month = period_of("month", "2026-11")
    tariff = StallTariff(2, frozenset({"covered"}), "month", 1_000, BEGAN)
    listed = price_list([tariff], {}, [], 1)
    place = StallPlace(2, "covered", 100)
    rounded = sum(round(1_000 / 30) for _ in range(30))
    assert rounded != listed.price(place, month.first, month.last) == 1_000
