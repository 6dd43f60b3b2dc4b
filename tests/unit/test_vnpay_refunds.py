"""VNPay gives money back: what is asked and signed, what each answer means, and who may ask."""

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adapters.vnpay import dialect
from adapters.vnpay.gateway import VNPay
from adapters.wording import Malformed
from payments.gateway_info import Capability
from payments.gateway_refunds import RefundOrder, RefundOutcome
from payments.ports import GatewayAccount, GatewayMisuse

KEYS = {"tmn_code": "LEPHI001", "hash_secret": "SECRET"}
CREDENTIALS = dialect.Credentials("LEPHI001", "SECRET")
BEGUN = datetime(2026, 11, 28, 18, 30, tzinfo=UTC)
AT = datetime(2026, 11, 29, 8, 0, tzinfo=UTC)
ORDER = RefundOrder(
    "R-1", "LPABCDEFGHJKLM-01", "14226112", 50_000, 150_000, "Hoàn trả", "Kế toán", BEGUN, AT
)


def sealed(text: str) -> str:
    return hmac.new(b"SECRET", text.encode(), hashlib.sha512).hexdigest()


def answer(code: str = "00", status: str = "05", amount: int = 5_000_000) -> dict[str, str]:
    """The answer to a refund, signed over values in VNPay's order."""
    values = ["r1", "refund", code, "OK", "LEPHI001", ORDER.order_ref, str(amount), "NCB"]
    values += ["20261129150000", "14226999", "03", status, "Hoan tra"]
    names = "ResponseId Command ResponseCode Message TmnCode TxnRef Amount BankCode PayDate"
    names += " TransactionNo TransactionType TransactionStatus OrderInfo"
    fields = dict(zip([f"vnp_{name}" for name in names.split()], values, strict=True))
    return {**fields, "vnp_SecureHash": sealed("|".join(values))}


def test_a_refund_is_signed_over_its_values_in_their_order() -> None:
    number = hashlib.sha256(b"R-1").hexdigest()[:32]
    text = (
        f"{number}|2.1.0|refund|LEPHI001|03|LPABCDEFGHJKLM-01|5000000|14226112|20261129013000"
        "|Ke toan|20261129150000|127.0.0.1|Hoan tra"
    )
    sent = json.loads(dialect.refund_body(CREDENTIALS, ORDER))
    assert sent["vnp_SecureHash"] == sealed(text)
    assert dialect.refund_body(CREDENTIALS, ORDER) == dialect.refund_body(CREDENTIALS, ORDER)
    whole = json.loads(dialect.refund_body(CREDENTIALS, replace(ORDER, amount=150_000)))
    assert (whole["vnp_TransactionType"], whole["vnp_Amount"]) == ("02", "15000000")


@pytest.mark.parametrize(
    ("code", "status", "outcome"),
    [
        ("00", "00", "succeeded"),
        ("00", "05", "pending"),
        ("00", "06", "pending"),
        ("00", "09", "failed"),
        ("00", "01", "pending"),
        ("94", "00", "pending"),
        ("91", "00", "failed"),
        ("95", "00", "failed"),
    ],
)
def test_each_answer_has_its_meaning(code: str, status: str, outcome: str) -> None:
    result = dialect.read_refund(CREDENTIALS, ORDER, answer(code, status))
    assert result.outcome is RefundOutcome(outcome)


def test_an_answer_that_was_changed_or_says_nothing_is_none() -> None:
    for said in (answer("99"), answer() | {"vnp_Amount": "1"}, {"vnp_ResponseCode": "00"}):
        with pytest.raises(Malformed):
            dialect.read_refund(CREDENTIALS, ORDER, said)


async def test_an_account_that_may_not_asks_for_nothing() -> None:
    for settings in ({}, {"refund": "no"}):
        account = GatewayAccount("vnpay", "x", "https://pay.example/paymentv2", KEYS | settings)
        gateway = VNPay(account)
        with pytest.raises(GatewayMisuse, match="not opened"):
            await gateway.refund(ORDER)
        await gateway.aclose()
        assert not VNPay.info.can(Capability.REFUND, account.credentials)
    assert VNPay.info.can(Capability.REFUND, KEYS | {"refund": "yes"})
    assert VNPay.info.can(Capability.QUERY, KEYS)
    assert not VNPay.info.can(Capability.CANCEL, KEYS)
