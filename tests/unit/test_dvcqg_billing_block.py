"""What is paid for: fees, fines and obligations as they are told, and what comes back otherwise."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from adapters.dvcqg import billing_block
from adapters.wording import Malformed
from payments.billed import (
    BilledDecision,
    BilledDossier,
    BilledFee,
    BilledService,
    ToldBilled,
)
from tests.unit.test_dvcqg_dialect import DOSSIER

DECISION = BilledDecision(
    "12/TB-CCT", date(2026, 11, 3), "0112", "0123456789", "Nguyễn Văn A", "Số 1"
)
TAX = replace(
    DOSSIER,
    fees=(
        BilledFee("", "Tiền sử dụng đất", 120_000_000, "757", "1401"),
        BilledFee("", "Lệ phí trước bạ", 600_000, "757", "2801"),
    ),
    service=BilledService.TAX,
    decision=DECISION,
)
FINE = replace(
    TAX, fees=(BilledFee("", "Tiền phạt", 750_000, "560", "4254"),), service=BilledService.FINE
)
CASES = {"fees": DOSSIER, "fine": FINE, "tax": TAX}


def block(dossier: BilledDossier) -> dict[str, Any]:
    return dict(billing_block.written(dossier, 3))


def told_back(fields: dict[str, Any]) -> ToldBilled:
    _, told = billing_block.read({"ThongTinBienLai": fields}, 3)
    assert told is not None
    return told


def test_each_kind_has_its_number_and_its_fields() -> None:
    assert [block(CASES[kind])["MaDichVu"] for kind in ("fees", "fine", "tax")] == [2, 1, 3]
    assert billing_block.written(TAX, 7)["MaDichVu"] == 7
    assert "KhoBac" not in block(DOSSIER)
    assert "DSKhoanNop" not in block(DOSSIER)
    for kind in ("fine", "tax"):
        said = block(CASES[kind])
        assert (said["KhoBac"], said["SoQD"], said["NgayQD"]) == ("0112", "12/TB-CCT", "03/11/2026")
        assert (said["HoTenNguoiNop"], said["TaiKhoanThuNSNN"]) == ("Nguyễn Văn A", "DEMO1")
        assert "PhiLePhi" not in said
    assert block(TAX)["MST"] == "0123456789"
    assert "MST" not in block(FINE)
    assert block(FINE)["TenNguoiViPham"] == "Nguyễn Văn A"
    assert block(TAX)["DSKhoanNop"] == [
        {
            "NoiDung": "Tiền sử dụng đất",
            "SoTien": "120000000",
            "Chuong": "757",
            "TieuMuc": "1401",
        },
        {"NoiDung": "Lệ phí trước bạ", "SoTien": "600000", "Chuong": "757", "TieuMuc": "2801"},
    ]


@pytest.mark.parametrize("kind", CASES)
def test_what_was_sent_is_recognised_when_it_is_told_back(kind: str) -> None:
    assert told_back(block(CASES[kind])).differs_from(CASES[kind]) == []
    others = [CASES[other] for other in CASES if other != kind]
    assert all(told_back(block(CASES[kind])).differs_from(other) for other in others)


@pytest.mark.parametrize(
    ("field", "value", "differs"),
    [
        ("MaDichVu", 1, "service"),
        ("MaDonVi", "khac", "agency_code"),
        ("TKThuHuong", "9999", "account_number"),
        ("MaNHThuHuong", "970436", "bank_bin"),
        ("KhoBac", "0113", "treasury"),
        ("SoQD", "13/TB-CCT", "decision_number"),
        ("NgayQD", "04/11/2026", "decided_on"),
        ("MST", "0123456780", "tax_number"),
        ("DSKhoanNop", [{"NoiDung": "Tiền sử dụng đất", "SoTien": "120600000"}], "fees"),
    ],
)
def test_each_field_that_is_told_otherwise_is_named(field: str, value: Any, differs: str) -> None:
    changed = block(TAX) | {field: value}
    if field == "TKThuHuong":
        changed |= {"TaiKhoanThuNSNN": value}
    assert told_back(changed).differs_from(TAX) == [differs]


def test_lines_are_compared_one_by_one_in_any_order_and_as_far_as_they_are_told() -> None:
    said = block(TAX)
    first, second = said["DSKhoanNop"]
    assert told_back(said | {"DSKhoanNop": [second, first]}).differs_from(TAX) == []
    bare = [{"SoTien": 600_000}, {"SoTien": "120000000"}]
    assert told_back(said | {"DSKhoanNop": bare}).differs_from(TAX) == []
    for wrong in (
        [first, first],
        [first],
        [first, second, second],
        [first, second | {"TieuMuc": "1401"}],
        [first, second | {"Chuong": "160"}],
        [first | {"NoiDung": "Tiền thuê đất"}, second],
    ):
        assert told_back(said | {"DSKhoanNop": wrong}).differs_from(TAX) == ["fees"]


def test_words_in_another_spelling_of_unicode_are_the_same() -> None:
    spread = "Tiê\u0300n sư\u0309 dụng  đâ\u0301t"
    said = block(TAX)
    said["DSKhoanNop"][0]["NoiDung"] = spread
    assert told_back(said).differs_from(TAX) == []


def test_nothing_told_is_nothing_to_compare() -> None:
    assert billing_block.read({}, 3) == (None, None)
    assert billing_block.read({"ThongTinBienLai": {"MaHoSo": "G12-1", "MST": ""}}, 3) == (
        "G12-1",
        None,
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"MaDichVu": 9},
        {"MaDichVu": True},
        {"MaDichVu": [2]},
        {"NgayQD": "31/02/2026"},
        {"NgayQD": "2026-11-03"},
        {"KhoBac": 112},
        {"MST": ["0123456789"]},
        {"TKThuHuong": "1", "TaiKhoanThuNSNN": "2"},
        {"DSKhoanNop": [{"NoiDung": "x", "SoTien": "1.5"}]},
        {"DSKhoanNop": [7]},
    ],
)
def test_what_cannot_be_read_is_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match="|".join([*wrong, "SoTien"])):
        billing_block.read({"ThongTinBienLai": wrong}, 3)


def test_who_has_to_pay_is_in_no_repr() -> None:
    assert "Nguyễn" not in repr(TAX)
    assert "0123456789" not in repr(TAX)
    assert "0123456789" not in repr(told_back(block(TAX)))
