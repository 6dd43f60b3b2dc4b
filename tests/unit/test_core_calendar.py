import subprocess
import sys
from collections.abc import Set
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from holidays import country_holidays

from core.calendar import TetForecast, _calendar, calendar_with, national
from core.calendar_files import FIRST_YEAR, LAST_YEAR, CalendarRefused, DayChanges, read_changes
from core.clock import VIETNAM
from core.errors import Invalid

is_working_day = national().is_working_day
next_working_day = national().next_working_day
treasury_day = national().treasury_day


def own(*, off: Set[date] = frozenset(), worked: Set[date] = frozenset()) -> DayChanges:
    return DayChanges(frozenset(off), frozenset(worked))


def vietnam(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=VIETNAM)


@pytest.mark.parametrize(
    ("day", "working"),
    [
        (date(2026, 11, 20), True),  # Friday
        (date(2026, 11, 21), False),  # Saturday
        (date(2026, 11, 22), False),  # Sunday
        (date(2026, 1, 1), False),  # New Year
        (date(2026, 2, 16), False),  # the eve of Tết
        (date(2026, 2, 20), False),  # fourth day of Tết
        (date(2026, 2, 23), True),  # the Monday after Tết
        (date(2026, 4, 26), False),  # the Hùng Kings' day, a Sunday
        (date(2026, 4, 27), False),  # and the Monday given for it
        (date(2026, 4, 30), False),
        (date(2026, 5, 1), False),
        (date(2026, 8, 31), False),  # a Monday off, worked for on …
        (date(2026, 8, 22), True),  # … this Saturday
        (date(2026, 9, 2), False),
        (date(2024, 2, 29), True),  # a leap day
    ],
)
def test_working_days_are_those_of_vietnam(day: date, working: bool) -> None:
    assert is_working_day(day) is working


def test_a_friday_off_is_worked_for_on_a_saturday() -> None:
    """What the library does not have: 2 January 2026 off, 10 January worked."""
    holidays, working_saturdays = _calendar()
    friday, saturday = date(2026, 1, 2), date(2026, 1, 10)
    assert friday not in holidays
    assert saturday not in working_saturdays
    assert not is_working_day(friday)
    assert is_working_day(saturday)
    assert treasury_day(vietnam("2026-01-01T09:00:00")) == date(2026, 1, 5)
    assert treasury_day(vietnam("2026-01-09T16:30:00")) == saturday


def test_a_file_of_ones_own_can_add_days_off_and_days_worked() -> None:
    friday, saturday, tet = date(2026, 11, 20), date(2026, 11, 21), date(2027, 2, 4)
    changed = national().with_changes(own(off={friday}, worked={saturday, tet}))
    assert not changed.is_working_day(friday)
    assert changed.is_working_day(saturday)
    assert changed.is_working_day(tet), "a day off that was taken back"
    assert changed.next_working_day(date(2026, 11, 19)) == saturday
    assert not national().is_working_day(saturday), "the calendar of before is as it was"
    back = changed.with_changes(own(off={saturday}, worked={friday}))
    assert back.is_working_day(friday)
    assert not back.is_working_day(saturday)
    working_saturday = date(2026, 8, 22)
    assert not national().with_changes(own(off={working_saturday})).is_working_day(working_saturday)


def test_a_tet_is_a_forecast_until_its_year_is_confirmed() -> None:
    today = date(2026, 11, 28)
    forecast = national().find_forecast(today)
    assert forecast == TetForecast(date(2027, 2, 4), date(2027, 2, 10))
    assert national().find_forecast(date(2027, 2, 10)) == forecast
    assert national().find_forecast(date(2026, 2, 1)) is None
    announced = read_changes('[[tet]]\nyear = 2027\nbasis = "TB 1/2026"\n')
    confirmed = national().with_changes(announced)
    assert confirmed.find_forecast(today) is None
    after = confirmed.find_forecast(date(2027, 2, 11))
    assert after is not None
    assert after.first.year == 2028
    # Days of a forecast that are corrected are told of as they are now.
    moved = national().with_changes(own(off={date(2027, 2, 11)}, worked={date(2027, 2, 4)}))
    assert moved.find_forecast(today) == TetForecast(date(2027, 2, 5), date(2027, 2, 11))


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("day = [", ""),
        ('[[days]]\nday = 2026-01-02\nworks = false\nbasis = "x"', "days"),
        ("day = 2026-01-02", "day"),
        ('[[day]]\nday = "2026-01-02"\nworks = false\nbasis = "x"', "day 1.day"),
        ('[[day]]\nday = 2026-01-02T00:00:00\nworks = false\nbasis = "x"', "day 1.day"),
        ('[[day]]\nday = 1999-01-02\nworks = false\nbasis = "x"', "day 1.day"),
        ('[[day]]\nday = 2026-01-02\nworks = 0\nbasis = "x"', "day 1.works"),
        ('[[day]]\nday = 2026-01-02\nworks = false\nbasis = " "', "day 1.basis"),
        ('[[day]]\nday = 2026-01-02\nworks = false\nbasis = "x"\nmore = 1', "day 1.more"),
        (
            '[[day]]\nday = 2026-01-02\nworks = false\nbasis = "x"\n'
            '[[day]]\nday = 2026-01-02\nworks = true\nbasis = "x"',
            "day 2.day",
        ),
        ('[[tet]]\nyear = true\nbasis = "x"', "tet 1.year"),
        ('[[tet]]\nyear = 27\nbasis = "x"', "tet 1.year"),
    ],
)
def test_a_file_of_days_with_a_slip_is_refused_and_the_slip_named(text: str, field: str) -> None:
    with pytest.raises(CalendarRefused) as caught:
        read_changes(text)
    assert [fault.field for fault in caught.value.errors] == [field]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"lich\.toml"):
        calendar_with(tmp_path / "lich.toml")


@pytest.mark.parametrize(
    ("day", "following"),
    [
        (date(2026, 11, 18), date(2026, 11, 19)),
        (date(2026, 11, 20), date(2026, 11, 23)),  # over a weekend
        (date(2026, 11, 21), date(2026, 11, 23)),
        (date(2026, 2, 13), date(2026, 2, 23)),  # over Tết: ten days
        (date(2025, 12, 31), date(2026, 1, 5)),  # over New Year and the Friday after it
    ],
)
def test_the_next_working_day_is_strictly_later(day: date, following: date) -> None:
    assert next_working_day(day) == following


@pytest.mark.parametrize(
    ("at", "booked"),
    [
        ("2026-11-20T00:00:00", date(2026, 11, 20)),
        ("2026-11-20T15:59:59.999999", date(2026, 11, 20)),
        ("2026-11-20T16:00:00", date(2026, 11, 23)),
        ("2026-11-20T23:59:59", date(2026, 11, 23)),
        ("2026-11-21T09:00:00", date(2026, 11, 23)),
        ("2026-11-22T15:00:00", date(2026, 11, 23)),
        ("2026-02-13T16:05:00", date(2026, 2, 23)),  # five past cut-off before Tết: ten days
        ("2026-02-18T09:00:00", date(2026, 2, 23)),
        ("2026-08-22T15:00:00", date(2026, 8, 22)),  # a working Saturday
        ("2026-12-31T16:00:00", date(2027, 1, 4)),
    ],
)
def test_the_treasury_books_by_cut_off_and_calendar(at: str, booked: date) -> None:
    assert treasury_day(vietnam(at)) == booked
    assert treasury_day(vietnam(at).astimezone(UTC)) == booked


def test_an_account_can_have_another_cut_off() -> None:
    at = vietnam("2026-11-19T16:30:00")
    assert treasury_day(at) == date(2026, 11, 20)
    assert treasury_day(at, time(17, 0)) == date(2026, 11, 19)
    assert treasury_day(at, time(16, 30)) == date(2026, 11, 20)


def test_a_day_off_of_ones_own_moves_the_booking() -> None:
    changed = national().with_changes(own(off={date(2026, 11, 19), date(2026, 11, 20)}))
    assert changed.treasury_day(vietnam("2026-11-19T10:00:00")) == date(2026, 11, 23)


def test_no_day_is_booked_earlier_than_the_day_before_it() -> None:
    moments = [vietnam("2026-01-01T00:00:00") + timedelta(hours=7 * n) for n in range(1300)]
    booked = [treasury_day(at) for at in moments]
    assert booked == sorted(booked)
    assert all(is_working_day(day) for day in booked)


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        treasury_day(vietnam("2026-11-20T12:00:00").replace(tzinfo=None))


@pytest.mark.parametrize("day", [date(1999, 12, 31), date(2100, 1, 1), date.min])
def test_a_year_without_a_calendar_is_refused(day: date) -> None:
    with pytest.raises(Invalid) as caught:
        is_working_day(day)
    assert caught.value.code == "date_outside_calendar"


def test_the_calendar_ends_with_an_error_not_with_a_guess() -> None:
    with pytest.raises(Invalid):
        next_working_day(date(2099, 12, 31))


def test_the_days_are_the_librarys_own() -> None:
    library = country_holidays("VN", years=range(FIRST_YEAR, LAST_YEAR + 1), expand=False)
    holidays, working_saturdays = _calendar()
    assert len(holidays) > 1000
    assert holidays == frozenset(library)
    assert working_saturdays == frozenset(library.weekend_workdays)


def test_no_other_country_is_loaded() -> None:
    asked = (
        "import sys, datetime, core.calendar as c;"
        "c.national().is_working_day(datetime.date(2026, 11, 2));"
        "print([name for name in sys.modules if name.startswith('holidays.countries')])"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
