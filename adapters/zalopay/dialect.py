"""ZaloPay's words, version 2: orders, results, questions, refunds, and how each is signed. Pure.

Facts, with how sure they are. [C] is in ZaloPay's developer pages or samples, [M] is what its
clients commonly hold and no page that was read says.

* [C] An order is `app_trans_id`: the day in Vietnamese time as `yymmdd`, an underscore, our own
  reference; at most 40 characters. The day is the attempt's, so the same attempt has one name.
* [C] `mac` is HMAC-SHA256, lower-case hex, over values joined by `|` in a fixed order: under `key1`
  for what we send, under `key2` over the text `data` as it came for a result.
* [C] Amounts are đồng, whole, JSON numbers. A time is Unix milliseconds, at most 15 minutes off.
* [C] A result is only told of a payment: one that fails tells nothing, and is asked about.
* [C] An answer's `return_code`: 1 paid (or done), 2 failed (or refused), 3 in progress.
* [M] An answer to a question is not signed: TLS alone vouches for it. `server_time` is when the
  payment was made. `sub_return_code` -101 is an order that ZaloPay does not have, -54 one that
  expired, -68 a number that was used, -401, -402 and -403 calls that are wrong.
* [C] A refund is `m_refund_id`: `yymmdd_appid_` and our own reference; 3 means ask, and each
  question has a time stamp and mac of its own. [M] Its answer has no number of the refund.
* [?] What `mac` covers where a refund names a fee of its own: none is named here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from adapters.wording import (
    Malformed,
    WrongSeal,
    amount_of,
    as_sent,
    is_among,
    keyed,
    moment_of,
    sealed_by,
    strict,
    whole,
    word,
)
from core import json
from core.clock import VIETNAM
from core.errors import Invalid
from core.money import check_amount
from payments.gateway_refunds import RefundOrder, RefundOutcome, RefundResult
from payments.ports import AttemptKey, GatewayMisuse, GatewayResult, Outcome, StartRequest

DONE: Final = 1
REFUSED: Final = 2
OPEN: Final = 3
#: a call that ZaloPay calls wrong: form, mac, time, or a number that was used
OUR_FAULT: Final = frozenset({-68, -401, -402, -403})
USED: Final = -68
_NOT_FOUND: Final = -101
#: [assumption] asked too often, or a fault of ZaloPay's own: nothing is said of what was asked
_NO_WORD: Final = frozenset({-429, -500})

_REF: Final = re.compile(r"[0-9A-Za-z._-]{1,33}")
_TRANS_ID: Final = re.compile(r"[0-9]{6}_([0-9A-Za-z._-]{1,33})")
_PROSE: Final = re.compile(r"[^\x00-\x1f\x7f]{0,1024}")


@dataclass(frozen=True, slots=True)
class Credentials:
    """One account's credentials at ZaloPay; only the app's number may be shown."""

    app_id: int
    key1: str = field(repr=False)
    key2: str = field(repr=False)


def trans_id(attempt: AttemptKey) -> str:
    """What ZaloPay calls an attempt. Raises `GatewayMisuse` for a reference that cannot be part."""
    if _REF.fullmatch(attempt.order_ref) is None:
        raise GatewayMisuse("zalopay: a reference must be 1 to 33 of A-Z a-z 0-9 . _ -")
    return f"{_day(attempt.created_at)}_{attempt.order_ref}"


def refund_id(credentials: Credentials, order: RefundOrder) -> str:
    """What ZaloPay calls a refund."""
    made = f"{_day(order.created_at)}_{credentials.app_id}_{order.refund_ref}"
    if _REF.fullmatch(order.refund_ref) is None or len(made) > 45:
        raise GatewayMisuse("zalopay: the refund's reference is malformed or too long")
    return made


def create_body(credentials: Credentials, request: StartRequest, open_seconds: int) -> bytes:
    """The create call, the same bytes for the same request.

    Raises `GatewayMisuse` for what cannot be said in this dialect.
    """
    named = trans_id(AttemptKey(request.order_ref, request.created_at))
    try:
        amount = check_amount(request.amount)
    except Invalid:
        raise GatewayMisuse("zalopay: the amount is not a number of whole đồng") from None
    embedded = {"redirecturl": request.return_url}
    fields: dict[str, str | int] = {
        "app_id": credentials.app_id,
        "app_trans_id": named,
        "app_user": "lephi",
        "amount": amount,
        "app_time": _milliseconds(request.created_at),
        "embed_data": json.canonical(embedded).decode(),
        "item": "[]",
    }
    mac = keyed(credentials.key1, "|".join(str(value) for value in fields.values()))
    more = {
        "description": request.description[:256],
        "bank_code": "",
        "callback_url": request.callback_url,
        "expire_duration_seconds": open_seconds,
    }
    return json.canonical({**fields, **more, "mac": mac})


def question(credentials: Credentials, attempt: AttemptKey) -> bytes:
    """The question what became of an order."""
    named = trans_id(attempt)
    mac = keyed(credentials.key1, f"{credentials.app_id}|{named}|{credentials.key1}")
    return json.canonical({"app_id": credentials.app_id, "app_trans_id": named, "mac": mac})


def refund_body(credentials: Credentials, order: RefundOrder, at: datetime) -> bytes:
    """The call for money back. The refund is its number's, whenever it is asked for."""
    fields: dict[str, str | int] = {
        "app_id": credentials.app_id,
        "zp_trans_id": order.gateway_ref,
        "amount": order.amount,
        "description": order.description[:100],
        "timestamp": _milliseconds(at),
    }
    mac = keyed(credentials.key1, "|".join(str(value) for value in fields.values()))
    return json.canonical({**fields, "m_refund_id": refund_id(credentials, order), "mac": mac})


def refund_question(credentials: Credentials, order: RefundOrder, at: datetime) -> bytes:
    """The question what became of a refund, with a time stamp of its own."""
    fields: dict[str, str | int] = {
        "app_id": credentials.app_id,
        "m_refund_id": refund_id(credentials, order),
        "timestamp": _milliseconds(at),
    }
    mac = keyed(credentials.key1, "|".join(str(value) for value in fields.values()))
    return json.canonical({**fields, "mac": mac})


def read_result(credentials: Credentials, raw: bytes) -> GatewayResult:
    """A result that ZaloPay posts, verified and read.

    The mac is checked over `data` as it came before any field is looked at. Raises `WrongSeal` for
    what is not ZaloPay's, `Malformed` naming the field, never its value.
    """
    sent = as_sent(raw)
    data = sent.get("data")
    if not isinstance(data, str) or not sealed_by(sent.get("mac"), credentials.key2, data):
        raise WrongSeal("mac: missing or wrong")
    if sent.get("type") != 1:
        raise Malformed("type: not an order's")
    fields = strict(data)
    if whole(fields, "app_id") != credentials.app_id:
        raise Malformed("app_id: another account's")
    for name in ("app_user", "embed_data", "item"):
        word(fields, name, _PROSE)
    moment_of(fields, "app_time")
    return GatewayResult(
        order_ref=_order_ref(fields),
        outcome=Outcome.SUCCEEDED,
        gateway_ref=str(whole(fields, "zp_trans_id", lowest=1)),
        amount=amount_of(fields, "amount"),
        paid_at=moment_of(fields, "server_time"),
        gateway_code=str(DONE),
    )


def read_answer(attempt: AttemptKey, document: Mapping[str, object]) -> GatewayResult:
    """The answer to a question, read. Raises `Malformed`."""
    code = whole(document, "return_code")
    sub = document.get("sub_return_code")
    if code == REFUSED and sub == _NOT_FOUND:
        return GatewayResult(attempt.order_ref, Outcome.NOT_FOUND, gateway_code=str(sub))
    if code == OPEN or document.get("is_processing") is True:
        return GatewayResult(attempt.order_ref, Outcome.PENDING, gateway_code=str(OPEN))
    if code == REFUSED:
        if is_among(sub, _NO_WORD):
            raise Malformed("sub_return_code: no answer")
        shown = str(sub) if isinstance(sub, int) else str(code)
        return GatewayResult(attempt.order_ref, Outcome.FAILED, gateway_code=shown[:8])
    if code != DONE:
        raise Malformed("return_code: no answer")
    return GatewayResult(
        order_ref=attempt.order_ref,
        outcome=Outcome.SUCCEEDED,
        gateway_ref=str(whole(document, "zp_trans_id", lowest=1)),
        amount=amount_of(document, "amount"),
        paid_at=moment_of(document, "server_time") if "server_time" in document else None,
        gateway_code=str(DONE),
    )


def read_refund(order: RefundOrder, document: Mapping[str, object]) -> RefundResult:
    """The answer to a call for money back, or to a question about one. Raises `Malformed`."""
    code = whole(document, "return_code")
    sub = document.get("sub_return_code")
    shown = str(sub)[:8] if isinstance(sub, int) and sub else str(code)
    if sub == USED or code == OPEN:
        # Asked for before, or not decided: what became of it is to be asked.
        return RefundResult(order.refund_ref, RefundOutcome.PENDING, gateway_code=shown)
    if sub == _NOT_FOUND:
        return RefundResult(order.refund_ref, RefundOutcome.NOT_FOUND, gateway_code=shown)
    if code not in (DONE, REFUSED) or is_among(sub, _NO_WORD):
        raise Malformed("return_code, sub_return_code: no answer")
    done = code == DONE
    number = document.get("refund_id")
    return RefundResult(
        order.refund_ref,
        RefundOutcome.SUCCEEDED if done else RefundOutcome.FAILED,
        str(number) if done and isinstance(number, int) and number > 0 else None,
        shown,
    )


def _order_ref(fields: Mapping[str, object]) -> str:
    """Our reference in ZaloPay's name of an order."""
    found = _TRANS_ID.fullmatch(word(fields, "app_trans_id", _TRANS_ID))
    if found is None:  # `word` has looked already
        raise Malformed("app_trans_id: malformed")
    return found[1]


def _day(at: datetime) -> str:
    return at.astimezone(VIETNAM).strftime("%y%m%d")


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
