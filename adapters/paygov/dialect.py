"""PayGov's words: how a request is written, what a report may look like, how both are signed.

Pure. Bytes and values in, bytes and values out. PayGov's dialect differs by unit: a `Profile` says
which fields a create call has and how checksums are made. Three are known (`PROFILES`), and another
is a matter of settings (`create_fields`, `create_checksum`, `callback_checksum`, `headers`), see
docs/gateways.md.

What is known and what is assumed. PayGov publishes no specification; the field names, the three
units' sets of them and the meaning of `errorCode == "00"` come from the public source of a one-stop
system that talks to it [C].

* [assumption] `checksum` of a create call: lower-case hex SHA-256 of secretKey, partnerCode,
  accessKey, orderId, amount and requestCode written one after the other. That is how the same
  system signs its receipt call. It has no separators and leaves fields out, so it protects
  little; the bearer token and TLS protect that call.
* [assumption] `checksum` of a callback, of a query and of its answer: the formula is not public
  and the known client never checks it. Ours covers every field there is: HMAC-SHA256 under
  secretKey, lower-case hex, over netstrings (`length:bytes,`) of the purpose, partnerCode and
  accessKey, then of each field's name and value in the order of their names. No two sets of
  fields give the same bytes, and a signature made for one purpose is worth nothing for another.
* [assumption] `payDate` is `yyyyMMddHHmmss` in Vietnamese time.
* [assumption] besides "00" (paid): "01" and "99" are not final, "07" is money taken but held as
  suspicious, "91" is an order unknown to a query. Every other code is a failure.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from adapters.recipes import ChecksumRecipe, read_recipe
from adapters.wording import (
    Malformed,
    WrongSeal,
    amount_of,
    spelled,
    stamped,
    without_marks,
    word,
)
from core import json
from core.errors import Invalid
from core.money import check_amount
from payments.ports import GatewayMisuse, GatewayResult, Outcome, StartRequest

#: what a checksum is made for; part of what it covers
CALLBACK: Final = "paygov.callback"
QUERY: Final = "paygov.query"
ANSWER: Final = "paygov.query.answer"

PAID: Final = "00"
_OUTCOMES: Final = {
    PAID: Outcome.SUCCEEDED,
    "01": Outcome.PENDING,
    "99": Outcome.PENDING,
    "07": Outcome.HELD,
}
_NOT_FOUND: Final = "91"

_WORD: Final = re.compile(r"[0-9A-Za-z._-]{1,64}")
_WORD_OR_NOTHING: Final = re.compile(r"[0-9A-Za-z._-]{0,64}")
_CODE: Final = re.compile(r"[0-9A-Za-z]{1,8}")
_DATE: Final = re.compile(r"[0-9]{14}|")
#: of any recipe: SHA-1, SHA-256 or SHA-512
_CHECKSUM: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{128}")
_PROSE: Final = re.compile(r"[^\x00-\x1f\x7f]{0,255}")
_OPTIONAL_PROSE: Final = ("orderInfo", "payGate", "type", "transactionCode")


#: what a create call may have
CREATE_FIELDS: Final = (
    *("partnerCode", "accessKey", "serviceCode", "returnUrl", "orderId", "amount", "orderInfo"),
    *("requestCode", "ipAddress", "checksum"),
)
_NEEDED: Final = frozenset({"partnerCode", "returnUrl", "orderId", "amount", "requestCode"})
#: what a callback's checksum must cover, or anybody could change it
_COVERED: Final = frozenset({"orderId", "amount", "errorCode", "transactionNo"})


@dataclass(frozen=True, slots=True)
class Profile:
    """A unit's dialect. Without `callback`, its checksum is our own over every field there is."""

    fields: frozenset[str]
    create: ChecksumRecipe | None
    callback: ChecksumRecipe | None = None

    def covers(self, name: str) -> bool:
        """Whether a callback's checksum covers a field."""
        return self.callback is None or name in self.callback.names


_PLAIN: Final = frozenset(CREATE_FIELDS) - {"checksum", "accessKey", "serviceCode"}
PROFILES: Final[Mapping[str, Profile]] = {
    "haugiang": Profile(
        frozenset(CREATE_FIELDS),
        read_recipe("sha256(secretKey,partnerCode,accessKey,orderId,amount,requestCode)"),
    ),
    "dongthap": Profile(_PLAIN, None),
    "bogtvt": Profile(_PLAIN, None),
}


def read_profile(values: Mapping[str, str]) -> Profile:
    """The profile that an account's settings make. Raises `GatewayMisuse` naming the setting."""
    known = PROFILES[values.get("profile") or "haugiang"]
    fields, create, callback = known.fields, known.create, known.callback
    if named := values.get("create_fields"):
        fields = frozenset(named.split(","))
        if not _NEEDED <= fields <= frozenset(CREATE_FIELDS):
            raise GatewayMisuse("paygov: create_fields: one is unknown, or one is missing")
        create = create if "checksum" in fields else None
    if recipe := values.get("create_checksum"):
        create = read_recipe(recipe)
    if recipe := values.get("callback_checksum"):
        callback = read_recipe(recipe)
        if not frozenset(callback.names) >= _COVERED:
            raise GatewayMisuse("paygov: callback_checksum: leaves out what it must cover")
        if not callback.algorithm.startswith("hmac") and "secretKey" not in callback.names:
            raise GatewayMisuse("paygov: callback_checksum: is made without a key")
    if ("checksum" in fields) != (create is not None):
        raise GatewayMisuse("paygov: create_checksum: and create_fields do not agree")
    return Profile(fields, create, callback)


@dataclass(frozen=True, slots=True)
class Credentials:
    """One account's credentials at PayGov; only the partner code may be shown."""

    partner_code: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str = field(repr=False)
    service_code: str = field(repr=False)
    lgsp_access_token: str = field(default="", repr=False)
    profile: Profile = PROFILES["haugiang"]
    #: whether the unit's receipts are fetched
    receipts: bool = False

    @property
    def keys(self) -> dict[str, str]:
        """What a recipe may name beside a message's fields."""
        return {
            "secretKey": self.secret_key,
            "partnerCode": self.partner_code,
            "accessKey": self.access_key,
        }

    @classmethod
    def read(cls, values: Mapping[str, str]) -> "Credentials":
        """The credentials of an account; `GatewayMisuse` naming those that are missing."""
        needed = ("partner_code", "access_key", "secret_key", "token", "service_code")
        missing = [name for name in needed if not values.get(name)]
        if missing:
            raise GatewayMisuse(f"paygov: credentials missing: {', '.join(missing)}")
        return cls(
            partner_code=values["partner_code"],
            access_key=values["access_key"],
            secret_key=values["secret_key"],
            token=values["token"],
            service_code=values["service_code"],
            lgsp_access_token=values.get("lgsp_access_token", ""),
            profile=read_profile(values),
            receipts=values.get("receipt") == "yes",
        )


#: What the setting that names a unit's headers must match.
_HEADER: Final = r"[A-Za-z][A-Za-z-]{0,39}:(?:token|lgspAccessToken|partnerCode|accessKey)"
HEADERS: Final = f"{_HEADER}(?:,{_HEADER}){{0,5}}"


def headers_of(credentials: Credentials, named: str) -> dict[str, str]:
    """The headers that a unit's settings name; a bearer token where that is `Authorization`."""
    values = {
        "token": credentials.token,
        "lgspAccessToken": credentials.lgsp_access_token,
        "partnerCode": credentials.partner_code,
        "accessKey": credentials.access_key,
    }
    headers = {"Charset": "utf-8"}
    for one in named.split(","):
        name, _, source = one.partition(":")
        bearer = "Bearer " if name.lower() == "authorization" else ""
        headers[name] = bearer + values[source]
    return headers


def plain_text(text: str, limit: int = 255) -> str:
    """`text` without diacritics, in printable ASCII, at most `limit` characters."""
    bare = without_marks(text)
    kept = "".join(c for c in bare if c == " " or (c.isascii() and c.isprintable()))
    return " ".join(kept.split())[:limit].rstrip()


def checksum(credentials: Credentials, purpose: str, fields: Mapping[str, object]) -> str:
    """The keyed checksum of `fields` (all but `checksum` itself) for one purpose.

    Raises `Malformed` for a value that is neither a string nor an integer.
    """
    said = {name: _scalar(name, fields[name]) for name in fields if name != "checksum"}
    return _seal_of(credentials, purpose, said)


def create_body(credentials: Credentials, request: StartRequest) -> bytes:
    """The create call, the same bytes for the same request.

    Raises `GatewayMisuse` for a request that cannot be said in this dialect.
    """
    for name in ("order_ref", "request_code"):
        if _WORD.fullmatch(getattr(request, name)) is None:
            raise GatewayMisuse(f"paygov: {name} must be 1 to 64 of A-Z a-z 0-9 . _ -")
    try:
        amount = check_amount(request.amount)
    except Invalid:
        amount = 0
    if amount == 0:
        raise GatewayMisuse("paygov: the amount is not a number of whole đồng")
    profile = credentials.profile
    fields: dict[str, str | int] = {
        "partnerCode": credentials.partner_code,
        "accessKey": credentials.access_key,
        "serviceCode": credentials.service_code,
        "returnUrl": request.return_url,
        "orderId": request.order_ref,
        "amount": amount,
        "orderInfo": plain_text(request.description),
        "requestCode": request.request_code,
        "ipAddress": request.payer_ip,
    }
    sent = {name: value for name, value in fields.items() if name in profile.fields}
    if profile.create is not None:
        said = {name: str(value) for name, value in fields.items()}
        sent["checksum"] = profile.create.seal(said | credentials.keys, credentials.secret_key)
    return json.canonical(sent)


def query_body(credentials: Credentials, order_ref: str) -> bytes:
    """The question what became of an order; `GatewayMisuse` for a malformed reference."""
    if _WORD.fullmatch(order_ref) is None:
        raise GatewayMisuse("paygov: order_ref must be 1 to 64 of A-Z a-z 0-9 . _ -")
    fields = {
        "partnerCode": credentials.partner_code,
        "accessKey": credentials.access_key,
        "orderId": order_ref,
    }
    return json.canonical({**fields, "checksum": checksum(credentials, QUERY, fields)})


def read_report(credentials: Credentials, purpose: str, document: object) -> GatewayResult:
    """A report of the gateway's (a callback, or the answer to a query), verified and read.

    The checksum is checked over every field before any is looked at. Fields we do not know are
    covered by it and otherwise ignored. Raises `Malformed` naming the field, never its value.
    """
    if not isinstance(document, dict):
        raise WrongSeal("not a JSON object")
    given = document.get("checksum")
    if not isinstance(given, str) or _CHECKSUM.fullmatch(given) is None:
        raise WrongSeal("checksum: missing or no hex digits")
    if not hmac.compare_digest(given, checksum(credentials, purpose, document)):
        raise WrongSeal("checksum: wrong")
    order_ref = word(document, "orderId", _WORD)
    code = word(document, "errorCode", _CODE)
    if purpose == ANSWER and code == _NOT_FOUND:
        return GatewayResult(order_ref, Outcome.NOT_FOUND, gateway_code=code)
    outcome = _OUTCOMES.get(code, Outcome.FAILED)
    for name in _OPTIONAL_PROSE:
        if name in document:
            word(document, name, _PROSE)
    profile = credentials.profile if purpose == CALLBACK else PROFILES["haugiang"]
    told = credentials.receipts and profile.covers("transactionCode")
    gateway_ref = word(document, "transactionNo", _WORD_OR_NOTHING)
    paid_at = _pay_date(word(document, "payDate", _DATE))
    if outcome in (Outcome.SUCCEEDED, Outcome.HELD):
        if not gateway_ref:
            raise Malformed("transactionNo: missing")
        if paid_at is None:
            raise Malformed("payDate: missing")
    return GatewayResult(
        order_ref=order_ref,
        outcome=outcome,
        gateway_ref=gateway_ref or None,
        amount=amount_of(document, "amount"),
        # What no checksum covers is not believed, though its form is looked at.
        paid_at=paid_at if profile.covers("payDate") else None,
        gateway_code=code,
        request_code=_request_code(document) if profile.covers("requestCode") else None,
        receipt_code=_receipt_code(document) if told else None,
    )


def is_sealed(credentials: Credentials, purpose: str, raw: bytes) -> bool:
    """Whether a message that cannot be read is the gateway's own all the same.

    How its program writes down what has no one form before signing it is not known: half of a
    surrogate pair becomes a question mark in some languages and three bytes in others, a null
    nothing or its name. All are tried.
    """
    try:
        document = json.loads_as_sent(raw)
    except Invalid:
        return False
    if not isinstance(document, dict):
        return False
    given = document.pop("checksum", None)
    if not isinstance(given, str) or _CHECKSUM.fullmatch(given) is None:
        return False
    fits = [
        hmac.compare_digest(given, _seal_of(credentials, purpose, fields, odd))
        for null in ("", "null")
        if (fields := spelled(document, null)) is not None
        for odd in ("surrogatepass", "replace", "surrogateescape")
    ]
    return any(fits)


def _seal_of(
    credentials: Credentials, purpose: str, fields: Mapping[str, str], odd: str = "strict"
) -> str:
    recipe = credentials.profile.callback if purpose == CALLBACK else None
    if recipe is not None:
        return recipe.seal({**fields, **credentials.keys}, credentials.secret_key)
    parts = [purpose, credentials.partner_code, credentials.access_key]
    for name in sorted(fields):
        parts += [name, fields[name]]
    try:
        written = [part.encode("utf-8", odd) for part in parts]
    except UnicodeEncodeError:
        return ""
    message = b"".join(b"%d:%b," % (len(raw), raw) for raw in written)
    return hmac.new(credentials.secret_key.encode(), message, hashlib.sha256).hexdigest()


def _scalar(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    # Where the seal cannot be tried, nothing is known to be authentic.
    raise WrongSeal(f"{name}: neither text nor an integer")


def _request_code(document: Mapping[str, object]) -> str:
    """As text: some portals turn a code of digits into a JSON number, and it comes back so."""
    value = document.get("requestCode")
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return str(value)
    return word(document, "requestCode", _WORD)


def _receipt_code(document: Mapping[str, object]) -> str | None:
    """`transactionCode`, by which a receipt is asked for; None where it is no such code."""
    value = document.get("transactionCode")
    return value if isinstance(value, str) and _WORD.fullmatch(value) else None


def _pay_date(text: str) -> datetime | None:
    return stamped("payDate", text) if text else None
