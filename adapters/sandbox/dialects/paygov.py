"""PayGov as the sandbox plays it: what it puts on the wire, how it checks what comes in.

Written from the same description as our adapter and independent of it: nothing is shared, so
a slip in one shows as a disagreement between the two.
"""

import hashlib
import hmac
import random
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from adapters.sandbox.engine.dialect import WebhookMessage
from adapters.sandbox.engine.faults import Fault, Operation
from adapters.sandbox.engine.gateway import Engine, ProviderRequest
from adapters.sandbox.engine.replies import Reply, answer, did_nothing, refusal
from adapters.sandbox.engine.store import (
    Charge,
    Merchant,
    Order,
    OrderRequest,
    OtherOrder,
)
from core import json
from core.clock import VIETNAM
from core.errors import Invalid

_PAID: Final = "00"
_OPEN: Final = "01"
_HELD: Final = "07"
_CANCELLED: Final = "24"
_UNKNOWN: Final = "91"
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


class PayGov:
    """See `engine.gateway.GatewayDialect`."""

    name = "paygov"

    def demo_credentials(self, account_number: str) -> dict[str, str]:
        return {
            "partner_code": "PAYGOV-DEMO",
            "access_key": secrets.token_hex(8),
            "secret_key": secrets.token_hex(16),
            "token": secrets.token_hex(16),
            "service_code": "LEPHI",
        }

    def account_id(self, credentials: Mapping[str, str]) -> str:
        needed = ("partner_code", "access_key", "secret_key", "token", "service_code")
        return {name: credentials[name] for name in needed}["partner_code"]

    def acknowledged(self, status: int | None, answer: str) -> bool:
        """200 and SUCCESSFUL."""
        return status == 200 and '"error_code":"SUCCESSFUL"' in "".join(answer.split())

    def schedule(self, usual: tuple[float, ...]) -> tuple[float, ...]:
        return usual

    def handle(self, engine: Engine, request: ProviderRequest) -> Reply | Order | None:
        authorization = request.headers.get("authorization", "")
        match request.method, request.path:
            case "POST", "create":
                return create(engine, request.body, authorization)
            case "POST", "query":
                return query(engine, request.body, authorization)
        start, _, token = request.path.rpartition("/")
        return engine.store.pages.get(token) if start == "pay" else None

    def transaction_no(self, now: datetime, rng: random.Random, count: int) -> str:
        return f"{now:%y%m%d%H%M%S}{rng.randrange(10**6):06d}{count:04d}"

    def paid(self, merchant: Merchant, order: Order, charge: Charge) -> WebhookMessage:
        fields = result_fields(order, charge, _HELD if charge.held else _PAID)
        return WebhookMessage(merchant.callback_url, callback_body(merchant, fields))

    def failed(self, merchant: Merchant, order: Order, transaction_no: str) -> WebhookMessage:
        fields = {**result_fields(order, None, _CANCELLED), "transactionNo": transaction_no}
        return WebhookMessage(merchant.callback_url, callback_body(merchant, fields))

    def forged(
        self, merchant: Merchant, order_id: str, order: Order | None, charge: Charge
    ) -> WebhookMessage:
        fields: dict[str, object] = {
            "requestCode": "0",
            **(result_fields(order, None, _PAID) if order else {}),
            "orderId": order_id,
            "amount": charge.amount,
            "transactionNo": charge.transaction_no,
            "payDate": "20260101000000",
            "errorCode": _PAID,
        }
        keys = {**merchant.credentials, "secret_key": "not the secret"}
        outsider = Merchant(merchant.dialect, merchant.id, keys, merchant.callback_url)
        return WebhookMessage(merchant.callback_url, callback_body(outsider, fields))

    def return_url(self, merchant: Merchant, order: Order, charge: Charge | None) -> str:
        code = _CANCELLED if charge is None else _HELD if charge.held else _PAID
        shown = urlencode({"orderId": order.order_id, "errorCode": code})
        return f"{order.return_url}{'&' if '?' in order.return_url else '?'}{shown}"


DIALECT: Final = PayGov()


def create(engine: Engine, body: bytes, authorization: str) -> Reply:
    """Take an order. The same id with the same bytes is the same order, and the same answer;
    other bytes under a known id are refused (409, code 94)."""
    try:
        fields = read_create(body)
        merchant = _merchant(engine, fields)
        engine.store.called(merchant.id, str(fields["orderId"]))
        check_create(merchant, authorization, fields)
        planned = engine.next_fault(merchant, Operation.CREATE)
        if planned is not None and did_nothing(planned):
            return refusal(planned, _DECLINED, _BUSY)
        order = engine.take(merchant, _order_request(fields, body))
    except OtherOrder:
        return Reply(409, error_body("94", "orderId"))
    except Refused as refused:
        return Reply(refused.status, error_body(refused.code, refused.message))
    said = json.dumps({"data": {"url": f"{engine.base_url}{order.page}"}})
    return engine.answer_create(planned, order, said)


def query(engine: Engine, body: bytes, authorization: str) -> Reply:
    """Say what became of an order, as far as the gateway shows it."""
    try:
        fields = read_query(body)
        merchant = _merchant(engine, fields)
        check_query(merchant, authorization, fields)
    except Refused as refused:
        return Reply(refused.status, error_body(refused.code, refused.message))
    planned = engine.next_fault(merchant, Operation.QUERY)
    if planned is not None and did_nothing(planned):
        return refusal(planned, _DECLINED, _BUSY)
    order_id = str(fields["orderId"])
    order = engine.store.orders.get((merchant.id, order_id))
    if order is None or (planned is not None and planned.fault is Fault.NOT_FOUND):
        said: dict[str, object] = {"orderId": order_id, "errorCode": _UNKNOWN}
    else:
        charge = order.visible_charge(engine.now())
        unpaid = _CANCELLED if order.failed else _OPEN
        paid = _HELD if charge is not None and charge.held else _PAID
        said = result_fields(order, charge, unpaid if charge is None else paid)
    return answer(planned, answer_body(merchant, said))


def _merchant(engine: Engine, fields: Mapping[str, object]) -> Merchant:
    merchant = engine.merchant(DIALECT.name, str(fields["partnerCode"]))
    if merchant is None:
        raise Refused(401, "97", "partnerCode")
    return merchant


def _order_request(fields: Mapping[str, object], body: bytes) -> OrderRequest:
    amount = fields["amount"]
    return OrderRequest(
        order_id=str(fields["orderId"]),
        amount=amount if isinstance(amount, int) else 0,
        order_info=str(fields["orderInfo"]),
        return_url=str(fields["returnUrl"]),
        digest=hashlib.sha256(body).hexdigest(),
        details={"request_code": str(fields["requestCode"])},
    )


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
    keys = merchant.credentials
    plain = (
        f"{keys['secret_key']}{merchant.id}{keys['access_key']}"
        f"{fields['orderId']}{fields['amount']}{fields['requestCode']}"
    )
    expected = hashlib.sha256(plain.encode()).hexdigest()
    _check(merchant, authorization, fields, expected)
    if fields["serviceCode"] != keys["service_code"]:
        raise Refused(403, "97", "serviceCode")


def check_query(merchant: Merchant, authorization: str, fields: Mapping[str, object]) -> None:
    """`Refused` 97 unless token, keys and checksum are the merchant's."""
    _check(merchant, authorization, fields, seal(merchant, "paygov.query", fields))


def seal(merchant: Merchant, purpose: str, fields: Mapping[str, object]) -> str:
    """The keyed checksum over a purpose, the account and every field, as netstrings."""
    words = [purpose, merchant.id, merchant.credentials["access_key"]]
    for name, value in sorted(fields.items()):
        if name != "checksum":
            words += [name, str(value)]
    mac = hmac.new(merchant.credentials["secret_key"].encode(), digestmod="sha256")
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
        "requestCode": _as_portals_do(order.details["request_code"]),
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
    keys = merchant.credentials
    if not hmac.compare_digest(authorization.encode(), f"Bearer {keys['token']}".encode()):
        raise Refused(401, "97", "token")
    if not hmac.compare_digest(str(fields["accessKey"]).encode(), keys["access_key"].encode()):
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


_DECLINED: Final = error_body("51", "Giao dịch bị từ chối (môi trường thử)")
_BUSY: Final = error_body("99", "busy")
