"""`lephi market` and `lephi billing`, as a market's board uses them."""

from pathlib import Path

from tests.integration.test_cli_approvals import CHIEF, CLERK, as_json, fill, lephi
from tests.integration.test_cli_closing import Lephi, house

__all__ = ["fill", "house", "lephi"]

SHEET = """Mã sạp;Loại;Diện tích (m²);Mã tiểu thương;Họ tên;Điện thoại;Từ ngày;Đến ngày
A-01;covered;12,5;TT-1;Nguyễn Thị Sáu;0912000001;01/01/2026;
A-02;covered;8;TT-2;Trần Văn Bảy;0912000002;01/01/2026;15/11/2026
A-02;covered;8;TT-1;Nguyễn Thị Sáu;0912000001;16/11/2026;
A-03;covered;8;;;;;
"""


def test_a_market_is_written_down_priced_and_billed(house: Lephi, tmp_path: Path) -> None:
    words = ("--agency", "ubnd-ben-mau", "--code", "cho-ben", "--name", "Chợ Bến", "--name-en")
    house("market", "create", *words, "Ben Market", "--class", "2", "--by", CLERK)
    (listed,) = as_json(house("market", "list", "--json"))
    assert (listed["code"], listed["due_day"]) == ("cho-ben", 15)
    file = tmp_path / "sap.csv"
    file.write_text(SHEET, encoding="utf-8")
    of_market = ("--market", "cho-ben")
    days = ("--remind", "3, 12", "--opening-day", "25", "--by-people")
    set_up = as_json(house("market", "schedule", *of_market, *days, "--by", CLERK, "--json"))
    assert (set_up["reminder_days"], set_up["opening_day"]) == ([3, 12], 25)
    assert not set_up["opens_itself"]
    itself = house("market", "schedule", *of_market, "--opens-itself", "--by", CLERK).stdout
    assert "opened on day 25 by itself, reminders on 3, 12" in itself
    wrong = house("market", "schedule", *of_market, "--remind", "x", "--by", CLERK, code=1)
    assert "reminder_days" in wrong.stderr
    taken = as_json(house("market", "import", str(file), *of_market, "--by", CLERK, "--json"))
    counts = {"rows": 4, "stalls": 3, "vendors": 2, "contracts": 3, "known": 0}
    assert taken == counts | {"mended_phones": 0, "mended_rows": []}
    again = as_json(house("market", "import", str(file), *of_market, "--by", CLERK, "--json"))
    assert (again["stalls"], again["vendors"], again["contracts"], again["known"]) == (0, 0, 0, 4)
    tariff = ("--kind", "covered", "--rate", "2000", "--per", "day", "--from", "2026-01-01")
    why = ("--basis", "QĐ 480/QĐ-UBND", "--reason", "giá mới", "--by", CLERK, "--json")
    asked = as_json(house("market", "tariff", *of_market, *tariff, *why))
    house("approvals", "approve", asked["id"], "--by", CHIEF)
    period = (*of_market, "--period", "2026-11")
    shown = as_json(house("billing", "preview", *period, "--json"))
    assert (shown["stalls"], shown["bills"], shown["against"]) == (3, 3, None)
    assert shown["amount"] == 30 * 2_000 * (12 + 8) + 30 * 2_000 // 2
    done = as_json(house("billing", "run", *period, "--by", CLERK, "--json"))
    (rent,) = done["charged"]
    assert (rent["kind"], rent["status"], rent["count"]) == ("rent", "open", 3)
    assert rent["amount"] == shown["amount"]
    assert "3" in house("billing", "report", *period).stdout
    refused = house("market", "tariff", *of_market, *tariff, *why, code=1)
    assert "biểu giá bắt đầu từ ngày này" in refused.stderr


def test_phones_that_got_their_nought_back_are_told_by_row(house: Lephi, tmp_path: Path) -> None:
    words = ("--agency", "ubnd-ben-mau", "--code", "cho-ba", "--name", "Chợ Ba", "--name-en")
    house("market", "create", *words, "Market Three", "--class", "2", "--by", CLERK)
    file = tmp_path / "sap.csv"
    sheet = SHEET.replace("TT-", "TT-3").replace("0912000002", "912000002")
    file.write_text(sheet, encoding="utf-8")
    told = house("market", "import", str(file), "--market", "cho-ba", "--by", CLERK).stdout
    assert "1 phone number got back the leading 0: row 3." in told.splitlines()


def test_what_makes_no_sense_is_said_in_a_line(house: Lephi) -> None:
    of_market = ("--market", "cho-ben")
    for period in ("x", "2026-13", "2026-W60", "1999-01"):
        for deed in ("preview", "report"):
            told = house("billing", deed, *of_market, "--period", period, code=1)
            assert "period" in told.stderr
            assert "Traceback" not in told.stderr
    why = ("--kind", "storm", "--basis", "QĐ", "--reason", "bão", "--by", CLERK)
    days = ("--from", "2026-11-01", "--to", "2026-11-03")
    both = house("market", "waive", *of_market, *days, *why, code=1)
    assert "--percent or of --amount" in both.stderr
    backwards = ("--from", "2026-11-03", "--to", "2026-11-01", "--amount", "5000")
    assert "last_on" in house("market", "waive", *of_market, *backwards, *why, code=1).stderr


def test_a_file_with_faults_is_refused_whole(house: Lephi, tmp_path: Path) -> None:
    words = ("--agency", "ubnd-ben-mau", "--code", "cho-hai", "--name", "Chợ Hai", "--name-en")
    house("market", "create", *words, "Market Two", "--class", "2", "--by", CLERK)
    file = tmp_path / "sap.csv"
    file.write_text(SHEET.replace("12,5", "mười") + "A-01;open;3;;;;;\n", encoding="utf-8")
    told = house("market", "import", str(file), "--market", "cho-hai", "--by", CLERK, code=1)
    assert "row 2, column Diện tích (m²)" in told.stderr
    assert "chưa nhận dòng nào" in told.stderr
