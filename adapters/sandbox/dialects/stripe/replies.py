"""Stripe's words for what is wrong, its lists, and how its calls are read."""

from typing import Any, Final
from urllib.parse import parse_qsl

from adapters.sandbox.engine.gateway import ProviderRequest
from adapters.sandbox.engine.replies import Reply
from core import json


def error(status: int, kind: str, code: str, message: str, param: str | None = None) -> Reply:
    """An error in Stripe's words; an empty code is none."""
    said = {"type": kind, "message": message} | ({"code": code} if code else {})
    if param is not None:
        said["param"] = param
    return Reply(status, json.dumps({"error": said}))


def refused(code: str, param: str | None = None) -> Reply:
    """What is wrong with a call, and with which parameter of it."""
    return error(400, "invalid_request_error", code, code.replace("_", " "), param)


#: Other words under a key that was used.
REUSED: Final = error(
    400,
    "idempotency_error",
    "",
    "Keys can only be used with the parameters they were first used with",
)


def form_of(request: ProviderRequest) -> dict[str, str]:
    """The parameters of a call."""
    return dict(parse_qsl(request.body.decode(), keep_blank_values=True))


def whole(told: str | None) -> int:
    """A whole number of a form; 0 for what is none."""
    return int(told) if told is not None and told.isascii() and told.isdecimal() else 0


def page_of(url: str, data: list[dict[str, Any]], *, more: bool = False) -> bytes:
    """A page of a list; `more`: others follow it."""
    return json.dumps({"object": "list", "url": url, "has_more": more, "data": data})
