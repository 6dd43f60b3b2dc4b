"""Tables of staff's pages: what is in them, and how a short list is filtered, sorted and paged.

Pure. A list that is short by nature (a body's people, keys, accounts) is read whole and shown by
`shown_of`. One that grows for ever is read page by page, by an index, and made a `ShownTable` by
whoever reads it. Both are drawn by one macro, and both are fetched as files by one writer.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from operator import itemgetter
from typing import Final, Literal
from urllib.parse import urlencode

from core.errors import FieldError, Invalid
from core.folding import caseless, without_marks
from payments.catalogue.rules.wording import LocalizedText

#: How many rows stand on a page.
PER_PAGE: Final = 25
#: The longest filter that is looked at.
LONGEST_FILTER: Final = 100

#: `words` are ours, and are said in the page's language; `texts` are said as they are. `tenths` are
#: whole tenths of what is shown: 987 is 98.7.
CellKind = Literal["text", "words", "amount", "count", "tenths", "moment", "day", "code"]
CellValue = str | int | datetime | date | LocalizedText | None


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column: its key in addresses and files, its heading, what its cells are."""

    key: str
    title: str
    kind: CellKind = "text"


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row: what names it, where it leads, and a value for each column."""

    id: str
    cells: tuple[CellValue, ...]
    href: str = ""


@dataclass(frozen=True, slots=True)
class AskedTable:
    """How somebody wants to see a table; `sort` is a column's key, with a minus before it downward.

    `cursor` is the place that they have come to.
    """

    words: str = ""
    sort: str = ""
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class ShownTable:
    """A part of a table as it is shown; `total` is how many fit, None where nobody counts them.

    `kept` are the parts of the address that lead to other parts of the same table.
    """

    address: str
    columns: tuple[TableColumn, ...]
    rows: Sequence[TableRow]
    asked: AskedTable
    next_cursor: str | None
    total: int | None = None
    sorts: bool = False
    filters: bool = False
    files: bool = False
    kept: tuple[tuple[str, str], ...] = ()

    def sorted_by(self, key: str) -> str:
        """The address of the table in the order of a column: upward, and downward when it is so."""
        turned = f"-{key}" if self.asked.sort == key else key
        return self._at(sort=turned, words=self.asked.words)

    def order_of(self, key: str) -> str:
        """How the table is sorted by a column, as `aria-sort` says it."""
        return {key: "ascending", f"-{key}": "descending"}.get(self.asked.sort, "none")

    @property
    def following(self) -> str:
        """The address of the rows that follow."""
        cursor = self.next_cursor or ""
        return self._at(sort=self.asked.sort, words=self.asked.words, cursor=cursor)

    @property
    def beginning(self) -> str:
        """The address of the first rows."""
        return self._at(sort=self.asked.sort, words=self.asked.words)

    def file_at(self, kind: str) -> str:
        """The address of all rows that fit, as a file."""
        return self._at(sort=self.asked.sort, words=self.asked.words, format=kind)

    def _at(self, **parts: str) -> str:
        said = [*self.kept, *((name, value) for name, value in parts.items() if value)]
        return f"{self.address}?{urlencode(said)}" if said else self.address


def shown_of(
    address: str,
    columns: tuple[TableColumn, ...],
    rows: Sequence[TableRow],
    asked: AskedTable,
    *,
    limit: int | None = PER_PAGE,
    kept: tuple[tuple[str, str], ...] = (),
) -> ShownTable:
    """A short list as it is asked for; all that fits for `limit` None.

    Raises `Invalid` for a column there is none of, and a place that we did not give.
    """
    keys = [column.key for column in columns]
    sort = asked.sort or keys[0]
    name, down = sort.removeprefix("-"), sort.startswith("-")
    if name not in keys:
        raise Invalid(
            "Không có cột này.", errors=[FieldError("sort", "unknown", "There is no such column.")]
        )
    place = keys.index(name)
    fitting = [(_rank(row, place), row) for row in rows if _fits(row, asked.words)]
    fitting.sort(key=itemgetter(0), reverse=down)
    left = fitting
    if asked.cursor:
        # By what stood last, not by a count: a row that came or went meanwhile moves nothing.
        last = _read(asked.cursor)
        left = [one for one in fitting if (one[0] < last if down else one[0] > last)]
    part = left if limit is None else left[:limit]
    more = _write(part[-1][0]) if len(part) < len(left) else None
    return ShownTable(
        address,
        columns,
        [row for _, row in part],
        AskedTable(asked.words, sort, asked.cursor),
        more,
        total=len(fitting),
        sorts=True,
        filters=True,
        files=True,
        kept=kept,
    )


#: What a row is sorted by: whether there is anything, a figure, a text, and what tells rows apart.
_Rank = tuple[int, int, str, str]


def _write(rank: _Rank) -> str:
    return base64.urlsafe_b64encode(json.dumps(rank).encode()).decode()


def _read(cursor: str) -> _Rank:
    """The place that we gave. Raises `Invalid`."""
    try:
        known, figure, text, row_id = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        if (type(known), type(figure), type(text), type(row_id)) != (int, int, str, str):
            raise ValueError("not the place of a row")
    except (ValueError, TypeError, RecursionError):
        detail = "Con trỏ trang không hợp lệ."
        raise Invalid(detail, errors=[FieldError("cursor", "invalid", detail)]) from None
    return known, figure, text, row_id


def _fits(row: TableRow, words: str) -> bool:
    wanted = _plain(words).split()
    told = " ".join(_plain(text) for cell in row.cells for text in _texts(cell))
    return all(one in told for one in wanted)


def _texts(cell: CellValue) -> tuple[str, ...]:
    if isinstance(cell, LocalizedText):
        return cell.vi, cell.en
    if isinstance(cell, datetime | date):
        return (cell.isoformat(),)
    return () if cell is None else (str(cell),)


def _plain(text: str) -> str:
    return without_marks(caseless(text))


def _rank(row: TableRow, place: int) -> _Rank:
    cell = row.cells[place]
    if isinstance(cell, int):
        return 1, cell, "", row.id
    return (0 if cell is None else 1), 0, " ".join(map(_plain, _texts(cell))), row.id
