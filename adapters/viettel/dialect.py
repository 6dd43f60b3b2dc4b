"""Viettel's words, version 2.0: the pay address, results, questions, and how each is sealed. Pure.

There is no public page: [C] is in the public source of a one-stop system that talks to it, [S] is
read in clients of it.

* [C] A checksum is HMAC-SHA1 over the access code and then values, one after the other, nothing
  between them; written in base64, in older accounts in hex: the account's `checksum`. [S] The
  values are in the alphabetical order of their names. Calls are forms, answers are JSON.
* [S] The pay address is sealed over bill code, `PAYMENT`, merchant, order, amount and version.
* [S] A result is sealed over bill code, the payer's number, `error_code`, merchant, order,
  `payment_status`, amount and `vt_transaction_id`. [C] `error_code` 00 is paid; [S] so is
  `payment_status` 1, and -1 is no transaction, 0 under way, 2 failed, 3 not clear. It is paid where
  both say so; what they contradict each other about is not final. [I] A field that is left out
  adds nothing to the sealed text: such a result is Viettel's, and kept for people.
* [S] An answer to a question is sealed over merchant, order, status and version, [I] or with
  `error_code` before them: both are tried. [S] It tells amount and number too; they are outside the
  checksum, TLS alone vouches for them, and money without them is an unknown outcome. Under 02 or 03
  [C] nothing was looked up: it is no word of the order, whatever the status beside it.
* [S] Before it takes money, Viettel asks whether the order is ours: it leaves the amount out, and
  seals it all the same.
* [?] No time of payment is told: it is when the result came.

Between values without a separator a digit may change sides. So the bill code is ours to the letter:
the order, the amount that was asked for, and `VND`. Every field has one place where it can end, but
the amount and the number behind it: of another amount than was asked for, one that may be the asked
one cut elsewhere is not believed, but kept, and asked about. [assumption] A number does not begin
with 0. What we refuse is answered without a checksum: over words that somebody else chose, it would
be one for a result. Our question and our confirmation of an order are such texts too, sent back to
us with their borders moved: the first is no answer by its code, the second no result.
"""

import base64
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl, urlencode

from adapters.wording import Malformed, WrongSeal, spelled, without_marks, word
from core import json
from core.errors import Invalid
from core.money import check_amount
from payments.ports import AttemptKey, GatewayMisuse, GatewayResult, Outcome, StartRequest

OK: Final = "00"
REFUSED: Final = "01"
WRONG_CHECKSUM: Final = "02"
AGAIN: Final = "03"

_NONE: Final = "-1"
_UNDER_WAY: Final = "0"
_PAID: Final = "1"
_FAILED: Final = "2"

_PAY: Final = ("billcode", "command", "merchant_code", "order_id", "trans_amount", "version")
_RESULT: Final = (
    *("billcode", "cust_msisdn", "error_code", "merchant_code", "order_id"),
    *("payment_status", "trans_amount", "vt_transaction_id"),
)
_QUESTION: Final = ("cmd", "merchant_code", "order_id", "version")
_ANSWERS: Final = (
    ("error_code", "merchant_code", "order_id", "payment_status", "version"),
    ("merchant_code", "order_id", "payment_status", "version"),
)
_CHECK: Final = ("billcode", "merchant_code", "order_id", "trans_amount")
_CHECKED: Final = ("billcode", "error_code", "merchant_code", "order_id", "trans_amount")
_HEARD: Final = ("error_code", "merchant_code", "order_id")

_ORDER_REF: Final = re.compile(r"[0-9A-Za-z._-]{1,64}")
_BILL_CODE: Final = re.compile(r"([0-9A-Za-z._-]{1,64})-([1-9][0-9]{0,13})VND")
_PHONE: Final = re.compile(r"[0-9]{0,15}")
_CODE: Final = re.compile(r"[0-9]{2}|[A-Z][0-9]{2}")
_NO_CODE: Final = re.compile(rf"({_CODE.pattern})?")
_STATUS: Final = re.compile(r"-1|[0-3]")
_AMOUNT: Final = re.compile(r"[1-9][0-9]{0,13}")
_NUMBER: Final = re.compile(r"[1-9A-Za-z][0-9A-Za-z]{0,63}")
_NO_NUMBER: Final = re.compile(rf"({_NUMBER.pattern})?")
_MOST_FIELDS: Final = 40


@dataclass(frozen=True, slots=True)
class Credentials:
    """One account's credentials at Viettel; only the merchant's code may be shown."""

    merchant_code: str
    access_code: str = field(repr=False)
    hash_key: str = field(repr=False)
    version: str = "2.0"
    checksum: str = "base64"


@dataclass(frozen=True, slots=True)
class Check:
    """Viettel's question whether an order is ours, proved; `amount` in whole đồng."""

    bill_code: str
    order_ref: str
    amount: int


def pay_query(credentials: Credentials, request: StartRequest) -> str:
    """The query of the pay address, the same for the same request.

    Raises `GatewayMisuse` for a request that cannot be said in this dialect.
    """
    _check_ref(request.order_ref)
    try:
        amount = check_amount(request.amount)
    except Invalid:
        raise GatewayMisuse("viettel: the amount is not a number of whole đồng") from None
    if not 10 <= len(request.return_url) <= 500 or not request.return_url.isascii():
        raise GatewayMisuse("viettel: the return address must have 10 to 500 ASCII characters")
    fields = {
        "billcode": f"{request.order_ref}-{amount}VND",
        "command": "PAYMENT",
        "merchant_code": credentials.merchant_code,
        "order_id": request.order_ref,
        "trans_amount": str(amount),
        "version": credentials.version,
    }
    more = {
        "desc": without_marks(request.description)[:200],
        "locale": "en" if request.language == "en" else "vi",
        "return_url": request.return_url,
        "cancel_url": request.return_url,
    }
    return urlencode({**fields, **more, "check_sum": _seal(credentials, _PAY, fields)})


def question(credentials: Credentials, order_ref: str) -> bytes:
    """The question what became of an order; `GatewayMisuse` for a malformed reference."""
    _check_ref(order_ref)
    fields = {
        "cmd": "TRANS_INQUIRY",
        "merchant_code": credentials.merchant_code,
        "order_id": order_ref,
        "version": credentials.version,
    }
    return urlencode({**fields, "check_sum": _seal(credentials, _QUESTION, fields)}).encode()


def read_result(credentials: Credentials, raw: bytes, told_at: datetime) -> GatewayResult:
    """A result that Viettel posts, verified and read.

    The checksum is tried before any field is looked at. Raises `WrongSeal` for what is not
    Viettel's, `Malformed` naming the field, never its value.
    """
    fields = _form(raw)
    # What is left out adds nothing to the sealed text, as what is empty: it is authentic still.
    if not _is_sealed(credentials, _RESULT, {**dict.fromkeys(_RESULT, ""), **fields}):
        raise WrongSeal("check_sum: missing or wrong")
    if left_out := [name for name in _RESULT if name not in fields]:
        raise Malformed(f"{left_out[0]}: missing")
    _check_merchant(credentials, fields)
    order_ref = word(fields, "order_id", _ORDER_REF)
    named, asked = _bill_code(fields)
    if named != order_ref:
        raise Malformed("billcode: another order's")
    # What we confirm to be ours before it is paid can be cut into a result of less: see `checked`.
    if _text(_RESULT, fields) == f"{fields['billcode']}{OK}{fields['merchant_code']}{named}{asked}":
        raise WrongSeal("check_sum: of our own answer")
    word(fields, "cust_msisdn", _PHONE)
    code, status = word(fields, "error_code", _CODE), word(fields, "payment_status", _STATUS)
    amount = _amount(fields)
    number = word(fields, "vt_transaction_id", _NO_NUMBER)
    if amount != asked and _may_be(asked, f"{amount}{number}"):
        raise Malformed("trans_amount: may be the amount asked for, cut elsewhere")
    outcome = outcome_of(code, status)
    paid = outcome is Outcome.SUCCEEDED
    if paid:
        word(fields, "vt_transaction_id", _NUMBER)
    return GatewayResult(
        order_ref=order_ref,
        outcome=outcome,
        gateway_ref=number or None,
        amount=amount,
        paid_at=told_at if paid else None,
        gateway_code=code,
    )


def read_answer(
    credentials: Credentials, attempt: AttemptKey, document: Mapping[str, object]
) -> GatewayResult:
    """What became of the order that was asked about; raises as `read_result`.

    What Viettel itself does not know is no result: `Malformed`.
    """
    fields = spelled(document, "")
    if fields is None or not any(_is_sealed(credentials, names, fields) for names in _ANSWERS):
        raise WrongSeal("check_sum: missing or wrong")
    _check_merchant(credentials, fields)
    if fields["order_id"] != attempt.order_ref:
        raise Malformed("order_id: another order's")
    # Without its grammar our own question would do as an answer: `TRANS_INQUIRY` for a code.
    code = word({"error_code": "", **fields}, "error_code", _NO_CODE)
    status = word(fields, "payment_status", _STATUS)
    if code in (WRONG_CHECKSUM, AGAIN):
        raise Malformed("error_code: not looked up, so not decided")
    if status == _NONE:
        return GatewayResult(attempt.order_ref, Outcome.NOT_FOUND, gateway_code=code)
    if status == _UNDER_WAY:
        return GatewayResult(attempt.order_ref, Outcome.PENDING, gateway_code=code)
    if status == _FAILED:
        return GatewayResult(attempt.order_ref, Outcome.FAILED, gateway_code=code)
    if (status, code) != (_PAID, OK):
        raise Malformed("payment_status: not decided")
    return GatewayResult(
        order_ref=attempt.order_ref,
        outcome=Outcome.SUCCEEDED,
        gateway_ref=word(fields, "vt_transaction_id", _NUMBER),
        amount=_amount(fields),
        gateway_code=code,
    )


def outcome_of(code: str, status: str) -> Outcome:
    """What a result says became of its order; whatever is not clear is not final."""
    if (code, status) == (OK, _PAID):
        return Outcome.SUCCEEDED
    if code != OK and status == _FAILED:
        return Outcome.FAILED
    return Outcome.PENDING


def heard(credentials: Credentials, raw: bytes) -> bytes:
    """The answer to a result that is kept, under our checksum; `Malformed` if it is none."""
    fields = {
        "error_code": OK,
        "merchant_code": credentials.merchant_code,
        "order_id": word(_form(raw), "order_id", _ORDER_REF),
    }
    blank = {"return_url": "", "return_bill_code": "", "return_other_info": ""}
    return json.canonical({**fields, **blank, "check_sum": _seal(credentials, _HEARD, fields)})


def read_check(credentials: Credentials, raw: bytes) -> Check:
    """The question whether an order is ours, proved. Raises `WrongSeal`."""
    fields = _form(raw)
    try:
        order_ref, amount = _bill_code(fields)
    except Malformed:
        raise WrongSeal("billcode: not one of ours") from None
    if not _is_sealed(credentials, _CHECK, {**fields, "trans_amount": str(amount)}):
        raise WrongSeal("check_sum: missing or wrong")
    _check_merchant(credentials, fields)
    if fields["order_id"] != order_ref:
        raise Malformed("billcode: another order's")
    return Check(fields["billcode"], order_ref, amount)


def checked(credentials: Credentials, check: Check) -> bytes:
    """That the order is ours and may be paid, under our checksum."""
    fields = {
        "billcode": check.bill_code,
        "error_code": OK,
        "merchant_code": credentials.merchant_code,
        "order_id": check.order_ref,
        "trans_amount": str(check.amount),
    }
    return json.canonical({**fields, "check_sum": _seal(credentials, _CHECKED, fields)})


def refusal(code: str) -> bytes:
    """An answer that proves nothing."""
    return json.canonical({"error_code": code})


def _form(raw: bytes) -> dict[str, str]:
    """A form's fields. Raises `WrongSeal` for what is none, or names a field twice."""
    try:
        pairs = parse_qsl(
            raw.decode("utf-8", "surrogateescape"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="surrogateescape",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError:
        raise WrongSeal("not a form") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise WrongSeal("a field is there twice")
    return fields


def _bill_code(fields: Mapping[str, str]) -> tuple[str, int]:
    """Order and amount that a bill code of ours names. Raises `Malformed`."""
    found = _BILL_CODE.fullmatch(fields.get("billcode", ""))
    if found is None:
        raise Malformed("billcode: not one of ours")
    return found[1], int(found[2])


def _may_be(asked: int, tail: str) -> bool:
    """Whether an amount with the number behind it may be `asked` and another number."""
    rest = tail.removeprefix(str(asked))
    return rest != tail and _NUMBER.fullmatch(rest) is not None


def _amount(fields: Mapping[str, str]) -> int:
    text = word(fields, "trans_amount", _AMOUNT)
    try:
        return check_amount(int(text))
    except Invalid:
        raise Malformed("trans_amount: not a number of whole đồng") from None


def _check_merchant(credentials: Credentials, fields: Mapping[str, str]) -> None:
    if fields["merchant_code"] != credentials.merchant_code:
        raise Malformed("merchant_code: another merchant's")


def _check_ref(order_ref: str) -> None:
    if _ORDER_REF.fullmatch(order_ref) is None:
        raise GatewayMisuse("viettel: a reference must be 1 to 64 of A-Z a-z 0-9 . _ -")


def _is_sealed(credentials: Credentials, names: Sequence[str], fields: Mapping[str, str]) -> bool:
    given = fields.get("check_sum", "")
    if not given.isascii() or any(name not in fields for name in names):
        return False
    return hmac.compare_digest(given, _seal(credentials, names, fields))


def _text(names: Sequence[str], fields: Mapping[str, str]) -> str:
    return "".join(fields[name] for name in names)


def _seal(credentials: Credentials, names: Sequence[str], fields: Mapping[str, str]) -> str:
    text = credentials.access_code + _text(names, fields)
    # Bytes that are no UTF-8 are sealed as they came: whether they can be read is seen afterwards.
    sealed = text.encode("utf-8", "surrogateescape")
    digest = hmac.digest(credentials.hash_key.encode(), sealed, "sha1")
    return digest.hex() if credentials.checksum == "hex" else base64.b64encode(digest).decode()
