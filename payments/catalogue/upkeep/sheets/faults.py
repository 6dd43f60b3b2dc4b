"""What is wrong with a file of the catalogue: sheet, row, column and reason. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import FieldError, Invalid
from payments.catalogue.upkeep.sheets.columns import TITLES, find_column

#: No more than this many faults of one file are listed, as many as an answer may; the rest are
#: counted.
MOST_FAULTS = 200

#: The place of a fault of a file as a whole.
_FILE = "file"


@dataclass(frozen=True, slots=True)
class SheetFault:
    """One fault. `sheet` is a table's name where it is one, else what the file calls it.

    `row` counts from 1 as a spreadsheet does, None is the sheet as a whole; `column` is the
    column's key, or the heading as it stands where nobody knows it; "" is the whole row.
    """

    sheet: str
    row: int | None
    column: str
    code: str
    reason: str

    @property
    def sheet_title(self) -> str:
        """The sheet as a clerk knows it."""
        return TITLES.get(self.sheet, self.sheet)

    @property
    def column_title(self) -> str:
        """The column as a clerk knows it."""
        known = find_column(self.sheet, self.column) if self.sheet in TITLES else None
        return self.column if known is None else known.title

    @property
    def field(self) -> str:
        """Where it is, for a machine: `fees!7.valid_from`."""
        place = self.sheet if self.row is None else f"{self.sheet}!{self.row}"
        return f"{place}.{self.column}" if self.column else place

    @property
    def words(self) -> str:
        """All of it in one line of Vietnamese; of a file as a whole the reason alone."""
        if self.sheet == _FILE:
            return self.reason
        parts = [self.sheet_title]
        if self.row is not None:
            parts.append(f"dòng {self.row}")
        if self.column:
            parts.append(f"cột {self.column_title}")
        return f"{', '.join(parts)}: {self.reason}"


class FileRefused(Invalid):
    """A file of the catalogue cannot be taken; `errors` says where and why, nothing was taken."""

    code = "catalogue_file_refused"

    def __init__(self, faults: Sequence[SheetFault]) -> None:
        listed = faults[:MOST_FAULTS]
        first = f" ({MOST_FAULTS} lỗi đầu được nêu)" if len(faults) > MOST_FAULTS else ""
        super().__init__(
            f"Tệp có {len(faults)} lỗi{first}; chưa nhận dòng nào.",
            errors=[FieldError(one.field, one.code, one.words) for one in listed],
        )
        self.faults = tuple(listed)
        self.count = len(faults)


def fault_of_file(code: str, reason: str) -> FileRefused:
    """The refusal of a file that cannot be read at all."""
    return FileRefused([SheetFault(_FILE, None, "", code, reason)])
