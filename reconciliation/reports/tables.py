"""A report as a table: columns in two languages, rows, sums, and what to know of it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

#: Whole numbers are counts or đồng; None is what nobody knows, or what does not apply.
ReportCell = str | int | None


@dataclass(frozen=True, slots=True)
class ReportColumn:
    """A column: its key in JSON and CSV, and what people call it."""

    key: str
    vi: str
    en: str


@dataclass(frozen=True, slots=True)
class ChartSeries:
    """What is drawn in one colour: an amount for each label of the chart."""

    title: str
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ReportChart:
    """Bars, one for each label, each made of its part of every series; `unit` names the amounts."""

    title: str
    unit: str
    labels: tuple[str, ...]
    series: tuple[ChartSeries, ...]


@dataclass(frozen=True, slots=True)
class ReportTable:
    """A report of the days from `first` to `last`.

    `facts` stand above it, `totals` are rows of their own below it, each under its name, and
    `notes` say what its figures do not.
    """

    name: str
    title_vi: str
    title_en: str
    agency: str
    first: date
    last: date
    columns: tuple[ReportColumn, ...]
    rows: Sequence[tuple[ReportCell, ...]]
    totals: Mapping[str, tuple[ReportCell, ...]] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    chart: ReportChart | None = None

    def keyed(self, row: Sequence[ReportCell]) -> dict[str, ReportCell]:
        """A row by the keys of its columns."""
        return {column.key: cell for column, cell in zip(self.columns, row, strict=True)}


def summed(rows: Sequence[Sequence[ReportCell]], places: frozenset[int]) -> tuple[ReportCell, ...]:
    """One row of the sums of the columns at these places; nothing stands in the others.

    What nobody knows counts for nothing: a column beside it says how much that is.
    """
    if not rows:
        return ()
    return tuple(
        sum(cell for row in rows if isinstance(cell := row[place], int))
        if place in places
        else None
        for place in range(len(rows[0]))
    )
