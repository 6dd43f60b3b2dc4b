"""What the sandbox's gateway and bank put on the wire, and how they check what comes in.

Written from the same description as our adapters and independent of them: nothing is shared, so
a slip in one shows as a disagreement between the two.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from adapters.sandbox.books import BankAccount, Charge, Merchant, Movement, Order
from core import json
from core.clock import VIETNAM
from core.errors import Invalid

_MAX_BODY: Final = 64 * 1024
_LARGEST_AMOUNT: Final = 10**13
_CREATE_FIELDS: Final = {
    "partnerCode": str,
    "accessKey": str,
    "serviceCode": str,
    "returnUrl": str,
    "orderId": str,
    "amount": int,
    "orderInfo": str,
    "requestCode": str,
    "ipAddress": str,
    "checksum": str,
}
_QUERY_FIELDS: Final = {"partnerCode": str, "accessKey": str, "orderId": str, "checksum": str}


@dataclass(frozen=True, slots=True)
class Refused(Exception):
    """A request the gateway does not take: HTTP status, its code and its words."""

    status: int
    code: str
    message: str


def read_create(body: bytes) -> dict[str, object]:
    """The fields of a create call; `Refused` 03 unless they are exactly the profile's."""
    fields = _read(body, _CREATE_FIELDS)
    amount = fields["amount"]
    if not isinstance(amount, int) or not 1 <= amount <= _LARGEST_AMOUNT:
        raise Refused(400, "03", "amount")
    if not str(fields["orderInfo"]).isascii():
        raise Refused(400, "03", "orderInfo")
    return fields


def read_query(body: bytes) -> dict[str, object]:
    """The fields of a query; `Refused` 03 unless they are exactly the profile's."""
    return _read(body, _QUERY_FIELDS)


def check_create(merchant: Merchant, authorization: str, fields: Mapping[str, object]) -> None:
    """`Refused` 97 unless token, keys and checksum are the merchant's."""
    plain = (
        f"{merchant.secret_key}{merchant.partner_code}{merchant.access_key}"
        f"{fields['orderId']}{fields['amount']}{fields['requestCode']}"
    )
    expected = hashlib.sha256(plain.encode()).hexdigest()
    _check(merchant, authorization, fields, expected)
    if fields["serviceCode"] != merchant.service_code:
        raise Refused(403, "97", "serviceCode")


def check_query(merchant: Merchant, authorization: str, fields: Mapping[str, object]) -> None:
    """`Refused` 97 unless token, keys and checksum are the merchant's."""
    _check(merchant, authorization, fields, seal(merchant, "paygov.query", fields))


def seal(merchant: Merchant, purpose: str, fields: Mapping[str, object]) -> str:
    """The keyed checksum over a purpose, the account and every field, as netstrings."""
    words = [purpose, merchant.partner_code, merchant.access_key]
    for name, value in sorted(fields.items()):
        if name != "checksum":
            words += [name, str(value)]
    mac = hmac.new(merchant.secret_key.encode(), digestmod="sha256")
    for word in words:
        data = word.encode()
        mac.update(str(len(data)).encode() + b":" + data + b",")
    return mac.hexdigest()


def result_fields(order: Order, charge: Charge | None, error_code: str) -> dict[str, object]:
    """What the gateway says of an order, unsigned: in a callback and in an answer to a query."""
    return {
        "amount": charge.amount if charge else order.amount,
        "orderId": order.order_id,
        "orderInfo": order.order_info,
        "requestCode": _as_portals_do(order.request_code),
        "transactionNo": charge.transaction_no if charge else "",
        "payDate": _stamp(charge.charged_at) if charge else "",
        "payGate": "SANDBOX",
        "errorCode": error_code,
        "type": "PAYMENT",
        "transactionCode": f"TC{charge.transaction_no}" if charge else "",
    }


def callback_body(merchant: Merchant, fields: Mapping[str, object]) -> bytes:
    """A signed callback, in the gateway's own order of fields."""
    return json.dumps({**fields, "checksum": seal(merchant, "paygov.callback", fields)})


def answer_body(merchant: Merchant, fields: Mapping[str, object]) -> bytes:
    """A signed answer to a query."""
    signature = seal(merchant, "paygov.query.answer", fields)
    return json.dumps({"data": {**fields, "checksum": signature}})


def error_body(code: str, message: str) -> bytes:
    """The gateway's words for a refusal."""
    return json.dumps({"error_code": code, "error_message": message})


def notice_body(account: BankAccount, movement: Movement) -> bytes:
    """One movement of an account as SePay posts it."""
    local = movement.booked_at.astimezone(VIETNAM)
    return json.dumps(
        {
            "id": movement.id,
            "gateway": account.bank_name,
            "transactionDate": local.strftime("%Y-%m-%d %H:%M:%S"),
            "accountNumber": movement.account_number,
            "subAccount": None,
            "code": None,
            "content": movement.narrative,
            "transferType": movement.direction,
            "transferAmount": movement.amount,
            "accumulated": movement.balance,
            "referenceCode": movement.reference_code,
            "description": f"BankAPINotify {movement.narrative}",
        }
    )


def notice_headers(secret: str, body: bytes, at: datetime) -> dict[str, str]:
    """SePay's signature headers for a notice sent at `at`."""
    seconds = str(int(at.timestamp()))
    mac = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256)
    return {"X-SePay-Timestamp": seconds, "X-SePay-Signature": f"sha256={mac.hexdigest()}"}


def _read(body: bytes, expected: Mapping[str, type]) -> dict[str, object]:
    try:
        document = json.loads(body, max_bytes=_MAX_BODY)
    except Invalid:
        raise Refused(400, "03", "JSON") from None
    if not isinstance(document, dict) or set(document) != set(expected):
        raise Refused(400, "03", "fields")
    for name, kind in expected.items():
        if type(document[name]) is not kind or document[name] == "":
            raise Refused(400, "03", name)
    return document


def _check(
    merchant: Merchant, authorization: str, fields: Mapping[str, object], expected: str
) -> None:
    if not hmac.compare_digest(authorization.encode(), f"Bearer {merchant.token}".encode()):
        raise Refused(401, "97", "token")
    if not hmac.compare_digest(str(fields["accessKey"]).encode(), merchant.access_key.encode()):
        raise Refused(401, "97", "accessKey")
    if not hmac.compare_digest(str(fields["checksum"]).encode(), expected.encode()):
        raise Refused(401, "97", "checksum")


def _as_portals_do(code: str) -> str | int:
    """A code of digits comes back as a JSON number, as a real portal's client makes it."""
    if code.isascii() and code.isdigit() and len(code) <= 18 and str(int(code)) == code:
        return int(code)
    return code


def _stamp(at: datetime) -> str:
    return at.astimezone(VIETNAM).strftime("%Y%m%d%H%M%S")
