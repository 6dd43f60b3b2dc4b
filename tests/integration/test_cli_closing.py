"""`lephi discrepancy` and `lephi reconcile close`, as two people do."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook
from typer.testing import Result

from app.cli.main import build
from app.seed.agency import DEMO_ACCOUNT
from core.clock import VIETNAM, business_date, now
from tests.api.test_filled_sheets import filled
from tests.integration.test_cli_approvals import CHIEF, CLERK, PASSWORD, as_json, fill, lephi

NEEDED = ("discrepancy", "reconcile", "report", "statement", "market", "billing", "debts")
Lephi = Callable[..., Result]
__all__ = ["fill", "lephi"]


@pytest.fixture
def house(lephi: Lephi, monkeypatch: pytest.MonkeyPatch) -> Lephi:
    """`lephi` with the families that are needed here."""
    from typer.testing import CliRunner

    families = {name: build(name) for name in NEEDED}

    def run(family: str, *words: str, code: int = 0) -> Result:
        if family not in families:
            return lephi(family, *words, code=code)
        monkeypatch.setenv("LEPHI_USER_PASSWORD", PASSWORD)
        done = CliRunner().invoke(families[family], [family, *words])
        assert done.exit_code == code, done.output
        return done

    return run


def statement_of(moment: datetime, folder: Path) -> Path:
    file = folder / "so-phu.csv"
    file.write_text(
        "line_id,booked_at,amount,direction,reference,narrative,bank_ref\n"
        f"L1,{moment.isoformat(timespec='seconds')},7000,credit,,chuyen tien,FT26000001\n"
        f"L2,{moment.isoformat(timespec='seconds')},900000,credit,,khong ro,FT26000002\n",
        encoding="utf-8",
    )
    return file


def test_what_a_run_found_is_shown_and_worked_in_a_workbook(house: Lephi, tmp_path: Path) -> None:
    moment = now().astimezone(VIETNAM)
    words = ("--account", DEMO_ACCOUNT, "--mapping", "lephi-basic")
    house("statement", "import", str(statement_of(moment, tmp_path)), *words)
    today = business_date(moment).isoformat()
    day = ("reconcile", "day", "--account", DEMO_ACCOUNT, "--date", today, "--json")
    run = as_json(house(*day))
    # For people, the classes with something in them; the file has them all.
    shown = house(*day[:-1]).stdout
    something = [one for one in run["summary"].values() if one["count"] or one["sum"]]
    empty = len(run["summary"]) - len(something)
    assert (len(something), empty > 15) == (2, True)
    assert f"{empty} loại khác không có khoản nào" in shown
    assert "thiếu sao kê của ngày" not in shown
    assert len(shown.split(f"{empty} loại khác")[0].strip().splitlines()) == 1 + len(something)
    # Of a Sunday with nothing in it there is no "other" class, nor a table without rows.
    sunday = house(*day[:4], "--date", "2026-10-25").stdout
    assert "Không loại nào có khoản." in sunday
    assert "loại khác" not in sunday
    assert "số lượng" not in sunday
    asked = as_json(house("discrepancy", "suggestions", run["id"], "--json"))
    assert [one["amount"] for one in asked] == [900_000]
    assert asked[0]["line"] in house("discrepancy", "suggestions", run["id"]).stdout
    (match,) = as_json(house("reconcile", "matches", run["id"], "--json"))
    assert match["amount"] == 7_000
    assert match["rule"] in house("reconcile", "matches", run["id"]).stdout
    assert "Không có" in house("reconcile", "matches", run["id"], "--statement-alone").stdout
    rate = ("--rate-basis-points", "10")
    claims = as_json(house("reconcile", "claims", run["id"], *rate, "--json"))
    assert (claims["items"], claims["total"]) == ([], 0)
    assert "81/2025/TT-BTC" in house("reconcile", "claims", run["id"], *rate).stdout
    (odd,) = as_json(house("discrepancy", "list", run["id"], "--json"))
    paper = tmp_path / "giay.pdf"
    paper.write_bytes(b"%PDF-1.7\n%%EOF\n")
    kept = as_json(house("discrepancy", "attach", odd["id"], str(paper), "--by", CLERK, "--json"))
    assert kept["id"]
    book, back = tmp_path / "chenh-lech.xlsx", tmp_path / "da-dien.xlsx"
    house("discrepancy", "export", run["id"], "--out", str(book))
    rows = CalamineWorkbook.from_path(str(book)).get_sheet_by_name("Chênh lệch").to_python()
    back.write_bytes(filled(rows, (1, "accept", "", "theo dõi")))
    send = ("discrepancy", "import", run["id"], str(back), "--by", CLERK, "--json")
    (approval,) = as_json(house(*send))
    assert (approval["figures"]["count"], approval["figures"]["sum"]) == (1, 900_000)
    back.write_bytes(filled(rows, (1, "burn", "", "x")))
    assert "row 2" in house(*send, code=1).stderr
    house("approvals", "approve", approval["id"], "--by", CHIEF)
    (done,) = as_json(house("discrepancy", "list", run["id"], "--json"))
    assert done["status"] == "resolved"


def test_a_day_is_worked_and_closed_from_the_command_line(house: Lephi, tmp_path: Path) -> None:
    moment = now().astimezone(VIETNAM)
    today = business_date(moment).isoformat()
    file = statement_of(moment, tmp_path)
    words = ("--account", DEMO_ACCOUNT, "--mapping", "lephi-basic")
    house("statement", "import", str(file), *words)
    day = ("reconcile", "day", "--account", DEMO_ACCOUNT, "--date", today, "--json")
    run = as_json(house(*day))
    open_ones = ("discrepancy", "list", run["id"], "--status", "open", "--json")
    (odd,) = as_json(house(*open_ones))
    assert (odd["class"], odd["amount"]) == ("unknown_in_ledger", 900_000)
    refused = house("reconcile", "close", run["id"], "--by", CLERK, code=1)
    assert odd["id"] in refused.stderr
    house("discrepancy", "assign", odd["id"], "--to", CHIEF, "--by", CLERK)
    house("discrepancy", "comment", odd["id"], "--text", "đã gọi", "--by", CLERK)
    assert "THƯ TRA SOÁT" in house("discrepancy", "trace", odd["id"]).stdout
    wanted = ("--kind", "accept", "--reason", "theo dõi", "--by", CLERK, "--json")
    asked = as_json(
        house("discrepancy", "resolve", run["id"], "--class", "unknown_in_ledger", *wanted)
    )
    assert (asked["figures"]["count"], asked["figures"]["sum"]) == (1, 900_000)
    house("approvals", "approve", asked["id"], "--by", CHIEF)
    assert as_json(house(*open_ones)) == []
    listed = house("discrepancy", "list", run["id"]).stdout
    assert "đã xử lý: Chấp nhận, chuyển theo dõi tiếp" in listed
    proposed = as_json(house("reconcile", "close", run["id"], "--by", CLERK, "--json"))
    assert proposed["status"] == "closing_proposed"
    again = house("reconcile", "close", run["id"], "--by", CLERK, code=1)
    assert "người thứ hai" in again.stderr
    closed = as_json(house("reconcile", "close", run["id"], "--by", CHIEF, "--json"))
    assert closed["status"] == "closed"
    once_more = as_json(house(*day))
    assert (once_more["id"], once_more["differences"]) == (run["id"], [])
    for name in ("bien-ban.pdf", "bien-ban.xlsx"):
        house("reconcile", "minutes", run["id"], "--out", str(tmp_path / name))
        assert (tmp_path / name).stat().st_size > 1000
    house("reconcile", "minutes", run["id"], "--out", str(tmp_path / "x.txt"), code=1)
