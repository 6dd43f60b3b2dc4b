"""The stretch of days that a report is about, and what its days are gathered into. Pure."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from core.days import day_text
from core.errors import FieldError, Invalid

#: What a report's days are gathered into.
Grain = Literal["day", "month", "year"]

_FIRST: Final = date(2001, 1, 1)
_LAST: Final = date(2199, 12, 31)
#: So many days at most, by what they are gathered into: a row for each is a table for people.
_MOST: Final = {"day": 400, "month": 3_660, "year": 36_600}


@dataclass(frozen=True, slots=True)
class ReportPeriod:
    """The days from `first` to the end of `last`, by day, month or year."""

    first: date
    last: date
    grain: Grain

    def __post_init__(self) -> None:
        """Raises `Invalid` for days in the wrong order, and for more than a report can show."""
        if self.last < self.first:
            raise _refused("to", "before_from", "Ngày cuối trước ngày đầu.")
        if self.first < _FIRST or self.last > _LAST:
            raise _refused("from", "out_of_range", "Ngày phải trong các năm 2001 đến 2199.")
        most = _MOST[self.grain]
        if self.last - self.first >= timedelta(days=most):
            detail = f"Nhiều nhất {most} ngày; hãy gộp theo tháng hoặc năm, hoặc chọn ngắn hơn."
            raise _refused("to", "too_long", detail)

    def label(self, begin: date) -> str:
        """What people call the day, month or year that begins on `begin`."""
        if self.grain == "day":
            return day_text(begin)
        return f"{begin:%m/%Y}" if self.grain == "month" else f"{begin:%Y}"


def _refused(field: str, code: str, detail: str) -> Invalid:
    return Invalid(detail, errors=[FieldError(field, code, detail)])
