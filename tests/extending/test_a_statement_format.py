"""The page's mapping and format read their samples; each step left out is complained of."""

from collections.abc import Collection, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from reconciliation.formats.csv_statement import read_by
from reconciliation.formats.mappings import Mapping, list_mappings, read_mappings
from reconciliation.formats.reading_task import ReadingTask
from reconciliation.formats.registry import FORMATS
from reconciliation.formats.rows import StatementRefused
from tests.architecture.source import ROOT
from tests.properties.test_statement_formats import GOOD
from tests.support.extend_page import FILES, added, edited, module_from, section
from tests.unit import test_statement_csv

ENTRY, SAMPLE = "reconciliation/formats/mappings.toml", "tests/golden/statements/example-bank.csv"
PAGE = ROOT / "docs" / "reconcile.md"
READER, REGISTRY = "reconciliation/formats/bars_statement.py", "reconciliation/formats/registry.py"
#: The page's format in a file of two lines.
BARS = "02/11/2026|C|5000|NOP PHI\n02/11/2026|D|2000|QUET SO DU\n"


def mappings(entry: str = FILES[ENTRY]) -> tuple[Mapping, ...]:
    """All mappings, with the page's entry at the end of the file."""
    return read_mappings(f"{(ROOT / ENTRY).read_text(encoding='utf-8')}\n{entry}")


def unnamed(page: str, known: tuple[Mapping, ...]) -> list[str]:
    """The mappings without a row in the page about statements."""
    return [one.code for one in known if f"\n| `{one.code}` | " not in page]


def test_the_mapping_reads_the_sample() -> None:
    mapping = mappings()[-1]
    rows = read_by(FILES[SAMPLE].encode(), mapping)
    assert [(row.direction, row.amount, row.bank_ref) for row in rows] == [
        ("credit", 5_000, "FT001"),
        ("credit", 1_250_000, "FT002"),
        ("debit", 1_255_000, "FT003"),
    ]


def test_a_mapping_without_a_sample_is_complained_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mapping = mappings()[-1]

    def known(code: str, on: date) -> Mapping:
        assert (code, on) == (mapping.code, test_statement_csv.ON)
        return mapping

    monkeypatch.setattr("reconciliation.formats.csv_statement.get_mapping", known)
    monkeypatch.setattr(test_statement_csv, "FOLDER", tmp_path)
    with pytest.raises(FileNotFoundError, match="example-bank"):
        test_statement_csv.test_every_layout_has_a_statement_that_it_reads(mapping)
    (tmp_path / "example-bank.csv").write_text(FILES[SAMPLE], encoding="utf-8")
    test_statement_csv.test_every_layout_has_a_statement_that_it_reads(mapping)


@pytest.mark.parametrize(
    ("taken_out", "put_in", "objection"),
    [
        ("delimiters", "delimeters", "delimeters"),
        ('code = "example-bank"', 'code = "lephi-basic"', "two layouts lephi-basic"),
    ],
)
def test_a_slip_in_an_entry_is_complained_of(taken_out: str, put_in: str, objection: str) -> None:
    assert taken_out in FILES[ENTRY]
    with pytest.raises(ValueError, match=objection):
        mappings(FILES[ENTRY].replace(taken_out, put_in))


def test_the_page_about_statements_names_every_mapping() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert unnamed(page, list_mappings()) == []
    assert unnamed(page, mappings()) == ["example-bank"]
    assert "\n3. `docs/reconcile.md`: a row in the table of mappings" in section(
        "A statement format"
    )


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The registry with the page's format in it."""
    with added(tmp_path, READER):
        yield module_from(edited(REGISTRY), "registry_of_the_page", monkeypatch)


def lacking(codes: Collection[str], page: str, good: Collection[str]) -> list[str]:
    """The formats that callers name and that the page, or the list of good files, has not."""
    named = [code for code in codes if f"\n| `{code}` | " not in page]
    return sorted({*named, *(code for code in codes if code not in good)})


def test_the_format_reads_its_file_and_refuses_what_is_wrong(registry: Any) -> None:
    task = ReadingTask("bars", date(2026, 11, 2))
    read = registry.read_statement(BARS.encode(), task)
    assert [(row.direction, row.amount) for row in read.rows] == [
        ("credit", 5_000),
        ("debit", 2_000),
    ]
    with pytest.raises(StatementRefused) as refused:
        registry.read_statement(BARS.replace("2000", "2..0").encode(), task)
    assert [one.field for one in refused.value.errors] == ["row 2"]


def test_every_format_is_in_the_page_and_has_a_good_file(registry: Any) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert lacking([one.code for one in FORMATS if one.is_named], page, GOOD) == []
    assert lacking([one.code for one in registry.FORMATS if one.is_named], page, GOOD) == ["bars"]
    assert lacking(["bars"], f"{page}\n| `bars` | x |", GOOD) == ["bars"]
