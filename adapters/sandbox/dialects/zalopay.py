"""ZaloPay v2 as the sandbox plays it: what it puts on the wire, how it checks what comes in.

Written from the same description as our adapter and independent of it: nothing is shared, so a
slip in one shows as a disagreement between the two.
"""

import hashlib
import random
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
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
    Order,
    OrderRequest,
    OtherOrder,
    RefundStatus,
    TooMuchBack,
)
from core import json
from core.clock import VIETNAM

_CREATE: Final = "app_id app_trans_id app_user amount app_time embed_data item"
_REFUND: Final = "app_id zp_trans_id amount description timestamp"
_REFUND_QUERY: Final = "app_id m_refund_id timestamp"
_SKEW: Final = timedelta(minutes=15)
_DONE, _REFUSED, _OPEN = 1, 2, 3
_CALLS: Final = 4
#: The merchant's reconciliation file. [M]: nobody here has seen one.
_SHEETS: Final = (
    SettlementSheet(
        name="zalopay",
        columns=(
            ("Mã quyết toán", "batch"),
            ("Ngày quyết toán", "day"),
            ("app_trans_id", "order"),
            ("zp_trans_id", "number"),
            ("Thời gian giao dịch", "at"),
            ("Loại giao dịch", "kind"),
            ("Số tiền", "amount"),
            ("Phí", "fee"),
            ("Thực nhận", "net"),
        ),
        day="%Y-%m-%d",
        at="%Y-%m-%d %H:%M:%S",
        kinds={"payment": "Thanh toán", "refund": "Hoàn tiền"},
        totals="Tổng",
    ),
)


class ZaloPay:
    """See `engine.gateway.GatewayDialect`."""

    name = "zalopay"
    calls = frozenset({Operation.CREATE, Operation.QUERY, Operation.REFUND})
    sheets = _SHEETS

    def demo_credentials(self, account_number: str) -> dict[str, str]:
        return {
            "app_id": str(10_000 + secrets.randbelow(10**8)),
            "key1": secrets.token_hex(16),
            "key2": secrets.token_hex(16),
        }

    def account_id(self, credentials: Mapping[str, str]) -> str:
        return {name: credentials[name] for name in ("app_id", "key1", "key2")}["app_id"]

    def acknowledged(self, status: int | None, answer: str) -> bool:
        """1 and 2 end the calls, with HTTP 200."""
        squeezed = "".join(answer.split())
        return status == 200 and any(f'"return_code":{code},' in squeezed for code in (1, 2))

    def schedule(self, usual: tuple[float, ...]) -> tuple[float, ...]:
        """The first call and three more."""
        return usual[: _CALLS - 1]

    def handle(self, engine: Engine, request: ProviderRequest) -> Reply | Order | None:
        match request.method, request.path:
            case "POST", "v2/create":
                return _create(engine, request.body)
            case "POST", "v2/query":
                return _query(engine, request.body)
            case "POST", "v2/refund":
                return _refund(engine, request.body)
            case "POST", "v2/query_refund":
                return _query_refund(engine, request.body)
        start, _, token = request.path.rpartition("/")
        return engine.store.pages.get(token) if start == "pay" else None

    def transaction_no(self, now: datetime, rng: random.Random, count: int) -> str:
        """The day, then digits."""
        local = now.astimezone(VIETNAM)
        return f"{local:%y%m%d}{rng.randrange(1000):03d}{count % 10**6:06d}"

    def paid(self, merchant: Merchant, order: Order, charge: Charge) -> WebhookMessage | None:
        if charge.held:
            return None
        return WebhookMessage(merchant.callback_url, result_body(merchant, order, charge))

    def failed(self, merchant: Merchant, order: Order, transaction_no: str) -> None:
        """Nobody is told."""

    def forged(
        self, merchant: Merchant, order_id: str, order: Order | None, charge: Charge
    ) -> WebhookMessage:
        keys = {**merchant.credentials, "key2": "not the key"}
        outsider = Merchant(merchant.dialect, merchant.id, keys, merchant.callback_url)
        details = {"app_user": "lephi", "embed_data": "{}", "item": "[]", "app_time": "1"}
        known = order or Order(
            *(merchant.dialect, merchant.id, order_id, charge.amount, "", "", "", details),
            *("", "", charge.charged_at),
        )
        return WebhookMessage(merchant.callback_url, result_body(outsider, known, charge))

    def return_url(self, merchant: Merchant, order: Order, charge: Charge | None) -> str:
        status = -49 if charge is None else 1
        shown = urlencode({"apptransid": order.order_id, "status": status})
        return f"{order.return_url}{'&' if '?' in order.return_url else '?'}{shown}"


DIALECT: Final = ZaloPay()


def signed_data(merchant: Merchant, data: Mapping[str, object] | str) -> bytes:
    """A result around `data`, with its mac."""
    text = data if isinstance(data, str) else json.dumps(data).decode()
    seal = mac(merchant.credentials["key2"], text)
    return json.dumps({"data": text, "mac": seal, "type": 1})


def result_body(merchant: Merchant, order: Order, charge: Charge) -> bytes:
    """What ZaloPay posts of an order that was paid."""
    return signed_data(
        merchant,
        {
            "app_id": int(merchant.id),
            "app_trans_id": order.order_id,
            "app_time": int(order.details["app_time"]),
            "app_user": order.details["app_user"],
            "amount": charge.amount,
            "embed_data": order.details["embed_data"],
            "item": order.details["item"],
            "zp_trans_id": int(charge.transaction_no),
            "server_time": _ms(charge.charged_at),
            "channel": 38,
            "merchant_user_id": "",
            "user_fee_amount": 0,
            "discount_amount": 0,
        },
    )


def _says(code: int, sub: int = 0, words: str = "", **more: object) -> bytes:
    told = {"return_code": code, "return_message": words or "Giao dịch", "sub_return_code": sub}
    return json.dumps({**told, **more})


def _asking(engine: Engine, fields: Mapping[str, object], text: str) -> Merchant | Reply:
    """Whose request it is; a refusal unless it is signed. `{key1}` in `text` is the key."""
    merchant = engine.merchant(DIALECT.name, str(fields.get("app_id")))
    if merchant is None:
        return Reply(200, _says(_REFUSED, -401, "app_id"))
    key = merchant.credentials["key1"]
    if not engine.sealed(same(fields.get("mac"), mac(key, text.replace("{key1}", key)))):
        return Reply(200, _says(_REFUSED, -402, "mac"))
    return merchant


def _joined(fields: Mapping[str, object], names: str) -> str:
    return "|".join(str(fields.get(name, "")) for name in names.split())


def _in_time(engine: Engine, value: object) -> bool:
    return abs(_ms(engine.now()) - whole(value)) <= _SKEW.total_seconds() * 1000


def _create(engine: Engine, body: bytes) -> Reply:
    fields = read_object(body)
    merchant = _asking(engine, fields, _joined(fields, _CREATE))
    if isinstance(merchant, Reply):
        return merchant
    named, amount = str(fields["app_trans_id"]), whole(fields["amount"])
    engine.store.called(merchant.id, named)
    dated = named.startswith(f"{engine.now().astimezone(VIETNAM):%y%m%d}_")
    embedded = read_object(str(fields["embed_data"]).encode())
    seconds = whole(fields.get("expire_duration_seconds"))
    sized = len(named) <= 40 and len(str(fields["app_user"])) <= 50 and 300 <= seconds <= 2_592_000
    if not dated or not sized or amount < 1 or not _in_time(engine, fields["app_time"]):
        return Reply(200, _says(_REFUSED, -401, "app_trans_id"))
    planned = engine.next_fault(merchant, Operation.CREATE)
    if planned is not None and did_nothing(planned):
        return refusal(planned, _says(_REFUSED, -500, "Từ chối"), _says(_REFUSED, -429))
    try:
        order = engine.take(
            merchant,
            OrderRequest(
                order_id=named,
                amount=amount,
                order_info=str(fields.get("description", "")),
                return_url=str(embedded.get("redirecturl", "")),
                digest=hashlib.sha256(body).hexdigest(),
                details={
                    "app_user": str(fields["app_user"]),
                    "app_time": str(fields["app_time"]),
                    "embed_data": str(fields["embed_data"]),
                    "item": str(fields["item"]),
                },
            ),
        )
    except OtherOrder:
        return Reply(200, _says(_REFUSED, -68, "app_trans_id"))
    url = f"{engine.base_url}{order.page}"
    said = _says(_DONE, 1, order_url=url, zp_trans_token=order.page_token)
    return engine.answer_create(planned, order, said)


def _query(engine: Engine, body: bytes) -> Reply:
    fields = read_object(body)
    merchant = _asking(engine, fields, _joined(fields, "app_id app_trans_id") + "|{key1}")
    if isinstance(merchant, Reply):
        return merchant
    planned = engine.next_fault(merchant, Operation.QUERY)
    if planned is not None and did_nothing(planned):
        return refusal(planned, b"{}", _says(_REFUSED, -429))
    order = engine.store.orders.get((merchant.id, str(fields["app_trans_id"])))
    if order is None or (planned is not None and planned.fault is Fault.NOT_FOUND):
        return answer(planned, _says(_REFUSED, -101, "app_trans_id", is_processing=False))
    charge = order.visible_charge(engine.now())
    if charge is None or charge.held:
        code, sub = (_REFUSED, -217) if order.failed and charge is None else (_OPEN, -1)
        return answer(
            planned, _says(code, sub, is_processing=False, amount=order.amount, zp_trans_id=0)
        )
    said = _says(
        _DONE,
        1,
        is_processing=False,
        amount=charge.amount,
        discount_amount=0,
        zp_trans_id=int(charge.transaction_no),
        server_time=_ms(charge.charged_at),
    )
    return answer(planned, said)


def _refund(engine: Engine, body: bytes) -> Reply:
    fields = read_object(body)
    merchant = _asking(engine, fields, _joined(fields, _REFUND))
    if isinstance(merchant, Reply):
        return merchant
    named = str(fields.get("m_refund_id"))
    day = f"{engine.now().astimezone(VIETNAM):%y%m%d}"
    if not named.startswith(f"{day}_{merchant.id}_") or not _in_time(engine, fields["timestamp"]):
        return Reply(200, _says(_REFUSED, -401, "m_refund_id"))
    planned = engine.next_fault(merchant, Operation.REFUND)
    if planned is not None and did_nothing(planned):
        return refusal(planned, _says(_REFUSED, -13, "Từ chối"), _says(_REFUSED, -429))
    if (merchant.id, named) in engine.store.refunds:
        return Reply(200, _says(_REFUSED, -68, "m_refund_id"))
    for order in engine.store.orders.values():
        numbers = {charge.transaction_no for charge in order.charges}
        if order.merchant_id == merchant.id and fields["zp_trans_id"] in numbers:
            break
    else:
        return Reply(200, _says(_REFUSED, -101, "zp_trans_id"))
    undecided = planned is not None and planned.fault is Fault.NOT_DECIDED
    status = RefundStatus.OPEN if undecided else RefundStatus.DONE
    try:
        engine.refund(order, named, whole(fields["amount"]), status=status)
    except (OtherOrder, TooMuchBack):
        return Reply(200, _says(_REFUSED, -13, "amount"))
    # Whatever becomes of it, the answer is that it is under way.
    return answer(planned, _says(_OPEN, 2, "Đang hoàn tiền"))


def _query_refund(engine: Engine, body: bytes) -> Reply:
    fields = read_object(body)
    merchant = _asking(engine, fields, _joined(fields, _REFUND_QUERY))
    if isinstance(merchant, Reply):
        return merchant
    if not _in_time(engine, fields["timestamp"]):
        return Reply(200, _says(_REFUSED, -401, "timestamp"))
    known = engine.store.refunds.get((merchant.id, str(fields["m_refund_id"])))
    if known is None:
        return Reply(200, _says(_REFUSED, -101, "m_refund_id"))
    codes = {
        RefundStatus.DONE: (_DONE, 1),
        RefundStatus.OPEN: (_OPEN, 2),
        RefundStatus.REFUSED: (_REFUSED, -13),
    }
    return Reply(200, _says(*codes[known.status]))


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
