"""Days that differ from the calendar of holidays, as a file says them (TOML). Pure.

`[[day]]` with `day`, `works` and `basis`: a day off, or a day worked all the same (a Saturday in
exchange, a holiday that was moved). `[[tet]]` with `year` and `basis`: the government has announced
the days of this Tết. Anything else in the file is refused: a slip would move money between days.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from core.days import day_text
from core.errors import FieldError, Invalid

#: The years the lunar calendar of the library covers, as far as money can be dated.
FIRST_YEAR, LAST_YEAR = 2000, 2099
#: The days that money can be booked on, with room for the days around.
FIRST_DAY, LAST_DAY = date(FIRST_YEAR + 1, 1, 1), date(LAST_YEAR - 1, 12, 31)


@dataclass(frozen=True, slots=True)
class DayChanges:
    """Days off, days worked, and the years whose Tết is announced."""

    off: frozenset[date] = frozenset()
    worked: frozenset[date] = frozenset()
    tet: frozenset[int] = frozenset()


class CalendarRefused(Invalid):
    """A file of days cannot be read as it is: `errors` names each entry and reason."""

    code = "calendar_refused"


def read_changes(text: str) -> DayChanges:
    """What a file says. Raises `CalendarRefused` with everything that is wrong."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _refused([FieldError("", "not_toml", f"không phải TOML: {error}")]) from None
    faults = [
        FieldError(name, "unknown", "không rõ là gì; chỉ có [[day]] và [[tet]]")
        for name in content
        if name not in ("day", "tet")
    ]
    works: dict[date, bool] = {}
    tet: set[int] = set()
    for place, entry in _entries(content, "day", faults):
        _take_day(place, entry, works, faults)
    for place, entry in _entries(content, "tet", faults):
        if _is_whole(place, entry, _TET, faults):
            tet.add(entry["year"])
    if faults:
        raise _refused(faults)
    off = frozenset(day for day, worked in works.items() if not worked)
    return DayChanges(off, frozenset(works) - off, frozenset(tet))


def _refused(faults: list[FieldError]) -> CalendarRefused:
    lines = "\n".join(f"  {fault.field}: {fault.detail}" for fault in faults)
    return CalendarRefused(f"Tệp lịch làm việc có lỗi:\n{lines}", errors=faults)


def _is_day(value: object) -> bool:
    # TOML's moments are dates as well, and mean something else.
    dated = isinstance(value, date) and not isinstance(value, datetime)
    return dated and FIRST_YEAR <= value.year <= LAST_YEAR  # type: ignore[attr-defined]


def _is_year(value: object) -> bool:
    return type(value) is int and FIRST_YEAR <= value <= LAST_YEAR


#: What each field must be: how to tell, and how to say it.
_Fields = Mapping[str, tuple[Callable[[object], bool], str]]
_BASIS = (lambda value: isinstance(value, str) and bool(value.strip()), "căn cứ, bằng chữ")
_DAY: _Fields = {
    "day": (_is_day, "một ngày từ năm 2000 đến 2099, như 2027-02-11, không có dấu ngoặc kép"),
    "works": (lambda value: isinstance(value, bool), "true (đi làm) hoặc false (nghỉ)"),
    "basis": _BASIS,
}
_TET: _Fields = {"year": (_is_year, "một năm từ 2000 đến 2099, như 2027"), "basis": _BASIS}


def _entries(
    content: Mapping[str, Any], name: str, faults: list[FieldError]
) -> list[tuple[str, Mapping[str, Any]]]:
    """The entries under a name, each with its place ("day 2")."""
    found = content.get(name, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        faults.append(FieldError(name, "not_a_list", f"phải viết là [[{name}]]"))
        return []
    return [(f"{name} {number}", entry) for number, entry in enumerate(found, 1)]


def _is_whole(
    place: str, entry: Mapping[str, Any], fields: _Fields, faults: list[FieldError]
) -> bool:
    found = [
        FieldError(f"{place}.{name}", "unknown", "không có mục này")
        for name in entry
        if name not in fields
    ]
    found += [
        FieldError(f"{place}.{name}", "wrong", f"phải là {said}")
        for name, (holds, said) in fields.items()
        if not holds(entry.get(name))
    ]
    faults += found
    return not found


def _take_day(
    place: str, entry: Mapping[str, Any], works: dict[date, bool], faults: list[FieldError]
) -> None:
    if not _is_whole(place, entry, _DAY, faults):
        return
    day: date = entry["day"]
    if works.setdefault(day, entry["works"]) is not entry["works"]:
        detail = f"{day_text(day)} vừa nghỉ vừa đi làm"
        faults.append(FieldError(f"{place}.day", "twice", detail))
