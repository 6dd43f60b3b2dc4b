"""`lephi doctor` warns while the coming Tết is a forecast, and the operator's own days count."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app.cli.main import build
from app.wiring import calendar_of
from core import clock
from core.calendar import national
from core.errors import Invalid
from core.references import new_reference
from core.settings import Settings

Look = Callable[[], dict[str, Any]]

CONFIRMED = '[[tet]]\nyear = 2027\nbasis = "Thông báo của Bộ Nội vụ"\n'


@pytest.fixture
def look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Look:
    """What the doctor says of the calendar on 28 November 2026."""
    monkeypatch.setenv("LEPHI_DATA_DIR", str(tmp_path))

    def asked() -> dict[str, Any]:
        with clock.frozen(datetime(2026, 11, 28, 3, tzinfo=UTC)):
            done = CliRunner().invoke(build("doctor"), ["doctor", "--json"])
        checks = json.loads(done.stdout)["checks"]
        (found,) = [one for one in checks if one["check"] == "calendar"]
        return dict(found)

    return asked


def test_the_doctor_warns_until_the_coming_tet_is_confirmed(
    look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = look()
    assert (told["ok"], told["warning"]) == (True, True)
    assert "2027" in told["detail"]
    assert "LEPHI_CALENDAR_FILE" in told["detail"]
    own = tmp_path / "lich.toml"
    monkeypatch.setenv("LEPHI_CALENDAR_FILE", str(own))
    own.write_text(CONFIRMED.replace("2027", "2028"))
    assert look()["warning"], "another year's Tết"
    own.write_text(CONFIRMED)
    told = look()
    assert (told["ok"], told["warning"]) == (True, False)


def test_the_doctor_calls_a_file_that_cannot_be_read_a_fault(
    look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "lich.toml"
    monkeypatch.setenv("LEPHI_CALENDAR_FILE", str(own))
    assert not look()["ok"]
    own.write_text("[[tet]]\nyear = 27\n")
    told = look()
    assert not told["ok"]
    assert "tet 1.year" in told["detail"]


def test_the_settings_file_makes_the_calendar_of_the_house(tmp_path: Path) -> None:
    own = tmp_path / "lich.toml"
    own.write_text('[[day]]\nday = 2027-02-20\nworks = true\nbasis = "làm bù"\n')
    day = date(2027, 2, 20)
    assert not calendar_of(Settings(mode="test")).is_working_day(day)
    changed = calendar_of(Settings(mode="test", calendar_file=own))
    assert changed.is_working_day(day)
    assert not national().is_working_day(day)
    with pytest.raises(Invalid):
        calendar_of(Settings(mode="test", calendar_file=tmp_path / "none.toml"))


def test_files_are_reconciled_by_days_of_ones_own(tmp_path: Path) -> None:
    reference = new_reference()
    payments, ledger, own = (tmp_path / name for name in ("P.csv", "L.csv", "lich.toml"))
    payments.write_text(
        "payment_id,reference,amount,paid_at,gateway,gateway_ref\n"
        f"p,{reference},5000,2026-11-02T09:00:00+07:00,bank,FT1\n"
    )
    ledger.write_text(
        "line_id,booked_at,amount,direction,reference,narrative,bank_ref\n"
        f"l,2026-11-03T09:00:00+07:00,5000,credit,{reference},x,FT1\n"
    )
    own.write_text('[[day]]\nday = 2026-11-02\nworks = false\nbasis = "thử"\n')

    def run(*more: str, code: int = 0) -> str:
        given = ("--payments", str(payments), "--ledger", str(ledger), "--date", "2026-11-02")
        words = ["reconcile", "files", *given, "--out", str(tmp_path / "out"), "--json", *more]
        done = CliRunner().invoke(build("reconcile"), words)
        assert done.exit_code == code, done.output
        return done.output

    assert json.loads(run())["late"]["count"] == 1
    assert json.loads(run("--calendar", str(own)))["late"]["count"] == 0
    own.write_text("[[day]]\nday = 3\n")
    assert "day 1.day" in run("--calendar", str(own), code=2)
