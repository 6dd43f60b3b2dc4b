"""VietQR reading and writing, rule by rule."""

import json
from dataclasses import replace
from typing import Any

import pytest

from adapters.bank_qr import tlv
from adapters.bank_qr.emv import (
    Initiation,
    InvalidPayload,
    Service,
    VietQr,
    decode,
    encode,
    transliterate,
)
from core.errors import Invalid

BILL = VietQr(
    initiation=Initiation.DYNAMIC,
    bin="970436",
    account="1031933430",
    amount=50000,
    purpose="LPABCDEFGH2345",
    bill_number="LPABCDEFGH2345",
)
PAYEE = "38540010A00000072701240006970436011010319334300208QRIBFTTA"
BARE = f"000201010211{PAYEE}53037045802VN"
SHOP = PAYEE.replace("QRIBFTTA", "QRPUSH").replace("0208", "0206").replace("3854", "3852")


def sealed(body: str) -> str:
    """The body with a right checksum."""
    return f"{body}6304{tlv.checksum(body + '6304')}"


def reasons_against(payload: str) -> list[tuple[str, str]]:
    with pytest.raises(InvalidPayload) as refused:
        decode(payload)
    return [(each.field, each.code) for each in refused.value.reasons]


def faults_of(qr: VietQr) -> list[tuple[str, str]]:
    with pytest.raises(InvalidPayload) as refused:
        encode(qr)
    return [(each.field, each.code) for each in refused.value.reasons]


# Writing


def test_a_bill_is_written_with_ascending_tags_and_its_checksum() -> None:
    body = f"000201010212{PAYEE}53037045405500005802VN62360114LPABCDEFGH23450814LPABCDEFGH2345"
    assert encode(BILL) == sealed(body)


def test_a_poster_is_static_and_still_carries_its_amount() -> None:
    poster = encode(replace(BILL, initiation=Initiation.STATIC, bill_number=None))
    assert poster.startswith("000201010211")
    assert "540550000" in poster
    assert decode(poster).amount == 50000


def test_a_code_without_an_amount_leaves_it_to_the_payer() -> None:
    bare = VietQr(initiation=Initiation.STATIC, bin="970436", account="1031933430")
    assert encode(bare) == sealed(BARE)
    assert decode(sealed(BARE)) == bare


@pytest.mark.parametrize("amount", [1, 9_999_999_999_999])
def test_an_amount_has_up_to_thirteen_digits(amount: int) -> None:
    assert decode(encode(replace(BILL, amount=amount))).amount == amount


@pytest.mark.parametrize(
    "amount", [0, -1, 10**13, pytest.param(10**5000, id="5001 digits"), True, 5000.0, "5000"]
)
def test_an_amount_that_does_not_fit_is_refused(amount: int) -> None:
    assert faults_of(replace(BILL, amount=amount)) == [("amount", "form")]


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("purpose", "x" * 26, "too_long"),
        ("purpose", "Nộp lệ phí", "charset"),
        ("purpose", "two\nlines", "charset"),
        ("purpose", "half \ud800 a character", "charset"),
        ("purpose", "", "empty"),
        ("bill_number", "x" * 26, "too_long"),
        ("account", "x" * 20, "too_long"),
        ("account", "1031 933430", "form"),
        ("bin", "97043", "form"),
        ("bin", "97043a", "form"),
        ("bin", "٩٧٠٤٣٦", "charset"),
        ("bin", None, "missing"),
        ("account", None, "missing"),
        ("service", None, "missing"),
        ("service", "QRTRANSFER", "unknown_value"),
        ("initiation", "13", "unknown_value"),
        ("merchant_name", "x" * 26, "too_long"),
        ("merchant_city", "x" * 16, "too_long"),
        ("postal_code", "x" * 11, "too_long"),
        ("mcc", "99", "form"),
        ("requested_data", "AX", "form"),
        ("currency", "840", "unknown_value"),
        ("country", "US", "unknown_value"),
    ],
)
def test_what_may_not_be_written_is_refused_by_its_name(
    field: str, value: str | None, code: str
) -> None:
    change: dict[str, Any] = {field: value}
    assert faults_of(replace(BILL, **change)) == [(field, code)]


def test_every_field_at_fault_is_named_at_once() -> None:
    bad = replace(BILL, bin="1", account="á", amount=0, purpose="x" * 30, country="LA")
    assert {field for field, _ in faults_of(bad)} == {
        "bin",
        "account",
        "amount",
        "purpose",
        "country",
    }


def test_additional_data_may_fill_its_template_and_no_more() -> None:
    full = replace(BILL, bill_number="b" * 25, purpose="p" * 25, store_label="s" * 25)
    assert decode(encode(replace(full, terminal_label="t" * 8))).terminal_label == "t" * 8
    assert faults_of(replace(full, terminal_label="t" * 9)) == [("additional_data", "too_long")]


def test_a_merchant_service_needs_the_merchant() -> None:
    shop = replace(BILL, service=Service.MERCHANT)
    assert faults_of(shop) == [
        ("mcc", "missing"),
        ("merchant_name", "missing"),
        ("merchant_city", "missing"),
    ]
    named = replace(shop, mcc="9399", merchant_name="UBND PHUONG 1", merchant_city="HA NOI")
    assert decode(encode(named)) == named


def test_other_tags_are_written_where_they_belong() -> None:
    more = replace(BILL, other=(("38.05", "x"), ("62.50", "y"), ("80", "z")))
    assert decode(encode(more)) == more


@pytest.mark.parametrize(
    "path", ["54", "63", "00", "38", "38.00", "27.00", "6", "x", "", "80.", "62.٠١", "80\n"]
)
def test_other_takes_no_tag_that_has_a_name_or_is_none(path: str) -> None:
    assert faults_of(replace(BILL, other=((path, "1"),))) == [("other", "form")]


def test_other_takes_no_tag_twice_and_no_misplaced_service() -> None:
    assert faults_of(replace(BILL, other=(("80", "1"), ("80", "2")))) == [("other", "form")]
    assert faults_of(replace(BILL, other=(("38.01.02", "QRPUSH"),))) == [("38.01.02", "misplaced")]


def test_a_payload_never_passes_512_characters() -> None:
    long = tuple((str(tag), "x" * 99) for tag in range(80, 85))
    assert faults_of(replace(BILL, other=long)) == [("payload", "too_long")]


# Reading


def test_tags_between_first_and_last_may_stand_in_any_order() -> None:
    shuffled = sealed(f"0002015802VN5405500005303704010212{PAYEE}")
    assert decode(shuffled) == replace(BILL, purpose=None, bill_number=None)


def test_an_absent_service_means_a_payment_to_a_merchant() -> None:
    payee = "38420010A0000007270124000697043601101031933430"
    shop = f"000201010211{payee}52049399530370458" + "02VN5905UBND16006HA NOI"
    assert decode(sealed(shop)).service is Service.MERCHANT


def test_a_dynamic_code_without_amount_is_read() -> None:
    assert decode(sealed(BARE.replace("010211", "010212"))).amount is None


def test_both_payee_templates_are_read_together() -> None:
    both = sealed(
        f"00020101021126280010A00000077501100105313144{PAYEE}53037045802VN",
    )
    qr = decode(both)
    assert (qr.merchant_id, qr.account) == ("0105313144", "1031933430")
    assert encode(qr) == both


def test_a_language_template_may_hold_vietnamese_and_nothing_else_may() -> None:
    qr = decode(sealed(BARE + "64190002vi0109Phường 15"[:23]))
    assert dict(qr.other) == {"64.00": "vi", "64.01": "Phường 15"}
    assert reasons_against(sealed(BARE + "5906Phường")) == [("59", "charset")]


@pytest.mark.parametrize(
    ("payload", "reasons"),
    [
        (sealed(BARE[6:]), [("00", "missing")]),
        (sealed("010211000201" + BARE[12:]), [("00", "order")]),
        (sealed("000202" + BARE[6:]), [("00", "unknown_value")]),
        (sealed(BARE.replace("010211", "")), [("01", "missing")]),
        (sealed(BARE.replace("010211", "010213")), [("01", "unknown_value")]),
        (sealed(BARE.replace("5303704", "")), [("53", "missing")]),
        (sealed(BARE.replace("5802VN", "")), [("58", "missing")]),
        (sealed(BARE.replace("5802VN", "5802vn")), [("58", "unknown_value")]),
        (sealed(BARE.replace(PAYEE, "")), [("38", "missing")]),
        (sealed(BARE.replace(PAYEE, SHOP)), [(tag, "missing") for tag in ("52", "59", "60")]),
        (sealed(BARE.replace("A000000727", "A000000728")), [("38.00", "unknown_value")]),
        (sealed(BARE.replace("970436", "97O436")), [("38.01.00", "form")]),
        (sealed(BARE.replace("QRIBFTTA", "qribftta")), [("38.02", "unknown_value")]),
        (sealed(BARE + "5303704"), [("53", "duplicate")]),
        (sealed(BARE + "62070801a08"), [("62", "malformed")]),
        (sealed(BARE + "62100801a0801b"), [("62.08", "duplicate")]),
        (sealed(BARE + "62080904AMEA"), [("62.09", "too_long")]),
        (sealed(BARE + "6200"), [("62", "empty")]),
        (sealed(BARE + "62040800"), [("62.08", "empty")]),
        (sealed(BARE + "8000"), [("80", "empty")]),
        (sealed(BARE + "5203939"), [("52", "form")]),
        (sealed(BARE + "6016" + "x" * 16), [("60", "too_long")]),
        (sealed(BARE + "550202"), [("56", "missing")]),
        (sealed(BARE + "550203"), [("57", "missing")]),
        (sealed(BARE + "56041000"), [("56", "misplaced")]),
        (sealed(BARE + "64060002vi"), [("64.01", "missing")]),
        (sealed(BARE + "26080104abcd"), [("26.00", "missing")]),
        (sealed(BARE.replace(PAYEE, "26080004abcd")), [("26.01", "missing")]),
        (sealed(BARE) + "8001x", [("63", "order")]),
        (BARE, [("63", "missing")]),
        (BARE + "6305" + tlv.checksum(BARE + "6305") + "0", [("63", "form")]),
        (sealed(BARE + "6312abcd"), [("63", "form")]),
        (sealed(BARE)[:-1], [("payload", "malformed")]),
        (sealed(BARE) + "\nx", [("payload", "malformed")]),
        ("\u00a0" + sealed(BARE), [("payload", "malformed"), ("63", "checksum")]),
        ("x" * 513, [("payload", "too_long")]),
    ],
)  # fmt: skip
def test_a_payload_with_one_thing_wrong_is_refused_for_that(
    payload: str, reasons: list[tuple[str, str]]
) -> None:
    assert reasons_against(payload) == reasons


@pytest.mark.parametrize(
    "written",
    [
        "0",
        "007",
        "-5",
        "+5",
        "1.000",
        "1,000",
        "1000.50",
        "1000,00",
        "1e3",
        "1 0",
        "٥",
        "12345678901234",
    ],
)
def test_an_amount_is_plain_digits_or_refused(written: str) -> None:
    reasons = reasons_against(sealed(f"{BARE}54{len(written):02d}{written}"))
    assert {field for field, _ in reasons} == {"54"}


@pytest.mark.parametrize("purpose", ["x" * 26, "x" * 35, "x" * 95])
def test_a_purpose_of_real_codes_is_read_and_not_written(purpose: str) -> None:
    template = f"08{len(purpose):02d}{purpose}"
    read = decode(sealed(f"{BARE}62{len(template):02d}{template}"))
    assert read.purpose == purpose
    with pytest.raises(InvalidPayload):
        encode(read)


@pytest.mark.parametrize(
    ("written", "amount"), [("5000.00", 5000), ("5000.", 5000), ("5000.0", 5000), ("1.00", 1)]
)
def test_an_amount_may_be_read_with_a_point_and_zeros(written: str, amount: int) -> None:
    read = decode(sealed(f"{BARE}54{len(written):02d}{written}"))
    assert read.amount == amount
    assert decode(encode(read)) == read
    assert f"54{len(str(amount)):02d}{amount}" in encode(read)


@pytest.mark.parametrize("around", ["{}\n", "{}\r\n", " {}", "\t{} \n"])
def test_what_a_scanner_adds_is_taken_off(around: str) -> None:
    assert decode(around.format(sealed(BARE))) == decode(sealed(BARE))


def test_nothing_is_called_missing_that_a_broken_sequence_may_hide() -> None:
    assert reasons_against(sealed(f"000201010211{PAYEE}9")) == [("payload", "malformed")]
    hidden = PAYEE.replace("00069704360110", "00069704360111")
    assert reasons_against(sealed(BARE.replace(PAYEE, hidden))) == [("38.01", "malformed")]


def test_an_empty_text_lacks_everything() -> None:
    assert [field for field, _ in reasons_against("")] == ["00", "63", "38", "01", "53", "58"]


def test_every_reason_is_told_not_only_the_first() -> None:
    bad = f"010214{PAYEE.replace('970436', 'ABCDEF')}530384054041.5058" + "02US62080904AMEA"
    assert sorted(reasons_against(f"{bad}63040000")) == [
        ("00", "missing"),
        ("01", "unknown_value"),
        ("38.01.00", "form"),
        ("53", "unknown_value"),
        ("54", "form"),
        ("58", "unknown_value"),
        ("62.09", "too_long"),
        ("63", "checksum"),
    ]


def test_a_reason_is_told_in_vietnamese_and_english() -> None:
    with pytest.raises(Invalid) as refused:
        decode(sealed(BARE + "62080904AMEA"))
    assert refused.value.code == "invalid_qr_payload"
    (only,) = refused.value.errors
    assert only.detail == (
        "dữ liệu cần hỏi dài 4 ký tự, tối đa 3"
        " / the requested data has 4 characters, at most 3 are allowed"
    )


def test_facts_are_ready_for_json() -> None:
    facts = json.loads(json.dumps(decode(encode(replace(BILL, other=(("80", "z"),)))).facts()))
    assert facts["initiation"] == "dynamic"
    assert facts["service"] == "QRIBFTTA"
    assert facts["amount"] == 50000
    assert facts["other"] == {"80": "z"}
    assert facts["merchant_name"] is None


# Text for banks


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Nộp lệ phí chứng thực", "Nop le phi chung thuc"),
        ("Đường Điện Biên Phủ, đ", "Duong Dien Bien Phu, d"),
        ("ỲỴỶỸ ẵặ ợữ", "YYYY aa ou"),
        ("  nhiều\t\tkhoảng \n trắng ", "nhieu khoang trang"),
        ("mã — số №5 ✓", "ma so 5"),
        ("", ""),
        ("漢字", ""),
    ],
)
def test_vietnamese_becomes_plain_text(text: str, plain: str) -> None:
    assert transliterate(text) == plain
    assert transliterate(text, upper=True) == plain.upper()
