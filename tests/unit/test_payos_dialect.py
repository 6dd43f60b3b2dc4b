"""payOS's words: its published example to the byte, numbers of orders, memos, and what it says."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.payos import dialect
from adapters.wording import Malformed, WrongSeal
from payments.ports import AttemptKey, GatewayMisuse, Outcome, StartRequest

#: Of payOS's page about webhooks: key, data and signature as they are published.
PUBLISHED = dialect.Credentials(
    "x", "x", "1a54716c8f0efb2744fb28b6e38b25da7f67a925d98bc1c18bd8faaecadd7675"
)
EXAMPLE: dict[str, Any] = {
    "orderCode": 123,
    "amount": 3000,
    "description": "VQRIO123",
    "accountNumber": "12345678",
    "reference": "TF230204212323",
    "transactionDateTime": "2023-02-04 18:25:00",
    "currency": "VND",
    "paymentLinkId": "124c33293c43417ab7879e14c8d9eb18",
    "code": "00",
    "desc": "Thành công",
    "counterAccountBankId": "",
    "counterAccountBankName": "",
    "counterAccountName": "",
    "counterAccountNumber": "",
    "virtualAccountName": "",
    "virtualAccountNumber": "",
}
SIGNATURE = "412e915d2871504ed31be63c8f62a149a4410d34c4c42affc9006ef9917eaa03"
CREDENTIALS = dialect.Credentials("kenh", "KEY", "CHECKSUM")
AT = datetime(2026, 11, 29, 8, 0, tzinfo=UTC)
REQUEST = StartRequest(
    "8007199254740123",
    "pay_1",
    150_000,
    "Nộp phí, lệ phí LPABCDEFGHJKLM",
    "https://le-phi.example/b/LPABC",
    "",
    created_at=AT,
)
KEY = AttemptKey("8007199254740123", AT)


def body(data: dict[str, Any], signature: str) -> bytes:
    return json.dumps({"code": "00", "data": data, "signature": signature}).encode()


def test_the_published_example_reproduces_and_is_no_money_of_ours() -> None:
    assert dialect.read_result(PUBLISHED, body(EXAMPLE, SIGNATURE)) is None
    # Null is signed as nothing.
    nulls = {name: value if value != "" else None for name, value in EXAMPLE.items()}
    assert dialect.read_result(PUBLISHED, body(nulls, SIGNATURE)) is None
    for wrong in ({"amount": 3001}, {"desc": "Thanh cong"}, {"note": "1"}):
        with pytest.raises(WrongSeal):
            dialect.read_result(PUBLISHED, body(EXAMPLE | wrong, SIGNATURE))


def test_a_link_is_asked_for_with_a_number_and_a_short_memo() -> None:
    """The digest is OpenSSL's, over the text written by hand."""
    sent = json.loads(dialect.create_body(CREDENTIALS, REQUEST, timedelta(minutes=15)))
    assert sent["orderCode"] == 8007199254740123
    assert sent["description"] == "LP4740123"
    assert sent["expiredAt"] == int(AT.timestamp()) + 900
    assert sent["signature"] == "db478fa3795464dcfc2f8de14c73a33464418456153d9c90b12b81889686c9cd"
    linked = replace(CREDENTIALS, memo_length=25)
    more = json.loads(dialect.create_body(linked, REQUEST, timedelta(minutes=15)))
    assert more["description"] == "opphilephiLPABCDEFGHJKLM"[-25:].rjust(25, "N")


@pytest.mark.parametrize("order_ref", ["LPA-01", "0", "012", "-1", "9007199254740992", "1" * 17])
def test_what_is_no_number_cannot_be_ordered(order_ref: str) -> None:
    with pytest.raises(GatewayMisuse):
        dialect.order_code(order_ref)


def test_each_answer_has_its_meaning() -> None:
    data: dict[str, Any] = {"orderCode": 8007199254740123, "status": "PENDING", "transactions": []}
    one = {
        "reference": "FT1",
        "amount": 150_000,
        "accountNumber": "12345678",
        "transactionDateTime": "2026-11-29T15:00:00+07:00",
    }

    def read(**changes: Any) -> Any:
        return dialect.read_answer(CREDENTIALS, KEY, {"code": "00", "data": data | changes})

    assert read().outcome is Outcome.PENDING
    assert read(status="CANCELLED").outcome is Outcome.FAILED
    assert read(status="EXPIRED").outcome is Outcome.FAILED
    paid = read(status="PAID", transactions=[one])
    assert (paid.outcome, paid.gateway_ref, paid.amount) == (Outcome.SUCCEEDED, "FT1", 150_000)
    assert (paid.paid_at, paid.straight) == (AT, True)
    # Money that came counts whatever the link's status is.
    assert read(status="CANCELLED", transactions=[one]).outcome is Outcome.SUCCEEDED
    assert dialect.read_answer(CREDENTIALS, KEY, {"code": "101"}).outcome is Outcome.NOT_FOUND
    for wrong in (
        {"status": "PAID"},
        {"status": "NEW_WORD"},
        {"orderCode": 1},
        {"transactions": ["x"]},
        {"transactions": [one | {"amount": 1.5}]},
    ):
        with pytest.raises(Malformed):
            read(**wrong)


def test_two_transfers_for_one_order_are_two() -> None:
    first, second = (
        dialect.read_answer(
            CREDENTIALS,
            KEY,
            {
                "code": "00",
                "data": {
                    "orderCode": 8007199254740123,
                    "status": "PAID",
                    "transactions": [
                        {
                            "reference": reference,
                            "amount": 1,
                            "accountNumber": "1",
                            "transactionDateTime": "2026-11-29 15:00:00",
                        }
                    ],
                },
            },
        )
        for reference in ("FT1", "FT:2")
    )
    assert first.order_ref == second.order_ref
    assert first.notice_ref != second.notice_ref
    assert ":" not in second.notice_ref
