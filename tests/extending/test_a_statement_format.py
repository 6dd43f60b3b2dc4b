"""The page's mapping reads the page's sample, and each step left out is complained of."""

from datetime import date
from pathlib import Path

import pytest

from reconciliation.formats.csv_statement import read_by
from reconciliation.formats.mappings import Mapping, list_mappings, read_mappings
from tests.architecture.source import ROOT
from tests.support.extend_page import FILES, row_of
from tests.unit import test_statement_csv

ENTRY, SAMPLE = "reconciliation/formats/mappings.toml", "tests/golden/statements/example-bank.csv"
PAGE = ROOT / "docs" / "reconcile.md"


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
    assert row_of("A statement format", "3.").startswith("3. `docs/reconcile.md`")
