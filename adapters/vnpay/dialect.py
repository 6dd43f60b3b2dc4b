"""VNPay's words, version 2.1.0: the pay address, results, questions, and how each is signed. Pure.

Facts: VNPay's integration pages for PAY 2.1.0 and querydr, and an independent client.

* Amounts are đồng × 100 and whole. Times are `yyyyMMddHHmmss` in Vietnamese time.
* The pay address and a result are signed alike: the `vnp_` parameters but the hash itself, empty
  ones left out, sorted by name, form-encoded and joined by `&`; HMAC-SHA512, lower-case hex. Form
  encoders differ on a few characters, so we send none of those, and verify over the pairs as they
  came, or as we would write them.
* A question and its answer are signed over their values joined by `|`, in a fixed order.
* A payment is paid where both `vnp_ResponseCode` and `vnp_TransactionStatus` are 00.
* Money that was taken and is in doubt is held for a person: 07 (suspicious), status 04 (taken at
  the bank, not booked at VNPay), 05, 06 and 09 (a refund is on its way, or was refused), and an
  answer whose transaction type is a refund's (02 whole, 03 in part): its 00 is no payment's.
* A failure is one that VNPay names as such: status 02 with a known code. Anything else is not
  final, whatever it looks like: we ask again.
* A refund is its `vnp_RequestId`, once a day (94: asked before), of the whole (02) or a part (03).
  Its answer's status is the refund's: 05 and 06 are on the way, 09 is refused; 91 and 95 say that
  there is nothing to give back. [assumption] There is no question about one refund: querydr tells
  of the newest of an order, which is ours if the amount is.
* [assumption] an answer that knows no such order (91) is signed like every other.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote_plus, unquote_plus

from adapters.wording import Malformed, WrongSeal, stamp, stamped, without_marks
from core import json
from core.errors import Invalid
from core.money import check_amount
from payments.gateway_refunds import RefundOrder, RefundOutcome, RefundResult
from payments.ports import AttemptKey, GatewayMisuse, GatewayResult, Outcome, StartRequest

VERSION: Final = "2.1.0"
#: How long the payment page of an attempt stays open.
OPEN_FOR: Final = timedelta(minutes=15)

OK: Final = "00"
_NOT_FOUND: Final = "91"
#: types of a transaction: all or a part of the money goes back to the payer
_REFUNDS: Final = frozenset({"02", "03"})
_REFUND_OUTCOMES: Final = {OK: RefundOutcome.SUCCEEDED, "09": RefundOutcome.FAILED}
_ASKED_BEFORE: Final = "94"
_NOTHING_TO_GIVE: Final = frozenset({_NOT_FOUND, "95"})
_HELD: Final = frozenset({"04", "05", "06", "07", "09"})
#: what went wrong at the bank or with the payer; 99 says no more than the status does
_FAILURES: Final = frozenset({"09", "10", "11", "12", "13", "24", "51", "65", "75", "79", "99"})

_ORDER_REF: Final = re.compile(r"[0-9A-Za-z._-]{1,100}")
_CODE: Final = re.compile(r"[0-9A-Za-z]{1,8}")
_NUMBER: Final = re.compile(r"[0-9]{0,15}")
_HUNDREDTHS: Final = re.compile(r"[0-9]{1,15}")
_STAMP: Final = re.compile(r"[0-9]{14}|")
_HASH: Final = re.compile(r"[0-9a-f]{128}")
_SAFE: Final = re.compile(r"[^0-9A-Za-z .,:_-]")
_UNSIGNED: Final = frozenset({"vnp_SecureHash", "vnp_SecureHashType"})

#: the values of a question and of its answer, in the order in which they are signed
_QUESTION: Final = (
    *("vnp_RequestId", "vnp_Version", "vnp_Command", "vnp_TmnCode", "vnp_TxnRef"),
    *("vnp_TransactionDate", "vnp_CreateDate", "vnp_IpAddr", "vnp_OrderInfo"),
)
_REFUND: Final = (
    *("vnp_RequestId", "vnp_Version", "vnp_Command", "vnp_TmnCode", "vnp_TransactionType"),
    *("vnp_TxnRef", "vnp_Amount", "vnp_TransactionNo", "vnp_TransactionDate", "vnp_CreateBy"),
    *("vnp_CreateDate", "vnp_IpAddr", "vnp_OrderInfo"),
)
_REFUND_ANSWER: Final = (
    *("vnp_ResponseId", "vnp_Command", "vnp_ResponseCode", "vnp_Message", "vnp_TmnCode"),
    *("vnp_TxnRef", "vnp_Amount", "vnp_BankCode", "vnp_PayDate", "vnp_TransactionNo"),
    *("vnp_TransactionType", "vnp_TransactionStatus", "vnp_OrderInfo"),
)
_ANSWER: Final = (
    *("vnp_ResponseId", "vnp_Command", "vnp_ResponseCode", "vnp_Message", "vnp_TmnCode"),
    *("vnp_TxnRef", "vnp_Amount", "vnp_BankCode", "vnp_PayDate", "vnp_TransactionNo"),
    *("vnp_TransactionType", "vnp_TransactionStatus", "vnp_OrderInfo"),
    *("vnp_PromotionCode", "vnp_PromotionAmount"),
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """One account's credentials at VNPay; only the terminal code may be shown."""

    tmn_code: str
    hash_secret: str = field(repr=False)


def plain_text(text: str) -> str:
    """`text` without diacritics and without what encoders write in two ways."""
    return " ".join(_SAFE.sub(" ", without_marks(text)).split())[:255].rstrip()


def pay_query(credentials: Credentials, request: StartRequest) -> str:
    """The query of the pay address, the same for the same request.

    Raises `GatewayMisuse` for a request that cannot be said in this dialect.
    """
    _check_ref(request.order_ref)
    try:
        amount = check_amount(request.amount)
    except Invalid:
        raise GatewayMisuse("vnpay: the amount is not a number of whole đồng") from None
    if not 10 <= len(request.return_url) <= 255 or not request.return_url.isascii():
        raise GatewayMisuse("vnpay: the return address must have 10 to 255 ASCII characters")
    fields = {
        "vnp_Version": VERSION,
        "vnp_Command": "pay",
        "vnp_TmnCode": credentials.tmn_code,
        "vnp_Amount": str(amount * 100),
        "vnp_CreateDate": stamp(request.created_at),
        "vnp_CurrCode": "VND",
        "vnp_IpAddr": _address(request.payer_ip),
        "vnp_Locale": "en" if request.language == "en" else "vn",
        "vnp_OrderInfo": plain_text(request.description) or request.order_ref,
        "vnp_OrderType": "other",
        "vnp_ReturnUrl": request.return_url,
        "vnp_ExpireDate": stamp(request.created_at + OPEN_FOR),
        "vnp_TxnRef": request.order_ref,
    }
    text = "&".join(f"{quote_plus(k)}={quote_plus(v)}" for k, v in sorted(fields.items()))
    return f"{text}&vnp_SecureHash={_hmac(credentials, text)}"


def question(
    credentials: Credentials, attempt: AttemptKey, request_id: str, asked_at: datetime
) -> bytes:
    """The question what became of an attempt. Raises `GatewayMisuse` for a malformed reference."""
    _check_ref(attempt.order_ref)
    fields = {
        "vnp_RequestId": request_id,
        "vnp_Version": VERSION,
        "vnp_Command": "querydr",
        "vnp_TmnCode": credentials.tmn_code,
        "vnp_TxnRef": attempt.order_ref,
        "vnp_TransactionDate": stamp(attempt.created_at),
        "vnp_CreateDate": stamp(asked_at),
        "vnp_IpAddr": "127.0.0.1",
        "vnp_OrderInfo": f"Hoi ket qua {attempt.order_ref}",
    }
    return json.canonical({**fields, "vnp_SecureHash": _sealed(credentials, _QUESTION, fields)})


def refund_body(credentials: Credentials, order: RefundOrder) -> bytes:
    """The call for money back, the same bytes for the same refund."""
    _check_ref(order.order_ref)
    fields = {
        "vnp_RequestId": hashlib.sha256(order.refund_ref.encode()).hexdigest()[:32],
        "vnp_Version": VERSION,
        "vnp_Command": "refund",
        "vnp_TmnCode": credentials.tmn_code,
        "vnp_TransactionType": "02" if order.amount == order.charged else "03",
        "vnp_TxnRef": order.order_ref,
        "vnp_Amount": str(order.amount * 100),
        "vnp_TransactionNo": order.gateway_ref,
        "vnp_TransactionDate": stamp(order.attempted_at),
        "vnp_CreateBy": plain_text(order.asked_by) or "lephi",
        "vnp_CreateDate": stamp(order.created_at),
        "vnp_IpAddr": "127.0.0.1",
        "vnp_OrderInfo": plain_text(order.description) or order.refund_ref,
    }
    return json.canonical({**fields, "vnp_SecureHash": _sealed(credentials, _REFUND, fields)})


def read_refund(
    credentials: Credentials, order: RefundOrder, document: Mapping[str, object]
) -> RefundResult:
    """The answer to a call for money back, verified and read. Raises `Malformed`."""
    fields = _sealed_answer(credentials, _REFUND_ANSWER, document)
    code = _text(fields, "vnp_ResponseCode", _CODE)
    if code in _NOTHING_TO_GIVE:
        return RefundResult(order.refund_ref, RefundOutcome.FAILED, gateway_code=code)
    if code == _ASKED_BEFORE:
        return RefundResult(order.refund_ref, RefundOutcome.PENDING, gateway_code=code)
    if code != OK or fields.get("vnp_TxnRef") != order.order_ref:
        raise Malformed("vnp_ResponseCode, vnp_TxnRef: no answer")
    return _refund(order, fields)


def read_refund_answer(
    credentials: Credentials, order: RefundOrder, document: Mapping[str, object]
) -> RefundResult:
    """What an answer about the order says of a refund: pending unless it is of that very one."""
    fields = _sealed_answer(credentials, _ANSWER, document)
    known = fields.get("vnp_ResponseCode") == OK and fields.get("vnp_TxnRef") == order.order_ref
    if not known or fields.get("vnp_TransactionType") not in _REFUNDS:
        return RefundResult(order.refund_ref, RefundOutcome.PENDING)
    if fields.get("vnp_Amount") != str(order.amount * 100):
        return RefundResult(order.refund_ref, RefundOutcome.PENDING)
    return _refund(order, fields)


def _refund(order: RefundOrder, fields: Mapping[str, str]) -> RefundResult:
    status = _text(fields, "vnp_TransactionStatus", _CODE)
    number = _text(fields, "vnp_TransactionNo", _NUMBER, may_be_absent=True)
    outcome = _REFUND_OUTCOMES.get(status, RefundOutcome.PENDING)
    return RefundResult(order.refund_ref, outcome, (number.strip("0") and number) or None, status)


def read_result(credentials: Credentials, query: str) -> GatewayResult:
    """A result from the raw query of the gateway's call, verified and read.

    The hash is checked before any field is looked at. Raises `Malformed` naming the field, never
    its value.
    """
    fields = _verified(credentials, query)
    if fields.get("vnp_TmnCode") != credentials.tmn_code:
        raise Malformed("vnp_TmnCode: another account's")
    code = _text(fields, "vnp_ResponseCode", _CODE)
    status = _text(fields, "vnp_TransactionStatus", _CODE)
    return _report(fields, code, status)


def read_answer(
    credentials: Credentials, attempt: AttemptKey, document: Mapping[str, object]
) -> GatewayResult:
    """The answer to a question, verified and read. Raises `Malformed` as `read_result` does."""
    fields = _sealed_answer(credentials, _ANSWER, document)
    code = _text(fields, "vnp_ResponseCode", _CODE)
    if code == _NOT_FOUND:
        if fields.get("vnp_TxnRef", "") not in ("", attempt.order_ref):
            raise Malformed("vnp_TxnRef: not the order asked about")
        return GatewayResult(attempt.order_ref, Outcome.NOT_FOUND, gateway_code=code)
    if code != OK:
        raise Malformed("vnp_ResponseCode: no answer")
    if fields.get("vnp_TxnRef") != attempt.order_ref:
        raise Malformed("vnp_TxnRef: not the order asked about")
    report = _report(fields, None, _text(fields, "vnp_TransactionStatus", _CODE))
    if fields.get("vnp_TransactionType", "") in _REFUNDS and report.outcome is Outcome.SUCCEEDED:
        return replace(report, outcome=Outcome.HELD)  # what succeeded is giving it back
    return report


def outcome_of(code: str | None, status: str) -> Outcome:
    """What a code and a transaction's status say; `code` is None in an answer to a question."""
    if status in _HELD or code == "07":
        return Outcome.HELD
    if status == OK and code in (OK, None):
        return Outcome.SUCCEEDED
    if status == "02" and (code is None or code in _FAILURES):
        return Outcome.FAILED
    return Outcome.PENDING


def _report(fields: Mapping[str, str], code: str | None, status: str) -> GatewayResult:
    outcome = outcome_of(code, status)
    number = _text(fields, "vnp_TransactionNo", _NUMBER, may_be_absent=True)
    number = number if number.strip("0") else ""  # 0 is what they write where there is none
    paid_at = _time(_text(fields, "vnp_PayDate", _STAMP, may_be_absent=True))
    amount = _amount(fields)
    if outcome in (Outcome.SUCCEEDED, Outcome.HELD) and not number:
        if outcome is Outcome.SUCCEEDED:
            raise Malformed("vnp_TransactionNo: missing")
        outcome = Outcome.PENDING  # taken at the bank, but VNPay has no name for it yet
    return GatewayResult(
        order_ref=_text(fields, "vnp_TxnRef", _ORDER_REF),
        outcome=outcome,
        gateway_ref=number or None,
        amount=amount,
        paid_at=paid_at,
        gateway_code=status if code in (None, OK) else code,
    )


def _verified(credentials: Credentials, query: str) -> dict[str, str]:
    """The `vnp_` parameters of a raw query, once its hash fits them."""
    raw: dict[str, str] = {}
    fields: dict[str, str] = {}
    odd: list[str] = []
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        read = unquote_plus(name)
        if not read.startswith("vnp_"):
            continue  # not theirs, and not signed: our own address may carry parameters
        if read in fields:
            raise WrongSeal("a parameter is given twice")
        raw[read] = pair
        try:
            fields[read] = unquote_plus(value, errors="strict")
        except UnicodeDecodeError:
            fields[read] = unquote_plus(value)
            odd.append(read)
    given = fields.get("vnp_SecureHash", "")
    if _HASH.fullmatch(given) is None:
        raise WrongSeal("vnp_SecureHash: missing or not 128 hex digits")
    signed = sorted(name for name, value in fields.items() if value and name not in _UNSIGNED)
    as_sent = "&".join(raw[name] for name in signed)
    as_written = "&".join(f"{quote_plus(name)}={quote_plus(fields[name])}" for name in signed)
    fits = [hmac.compare_digest(given, _hmac(credentials, text)) for text in (as_sent, as_written)]
    if not any(fits):
        raise WrongSeal("vnp_SecureHash: wrong")
    if odd:
        raise Malformed(f"{odd[0][:40]}: not UTF-8")
    return fields


def _sealed_answer(
    credentials: Credentials, names: Sequence[str], document: Mapping[str, object]
) -> dict[str, str]:
    """The fields of an answer to a call, once their hash fits. Raises `Malformed`."""
    fields = {name: _scalar(name, value) for name, value in document.items()}
    given = fields.get("vnp_SecureHash", "")
    expected = _sealed(credentials, names, fields)
    if _HASH.fullmatch(given) is None or not hmac.compare_digest(given, expected):
        raise WrongSeal("vnp_SecureHash: missing or wrong")
    if fields.get("vnp_TmnCode") != credentials.tmn_code:
        raise Malformed("vnp_TmnCode: another account's")
    return fields


def _hmac(credentials: Credentials, text: str) -> str:
    return hmac.new(credentials.hash_secret.encode(), text.encode(), hashlib.sha512).hexdigest()


def _sealed(credentials: Credentials, names: Sequence[str], fields: Mapping[str, str]) -> str:
    return _hmac(credentials, "|".join(fields.get(name, "") for name in names))


def _scalar(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if value is None:
        return ""
    raise Malformed(f"{name}: neither text nor an integer")


def _check_ref(order_ref: str) -> None:
    if _ORDER_REF.fullmatch(order_ref) is None:
        raise GatewayMisuse("vnpay: order_ref must be 1 to 100 of A-Z a-z 0-9 . _ -")


def _address(payer_ip: str) -> str:
    """At least seven characters, as their form wants it; `::1` is this machine."""
    return payer_ip if 7 <= len(payer_ip) <= 45 else "127.0.0.1"


def _text(
    fields: Mapping[str, str], name: str, grammar: re.Pattern[str], *, may_be_absent: bool = False
) -> str:
    value = fields.get(name, "" if may_be_absent else None)
    if value is None or grammar.fullmatch(value) is None:
        raise Malformed(f"{name}: missing or malformed")
    return value


def _amount(fields: Mapping[str, str]) -> int:
    hundredths = int(_text(fields, "vnp_Amount", _HUNDREDTHS))
    try:
        if hundredths % 100:
            raise Malformed("vnp_Amount: not a number of whole đồng")
        return check_amount(hundredths // 100)
    except Invalid:
        raise Malformed("vnp_Amount: not a number of whole đồng") from None


def _time(text: str) -> datetime | None:
    return stamped("vnp_PayDate", text) if text else None
