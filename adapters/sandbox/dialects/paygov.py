"""PayGov as the sandbox plays it: what it puts on the wire, how it checks what comes in.

Written from the same description as our adapter and independent of it: nothing is shared, so
a slip in one shows as a disagreement between the two.
"""

import base64
import hashlib
import random
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from adapters.sandbox.engine.dialect import WebhookMessage
from adapters.sandbox.engine.faults import Fault, Operation
from adapters.sandbox.engine.gateway import Engine, ProviderRequest
from adapters.sandbox.engine.linked_files import link_to, linked_file
from adapters.sandbox.engine.reading import by_recipe, mac_of_netstrings, read_object, same, whole
from adapters.sandbox.engine.replies import Reply, answer, did_nothing, refusal
from adapters.sandbox.engine.settlement import SettlementSheet
from adapters.sandbox.engine.store import Charge, Merchant, Order, OrderRequest, OtherOrder
from core import json
from core.clock import VIETNAM
from core.errors import Invalid

_PAID: Final = "00"
_OPEN: Final = "01"
_HELD: Final = "07"
_CANCELLED: Final = "24"
_UNKNOWN: Final = "91"
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
#: units whose portals send no checksum
_PLAIN_UNITS: Final = ("dongthap", "bogtvt")
_RECEIPT_FIELDS: Final = (
    *("partnerCode", "accessKey", "payerId", "payerName", "payerAddress", "payerDistrict"),
    *("payerProvince", "docCode", "procedureName", "paids", "otherInfo", "decisionDate"),
    "checksum",
)
_RECEIPT_RECIPE: Final = f"sha256(secretKey,{','.join(_RECEIPT_FIELDS[:-1])})"
_QUERY_FIELDS: Final = {"partnerCode": str, "accessKey": str, "orderId": str, "checksum": str}


@dataclass(frozen=True, slots=True)
class Refused(Exception):
    """A request the gateway does not take: HTTP status, its code and its words."""

    status: int
    code: str
    message: str


#: What the portal's gateway paid over. [?]: nobody here has seen one.
_SHEETS: Final = (
    SettlementSheet(
        name="paygov",
        columns=(
            ("Mã lô", "batch"),
            ("Ngày quyết toán", "day"),
            ("orderId", "order"),
            ("transactionNo", "number"),
            ("Thời gian thanh toán", "at"),
            ("Số tiền", "amount"),
            ("Phí", "fee"),
            ("Thực chuyển", "net"),
        ),
        day="%d/%m/%Y",
        at="%d/%m/%Y %H:%M:%S",
        thousands=".",
        totals="Tổng",
    ),
)


class PayGov:
    """See `engine.gateway.GatewayDialect`."""

    name = "paygov"
    calls = frozenset({Operation.CREATE, Operation.QUERY})
    sheets = _SHEETS

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
        headers = request.headers
        match request.method, request.path:
            case "POST", "create":
                return create(engine, request.body, headers)
            case "POST", "query":
                return query(engine, request.body, headers)
            case "POST", "receipt":
                return receipt(engine, request.body, headers)
            case "GET", "file":
                return linked_file(engine, request.query)
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


def create(engine: Engine, body: bytes, headers: Mapping[str, str]) -> Reply:
    """Take an order. The same id with the same bytes is the same order, and the same answer;
    other bytes under a known id are refused (409, code 94)."""
    try:
        merchant = _merchant(engine, read_object(body))
        fields = read_create(merchant, body)
        engine.store.called(merchant.id, str(fields["orderId"]))
        _noted(engine, lambda: check_create(merchant, headers, fields))
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


def query(engine: Engine, body: bytes, headers: Mapping[str, str]) -> Reply:
    """Say what became of an order, as far as the gateway shows it."""
    try:
        fields = _read(body, _QUERY_FIELDS)
        merchant = _merchant(engine, fields)
        _noted(engine, lambda: check_query(merchant, headers, fields))
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


def receipt(engine: Engine, body: bytes, headers: Mapping[str, str]) -> Reply:
    """A link to the receipt of a payment, by the transaction code it was told with."""
    try:
        fields = _read(body, dict.fromkeys(_RECEIPT_FIELDS, str), may_be_empty=True)
        merchant = _merchant(engine, fields)
        _check_token(merchant, headers)
        recipe = merchant.credentials.get("receipt_checksum") or _RECEIPT_RECIPE
        _check_seal(merchant, fields, made(merchant, recipe, fields))
        paids = json.loads(base64.b64decode(str(fields["paids"])))
    except (Invalid, ValueError, TypeError):
        return Reply(400, error_body("03", "paids"))
    except Refused as refused:
        return Reply(refused.status, error_body(refused.code, refused.message))
    orders = engine.store.orders.values()
    known = {f"TC{c.transaction_no}" for order in orders for c in order.charges}
    if not isinstance(paids, list) or len(paids) != 1 or paids[0] not in known:
        return Reply(200, json.dumps({"transactionReceipt": ""}))
    return Reply(
        200, json.dumps({"transactionReceipt": link_to(engine, DIALECT.name, str(paids[0]))})
    )


def _merchant(engine: Engine, fields: Mapping[str, object]) -> Merchant:
    merchant = engine.merchant(DIALECT.name, str(fields.get("partnerCode")))
    if merchant is None:
        raise Refused(401, "97", "partnerCode")
    return merchant


def _order_request(fields: Mapping[str, object], body: bytes) -> OrderRequest:
    return OrderRequest(
        order_id=str(fields["orderId"]),
        amount=whole(fields["amount"]),
        order_info=str(fields.get("orderInfo", "")),
        return_url=str(fields["returnUrl"]),
        digest=hashlib.sha256(body).hexdigest(),
        details={"request_code": str(fields["requestCode"])},
    )


def read_create(merchant: Merchant, body: bytes) -> dict[str, object]:
    """The fields of a create call; `Refused` 03 unless they are exactly the unit's."""
    settings = merchant.credentials
    names = set(_CREATE_FIELDS)
    if settings.get("profile") in _PLAIN_UNITS:
        names -= {"checksum", "accessKey", "serviceCode"}
    if settings.get("create_fields"):
        names = set(settings["create_fields"].split(","))
    fields = _read(body, {n: kind for n, kind in _CREATE_FIELDS.items() if n in names})
    if not 1 <= whole(fields["amount"]) <= _LARGEST_AMOUNT:
        raise Refused(400, "03", "amount")
    if not str(fields.get("orderInfo", "")).isascii():
        raise Refused(400, "03", "orderInfo")
    return fields


def check_create(
    merchant: Merchant, headers: Mapping[str, str], fields: Mapping[str, object]
) -> None:
    """`Refused` 97 unless token, keys and checksum are the merchant's."""
    keys = merchant.credentials
    _check_token(merchant, headers)
    if "serviceCode" in fields and fields["serviceCode"] != keys["service_code"]:
        raise Refused(403, "97", "serviceCode")
    if "checksum" not in fields:
        return
    recipe = keys.get("create_checksum") or (
        "sha256(secretKey,partnerCode,accessKey,orderId,amount,requestCode)"
    )
    _check_seal(
        merchant, {"accessKey": keys["access_key"], **fields}, made(merchant, recipe, fields)
    )


def check_query(
    merchant: Merchant, headers: Mapping[str, str], fields: Mapping[str, object]
) -> None:
    """`Refused` 97 unless token, keys and checksum are the merchant's."""
    _check_token(merchant, headers)
    _check_seal(merchant, fields, seal(merchant, "paygov.query", fields))


def made(merchant: Merchant, recipe: str, fields: Mapping[str, object]) -> str:
    """A checksum by a recipe of the account's settings."""
    secret = merchant.credentials["secret_key"]
    values = {name: str(value) for name, value in fields.items()} | {
        "secretKey": secret,
        "partnerCode": merchant.id,
        "accessKey": merchant.credentials["access_key"],
    }
    return by_recipe(recipe, secret, values)


def seal(merchant: Merchant, purpose: str, fields: Mapping[str, object]) -> str:
    """The keyed checksum over a purpose, the account and every field, as netstrings."""
    words = [purpose, merchant.id, merchant.credentials["access_key"]]
    for name, value in sorted(fields.items()):
        if name != "checksum":
            words += [name, str(value)]
    return mac_of_netstrings(merchant.credentials["secret_key"], words)


def result_fields(order: Order, charge: Charge | None, error_code: str) -> dict[str, object]:
    """What the gateway says of an order, unsigned: in a callback and in an answer to a query."""
    return {
        "amount": charge.amount if charge else order.amount,
        "orderId": order.order_id,
        "orderInfo": order.order_info,
        "requestCode": _as_portals_do(order.details["request_code"]),
        "transactionNo": charge.transaction_no if charge else "",
        "payDate": f"{charge.charged_at.astimezone(VIETNAM):%Y%m%d%H%M%S}" if charge else "",
        "payGate": "SANDBOX",
        "errorCode": error_code,
        "type": "PAYMENT",
        "transactionCode": f"TC{charge.transaction_no}" if charge else "",
    }


def callback_body(merchant: Merchant, fields: Mapping[str, object]) -> bytes:
    """A signed callback, in the gateway's own order of fields."""
    recipe = merchant.credentials.get("callback_checksum")
    checksum = (
        made(merchant, recipe, fields) if recipe else seal(merchant, "paygov.callback", fields)
    )
    return json.dumps({**fields, "checksum": checksum})


def answer_body(merchant: Merchant, fields: Mapping[str, object]) -> bytes:
    """A signed answer to a query."""
    signature = seal(merchant, "paygov.query.answer", fields)
    return json.dumps({"data": {**fields, "checksum": signature}})


def error_body(code: str, message: str) -> bytes:
    """The gateway's words for a refusal."""
    return json.dumps({"error_code": code, "error_message": message})


def _read(
    body: bytes, expected: Mapping[str, type], *, may_be_empty: bool = False
) -> dict[str, object]:
    document = read_object(body)
    if set(document) != set(expected):
        raise Refused(400, "03", "fields")
    for name, kind in expected.items():
        if type(document[name]) is not kind or (document[name] == "" and not may_be_empty):
            raise Refused(400, "03", name)
    return document


def _noted(engine: Engine, check: Callable[[], None]) -> None:
    """Note whether a check holds; what it raises goes on."""
    try:
        check()
    except Refused:
        engine.sealed(False)
        raise
    engine.sealed(True)


def _check_token(merchant: Merchant, headers: Mapping[str, str]) -> None:
    keys = merchant.credentials
    values = {
        "token": keys["token"],
        "lgspAccessToken": keys.get("lgsp_access_token", ""),
        "partnerCode": merchant.id,
        "accessKey": keys["access_key"],
    }
    for one in (keys.get("headers") or "authorization:token").lower().split(","):
        name, _, source = one.partition(":")
        (expected,) = (value for known, value in values.items() if known.lower() == source)
        bearer = "Bearer " if name == "authorization" else ""
        if not same(headers.get(name), f"{bearer}{expected}"):
            raise Refused(401, "97", name)


def _check_seal(merchant: Merchant, fields: Mapping[str, object], expected: str) -> None:
    if not same(fields["accessKey"], merchant.credentials["access_key"]):
        raise Refused(401, "97", "accessKey")
    if not same(fields["checksum"], expected):
        raise Refused(401, "97", "checksum")


def _as_portals_do(code: str) -> str | int:
    """A code of digits comes back as a JSON number, as a real portal's client makes it."""
    if code.isascii() and code.isdigit() and len(code) <= 18 and str(int(code)) == code:
        return int(code)
    return code


_DECLINED: Final = error_body("51", "Giao dịch bị từ chối (môi trường thử)")
_BUSY: Final = error_body("99", "busy")
