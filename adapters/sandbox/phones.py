"""Two providers of messages as the sandbox plays them, and the telephones that get them.

Written from their descriptions and independent of our adapters: nothing is shared, so a slip in one
shows as a disagreement between the two. `/phones/sms` speaks as a seller of SMS under brand names,
`/phones/zns` as a messenger's service of notifications. Under `/sandbox/messages` is what arrived;
`/sandbox/message-faults` plans how the next calls go wrong.
"""

import asyncio
import hashlib
import re
import uuid
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Final, Literal
from urllib.parse import parse_qsl

import httpx2
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from adapters.http import trusting_tls
from core import json
from core.errors import Invalid

Service = Literal["sms", "zns", "oauth"]
#: `slow` and `unclear` take the message (or give the tokens): the answer comes late, or is cut off.
MessageFault = Literal[
    "slow",
    "unclear",
    "refused_number",
    "out_of_quota",
    "template",
    "opted_out",
    "token_ended",
]
_ANSWERED: Final[dict[str, tuple[int, str]]] = {
    "out_of_quota": (-144, "Out of daily quota"),
    "refused_number": (-118, "Zalo account not existed"),
    "template": (-131, "Template not approved"),
    "opted_out": (-139, "User opted out"),
    "token_ended": (-124, "Access token is invalid"),
}

_NUMBER: Final = re.compile(r"84[35789][0-9]{8}")
#: How long a slow answer takes, in seconds; a client that has gone is not waited for.
_SLOW_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class PhoneMessage:
    """A message as it arrived: `id` is the sender's own."""

    service: Service
    id: str
    phone: str
    sender: str
    text: str
    params: dict[str, str]
    template: str
    callback: str = ""


@dataclass(slots=True)
class Phones:
    """What the two services know: what arrived, how often each was called, what goes wrong next."""

    arrived: list[PhoneMessage] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    faults: dict[str, deque[MessageFault]] = field(default_factory=dict)
    #: refresh tokens that have served: each serves once
    spent: set[str] = field(default_factory=set)

    def next_fault(self, service: Service) -> MessageFault | None:
        """How this call goes wrong, if it does; it is used up."""
        planned = self.faults.get(service)
        return planned.popleft() if planned else None


class MessageFaultInput(BaseModel):
    """How the next calls go wrong."""

    model_config = ConfigDict(extra="forbid")

    service: Service
    fault: MessageFault
    count: Annotated[int, Field(ge=1, le=1000)] = 1


class MessageReportInput(BaseModel):
    """A report to be sent about a message: of a notification, to where and by which secret."""

    model_config = ConfigDict(extra="forbid")

    id: str
    delivered: bool = True
    url: str = ""
    app_id: str = ""
    secret: str = ""


def router(phones: Phones) -> APIRouter:
    """The two services and what tests see of them."""
    api = APIRouter()

    @api.get("/sandbox/messages")
    async def messages() -> dict[str, Any]:
        return {"items": [asdict(one) for one in phones.arrived], "calls": phones.calls}

    @api.post("/sandbox/message-faults", status_code=201)
    async def plan(given: MessageFaultInput) -> dict[str, str]:
        planned = phones.faults.setdefault(given.service, deque())
        planned.extend([given.fault] * given.count)
        return {"service": given.service}

    @api.post("/sandbox/message-reports")
    async def report(given: MessageReportInput) -> dict[str, int]:
        (about,) = [one for one in phones.arrived if one.id == given.id]
        async with httpx2.AsyncClient(verify=trusting_tls(), trust_env=False) as client:
            if about.service == "sms":
                answer = await client.get(about.callback, params=_sms_report(given))
            else:
                body, headers = _zns_report(given)
                answer = await client.post(given.url, content=body, headers=headers)
        return {"status": answer.status_code}

    @api.post("/phones/sms/MainService.svc/json/SendMultipleMessage_V4_post_json/")
    async def sms(request: Request) -> Response:
        told = await _read(request)
        message_id = str(told.get("RequestId", ""))
        phones.calls.append(message_id)
        if not told.get("ApiKey") or not told.get("SecretKey"):
            return JSONResponse({"CodeResult": "101", "ErrorMessage": "Authorize Failed"})
        fault = phones.next_fault("sms")
        if fault == "out_of_quota":
            return JSONResponse({"CodeResult": "103", "ErrorMessage": "Balance not enough"})
        if fault == "refused_number" or _NUMBER.fullmatch(str(told.get("Phone"))) is None:
            return JSONResponse({"CodeResult": "99", "ErrorMessage": "Phone not valid"})
        known = [one for one in phones.arrived if one.service == "sms" and one.id == message_id]
        if known:
            return JSONResponse({"CodeResult": "124", "ErrorMessage": "RequestID Duplicate"})
        text = str(told.get("Content", ""))
        sender = str(told.get("Brandname", ""))
        callback = str(told.get("CallbackUrl", ""))
        number = str(told["Phone"])
        arrived = PhoneMessage("sms", message_id, number, sender, text, {}, "", callback)
        phones.arrived.append(arrived)
        return _spoilt(
            fault, {"CodeResult": "100", "CountRegenerate": 0, "SMSID": uuid.uuid4().hex}
        )

    @api.post("/phones/zns/message/template")
    async def zns(request: Request) -> Response:
        told = await _read(request)
        message_id = str(told.get("tracking_id", ""))
        phones.calls.append(message_id)
        if not request.headers.get("access_token"):
            return JSONResponse({"error": -124, "message": "Access token is invalid"})
        fault = phones.next_fault("zns")
        if _NUMBER.fullmatch(str(told.get("phone"))) is None:
            fault = "refused_number"
        if fault is not None and fault in _ANSWERED:
            code, words = _ANSWERED[fault]
            return JSONResponse({"error": code, "message": words})
        params = told.get("template_data")
        data = {str(key): str(value) for key, value in dict(params or {}).items()}
        template = str(told.get("template_id", ""))
        arrived = PhoneMessage("zns", message_id, str(told["phone"]), "", "", data, template)
        phones.arrived.append(arrived)
        sent = {"msg_id": uuid.uuid4().hex, "sent_time": "0", "quota": {"remainingQuota": "9"}}
        return _spoilt(fault, {"error": 0, "message": "Success", "data": sent})

    @api.post("/phones/zns/v4/oa/access_token")
    async def oauth(request: Request) -> Response:
        told = dict(parse_qsl((await request.body()).decode()))
        token = told.get("refresh_token", "")
        phones.calls.append(f"renew {token}")
        if not request.headers.get("secret_key") or told.get("grant_type") != "refresh_token":
            return JSONResponse({"error": -14002, "error_name": "Invalid app"})
        if token in phones.spent or not token:
            return JSONResponse({"error": -14014, "error_name": "Invalid refresh token"})
        phones.spent.add(token)
        made = {"access_token": uuid.uuid4().hex, "refresh_token": uuid.uuid4().hex}
        return _spoilt(phones.next_fault("oauth"), made | {"expires_in": "90000"})

    return api


def _sms_report(given: MessageReportInput) -> dict[str, str]:
    counts = {"SendSuccess": str(int(given.delivered)), "SendFailed": str(int(not given.delivered))}
    return {"SMSID": "any", "SendStatus": "5", "RequestId": given.id, "TypeId": "2"} | counts


def _zns_report(given: MessageReportInput) -> tuple[bytes, dict[str, str]]:
    at = "1732939200000"
    message = {"msg_id": "any", "tracking_id": given.id, "delivery_time": at}
    body = json.dumps({"event_name": "user_received_message", "message": message, "timestamp": at})
    sealed = hashlib.sha256(f"{given.app_id}{body.decode()}{at}{given.secret}".encode())
    return body, {"X-ZEvent-Signature": f"mac={sealed.hexdigest()}"}


async def _read(request: Request) -> dict[str, Any]:
    try:
        told = json.loads(await request.body())
    except Invalid:
        return {}
    return told if isinstance(told, dict) else {}


def _spoilt(fault: MessageFault | None, answer: dict[str, Any]) -> Response:
    body = json.dumps(answer)
    if fault in ("slow", "unclear"):
        return _SpoiltMessageAnswer(fault, body)
    return Response(body, media_type="application/json")


class _SpoiltMessageAnswer(Response):
    def __init__(self, fault: MessageFault, body: bytes) -> None:
        super().__init__(body, media_type="application/json")
        self._fault = fault

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._fault == "slow":
            try:
                async with asyncio.timeout(_SLOW_SECONDS):
                    while (await receive())["type"] != "http.disconnect":
                        pass
                return
            except TimeoutError:
                await super().__call__(scope, receive, send)
                return
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        half = bytes(self.body[: len(self.body) // 2])
        await send({"type": "http.response.body", "body": half, "more_body": True})
        # Coming back without an end makes the server close the connection.
