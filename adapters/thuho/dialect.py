"""The reference dialect of who collects for us: inquiry, payment, reversal, and our answers. Pure.

No bank publishes its biller interface; this is ours, version 1, for those who take one as it is,
and the shape [M] in which they all come: the bank asks, debits the payer, tells, and sends a file
of the day.

* [assumption] A call is a POST of JSON with `X-Biller-Time` (Unix seconds) and, in
  `X-Biller-Signature`, HMAC-SHA256 under the account's secret, lower-case hex, over
  `{call}.{time}.{raw body}`. The name of the call is part of it: a signed question is no signed
  payment. Not older than five minutes: what is sent again is signed again.
* [assumption] `bankNumber` is the bank's number of the payment, the same in every repeat, never of
  another; `reversalNumber` that of a reversal.
* [assumption] Amounts are JSON integers, whole đồng. Times are `yyyyMMddHHmmss` in Vietnamese time.
* [assumption] A payment is told when the payer has been debited: it is always kept. `00` says that
  it is, told again or not; `10` that it is kept and a person looks at it (another code, another
  amount). Nothing but `97` and `99` leaves it untold. A reversal is kept likewise; told before its
  payment, it has that one wait for a person when it comes.
* [assumption] A reversal's `reason` is a word of the bank's. What is prose may name somebody: it
  stays with the call as it is kept, and is told as `other`.
* [assumption] Each answer has a `signature`, HMAC-SHA256 under the secret over its canonical JSON
  without it.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from adapters.wording import Malformed, WrongSeal, amount_of, stamped, strict, word
from core import json
from payments.gateway_disputes import DisputeState, GatewayDispute
from payments.ports import GatewayResult, Outcome
from payments.pulls import PulledBill, PullState

INQUIRY: Final = "inquiry"
PAY: Final = "pay"
REVERSAL: Final = "reversal"

KEPT: Final = "00"
UNKNOWN: Final = "01"
SETTLED: Final = "02"
ELSEWHERE: Final = "03"
EXPIRED: Final = "04"
LOOKED_AT: Final = "10"
NOT_SIGNED: Final = "97"
LATER: Final = "99"

_STATES: Final = {
    PullState.UNPAID: (KEPT, "Còn phải nộp"),
    PullState.SETTLED: (SETTLED, "Không còn gì phải nộp"),
    PullState.UNKNOWN: (UNKNOWN, "Không có mã này"),
    PullState.ELSEWHERE: (ELSEWHERE, "Khoản này đang được nộp bằng cách khác"),
    PullState.EXPIRED: (EXPIRED, "Khoản này đã hết hạn thanh toán, hãy liên hệ cơ quan thu"),
}
_OLDEST_SECONDS: Final = 300
_FIELDS: Final = {
    INQUIRY: frozenset({"call", "partner", "requestId", "code"}),
    PAY: frozenset({"call", "partner", "bankNumber", "code", "amount", "paidAt"}),
    REVERSAL: frozenset(
        {"call", "partner", "reversalNumber", "bankNumber", "amount", "reversedAt", "reason"}
    ),
}
_SECONDS: Final = re.compile("[0-9]{1,12}")
_SEAL: Final = re.compile("[0-9a-f]{64}")
_CODE: Final = re.compile("[0-9A-Z]{1,50}")
_NUMBER: Final = re.compile("[0-9A-Za-z._-]{1,64}")
_STAMP: Final = re.compile("[0-9]{14}")
_PROSE: Final = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
_REASON: Final = re.compile("[A-Za-z][A-Za-z_.-]{0,59}")
_OTHER: Final = "other"


@dataclass(frozen=True, slots=True)
class Credentials:
    """One account's credentials; only the partner's code may be shown."""

    partner: str
    secret: str = field(repr=False)


def read_call(
    credentials: Credentials,
    calls: tuple[str, ...],
    raw: bytes,
    headers: Mapping[str, str],
    at: datetime,
) -> dict[str, object]:
    """The fields of a call of one of these names, proved to be the bank's.

    Raises `WrongSeal` for what is not or is old, `Malformed` naming the field.
    """
    time, given = (headers.get(f"x-biller-{name}", "") for name in ("time", "signature"))
    if _SECONDS.fullmatch(time) is None or _SEAL.fullmatch(given) is None:
        raise WrongSeal("x-biller-time, x-biller-signature: missing or malformed")
    # Each is tried, so that the time taken does not tell which one fitted.
    seals = [(name, seal(credentials, name, time, raw)) for name in calls]
    fits = [name for name, expected in seals if hmac.compare_digest(given, expected)]
    if not fits:
        raise WrongSeal("x-biller-signature: wrong")
    if abs(at.timestamp() - int(time)) > _OLDEST_SECONDS:
        raise WrongSeal("x-biller-time: too old, or ahead of our clock")
    document = strict(raw)
    (name,) = fits
    if document.get("call") != name or document.keys() != _FIELDS[name]:
        raise Malformed("call: other fields than it has")
    if word(document, "partner", _NUMBER) != credentials.partner:
        raise Malformed("partner: another account's")
    return document


def seal(credentials: Credentials, call: str, time: str, raw: bytes) -> str:
    """What signs a call."""
    message = f"{call}.{time}.".encode() + raw
    return hmac.new(credentials.secret.encode(), message, hashlib.sha256).hexdigest()


def code_of(document: Mapping[str, object]) -> str:
    """The code that is asked about. Raises `Malformed`."""
    word(document, "requestId", _NUMBER)
    return word(document, "code", _CODE)


def content_of(document: Mapping[str, object]) -> GatewayResult | GatewayDispute:
    """What a payment or a reversal tells. Raises `Malformed` naming the field."""
    number = word(document, "bankNumber", _NUMBER)
    amount = amount_of(document, "amount")
    if document["call"] == REVERSAL:
        return GatewayDispute(
            dispute_ref=word(document, "reversalNumber", _NUMBER),
            gateway_ref=number,
            amount=amount,
            state=DisputeState.LOST,
            reason=_reason_of(document),
            told_at=stamped("reversedAt", word(document, "reversedAt", _STAMP)),
        )
    return GatewayResult(
        order_ref=word(document, "code", _CODE),
        outcome=Outcome.SUCCEEDED,
        gateway_ref=number,
        amount=amount,
        paid_at=stamped("paidAt", word(document, "paidAt", _STAMP)),
        gateway_code=PAY,
        pulled=True,
    )


def _reason_of(document: Mapping[str, object]) -> str:
    told = word(document, "reason", _PROSE)
    return told if _REASON.fullmatch(told) else _OTHER


def answer(credentials: Credentials, code: str, message: str, **more: object) -> bytes:
    """An answer of ours, signed."""
    said = {"code": code, "message": message, **more}
    key = credentials.secret.encode()
    signature = hmac.new(key, json.canonical(said), hashlib.sha256).hexdigest()
    return json.canonical({**said, "signature": signature})


def owed(credentials: Credentials, pulled: PulledBill) -> bytes:
    """What a code owes: to whom, what for and how much; who owes it is told to nobody."""
    code, message = _STATES[pulled.state]
    if pulled.billed is None:
        return answer(credentials, code, message)
    bill = {
        "code": pulled.reference,
        "amount": pulled.amount,
        "body": pulled.billed.agency_name,
        "lines": [{"title": fee.title, "amount": fee.amount} for fee in pulled.billed.fees],
    }
    return answer(credentials, code, message, bill=bill)
