"""`lephi statement preview`, as a person and as a script use it, without a database."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.statements import statement
from tests.unit.test_statement_preview import UNKNOWN


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A statement of a bank of which nobody has written a mapping."""
    path = tmp_path / "so-phu.csv"
    path.write_text(UNKNOWN, encoding="utf-8")
    return path


def test_a_file_is_shown_with_its_sums_and_a_layout_to_change(file: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke(statement, ["preview", str(file)])
    assert run.exit_code == 0, run.output
    assert "2 dòng: vào 1250000, ra 250000 đồng." in run.stdout
    assert "tiêu đề ở dòng 3, mẫu proposed (đề xuất)" in run.stdout
    shown = json.loads(CliRunner().invoke(statement, ["preview", str(file), "--json"]).stdout)
    layout = tmp_path / "layout.json"
    layout.write_text(json.dumps({**shown["layout"], "code": "own"}), encoding="utf-8")
    tried = CliRunner().invoke(statement, ["preview", str(file), "--layout", str(layout)])
    assert "mẫu own." in tried.stdout


def test_faults_end_with_1_and_are_named_by_row(file: Path) -> None:
    file.write_text(UNKNOWN.replace("1.250.000;1", "12..34;1"), encoding="utf-8")
    run = CliRunner().invoke(statement, ["preview", str(file)])
    assert run.exit_code == 1
    assert "row 4, column Ghi có" in run.stderr


@pytest.mark.parametrize(
    "options", [["--mapping", "no-such"], ["--encoding", "latin-1"], ["--layout", "{file}"]]
)
def test_what_is_asked_wrongly_is_said(file: Path, options: list[str]) -> None:
    asked = [one.format(file=file) for one in options]
    run = CliRunner().invoke(statement, ["preview", str(file), *asked])
    assert run.exit_code == 1
    assert run.stderr.strip()
    assert "Traceback" not in run.output
