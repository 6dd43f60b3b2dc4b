"""Signatures that others made: what our adapters write and read agrees with them to the byte.

Recorded on 30 November 2026 from the npm package vnpay 2.5.0 (`buildPaymentUrl`; its
`verifyIpnCall` takes the result below, and refuses it with another amount), and from payOS's own
library for Python, payos 1.1.0. SePay publishes no library that signs notices: OpenSSL 3.0.19 did,
as for MoMo, ZaloPay and Casso (`test_momo_dialect`, `test_zalopay_dialect`, `test_feed_modes`).
Stripe's own library verifies what Stripe sends, in the adapter itself.
"""

import json
from datetime import UTC, datetime, timedelta

import pytest

from adapters.bank_feeds.sepay import SePayFeed
from adapters.payos import dialect as payos
from adapters.vnpay import dialect as vnpay
from adapters.wording import Malformed, WrongSeal
from payments.ports import (
    CallbackRejected,
    GatewayAccount,
    Outcome,
    RawCallback,
    StartRequest,
)

AT = datetime(2026, 11, 28, 18, 30, tzinfo=UTC)
RETURN_URL = "https://le-phi.example/b/LPABC?t=1"
AT_VNPAY = vnpay.Credentials("LEPHI001", "RAOEXHYVSDDIIENYWSLDIIZTANXUXZFJ")
VNPAY_ADDRESS = (
    "vnp_Amount=15000000&vnp_Command=pay&vnp_CreateDate=20261129013000&vnp_CurrCode=VND"
    "&vnp_ExpireDate=20261129014500&vnp_IpAddr=203.0.113.7&vnp_Locale=vn"
    "&vnp_OrderInfo=Nop+phi%2C+le+phi+LPABCDEFGHJKLM+dot+1+b&vnp_OrderType=other"
    "&vnp_ReturnUrl=https%3A%2F%2Fle-phi.example%2Fb%2FLPABC%3Ft%3D1&vnp_TmnCode=LEPHI001"
    "&vnp_TxnRef=LPABCDEFGHJKLM-01&vnp_Version=2.1.0&vnp_SecureHash="
    "f45a4076546e90836be3ab9e2d10ae4443b5960a6999b9a38f181e466d7e1ae5"
    "66f7f2a494fe07de515dfb1dc6364a4f7c63d41ca452a93467760485a1770d91"
)
VNPAY_RESULT = (
    "vnp_Amount=15000000&vnp_BankCode=NCB&vnp_BankTranNo=VNP14226112&vnp_CardType=ATM"
    "&vnp_OrderInfo=Nop+phi%2C+le+phi+LPABCDEFGHJKLM&vnp_PayDate=20261129013500"
    "&vnp_ResponseCode=00&vnp_TmnCode=LEPHI001&vnp_TransactionNo=14226112"
    "&vnp_TransactionStatus=00&vnp_TxnRef=LPABCDEFGHJKLM-01&vnp_SecureHash="
    "15c377fa9b940022df5bd2398d373ed1a3aeddc13f0430cda73495e3cd345604"
    "84b8743dfe1d81f834c076f56362d27f4bcd6c9ef04a5fa76e856e4be13c65af"
)
AT_PAYOS = payos.Credentials("kenh", "KEY", "CHECKSUM")
PAYOS_CREATED = "db478fa3795464dcfc2f8de14c73a33464418456153d9c90b12b81889686c9cd"
PAYOS_TOLD = "73cfeb38bf25289a658fa91feb1bd89e9b9c5706b3fdf1354bad5468499f6989"
PAYOS_DATA = {
    "orderCode": 8007199254740123,
    "amount": 150_000,
    "description": "LP4740123 nộp phí",
    "accountNumber": "12345678",
    "reference": "FT26333000001",
    "transactionDateTime": "2026-11-29 15:05:00",
    "currency": "VND",
    "paymentLinkId": "plink1",
    "code": "00",
    "desc": "success",
    "counterAccountBankId": None,
    "counterAccountBankName": "",
    "counterAccountName": "NGUYEN VAN A & B",
    "counterAccountNumber": None,
    "virtualAccountName": None,
    "virtualAccountNumber": "",
}
SEPAY_BODY = (
    '{"id":92704,"gateway":"Vietcombank","transactionDate":"2026-11-29 14:59:00",'
    '"accountNumber":"102030","content":"LPABCDEFGHJK23 nộp","transferType":"in",'
    '"transferAmount":5000,"referenceCode":"FT26333000001"}'
)
SEPAY_SEAL = "c8fd3cc208bf15d9e46ce0026a8a480c3e4fb385b2d736b5a2291521e29472a9"


def request_of(order_ref: str, description: str, return_url: str) -> StartRequest:
    return StartRequest(
        order_ref,
        "pay_1",
        150_000,
        description,
        return_url,
        "https://le-phi.example/callbacks/x/y",
        payer_ip="203.0.113.7",
        created_at=AT,
    )


def test_our_address_is_the_one_that_vnpays_client_makes() -> None:
    asked = request_of("LPABCDEFGHJKLM-01", "Nộp phí, lệ phí LPABCDEFGHJKLM (đợt 1) b", RETURN_URL)
    assert vnpay.pay_query(AT_VNPAY, asked) == VNPAY_ADDRESS


def test_what_vnpays_client_takes_we_take_and_no_other_amount() -> None:
    result = vnpay.read_result(AT_VNPAY, VNPAY_RESULT)
    assert (result.outcome, result.amount) == (Outcome.SUCCEEDED, 150_000)
    with pytest.raises((Malformed, WrongSeal)):
        vnpay.read_result(AT_VNPAY, VNPAY_RESULT.replace("15000000", "15000100"))


def test_our_link_is_sealed_as_payos_library_seals_it() -> None:
    asked = request_of("8007199254740123", "Nộp phí", "https://le-phi.example/b/LPABC")
    sent = json.loads(payos.create_body(AT_PAYOS, asked, timedelta(minutes=15)))
    assert sent["signature"] == PAYOS_CREATED


def test_a_notice_under_the_seal_of_payos_library_is_money_and_no_other() -> None:
    def told(**changes: object) -> bytes:
        data = PAYOS_DATA | changes
        return json.dumps({"code": "00", "data": data, "signature": PAYOS_TOLD}).encode()

    result = payos.read_result(AT_PAYOS, told())
    assert result is not None
    assert (result.outcome, result.amount) == (Outcome.SUCCEEDED, 150_000)
    with pytest.raises(WrongSeal):
        payos.read_result(AT_PAYOS, told(amount=150_001))


def test_a_notice_that_openssl_sealed_for_sepay_is_signed_money_and_no_other() -> None:
    account = {"secret": "KEY1", "account_number": "102030", "mode": "hmac"}
    feed = SePayFeed(GatewayAccount("sepay", "x", "", account))
    heads = {"x-sepay-timestamp": "1795939200", "x-sepay-signature": f"sha256={SEPAY_SEAL}"}
    at = datetime(2026, 11, 29, 8, 0, tzinfo=UTC)
    sent = RawCallback("POST", "/callbacks/sepay/x", "", heads, SEPAY_BODY.encode(), at)
    credit = feed.read_notice(sent)
    assert credit is not None
    assert (credit.amount, credit.signed) == (5_000, True)
    other = SEPAY_BODY.replace("5000,", "6000,").encode()
    with pytest.raises(CallbackRejected):
        feed.read_notice(RawCallback("POST", "/callbacks/sepay/x", "", heads, other, at))
