"""A bank that collects for bodies at its counter, as the sandbox plays it.

`POST counter` with `partner`, `code` and `amount` is a customer who comes to pay: the answer has
the address of a page with the counter's buttons, which tell what was paid, twice, late, or not.
Nothing is shared with our adapter.
"""

import hashlib
import hmac
import random
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from adapters.sandbox.engine.dialect import WebhookMessage
from adapters.sandbox.engine.faults import Operation
from adapters.sandbox.engine.gateway import Engine, ProviderRequest
from adapters.sandbox.engine.reading import read_object, whole
from adapters.sandbox.engine.replies import Reply
from adapters.sandbox.engine.settlement import SettlementSheet
from adapters.sandbox.engine.store import Charge, Merchant, Order, OrderRequest, OtherOrder
from core import json
from core.clock import VIETNAM

#: The file of a day: each code with what was taken for it, and what was given back of that.
SHEET: Final = SettlementSheet(
    name="thuho",
    columns=(
        *(("batch", "batch"), ("settledOn", "day"), ("call", "kind"), ("code", "info")),
        *(("bankNumber", "charge"), ("amount", "amount"), ("fee", "fee"), ("net", "net")),
        ("paidAt", "at"),
    ),
    day="%Y%m%d",
    at="%Y%m%d%H%M%S",
    kinds={"payment": "PAY", "refund": "REVERSAL"},
    free=True,
)


class Biller:
    """See `engine.gateway.GatewayDialect`, `SigningDialect` and `settlement.SettlingDialect`."""

    name = "thuho"
    calls = frozenset[Operation]()
    sheets = (SHEET,)

    def demo_credentials(self, account_number: str) -> dict[str, str]:
        return {"partner": f"BANK{secrets.token_hex(3)}", "secret": secrets.token_hex(16)}

    def account_id(self, credentials: Mapping[str, str]) -> str:
        return {name: credentials[name] for name in ("partner", "secret")}["partner"]

    def acknowledged(self, status: int | None, answer: str) -> bool:
        """200 with a code that says that it is kept."""
        said = "".join(answer.split())
        return status == 200 and any(f'"code":"{code}"' in said for code in ("00", "10"))

    def schedule(self, usual: tuple[float, ...]) -> tuple[float, ...]:
        return usual

    def headers(self, merchant: Merchant, body: bytes, at: datetime) -> dict[str, str]:
        return signature(merchant, body, at)

    def handle(self, engine: Engine, request: ProviderRequest) -> Reply | Order | None:
        if (request.method, request.path) == ("POST", "counter"):
            return _counter(engine, request.body)
        start, _, token = request.path.rpartition("/")
        return engine.store.pages.get(token) if start == "pay" else None

    def transaction_no(self, now: datetime, rng: random.Random, count: int) -> str:
        return f"FT{now:%y%j%H%M%S}{rng.randrange(10**4):04d}{count:04d}"

    def paid(self, merchant: Merchant, order: Order, charge: Charge) -> WebhookMessage | None:
        if charge.held:
            return None
        return WebhookMessage(merchant.callback_url, payment(merchant, order, charge))

    def failed(self, merchant: Merchant, order: Order, transaction_no: str) -> None:
        """A customer who does not pay is nothing to tell."""

    def forged(
        self, merchant: Merchant, order_id: str, order: Order | None, charge: Charge
    ) -> WebhookMessage:
        code = order_id if order is None else order.details["code"]
        body = _pay(merchant, code, charge)
        return WebhookMessage(merchant.callback_url, body)

    def return_url(self, merchant: Merchant, order: Order, charge: Charge | None) -> str:
        return order.return_url


DIALECT: Final = Biller()


def signature(
    merchant: Merchant, body: bytes, at: datetime, call: str | None = None
) -> dict[str, str]:
    """The headers that sign a call made at `at`; which call it is stands in its body."""
    time, call = str(int(at.timestamp())), call or str(read_object(body).get("call"))
    text = b".".join([call.encode(), time.encode(), body])
    made = hmac.new(merchant.credentials["secret"].encode(), text, hashlib.sha256).hexdigest()
    return {"X-Biller-Time": time, "X-Biller-Signature": made}


def payment(merchant: Merchant, order: Order, charge: Charge) -> bytes:
    """What tells of money taken at the counter."""
    return _pay(merchant, order.details["code"], charge)


def inquiry(merchant: Merchant, code: str, request_id: str) -> bytes:
    """What asks how much a code owes."""
    return json.dumps(
        {"call": "inquiry", "partner": merchant.id, "requestId": request_id, "code": code}
    )


def reversal(merchant: Merchant, charge: Charge, number: str, at: datetime) -> bytes:
    """What tells that a payment was given back to the customer."""
    return json.dumps(
        {
            "call": "reversal",
            "partner": merchant.id,
            "reversalNumber": number,
            "bankNumber": charge.transaction_no,
            "amount": charge.amount,
            "reversedAt": _stamp(at),
            "reason": "timeout",
        }
    )


def vouches(merchant: Merchant, answer: bytes) -> bool:
    """Whether an answer bears the body's signature."""
    said = read_object(answer)
    given = said.pop("signature", None)
    text = json.canonical(said)
    made = hmac.new(merchant.credentials["secret"].encode(), text, hashlib.sha256).hexdigest()
    return given == made


def _pay(merchant: Merchant, code: str, charge: Charge) -> bytes:
    return json.dumps(
        {
            "call": "pay",
            "partner": merchant.id,
            "bankNumber": charge.transaction_no,
            "code": code,
            "amount": charge.amount,
            "paidAt": _stamp(charge.charged_at),
        }
    )


def _counter(engine: Engine, body: bytes) -> Reply:
    """A customer comes with a code and an amount; `visit` tells apart who comes twice."""
    fields = read_object(body)
    merchant = engine.merchant(DIALECT.name, str(fields.get("partner")))
    code, amount = fields.get("code"), whole(fields.get("amount"))
    if merchant is None or not isinstance(code, str) or amount < 1:
        return Reply(400, json.dumps({"error": "partner, code, amount"}))
    visit = str(fields.get("visit", code))
    try:
        order = engine.take(
            merchant,
            OrderRequest(
                order_id=visit,
                amount=amount,
                order_info=code,
                return_url=f"{engine.base_url}/",
                digest=hashlib.sha256(f"{code} {amount}".encode()).hexdigest(),
                details={"code": code},
            ),
        )
    except OtherOrder:
        return Reply(409, json.dumps({"error": "visit"}))
    return Reply(200, json.dumps({"page": f"{engine.base_url}{order.page}"}))


def _stamp(at: datetime) -> str:
    return at.astimezone(VIETNAM).strftime("%Y%m%d%H%M%S")
