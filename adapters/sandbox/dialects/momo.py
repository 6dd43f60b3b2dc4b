"""MoMo v2 as the sandbox plays it: what it puts on the wire, how it checks what comes in.

Written from the same description as our adapter and independent of it: nothing is shared, so a
slip in one shows as a disagreement between the two.
"""

import hashlib
import random
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from adapters.sandbox.engine.dialect import WebhookMessage
from adapters.sandbox.engine.faults import Fault, Operation
from adapters.sandbox.engine.gateway import Engine, ProviderRequest
from adapters.sandbox.engine.reading import mac, read_object, same, whole
from adapters.sandbox.engine.replies import Reply, answer, did_nothing, refusal
from adapters.sandbox.engine.settlement import SettlementSheet
from adapters.sandbox.engine.store import (
    Charge,
    Merchant,
    MoneyBack,
    Order,
    OrderRequest,
    OtherOrder,
    RefundStatus,
    TooMuchBack,
)
from core import json

_API: Final = "v2/gateway/api/"
_LEAST: Final = 1_000
_GREATEST: Final = 50_000_000
_CREATE: Final = (
    "accessKey amount extraData ipnUrl orderId orderInfo partnerCode redirectUrl requestId"
    " requestType"
)
_RESULT: Final = (
    "accessKey amount extraData message orderId orderInfo orderType partnerCode payType requestId"
    " responseTime resultCode transId"
)
_QUERY: Final = "accessKey orderId partnerCode requestId"
_REFUND: Final = "accessKey amount description orderId partnerCode requestId transId"
_WAYS: Final = ("captureWallet", "payWithATM", "payWithCC", "payWithMethod")
_WORDS: Final = {
    0: "Thành công.",
    11: "Access denied.",
    13: "Merchant authentication failed.",
    20: "Bad format request.",
    22: "The requested transaction amount is out of range.",
    41: "Duplicated orderId.",
    42: "Invalid orderId or orderId is not found.",
    1000: "Transaction is initiated, waiting for user confirmation.",
    1001: "Transaction failed due to insufficient funds.",
    1006: "Transaction failed because user has denied to confirm the payment.",
    1080: "The refund was rejected.",
    7000: "Transaction is being processed.",
}
#: The merchant's reconciliation file. [M]: nobody here has seen one.
_SHEETS: Final = (
    SettlementSheet(
        name="momo",
        columns=(
            ("Mã quyết toán", "batch"),
            ("Ngày quyết toán", "day"),
            ("Thời gian giao dịch", "at"),
            ("orderId", "order"),
            ("transId", "number"),
            ("Loại giao dịch", "kind"),
            ("Số tiền", "amount"),
            ("Phí", "fee"),
            ("Thực nhận", "net"),
            ("Ghi chú", "blank"),
        ),
        day="%d/%m/%Y",
        at="%d/%m/%Y %H:%M:%S",
        kinds={"payment": "Thanh toán", "refund": "Hoàn tiền"},
        thousands=",",
        totals="Tổng",
    ),
)


class MoMo:
    """See `engine.gateway.GatewayDialect`."""

    name = "momo"
    calls = frozenset({Operation.CREATE, Operation.QUERY, Operation.REFUND})
    sheets = _SHEETS

    def demo_credentials(self, account_number: str) -> dict[str, str]:
        return {
            "partner_code": f"MOMODEMO{secrets.token_hex(2).upper()}",
            "access_key": secrets.token_hex(8),
            "secret_key": secrets.token_hex(16),
        }

    def account_id(self, credentials: Mapping[str, str]) -> str:
        needed = ("partner_code", "access_key", "secret_key")
        return {name: credentials[name] for name in needed}["partner_code"]

    def acknowledged(self, status: int | None, answer: str) -> bool:
        """204 and nothing in it."""
        return status == 204 and answer == ""

    def schedule(self, usual: tuple[float, ...]) -> tuple[float, ...]:
        return usual

    def handle(self, engine: Engine, request: ProviderRequest) -> Reply | Order | None:
        match request.method, request.path.removeprefix(_API):
            case "POST", "create":
                return _create(engine, request.body)
            case "POST", "query":
                return _query(engine, request.body)
            case "POST", "refund":
                return _refund(engine, request.body)
        start, _, token = request.path.rpartition("/")
        return engine.store.pages.get(token) if start == "pay" else None

    def transaction_no(self, now: datetime, rng: random.Random, count: int) -> str:
        """Digits that fit into 64 bits."""
        return f"{int(now.timestamp())}{rng.randrange(1000):03d}{count % 10**5:05d}"

    def paid(self, merchant: Merchant, order: Order, charge: Charge) -> WebhookMessage:
        code = 7000 if charge.held else 0
        return WebhookMessage(merchant.callback_url, result_body(merchant, order, charge, code))

    def failed(self, merchant: Merchant, order: Order, transaction_no: str) -> WebhookMessage:
        tried = Charge(transaction_no, order.amount, order.created_at, None)
        return WebhookMessage(merchant.callback_url, result_body(merchant, order, tried, 1006))

    def forged(
        self, merchant: Merchant, order_id: str, order: Order | None, charge: Charge
    ) -> WebhookMessage:
        keys = {**merchant.credentials, "secret_key": "not the secret"}
        outsider = Merchant(merchant.dialect, merchant.id, keys, merchant.callback_url)
        known = order or Order(
            *(merchant.dialect, merchant.id, order_id, charge.amount, "", "", ""),
            {"request": "r", "extra": ""},
            *("", "", charge.charged_at),
        )
        return WebhookMessage(merchant.callback_url, result_body(outsider, known, charge, 0))

    def return_url(self, merchant: Merchant, order: Order, charge: Charge | None) -> str:
        code = 1006 if charge is None else 7000 if charge.held else 0
        shown = urlencode({"orderId": order.order_id, "resultCode": code})
        return f"{order.return_url}{'&' if '?' in order.return_url else '?'}{shown}"


DIALECT: Final = MoMo()


def seal(merchant: Merchant, names: str, fields: Mapping[str, object]) -> str:
    """The signature over fields in the order of `names`."""
    said = {**fields, "accessKey": merchant.credentials["access_key"]}
    text = "&".join(f"{name}={said[name]}" for name in names.split())
    return mac(merchant.credentials["secret_key"], text)


def signed_result(merchant: Merchant, fields: Mapping[str, object]) -> bytes:
    """A result with its signature, in MoMo's own order of fields."""
    return json.dumps({**fields, "signature": seal(merchant, _RESULT, fields)})


def result_body(merchant: Merchant, order: Order, charge: Charge, code: int) -> bytes:
    """What MoMo posts of an order."""
    return signed_result(
        merchant,
        {
            "partnerCode": merchant.id,
            "orderId": order.order_id,
            "requestId": order.details["request"],
            "amount": charge.amount,
            "orderInfo": order.order_info,
            "orderType": "momo_wallet",
            "transId": int(charge.transaction_no),
            "resultCode": code,
            "message": _WORDS[code],
            "payType": "qr",
            "responseTime": int(charge.charged_at.timestamp() * 1000),
            "extraData": order.details["extra"],
        },
    )


def _says(fields: Mapping[str, object], code: int, **more: object) -> bytes:
    told = {name: fields.get(name, "") for name in ("partnerCode", "orderId", "requestId")}
    return json.dumps({**told, "resultCode": code, "message": _WORDS[code], **more})


def _asking(engine: Engine, fields: Mapping[str, object], names: str) -> Merchant | Reply:
    """Whose request it is; a refusal unless it is complete and signed."""
    sent = [name for name in names.split() if name != "accessKey"]
    merchant = engine.merchant(DIALECT.name, str(fields.get("partnerCode")))
    if merchant is None:
        return Reply(400, _says(fields, 11))
    if any(name not in fields for name in sent) or fields.get("lang") not in ("vi", "en"):
        return Reply(400, _says(fields, 20))
    if not engine.sealed(same(fields.get("signature"), seal(merchant, names, fields))):
        return Reply(400, _says(fields, 13))
    return merchant


def _create(engine: Engine, body: bytes) -> Reply:
    fields = read_object(body)
    merchant = _asking(engine, fields, _CREATE)
    if isinstance(merchant, Reply):
        return merchant
    engine.store.called(merchant.id, str(fields["orderId"]))
    amount = whole(fields["amount"])
    if not _LEAST <= amount <= _GREATEST:
        return Reply(400, _says(fields, 22))
    sized = len(str(fields["orderId"])) <= 50 and len(str(fields["orderInfo"])) <= 200
    if fields["requestType"] not in _WAYS or not sized:
        return Reply(400, _says(fields, 20))
    planned = engine.next_fault(merchant, Operation.CREATE)
    if planned is not None and did_nothing(planned):
        return refusal(planned, _says(fields, 1001), json.dumps({"message": "busy"}))
    try:
        order = engine.take(
            merchant,
            OrderRequest(
                order_id=str(fields["orderId"]),
                amount=amount,
                order_info=str(fields["orderInfo"]),
                return_url=str(fields["redirectUrl"]),
                digest=hashlib.sha256(body).hexdigest(),
                details={
                    "request": str(fields["requestId"]),
                    "extra": str(fields["extraData"]),
                },
            ),
        )
    except OtherOrder:
        return Reply(400, _says(fields, 41))
    url = f"{engine.base_url}{order.page}"
    said = _says(fields, 0, amount=amount, responseTime=_ms(order.created_at), payUrl=url)
    return engine.answer_create(planned, order, said)


def _query(engine: Engine, body: bytes) -> Reply:
    fields = read_object(body)
    merchant = _asking(engine, fields, _QUERY)
    if isinstance(merchant, Reply):
        return merchant
    planned = engine.next_fault(merchant, Operation.QUERY)
    if planned is not None and did_nothing(planned):
        return refusal(planned, b"{}", json.dumps({"message": "busy"}))
    order = engine.store.orders.get((merchant.id, str(fields["orderId"])))
    if order is None or (planned is not None and planned.fault is Fault.NOT_FOUND):
        return answer(planned, _says(fields, 42, responseTime=_ms(engine.now())))
    charge = order.visible_charge(engine.now())
    code = 1006 if order.failed else 1000
    if charge is not None:
        code = 7000 if charge.held else 0
    changed = order.created_at if charge is None else charge.charged_at
    said = _says(
        fields,
        code,
        extraData=order.details["extra"],
        amount=order.amount if charge is None else charge.amount,
        transId=0 if charge is None else int(charge.transaction_no),
        payType="qr",
        refundTrans=[_refund_line(one) for one in engine.store.refunds_of(order)],
        responseTime=_ms(engine.now()),
        lastUpdated=_ms(changed),
    )
    return answer(planned, said)


def _refund_line(one: MoneyBack) -> dict[str, object]:
    codes = {RefundStatus.DONE: 0, RefundStatus.OPEN: 7000, RefundStatus.REFUSED: 1080}
    return {
        "orderId": one.refund_id,
        "amount": one.amount,
        "resultCode": codes[one.status],
        "transId": int(one.transaction_no),
        "createdTime": _ms(one.asked_at),
    }


def _refund(engine: Engine, body: bytes) -> Reply:
    fields = read_object(body)
    merchant = _asking(engine, fields, _REFUND)
    if isinstance(merchant, Reply):
        return merchant
    planned = engine.next_fault(merchant, Operation.REFUND)
    if planned is not None and did_nothing(planned):
        return refusal(planned, _says(fields, 1080), json.dumps({"message": "busy"}))
    number = str(fields["transId"])
    order = next(
        (
            order
            for order in engine.store.orders.values()
            if order.merchant_id == merchant.id
            and any(charge.transaction_no == number for charge in order.charges)
        ),
        None,
    )
    refund_id = str(fields["orderId"])
    if (merchant.id, refund_id) in engine.store.refunds:
        return Reply(200, _says(fields, 41))
    if order is None or (merchant.id, refund_id) in engine.store.orders:
        return Reply(400, _says(fields, 42))
    amount = whole(fields["amount"])
    undecided = planned is not None and planned.fault is Fault.NOT_DECIDED
    try:
        made = engine.refund(
            order,
            refund_id,
            amount,
            status=RefundStatus.OPEN if undecided else RefundStatus.DONE,
        )
    except (OtherOrder, TooMuchBack):
        return Reply(200, _says(fields, 1080))
    code = 7000 if undecided else 0
    said = _says(
        fields,
        code,
        amount=amount,
        transId=int(made.transaction_no),
        responseTime=_ms(engine.now()),
    )
    return answer(planned, said)


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
