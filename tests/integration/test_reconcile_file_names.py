"""`lephi reconcile files` told of files by names that are none: one line in Vietnamese each."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.test_reconcile_files import (
    DAY,
    LINE_HEADER,
    ONE,
    PAYMENT_HEADER,
    line,
    payment,
    run,
    write,
)
from tests.support.people import ROOT

BAD_NAMES = [
    ("a\x00.csv", "Tên tệp có ký tự điều khiển; hãy đổi tên tệp."),
    ("a\x1b[2J.csv", "Tên tệp có ký tự điều khiển; hãy đổi tên tệp."),
    ("ph\udced.csv", "Tên tệp không phải UTF-8; hãy đổi tên tệp."),
    ("x" * 300, "Tên tệp dài quá 255 byte; hãy đặt tên ngắn hơn."),
    ("x/" * 3000, "Đường dẫn tới tệp quá dài."),
]


@pytest.mark.parametrize("place", ["payments", "ledger", "out"])
@pytest.mark.parametrize(("name", "reason"), BAD_NAMES)
def test_a_name_that_is_no_name_is_told_in_vietnamese(
    tmp_path: Path, place: str, name: str, reason: str
) -> None:
    given = {
        "payments": write(tmp_path / "P.csv", PAYMENT_HEADER, [payment(1)]),
        "ledger": write(tmp_path / "L.csv", LINE_HEADER, [line("L1", ONE)]),
        "out": tmp_path / "out",
    }
    given[place] = tmp_path / name
    before = sorted(path.name for path in tmp_path.iterdir())

    result = run(given["payments"], given["ledger"], given["out"])

    assert result.exit_code == 2, result.output
    (told,) = result.stderr.splitlines()
    assert told.endswith(reason)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_file_whose_name_is_not_utf_8_ends_no_process_with_a_traceback(tmp_path: Path) -> None:
    payments = write(tmp_path / "P.csv", PAYMENT_HEADER, [payment(1)])
    ledger = write(tmp_path / os.fsdecode(b"s\xea.csv"), LINE_HEADER, [])
    words = [*("--payments", payments), *("--date", DAY), "--out", tmp_path / "out"]
    words += ["--ledger", ledger]
    code = "import sys; sys.argv[0] = 'lephi'; from app.cli.main import main; main()"
    run = [sys.executable, "-c", code, "reconcile", "files", *map(str, words)]

    done = subprocess.run(run, capture_output=True, check=False, cwd=ROOT)

    assert done.returncode == 2
    assert done.stderr.decode().splitlines() == [
        '"s�.csv": Tên tệp không phải UTF-8; hãy đổi tên tệp.'
    ]
