"""What a clerk does not see of a sheet: that a cell is calculated, or that it is hidden. Pure.

A calculated cell is refused whatever it stores: nobody checked that figure, and where none is
stored a limit would be lost without a word. What is hidden is taken, and said to whoever decides.
"""

from collections.abc import Iterable, Iterator, Sequence

from core.sheet_markings import Markings, Place, letters_of
from payments.catalogue.upkeep.sheets.cells import Cell, is_blank
from payments.catalogue.upkeep.sheets.columns import TITLES, find_column
from payments.catalogue.upkeep.sheets.faults import SheetFault

#: So many runs of rows are named in one warning; the rest are counted.
_MOST_RUNS = 40


def calculation_faults(sheet: str, heading: Sequence[Cell], found: Markings) -> list[SheetFault]:
    """A fault for each cell that is calculated or shows an error; `sheet` is a table's name."""
    marked = sorted({*found.formulas, *found.errors})
    return [_fault(sheet, heading, place, place in found.formulas) for place in marked]


def _fault(sheet: str, heading: Sequence[Cell], place: Place, is_formula: bool) -> SheetFault:
    if is_formula:
        code = "formula"
        reason = (
            f"Ô {place.address} là công thức; hãy sao chép ô rồi dán đặc biệt dạng Giá trị,"
            " hoặc gõ lại giá trị."
        )
    else:
        # Read as blank it could take away a limit that a fee has.
        code = "formula_error"
        reason = f"Ô {place.address} báo lỗi công thức (như #REF!); hãy sửa rồi lưu lại."
    return SheetFault(sheet, place.row, _column(sheet, heading, place.column), code, reason)


def _column(sheet: str, heading: Sequence[Cell], number: int) -> str:
    """The column's key, or its letters where the heading says nothing that is known."""
    cell = heading[number - 1] if number <= len(heading) else None
    if sheet in TITLES and not is_blank(cell):
        known = find_column(sheet, str(cell))
        if known is not None:
            return known.key
    return letters_of(number)


def hidden_warnings(
    table: str, heading: Sequence[Cell], rows: Iterable[int], found: Markings, *, whole: bool
) -> Iterator[str]:
    """What is hidden of a table's sheet and was read all the same; `whole` is the sheet itself.

    `rows` are the numbers of the rows that say something. A hidden column is told whatever is in
    it: a limit can be missing there as well.
    """
    title = TITLES[table]
    read = list(rows)
    if whole:
        yield f"{title}: cả trang đang ẩn trong tệp, vẫn được đọc ({len(read)} dòng)."
    hidden = [row for row in read if row in found.hidden_rows]
    if hidden:
        yield (
            f"{title}: {len(hidden)} dòng đang ẩn trong tệp (ẩn dòng hoặc bộ lọc), vẫn được đọc:"
            f" dòng {_runs(hidden)}."
        )
    columns = [
        known.title
        for number, cell in enumerate(heading, start=1)
        if found.hides_column(number)
        and not is_blank(cell)
        and (known := find_column(table, str(cell))) is not None
    ]
    if columns:
        listed = "; ".join(columns)
        yield f"{title}: {len(columns)} cột đang ẩn trong tệp, vẫn được đọc: cột {listed}."


def _runs(rows: Sequence[int]) -> str:
    """Rows in order, those that follow each other as one: "2, 4–9"."""
    runs: list[tuple[int, int]] = []
    for row in rows:
        if runs and row == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], row)
        else:
            runs.append((row, row))
    told = [str(a) if a == b else f"{a}–{b}" for a, b in runs[:_MOST_RUNS]]
    more = sum(b - a + 1 for a, b in runs[_MOST_RUNS:])
    return ", ".join(told) + (f" và {more} dòng khác" if more else "")
