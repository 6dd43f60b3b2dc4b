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

from payments.catalogue.upkeep.sheets.faults import fault_of_file
from payments.catalogue.upkeep.sheets.markings import Markings, markings_of

#: All parts of a workbook together, unpacked.
MOST_UNPACKED = 48 * 1024 * 1024
MOST_ROWS = 10_000
MOST_COLUMNS = 100
MOST_CELLS = 400_000
#: What repeating the longest text in every cell would come to, in bytes.
MOST_REPEATED = 256 * 1024 * 1024

_MOST_PARTS = 200
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


@dataclass(frozen=True, slots=True)
class CheckedWorkbook:
    """A workbook that may be read, without the parts that hold no cells.

    `markings` has, for each sheet by its name, in order, what the reader does not tell of it.
    """

    content: bytes
    markings: Mapping[str, Markings]


def checked(content: bytes) -> CheckedWorkbook:
    """The same workbook, looked at. Raises `FileRefused`."""
    try:
        parts = _unpacked(content)
        sheets = dict(_sheets_of(parts))
    except _BROKEN:
        raise fault_of_file("not_a_workbook", "Tệp Excel hỏng hoặc bị cắt cụt.") from None
    longest = 0
    cells = 0
    for name, part in parts.items():
        # The reader takes UTF-16 too, which would hide everything that is looked for below.
        if b"\x00" in part or part[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise fault_of_file("not_a_workbook", "Tệp Excel hỏng: có phần không phải UTF-8.")
        if name.lower() == _TEXTS:
            longest = _longest(part)
        elif _CELLS.fullmatch(name):
            cells += _check_sheet(part)
    if cells > MOST_CELLS:
        raise fault_of_file("too_large", f"Tệp có quá {MOST_CELLS} ô.")
    if cells * longest > MOST_REPEATED:
        raise fault_of_file("too_large", "Tệp có ô quá dài lặp lại quá nhiều lần.")
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
    for sheet in _elements(parts[own[_BOOK]], "sheet"):
        name = str(sheet.get("name", ""))
        ids = [v for k, v in sheet.attrib.items() if etree.QName(k).localname == "id"]
        if name in met or len(ids) != 1 or ids[0] not in targets:
            raise ValueError("a sheet is not one sheet")
        met.add(name)
        target = targets[str(ids[0])]
        yield name, own.get(target.lower(), target)


def _elements(part: bytes, name: str) -> Iterator[etree._Element]:
    if len(part) > _MOST_LISTED:
        raise fault_of_file("too_large", "Tệp Excel có danh sách trang quá dài.")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    return etree.fromstring(part, parser).iter(f"{{*}}{name}")


def _unpacked(content: bytes) -> dict[str, bytes]:
    parts: dict[str, bytes] = {}
    left = MOST_UNPACKED
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if len(archive.infolist()) > _MOST_PARTS:
            raise fault_of_file("too_large", f"Tệp Excel có quá {_MOST_PARTS} phần.")
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
                size = MOST_UNPACKED // (1024 * 1024)
                raise fault_of_file("too_large", f"Tệp Excel giải nén ra quá {size} MB.")
            parts[name] = part
    return parts


def _packed(parts: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return packed.getvalue()


def _check_sheet(part: bytes) -> int:
    """How many cells a sheet has. Raises `FileRefused` where they would be laid out too far."""
    rows = sum(1 for _ in _ROW.finditer(part))
    cells = sum(1 for _ in _CELL.finditer(part))
    if cells > MOST_CELLS:
        return cells
    columns = 0
    for place in _PLACE.finditer(part):
        rows = max(rows, int(place[2][:9] or 0))
        columns = max(columns, _column(place[1]))
    if rows > MOST_ROWS or columns > MOST_COLUMNS:
        reason = f"Mỗi trang tối đa {MOST_ROWS} dòng và {MOST_COLUMNS} cột."
        raise fault_of_file("too_large", reason)
    return cells


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
