"""MoMo's words, version 2: orders, results, questions, refunds, and how each is signed. Pure.

Facts, with how sure they are. [C] is in MoMo's developer pages (v3 of the pages, v2 of the API),
[M] is what its clients commonly hold and no page that was read says.

* [C] A signature is HMAC-SHA256 under the secret key, lower-case hex, over `name=value` joined by
  `&`, unencoded, names in alphabetical order; the access key is signed and not sent. What is not in
  the list of a message is not signed: nothing is made of it.
* The signed text has no separators of its own: what holds `&name=` of a signed field is refused.
* [C] Amounts are đồng, whole, JSON numbers. A time is Unix milliseconds.
* [C] 0 is paid, and 9000 (authorised) is for who captures at once, as we do; 1000, 7000, 7002 and
  8000 are not final; 10 to 13 are the system's or the merchant's faults.
* [M] The codes that are final failures (`_FAILURES`), and 20, 22, 40, 41, 42 and 43, by which an
  order or a question is called wrong. Anything else is not final, whatever it looks like.
* [M] 42 answers a question about an order that MoMo does not have.
* [M] An answer to a question is not signed: TLS alone vouches for it. `lastUpdated` is when the
  order last changed; `responseTime` of an answer is when it was given, and no time of payment.
* [C] A refund has an order id of its own, and an answer to a question lists it in `refundTrans`.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from adapters.wording import (
    Malformed,
    WrongSeal,
    amount_of,
    as_sent,
    check_no_seam,
    joined,
    keyed,
    moment_of,
    sealed_by,
    spelled,
    strict,
    whole,
    word,
)
from core import json
from core.errors import Invalid
from core.money import check_amount
from payments.gateway_refunds import RefundOrder, RefundOutcome, RefundResult
from payments.ports import (
    AttemptKey,
    GatewayMisuse,
    GatewayResult,
    Outcome,
    StartRequest,
)

PAID: Final = 0
#: a call that MoMo calls wrong: form, signature, limits, or a number that was used
OUR_FAULT: Final = frozenset({11, 12, 13, 20, 22, 40, 41, 42, 43})
#: MoMo's own maintenance: it did nothing
AWAY: Final = 10
#: not decided yet
OPEN: Final = frozenset({1000, 7000, 7002, 8000, 9000})
#: the number of a call was used before
USED: Final = frozenset({40, 41})
NOT_FOUND: Final = 42
_TAKEN: Final = frozenset({PAID, 9000})
_FAILURES: Final = frozenset(
    {98, 99, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1017, 1026, 2019, 4001, 4002, 4100}
)
_REFUND_FAILURES: Final = frozenset({1001, 1002, 1080, 1081, 1088})

_CREATE: Final = (
    *("accessKey", "amount", "extraData", "ipnUrl", "orderId", "orderInfo", "partnerCode"),
    *("redirectUrl", "requestId", "requestType"),
)
_RESULT: Final = (
    *("accessKey", "amount", "extraData", "message", "orderId", "orderInfo", "orderType"),
    *("partnerCode", "payType", "requestId", "responseTime", "resultCode", "transId"),
)
_QUESTION: Final = ("accessKey", "orderId", "partnerCode", "requestId")
_REFUND: Final = (
    *("accessKey", "amount", "description", "orderId", "partnerCode", "requestId", "transId"),
)

_ORDER_REF: Final = re.compile(r"(?=.{1,50}\Z)[0-9a-zA-Z]([-_.]*[0-9a-zA-Z]+)*")
_REQUEST_ID: Final = re.compile(r"[0-9A-Za-z._-]{1,50}")
_PROSE: Final = re.compile(r"[^\x00-\x1f\x7f]{0,255}")
_BASE64: Final = re.compile(r"[0-9A-Za-z+/=]{0,1000}")
_NAME: Final = re.compile(r"[0-9A-Za-z_.-]{0,50}")


@dataclass(frozen=True, slots=True)
class Credentials:
    """One account's credentials at MoMo; only the partner code may be shown."""

    partner_code: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    request_type: str = "captureWallet"


def create_body(credentials: Credentials, request: StartRequest) -> bytes:
    """The create call, the same bytes for the same request.

    The request's code is MoMo's `requestId`, and in `extraData` too: a question's answer has a
    number of its own. Raises `GatewayMisuse` for what cannot be said in this dialect.
    """
    _check_ref(request.order_ref)
    if _REQUEST_ID.fullmatch(request.request_code) is None:
        raise GatewayMisuse("momo: request_code must be 1 to 50 of A-Z a-z 0-9 . _ -")
    try:
        amount = check_amount(request.amount)
    except Invalid:
        raise GatewayMisuse("momo: the amount is not a number of whole đồng") from None
    extra = base64.b64encode(json.canonical({"request_code": request.request_code})).decode()
    fields: dict[str, str | int] = {
        "partnerCode": credentials.partner_code,
        "requestType": credentials.request_type,
        "ipnUrl": request.callback_url,
        "redirectUrl": request.return_url,
        "orderId": request.order_ref,
        "amount": amount,
        "orderInfo": request.description[:200],
        "requestId": request.request_code,
        "extraData": extra,
    }
    lang = "en" if request.language == "en" else "vi"
    sent = {**fields, "lang": lang, "autoCapture": True}
    return json.canonical({**sent, "signature": _signature(credentials, _CREATE, fields)})


def question(credentials: Credentials, order_ref: str, request_id: str) -> bytes:
    """The question what became of an order; `GatewayMisuse` for a malformed reference."""
    _check_ref(order_ref)
    fields: dict[str, str | int] = {
        "partnerCode": credentials.partner_code,
        "requestId": request_id,
        "orderId": order_ref,
    }
    signature = _signature(credentials, _QUESTION, fields)
    return json.canonical({**fields, "lang": "vi", "signature": signature})


def refund_body(credentials: Credentials, order: RefundOrder) -> bytes:
    """The call for money back, the same bytes for the same refund."""
    _check_ref(order.refund_ref)
    fields: dict[str, str | int] = {
        "partnerCode": credentials.partner_code,
        "orderId": order.refund_ref,
        "requestId": order.refund_ref,
        "amount": order.amount,
        "transId": int(order.gateway_ref),
        "description": order.description[:200],
    }
    signature = _signature(credentials, _REFUND, fields)
    return json.canonical({**fields, "lang": "vi", "signature": signature})


def read_result(credentials: Credentials, raw: bytes) -> GatewayResult:
    """A result that MoMo posts, verified and read.

    The signature is checked before any field is looked at. Raises `WrongSeal` for what is not
    MoMo's, `Malformed` naming the field, never its value.
    """
    sent = as_sent(raw)
    given = sent.get("signature")
    signed = {name: value for name, value in sent.items() if name in _RESULT}
    signed.pop("accessKey", None)
    fits = [
        fields is not None
        and sealed_by(
            given,
            credentials.secret_key,
            joined(_RESULT, {**fields, "accessKey": credentials.access_key}),
        )
        for fields in (spelled(signed, ""), spelled(signed, "null"))
    ]
    if not any(fits):
        raise WrongSeal("signature: missing or wrong")
    document = strict(raw)
    check_no_seam(_RESULT, signed)
    _check_partner(credentials, document)
    for name, grammar in (
        *(("message", _PROSE), ("orderInfo", _PROSE)),
        *(("extraData", _BASE64), ("orderType", _NAME), ("payType", _NAME)),
    ):
        word(document, name, grammar)
    result = _report(document, word(document, "requestId", _REQUEST_ID))
    return replace(result, paid_at=moment_of(document, "responseTime"))


def read_answer(
    credentials: Credentials, attempt: AttemptKey, request_id: str, document: Mapping[str, object]
) -> GatewayResult:
    """The answer to a question, read. Raises `Malformed` for one to another question."""
    _check_answer(credentials, attempt.order_ref, request_id, document)
    if document.get("resultCode") == NOT_FOUND:
        return GatewayResult(attempt.order_ref, Outcome.NOT_FOUND, gateway_code=str(NOT_FOUND))
    result = _report(document, _code_in(document.get("extraData")))
    if "lastUpdated" not in document:
        return result
    return replace(result, paid_at=moment_of(document, "lastUpdated"))


def read_refund(order: RefundOrder, document: Mapping[str, object]) -> RefundResult:
    """The answer to a call for money back. Raises `Malformed` for one to another call."""
    if document.get("orderId") != order.refund_ref:
        raise Malformed("orderId: not the refund asked for")
    code = whole(document, "resultCode")
    if code in USED:
        # The same refund was asked for before: what became of it is to be asked.
        return RefundResult(order.refund_ref, RefundOutcome.PENDING, gateway_code=str(code))
    return _refund(order, code, document)


def read_refund_answer(
    credentials: Credentials, order: RefundOrder, request_id: str, document: Mapping[str, object]
) -> RefundResult:
    """What an answer about the purchase says of one refund. Raises `Malformed`."""
    _check_answer(credentials, order.order_ref, request_id, document)
    listed = document.get("refundTrans")
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, dict) and one.get("orderId") == order.refund_ref:
            return _refund(order, whole(one, "resultCode"), one)
    return RefundResult(order.refund_ref, RefundOutcome.NOT_FOUND)


def outcome_of(code: int) -> Outcome:
    """What a result's code says."""
    if code in _TAKEN:
        return Outcome.SUCCEEDED
    return Outcome.FAILED if code in _FAILURES else Outcome.PENDING


def _refund(order: RefundOrder, code: int, fields: Mapping[str, object]) -> RefundResult:
    if code == PAID:
        if amount_of(fields, "amount") != order.amount:
            raise Malformed("amount: not the refund's")
        number = str(whole(fields, "transId", lowest=1))
        return RefundResult(order.refund_ref, RefundOutcome.SUCCEEDED, number, str(code))
    failed = code in _REFUND_FAILURES
    outcome = RefundOutcome.FAILED if failed else RefundOutcome.PENDING
    return RefundResult(order.refund_ref, outcome, gateway_code=str(code))


def _report(document: Mapping[str, object], request_code: str | None) -> GatewayResult:
    code = whole(document, "resultCode")
    outcome = outcome_of(code)
    number = whole(document, "transId")
    if outcome is Outcome.SUCCEEDED and not number:
        raise Malformed("transId: missing")
    return GatewayResult(
        order_ref=word(document, "orderId", _ORDER_REF),
        outcome=outcome,
        gateway_ref=str(number) if number else None,
        amount=amount_of(document, "amount"),
        gateway_code=str(code),
        request_code=request_code,
    )


def _check_answer(
    credentials: Credentials, order_ref: str, request_id: str, document: Mapping[str, object]
) -> None:
    _check_partner(credentials, document)
    if document.get("orderId") != order_ref or document.get("requestId") != request_id:
        raise Malformed("orderId, requestId: not what was asked")


def _check_partner(credentials: Credentials, document: Mapping[str, object]) -> None:
    if document.get("partnerCode") != credentials.partner_code:
        raise Malformed("partnerCode: another account's")


def _code_in(extra: object) -> str | None:
    """The request's code in what we gave along; None where it does not come back."""
    if not isinstance(extra, str) or not extra:
        return None
    try:
        document = strict(base64.b64decode(extra, validate=True))
    except (ValueError, Malformed):
        raise Malformed("extraData: not ours") from None
    return word(document, "request_code", _REQUEST_ID)


def _check_ref(order_ref: str) -> None:
    if _ORDER_REF.fullmatch(order_ref) is None:
        raise GatewayMisuse("momo: a reference must be 1 to 50 of A-Z a-z 0-9, . _ - between")


def _signature(
    credentials: Credentials, names: tuple[str, ...], fields: Mapping[str, str | int]
) -> str:
    said = {name: str(value) for name, value in fields.items()}
    text = joined(names, {**said, "accessKey": credentials.access_key})
    return keyed(credentials.secret_key, text)
