"""A token by client credentials: who gets one, for how long, and what it is worth."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.bank_feeds.sepay import SePayFeed
from payments.ports import CallbackFault, CallbackRejected, Credit, GatewayAccount, RawCallback
from tests.unit.test_feed_modes import SEPAY

AT = datetime(2026, 11, 29, 8, 0, tzinfo=UTC)
KEYS = {
    "secret": "SECRET-1",
    "previous_secret": "SECRET-0",
    "account_number": "102030",
    "mode": "oauth2",
    "client_id": "sepay-thu",
}
FORM = "grant_type=client_credentials&client_id=sepay-thu&client_secret=SECRET-1"


def feed(**changes: str) -> SePayFeed:
    given = {name: value for name, value in (KEYS | changes).items() if value}
    return SePayFeed(GatewayAccount("sepay", "x", "", given))


def asked(body: str, **headers: str) -> RawCallback:
    return RawCallback("POST", "/callbacks/sepay/x/token", "", headers, body.encode(), AT)


def basic(client: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client}:{secret}".encode()).decode()


def told(request: RawCallback, **changes: str) -> tuple[int, dict[str, Any]]:
    answer = feed(**changes).issue_token(request)
    assert answer is not None
    return answer.status, json.loads(answer.body)


def notice(token: str, at: datetime = AT) -> RawCallback:
    headers = {"authorization": f"Bearer {token}"}
    return RawCallback("POST", "/callbacks/sepay/x", "", headers, json.dumps(SEPAY).encode(), at)


@pytest.mark.parametrize(
    "request_",
    [
        asked(FORM),
        asked("grant_type=client_credentials", authorization=basic("sepay-thu", "SECRET-1")),
        asked(
            json.dumps(
                {
                    "grant_type": "client_credentials",
                    "client_id": "sepay-thu",
                    "client_secret": "SECRET-0",
                }
            ),
            **{"content-type": "application/json"},
        ),
    ],
)
def test_who_shows_the_account_s_secret_gets_a_token_of_an_hour(request_: RawCallback) -> None:
    status, said = told(request_)
    assert (status, said["token_type"], said["expires_in"]) == (200, "Bearer", 3600)
    token = said["access_token"]
    assert "SECRET" not in token
    for after in (timedelta(), timedelta(seconds=3600)):
        credit = feed().read_notice(notice(token, AT + after))
        assert isinstance(credit, Credit)
        assert not credit.signed, "a token says nothing of the body"
    with pytest.raises(CallbackRejected) as over:
        feed().read_notice(notice(token, AT + timedelta(seconds=3601)))
    assert over.value.fault is CallbackFault.TOO_OLD


@pytest.mark.parametrize(
    ("body", "headers", "error"),
    [
        (FORM.replace("SECRET-1", "SECRET-2"), {}, (401, "invalid_client")),
        (FORM.replace("sepay-thu", "khac"), {}, (401, "invalid_client")),
        (FORM.replace("SECRET-1", ""), {}, (401, "invalid_client")),
        (FORM.replace("client_credentials", "password"), {}, (400, "unsupported_grant_type")),
        ("", {}, (400, "unsupported_grant_type")),
        (f"{FORM}&client_secret=SECRET-1", {}, (400, "invalid_request")),
        (FORM, {"authorization": basic("sepay-thu", "SECRET-1")}, (400, "invalid_request")),
        (FORM, {"authorization": "Basic !"}, (400, "invalid_request")),
        ("{", {"content-type": "application/json"}, (400, "invalid_request")),
        ("x" * 5_000, {}, (400, "invalid_request")),
        ("grant_type=client_credentials", {}, (401, "invalid_client")),
    ],
)
def test_nobody_else_gets_one(body: str, headers: dict[str, str], error: tuple[int, str]) -> None:
    status, said = told(asked(body, **headers))
    assert (status, said) == (error[0], {"error": error[1]})


def test_no_other_token_is_taken() -> None:
    token = told(asked(FORM))[1]["access_token"]
    until, _, seal = token.partition(".")
    for wrong in (
        "SECRET-1",
        f"{int(until) + 1}.{seal}",
        f"{until}.{seal[:-1]}0",
        f"{until}.",
        until,
        f"{until}.{seal} ",
        "",
    ):
        with pytest.raises(CallbackRejected):
            feed().read_notice(notice(wrong))
    for other in ({"client_id": "khac"}, {"secret": "OTHER", "previous_secret": ""}):
        with pytest.raises(CallbackRejected):
            feed(**other).read_notice(notice(token))
    with pytest.raises(CallbackRejected):
        feed().read_notice(replace(notice(token), headers={"authorization": token}))


def test_a_token_of_before_is_good_while_the_secret_of_before_is_taken() -> None:
    token = told(asked(FORM))[1]["access_token"]
    rotated = {"secret": "SECRET-2", "previous_secret": "SECRET-1"}
    assert feed(**rotated).read_notice(notice(token)) is not None
    with pytest.raises(CallbackRejected):
        feed(secret="SECRET-2").read_notice(notice(token))


@pytest.mark.parametrize("changes", [{"mode": "hmac"}, {"mode": "apikey"}, {"client_id": ""}])
def test_an_account_without_tokens_gives_none(changes: dict[str, str]) -> None:
    assert feed(**changes).issue_token(asked(FORM)) is None
