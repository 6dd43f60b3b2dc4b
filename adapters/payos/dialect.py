"""payOS's words: payment links, results, questions, and how each is signed. Pure.

Facts, with how sure they are. [C] is in payOS's pages, [M] is what its clients commonly hold and no
page that was read says.

* [C] An order is `orderCode`, a whole number; nothing of ours is in a transfer's words, so orders
  are matched by it alone. [M] It is at most 2^53 - 1.
* [C] A link is paid to a virtual account at banks that have them (`virtualAccountNumber`): it is
  the order's, so nothing of ours has to be in it either, and it is not looked at.
* [C] `description` is the transfer's memo: at most 9 characters where the account is not linked.
* [C] A request is signed over amount, cancelUrl, description, orderCode and returnUrl, a result
  over its `data`: `name=value` by `&`, names in alphabetical order, null as nothing; HMAC-SHA256
  under the checksum key, lower-case hex. The published example reproduces. [M] An answer is signed
  alike: TLS alone vouches for it here.
* The signed text has no separators of its own: what holds `&name=` of another field is refused.
* [C] `transactionDateTime` is `yyyy-MM-dd HH:mm:ss`, [M] in Vietnamese time; an offset is read too.
* [C] Registering the address sends payOS's published example, which is no money of ours.
* [M] An order that is left, expired or cancelled tells nobody, and is asked about: its `status` is
  PENDING or PROCESSING while it is open, CANCELLED or EXPIRED afterwards, and `transactions` lists
  the transfers that came. 101 answers a question about an order that payOS does not have, 231 is a
  number that was used.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from adapters.wording import (
    Malformed,
    WrongSeal,
    amount_of,
    as_sent,
    check_no_seam,
    joined,
    keyed,
    sealed_by,
    spelled,
    strict,
    whole,
    without_marks,
    word,
)
from core import json
from core.clock import VIETNAM
from core.errors import Invalid
from core.money import check_amount
from payments.ports import AttemptKey, GatewayMisuse, GatewayResult, Outcome, StartRequest

OK: Final = "00"
NOT_FOUND: Final = "101"
#: payOS's own example, which it sends when an address is registered
_EXAMPLE: Final = (123, "TF230204212323")
_OPEN: Final = frozenset({"PENDING", "PROCESSING"})
_OVER: Final = frozenset({"CANCELLED", "EXPIRED", "FAILED"})

_ORDER_REF: Final = re.compile(r"[1-9][0-9]{0,15}")
_GREATEST_ORDER: Final = 2**53 - 1
_BANK_REF: Final = re.compile(r"[^\x00-\x1f\x7f]{1,100}")
_PROSE: Final = re.compile(r"[^\x00-\x1f\x7f]{0,255}")
_ACCOUNT: Final = re.compile(r"[0-9A-Za-z]{1,30}")


@dataclass(frozen=True, slots=True)
class Credentials:
    """One account's credentials at payOS; only the client's id may be shown."""

    client_id: str
    api_key: str = field(repr=False)
    checksum_key: str = field(repr=False)
    memo_length: int = 9


def create_body(credentials: Credentials, request: StartRequest, open_for: timedelta) -> bytes:
    """The create call, the same bytes for the same request.

    Raises `GatewayMisuse` for what cannot be said in this dialect.
    """
    try:
        amount = check_amount(request.amount)
    except Invalid:
        raise GatewayMisuse("payos: the amount is not a number of whole đồng") from None
    order = order_code(request.order_ref)
    fields: dict[str, str | int] = {
        "orderCode": order,
        "amount": amount,
        "description": _memo(credentials, request),
        "cancelUrl": request.return_url,
        "returnUrl": request.return_url,
    }
    said = {name: str(value) for name, value in fields.items()}
    signature = keyed(credentials.checksum_key, joined(sorted(said), said))
    until = int((request.created_at + open_for).timestamp())
    return json.canonical({**fields, "expiredAt": until, "signature": signature})


def order_code(order_ref: str) -> int:
    """Our reference as payOS's number. Raises `GatewayMisuse` for one that is none."""
    if _ORDER_REF.fullmatch(order_ref) is None or int(order_ref) > _GREATEST_ORDER:
        raise GatewayMisuse("payos: order_ref must be a whole number below 2^53")
    return int(order_ref)


def read_result(credentials: Credentials, raw: bytes) -> GatewayResult | None:
    """A result that payOS posts, verified and read; None for its example, and for what is no money.

    The signature is checked before any field is looked at. Raises `WrongSeal` for what is not
    payOS's, `Malformed` naming the field, never its value.
    """
    sent = as_sent(raw)
    _check_seal(credentials, sent.get("data"), sent.get("signature"))
    document = strict(raw)
    data = document.get("data")
    if not isinstance(data, dict):
        raise Malformed("data: not an object")
    check_no_seam(data, data)
    order = whole(data, "orderCode", lowest=1)
    if (order, data.get("reference")) == _EXAMPLE:
        return None
    code = word(data, "code", re.compile(r"[0-9A-Za-z]{1,8}"))
    if code != OK or data.get("currency", "VND") != "VND":
        raise Malformed("code, currency: no payment in đồng")
    word(data, "description", _PROSE)
    return _transfer(str(order), data, code)


def read_answer(
    credentials: Credentials, attempt: AttemptKey, document: Mapping[str, object]
) -> GatewayResult:
    """The answer to a question, verified and read. Raises `Malformed`."""
    if document.get("code") == NOT_FOUND:
        return GatewayResult(attempt.order_ref, Outcome.NOT_FOUND, gateway_code=NOT_FOUND)
    data = document.get("data")
    if document.get("code") != OK or not isinstance(data, dict):
        raise Malformed("code: no answer")
    if whole(data, "orderCode") != order_code(attempt.order_ref):
        raise Malformed("orderCode: not the order asked about")
    status = word(data, "status", re.compile("[A-Z_]{1,20}"))
    came = data.get("transactions")
    if isinstance(came, list) and came:
        if not isinstance(came[0], dict):
            raise Malformed("transactions: malformed")
        # Others of them are told of one by one; a first one of another amount is held.
        return _transfer(attempt.order_ref, came[0], status)
    if status in _OVER:
        return GatewayResult(attempt.order_ref, Outcome.FAILED, gateway_code=status)
    if status in _OPEN:
        return GatewayResult(attempt.order_ref, Outcome.PENDING, gateway_code=status)
    raise Malformed("status: paid without a transfer, or unknown")


def _transfer(order_ref: str, data: Mapping[str, object], code: str) -> GatewayResult:
    """One transfer to the body's account. The bank's reference alone names it for nobody else."""
    reference = word(data, "reference", _BANK_REF).strip()
    word(data, "accountNumber", _ACCOUNT)
    return GatewayResult(
        order_ref=order_ref,
        outcome=Outcome.SUCCEEDED,
        gateway_ref=reference,
        amount=amount_of(data, "amount"),
        paid_at=_time(data),
        gateway_code=code,
        straight=True,
    )


def _check_seal(credentials: Credentials, data: object, given: object) -> None:
    fields = data if isinstance(data, dict) else {}
    texts = [
        joined(sorted(said), said)
        for null in ("", "null")
        if (said := spelled(fields, null)) is not None and said
    ]
    fits = [sealed_by(given, credentials.checksum_key, text) for text in texts]
    if not any(fits):
        raise WrongSeal("signature: missing or wrong")


def _memo(credentials: Credentials, request: StartRequest) -> str:
    """What the payer's bank carries: short, plain, and the number's end for who reads it."""
    plain = "".join(c for c in without_marks(request.description) if c.isascii() and c.isalnum())
    short = f"LP{request.order_ref[-7:]}"
    return plain[-credentials.memo_length :] if credentials.memo_length > 9 and plain else short


def _time(data: Mapping[str, object]) -> datetime:
    text = data.get("transactionDateTime")
    if not isinstance(text, str) or not 19 <= len(text) <= 35:
        raise Malformed("transactionDateTime: missing or malformed")
    try:
        at = datetime.fromisoformat(text)
        local = at.replace(tzinfo=VIETNAM) if at.tzinfo is None else at
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Malformed("transactionDateTime: no such time") from None
