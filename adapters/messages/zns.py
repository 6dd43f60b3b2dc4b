"""Zalo's notification service (ZNS): a registered template and its parameters, to a phone number.

`POST /message/template` with the official account's `access_token` in a header; our own id goes as
`tracking_id`, by which what was sent can be found in Zalo's own records. Zalo does not say that it
takes a repeat for the same message, and tells of a message only to whoever knows the number that it
gave it: so a call without an answer is not repeated. Codes are as others who call it write them
down, not checked against Zalo's own table: one that is not known here is tried again, and told by
its number.

The token ends after a day; whoever renews it sets the channel up anew.
"""

from collections.abc import Mapping
from typing import Final

from adapters.http import GatewayHttp
from core import json
from payments.message_calls import ChannelAccess, OutgoingText, SendAnswer, SendFate
from payments.ports import OutcomeUnknown

#: What it is called with: a secret, and the ids of the templates for each kind of message.
FIELDS: Final = ("access_token", "template_reminder", "template_receipt")
REPEATABLE: Final = False

_PATH: Final = "/message/template"
_NO_RECIPIENT: Final[Mapping[int, str]] = {
    -108: "the number is not valid",
    -114: "the account takes no such message",
    -118: "the number has no account",
    -119: "the account cannot take one",
    -139: "its holder refuses this kind of message",
    -141: "its holder refuses this sender",
}
#: Which of them are its holder's own will.
_UNWANTED: Final = frozenset({-139, -141})
_REASONS: Final[Mapping[int, str]] = {
    -115: "the balance is used up",
    -124: "the access token is wrong or has ended",
    -131: "the template is not approved",
    -132: "a parameter of the template is wrong",
    -133: "not sent at night",
    -144: "the day's quota is used up",
    -147: "the template's quota is used up",
}


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
    return SendAnswer(SendFate.LATER, None, f"{code}: {_REASONS.get(code, 'not taken')}")
