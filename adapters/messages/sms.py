"""SMS under a brand name, through eSMS (ViHAT) over HTTP.

One call sends one message: `POST …/MainService.svc/json/SendMultipleMessage_V4_post_json/`, with
`SmsType` 2 for customer care, `IsUnicode` for a text with marks, and our own id as `RequestId`, by
which a repeat is known: it is answered 124 and nothing is sent again. `CodeResult` 100 says that
they have it, not that it was delivered (developers.esms.vn, table of error codes, read 11/2026).
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from adapters.http import GatewayHttp
from core import json
from payments.message_calls import (
    ChannelAccess,
    DeliveryReport,
    OutgoingText,
    RawReport,
    ReportRejected,
    SendAnswer,
    SendFate,
)
from payments.ports import OutcomeUnknown

#: What it is called with; both are secrets.
FIELDS: Final = ("api_key", "secret_key")
REPEATABLE: Final = True

_PATH: Final = "/MainService.svc/json/SendMultipleMessage_V4_post_json/"
_TAKEN: Final = "100"
_TAKEN_BEFORE: Final = "124"
#: by which a report tells the end: all that could be sent was, or it was refused
_DONE: Final = "5"
_ENDS: Final = frozenset({"4", _DONE})
#: blocked, or not in the form of a number
_NO_RECIPIENT: Final = frozenset({"99", "108"})
_REASONS: Final[Mapping[str, str]] = {
    "99": "the number is blocked",
    "101": "the keys are wrong",
    "103": "the balance is used up",
    "104": "the brand name is not known",
    "108": "the number is not in the right form",
    "140": "calls from this address are not allowed",
    "146": "the text is no registered template",
    "177": "the number's network is not registered",
}


async def send(http: GatewayHttp, channel: ChannelAccess, message: OutgoingText) -> SendAnswer:
    """Send a message. Raises what the client raises, and `OutcomeUnknown`."""
    body = {
        "ApiKey": channel.credentials["api_key"],
        "SecretKey": channel.credentials["secret_key"],
        "Brandname": channel.sender,
        "SmsType": "2",
        "IsUnicode": "1" if channel.accents else "0",
        "Phone": message.recipient,
        "Content": message.text,
        "RequestId": message.id,
        "Sandbox": "0",
    }
    if channel.report_url:
        body["CallbackUrl"] = channel.report_url
    answer = await http.post_json(_PATH, json.dumps(body), {}, repeatable=False)
    told = answer.document if isinstance(answer.document, dict) else {}
    code = str(told.get("CodeResult", ""))[:10]
    if code == _TAKEN:
        ref = told.get("SMSID")
        return SendAnswer(SendFate.TAKEN, ref[:100] if isinstance(ref, str) else None)
    if code == _TAKEN_BEFORE:
        return SendAnswer(SendFate.TAKEN)
    if not code.isdigit():
        raise OutcomeUnknown(f"{http.host}: the answer has no CodeResult (HTTP {answer.status})")
    fate = SendFate.REFUSED if code in _NO_RECIPIENT else SendFate.LATER
    return SendAnswer(fate, None, f"{code}: {_REASONS.get(code, 'not taken')}")


def read_report(report: RawReport) -> DeliveryReport | None:
    """Read a call about a message; None before its end. Raises `ReportRejected`."""
    told = dict(parse_qsl(report.query))
    ref, status = told.get("SMSID", ""), told.get("SendStatus", "")
    if not ref or not status.isdigit():
        raise ReportRejected("no SMSID or SendStatus")
    if status not in _ENDS:
        return None
    delivered = status == _DONE and told.get("SendSuccess", "0") not in ("", "0")
    return DeliveryReport(told.get("RequestId", "")[:100], ref[:100], delivered)
