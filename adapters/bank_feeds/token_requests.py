"""A request for a token by client credentials (RFC 6749 §4.4), as it is sent. Pure."""

import base64
import binascii
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote_plus

from core import json
from core.errors import Invalid
from payments.ports import RawCallback

_LONGEST = 4096


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """Who asks for a token, and in which way."""

    grant_type: str
    client_id: str
    secret: str = field(repr=False)


def client_credentials(asked: RawCallback) -> ClientCredentials | None:
    """What a request shows; None for one that is none, or shows itself in two ways.

    The form is as the standard has it, or the same names as JSON; the client is in a Basic header
    or among them.
    """
    fields = _fields(asked)
    if asked.method != "POST" or fields is None:
        return None
    kind, _, basic = asked.headers.get("authorization", "").partition(" ")
    in_body = (fields.get("client_id", ""), fields.get("client_secret", ""))
    if kind.lower() == "basic":
        shown = _basic(basic)
        if shown is None or in_body[1]:
            return None
    else:
        shown = in_body
    return ClientCredentials(fields.get("grant_type", ""), *shown)


def _basic(encoded: str) -> tuple[str, str] | None:
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    client, colon, secret = text.partition(":")
    return (unquote_plus(client), unquote_plus(secret)) if colon else None


def _fields(asked: RawCallback) -> dict[str, str] | None:
    """The fields of the body, each given once; None where it is no form and no JSON."""
    if len(asked.body) > _LONGEST:
        return None
    try:
        if asked.headers.get("content-type", "").startswith("application/json"):
            told = json.loads(asked.body)
            texts = told if isinstance(told, dict) else {}
            return {n: value for n, value in texts.items() if isinstance(value, str)}
        form = parse_qs(asked.body.decode("ascii"), keep_blank_values=True)
    except (Invalid, UnicodeDecodeError):
        return None
    if any(len(values) > 1 for values in form.values()):
        return None
    return {name: values[0] for name, values in form.items()}
