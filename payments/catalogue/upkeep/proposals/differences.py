"""What a file would change, before it does: row by row, and what that means for payers. Pure.

A proposal keeps the differences as they were shown; they are worked out again before it is
applied, and must then be the same.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from core.money import format_vnd
from payments.catalogue.rules.certainty import Certainty
from payments.catalogue.rules.conditions import conditions
from payments.catalogue.rules.reliefs import ReliefValue, benefit
from payments.catalogue.rules.schedule import Applicability, FeeValue, Schedule
from payments.catalogue.rules.spans import day_after
from payments.catalogue.rules.wording import CASE, LocalizedText, joined
from payments.catalogue.upkeep.entries import DatedEntry, Entry, FeeEntry, ReliefEntry
from payments.catalogue.upkeep.proposals.objections import PRICED, differing, past_beginnings
from payments.catalogue.upkeep.proposals.owned import OwnedCatalogue
from payments.catalogue.upkeep.sheets.cells import SMALL, said
from payments.catalogue.upkeep.sheets.columns import TITLES, amounts_of, find_column, name_of
from payments.catalogue.upkeep.sheets.intake import PlacedEntry

_DAY = timedelta(days=1)

_CHARGED = {
    Applicability.CHOICE: LocalizedText(
        "một trong các mức để chọn", "one of several to choose from"
    ),
    Applicability.ON_REQUEST: LocalizedText("thu khi có yêu cầu", "charged on request"),
}


class _ShownValue(BaseModel):
    model_config = ConfigDict(frozen=True)


class TableCount(_ShownValue):
    """How many rows of a table the file would add and change, and how many are as they are."""

    table: str
    title: str
    added: int
    changed: int
    unchanged: int


class ColumnChange(_ShownValue):
    """One cell: what it says now and what it would say, as in the file; "" is blank."""

    column: str
    title: str
    before: str
    after: str


class RowChange(_ShownValue):
    """A row that is new (`columns` has what it says) or that changes (what differs)."""

    table: str
    row: int
    entry: str
    name_vi: str
    columns: list[ColumnChange]


class TariffChange(_ShownValue):
    """What a fee costs, or a relief gives, before and from day `on`; null is nothing."""

    table: str
    code: str
    name_vi: str
    name_en: str
    on: date
    before_vi: str | None
    before_en: str | None
    after_vi: str | None
    after_en: str | None


class Differences(_ShownValue):
    """Everything that a file would change. `warnings` are for the person who decides."""

    counts: list[TableCount]
    added: list[RowChange]
    changed: list[RowChange]
    tariffs: list[TariffChange]
    warnings: list[str]

    @property
    def is_empty(self) -> bool:
        """Whether the file says what the catalogue says already."""
        return not self.added and not self.changed

    def warned_of(self, found: Iterable[str]) -> "Differences":
        """The same, with what was found in the file itself before the other warnings."""
        return self.model_copy(update={"warnings": [*found, *self.warnings]})

    def same_effect(self, other: "Differences") -> bool:
        """Whether both come to the same; what is warned of depends on the day."""
        return self.model_copy(update={"warnings": other.warnings}) == other


def compare(placed: Sequence[PlacedEntry], owned: OwnedCatalogue, today: date) -> Differences:
    """What the entries of a file, to which nothing objects, would change."""
    added: list[RowChange] = []
    changed: list[RowChange] = []
    touched: list[tuple[Entry | None, Entry]] = []
    counts = {table: [0, 0, 0] for table in TITLES}
    for one in placed:
        before = owned.find(one.entry)
        columns = _columns(before, one.entry)
        if before is None:
            added.append(_row(one, columns))
        elif columns:
            changed.append(_row(one, columns))
        if columns:
            touched.append((before, one.entry))
        counts[one.table][0 if before is None else 1 if columns else 2] += 1
    return Differences(
        counts=[
            TableCount(table=t, title=TITLES[t], added=a, changed=c, unchanged=u)
            for t, (a, c, u) in counts.items()
            if a + c + u
        ],
        added=added,
        changed=changed,
        tariffs=list(_tariffs(touched, owned)),
        warnings=list(_warnings(placed, [after for _, after in touched], owned, today)),
    )


def _columns(before: Entry | None, after: Entry) -> list[ColumnChange]:
    cells = differing(before or _nothing(after), after)
    changes = []
    for key, (old, new) in cells.items():
        column = find_column(after.table, key)
        title = key if column is None else column.title
        change = ColumnChange(column=key, title=title, before=said(old), after=said(new))
        changes.append(change)
    return changes


def _nothing(entry: Entry) -> Entry:
    """An entry of the same class that says nothing, so that everything differs from it."""
    blank: dict[str, Any] = dict.fromkeys(type(entry).model_fields)
    if isinstance(entry, FeeEntry):
        blank |= {"kind": "", "rule": {}}
    return type(entry).model_construct(**blank)


def _row(one: PlacedEntry, columns: list[ColumnChange]) -> RowChange:
    name = getattr(one.entry, "name_vi", None) or getattr(one.entry, "title_vi", None)
    return RowChange(
        table=one.table,
        row=one.row,
        entry=name_of(one.entry),
        name_vi=str(name or ""),
        columns=columns,
    )


class _View:
    """What a schedule has for a code of a table on a day."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._fees_of: dict[str, set[str]] = {}
        for relief in schedule.reliefs:
            self._fees_of.setdefault(relief.code, set()).update(relief.fees)

    def find(self, table: str, code: str, day: date) -> FeeValue | ReliefValue | None:
        """The fee or relief of the code, or None."""
        if table == FeeEntry.table:
            found = self._schedule.find(code, day)
            # A procedure may be called like a fee that is not in force.
            return found if found is not None and found.code == code else None
        # A relief hides others of its code, whichever fees they name.
        for fee in sorted(self._fees_of.get(code, ())):
            for relief in self._schedule.reliefs_of(fee, day):
                if relief.code == code:
                    return relief
        return None


def _tariffs(
    touched: Iterable[tuple[Entry | None, Entry]], owned: OwnedCatalogue
) -> Iterator[TariffChange]:
    """For each fee and relief that is touched, the days on which it then costs something else."""
    days: dict[tuple[str, str], set[date]] = {}
    fees: dict[tuple[str, date], FeeValue] = {}
    reliefs: dict[tuple[str, date], ReliefValue] = {}
    for before, after in touched:
        if not isinstance(after, PRICED):
            continue
        found = days.setdefault((after.table, after.code), set())
        for entry in (before, after):
            found.update(_edges(entry))
        if isinstance(after, FeeEntry):
            fees[after.code, after.valid_from] = after.value(owned.agency_id)
        else:
            reliefs[after.code, after.valid_from] = after.value(owned.agency_id)
    now, then = _View(owned.schedule), _View(_with(owned, fees, reliefs))
    for table, code in sorted(days):
        for day in sorted(days[table, code]):
            yield from _tariff(table, code, day, now, then)


def _edges(entry: Entry | None) -> Iterator[date]:
    if isinstance(entry, DatedEntry):
        yield entry.valid_from
        after = None if entry.valid_to is None else day_after(entry.valid_to)
        if after is not None:
            yield after


def _with(
    owned: OwnedCatalogue,
    fees: dict[tuple[str, date], FeeValue],
    reliefs: dict[tuple[str, date], ReliefValue],
) -> Schedule:
    """The schedule as it would be."""
    own = owned.agency_id
    now = owned.schedule
    return Schedule(
        [
            *(f for f in now.fees if f.agency_id != own or (f.code, f.valid_from) not in fees),
            *fees.values(),
        ],
        [
            *(
                r
                for r in now.reliefs
                if r.agency_id != own or (r.code, r.valid_from) not in reliefs
            ),
            *reliefs.values(),
        ],
        now.owners,
    )


def _tariff(table: str, code: str, day: date, now: _View, then: _View) -> Iterator[TariffChange]:
    after = then.find(table, code, day)
    # Where a row has already been ended for the one that follows, yesterday's is what it replaces.
    before = now.find(table, code, day) or then.find(table, code, day - _DAY)
    known = after or before
    if known is None or _told(before) == _told(after):
        return
    old, new = _told(before), _told(after)
    yield TariffChange(
        table=table,
        code=code,
        name_vi=known.name.vi,
        name_en=known.name.en,
        on=day,
        before_vi=None if old is None else old.vi,
        before_en=None if old is None else old.en,
        after_vi=None if new is None else new.vi,
        after_en=None if new is None else new.en,
    )


def _told(value: FeeValue | ReliefValue | None) -> LocalizedText | None:
    if value is None:
        return None
    if isinstance(value, ReliefValue):
        fees = ", ".join(sorted(value.fees))
        return joined([benefit(value, CASE), conditions(value), LocalizedText(fees, fees)])
    parts = [value.rule.tariff(value.unit)]
    if value.charged in _CHARGED:
        parts.append(_CHARGED[value.charged])
    return joined(parts)


def _warnings(
    placed: Sequence[PlacedEntry], touched: Sequence[Entry], owned: OwnedCatalogue, today: date
) -> Iterator[str]:
    early = past_beginnings(placed, owned, today)
    if early:
        listed = _listed(one.entry for one in early)
        yield f"{len(early)} dòng mới bắt đầu trong quá khứ, chưa từng có mã này: {listed}."
    priced = [entry for entry in touched if isinstance(entry, PRICED)]
    at_once = [entry for entry in priced if entry.valid_from == today]
    if at_once:
        yield f"{len(at_once)} dòng có hiệu lực ngay hôm nay: {_listed(at_once)}."
    unplaced = [
        entry
        for entry in touched
        if isinstance(entry, FeeEntry) and entry.procedure is not None and entry.sub_item is None
    ]
    if unplaced:
        listed = _listed(unplaced)
        yield f"{len(unplaced)} khoản thu của thủ tục không có tiểu mục ngân sách: {listed}."
    small = [entry for entry in touched if any(0 < n < SMALL for n in amounts_of(entry))]
    if small:
        listed = _listed(small)
        yield f"{len(small)} dòng có mức thu dưới {format_vnd(SMALL)}, hãy kiểm tra: {listed}."
    unsure = [entry for entry in priced if entry.certainty != Certainty.CONFIRMED]
    if unsure:
        yield f"{len(unsure)} dòng chưa đối chiếu với văn bản: {_listed(unsure)}."


def _listed(entries: Iterable[Entry]) -> str:
    codes = list(dict.fromkeys(e.code for e in entries if isinstance(e, FeeEntry | ReliefEntry)))
    more = f" và {len(codes) - 5} mã khác" if len(codes) > 5 else ""
    return ", ".join(codes[:5]) + more
