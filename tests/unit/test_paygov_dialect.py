"""PayGov's words: the texts and checksums that our profile fixes, to the byte."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.paygov import dialect
from adapters.wording import Malformed
from payments.ports import GatewayMisuse, StartRequest

CREDENTIALS = dialect.Credentials("PAYGOV-X", "ACCESS", "SECRET", "TOKEN", "SERVICE")


def request(**changes: Any) -> StartRequest:
    given: dict[str, Any] = {
        "order_ref": "000.00.00.G17-LPABC-01",
        "request_code": "100117",
        "amount": 150_000,
        "description": "Lệ phí hộ tịch",
        "return_url": "https://le-phi.example/b/LPABC",
        "callback_url": "",
        "created_at": datetime(2026, 11, 22, 8, 0, tzinfo=UTC),
    }
    return StartRequest(**(given | changes))


def test_a_create_call_is_this_text_to_the_byte() -> None:
    signed = "SECRETPAYGOV-XACCESS000.00.00.G17-LPABC-01150000100117"
    expected = (
        '{"accessKey":"ACCESS","amount":150000,"checksum":"'
        + hashlib.sha256(signed.encode()).hexdigest()
        + '","ipAddress":"127.0.0.1","orderId":"000.00.00.G17-LPABC-01"'
        ',"orderInfo":"Le phi ho tich","partnerCode":"PAYGOV-X","requestCode":"100117"'
        ',"returnUrl":"https://le-phi.example/b/LPABC","serviceCode":"SERVICE"}'
    )
    assert dialect.create_body(CREDENTIALS, request()) == expected.encode()


def test_a_callback_s_checksum_covers_its_fields_as_netstrings() -> None:
    fields = {"b": "đ", "a": 12, "checksum": "x"}
    message = "15:paygov.callback,8:PAYGOV-X,6:ACCESS,1:a,2:12,1:b,2:đ,"
    expected = hmac.new(b"SECRET", message.encode(), hashlib.sha256).hexdigest()
    assert dialect.checksum(CREDENTIALS, dialect.CALLBACK, fields) == expected


_FIELDS = st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=4)


@given(_FIELDS, _FIELDS)
def test_two_sets_of_fields_never_share_a_checksum(
    one: dict[str, str], two: dict[str, str]
) -> None:
    one.pop("checksum", None)
    two.pop("checksum", None)
    same = dialect.checksum(CREDENTIALS, "p", one) == dialect.checksum(CREDENTIALS, "p", two)
    assert same == (one == two)


def test_moving_a_character_to_the_next_field_changes_the_checksum() -> None:
    """The fault of the formula without separators, which the create call has to live with."""
    one = {"orderId": "A1", "requestCode": "2"}
    two = {"orderId": "A", "requestCode": "12"}
    assert "".join(one.values()) == "".join(two.values())
    assert dialect.checksum(CREDENTIALS, "p", one) != dialect.checksum(CREDENTIALS, "p", two)


@pytest.mark.parametrize("value", [1.5, None, True, [], {}, ["a"]])
def test_a_field_that_is_neither_text_nor_an_integer_is_refused(value: object) -> None:
    with pytest.raises(Malformed, match="orderInfo"):
        dialect.checksum(CREDENTIALS, dialect.CALLBACK, {"orderInfo": value})


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Lệ phí chứng thực, Đống Đa, đường Nguyễn", "Le phi chung thuc, Dong Da, duong Nguyen"),
        ("Ca\u0300 phe\u0302", "Ca phe"),
        ("  hai \t dòng\n ", "hai dong"),
        ("<b>&", "<b>&"),
        ("漢字 ok", "ok"),
        ("", ""),
        ("x" * 300, "x" * 255),
    ],
)
def test_order_info_is_plain(text: str, plain: str) -> None:
    assert dialect.plain_text(text) == plain


@given(st.text())
def test_order_info_is_always_printable_ascii_of_the_right_length(text: str) -> None:
    plain = dialect.plain_text(text)
    assert plain.isascii()
    assert plain == "" or plain.isprintable()
    assert len(plain) <= 255


@pytest.mark.parametrize(
    "changes",
    [
        {"order_ref": ""},
        {"order_ref": "x" * 65},
        {"order_ref": "a b"},
        {"order_ref": "a\n"},
        {"order_ref": "Đ"},
        {"request_code": ""},
        {"request_code": "a/b"},
        {"amount": 0},
        {"amount": -1},
        {"amount": 10**13 + 1},
        {"amount": 5_000.0},
        {"amount": "5000"},
        {"amount": True},
    ],
)
def test_a_request_that_cannot_be_said_is_our_fault(changes: dict[str, Any]) -> None:
    with pytest.raises(GatewayMisuse):
        dialect.create_body(CREDENTIALS, request(**changes))


def test_missing_credentials_are_named_and_not_shown() -> None:
    with pytest.raises(GatewayMisuse, match="token, service_code") as caught:
        dialect.Credentials.read(
            {"partner_code": "P", "access_key": "A", "secret_key": "hidden", "token": ""}
        )
    assert "hidden" not in str(caught.value)
    assert "hidden" not in repr(dialect.Credentials("P", "A", "hidden", "T", "S"))


@pytest.mark.parametrize("code", ["100117", 100117])
def test_a_request_code_may_come_back_as_a_number(code: str | int) -> None:
    fields: dict[str, object] = {
        "orderId": "A-1",
        "amount": 1,
        "requestCode": code,
        "transactionNo": "T1",
        "payDate": "20261122150405",
        "errorCode": "00",
    }
    fields["checksum"] = dialect.checksum(CREDENTIALS, dialect.CALLBACK, fields)
    document = json.loads(json.dumps(fields))
    report = dialect.read_report(CREDENTIALS, dialect.CALLBACK, document)
    assert report.request_code == "100117"
    assert report.paid_at is not None
    assert report.paid_at.isoformat() == "2026-11-22T08:04:05+00:00"


def told(**changes: object) -> dict[str, object]:
    """A callback of the portal's, sealed."""
    fields: dict[str, object] = {
        "orderId": "LPABC-01",
        "requestCode": "100117",
        "amount": 150_000,
        "transactionNo": "T1",
        "payDate": "20261123090000",
        "errorCode": "00",
    }
    fields |= changes
    return fields | {"checksum": dialect.checksum(CREDENTIALS, dialect.CALLBACK, fields)}


@pytest.mark.parametrize("code", ["00", "07"])
@pytest.mark.parametrize("field", ["transactionNo", "payDate"])
def test_money_that_came_or_is_held_has_a_number_and_a_time(code: str, field: str) -> None:
    whole = dialect.read_report(CREDENTIALS, dialect.CALLBACK, told(errorCode=code))
    assert whole.gateway_ref == "T1"
    assert whole.paid_at == datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
    lacking = told(errorCode=code, **{field: ""})
    with pytest.raises(Malformed, match=field):
        dialect.read_report(CREDENTIALS, dialect.CALLBACK, lacking)
