"""Stretches of days: both ends count, and one may be open."""

from datetime import date

import pytest

from core.days import day_text, holds_on, span_text, year_begun

FIRST, LAST = date(2027, 1, 1), date(2027, 2, 28)


@pytest.mark.parametrize(
    ("day", "closed", "opened"),
    [
        (date(2026, 12, 31), False, False),
        (FIRST, True, True),
        (LAST, True, True),
        (date(2027, 3, 1), False, True),
    ],
)
def test_both_ends_count_and_an_open_end_never_comes(day: date, closed: bool, opened: bool) -> None:
    assert holds_on(day, FIRST, LAST) is closed
    assert holds_on(day, FIRST, None) is opened


def test_days_are_written_as_people_write_them() -> None:
    assert day_text(date(2027, 3, 1)) == "01/03/2027"
    assert span_text(FIRST, LAST) == "từ 01/01/2027 đến hết 28/02/2027"
    assert span_text(FIRST, None) == "từ 01/01/2027"


FIRST_DAY = date(2026, 8, 15)


@pytest.mark.parametrize(
    ("first_day", "on", "begun"),
    [
        (FIRST_DAY, FIRST_DAY, FIRST_DAY),
        (FIRST_DAY, date(2026, 12, 31), FIRST_DAY),
        (FIRST_DAY, date(2027, 1, 1), FIRST_DAY),
        (FIRST_DAY, date(2027, 8, 14), FIRST_DAY),
        (FIRST_DAY, date(2027, 8, 15), date(2027, 8, 15)),
        (FIRST_DAY, date(2029, 8, 14), date(2028, 8, 15)),
        (date(2024, 2, 29), date(2025, 2, 28), date(2024, 2, 29)),
        (date(2024, 2, 29), date(2025, 3, 1), date(2025, 3, 1)),
        (date(2024, 2, 29), date(2028, 2, 28), date(2027, 3, 1)),
        (date(2024, 2, 29), date(2028, 2, 29), date(2028, 2, 29)),
    ],
)
def test_a_year_is_counted_from_the_first_day(first_day: date, on: date, begun: date) -> None:
    assert year_begun(first_day, on) == begun
