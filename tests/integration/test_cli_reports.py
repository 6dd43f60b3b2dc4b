"""`lephi report`, `lephi reconcile schedule` and saved layouts, as people use them."""

import json
from pathlib import Path

from app.seed.agency import DEMO_ACCOUNT
from core.clock import VIETNAM, business_date, now
from tests.integration.test_cli_approvals import CHIEF, CLERK, as_json, fill, lephi
from tests.integration.test_cli_closing import Lephi, house, statement_of

__all__ = ["fill", "house", "lephi"]


def test_a_report_is_shown_and_written_to_files(house: Lephi, tmp_path: Path) -> None:
    day = business_date(now()).isoformat()
    words = ("--agency", "ubnd-ben-mau", "--from", day, "--to", day)
    for name in ("revenue", "accounts", "cashless", "remittance"):
        told = as_json(house("report", "show", name, *words, "--json"))
        assert (told["report"], told["last"]) == (name, day)
    (row,) = as_json(house("report", "show", "accounts", *words, "--json"))["rows"]
    assert (row["on_account"], row["suspense"]) == (7_000, 7_000)
    for kind in ("csv", "xlsx", "svg", "html"):
        file = tmp_path / f"bao-cao.{kind}"
        house("report", "show", "revenue", *words, "--by", "month", "--out", str(file))
        assert file.stat().st_size > 100
    wrong = house("report", "show", "revenue", *words, "--out", "x.pdf", code=1)
    assert ".html" in wrong.stderr


def test_nights_are_scheduled_and_shown(house: Lephi) -> None:
    day = business_date(now()).isoformat()
    wanted = ("--account", DEMO_ACCOUNT, "--from", day, "--by", CLERK)
    house("reconcile", "schedule", *wanted, "--at", "23:30")
    again = house("reconcile", "schedule", *wanted, "--at", "23:45", code=1)
    assert "đúng ngày này" in again.stderr
    early = house("reconcile", "schedule", *wanted, "--at", "09:00", code=1)
    assert "ngừng giao dịch" in early.stderr
    assert as_json(house("reconcile", "nights", "--json")) == []


def test_a_layout_is_proposed_saved_and_used(house: Lephi, tmp_path: Path) -> None:
    moment = now().astimezone(VIETNAM)
    sample = statement_of(moment, tmp_path)
    text = sample.read_text(encoding="utf-8")
    sample.write_text(text.replace("narrative", "noi dung").replace("booked_at", "ngay"), "utf-8")
    shown = as_json(
        house("statement", "preview", str(sample), "--mapping", "lephi-basic", "--json", code=1)
    )
    layout = shown["layout"]
    layout["columns"] |= {"narrative": "noi dung", "booked_at": "ngay"}
    written = tmp_path / "mau.json"
    written.write_text(json.dumps(layout), encoding="utf-8")
    words = ("--account", DEMO_ACCOUNT, "--name", "mau-rieng", "--layout", str(written))
    saved = house("statement", "layout-save", str(sample), *words, "--by", CHIEF)
    assert "phiên bản 1" in saved.stdout
    assert "không tự kết toán" in saved.stderr
    listed = as_json(house("statement", "layouts", "--account", DEMO_ACCOUNT, "--json"))
    assert [one["name"] for one in listed] == ["mau-rieng"]
    use = ("--account", DEMO_ACCOUNT, "--mapping", "mau-rieng", "--json")
    assert as_json(house("statement", "import", str(sample), *use))["rows"] == 2
