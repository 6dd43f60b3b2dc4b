"""What a worksheet says of its cells beside their values: formulas, errors, what is hidden. Pure.

The reader gives values alone. A formula's is whatever was stored when the file was last saved: of
a fee's cap it may be an old figure, or nothing at all, which would read as "no cap". So where
cells are calculated, and what a clerk did not see, is looked for in the sheet itself, in its bytes:
what is looked for cannot be written in another way there, and a search that finds too much, in a
comment for instance, only refuses a file that no spreadsheet has written.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

#: Cells that a formula fills beside its own are named up to this many; the rest adds nothing.
_MOST_FILLED = 1000
_LAST_ROW, _LAST_COLUMN = 1_048_576, 16_384

#: Without any of these there is nothing to be found; most sheets have none, and are long.
_OF_NOTE = re.compile(
    rb"""[<:]f[\s/>]|\st\s*=\s*["']e["']|\shidden\s*=|\s(?:ht|width)\s*=\s*["']\s*[0.]"""
)
#: A tag of interest with its attributes; the prefix of its name is the file's own choice.
_TAG = re.compile(
    rb"<(?:[^\s<>/:!?]+:)?(col|row|c|f)(?=[\s/>])"
    rb"""((?:[^<>"']++|"[^"<]*+"|'[^'<]*+')*+)"""
)
_CELLS_BEGIN = re.compile(rb"<(?:[^\s<>/:!?]+:)?sheetData(?=[\s/>])")
_CELLS_END = re.compile(rb"</(?:[^\s<>/:!?]+:)?sheetData\s*>")
_ATTRIBUTE = re.compile(rb"""\s([A-Za-z]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_ADDRESS = re.compile(r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})")
_NOTHING = re.compile(r"0*\.?0*")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a cell is: both count from 1."""

    row: int
    column: int

    @property
    def address(self) -> str:
        """As a spreadsheet names it: K2."""
        return f"{letters_of(self.column)}{self.row}"


@dataclass(frozen=True, slots=True)
class Markings:
    """What is to be known of a sheet's cells beside their values. Rows and columns count from 1.

    `formulas` has every cell that a formula fills, those of arrays and data tables too; `errors`
    those that show an error and have no formula. What a filter hides is hidden.
    """

    formulas: frozenset[Place] = frozenset()
    errors: frozenset[Place] = frozenset()
    hidden_rows: frozenset[int] = frozenset()
    #: from the first to the last of each run
    hidden_columns: tuple[tuple[int, int], ...] = ()

    def hides_column(self, column: int) -> bool:
        """Whether nobody sees a column."""
        return any(first <= column <= last for first, last in self.hidden_columns)


#: Of a sheet that has nothing but values, such as a CSV file.
NO_MARKINGS = Markings()


def letters_of(column: int) -> str:
    """A column's letters, counted from 1: the 27th is AA."""
    letters = ""
    while column > 0:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def markings_of(part: bytes) -> Markings:
    """The markings of a worksheet's XML."""
    if _OF_NOTE.search(part) is None:
        return NO_MARKINGS
    formulas: set[Place] = set()
    errors: set[Place] = set()
    hidden_rows: set[int] = set()
    hidden_columns: list[tuple[int, int]] = []
    begin, end = _cells_within(part)
    row = column = 0
    hides = False
    here = Place(1, 1)
    for tag in _TAG.finditer(part):
        name, said = tag[1], _attributes(tag[2])
        if name == b"col":
            if tag.start() < begin and _is_hidden(said, "width"):
                hidden_columns.append((_number(said, "min", 1), _number(said, "max", 1)))
        elif not begin <= tag.start() < end:
            continue  # rules and lists have elements of these names too
        elif name == b"row":
            row, column = _number(said, "r", row + 1), 0
            hides = _is_hidden(said, "ht")
            if hides:
                hidden_rows.add(row)
        elif name == b"c":
            at = _place(said.get("r", ""))
            column = at.column if at else column + 1
            here = at or Place(max(row, 1), column)
            if hides:
                hidden_rows.add(here.row)  # a cell's own address is what the reader believes
            if said.get("t") == "e":
                errors.add(here)
        else:
            formulas.add(here)
            if said.get("t") in ("array", "dataTable") and len(formulas) < _MOST_FILLED:
                formulas.update(_filled(said.get("ref", "")))
    return Markings(
        frozenset(formulas),
        frozenset(errors - formulas),
        frozenset(hidden_rows),
        tuple(hidden_columns),
    )


def _cells_within(part: bytes) -> tuple[int, int]:
    """Where the cells begin and end, at their widest."""
    begin = _CELLS_BEGIN.search(part)
    ends = [found.start() for found in _CELLS_END.finditer(part)]
    return (begin.start() if begin else 0), (ends[-1] if ends else len(part))


def _attributes(text: bytes) -> dict[str, str]:
    return {
        one[1].decode(): (one[2] if one[2] is not None else one[3]).decode("utf-8", "replace")
        for one in _ATTRIBUTE.finditer(text)
    }


def _is_hidden(said: dict[str, str], size: str) -> bool:
    """Whether a row or column is hidden, or so thin that it may as well be."""
    if said.get("hidden", "").strip().lower() in ("1", "true"):
        return True
    extent = said.get(size, "").strip()
    return bool(extent) and _NOTHING.fullmatch(extent) is not None


def _number(said: dict[str, str], name: str, otherwise: int) -> int:
    text = said.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else otherwise


def _place(address: str) -> Place | None:
    match = _ADDRESS.fullmatch(address.strip())
    if match is None:
        return None
    column = 0
    for letter in match[1].upper():
        column = column * 26 + ord(letter) - ord("A") + 1
    return Place(int(match[2]), column)


def _filled(ref: str) -> Iterator[Place]:
    """The cells of a range, the first so many of them."""
    first, _, last = ref.partition(":")
    one, other = _place(first), _place(last or first)
    if one is None or other is None:
        return
    count = 0
    for row in range(one.row, min(other.row, _LAST_ROW) + 1):
        for column in range(one.column, min(other.column, _LAST_COLUMN) + 1):
            if count >= _MOST_FILLED:
                return
            count += 1
            yield Place(row, column)
