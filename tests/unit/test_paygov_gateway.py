"""What the PayGov adapter makes of answers that a gateway could give and the sandbox does not."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from adapters.http import GatewayHttp
from adapters.paygov import dialect
from adapters.paygov.gateway import PayGov
from payments.ports import (
    AcceptedAttempt,
    AttemptKey,
    DeclinedAttempt,
    GatewayAccount,
    GatewayMisuse,
    OutcomeUnknown,
    StartRequest,
)

VALUES = {
    "partner_code": "P",
    "access_key": "A",
    "secret_key": "S",
    "token": "T",
    "service_code": "C",
}
CREDENTIALS = dialect.Credentials.read(VALUES)
AT = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
KEY = AttemptKey("A-1", AT)
REQUEST = StartRequest("A-1", "77", 5_000, "Lệ phí", "https://le-phi.example/b", "", created_at=AT)


def gateway(answer: Any, status: int = 200, base_url: str = "https://pay.example") -> PayGov:
    def respond(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, content=json.dumps(answer).encode())

    http = GatewayHttp(base_url, transport=httpx2.MockTransport(respond), attempts=1)
    return PayGov(GatewayAccount("paygov", "thu", base_url, VALUES), http=http)


def answer_to_query(**changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "orderId": "A-1",
        "amount": 5_000,
        "requestCode": "77",
        "transactionNo": "T1",
        "payDate": "20261122080000",
        "errorCode": "00",
    }
    fields |= changes
    return {"data": fields | {"checksum": dialect.checksum(CREDENTIALS, dialect.ANSWER, fields)}}


@pytest.mark.parametrize("url", ["https://pay.example/1", "https://portal.other.example/x?y=1"])
async def test_the_citizen_is_sent_to_the_address_that_the_gateway_gives(url: str) -> None:
    started = await gateway({"data": {"url": url}}).start(REQUEST)
    assert isinstance(started, AcceptedAttempt)
    assert started.url == url


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "http://pay.example/1",
        "//pay.example/1",
        "/1",
        "https://",
        "https://[",
        "https://pay.example/\n",
        "https://pay.example/a b",
        "https://pay.example/ư",
        "https://pay.example/" + "x" * 2048,
        "",
        None,
        5,
        ["https://pay.example/1"],
    ],
)
async def test_an_address_nobody_should_follow_leaves_the_outcome_unknown(url: Any) -> None:
    """The order may well exist by now, so it is no decline either."""
    with pytest.raises(OutcomeUnknown):
        await gateway({"data": {"url": url}}).start(REQUEST)


async def test_a_plain_address_is_followed_where_the_gateway_itself_is_called_so() -> None:
    near = gateway({"data": {"url": "http://127.0.0.1:9/1"}}, base_url="http://127.0.0.1:9")
    assert isinstance(await near.start(REQUEST), AcceptedAttempt)


@pytest.mark.parametrize("answer", [{}, [], "ok", {"data": None}, {"data": "x"}, {"error_code": 5}])
async def test_an_answer_that_says_nothing_leaves_the_outcome_unknown(answer: Any) -> None:
    with pytest.raises(OutcomeUnknown):
        await gateway(answer).start(REQUEST)


async def test_a_decline_keeps_the_gateway_s_words_but_no_control_characters() -> None:
    answer = {"error_code": "51", "error_message": "Số dư không đủ\u0007\n" + "x" * 500}
    declined = await gateway(answer).start(REQUEST)
    assert isinstance(declined, DeclinedAttempt)
    assert declined.gateway_code == "51"
    assert declined.message.startswith("Số dư không đủx")
    assert len(declined.message) == 200


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"error_code": "97"}, 200),
        ({"error_code": "94"}, 409),
        ({"error_code": "51"}, 400),
        ({}, 404),
        ("nonsense", 401),
    ],
)
async def test_a_refusal_that_is_our_fault_is_no_decline(answer: Any, status: int) -> None:
    with pytest.raises(GatewayMisuse, match=f"HTTP {status}"):
        await gateway(answer, status).start(REQUEST)


async def test_an_authentic_answer_about_another_order_is_no_answer() -> None:
    assert (await gateway(answer_to_query()).query(KEY)).order_ref == "A-1"
    with pytest.raises(OutcomeUnknown, match="orderId"):
        await gateway(answer_to_query(orderId="A-2")).query(KEY)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        {"data": None},
        {"data": {"orderId": "A-1", "errorCode": "91"}},
        {"data": answer_to_query()["data"] | {"amount": 6_000}},
        {"data": answer_to_query()["data"] | {"errorCode": "24"}},
    ],
)
async def test_an_answer_to_a_query_that_is_not_authentic_is_no_news(answer: Any) -> None:
    with pytest.raises(OutcomeUnknown):
        await gateway(answer).query(KEY)


async def test_a_callback_s_signature_is_worth_nothing_as_an_answer_to_a_query() -> None:
    fields = answer_to_query()["data"]
    fields["checksum"] = dialect.checksum(CREDENTIALS, dialect.CALLBACK, fields)
    with pytest.raises(OutcomeUnknown, match="checksum"):
        await gateway({"data": fields}).query(KEY)


async def test_a_query_refused_by_the_gateway_is_our_fault() -> None:
    with pytest.raises(GatewayMisuse):
        await gateway({"error_code": "97"}, 401).query(KEY)
    with pytest.raises(GatewayMisuse):
        await gateway({}).query(AttemptKey("not a reference", AT))
