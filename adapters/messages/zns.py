"""Zalo's notification service (ZNS): a registered template and its parameters, to a phone number.

`POST /message/template` with the official account's `access_token` in a header; our own id goes as
`tracking_id`, by which what was sent can be found in Zalo's own records. Zalo does not say that it
takes a repeat for the same message, and tells of a message only to whoever knows the number that it
gave it: so a call without an answer is not repeated.

Codes from -108 to about -112 and -216 stand in extracts of Zalo's guide to them
(zalo.cloud/zns/guidelines/handle-error-code) [S]; all others are from memory or were here before,
and nobody has held them against the guide [M]. They are told apart by what can be done: the number
has no Zalo, its holder wants none, the template or its parameters will not do, the token has ended.
Every other code, known or not, is tried again and told by its number.

Tokens: `POST {oauth_url}/v4/oa/access_token`, a form of `app_id`, `grant_type` and `refresh_token`
with the app's secret in the header `secret_key`, answers an access token for `expires_in` seconds
(90,000 in what public clients note) and another refresh token; the one that was sent serves no
second time (-14014; -14020 where it is too old). Whether an access token goes on once it was
renewed is not told: the next message finds out.

Reports: the app's webhook is called with `event_name` `user_received_message` and in `message` the
`msg_id`, `tracking_id` and `delivery_time` of a notification that reached a telephone; one without
`delivery_time` is of a chat. `X-ZEvent-Signature` is `mac=` and the SHA-256 of the app's id, the
body as it came, its `timestamp` and the account's secret (`oa_secret`), one after the other (so two
public receivers; without `oa_secret` reports are refused). That one was not delivered nobody tells.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import timedelta
from typing import Final
from urllib.parse import urlencode

from adapters.http import GatewayHttp
from core import json
from core.errors import Invalid
from payments.message_calls import (
    ChannelAccess,
    DeliveryReport,
    OutgoingText,
    RawReport,
    RenewAnswer,
    RenewFate,
    ReportRejected,
    SendAnswer,
    SendFate,
)
from payments.ports import OutcomeUnknown

#: What it is called with: a secret, and the ids of the templates for each kind of message.
FIELDS: Final = ("access_token", "template_reminder", "template_receipt")
#: What its tokens are renewed by, all of it or none; without, whoever renews them sets it up anew.
RENEWAL: Final = ("app_id", "app_secret", "refresh_token")
#: Where they are renewed (Zalo's own address where none is told), and what reports are signed by.
OPTIONAL: Final = ("oauth_url", "oa_secret")
REPEATABLE: Final = False

OAUTH: Final = "https://oauth.zaloapp.com"
_PATH: Final = "/message/template"
_TOKENS: Final = "/v4/oa/access_token"
_NO_RECIPIENT: Final[Mapping[int, str]] = {
    -108: "the number is not valid",
    -110: "its app is too old for it",
    -114: "the account takes no such message",
    -118: "the number has no account",
    -119: "the account cannot take one",
    -139: "its holder refuses this kind of message",
    -141: "its holder refuses this sender",
}
#: Which of them are its holder's own will.
_UNWANTED: Final = frozenset({-139, -141})
_MISSET: Final[Mapping[int, str]] = {
    -109: "there is no such template",
    -111: "the template has no parameters",
    -112: "the parameters are not the template's",
    -113: "a button of the template is wrong",
    -116: "the text is not valid",
    -117: "the template is another account's",
    -130: "the text is too long",
    -131: "the template is not approved",
    -132: "a parameter of the template is wrong",
    -146: "the template was switched off for its quality",
}
_ENDED: Final = frozenset({-124, -216, -220})
_REASONS: Final[Mapping[int, str]] = {
    -115: "the balance is used up",
    -124: "the access token is wrong or has ended",
    -133: "not sent at night",
    -135: "the account may not send notifications",
    -137: "the message could not be charged",
    -144: "the day's quota is used up",
    -147: "the template's quota is used up",
    -216: "the access token is wrong",
    -220: "the access token has ended",
}
_REFUSED_TOKENS: Final[Mapping[int, str]] = {
    -14014: "the refresh token is not valid, or was used",
    -14020: "the refresh token is too old",
}
#: How long a token is taken to last where the answer does not say it in seconds.
_AT_LEAST: Final = timedelta(hours=1)


async def send(http: GatewayHttp, channel: ChannelAccess, message: OutgoingText) -> SendAnswer:
    """Send a message. Raises what the client raises, and `OutcomeUnknown`."""
    body = {
        "phone": message.recipient,
        "template_id": channel.credentials[f"template_{message.kind}"],
        "template_data": dict(message.params),
        "tracking_id": message.id,
    }
    headers = {"access_token": channel.credentials["access_token"]}
    answer = await http.post_json(_PATH, json.dumps(body), headers, repeatable=False)
    told = answer.document if isinstance(answer.document, dict) else {}
    code = told.get("error")
    if type(code) is not int:
        raise OutcomeUnknown(f"{http.host}: the answer has no error code (HTTP {answer.status})")
    if code == 0:
        data = told.get("data")
        ref = data.get("msg_id") if isinstance(data, dict) else None
        return SendAnswer(SendFate.TAKEN, ref[:100] if isinstance(ref, str) else None)
    if code in _NO_RECIPIENT:
        fault = f"{code}: {_NO_RECIPIENT[code]}"
        return SendAnswer(SendFate.REFUSED, None, fault, unwanted=code in _UNWANTED)
    if code in _MISSET:
        return SendAnswer(SendFate.MISSET, None, f"{code}: {_MISSET[code]}")
    fault = f"{code}: {_REASONS.get(code, 'not taken')}"
    return SendAnswer(SendFate.LATER, None, fault, ended=code in _ENDED)


async def renew(http: GatewayHttp, channel: ChannelAccess) -> RenewAnswer:
    """Ask for new tokens. Raises what the client raises, and `OutcomeUnknown`."""
    kept = channel.credentials
    form = {"app_id": kept["app_id"], "grant_type": "refresh_token"}
    body = urlencode(form | {"refresh_token": kept["refresh_token"]}).encode()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "secret_key": kept["app_secret"],
    }
    answer = await http.post_form(_TOKENS, body, headers)
    told = answer.document if isinstance(answer.document, dict) else {}
    access, refresh = told.get("access_token"), told.get("refresh_token")
    if isinstance(access, str) and access and isinstance(refresh, str) and refresh:
        new = {"access_token": access, "refresh_token": refresh}
        return RenewAnswer(RenewFate.RENEWED, new, _lasts(told.get("expires_in")))
    code = told.get("error")
    if type(code) is not int or code == 0:
        raise OutcomeUnknown(f"{http.host}: the answer has no tokens (HTTP {answer.status})")
    if code in _REFUSED_TOKENS:
        return RenewAnswer(RenewFate.REFUSED, fault=f"{code}: {_REFUSED_TOKENS[code]}")
    return RenewAnswer(RenewFate.LATER, fault=f"{code}: no tokens")


def _lasts(told: object) -> timedelta:
    text = str(told)
    if not (text.isascii() and text.isdigit() and len(text) <= 8):
        return _AT_LEAST
    return max(timedelta(seconds=int(text)), timedelta(minutes=1))


def read_report(channel: ChannelAccess, report: RawReport) -> DeliveryReport | None:
    """Verify and read a call of the webhook. Raises `ReportRejected`."""
    secret, app_id = (channel.credentials.get(one, "") for one in ("oa_secret", "app_id"))
    if not secret or not app_id:
        raise ReportRejected("no secret to know it by")
    try:
        told = json.loads(report.body)
    except Invalid:
        raise ReportRejected("not JSON") from None
    if not isinstance(told, dict):
        raise ReportRejected("not an event")
    signed = app_id.encode() + report.body + f"{told.get('timestamp')}{secret}".encode()
    given = report.headers.get("x-zevent-signature", "").encode()
    if not hmac.compare_digest(f"mac={hashlib.sha256(signed).hexdigest()}".encode(), given):
        raise ReportRejected("signature wrong")
    message = told.get("message")
    if told.get("event_name") != "user_received_message" or not isinstance(message, dict):
        return None
    if "delivery_time" not in message:
        return None
    ours, theirs = (str(message.get(one) or "")[:100] for one in ("tracking_id", "msg_id"))
    return DeliveryReport(ours, theirs, delivered=True)
