"""ZaloPay's words: macs to the byte, and what each code means for money.

ZaloPay publishes no vector that can be recomputed. The digests here were made with OpenSSL 3.0.19
(`openssl dgst -sha256 -hmac KEY1`) over texts written by hand.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.wording import Malformed, WrongSeal
from adapters.zalopay import dialect
from payments.gateway_refunds import RefundOrder, RefundOutcome
from payments.ports import AttemptKey, GatewayMisuse, Outcome, StartRequest

CREDENTIALS = dialect.Credentials(553, "KEY1", "KEY2")
AT = datetime(2026, 11, 29, 8, 0, tzinfo=UTC)
ORDER = "LPABCDEFGHJKLM-01"
KEY = AttemptKey(ORDER, AT)
REQUEST = StartRequest(
    ORDER,
    "pay_1",
    150_000,
    "Nộp phí, lệ phí LPABCDEFGHJKLM",
    "https://le-phi.example/b/LPABC?t=1",
    "https://le-phi.example/callbacks/zalopay/x",
    created_at=AT,
)
REFUND = RefundOrder(
    "LPABCDEFGHJKLM-R1", ORDER, "261129000000123", 50_000, 150_000, "Hoan tra", "ke toan", AT, AT
)
DATA = (
    '{"app_id":553,"app_trans_id":"261129_LPABCDEFGHJKLM-01","app_time":1795939200000,'
    '"app_user":"lephi","amount":150000,"embed_data":"{}","item":"[]",'
    '"zp_trans_id":261129000000123,"server_time":1795939260000}'
)
SEAL = "9ec42c03015b6ac84304235ca1318397cd9655318e916f7ee74bd317f0c48be4"


def test_what_is_sent_is_signed_as_written_by_hand() -> None:
    sent = [
        json.loads(body)
        for body in (
            dialect.create_body(CREDENTIALS, REQUEST, 900),
            dialect.question(CREDENTIALS, KEY),
            dialect.refund_body(CREDENTIALS, REFUND, AT),
            dialect.refund_question(CREDENTIALS, REFUND, AT),
        )
    ]
    assert [one["mac"] for one in sent] == [
        "ae35958f188f1d10908aea0727589a1c6afd2f02bc47a141defe519a3028b777",
        "ebef4f1b06e465fa3be23931bb224d75ba11076d8c043e6fa47b31ef102207af",
        "b3763d1269d8e38ccdd8a30192d42487cf64983e6f85f48facc5ecc2882b6534",
        "85e897f0b7ee96faff3b16561fcc7b2605ba83bddbd3a1ece361c651950b3285",
    ]
    assert sent[0]["expire_duration_seconds"] == 900
    assert sent[2]["m_refund_id"] == "261129_553_LPABCDEFGHJKLM-R1"


def test_the_same_refund_is_asked_about_with_a_stamp_of_its_own_each_time() -> None:
    first, later = (
        json.loads(dialect.refund_question(CREDENTIALS, REFUND, AT + timedelta(minutes=minutes)))
        for minutes in (0, 5)
    )
    assert first["m_refund_id"] == later["m_refund_id"]
    assert first["timestamp"] != later["timestamp"]
    assert first["mac"] != later["mac"]


def test_the_day_of_an_order_is_the_attempt_s_in_vietnamese_time() -> None:
    late = datetime(2026, 11, 29, 16, 59, 59, tzinfo=UTC)
    assert dialect.trans_id(AttemptKey("A-1", late)) == "261129_A-1"
    assert dialect.trans_id(AttemptKey("A-1", late + timedelta(seconds=1))) == "261130_A-1"


def test_a_result_signed_elsewhere_is_read() -> None:
    body = json.dumps({"data": DATA, "mac": SEAL, "type": 1}).encode()
    result = dialect.read_result(CREDENTIALS, body)
    assert (result.order_ref, result.outcome, result.amount) == (ORDER, Outcome.SUCCEEDED, 150_000)
    assert (result.gateway_ref, result.paid_at) == ("261129000000123", AT + timedelta(minutes=1))
    with pytest.raises(WrongSeal):
        dialect.read_result(replace(CREDENTIALS, key2="KEY1"), body)


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ({"return_code": 3}, Outcome.PENDING),
        ({"return_code": 2, "is_processing": True}, Outcome.PENDING),
        ({"return_code": 2, "sub_return_code": -101}, Outcome.NOT_FOUND),
        ({"return_code": 2, "sub_return_code": -54}, Outcome.FAILED),
        ({"return_code": 2}, Outcome.FAILED),
        ({"return_code": 1, "zp_trans_id": 7, "amount": 5_000}, Outcome.SUCCEEDED),
    ],
)
def test_each_answer_has_its_meaning(said: dict[str, Any], outcome: Outcome) -> None:
    assert dialect.read_answer(KEY, said).outcome is outcome


def test_an_answer_without_a_meaning_is_none() -> None:
    for said in (
        {},
        {"return_code": 7},
        {"return_code": True},
        {"return_code": 1, "amount": 5_000},
        {"return_code": 1, "zp_trans_id": 7},
        {"return_code": 1, "zp_trans_id": 7, "amount": "5000"},
    ):
        with pytest.raises(Malformed):
            dialect.read_answer(KEY, said)
    for code, sub, outcome in ((3, 2, "pending"), (2, -68, "pending"), (2, -13, "failed")):
        said = {"return_code": code, "sub_return_code": sub}
        assert dialect.read_refund(REFUND, said).outcome is RefundOutcome(outcome)


def test_what_cannot_be_said_is_our_fault() -> None:
    for wrong in ({"order_ref": "LPA 1"}, {"order_ref": "A" * 34}, {"amount": 0}):
        with pytest.raises(GatewayMisuse):
            dialect.create_body(CREDENTIALS, replace(REQUEST, **wrong), 900)
    with pytest.raises(GatewayMisuse):
        dialect.refund_body(CREDENTIALS, replace(REFUND, refund_ref="A" * 40), AT)


@pytest.mark.parametrize("sub", [-429, -500])
def test_a_question_that_got_no_word_is_no_refusal_of_what_it_asked_about(sub: int) -> None:
    said = {"return_code": 2, "return_message": "x", "sub_return_code": sub}
    with pytest.raises(Malformed):
        dialect.read_refund(REFUND, said)
    with pytest.raises(Malformed):
        dialect.read_answer(KEY, said)
