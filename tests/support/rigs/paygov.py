"""PayGov's rig: the real sandbox on a port of its own, and an outsider who forges callbacks."""

import contextlib
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import Any, Final

from adapters.http import GatewayHttp
from adapters.registry import GATEWAYS
from adapters.sandbox import wire
from adapters.sandbox.books import Merchant
from adapters.sandbox.faults import Fault, Operation
from adapters.sandbox.server import running
from adapters.sandbox.state import PayerOutcome, SandboxState, Timing
from core import clock
from payments.ports import GatewayAccount, Outcome, PaymentGateway, RawCallback, StartRequest
from tests.support.rigs.contract import Spoil

_NOWHERE: Final = "http://127.0.0.1:1"
_SPOILS: Final = {
    Spoil.SILENCE: Fault.TIMEOUT,
    Spoil.HTML: Fault.HTML,
    Spoil.TRUNCATED: Fault.TRUNCATED,
    Spoil.HUGE: Fault.HUGE,
    Spoil.SLOW: Fault.SLOW,
    Spoil.SERVER_ERROR: Fault.SERVER_ERROR,
    Spoil.DECLINE: Fault.DECLINE,
    Spoil.BUSY: Fault.RATE_LIMITED,
}
_OUTCOMES: Final = {
    Outcome.SUCCEEDED: PayerOutcome.SUCCESS,
    Outcome.FAILED: PayerOutcome.DECLINE,
    Outcome.HELD: PayerOutcome.HELD,
}


class PayGovRig:
    """See `GatewayRig`. `make` is the adapter class under test, the registered one by default."""

    def __init__(self, make: Callable[..., PaymentGateway] | None = None) -> None:
        self._make: Callable[..., PaymentGateway] = make or GATEWAYS["paygov"]
        self.merchant = Merchant(
            partner_code="PAYGOV-THU",
            access_key="access-4f1b9c",
            secret_key="secret-83ad02",
            token="token-e05a77",
            service_code="service-1d2e",
            callback_url=f"{_NOWHERE}/callbacks/paygov/thu",
        )
        self.secrets: tuple[str, ...] = (
            "access-4f1b9c",
            "secret-83ad02",
            "token-e05a77",
            "exchange-9bb1",
        )
        self.state = SandboxState(seed=7, timing=Timing(schedule=(), never=30, between_bytes=1))
        self.state.register(self.merchant)
        self.account = self._account(_NOWHERE)
        self._gateways: list[PaymentGateway] = []
        self._count = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The sandbox over real HTTP; adapters handed out are closed at the end."""
        async with running(self.state) as url:
            self.account = self._account(f"{url}/paygov")
            try:
                yield
            finally:
                for gateway in self._gateways:
                    await gateway.aclose()

    def gateway(self, *, unreachable: bool = False, patience: float = 60.0) -> PaymentGateway:
        account = self._account(_NOWHERE) if unreachable else self.account

        async def no_sleep(_seconds: float) -> None:
            return None

        http = GatewayHttp(
            account.base_url,
            total_deadline=patience,
            untouched=frozenset({429, 503}),
            sleep=no_sleep,
        )
        made = self._make(account, http=http)
        self._gateways.append(made)
        return made

    def request(self, amount: int = 150_000) -> StartRequest:
        self._count += 1
        return StartRequest(
            order_ref=f"000.00.00.G17-HS2026-{self._count:04d}-01",
            request_code=f"HS{self._count:04d}.1763790000",
            amount=amount,
            description="Lệ phí chứng thực bản sao, Đống Đa",
            return_url="http://127.0.0.1/b/LPABC?xong=1",
            callback_url=self.merchant.callback_url,
            payer_ip="203.0.113.7",
        )

    def spoil_start(self, how: Spoil) -> None:
        self._spoil(Operation.CREATE, how)

    def spoil_query(self, how: Spoil) -> None:
        self._spoil(Operation.QUERY, how)

    def behave(self) -> None:
        self.state.faults.clear()

    def start_calls(self, order_ref: str) -> int:
        return self.state.books.create_calls.get((self.merchant.partner_code, order_ref), 0)

    def orders(self) -> dict[str, int]:
        return {order.order_id: order.amount for order in self.state.books.orders.values()}

    def pay(self, order_ref: str, outcome: Outcome, amount: int | None = None) -> None:
        order = self.state.order(self.merchant.partner_code, order_ref)
        assert order is not None, f"the gateway never took {order_ref}"
        self.state.pay(order, _OUTCOMES[outcome], amount=amount)

    def callbacks(self, order_ref: str) -> list[RawCallback]:
        return [
            RawCallback(
                method="POST",
                path="/callbacks/paygov/thu",
                query="",
                headers={"content-type": "application/json"},
                body=delivery.body,
                received_at=clock.now(),
            )
            for delivery in self.state.deliveries.all
            if delivery.subject == order_ref
        ]

    def forgeries(self, genuine: RawCallback) -> Iterator[tuple[str, RawCallback]]:
        fields: dict[str, Any] = json.loads(genuine.body)
        seal = fields["checksum"]

        def like(**changes: Any) -> RawCallback:
            kept = {k: v for k, v in {**fields, **changes}.items() if v is not None}
            return replace(genuine, body=json.dumps(kept).encode())

        def signed(merchant: Merchant = self.merchant, **changes: Any) -> RawCallback:
            kept = {k: v for k, v in {**fields, **changes}.items() if v is not None}
            del kept["checksum"]
            return replace(genuine, body=wire.callback_body(merchant, kept))

        for name, value in fields.items():
            other = value + 1 if isinstance(value, int) else _one_character_off(value)
            # Within the grammar, so that nothing but the checksum can tell.
            yield f"{name} changed", like(**{name: other})
            yield f"{name} longer", like(**{name: f"{value}1"})
            yield f"{name} missing", like(**{name: None})
            if isinstance(value, str) and value and name != "checksum":
                yield f"{name} emptied", like(**{name: ""})
        yield "a field added", like(note="paid twice")
        yield "amounts swapped for another scale", like(amount=fields["amount"] * 100)
        yield "failure told as success", like(errorCode="00", payGate="X")
        for length in (0, 1, 8, 32, 63):
            yield f"checksum cut to {length}", like(checksum=seal[:length])
        yield "checksum in upper case", like(checksum=seal.upper())
        yield "checksum with more behind it", like(checksum=f"{seal}0")
        yield "checksum with a line end", like(checksum=f"{seal}\n")
        yield (
            "checksum is null",
            replace(genuine, body=json.dumps({**fields, "checksum": None}).encode()),
        )
        yield "checksum is a number", like(checksum=0)
        yield "checksum is a list", like(checksum=[seal])
        message = _netstrings(self.merchant, fields)
        key = self.merchant.secret_key.encode()
        for algorithm in ("md5", "sha1", "sha512", "sha3_256"):
            yield f"HMAC-{algorithm}", like(checksum=hmac.new(key, message, algorithm).hexdigest())
        yield "a hash without the key", like(checksum=hashlib.sha256(message).hexdigest())
        yield (
            "HMAC with an empty key",
            like(checksum=hmac.new(b"", message, hashlib.sha256).hexdigest()),
        )
        yield "another key", signed(replace(self.merchant, secret_key="secret-other"))
        yield "another agency's account", signed(replace(self.merchant, partner_code="PAYGOV-KHAC"))
        yield (
            "signed as an answer to a query",
            like(checksum=wire.seal(self.merchant, "paygov.query.answer", fields)),
        )
        for size in (0, 1, len(genuine.body) // 2, len(genuine.body) - 1):
            yield f"body cut to {size} bytes", replace(genuine, body=genuine.body[:size])
        yield "bytes behind the body", replace(genuine, body=genuine.body + b"{}")
        yield "not UTF-8", replace(genuine, body=genuine.body.replace(b"SANDBOX", b"SANDB\xd0X"))
        yield (
            "a name given twice",
            replace(genuine, body=genuine.body.replace(b"{", b'{"amount":1,', 1)),
        )
        yield "a list around it", replace(genuine, body=b"[" + genuine.body + b"]")
        yield (
            "larger than any callback",
            replace(genuine, body=genuine.body[:-1] + b" " * 70_000 + b"}"),
        )
        yield "not a POST", replace(genuine, method="GET")
        # From here on the gateway's own key signs what the grammar does not allow.
        amount = fields["amount"]
        yield "signed: amount as text", signed(amount=str(amount))
        yield "signed: amount 0", signed(amount=0)
        yield "signed: amount negative", signed(amount=-amount)
        yield "signed: amount beyond measure", signed(amount=10**13 + 1)
        yield "signed: amount missing", signed(amount=None)
        for spelling in (f"{amount}.0", f"{amount}e0", "NaN"):
            body = genuine.body.replace(
                f'"amount":{amount}'.encode(), f'"amount":{spelling}'.encode()
            )
            yield f"signed: amount spelled {spelling}", replace(genuine, body=body)
        yield "signed: orderId with a space", signed(orderId=f"{fields['orderId']} ")
        yield "signed: orderId missing", signed(orderId=None)
        yield "signed: requestCode missing", signed(requestCode=None)
        yield "signed: requestCode negative", signed(requestCode=-1)
        yield "signed: errorCode a number", signed(errorCode=0)
        yield "signed: errorCode missing", signed(errorCode=None)
        yield "signed: paid without a transactionNo", signed(transactionNo="", errorCode="00")
        yield "signed: paid without a payDate", signed(payDate="", errorCode="00")
        yield "signed: payDate on 31 February", signed(payDate="20260231000000")
        yield "signed: payDate in other digits", signed(payDate="２０２６１１２２０８００００")
        yield "signed: orderInfo with a line end", signed(orderInfo="le phi\nok")

    def _account(self, base_url: str) -> GatewayAccount:
        credentials = {
            "partner_code": self.merchant.partner_code,
            "access_key": self.merchant.access_key,
            "secret_key": self.merchant.secret_key,
            "token": self.merchant.token,
            "service_code": self.merchant.service_code,
            "lgsp_access_token": "exchange-9bb1",
        }
        return GatewayAccount("paygov", "thu", base_url, credentials)

    def _spoil(self, operation: Operation, how: Spoil) -> None:
        self.state.faults.script(
            self.merchant.partner_code, operation, _SPOILS[how], retry_after="0", takes_effect=True
        )


def _one_character_off(text: str) -> str:
    """The same text with another last digit or letter; a single "1" for an empty one."""
    if not text:
        return "1"
    last = text[-1]
    return text[:-1] + chr(ord(last) - 1 if last in "9zZ" else ord(last) + 1)


def _netstrings(merchant: Merchant, fields: dict[str, Any]) -> bytes:
    """The bytes a callback's checksum covers, for making checksums of other algorithms."""
    words = ["paygov.callback", merchant.partner_code, merchant.access_key]
    for name in sorted(fields):
        if name != "checksum":
            words += [name, str(fields[name])]
    return b"".join(b"%d:%b," % (len(word.encode()), word.encode()) for word in words)
