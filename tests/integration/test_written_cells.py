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

from app.web.staff import table_files
from app.web.staff.table_files import write_table
from app.web.staff.tables import AskedTable, ShownTable, TableColumn, TableRow
from app.web.translations import WORDS
from core.calendar import national
from core.spreadsheets import is_live, original
from payments.catalogue.rules.wording import LocalizedText
from payments.catalogue.upkeep.entries import KINDS, Entry
from payments.catalogue.upkeep.sheets import exports
from payments.catalogue.upkeep.sheets.columns import COLUMNS
from payments.catalogue.upkeep.sheets.files import read_file
from payments.debts import error_sheet
from payments.debts.error_sheet import write_error_sheet
from payments.debts.faults import DebtFault
from payments.debts.sheets import DebtSheet
from reconciliation import workbook_sheets
from reconciliation.cases import sheets as discrepancy_sheets
from reconciliation.cases.sheets import SheetRow, write_sheet
from reconciliation.closing import minutes_xlsx
from reconciliation.days import exports as exported
from reconciliation.days.run_queries import DiscrepancyValue
from reconciliation.matching import files
from reconciliation.reports import writing
from reconciliation.reports.tables import ReportColumn, ReportTable
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
    rows = list(
        csv.reader(
            io.StringIO(exported.write_rows(odd, national(), date(2026, 11, 23)), newline="")
        )
    )
    assert [original(row[7]) for row in rows] == list(LIVE)
    for row in rows:
        yield from row


def texts_of_workbook(content: bytes) -> Iterable[str]:
    """The texts of a workbook, without those whose cell says that they are text; no formulas."""
    parts = parts_of(content)
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


def written_sheet(_: Path) -> Iterable[str]:
    """The sheet of discrepancies that people fill in and send back."""
    rows = [SheetRow(one, "line", one, "late", one, 1, None, one, one, "open", one) for one in LIVE]
    return texts_of_workbook(write_sheet(rows))


def written_minutes(_: Path) -> Iterable[str]:
    """Minutes of nothing but hostile words."""
    item = {"id": "case_1", "kind": "late", "side": "line", "amount": 1}
    fee = {"count": 1, "amount": 1}
    content: dict[str, Any] = {
        "version": 1,
        "body": {"name": LIVE[0]},
        "account": {"number": LIVE[0], "holder": LIVE[0]},
        "date": "2026-11-29",
        "run": "rec_1",
        "balances": {"opening": None, "closing": None},
        "lines": dict.fromkeys(("credits", "debits", "late_credits", "late_debits"), 1),
        "agrees": False,
        "payments": {"sum": 1},
        "proposed": {"name": LIVE[0], "at": "2026-11-29T10:00:00+00:00"},
        "closed": {"name": LIVE[0], "at": "2026-11-29T11:00:00+00:00"},
        "previous": {"hash": "0"},
        "classes": {LIVE[0]: {"count": 1, "sum": 1}},
        "fees": [
            fee
            | dict.fromkeys(
                ("agency", "procedure", "fee", "description", "sub_item", "gateway"), one
            )
            for one in LIVE
        ],
        "places": [{"place": one, "reason": one, "count": 1, "amount": 1} for one in LIVE],
        "waiting": [],
        "items": [
            item | dict.fromkeys(("object_id", "reference", "resolution", "reason"), one)
            for one in LIVE
        ],
        "other_days": [
            {
                "id": one,
                "amount": 1,
                "booked_at": "2026-11-29T10:00:00Z",
                "payment_id": one,
                "late": True,
            }
            for one in LIVE
        ],
    }
    return texts_of_workbook(minutes_xlsx.write(content, "0"))


def hostile_report() -> ReportTable:
    """A report of nothing but hostile words."""
    return ReportTable(
        *("x", LIVE[0], LIVE[0], LIVE[0], date(2026, 11, 1), date(2026, 11, 2)),
        columns=(ReportColumn("what", "Nội dung", "What"), ReportColumn("sum", "Số tiền", "Sum")),
        rows=[(one, 1) for one in LIVE],
        facts={"Đơn vị": LIVE[0]},
        notes=tuple(LIVE),
    )


def written_report_csv(_: Path) -> Iterable[str]:
    text = writing.write_report(hostile_report(), "csv").decode("utf-8-sig")
    for row in csv.reader(io.StringIO(text, newline="")):
        yield from row


def written_report_workbook(_: Path) -> Iterable[str]:
    return texts_of_workbook(writing.write_report(hostile_report(), "xlsx"))


def hostile_table() -> ShownTable:
    """A table of staff's pages of nothing but hostile texts."""
    columns = (TableColumn("text", "Nội dung"), TableColumn("words", "Chữ", "words"))
    rows = [TableRow(one, (one, LocalizedText(one, one))) for one in LIVE]
    return ShownTable("/x", columns, rows, AskedTable(), None)


def written_table(_: Path) -> Iterable[str]:
    content = write_table(hostile_table(), LIVE[0], "csv", WORDS["vi"]).decode("utf-8-sig")
    for row in csv.reader(io.StringIO(content, newline="")):
        yield from row


def written_table_workbook(_: Path) -> Iterable[str]:
    return texts_of_workbook(write_table(hostile_table(), "Bảng", "xlsx", WORDS["en"]))


def written_error_sheet(_: Path) -> Iterable[str]:
    """A refused list of debts, whose every cell is hostile."""
    rows = [(number, (one, one)) for number, one in enumerate(LIVE, start=1)]
    faults = [DebtFault(number, "name", "malformed", one) for number, (one, _) in rows]
    return texts_of_workbook(write_error_sheet(DebtSheet(rows, {"code": 0, "name": 1}, [], faults)))


#: Module → what it writes of nothing but hostile text, cell by cell.
WALKS: dict[str, tuple[Callable[[Path], Iterable[str]], ...]] = {
    "payments/catalogue/upkeep/sheets/exports.py": (written_csv, written_workbook),
    "payments/debts/error_sheet.py": (written_error_sheet,),
    "reconciliation/days/exports.py": (written_export,),
    "reconciliation/matching/files.py": (written_discrepancies,),
    "reconciliation/workbook_sheets.py": (written_minutes,),
    "reconciliation/reports/writing.py": (written_report_csv, written_report_workbook),
    "reconciliation/cases/sheets.py": (written_sheet,),
    "app/web/staff/table_files.py": (written_table, written_table_workbook),
}
#: What nobody but we read, and what must not be other than it was.
EXACT = {
    "reconciliation/matching/typed_csv.py",  # in a hidden folder that is gone afterwards
    "adapters/sandbox/engine/bank_statement.py",  # what payers wrote, as a bank has it
    "adapters/sandbox/engine/settlement.py",  # byte for byte as that provider writes it
}


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
    monkeypatch.setattr(table_files, "inert", str)
    monkeypatch.setattr(exports, "is_live", lambda text: False)
    monkeypatch.setattr(exported, "inert", str)
    monkeypatch.setattr(workbook_sheets, "is_live", lambda text: False)
    monkeypatch.setattr(writing, "inert", str)
    monkeypatch.setattr(discrepancy_sheets, "is_live", lambda text: False)
    monkeypatch.setattr(error_sheet, "is_live", lambda text: False)
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
        place = keys.index(next(name for name in ("title_vi", "name_vi", "source") if name in keys))
        assert [cells[place] for _, cells in sheet.rows[1:]] == list(LIVE)
