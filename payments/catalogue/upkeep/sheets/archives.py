"""How large a file of a table may be, and whether a workbook may be read. Pure."""

from dataclasses import dataclass
from typing import Final

from core import workbooks
from core.workbooks import CheckedWorkbook, WorkbookLimits, WorkbookRefused
from payments.catalogue.upkeep.sheets.faults import fault_of_file

#: All parts of a workbook together, unpacked.
MOST_UNPACKED: Final = 48 * 1024 * 1024
MOST_ROWS: Final = 10_000
MOST_COLUMNS: Final = 100
MOST_CELLS: Final = 400_000


@dataclass(frozen=True, slots=True)
class TableLimits:
    """How large a file may be: its bytes, and what a workbook may come to; CSV keeps the rows."""

    file_bytes: int
    workbook: WorkbookLimits


#: Of a file of the catalogue.
CATALOGUE_LIMITS: Final = TableLimits(
    8 * 1024 * 1024,
    WorkbookLimits(
        unpacked=MOST_UNPACKED,
        rows=MOST_ROWS,
        columns=MOST_COLUMNS,
        cells=MOST_CELLS,
        repeated=256 * 1024 * 1024,
        area=10 * MOST_ROWS * MOST_COLUMNS,
    ),
)


def checked(content: bytes, limits: TableLimits = CATALOGUE_LIMITS) -> CheckedWorkbook:
    """The same workbook, looked at. Raises `FileRefused`."""
    try:
        return workbooks.checked(content, limits.workbook)
    except WorkbookRefused as refused:
        raise fault_of_file(refused.code, refused.detail) from None
