"""Whoever writes a CSV or XLSX file: no text in it is ever calculated.

Every module that writes such a file is found by its calls and is here with a file of its own, of
nothing but hostile text; a new one fails this test until it is.
"""

import ast
import csv
import io
import re
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from lxml import etree

from core.spreadsheets import is_live, original
from payments.catalogue.upkeep.entries import KINDS, Entry
from payments.catalogue.upkeep.sheets import exports
from payments.catalogue.upkeep.sheets.columns import COLUMNS
from payments.catalogue.upkeep.sheets.files import read_file
from reconciliation import exports as exported
from reconciliation import files
from reconciliation.queries import DiscrepancyValue
from tests.architecture.source import Source, calls, sources
from tests.architecture.test_house_rules import dotted
from tests.support.catalogue_files import parts_of
from tests.support.live_text import LIVE

_WRITERS = {"csv.writer", "csv.DictWriter"}
_LIBRARIES = {"xlsxwriter", "openpyxl", "pandas", "odf"}
_COPY = re.compile(r"\bCOPY\b.*\bTO\b", re.IGNORECASE | re.DOTALL)


def writes_cells(source: Source) -> bool:
    """Whether a module writes a file of cells, as far as its calls, imports and SQL tell."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            named = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            named += [one.name for one in node.names]
            if any(one.partition(".")[0] in _LIBRARIES for one in named):
                return True
            if isinstance(node, ast.ImportFrom) and node.module == "csv":
                return True
        if isinstance(node, ast.JoinedStr) and _COPY.search(ast.unparse(node)):
            return True
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and _COPY.search(text) and "csv" in text.lower():
            return True
    return any(dotted(call.func) in _WRITERS for call in calls(source))


def hostile_entries(kind: type[Entry]) -> list[Entry]:
    """Entries whose every text is hostile, as rows may be that were not written as entries."""
    entries = []
    for text in LIVE:
        values: dict[str, Any] = dict.fromkeys(kind.model_fields, text)
        values |= {n: date(2027, 1, 1) for n in ("checked_on", "valid_from", "valid_to")}
        values |= {"kind": "fixed", "rule": {"amount": 5}, "fees": [text], "once_a_year": False}
        values |= dict.fromkeys(("percent", "each", "cap", "age_from", "age_below"))
        known = {name: value for name, value in values.items() if name in kind.model_fields}
        entries.append(kind.model_construct(**known))
    return entries


def written_csv(_: Path) -> Iterable[str]:
    for kind in KINDS:
        content = exports.write_csv(kind.table, hostile_entries(kind)).decode("utf-8-sig")
        for row in csv.reader(io.StringIO(content, newline="")):
            yield from row


def written_workbook(_: Path) -> Iterable[str]:
    """The texts of a workbook, without those whose cell says that they are text."""
    tables = {kind.table: hostile_entries(kind) for kind in KINDS}
    parts = parts_of(exports.write_workbook(tables))
    styles = etree.fromstring(parts["xl/styles.xml"]).find("{*}cellXfs")
    assert styles is not None
    marked = {n for n, one in enumerate(styles) if one.get("quotePrefix") == "1"}
    shared = [
        "".join(str(text.text or "") for text in one.iter("{*}t"))
        for one in etree.fromstring(parts["xl/sharedStrings.xml"])
    ]
    for name, part in parts.items():
        if name.startswith("xl/worksheets/"):
            sheet = etree.fromstring(part)
            assert next(sheet.iter("{*}f"), None) is None
            for cell in sheet.iter("{*}c"):
                value = cell.find("{*}v")
                if cell.get("t") == "s" and int(cell.get("s", 0)) not in marked:
                    assert value is not None
                    yield shared[int(value.text or 0)]
                assert cell.get("t") in ("s", None)


def written_discrepancies(folder: Path) -> Iterable[str]:
    """The reasons; ids and references stay as they came (see test_reconcile_files)."""
    path = folder / "discrepancies.csv"
    with closing(duckdb.connect()) as duck:
        duck.execute(
            "CREATE TABLE discrepancies AS SELECT 'line' AS side, 'x' AS id, 'late' AS class,"
            " 'x' AS reference, 1 AS amount, 1 AS other_amount, unnest(?::VARCHAR[]) AS reason",
            [list(LIVE)],
        )
        files._write(duck, files._DISCREPANCIES, path)
    with path.open(encoding="utf-8", newline="") as file:
        _, *rows = csv.reader(file, strict=True)
    assert sorted(original(row[-1]) for row in rows) == sorted(LIVE)
    for row in rows:
        yield from row


def written_export(_: Path) -> Iterable[str]:
    """A run's discrepancies as they are fetched; ids of ours cannot be hostile."""
    odd = [DiscrepancyValue("disc_1", "line", text, "late", text, 1, None, text) for text in LIVE]
    rows = list(csv.reader(io.StringIO(exported.write_rows(odd), newline="")))
    assert [original(row[-1]) for row in rows] == list(LIVE)
    for row in rows:
        yield from row


#: Module → what it writes of nothing but hostile text, cell by cell.
WALKS: dict[str, tuple[Callable[[Path], Iterable[str]], ...]] = {
    "payments/catalogue/upkeep/sheets/exports.py": (written_csv, written_workbook),
    "reconciliation/exports.py": (written_export,),
    "reconciliation/files.py": (written_discrepancies,),
}
#: What nobody but we read, and what must not be other than it was.
EXACT = {"reconciliation/typed_csv.py"}  # in a hidden folder that is gone afterwards


def test_every_module_that_writes_cells_is_walked() -> None:
    assert {one.path for one in sources() if writes_cells(one)} == WALKS.keys() | EXACT


@pytest.mark.parametrize("walk", [walk for walks in WALKS.values() for walk in walks])
def test_nothing_that_is_written_is_calculated(
    walk: Callable[[Path], Iterable[str]], tmp_path: Path
) -> None:
    cells = list(walk(tmp_path))
    assert cells
    # An apostrophe before a text is what a spreadsheet takes for text.
    assert [cell for cell in cells if is_live(cell) and not cell.startswith("'")] == []


@pytest.mark.parametrize("walk", [walk for walks in WALKS.values() for walk in walks])
def test_a_writer_that_forgets_would_be_noticed(
    walk: Callable[[Path], Iterable[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "inert", str)
    monkeypatch.setattr(exports, "is_live", lambda text: False)
    monkeypatch.setattr(exported, "inert", str)
    plain = re.sub(r"CASE .* END AS reason", "reason", files._DISCREPANCIES, flags=re.DOTALL)
    assert plain != files._DISCREPANCIES
    monkeypatch.setattr(files, "_DISCREPANCIES", plain)
    with pytest.raises(AssertionError):
        test_nothing_that_is_written_is_calculated(walk, tmp_path)


@pytest.mark.parametrize(
    "code",
    [
        "import csv\ncsv.writer(file).writerow(row)",
        "import csv\ncsv.DictWriter(file, names)",
        "from csv import writer\nwriter(file)",
        "import xlsxwriter",
        "from openpyxl.workbook import Workbook",
        "sql = f\"COPY ({select}) TO '{path}'\"",
        "sql = 'COPY receipts TO STDOUT (FORMAT csv)'",
    ],
)
def test_a_new_writer_would_be_noticed(code: str) -> None:
    assert writes_cells(Source("receipts/exports.py", code))
    assert not writes_cells(Source("receipts/reading.py", "import csv\ncsv.reader(file)"))


def test_what_a_file_says_is_read_back_as_it_was() -> None:
    for kind in KINDS:
        entries = hostile_entries(kind)
        (sheet,) = read_file(exports.write_csv(kind.table, entries), kind.table)
        keys = [column.key for column in COLUMNS[kind.table]]
        place = keys.index("title_vi" if "title_vi" in keys else "name_vi")
        assert [cells[place] for _, cells in sheet.rows[1:]] == list(LIVE)
