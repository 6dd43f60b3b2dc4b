"""MoMo's words: signatures to the byte, and what each code means for money.

MoMo publishes no vector that can be recomputed. The digests here were made with OpenSSL 3.0.19
(`openssl dgst -sha256 -hmac SECRET`) over texts written by hand.
"""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.momo import dialect
from adapters.wording import Malformed, WrongSeal
from payments.gateway_refunds import RefundOrder, RefundOutcome
from payments.ports import (
    AttemptKey,
    GatewayMisuse,
    Outcome,
    StartRequest,
)

CREDENTIALS = dialect.Credentials("MOMOTHU1", "ACCESS", "SECRET")
AT = datetime(2026, 11, 29, 8, 0, tzinfo=UTC)
ORDER = "LPABCDEFGHJKLM-01"
EXTRA = base64.b64encode(b'{"request_code":"pay_1"}').decode()
REQUEST = StartRequest(
    ORDER,
    "pay_1",
    150_000,
    "Nộp phí, lệ phí LPABCDEFGHJKLM",
    "https://le-phi.example/b/LPABC?t=1",
    "https://le-phi.example/callbacks/momo/x",
    created_at=AT,
)
REFUND = RefundOrder(
    "LPABCDEFGHJKLM-R1", ORDER, "4088878653", 50_000, 150_000, "Hoan tra", "ke toan", AT, AT
)
RESULT: dict[str, Any] = {
    "partnerCode": "MOMOTHU1",
    "orderId": ORDER,
    "requestId": "pay_1",
    "amount": 150_000,
    "orderInfo": "Nop phi",
    "orderType": "momo_wallet",
    "transId": 4_088_878_653,
    "resultCode": 0,
    "message": "Thành công.",
    "payType": "qr",
    "responseTime": 1_795_975_800_000,
    "extraData": EXTRA,
    "signature": "6b0afe02a08f7622f84b510b21559b7b2c82a84f358319db12cc6ca3bf457d20",
}


def test_what_is_sent_is_signed_as_written_by_hand() -> None:
    created = json.loads(dialect.create_body(CREDENTIALS, REQUEST))
    asked = json.loads(dialect.question(CREDENTIALS, ORDER, "q1"))
    refund = json.loads(dialect.refund_body(CREDENTIALS, REFUND))
    assert [sent["signature"] for sent in (created, asked, refund)] == [
        "ae8d2ee513b97ba8a16ed7a74c5a4df0f60f4c363006454b478f034b219ed0b6",
        "11bfb6850e1003588ca5dc3133fe04301f4e633a7cc0732b6808013fc64d4f38",
        "7e2d05c99bac8dd56a6b655565aeca9f493a9b6e4b9c4bc2e11f912dc3867644",
    ]
    assert created["amount"] == 150_000
    assert created["extraData"] == EXTRA
    for sent in (created, asked, refund):
        assert "accessKey" not in sent


def test_a_result_signed_elsewhere_is_read() -> None:
    result = dialect.read_result(CREDENTIALS, json.dumps(RESULT).encode())
    assert (result.order_ref, result.outcome, result.amount) == (ORDER, Outcome.SUCCEEDED, 150_000)
    assert (result.gateway_ref, result.request_code) == ("4088878653", "pay_1")
    assert result.paid_at == datetime(2026, 11, 29, 18, 10, tzinfo=UTC)
    with pytest.raises(WrongSeal):
        dialect.read_result(CREDENTIALS, json.dumps(RESULT | {"amount": 15_000}).encode())


def test_each_code_has_its_meaning() -> None:
    expected = {
        Outcome.SUCCEEDED: (0, 9000),
        Outcome.PENDING: (1000, 7000, 7002, 8000, 10, 12345),
        Outcome.FAILED: (99, 1001, 1003, 1005, 1006, 4100),
    }
    for outcome, codes in expected.items():
        assert {dialect.outcome_of(code) for code in codes} == {outcome}


def test_an_answer_to_another_question_is_none() -> None:
    answer = {**RESULT, "requestId": "q1", "lastUpdated": 1_795_975_700_000}
    key = AttemptKey(ORDER, AT)
    result = dialect.read_answer(CREDENTIALS, key, "q1", answer)
    assert (result.outcome, result.request_code) == (Outcome.SUCCEEDED, "pay_1")
    assert result.paid_at == datetime(2026, 11, 29, 18, 8, 20, tzinfo=UTC)
    # The time of the answer is no time of payment.
    undated = {k: v for k, v in answer.items() if k != "lastUpdated"}
    assert dialect.read_answer(CREDENTIALS, key, "q1", undated).paid_at is None
    for wrong in ({"requestId": "q2"}, {"orderId": "LPX-01"}, {"partnerCode": "MOMOTHU2"}):
        with pytest.raises(Malformed):
            dialect.read_answer(CREDENTIALS, key, "q1", answer | wrong)
    with pytest.raises(Malformed, match="extraData"):
        dialect.read_answer(CREDENTIALS, key, "q1", answer | {"extraData": "not base64"})


def test_a_refund_is_what_was_asked_for() -> None:
    said = {"orderId": REFUND.refund_ref, "resultCode": 0, "amount": 50_000, "transId": 7}
    assert dialect.read_refund(REFUND, said).outcome is RefundOutcome.SUCCEEDED
    for code, outcome in ((7000, "pending"), (41, "pending"), (1080, "failed"), (5, "pending")):
        assert dialect.read_refund(REFUND, said | {"resultCode": code}).outcome == outcome
    for wrong in ({"amount": 50_001}, {"orderId": "LPX-R1"}, {"transId": 0}, {"resultCode": "0"}):
        with pytest.raises(Malformed):
            dialect.read_refund(REFUND, said | wrong)


def test_what_cannot_be_said_is_our_fault() -> None:
    for wrong in (
        {"order_ref": "LPA.", "amount": 5_000},
        {"order_ref": "A" * 51},
        {"request_code": "pay 1"},
        {"amount": 0},
    ):
        with pytest.raises(GatewayMisuse):
            dialect.create_body(CREDENTIALS, replace(REQUEST, **wrong))
