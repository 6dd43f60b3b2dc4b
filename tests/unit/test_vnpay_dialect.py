"""VNPay's words: addresses and hashes to the byte, and what each pair of codes means for money."""

import json
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha512
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.vnpay import dialect
from adapters.vnpay.gateway import VNPay
from adapters.wording import Malformed
from payments.ports import AttemptKey, GatewayAccount, GatewayMisuse, Outcome, StartRequest

CREDENTIALS = dialect.Credentials("LEPHI001", "RAOEXHYVSDDIIENYWSLDIIZTANXUXZFJ")
AT = datetime(2026, 11, 28, 18, 30, 0, 999_999, tzinfo=UTC)
REQUEST = StartRequest(
    "LPABCDEFGHJKLM-01",
    "pay_1",
    150_000,
    "Nộp phí, lệ phí LPABCDEFGHJKLM (đợt 1) & <b>",
    "https://le-phi.example/b/LPABC?t=1",
    "https://le-phi.example/callbacks/vnpay/x",
    payer_ip="203.0.113.7",
    created_at=AT,
)
KEY = AttemptKey("LPABCDEFGHJKLM-01", AT)


def by_hand(key: str, text: str) -> str:
    """HMAC-SHA512 as RFC 2104 writes it, without the library that the adapter uses."""
    block = key.encode().ljust(128, b"\0")
    inner = sha512(bytes(b ^ 0x36 for b in block) + text.encode()).digest()
    return sha512(bytes(b ^ 0x5C for b in block) + inner).hexdigest()


def result(secret: str = CREDENTIALS.hash_secret, **changes: str) -> str:
    """A result as VNPay's server writes it: sorted, form-encoded, hashed by hand."""
    fields = {
        "vnp_Amount": "15000000",
        "vnp_BankCode": "NCB",
        "vnp_BankTranNo": "VNP14226112",
        "vnp_CardType": "ATM",
        "vnp_OrderInfo": "Nop+phi%2C+le+phi+LPABCDEFGHJKLM",
        "vnp_PayDate": "20261129013500",
        "vnp_ResponseCode": "00",
        "vnp_TmnCode": "LEPHI001",
        "vnp_TransactionNo": "14226112",
        "vnp_TransactionStatus": "00",
        "vnp_TxnRef": "LPABCDEFGHJKLM-01",
    } | {f"vnp_{name}": value for name, value in changes.items()}
    text = "&".join(f"{name}={value}" for name, value in sorted(fields.items()) if value)
    return f"{text}&vnp_SecureHash={by_hand(secret, text)}"


def test_the_pay_address_is_this_text_to_the_byte() -> None:
    text = (
        "vnp_Amount=15000000&vnp_Command=pay&vnp_CreateDate=20261129013000&vnp_CurrCode=VND"
        "&vnp_ExpireDate=20261129014500&vnp_IpAddr=203.0.113.7&vnp_Locale=vn"
        "&vnp_OrderInfo=Nop+phi%2C+le+phi+LPABCDEFGHJKLM+dot+1+b&vnp_OrderType=other"
        "&vnp_ReturnUrl=https%3A%2F%2Fle-phi.example%2Fb%2FLPABC%3Ft%3D1&vnp_TmnCode=LEPHI001"
        "&vnp_TxnRef=LPABCDEFGHJKLM-01&vnp_Version=2.1.0"
    )
    expected = f"{text}&vnp_SecureHash={by_hand(CREDENTIALS.hash_secret, text)}"
    assert dialect.pay_query(CREDENTIALS, REQUEST) == expected


def test_our_hand_agrees_with_openssl() -> None:
    text = "vnp_Amount=15000000&vnp_TxnRef=LPABCDEFGHJKLM-01"
    try:
        done = subprocess.run(
            ["openssl", "dgst", "-sha512", "-hmac", CREDENTIALS.hash_secret],
            input=text.encode(),
            capture_output=True,
            check=True,
        )
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    assert done.stdout.decode().split()[-1] == by_hand(CREDENTIALS.hash_secret, text)


@given(st.text(max_size=400))
def test_a_description_becomes_what_every_encoder_writes_alike(text: str) -> None:
    plain = dialect.plain_text(text)
    assert set(plain) <= set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz .,:_-")
    assert len(plain) <= 255
    assert plain == plain.strip()


def test_diacritics_are_taken_off_letter_by_letter() -> None:
    assert dialect.plain_text("Lệ phí Đống Đa: ở ủy ban") == "Le phi Dong Da: o uy ban"


@pytest.mark.parametrize(
    "change",
    [
        {"order_ref": ""},
        {"order_ref": "LP ABC"},
        {"order_ref": "LP'ABC"},
        {"order_ref": "Lệ-01"},
        {"order_ref": "A" * 101},
        {"amount": 0},
        {"amount": -1},
        {"amount": True},
        {"amount": 10**13 + 1},
        {"return_url": "http://a"},
        {"return_url": f"https://le-phi.example/{'b' * 250}"},
        {"return_url": "https://lệ-phí.example/b"},
    ],
)
def test_a_request_that_cannot_be_said_is_our_fault(change: dict[str, Any]) -> None:
    with pytest.raises(GatewayMisuse):
        dialect.pay_query(CREDENTIALS, replace(REQUEST, **change))


def test_a_short_address_of_the_payer_is_written_in_the_form_they_take() -> None:
    fields = dict(parse_qsl(dialect.pay_query(CREDENTIALS, replace(REQUEST, payer_ip="::1"))))
    assert fields["vnp_IpAddr"] == "127.0.0.1"


def test_a_result_is_read_over_the_pairs_as_they_came() -> None:
    report = dialect.read_result(CREDENTIALS, result())
    assert report.order_ref == "LPABCDEFGHJKLM-01"
    assert (report.outcome, report.amount, report.gateway_ref) == (
        Outcome.SUCCEEDED,
        150_000,
        "14226112",
    )
    assert report.paid_at == datetime(2026, 11, 28, 18, 35, tzinfo=UTC)
    assert report.request_code is None


@pytest.mark.parametrize("info", ["a%7Eb", "a~b", "a*b", "a%2Ab", "a%2ab", "it%27s", "it's+(1)!"])
def test_whichever_encoder_they_use_it_verifies(info: str) -> None:
    """Encoders differ on ~ * ' ( ) ! and on the case of hex digits: the bytes that came decide."""
    assert dialect.read_result(CREDENTIALS, result(OrderInfo=info)).amount == 150_000


def test_a_proxy_that_encodes_anew_changes_nothing() -> None:
    query = result().replace("Nop+phi%2C+le", "Nop%20phi%2c%20le")
    assert dialect.read_result(CREDENTIALS, query).amount == 150_000


def test_parameters_that_are_not_theirs_are_not_looked_at() -> None:
    assert dialect.read_result(CREDENTIALS, f"utm=1&{result()}&x=2").amount == 150_000


@pytest.mark.parametrize(
    ("code", "status", "outcome"),
    [
        ("00", "00", Outcome.SUCCEEDED),
        ("00", "02", Outcome.PENDING),
        ("24", "00", Outcome.PENDING),
        ("24", "02", Outcome.FAILED),
        ("11", "02", Outcome.FAILED),
        ("51", "02", Outcome.FAILED),
        ("99", "02", Outcome.FAILED),
        ("88", "02", Outcome.PENDING),
        ("99", "01", Outcome.PENDING),
        ("24", "01", Outcome.PENDING),
        ("99", "99", Outcome.PENDING),
        ("XX", "YY", Outcome.PENDING),
        ("07", "00", Outcome.HELD),
        ("07", "07", Outcome.HELD),
        ("00", "07", Outcome.HELD),
        ("00", "04", Outcome.HELD),
        ("99", "04", Outcome.HELD),
        ("00", "05", Outcome.HELD),
        ("00", "06", Outcome.HELD),
        ("00", "09", Outcome.HELD),
    ],
)
def test_what_the_codes_mean(code: str, status: str, outcome: Outcome) -> None:
    query = result(ResponseCode=code, TransactionStatus=status)
    assert dialect.read_result(CREDENTIALS, query).outcome is outcome


def test_only_two_zeros_are_a_success_and_nothing_unknown_is_a_failure() -> None:
    codes = [f"{number:02d}" for number in range(100)]
    paid = [
        (code, status)
        for code in codes
        for status in codes
        if dialect.outcome_of(code, status) is Outcome.SUCCEEDED
    ]
    assert paid == [("00", "00")]
    failed = {s for c in codes for s in codes if dialect.outcome_of(c, s) is Outcome.FAILED}
    assert failed == {"02"}


def test_money_taken_at_the_bank_that_vnpay_has_no_number_for_is_asked_about_again() -> None:
    query = result(ResponseCode="99", TransactionStatus="04", TransactionNo="0")
    report = dialect.read_result(CREDENTIALS, query)
    assert (report.outcome, report.gateway_ref) == (Outcome.PENDING, None)


def answer(**changes: str) -> dict[str, str]:
    fields = {
        "vnp_ResponseId": "r1",
        "vnp_Command": "querydr",
        "vnp_ResponseCode": "00",
        "vnp_Message": "Giao dịch thành công",
        "vnp_TmnCode": "LEPHI001",
        "vnp_TxnRef": "LPABCDEFGHJKLM-01",
        "vnp_Amount": "15000000",
        "vnp_BankCode": "NCB",
        "vnp_PayDate": "20261129013500",
        "vnp_TransactionNo": "14226112",
        "vnp_TransactionType": "01",
        "vnp_TransactionStatus": "00",
        "vnp_OrderInfo": "Nop phi, le phi",
        "vnp_PromotionCode": "",
        "vnp_PromotionAmount": "",
    } | {f"vnp_{name}": value for name, value in changes.items()}
    values = "|".join(fields[name] for name in list(fields)[:15])
    return fields | {"vnp_SecureHash": by_hand(CREDENTIALS.hash_secret, values)}


def test_a_question_is_signed_over_its_values_in_their_order() -> None:
    body = json.loads(dialect.question(CREDENTIALS, KEY, "q1", datetime(2026, 11, 29, tzinfo=UTC)))
    values = (
        "q1|2.1.0|querydr|LEPHI001|LPABCDEFGHJKLM-01|20261129013000|20261129070000|127.0.0.1"
        "|Hoi ket qua LPABCDEFGHJKLM-01"
    )
    assert body["vnp_SecureHash"] == by_hand(CREDENTIALS.hash_secret, values)
    assert body["vnp_TransactionDate"] == "20261129013000", "not the day it was created"


def test_an_answer_is_read_and_names_the_money_as_the_result_does() -> None:
    told, asked = (
        dialect.read_result(CREDENTIALS, result()),
        dialect.read_answer(CREDENTIALS, KEY, answer()),
    )
    assert replace(asked, gateway_code="00") == told


@pytest.mark.parametrize(
    "changes",
    [
        {"vnp_SecureHash": "0" * 128},
        {"vnp_SecureHash": ""},
        {"vnp_Amount": "1500000"},
        {"vnp_TransactionStatus": "02"},
        {"vnp_TransactionNo": "1"},
        {"vnp_TxnRef": "LPABCDEFGHJKLM-02"},
        {"vnp_PromotionAmount": "5"},
    ],
)
def test_an_answer_that_was_changed_is_no_answer(changes: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        dialect.read_answer(CREDENTIALS, KEY, answer() | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"TxnRef": "LPABCDEFGHJKLM-02"},
        {"TmnCode": "LEPHI002"},
        {"ResponseCode": "94"},
        {"ResponseCode": "99"},
        {"ResponseCode": "91", "TxnRef": "LPABCDEFGHJKLM-02"},
        {"TransactionNo": ""},
        {"Amount": ""},
    ],
)
def test_a_signed_answer_that_does_not_answer_is_no_answer(changes: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        dialect.read_answer(CREDENTIALS, KEY, answer(**changes))


@pytest.mark.parametrize("kind", ["02", "03"])
def test_a_refund_that_succeeded_is_no_payment_that_did(kind: str) -> None:
    report = dialect.read_answer(CREDENTIALS, KEY, answer(TransactionType=kind))
    assert (report.outcome, report.amount) == (Outcome.HELD, 150_000)
    paid = dialect.read_answer(CREDENTIALS, KEY, answer())
    assert paid.outcome is Outcome.SUCCEEDED


def test_an_order_that_they_do_not_know_is_not_found() -> None:
    report = dialect.read_answer(CREDENTIALS, KEY, answer(ResponseCode="91"))
    assert (report.outcome, report.amount) == (Outcome.NOT_FOUND, None)


@pytest.mark.parametrize(
    ("base_url", "more", "expected"),
    [
        ("https://sandbox.vnpayment.vn/paymentv2", {}, "https://sandbox.vnpayment.vn"),
        ("https://pay.vnpay.vn/", {"api_url": "https://api.example"}, "https://api.example"),
        ("http://127.0.0.1:9/vnpay", {}, "http://127.0.0.1:9/vnpay"),
    ],
)
def test_where_questions_go(base_url: str, more: dict[str, str], expected: str) -> None:
    keys = {"tmn_code": "LEPHI001", "hash_secret": "S"} | more
    assert VNPay.api_url(GatewayAccount("vnpay", "x", base_url, keys)) == expected


@pytest.mark.parametrize("base_url", ["http://pay.example", "ftp://pay.example", "", "pay"])
def test_citizens_are_sent_over_https_only(base_url: str) -> None:
    keys = {"tmn_code": "LEPHI001", "hash_secret": "S", "api_url": "https://api.example"}
    with pytest.raises(GatewayMisuse):
        VNPay(GatewayAccount("vnpay", "x", base_url, keys))


def test_an_account_s_own_limits_come_before_vnpay_s() -> None:
    own = {"least_amount": "1000", "greatest_amount": "50000000"}
    assert VNPay.info.limits({}) == (5_000, 999_999_999)
    assert VNPay.info.limits(own) == (1_000, 50_000_000)
    assert VNPay.info.takes(1_000, own)
    assert not VNPay.info.takes(50_000_001, own)
