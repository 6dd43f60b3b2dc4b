"""The portal's words: checksums of both orders, what is told back outside them, and what is sent.

The two digests were computed from the known formulas over made-up values, outside this code: the
platform publishes no vector.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.dvcqg import dialect
from adapters.wording import Malformed, WrongSeal
from payments.billed import BilledDossier, BilledFee
from payments.ports import GatewayMisuse, Outcome, StartRequest

CREDENTIALS = dialect.Credentials("DEMO", "HASHKEY")
AT = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
DOSSIER = BilledDossier(
    "G12-1",
    "don-vi",
    "Đơn vị 1",
    "999999",
    "DEMO1",
    "TK THU",
    (BilledFee("2.000815", "Chứng thực", 100_000), BilledFee("", "Bản sao", 50_000)),
)
REQUEST = StartRequest(
    "1001_abcdef01-2345-6",
    "pay_1",
    150_000,
    "Phí hồ sơ",
    "https://le-phi.example/b/LPABC",
    "",
    created_at=AT,
    dossier=DOSSIER,
)
CONFIRM: dict[str, Any] = {
    "LoaiBanTin": "CONFIRM",
    "MaLoi": "00",
    "MaThamChieu": "1001_abcdef01-2345-6",
    "SoTien": 150_000,
    "MaTienTe": "VND",
    "MaGiaoDich": "GD001",
    "MaNganHang": "VCB",
    "ThoiGianGD": "20261122080100",
    "ThongTinGiaoDich": "Phi ho so",
    "MaXacThuc": "7c4ffba3255c5a6ba0712530d0a044db47f74d7cc2876b4ef7436ffab16ecd61",
}


def read(**changes: Any) -> Any:
    body = json.dumps({k: v for k, v in {**CONFIRM, **changes}.items() if v is not None})
    return dialect.read_confirmation(CREDENTIALS, body.encode())


def test_an_order_is_sealed_as_the_known_formula_does() -> None:
    sent = json.loads(dialect.init_body(CREDENTIALS, REQUEST))
    assert sent["MaXacThuc"] == "cec0582d2a9172a5c3ad69a780191e3c8b0e48f0d4f01cde0fc923906bcb13ea"
    assert sent["SoTien"] == "150000"
    receipt = sent["ThongTinBienLai"]
    assert (receipt["MaDichVu"], receipt["MaHoSo"]) == (2, "G12-1")
    assert [fee["SoTien"] for fee in receipt["PhiLePhi"]] == ["100000", "50000"]


def test_a_confirmation_sealed_elsewhere_is_read() -> None:
    result = read()
    assert (result.outcome, result.amount, result.gateway_ref) == (
        Outcome.SUCCEEDED,
        150_000,
        "GD001",
    )
    assert result.paid_at == datetime(2026, 11, 22, 1, 1, tzinfo=UTC)
    assert result.dossier_number is None
    for wrong in ({"SoTien": 15_000}, {"MaLoi": "01"}, {"MaGiaoDich": "GD002"}):
        with pytest.raises(WrongSeal):
            read(**wrong)


def test_what_is_told_back_outside_the_checksum_is_held_against_the_money() -> None:
    fits = {"MaHoSo": "G12-1", "PhiLePhi": [{"SoTien": "100000"}, {"SoTien": 50_000}]}
    assert read(MaHoSo="G12-1").dossier_number == "G12-1"
    told = read(ThongTinBienLai=fits)
    assert (told.outcome, told.dossier_number) == (Outcome.SUCCEEDED, "G12-1")
    other = fits | {"PhiLePhi": [{"SoTien": "100000"}]}
    assert read(ThongTinBienLai=other).outcome is Outcome.HELD
    assert read(ThongTinBienLai={}).billed is None
    for wrong in (
        {"MaHoSo": "G12-2", "ThongTinBienLai": fits},
        {"MaHoSo": 7},
        {"MaHoSo": "a|b"},
        {"ThongTinBienLai": {"PhiLePhi": [{"SoTien": "x"}]}},
        {"ThongTinBienLai": {"PhiLePhi": ["x"]}},
        # Outside the checksum anybody on the way may write, and what is authentic is kept all the
        # same: no words may break the reading otherwise.
        {"MaHoSo": ["G12-1"]},
        {"ThongTinBienLai": {"MaHoSo": {"so": "G12-1"}}},
        {"ThongTinBienLai": {"PhiLePhi": [{"SoTien": "9" * 5_000}]}},
        {"ThongTinBienLai": {"PhiLePhi": [{"SoTien": 1.5}]}},
        {"ThongTinBienLai": {"TenDonVi": "\ud800"}},
        {"ThongTinBienLai": "x"},
        {"ThongTinBienLai": [7]},
    ):
        told = read(**wrong)
        assert (told.outcome, told.amount) == (Outcome.SUCCEEDED, 150_000)
        assert told.billed is not None, "nobody would look at it"
        assert told.billed.differs_from(DOSSIER) == ["unreadable"]


def test_what_the_checksum_covers_is_read_strictly_beside_words_that_cannot_be() -> None:
    """Leaving the unsigned words out forgives nothing in the signed ones."""
    sealed = json.dumps(CONFIRM)
    unread = '"ThongTinBienLai":{"SoTien":1.5}'
    assert dialect.read_confirmation(CREDENTIALS, f"{sealed[:-1]},{unread}}}".encode()).billed
    for wrong in ('"SoTien": 150000.0', '"SoTien": 1.5e5'):
        body = f"{sealed[:-1]},{unread}}}".replace('"SoTien": 150000', wrong)
        with pytest.raises(Malformed):
            dialect.read_confirmation(CREDENTIALS, body.encode())
    twice = f'{sealed[:-1]},"SoTien":150000,{unread}}}'
    with pytest.raises(WrongSeal):
        dialect.read_confirmation(CREDENTIALS, twice.encode())


@pytest.mark.parametrize(
    "change",
    [
        {"order_ref": "LPA 1"},
        {"order_ref": "A" * 51},
        {"amount": 0},
        {"amount": 149_999},
    ],
)
def test_what_cannot_be_said_is_our_fault(change: dict[str, Any]) -> None:
    with pytest.raises(GatewayMisuse):
        dialect.init_body(CREDENTIALS, replace(REQUEST, **change))


def test_a_contract_of_twenty_characters_is_kept() -> None:
    short = replace(CREDENTIALS, ref_length=20)
    assert dialect.init_body(short, REQUEST)
    with pytest.raises(GatewayMisuse, match="1 to 20"):
        dialect.init_body(short, replace(REQUEST, order_ref="A" * 21))


def test_an_acknowledgement_names_the_order_and_is_sealed() -> None:
    raw = json.dumps(CONFIRM).encode()
    told = json.loads(dialect.acknowledgement(CREDENTIALS, "00", "Thành công", raw, AT))
    assert told["MaThamChieu"] == CONFIRM["MaThamChieu"]
    names = ("MaLoi", "MaDoiTac", "MaThamChieu", "ThoiGianGD")
    assert told["MaXacThuc"] == dialect.seal(CREDENTIALS, names, told)
    assert json.loads(dialect.acknowledgement(CREDENTIALS, "99", "", b"<", AT))["MaThamChieu"] == ""


def test_a_bill_is_asked_for_as_the_known_formula_does() -> None:
    asked = json.loads(dialect.get_body(CREDENTIALS, "GETBILL", REQUEST.order_ref, AT))
    assert asked["MaXacThuc"] == "109a243b00236697bf22b2007ed4350f7dc2636eac3407280434d42f61b2b15f"
    assert asked["ThoiGianGD"] == "20261122080000"
