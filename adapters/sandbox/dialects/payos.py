"""payOS as the sandbox plays it: what it puts on the wire, how it checks what comes in.

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
from adapters.sandbox.engine.store import Charge, Merchant, Order, OrderRequest, OtherOrder
from core import json
from core.clock import VIETNAM

_PATH: Final = "v2/payment-requests"
_SIGNED: Final = ("amount", "cancelUrl", "description", "orderCode", "returnUrl")
#: Where money comes to while no account is open at the sandbox's bank.
_ACCOUNT: Final = "113366668888"


class PayOS:
    """See `engine.gateway.GatewayDialect`."""

    name = "payos"
    calls = frozenset({Operation.CREATE, Operation.QUERY})

    def demo_credentials(self, account_number: str) -> dict[str, str]:
        return {
            "client_id": f"demo-{secrets.token_hex(6)}",
            "api_key": secrets.token_hex(16),
            "checksum_key": secrets.token_hex(32),
        }

    def account_id(self, credentials: Mapping[str, str]) -> str:
        needed = ("client_id", "api_key", "checksum_key")
        return {name: credentials[name] for name in needed}["client_id"]

    def acknowledged(self, status: int | None, answer: str) -> bool:
        """Any 2xx."""
        return status is not None and 200 <= status < 300

    def schedule(self, usual: tuple[float, ...]) -> tuple[float, ...]:
        return usual

    def handle(self, engine: Engine, request: ProviderRequest) -> Reply | Order | None:
        if request.path == _PATH and request.method == "POST":
            return _create(engine, request)
        start, _, last = request.path.rpartition("/")
        if start == _PATH and request.method == "GET":
            return _query(engine, request, last)
        return engine.store.pages.get(last) if start == "pay" else None

    def credited(self, order: Order) -> str:
        """The first account of the sandbox's bank, as the order was told."""
        return order.details.get("account", _ACCOUNT)

    def transaction_no(self, now: datetime, rng: random.Random, count: int) -> str:
        """A bank's reference, as the transfer has it."""
        local = now.astimezone(VIETNAM)
        return f"FT{local:%y%j%H%M%S}{rng.randrange(10**4):04d}{count % 10**4:04d}"

    def paid(self, merchant: Merchant, order: Order, charge: Charge) -> WebhookMessage | None:
        if charge.held:
            return None
        return WebhookMessage(merchant.callback_url, result_body(merchant, order, charge))

    def failed(self, merchant: Merchant, order: Order, transaction_no: str) -> None:
        """Nobody is told."""

    def forged(
        self, merchant: Merchant, order_id: str, order: Order | None, charge: Charge
    ) -> WebhookMessage:
        keys = {**merchant.credentials, "checksum_key": "not the key"}
        outsider = Merchant(merchant.dialect, merchant.id, keys, merchant.callback_url)
        number = order_id if order_id.isdigit() else "1"
        known = order or Order(
            *(merchant.dialect, merchant.id, number, charge.amount, "", "", "", {}),
            *("", "", charge.charged_at),
        )
        return WebhookMessage(merchant.callback_url, result_body(outsider, known, charge))

    def return_url(self, merchant: Merchant, order: Order, charge: Charge | None) -> str:
        status = "CANCELLED" if charge is None else "PAID"
        shown = urlencode({"code": "00", "orderCode": order.order_id, "status": status})
        return f"{order.return_url}{'&' if '?' in order.return_url else '?'}{shown}"


DIALECT: Final = PayOS()


def seal(merchant: Merchant, fields: Mapping[str, object]) -> str:
    """The signature over every field, in the order of their names; null is nothing."""
    text = "&".join(
        f"{name}={'' if value is None else value}" for name, value in sorted(fields.items())
    )
    return mac(merchant.credentials["checksum_key"], text)


def signed_result(merchant: Merchant, data: Mapping[str, object]) -> bytes:
    """A result around `data`, with its signature."""
    outer = {"code": "00", "desc": "success", "success": True}
    return json.dumps({**outer, "data": data, "signature": seal(merchant, data)})


def result_body(merchant: Merchant, order: Order, charge: Charge) -> bytes:
    """What payOS posts of a transfer that came for an order."""
    return signed_result(
        merchant,
        {
            "orderCode": int(order.order_id),
            **_transfer(order, charge),
            "currency": "VND",
            "paymentLinkId": order.page_token,
            "code": "00",
            "desc": "Thành công",
        },
    )


def _transfer(order: Order, charge: Charge) -> dict[str, object]:
    local = charge.charged_at.astimezone(VIETNAM)
    return {
        "amount": charge.amount,
        "description": order.order_info,
        "accountNumber": DIALECT.credited(order),
        "reference": charge.transaction_no,
        "transactionDateTime": local.strftime("%Y-%m-%d %H:%M:%S"),
        "counterAccountBankId": None,
        "counterAccountBankName": "",
        "counterAccountName": None,
        "counterAccountNumber": "",
        "virtualAccountName": "",
        "virtualAccountNumber": "",
    }


def _says(code: str, words: str, data: Mapping[str, object] | None = None, seal: str = "") -> bytes:
    return json.dumps({"code": code, "desc": words, "data": data, "signature": seal})


def _asking(engine: Engine, request: ProviderRequest) -> Merchant | Reply:
    merchant = engine.merchant(DIALECT.name, request.headers.get("x-client-id", ""))
    given = request.headers.get("x-api-key")
    known = merchant is not None and same(given, merchant.credentials["api_key"])
    if not engine.sealed(known) or merchant is None:
        return Reply(401, _says("401", "x-client-id, x-api-key"))
    return merchant


def _create(engine: Engine, request: ProviderRequest) -> Reply:
    fields = read_object(request.body)
    merchant = _asking(engine, request)
    if isinstance(merchant, Reply):
        return merchant
    expected = seal(merchant, {n: fields.get(n) for n in _SIGNED})
    if not engine.sealed(same(fields.get("signature"), expected)):
        return Reply(200, _says("201", "signature"))
    number, amount = whole(fields["orderCode"]), whole(fields["amount"])
    memo = str(fields["description"])
    engine.store.called(merchant.id, str(number))
    open_until = whole(fields.get("expiredAt"))
    if not 1 <= number <= 2**53 - 1 or amount < 1 or not memo.isascii() or len(memo) > 9:
        return Reply(200, _says("20", "orderCode, amount, description"))
    if open_until <= int(engine.now().timestamp()):
        return Reply(200, _says("20", "expiredAt"))
    planned = engine.next_fault(merchant, Operation.CREATE)
    if planned is not None and did_nothing(planned):
        return refusal(planned, _says("99", "Từ chối"), _says("429", "busy"))
    try:
        order = engine.take(
            merchant,
            OrderRequest(
                order_id=str(number),
                amount=amount,
                order_info=memo,
                return_url=str(fields["returnUrl"]),
                digest=hashlib.sha256(request.body).hexdigest(),
                details={"account": next(iter(engine.store.accounts), _ACCOUNT)},
            ),
        )
    except OtherOrder:
        return Reply(200, _says("231", "orderCode"))
    data = {
        "accountNumber": DIALECT.credited(order),
        "amount": amount,
        "description": memo,
        "orderCode": number,
        "currency": "VND",
        "paymentLinkId": order.page_token,
        "status": "PENDING",
        "checkoutUrl": f"{engine.base_url}{order.page}",
    }
    return engine.answer_create(planned, order, _says("00", "success", data, seal(merchant, data)))


def _query(engine: Engine, request: ProviderRequest, order_id: str) -> Reply:
    merchant = _asking(engine, request)
    if isinstance(merchant, Reply):
        return merchant
    planned = engine.next_fault(merchant, Operation.QUERY)
    if planned is not None and did_nothing(planned):
        return refusal(planned, b"{}", _says("429", "busy"))
    order = engine.store.orders.get((merchant.id, order_id))
    if order is None or (planned is not None and planned.fault is Fault.NOT_FOUND):
        return answer(planned, _says("101", "Mã thanh toán không tồn tại"))
    charge = order.visible_charge(engine.now())
    status = "CANCELLED" if order.failed else "PENDING"
    came = [] if charge is None or charge.held else [_transfer(order, charge)]
    data = {
        "id": order.page_token,
        "orderCode": int(order.order_id),
        "amount": order.amount,
        "status": "PAID" if came else status,
        "transactions": came,
    }
    return answer(planned, _says("00", "success", data, ""))
