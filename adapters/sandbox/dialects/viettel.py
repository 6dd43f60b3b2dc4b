"""Viettel Money as the sandbox plays it: page, results, answers, and how each is sealed.

Written from the same description as our adapter and independent of it: nothing is shared, so a
slip in one shows as a disagreement between the two.
"""

import base64
import hashlib
import hmac
import random
import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl, quote_plus

from adapters.sandbox.engine.dialect import WebhookMessage
from adapters.sandbox.engine.faults import Fault, Operation
from adapters.sandbox.engine.gateway import Engine, ProviderRequest
from adapters.sandbox.engine.reading import read_object, same
from adapters.sandbox.engine.replies import Reply, answer, did_nothing, refusal
from adapters.sandbox.engine.settlement import SettlementSheet
from adapters.sandbox.engine.store import Charge, Merchant, Order, OrderRequest, OtherOrder
from core import json

_PAY: Final = "billcode command merchant_code order_id trans_amount version"
_RESULT: Final = (
    "billcode cust_msisdn error_code merchant_code order_id payment_status trans_amount"
    " vt_transaction_id"
)
_QUESTION: Final = "cmd merchant_code order_id version"
_ANSWER: Final = "error_code merchant_code order_id payment_status version"
_CHECK: Final = "billcode merchant_code order_id trans_amount"
_CHECKED: Final = "billcode error_code merchant_code order_id trans_amount"
_HEARD: Final = "error_code merchant_code order_id"
_PAGE_FIELDS: Final = {*_PAY.split(), "desc", "locale", "return_url", "cancel_url", "check_sum"}
_PAYER: Final = "84912345678"
_FORM: Final = "application/x-www-form-urlencoded"
_SHEETS: Final = (
    SettlementSheet(
        name="viettel",
        columns=(
            ("Mã đối soát", "batch"),
            ("Ngày đối soát", "day"),
            ("order_id", "order"),
            ("vt_transaction_id", "number"),
            ("Thời gian giao dịch", "at"),
            ("payment_status", "kind"),
            ("trans_amount", "amount"),
            ("Phí", "fee"),
            ("Thực nhận", "net"),
        ),
        day="%d/%m/%Y",
        at="%d/%m/%Y %H:%M:%S",
        kinds={"payment": "1"},
        totals="Tổng",
    ),
)


class ViettelMoney:
    """See `engine.gateway.GatewayDialect`."""

    name = "viettel"
    calls = frozenset({Operation.QUERY})
    sheets = _SHEETS

    def demo_credentials(self, account_number: str) -> dict[str, str]:
        return {
            "merchant_code": f"DEMO{secrets.token_hex(3).upper()}",
            "access_code": secrets.token_hex(16),
            "hash_key": secrets.token_hex(32),
        }

    def account_id(self, credentials: Mapping[str, str]) -> str:
        needed = ("merchant_code", "access_code", "hash_key")
        return {name: credentials[name] for name in needed}["merchant_code"]

    def acknowledged(self, status: int | None, answer: str) -> bool:
        """HTTP 200, and its code is 00."""
        return status == 200 and '"error_code":"00"' in answer.replace(" ", "")

    def schedule(self, usual: tuple[float, ...]) -> tuple[float, ...]:
        return usual

    def check(self, merchant: Merchant, order: Order) -> WebhookMessage:
        where = f"{merchant.callback_url}/pull"
        return WebhookMessage(where, check_of(merchant, order), media_type=_FORM)

    def confirmed(self, merchant: Merchant, order: Order, answer: str) -> bool:
        return is_confirmed(merchant, order, read_object(answer.encode()))

    def handle(self, engine: Engine, request: ProviderRequest) -> Reply | Order | None:
        match request.method, request.path:
            case _, "PaymentGateway/payment":
                return _page(engine, request.query)
            case "POST", "PaymentAPI/webresources/postData":
                return _query(engine, request.body)
        return None

    def transaction_no(self, now: datetime, rng: random.Random, count: int) -> str:
        """Digits, the first no 0."""
        return f"{int(now.timestamp())}{rng.randrange(1000):03d}{count % 10**5:05d}"

    def paid(self, merchant: Merchant, order: Order, charge: Charge) -> WebhookMessage:
        return _told(merchant, result_of(order, charge))

    def failed(self, merchant: Merchant, order: Order, transaction_no: str) -> WebhookMessage:
        tried = Charge(transaction_no, order.amount, order.created_at, None)
        failed = {"error_code": "01", "payment_status": "2"}
        return _told(merchant, result_of(order, tried) | failed)

    def forged(
        self, merchant: Merchant, order_id: str, order: Order | None, charge: Charge
    ) -> WebhookMessage:
        keys = {**merchant.credentials, "hash_key": "not the key"}
        outsider = Merchant(merchant.dialect, merchant.id, keys, merchant.callback_url)
        known = order or Order(
            *(merchant.dialect, merchant.id, order_id, charge.amount, "", "", ""),
            {"billcode": f"{order_id}-{charge.amount}VND"},
            *("", "", charge.charged_at),
        )
        return _told(outsider, result_of(known, charge))

    def return_url(self, merchant: Merchant, order: Order, charge: Charge | None) -> str:
        tried = charge or Charge("", order.amount, order.created_at, None)
        said = result_of(order, tried)
        if charge is None:
            said |= {"error_code": "01", "payment_status": "2"}
        shown = form({**said, "check_sum": seal(merchant, _RESULT, said)})
        return f"{order.return_url}{'&' if '?' in order.return_url else '?'}{shown}"


DIALECT: Final = ViettelMoney()


def seal(merchant: Merchant, names: str, fields: Mapping[str, str]) -> str:
    """The checksum over the access code and fields, in the order of `names`."""
    keys = merchant.credentials
    text = keys["access_code"] + "".join(fields[name] for name in names.split())
    made = hmac.new(keys["hash_key"].encode(), text.encode(), hashlib.sha1)
    if keys.get("checksum") == "hex":
        return made.hexdigest()
    return base64.b64encode(made.digest()).decode()


def form(fields: Mapping[str, str]) -> str:
    """Fields as a form has them."""
    return "&".join(f"{name}={quote_plus(value)}" for name, value in fields.items())


def result_of(order: Order, charge: Charge) -> dict[str, str]:
    """What a result tells of a charge, unsealed; of one that is held it is not clear."""
    return {
        "billcode": order.details["billcode"],
        "cust_msisdn": _PAYER,
        "error_code": "W04" if charge.held else "00",
        "merchant_code": order.merchant_id,
        "order_id": order.order_id,
        "payment_status": "3" if charge.held else "1",
        "trans_amount": str(charge.amount),
        "vt_transaction_id": charge.transaction_no,
    }


def sealed_result(merchant: Merchant, said: Mapping[str, str]) -> bytes:
    """A result as it is posted."""
    return form({**said, "check_sum": seal(merchant, _RESULT, said)}).encode()


def check_of(merchant: Merchant, order: Order) -> bytes:
    """The question whether an order is the merchant's: its amount is sealed, and not told."""
    said = {
        "billcode": order.details["billcode"],
        "merchant_code": merchant.id,
        "order_id": order.order_id,
    }
    summed = {**said, "trans_amount": str(order.amount)}
    return form({**said, "check_sum": seal(merchant, _CHECK, summed)}).encode()


def is_confirmed(merchant: Merchant, order: Order, said: Mapping[str, object]) -> bool:
    """Whether the merchant's answer has Viettel take the money."""
    wanted = {
        "billcode": order.details["billcode"],
        "error_code": "00",
        "merchant_code": merchant.id,
        "order_id": order.order_id,
        "trans_amount": str(order.amount),
    }
    return said == {**wanted, "check_sum": seal(merchant, _CHECKED, wanted)}


def is_heard(merchant: Merchant, order_id: str, said: Mapping[str, object]) -> bool:
    """Whether an answer to a result is under the merchant's checksum."""
    wanted = {"error_code": "00", "merchant_code": merchant.id, "order_id": order_id}
    told = {name: said.get(name) for name in (*wanted, "check_sum")}
    return told == {**wanted, "check_sum": seal(merchant, _HEARD, wanted)}


def _told(merchant: Merchant, said: Mapping[str, str]) -> WebhookMessage:
    return WebhookMessage(merchant.callback_url, sealed_result(merchant, said), media_type=_FORM)


def _fields(text: str) -> dict[str, str]:
    pairs = parse_qsl(text, keep_blank_values=True)
    return dict(pairs) if len(dict(pairs)) == len(pairs) else {}


def _page(engine: Engine, query: str) -> Reply | Order:
    """The payment page of an order, taken when its address is first opened."""
    said = _fields(query)
    merchant = engine.merchant(DIALECT.name, said.get("merchant_code", ""))
    if merchant is None or said.keys() != _PAGE_FIELDS or said["command"] != "PAYMENT":
        return _refused("Yêu cầu thanh toán không đúng.")
    if not engine.sealed(same(said["check_sum"], seal(merchant, _PAY, said))):
        return _refused("Sai mã kiểm tra.")
    if re.fullmatch("[1-9][0-9]*", said["trans_amount"]) is None:
        return _refused("Số tiền không đúng.")
    try:
        return engine.take(
            merchant,
            OrderRequest(
                order_id=said["order_id"],
                amount=int(said["trans_amount"]),
                order_info=said["desc"],
                return_url=said["return_url"],
                digest=said["check_sum"],
                details={"billcode": said["billcode"]},
                page=f"/{DIALECT.name}/PaymentGateway/payment?{query}",
            ),
        )
    except OtherOrder:
        return _refused("Mã đơn hàng đã dùng.")


def _refused(why: str) -> Reply:
    return Reply(400, why.encode(), media_type="text/plain; charset=utf-8")


def _query(engine: Engine, body: bytes) -> Reply:
    """Answer TRANS_INQUIRY."""
    asked = _fields(body.decode("ascii", "replace"))
    merchant = engine.merchant(DIALECT.name, asked.get("merchant_code", ""))
    if merchant is None or asked.keys() != {*_QUESTION.split(), "check_sum"}:
        return Reply(200, json.dumps({"error_code": "03"}))
    if not engine.sealed(same(asked["check_sum"], seal(merchant, _QUESTION, asked))):
        return Reply(200, json.dumps({"error_code": "02"}))
    planned = engine.next_fault(merchant, Operation.QUERY)
    if planned is not None and did_nothing(planned):
        return refusal(planned, b"{}", json.dumps({"error_code": "03"}))
    order = engine.store.orders.get((merchant.id, asked["order_id"]))
    if planned is not None and planned.fault is Fault.NOT_FOUND:
        order = None
    said = {
        "error_code": "00",
        "merchant_code": merchant.id,
        "order_id": asked["order_id"],
        "payment_status": "-1",
        "version": asked["version"],
    }
    charge = None
    if order is not None:
        charge = order.visible_charge(engine.now())
        said["payment_status"] = "2" if order.failed else "0"
    if charge is not None:
        said["payment_status"] = "3" if charge.held else "1"
    more: dict[str, object] = {"vt_transaction_id": "", "trans_amount": 0}
    if charge is not None:
        more = {"vt_transaction_id": charge.transaction_no, "trans_amount": charge.amount}
    return answer(planned, json.dumps({**said, **more, "check_sum": seal(merchant, _ANSWER, said)}))
