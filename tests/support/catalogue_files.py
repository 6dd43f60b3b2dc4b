"""Files of the catalogue as a clerk would send them, good and bad."""

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence

import xlsxwriter
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from payments.catalogue.upkeep.sheets.columns import COLUMNS
from payments.catalogue.upkeep.sheets.exports import write_workbook

HEADER = [column.key for column in COLUMNS["fees"]]

FEE: dict[str, str] = {
    "code": "phi-moi",
    "procedure": "2.000815",
    "name_vi": "Phí mới",
    "name_en": "New fee",
    "unit_vi": "bản",
    "unit_en": "copy",
    "kind": "fixed",
    "amount": "10.000",
    "charged": "choice",
    "sub_item": "2716",
    "basis": "226/2016/TT-BTC",
    "source": "Công báo",
    "certainty": "confirmed",
    "checked_on": "22/11/2026",
    "valid_from": "01/03/2027",
}

RELIEF: dict[str, str] = {
    "code": "giam-moi",
    "name_vi": "Giảm mới",
    "name_en": "New relief",
    "fees": "phi-moi",
    "percent": "50 %",
    "once_a_year": "không",
    "basis": "226/2016/TT-BTC",
    "source": "Công báo",
    "certainty": "confirmed",
    "checked_on": "22/11/2026",
    "valid_from": "01/03/2027",
}


def csv_of(
    *rows: Mapping[str, str],
    table: str = "fees",
    header: Sequence[str] | None = None,
    delimiter: str = ",",
) -> bytes:
    """A CSV file of these rows; columns a row does not name are blank."""
    keys = [column.key for column in COLUMNS[table]] if header is None else list(header)

    def line(cells: Sequence[str]) -> str:
        return delimiter.join('"' + cell.replace('"', '""') + '"' for cell in cells)

    lines = [line(keys), *(line([row.get(key, "") for key in keys]) for row in rows)]
    return "\r\n".join(lines).encode()


def fees_csv(*changes: Mapping[str, str]) -> bytes:
    """A CSV file of fees, each `FEE` with changes."""
    return csv_of(*(FEE | dict(one) for one in changes))


def fees_workbook(row: Mapping[str, str | float]) -> bytes:
    """A workbook of one fee, whose cells are texts or numbers as given."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as workbook:
        sheet = workbook.add_worksheet("fees")
        for place, key in enumerate(HEADER):
            sheet.write_string(0, place, key)
            cell = row.get(key, FEE.get(key, ""))
            if isinstance(cell, str):
                sheet.write_string(1, place, cell)
            else:
                sheet.write_number(1, place, cell)
    return content.getvalue()


def fees_sheet(
    change: Callable[[Workbook, Worksheet], object], *, rows: int = 1, name: str = "Khoản thu"
) -> bytes:
    """A workbook of fees, each `FEE` with a number to its code, changed before it is closed."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as workbook:
        sheet = workbook.add_worksheet(name)
        for place, key in enumerate(HEADER):
            sheet.write_string(0, place, key)
            for row in range(1, rows + 1):
                value = FEE.get(key, "")
                sheet.write_string(row, place, f"{value}-{row}" if key == "code" else value)
        change(workbook, sheet)
    return content.getvalue()


def parts_of(content: bytes) -> dict[str, bytes]:
    """The parts of a workbook by their names."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def workbook_of(parts: Mapping[str, bytes]) -> bytes:
    """A workbook of these parts."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return content.getvalue()


def workbook_with(change: Callable[[dict[str, bytes]], None]) -> bytes:
    """An empty workbook of all tables whose parts were changed afterwards."""
    parts = parts_of(write_workbook({t: [] for t in COLUMNS}))
    change(parts)
    return workbook_of(parts)


def sheet_with(cells: bytes) -> Callable[[dict[str, bytes]], None]:
    """A change that puts rows into the second sheet of a workbook."""

    def change(parts: dict[str, bytes]) -> None:
        name = "xl/worksheets/sheet2.xml"
        before, _, rest = parts[name].partition(b"<sheetData")
        after = rest.partition(b"</sheetData>")[2] or rest.partition(b"/>")[2]
        parts[name] = before + b"<sheetData>" + cells + b"</sheetData>" + after

    return change


def bomb(size: int) -> bytes:
    """A small file whose second sheet unpacks to `size` bytes."""

    def change(parts: dict[str, bytes]) -> None:
        parts["xl/worksheets/sheet2.xml"] += b" " * size

    return workbook_with(change)


def liar(size: int) -> bytes:
    """As `bomb`, but the archive says that the part is small."""
    content = bytearray(bomb(size))
    real = len(b" " * size)
    with zipfile.ZipFile(io.BytesIO(bytes(content))) as archive:
        real = archive.getinfo("xl/worksheets/sheet2.xml").file_size
    told = (1000).to_bytes(4, "little")
    wanted = real.to_bytes(4, "little")
    place = content.find(wanted)
    while place >= 0:
        content[place : place + 4] = told
        place = content.find(wanted, place + 4)
    return bytes(content)
