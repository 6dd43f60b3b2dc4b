"""What will change in an agency's schedule, and when: the preview of planned changes. Pure.

A fee changes on a day if anything about it that a payer, a clerk or a treasury would notice is not
as on the day before. Every entry of the schedule, of whichever owner, can only make a difference
on its first day and on the day after its last; those days are compared with the days before them,
and the schedule itself says what holds.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import groupby

from core.errors import FieldError, Invalid
from payments.catalogue.rules.certainty import Certainty
from payments.catalogue.rules.conditions import conditions
from payments.catalogue.rules.reliefs import ReliefValue, benefit
from payments.catalogue.rules.schedule import Applicability, FeeValue, Schedule
from payments.catalogue.rules.spans import day_after
from payments.catalogue.rules.wording import LocalizedText, joined

#: How far one looks ahead if nothing is said, and at most.
USUAL_DAYS = 365
MOST_DAYS = 5 * 366

_DAY = timedelta(days=1)


class ChangeKind(StrEnum):
    """What changes, the weightiest thing: a fee begins or ends, its amount, a relief, …

    `basis` is a new legal text for the same amount; `details` anything else (name, sub-item,
    when it is charged, how sure the figure is).
    """

    BEGINS = "begins"
    ENDS = "ends"
    AMOUNT = "amount"
    RELIEF = "relief"
    BASIS = "basis"
    DETAILS = "details"

    @property
    def words(self) -> LocalizedText:
        """What happens to the fee."""
        return _KINDS[self]


_KINDS = {
    ChangeKind.BEGINS: LocalizedText("bắt đầu thu", "begins"),
    ChangeKind.ENDS: LocalizedText("không còn hiệu lực", "ends"),
    ChangeKind.AMOUNT: LocalizedText("đổi mức thu", "amount changes"),
    ChangeKind.RELIEF: LocalizedText("đổi miễn, giảm", "relief changes"),
    ChangeKind.BASIS: LocalizedText("đổi căn cứ", "basis changes"),
    ChangeKind.DETAILS: LocalizedText("đổi thông tin khác", "other details change"),
}

_CHARGED = {
    Applicability.ALWAYS: LocalizedText("luôn thu", "always charged"),
    Applicability.CHOICE: LocalizedText(
        "một trong các mức để chọn", "one of several to choose from"
    ),
    Applicability.ON_REQUEST: LocalizedText("thu khi có yêu cầu", "charged on request"),
}


@dataclass(frozen=True, slots=True)
class Change:
    """One fee that is not on `day` as on the day before.

    `before` and `after` say the tariff, and whatever else differs: of the reliefs those that go
    and those that come. `before` is None if the fee begins, `after` if it ends.
    """

    day: date
    fee_code: str
    fee_name: LocalizedText
    procedure_code: str | None
    before: LocalizedText | None
    after: LocalizedText | None
    kind: ChangeKind


@dataclass(frozen=True, slots=True)
class DayOfChanges:
    """All fees that change on one day, by fee code; never none."""

    day: date
    changes: tuple[Change, ...]


def days_asked(first: date | None, last: date | None, today: date) -> tuple[date, date]:
    """The days to look at: from today and for a year, if nothing else is said.

    Raises `Invalid` on `to` if the days are out of order or more than five years apart.
    """
    begin = first or today
    end = last or min(begin, date.max - timedelta(USUAL_DAYS)) + timedelta(USUAL_DAYS)
    if not 0 <= (end - begin).days <= MOST_DAYS:
        detail = "Ngày cuối phải từ ngày đầu trở đi và cách không quá 5 năm."
        raise Invalid(detail, errors=[FieldError("to", "out_of_range", detail)])
    return begin, end


def planned_changes(schedule: Schedule, first: date, last: date) -> tuple[DayOfChanges, ...]:
    """The days from `first` to `last` on which a fee changes, with the fees. None if last < first.

    `first` counts: it is compared with the day before it.
    """
    found = [
        change
        for day, codes in sorted(_touched(schedule).items())
        if first <= day <= last
        for code in sorted(codes)
        if (change := _change(schedule, code, day)) is not None
    ]
    return tuple(
        DayOfChanges(day, tuple(changes))
        for day, changes in groupby(found, key=lambda change: change.day)
    )


def _touched(schedule: Schedule) -> dict[date, set[str]]:
    """For each day on which some entry begins or has just ended, the fees it may concern."""
    touched: dict[date, set[str]] = {}
    # A nearer owner's relief hides one of the same code, which may name other fees.
    fees_of_relief: dict[str, set[str]] = {}
    for relief in schedule.reliefs:
        fees_of_relief.setdefault(relief.code, set()).update(relief.fees)
    for fee in schedule.fees:
        for day in _edges(fee):
            touched.setdefault(day, set()).add(fee.code)
    for relief in schedule.reliefs:
        for day in _edges(relief):
            touched.setdefault(day, set()).update(fees_of_relief[relief.code])
    return touched


def _edges(entry: FeeValue | ReliefValue) -> Iterator[date]:
    # Nothing can be compared with the day before the first day there is.
    if entry.valid_from > date.min:
        yield entry.valid_from
    if entry.valid_to is not None and (after := day_after(entry.valid_to)) is not None:
        yield after


def _change(schedule: Schedule, code: str, day: date) -> Change | None:
    before = _terms(schedule, code, day - _DAY)
    after = _terms(schedule, code, day)
    known = after or before
    if known is None or before == after:
        return None
    differing = tuple(_facets(before, after)) if before and after else _WHOLE
    return Change(
        day=day,
        fee_code=code,
        fee_name=known.name,
        procedure_code=known.procedure_code,
        before=None if before is None else before.told(differing, after, _NOT_YET),
        after=None if after is None else after.told(differing, before, _NO_LONGER),
        kind=_kind(before, after),
    )


@dataclass(frozen=True, slots=True)
class _Relief:
    """A relief as one notices it: ids and dates do not count."""

    code: str
    name: LocalizedText
    gives: LocalizedText
    conditions: LocalizedText
    basis: str
    certainty: Certainty

    @property
    def told(self) -> LocalizedText:
        """All of it."""
        mark = _mark(self.certainty)
        rest = f"{self.basis}; {self.code}"
        return LocalizedText(
            f"{self.name.vi}: {self.gives.vi} ({self.conditions.vi}; {rest}{mark.vi})",
            f"{self.name.en}: {self.gives.en} ({self.conditions.en}; {rest}{mark.en})",
        )


@dataclass(frozen=True, slots=True)
class _Terms:
    """A fee as one notices it on a day: ids, owner and dates do not count."""

    name: LocalizedText
    procedure_code: str | None
    tariff: LocalizedText
    reliefs: tuple[_Relief, ...]
    basis: str
    certainty: Certainty
    charged: Applicability
    sub_item: str | None

    def told(
        self, facets: Iterable[str], other: "_Terms | None", without: LocalizedText
    ) -> LocalizedText:
        """The tariff, and the named facets; of the reliefs only those that `other` has not.

        `without` is said where it has one that is not here.
        """
        mark = _mark(self.certainty)
        parts = [LocalizedText(self.tariff.vi + mark.vi, self.tariff.en + mark.en)]
        for facet in facets:
            if facet == "reliefs":
                parts += self._reliefs_beside(other, without)
            elif facet not in ("tariff", "certainty"):
                parts.append(self._told(facet))
        return joined(parts)

    def _reliefs_beside(
        self, other: "_Terms | None", without: LocalizedText
    ) -> list[LocalizedText]:
        if not self.reliefs:
            return [_NO_RELIEF]
        theirs = () if other is None else other.reliefs
        own = [relief.told for relief in self.reliefs if relief not in theirs]
        return own or [without]

    def _told(self, facet: str) -> LocalizedText:
        if facet == "basis":
            return LocalizedText(f"căn cứ {self.basis}", f"basis {self.basis}")
        if facet == "charged":
            return _CHARGED[self.charged]
        if facet == "sub_item":
            return _or_none("tiểu mục", "sub-item", self.sub_item)
        if facet == "procedure_code":
            return _or_none("thủ tục", "procedure", self.procedure_code)
        return self.name


#: What is said of a fee that begins or ends.
_WHOLE = ("reliefs", "basis")
_NO_RELIEF = LocalizedText("không miễn, giảm", "no relief")
_NOT_YET = LocalizedText("chưa có miễn, giảm này", "not yet that relief")
_NO_LONGER = LocalizedText("không còn miễn, giảm này", "no longer that relief")
_FACETS = ("tariff", "reliefs", "basis", "certainty", "charged", "sub_item", "procedure_code")


def _terms(schedule: Schedule, code: str, day: date) -> _Terms | None:
    fee = schedule.find(code, day)
    # A procedure may be called like a fee that is not in force.
    if fee is None or fee.code != code:
        return None
    reliefs = schedule.reliefs_of(code, day)
    return _Terms(
        name=fee.name,
        procedure_code=fee.procedure_code,
        tariff=fee.rule.tariff(fee.unit),
        reliefs=tuple(
            _Relief(
                relief.code,
                relief.name,
                benefit(relief, fee.unit),
                conditions(relief),
                relief.basis,
                relief.certainty,
            )
            for relief in reliefs
        ),
        basis=fee.basis,
        certainty=fee.certainty,
        charged=fee.charged,
        sub_item=fee.sub_item,
    )


def _facets(before: _Terms, after: _Terms) -> Iterator[str]:
    for facet in (*_FACETS, "name"):
        if getattr(before, facet) != getattr(after, facet):
            yield facet


def _kind(before: _Terms | None, after: _Terms | None) -> ChangeKind:
    if before is None:
        return ChangeKind.BEGINS
    if after is None:
        return ChangeKind.ENDS
    if before.tariff != after.tariff:
        return ChangeKind.AMOUNT
    if before.reliefs != after.reliefs:
        return ChangeKind.RELIEF
    return ChangeKind.BASIS if before.basis != after.basis else ChangeKind.DETAILS


def _mark(certainty: Certainty) -> LocalizedText:
    """What stands behind a figure that was not read in the law's text."""
    if certainty == Certainty.CONFIRMED:
        return LocalizedText("", "")
    return LocalizedText(f", {certainty.words.vi}", f", {certainty.words.en}")


def _or_none(vi: str, en: str, value: str | None) -> LocalizedText:
    if value is None:
        return LocalizedText(f"không có {vi}", f"no {en}")
    return LocalizedText(f"{vi} {value}", f"{en} {value}")
