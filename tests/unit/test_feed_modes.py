"""Feeds prove a notice by a signature or by a password, and say which: a password makes a hint."""

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.bank_feeds.casso import CassoFeed
from adapters.bank_feeds.sepay import SePayFeed
from payments.ports import CallbackRejected, Credit, GatewayAccount, NoticeUnreadable, RawCallback

AT = datetime(2026, 11, 29, 8, 0, tzinfo=UTC)
KEYS = {"secret": "KEY1", "account_number": "102030", "previous_secret": "KEY0"}
SEPAY = {
    "id": 92704,
    "gateway": "Vietcombank",
    "transactionDate": "2026-11-29 14:59:00",
    "accountNumber": "102030",
    "content": "LPABCDEFGHJK23",
    "transferType": "in",
    "transferAmount": 5_000,
    "referenceCode": "FT26333000001",
}
ONE = {
    "id": 7,
    "tid": "FT26333000001",
    "description": "LPABCDEFGHJK23",
    "amount": 5_000,
    "cusum_balance": 0,
    "when": "2026-11-29 14:59:00",
    "subAccId": "102030",
}
CASSO = (
    '{"data":{"accountNumber":"102030","amount":5000,"description":"Nộp 1/2","id":7,'
    '"reference":"FT1","runningBalance":0,"transactionDateTime":"2026-11-29 14:59:00"},"error":0}'
)


def notice(document: Any, **headers: str) -> RawCallback:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return RawCallback("POST", "/callbacks/x/y", "", named, body, AT)


def sepay(mode: str) -> SePayFeed:
    return SePayFeed(GatewayAccount("sepay", "x", "", KEYS | {"mode": mode}))


def casso(version: str = "2") -> CassoFeed:
    return CassoFeed(GatewayAccount("casso", "x", "", KEYS | {"version": version}))


@pytest.mark.parametrize("balance", [0, -1, None, "absent"])
def test_a_bank_that_tells_no_balance_is_read(balance: object) -> None:
    """Nothing is done with it, and a payer's money does not wait for it."""
    told = {} if balance == "absent" else {"cusum_balance": balance}
    one = {name: value for name, value in ONE.items() if name != "cusum_balance"} | told
    read = casso("1").read_notice(notice({"error": 0, "data": [one]}, secure_token="KEY1"))
    assert isinstance(read, Credit)
    told = {} if balance == "absent" else {"accumulated": balance}
    read = sepay("apikey").read_notice(notice(SEPAY | told, authorization="Apikey KEY1"))
    assert isinstance(read, Credit)


@pytest.mark.parametrize(
    ("mode", "header"),
    [("apikey", "Apikey KEY1"), ("apikey", "Apikey KEY0"), ("oauth2", "Bearer KEY1")],
)
def test_a_password_makes_a_hint(mode: str, header: str) -> None:
    credit = sepay(mode).read_notice(notice(SEPAY, authorization=header))
    assert isinstance(credit, Credit)
    assert (credit.amount, credit.signed) == (5_000, False)


@pytest.mark.parametrize(
    ("mode", "header"),
    [
        ("apikey", "Apikey KEY2"),
        ("apikey", "Apikey "),
        ("apikey", "KEY1"),
        ("apikey", "Bearer KEY1"),
        ("oauth2", "Apikey KEY1"),
        ("oauth2", "Bearer KEY1 "),
        ("hmac", "Apikey KEY1"),
        ("hmac", "Bearer KEY1"),
    ],
)
def test_another_password_or_one_of_another_mode_is_refused(mode: str, header: str) -> None:
    with pytest.raises(CallbackRejected):
        sepay(mode).read_notice(notice(SEPAY, authorization=header))


def test_a_signature_is_no_password() -> None:
    body = json.dumps(SEPAY).encode()
    at = str(int(AT.timestamp()))
    seal = hmac.new(b"KEY1", f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    sent = notice(body, x_sepay_timestamp=at, x_sepay_signature=f"sha256={seal}")
    credit = sepay("hmac").read_notice(sent)
    assert credit is not None
    assert credit.signed
    with pytest.raises(CallbackRejected):
        sepay("apikey").read_notice(sent)


def test_the_first_casso_gives_hints_one_or_several() -> None:
    one = casso("1").read_notice(notice({"error": 0, "data": [ONE]}, secure_token="KEY1"))
    assert one is not None
    assert (one.amount, one.bank_ref, one.signed) == (5_000, "FT26333000001", False)
    with pytest.raises(CallbackRejected, match="password"):
        casso("1").read_notice(notice({"error": 0, "data": [ONE]}, secure_token="KEY2"))
    out = ONE | {"id": 8, "amount": -1_000}
    third = ONE | {"id": 9, "tid": "FT26333000002", "amount": 7_000}
    sent = notice({"error": 0, "data": [ONE, out, third]}, secure_token="KEY1")
    told = casso("1").read_credits(sent)
    assert [(credit.feed_ref, credit.amount) for credit in told] == [("7", 5_000), ("9", 7_000)]
    assert not any(credit.signed for credit in told)
    with pytest.raises(NoticeUnreadable, match="one transaction"):
        casso("1").read_notice(sent)
    with pytest.raises(CallbackRejected, match="password"):
        casso("1").read_credits(replace(sent, headers={"secure-token": "KEY2"}))
    # One that cannot be read keeps all of them back: kept and set aside, not lost.
    wrong: Any
    for wrong in ([ONE, ONE], [ONE, third | {"amount": "7000"}], [ONE, 7], [], {}, [ONE] * 101):
        with pytest.raises(NoticeUnreadable):
            casso("1").read_credits(notice({"error": 0, "data": wrong}, secure_token="KEY1"))


def test_the_second_casso_tells_one_through_the_same_door() -> None:
    digest = hmac.new(b"KEY1", f"1795939200000.{CASSO}".encode(), hashlib.sha512).hexdigest()
    sent = notice(CASSO.encode(), x_casso_signature=f"t=1795939200000,v1={digest}")
    assert casso().read_credits(sent) == (casso().read_notice(sent),)
    with pytest.raises(CallbackRejected):
        casso().read_credits(replace(sent, body=sent.body.replace(b"5000", b"6000")))


@pytest.mark.parametrize("written", ["as it is", "escaped", "slashes escaped", "both", "spaced"])
def test_the_second_casso_signs_what_it_writes_anew(written: str) -> None:
    """The digest is OpenSSL's (`openssl dgst -sha512 -hmac KEY1`) over "1795939200000." and CASSO.

    However the body is written on the wire, and whichever way its program writes letters.
    """
    body, at = CASSO, "1795939200000"
    if written in ("escaped", "both"):
        body = json.dumps(json.loads(body), separators=(",", ":"))
    if written in ("slashes escaped", "both"):
        body = body.replace("/", "\\/")
    recorded = DIGEST if written in ("as it is", "spaced") else None
    digest = hmac.new(b"KEY1", f"{at}.{body}".encode(), hashlib.sha512).hexdigest()
    if written == "spaced":
        body = json.dumps(json.loads(body), indent=1)
    sent = notice(body.encode(), x_casso_signature=f"t={at},v1={recorded or digest}")
    credit = casso().read_notice(sent)
    assert credit is not None
    assert (credit.narrative, credit.signed) == ("Nộp 1/2", True)
    with pytest.raises(CallbackRejected):
        casso().read_notice(replace(sent, body=sent.body.replace(b"5000", b"6000")))


DIGEST = (
    "190e3274eabd03b6a23d458150c0ded8d0ad365e2637acef551a160b64ddc853"
    "0e9d98fda653d0c08dc5923bcc8351425b6707d366a0957369faccf2fde8378e"
)
