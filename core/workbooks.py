"""Whether an XLSX file is safe to be read: a small archive can unfold into all of the memory. Pure.

An XLSX file is a ZIP archive of XML. What can go wrong before its reader gives the first row:
an archive that unpacks to gigabytes, one cell far away that makes the reader lay out every cell
between (one in XFD1048576 is enough), and one long text that a million cells repeat. So the
archive is unpacked here under a limit, looked at, and packed again with only the parts that hold
cells: what the reader gets is exactly what was looked at.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lxml import etree

from core.sheet_markings import Markings, markings_of

_MOST_PARTS = 200
_ANY_RATIO = 8 * 1024 * 1024
#: The list of sheets; it is read as a tree, which takes far more memory than the text.
_MOST_LISTED = 1024 * 1024
_CELLS = re.compile(r"xl/worksheets/[^/]+\.xml", re.IGNORECASE)
_TEXTS = "xl/sharedstrings.xml"
_BOOK = "xl/workbook.xml"
_LINKS = "xl/_rels/workbook.xml.rels"
_PARTS = re.compile(
    r"\[content_types\]\.xml|_rels/\.rels|xl/(?:workbook|styles|sharedstrings)\.xml"
    r"|xl/_rels/workbook\.xml\.rels|xl/worksheets/[^/]+\.xml",
    re.IGNORECASE,
)
#: Where a row or a cell says that it stands; several columns' letters, then the row.
_PLACE = re.compile(rb"""\sr\s*=\s*["']([A-Za-z]*)([0-9]*)["']""")
_CELL = re.compile(rb"<(?:[A-Za-z0-9_.-]+:)?c[\s/>]")
_ROW = re.compile(rb"<(?:[A-Za-z0-9_.-]+:)?row[\s/>]")
_ROW_OR_CELL = re.compile(rb"<(?:[A-Za-z0-9_.-]+:)?(row|c)(?=[\s/>])")
_TEXT_END = re.compile(rb"</(?:[A-Za-z0-9_.-]+:)?si\s*>")

_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,  # an encrypted part
    etree.XMLSyntaxError,
    ValueError,
    KeyError,
)


class WorkbookRefused(Exception):
    """A workbook is not to be read; `code` is for a program, `detail` for a person."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class WorkbookLimits:
    """How much of a workbook is taken at most.

    `unpacked` are the bytes of all its parts together, `repeated` what the longest text in every
    cell would come to; rows and columns are those of a sheet, cells of all. A reader lays out every
    cell between the first and the last, which `area` is about. More than `ratio` times
    its packed size is not unpacked, beyond the first 8 MiB.
    """

    unpacked: int
    rows: int
    columns: int
    cells: int
    repeated: int
    area: int
    ratio: int = 1000

    def most_unpacked(self, packed: int) -> int:
        """To how many bytes a file of so many may unpack."""
        return min(self.unpacked, _ANY_RATIO + self.ratio * packed)


@dataclass(frozen=True, slots=True)
class CheckedWorkbook:
    """A workbook that may be read, without the parts that hold no cells.

    `markings` has, for each sheet by its name, in order, what the reader does not tell of it.
    """

    content: bytes
    markings: Mapping[str, Markings]


def checked(content: bytes, limits: WorkbookLimits) -> CheckedWorkbook:
    """The same workbook, looked at. Raises `WorkbookRefused`."""
    try:
        parts = _unpacked(content, limits)
        sheets = dict(_sheets_of(parts))
    except _BROKEN:
        raise WorkbookRefused("not_a_workbook", "Tệp Excel hỏng hoặc bị cắt cụt.") from None
    longest = 0
    cells = area = 0
    for name, part in parts.items():
        # The reader takes UTF-16 too, which would hide everything that is looked for below.
        if b"\x00" in part or part[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise WorkbookRefused("not_a_workbook", "Tệp Excel hỏng: có phần không phải UTF-8.")
        # No spreadsheet writes one, and what it names readers make different things of.
        if b"<!DOCTYPE" in part:
            raise WorkbookRefused("doctype", "Tệp Excel có DOCTYPE; bảng tính không viết như vậy.")
        if name.lower() == _TEXTS:
            longest = _longest(part)
        elif _CELLS.fullmatch(name):
            held, laid_out = _check_sheet(part, limits)
            cells += held
            area += laid_out
    if area > limits.area:
        raise WorkbookRefused("too_large", f"Các trang trải ra quá {limits.area} ô.")
    if cells > limits.cells:
        raise WorkbookRefused("too_large", f"Tệp có quá {limits.cells} ô.")
    if cells * longest > limits.repeated:
        raise WorkbookRefused("too_large", "Tệp có ô quá dài lặp lại quá nhiều lần.")
    markings = {name: markings_of(parts.get(part, b"")) for name, part in sheets.items()}
    return CheckedWorkbook(_packed(parts), markings)


def _sheets_of(parts: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    """The sheets of a workbook: name and part. Raises `ValueError` where one name is two sheets."""
    own = {name.lower(): name for name in parts}
    if _BOOK not in own or _LINKS not in own:
        return
    targets: dict[str, str] = {}
    for link in _elements(parts[own[_LINKS]], "Relationship"):
        target = str(link.get("Target", "")).replace("\\", "/").removeprefix("/")
        target = target if target.lower().startswith("xl/") else f"xl/{target}"
        if targets.setdefault(str(link.get("Id")), target) != target:
            raise ValueError("a link leads to two places")
    met: set[str] = set()
    met_parts: set[str] = set()
    for sheet in _elements(parts[own[_BOOK]], "sheet"):
        name = str(sheet.get("name", ""))
        ids = [v for k, v in sheet.attrib.items() if etree.QName(k).localname == "id"]
        if name in met or len(ids) != 1 or ids[0] not in targets:
            raise ValueError("a sheet is not one sheet")
        target = targets[str(ids[0])]
        if target.lower() in met_parts:
            raise ValueError("a part is two sheets")
        met.add(name)
        met_parts.add(target.lower())
        yield name, own.get(target.lower(), target)


def _elements(part: bytes, name: str) -> Iterator[etree._Element]:
    if len(part) > _MOST_LISTED:
        raise WorkbookRefused("too_large", "Tệp Excel có danh sách trang quá dài.")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    return etree.fromstring(part, parser).iter(f"{{*}}{name}")


def _unpacked(content: bytes, limits: WorkbookLimits) -> dict[str, bytes]:
    parts: dict[str, bytes] = {}
    most = left = limits.most_unpacked(len(content))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if len(archive.infolist()) > _MOST_PARTS:
            raise WorkbookRefused("too_large", f"Tệp Excel có quá {_MOST_PARTS} phần.")
        for info in archive.infolist():
            name = info.filename.lstrip("/")
            if _PARTS.fullmatch(name) is None:
                continue
            if name in parts:
                raise zipfile.BadZipFile("a part stands twice")
            with archive.open(info) as packed:
                # What the archive says of its sizes is not believed.
                part = packed.read(left + 1)
            left -= len(part)
            if left < 0:
                size = most // (1024 * 1024)
                raise WorkbookRefused("too_large", f"Tệp Excel giải nén ra quá {size} MB.")
            parts[name] = part
    return parts


def _packed(parts: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return packed.getvalue()


def _check_sheet(part: bytes, limits: WorkbookLimits) -> tuple[int, int]:
    """How many cells a sheet has, and to how many they would be laid out.

    Raises `WorkbookRefused` where they reach too far.
    """
    rows = sum(1 for _ in _ROW.finditer(part))
    cells = sum(1 for _ in _CELL.finditer(part))
    if cells > limits.cells:
        return cells, cells
    columns = placed = 0
    for place in _PLACE.finditer(part):
        rows = max(rows, int(place[2][:9] or 0))
        columns = max(columns, _column(place[1]))
        placed += bool(place[1])
    if placed < cells:
        # A cell that does not say where it stands follows the one before it.
        columns += _longest_row(part)
    if rows > limits.rows or columns > limits.columns:
        reason = f"Mỗi trang tối đa {limits.rows} dòng và {limits.columns} cột."
        raise WorkbookRefused("too_large", reason)
    return cells, rows * columns


def _longest_row(part: bytes) -> int:
    """How many cells the row has that has most."""
    longest = held = 0
    for found in _ROW_OR_CELL.finditer(part):
        held = 0 if found[1] == b"row" else held + 1
        longest = max(longest, held)
    return longest


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper()[:6]:
        number = number * 26 + letter - ord("A") + 1
    return number


def _longest(part: bytes) -> int:
    """How long the longest shared text is, its marking included."""
    longest = before = 0
    for end in _TEXT_END.finditer(part):
        longest, before = max(longest, end.end() - before), end.end()
    return max(longest, len(part) - before)
