"""`lephi catalogue` as an operator uses it: out, edited, in, seen, and applied by somebody else."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from app.cli.main import build
from core.db import Database
from payments.agencies.access.rights import Role
from payments.agencies.access.staff import create_staff_user
from tests.support.catalogue_files import FEE, HEADER, csv_of, fees_sheet
from tests.support.proposing import add_body, add_catalogue

PASSWORD = "mat-khau-thu-nghiem"
Lephi = Callable[..., Result]


async def fill(url: str) -> None:
    database = Database(url, pool_size=1)
    async with database.transaction() as session:
        body = await add_body(session, "phuong-a")
        await add_catalogue(session, body)
        for name, role in (("an", Role.ADMIN), ("binh", Role.ADMIN), ("chi", Role.CHIEF)):
            await create_staff_user(
                session,
                agency_id=body.agency_id,
                email=f"{name}@example.vn",
                name=name,
                password=PASSWORD,
                roles=[role],
            )
    await database.dispose()


async def count(url: str, table: str) -> int:
    database = Database(url, pool_size=1)
    async with database.transaction() as session:
        found: int = await session.scalar(text(f"SELECT count(*) FROM {table}"))
    await database.dispose()
    return found


@pytest.fixture
def lephi(filled_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lephi:
    """Runs `lephi catalogue …` on a small catalogue; the password is in the environment."""
    monkeypatch.setenv("LEPHI_DATABASE_URL", filled_database_url)
    monkeypatch.setenv("LEPHI_DATA_DIR", str(tmp_path / "data"))
    app = build("catalogue")

    def run(*words: object, password: str | None = PASSWORD, code: int = 0) -> Result:
        with monkeypatch.context() as patch:
            if password is not None:
                patch.setenv("LEPHI_USER_PASSWORD", password)
            done = CliRunner().invoke(app, ["catalogue", *(str(word) for word in words)])
        assert done.exit_code == code, done.output
        return done

    return run


def as_json(done: Result) -> Any:
    return json.loads(done.stdout)


def dearer(exported: Path) -> Path:
    """The exported fees, `phi-a` ended and followed by a dearer one."""
    lines = exported.read_text("utf-8-sig").splitlines()
    row = lines[0].split(",").index("valid_to")
    cells = next(line for line in lines if line.startswith("phi-a,")).split(",")
    cells[row] = "31/12/2098"
    wanted = FEE | {"code": "phi-a", "procedure": "9.000001", "valid_from": "01/01/2099"}
    wanted |= {"amount": "12.000"}
    new = csv_of(wanted).decode().splitlines()[1]
    made = exported.with_name("sua.csv")
    made.write_text("\n".join([lines[0], ",".join(cells), new]), "utf-8")
    return made


def test_a_national_change_from_export_to_application(lephi: Lephi, tmp_path: Path) -> None:
    out = tmp_path / "phi.csv"
    lephi("export", out, "--table", "fees")
    shown = lephi("import", dearer(out), "--by", "an@example.vn")
    for words in ("10.000 đ mỗi bản", "12.000 đ mỗi bản", "01/01/2099", "31/12/2098"):
        assert words in shown.stdout
    change = shown.stdout.split()[-1]
    assert change.startswith("change_")
    own = lephi("apply", change, "--by", "an@example.vn", code=1)
    assert own.stderr.splitlines() == ["Người đề xuất không tự áp dụng được; cần người thứ hai."]
    lephi("apply", change, "--by", "chi@example.vn", code=1)
    (listed,) = as_json(lephi("proposals", "--json"))
    assert (listed["id"], listed["agency"], listed["state"]) == (change, None, "proposed")
    assert as_json(lephi("show", change, "--json"))["stale"] is False
    assert "sua.csv" in lephi("proposals").stdout
    done = as_json(lephi("apply", change, "--by", "binh@example.vn", "--json"))
    assert done["state"] == "applied"
    assert "10.000 đ mỗi bản" in lephi("show", change).stdout


def test_a_workbook_comes_back_as_no_change(lephi: Lephi, tmp_path: Path) -> None:
    for agency in ([], ["--agency", "phuong-a"]):
        out = tmp_path / "danh-muc.xlsx"
        counts = as_json(lephi("export", out, *agency, "--json"))["rows"]
        assert counts["fees"] == (1 if agency else 3)
        done = lephi("import", out, *agency, "--by", "an@example.vn", code=1)
        assert done.stderr.splitlines() == ["Tệp không khác danh mục: không có gì để áp dụng."]


def test_an_agencys_chief_changes_its_fees_but_not_the_nations(
    lephi: Lephi, tmp_path: Path
) -> None:
    file = tmp_path / "moi.csv"
    file.write_bytes(csv_of(FEE | {"procedure": "9.000001", "name_vi": "[/b] phí"}))
    lephi("import", file, "--by", "chi@example.vn", code=1)
    own = ["--agency", "phuong-a"]
    made = as_json(lephi("import", file, *own, "--by", "chi@example.vn", "--json"))
    assert made["agency"] == "phuong-a"
    assert "[/b] phí" in lephi("show", made["id"]).stdout
    reason = ["--reason", "nhầm"]
    done = lephi("reject", made["id"], "--by", "an@example.vn", *reason, "--json")
    assert as_json(done)["reason"] == "nhầm"


def test_a_bad_file_is_reported_row_by_row_and_nothing_is_kept(
    lephi: Lephi, tmp_path: Path, filled_database_url: str
) -> None:
    file = tmp_path / "sai.csv"
    file.write_bytes(csv_of(FEE | {"amount": "1e3"}, FEE | {"certainty": "?"}))
    done = lephi("import", file, "--by", "an@example.vn", code=1)
    assert done.stderr.splitlines() == [
        "Tệp có 2 lỗi; chưa nhận dòng nào.",
        "  Khoản thu, dòng 2, cột Mức thu: Phải là số nguyên, ví dụ 2000 hoặc 2.000.",
        "  Khoản thu, dòng 3, cột Độ chắc chắn: Ghi một trong: confirmed, secondary, unconfirmed.",
    ]
    faults = as_json(lephi("import", file, "--by", "an@example.vn", "--json", code=1))["faults"]
    assert [(fault["sheet"], fault["row"]) for fault in faults] == [
        ("Khoản thu", 2),
        ("Khoản thu", 3),
    ]
    assert asyncio.run(count(filled_database_url, "catalogue_proposal")) == 0


def test_only_who_has_the_password_does_anything(lephi: Lephi, tmp_path: Path) -> None:
    file = tmp_path / "moi.csv"
    file.write_bytes(csv_of(FEE | {"procedure": "9.000001"}))
    for email, password in (("an@example.vn", "sai-mat-khau-roi"), ("la@example.vn", PASSWORD)):
        done = lephi("import", file, "--by", email, password=password, code=1)
        assert done.stderr.splitlines() == ["Sai địa chỉ thư điện tử hoặc mật khẩu."]


@pytest.mark.parametrize(
    "words",
    [
        ("export", "x.csv"),
        ("export", "x.ods", "--table", "fees"),
        ("export", "x.csv", "--table", "bills"),
        ("export", "/nowhere/x.xlsx"),
        ("export", "x.xlsx", "--agency", "nobody"),
        ("export", "x.csv", "--table", "procedures", "--agency", "phuong-a"),
        ("import", "/nowhere/x.xlsx", "--by", "an@example.vn"),
        ("apply", "change_none", "--by", "an@example.vn"),
        ("reject", "change_none", "--by", "an@example.vn", "--reason", " "),
        ("show", "change_none"),
    ],
)
def test_a_failure_is_one_clear_line(
    lephi: Lephi, words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = lephi(*words, code=1)
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_a_calculated_cell_is_refused_and_what_is_hidden_is_said(
    lephi: Lephi, tmp_path: Path
) -> None:
    def hide(_: Workbook, sheet: Worksheet) -> None:
        sheet.write_string(1, HEADER.index("procedure"), "9.000001")
        sheet.set_row(1, None, None, {"hidden": True})

    def calculate(workbook: Workbook, sheet: Worksheet) -> None:
        hide(workbook, sheet)
        sheet.write_formula(1, HEADER.index("valid_to"), "=DATE(2027,12,31)", None, "")

    own = ["--agency", "phuong-a", "--by", "chi@example.vn"]
    file = tmp_path / "moi.xlsx"
    file.write_bytes(fees_sheet(calculate))
    done = lephi("import", file, *own, code=1)
    assert done.stderr.splitlines()[1].startswith(
        "  Khoản thu, dòng 2, cột Hiệu lực đến hết ngày: Ô Z2 là công thức; "
    )
    (fault,) = as_json(lephi("import", file, *own, "--json", code=1))["faults"]
    assert (fault["sheet"], fault["row"], fault["code"]) == ("Khoản thu", 2, "formula")
    file.write_bytes(fees_sheet(hide))
    shown = lephi("import", file, *own).stdout
    assert "Lưu ý: Khoản thu: 1 dòng đang ẩn trong tệp" in shown
    assert "dòng 2." in lephi("show", shown.split()[-1]).stdout


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a\x00.csv", "Tên tệp có ký tự điều khiển; hãy đổi tên tệp."),
        ("ph\udced.xlsx", "Tên tệp không phải UTF-8; hãy đổi tên tệp."),
        ("x" * 300 + ".csv", "Tên tệp dài quá 255 byte; hãy đặt tên ngắn hơn."),
        ("x" * 240 + ".csv", "Tên tệp dài quá 200 ký tự; hãy đặt tên ngắn hơn."),
    ],
)
def test_a_name_that_is_no_name_is_told_in_vietnamese(
    lephi: Lephi, tmp_path: Path, name: str, reason: str
) -> None:
    file = tmp_path / name
    if "200 ký tự" in reason:
        file.write_bytes(csv_of(FEE | {"procedure": "9.000001"}))
    else:
        done = lephi("export", file, "--table", "fees", code=1)
        assert done.stderr.splitlines() == [reason]
    done = lephi("import", file, "--by", "an@example.vn", code=1)
    assert done.stderr.splitlines() == [reason]
