"""Days, and stretches of them that may be open at the end, in force and in writing. Pure."""

from datetime import date


def holds_on(day: date, valid_from: date, valid_to: date | None) -> bool:
    """Whether what holds from a day to the end of another, or of none yet, holds on `day`."""
    return valid_from <= day and (valid_to is None or day <= valid_to)


def day_text(day: date) -> str:
    """A day as people write it: "01/03/2027"."""
    return f"{day:%d/%m/%Y}"


def span_text(valid_from: date, valid_to: date | None) -> str:
    """Days in Vietnamese: "từ 01/01/2027 đến hết 28/02/2027", or only since when."""
    if valid_to is None:
        return f"từ {day_text(valid_from)}"
    return f"từ {day_text(valid_from)} đến hết {day_text(valid_to)}"


def year_begun(first_day: date, on: date) -> date:
    """The first day of the year, counted from `first_day`, that `on` is in; `on` is not before it.

    A year from 29 February begins anew on 1 March where there is no such day.
    """
    begun = _anniversary(first_day, on.year)
    return begun if begun <= on else _anniversary(first_day, on.year - 1)


def _anniversary(day: date, year: int) -> date:
    try:
        return day.replace(year=year)
    except ValueError:
        return date(year, 3, 1)
