"""What the lists of a body's set-up share: how they are asked for, shown, and fetched as files."""

from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Query, Request, Response

from app.web.languages import language_of
from app.web.staff.doors import SignedIn
from app.web.staff.table_files import TYPES, TableFormat, write_table
from app.web.staff.tables import LONGEST_FILTER, AskedTable, TableColumn, TableRow, shown_of
from app.web.templating import render
from app.web.translations import WORDS
from core import clock

#: How many rows of a body's set-up are read at most; nobody has more people, keys or accounts.
MOST_ROWS: Final = 5_000


@dataclass(frozen=True, slots=True)
class AskedList:
    """How somebody wants to see a list, and whether as a file."""

    table: AskedTable
    file: TableFormat | None

    def sorted_by(self, usual: str) -> "AskedList":
        """The same in a usual order, where nothing else is asked for."""
        if self.table.sort:
            return self
        return replace(self, table=replace(self.table, sort=usual))


async def asked_list(
    words: Annotated[str, Query(max_length=LONGEST_FILTER)] = "",
    sort: Annotated[str, Query(max_length=40)] = "",
    cursor: Annotated[str, Query(max_length=2_000)] = "",
    format: Annotated[Literal["csv", "xlsx"] | None, Query()] = None,
) -> AskedList:
    """What the address asks for."""
    return AskedList(AskedTable(words, sort, cursor), format)


AskedListDep = Annotated[AskedList, Depends(asked_list)]


def answer_list(
    request: Request,
    who: SignedIn,
    asked: AskedList,
    *,
    address: str,
    title: str,
    columns: tuple[TableColumn, ...],
    rows: list[TableRow],
    template: str = "keep_list.html",
    kept: tuple[tuple[str, str], ...] = (),
    **values: Any,
) -> Response:
    """A list as a page, or all of it that fits as a file.

    `kept` are the parts of the address that say which list it is.

    Raises `Invalid` for a column that there is not, and for a place that is not ours.
    """
    if asked.file is None:
        table = shown_of(address, columns, rows, asked.table, kept=kept)
        return render(request, template, who=who, title=title, table=table, **values)
    words = WORDS[language_of(request)]
    whole = shown_of(address, columns, rows, asked.table, limit=None)
    content = write_table(whole, str(words.say(title)), asked.file, words)
    day = clock.business_date(clock.now())
    name = f"{address.rpartition('/')[2]}-{day:%Y%m%d}.{asked.file}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=TYPES[asked.file], headers=headers)
