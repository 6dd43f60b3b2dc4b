"""Recipes of checksums reproduce what is known of the state's platforms, value by value.

The digests were computed from the known formulas over made-up values, outside this code: none of
these platforms publishes a vector.
"""

import pytest

from adapters.recipes import read_recipe

INIT = {
    "LoaiBanTin": "PAY",
    "PhienBan": "1.0",
    "MaDoiTac": "DEMO",
    "MaThamChieu": "1001_abcdef01-2345-6",
    "SoTien": "150000",
    "LoaiHinhThanhToan": "01",
    "MaKenhThanhToan": "WEB",
    "MaThietBi": "WEB",
    "NgonNgu": "vi",
    "MaTienTe": "VND",
    "MaNganHang": "",
    "ThongTinGiaoDich": "Phi ho so",
    "ThoiGianGD": "20261122080000",
    "Ip": "127.0.0.1",
    "secretKey": "HASHKEY",
}
CONFIRM = INIT | {
    "LoaiBanTin": "CONFIRM",
    "MaLoi": "00",
    "MaGiaoDich": "GD001",
    "MaNganHang": "VCB",
    "ThoiGianGD": "20261122080100",
}
RECEIPT = {
    "secretKey": "SECRET",
    "partnerCode": "PAYGOV-HAUGIANG",
    "accessKey": "ACCESS",
    "payerId": "012345678901",
    "payerName": "Nguyen Van A",
    "payerAddress": "Dia chi",
    "payerDistrict": "Huyen",
    "payerProvince": "Tinh",
    "docCode": "G12-1",
    "procedureName": "Thu tuc",
    "paids": "WyJUQzAwMSJd",
    "otherInfo": (
        "eyJiZW5lZmljaWFyeVVuaXRDb2RlIjoiVTEiLCJiZW5lZmljaWFyeVVuaXROYW1lIjoiRG9uIHZpIDEifQ=="
    ),
    "decisionDate": "22-11-2026",
}


@pytest.mark.parametrize(
    ("recipe", "values", "expected"),
    [
        (
            "sha256|(LoaiBanTin,PhienBan,MaDoiTac,MaThamChieu,SoTien,LoaiHinhThanhToan,"
            "MaKenhThanhToan,MaThietBi,NgonNgu,MaTienTe,MaNganHang,ThongTinGiaoDich,ThoiGianGD,"
            "Ip,secretKey)",
            INIT,
            "cec0582d2a9172a5c3ad69a780191e3c8b0e48f0d4f01cde0fc923906bcb13ea",
        ),
        (
            "sha256|(LoaiBanTin,MaLoi,MaDoiTac,MaThamChieu,SoTien,MaTienTe,MaGiaoDich,MaNganHang,"
            "ThoiGianGD,ThongTinGiaoDich,secretKey)",
            CONFIRM,
            "7c4ffba3255c5a6ba0712530d0a044db47f74d7cc2876b4ef7436ffab16ecd61",
        ),
        (
            "sha256|(LoaiBanTin,PhienBan,MaDoiTac,MaThamChieu,ThoiGianGD,secretKey)",
            INIT | {"LoaiBanTin": "GETBILL"},
            "109a243b00236697bf22b2007ed4350f7dc2636eac3407280434d42f61b2b15f",
        ),
        (
            "sha256(secretKey,partnerCode,accessKey,payerId,payerName,payerAddress,payerDistrict,"
            "payerProvince,docCode,procedureName,paids,otherInfo,decisionDate)",
            RECEIPT,
            "09432bcd39565675fc1699a9f49eec40fbbc23d94a02fea7e7cc9e87d716bf5f",
        ),
    ],
)
def test_a_known_formula_reproduces(recipe: str, values: dict[str, str], expected: str) -> None:
    assert read_recipe(recipe).seal(values, "") == expected


def test_without_a_bar_two_sets_of_values_share_a_checksum() -> None:
    """The fault of such recipes, for which fields are held to their grammar and compared."""
    one, two = {"a": "1", "b": "23"}, {"a": "12", "b": "3"}
    assert read_recipe("sha256(a,b)").seal(one, "") == read_recipe("sha256(a,b)").seal(two, "")
    assert read_recipe("sha256|(a,b)").seal(one, "") != read_recipe("sha256|(a,b)").seal(two, "")


def test_a_keyed_recipe_is_worth_nothing_without_the_key() -> None:
    """RFC 4231, test case 2."""
    values = {"a": "what do ya want ", "b": "for nothing?"}
    recipe = read_recipe("hmac-sha256(a,b)")
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert recipe.seal(values, "Jefe") == expected
    assert recipe.seal(values, "Jeff") != expected


@pytest.mark.parametrize(
    ("recipe", "values", "secret", "expected"),
    [
        (
            "hmac-sha256|(addition_fee,client_id,command,trans_amount,transaction_id,version)",
            {
                "addition_fee": "0",
                "client_id": "CLIENT",
                "command": "PAY",
                "trans_amount": "150000",
                "transaction_id": "1001_abc",
                "version": "3.0",
            },
            "HASHKEY1",
            "998fa83ab35cc1dcf1adad14ce5636301528d938234e264a62b72a0d07d56935",
        ),
        (
            "hmac-sha1(access_code,billcode,merchant_code,order_id,trans_amount)",
            {
                "access_code": "ACCESS",
                "billcode": "BILL1",
                "merchant_code": "MERCH",
                "order_id": "ORDER1",
                "trans_amount": "150000",
            },
            "HASH",
            "513c1fb9c8df465a377bf395aca681268b5d13e4",
        ),
    ],
)
def test_a_known_keyed_formula_reproduces(
    recipe: str, values: dict[str, str], secret: str, expected: str
) -> None:
    assert read_recipe(recipe).seal(values, secret) == expected
    assert read_recipe(recipe).seal(values, f"{secret}2") != expected


@pytest.mark.parametrize(
    "text", ["", "sha256", "sha256()", "md5(a)", "sha256(a b)", "sha256(a,)", "sha256(_)"]
)
def test_what_is_no_recipe_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="recipe"):
        read_recipe(text)
