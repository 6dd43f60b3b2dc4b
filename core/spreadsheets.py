"""Text that a spreadsheet must not calculate, wherever we write a CSV or XLSX file. Pure.

A spreadsheet takes a cell for a formula by how it begins; a name, a purpose or a narrative that
somebody else chose may begin so. `inert` puts an apostrophe before such a text, which spreadsheets
show as text, and `original` takes it off again, so that what was written is read back as it was.

What a formula begins with is looked for behind blanks and quotation marks too, which some
programs take off, and in its full-width and other written forms, which some turn into the plain
ones. The pattern means the same to Python and to DuckDB, which writes the long lists.
"""

import re
from typing import Final

_BEGINNINGS: Final = r"=+\-@\t\r\n\v\f" + "＝＋－＠﹦﹢﹣﹫−⁺⁻⁼₊₋₌"
#: Blanks, marks without a width, and those that turn the line round.
_BLANKS: Final = (
    " \u00a0\u00ad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f"
    "\u205f-\u2064\u2066-\u2069\u3000\ufeff"
)
_QUOTES: Final = "\"'`´‘-‟«»‹›＂＇"

#: A text that needs an apostrophe: it could be calculated, or begins with one already.
PATTERN: Final = f"^(?:'|[{_BLANKS}{_QUOTES}]*[{_BEGINNINGS}])"

_LIVE = re.compile(PATTERN)
_MARK = "'"


def is_live(text: str) -> bool:
    """Whether a spreadsheet could make more of a text than the text."""
    return _LIVE.match(text) is not None


def inert(text: str) -> str:
    """A text as it may stand in a cell of a CSV file."""
    return _MARK + text if is_live(text) else text


def original(cell: str) -> str:
    """The text that `inert` made a cell of."""
    return cell.removeprefix(_MARK)


def inert_sql(column: str) -> str:
    """`inert` as an expression of DuckDB, of a column named by ourselves."""
    pattern = PATTERN.replace("'", "''")
    return (
        f"CASE WHEN regexp_matches({column}, '{pattern}') THEN '''' || {column} ELSE {column} END"
    )
