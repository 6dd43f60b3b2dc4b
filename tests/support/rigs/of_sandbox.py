"""What the rigs of gateways share: the real sandbox on a port of its own plays the provider."""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from adapters.http import GatewayHttp
from adapters.registry import ADAPTERS
from adapters.sandbox.engine.discovery import dialects
from adapters.sandbox.engine.faults import Fault, Operation
from adapters.sandbox.engine.server import running
from adapters.sandbox.engine.state import PayerOutcome, SandboxState, Timing
from adapters.sandbox.engine.store import Merchant
from core import clock
from payments.ports import (
    AcceptedAttempt,
    Acknowledgement,
    GatewayAccount,
    NoticeReader,
    Outcome,
    PaymentGateway,
    RawCallback,
    StartRequest,
)
from tests.support.rigs.contract import Spoil

_NOWHERE: Final = "http://127.0.0.1:1"
_SPOILS: Final = {
    Spoil.SILENCE: Fault.TIMEOUT,
    Spoil.HTML: Fault.HTML,
    Spoil.TRUNCATED: Fault.TRUNCATED,
    Spoil.HUGE: Fault.HUGE,
    Spoil.SLOW: Fault.SLOW,
    Spoil.SERVER_ERROR: Fault.SERVER_ERROR,
    Spoil.UNDECIDED: Fault.NOT_DECIDED,
    Spoil.DECLINE: Fault.DECLINE,
    Spoil.BUSY: Fault.RATE_LIMITED,
}
_OUTCOMES: Final = {
    Outcome.SUCCEEDED: PayerOutcome.SUCCESS,
    Outcome.FAILED: PayerOutcome.DECLINE,
    Outcome.HELD: PayerOutcome.HELD,
}


class SandboxRig:
    """Most of a `GatewayRig`. `make` is the adapter class under test; the subclass adds forgeries.

    `untouched` are the statuses that the adapter's own client takes for "nothing happened".
    """

    name: str
    calls_at_start = True
    echoes_request_code = True
    holds = True
    tells_failures = True
    finds_refunds = True
    statuses_of_refusal: tuple[int, ...] = (400, 401, 403)
    untouched: frozenset[int] = frozenset({429, 503})

    def __init__(self, credentials: Mapping[str, str], make: Callable[..., Any] | None) -> None:
        self._make: Callable[..., Any] = make or ADAPTERS[self.name]
        self.credentials = dict(credentials)
        self.callback_url = f"{_NOWHERE}/callbacks/{self.name}/thu"
        self.state = SandboxState(seed=7, timing=Timing(schedule=(), never=30, between_bytes=1))
        opened = self.state.open(self.name, credentials, self.callback_url)
        assert isinstance(opened, Merchant)
        self.merchant = opened
        self.account = self._account(_NOWHERE)
        self._gateways: list[NoticeReader] = []
        self._count = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The sandbox over real HTTP; adapters handed out are closed at the end."""
        async with running(self.state) as url:
            self.account = self._account(f"{url}/{self.name}")
            try:
                yield
            finally:
                for gateway in self._gateways:
                    await gateway.aclose()

    def gateway(self, *, unreachable: bool = False, patience: float = 60.0) -> PaymentGateway:
        account = self._account(_NOWHERE) if unreachable else self.account
        made: PaymentGateway = self._make(account, http=self._http(account, patience))
        self._gateways.append(made)
        return made

    def reader(self) -> NoticeReader:
        return self.gateway()

    def request(self, amount: int = 150_000) -> StartRequest:
        self._count += 1
        return StartRequest(
            order_ref=f"000.00.00.G17-HS2026-{self._count:04d}-01",
            request_code=f"HS{self._count:04d}.1763790000",
            amount=amount,
            description="Lệ phí chứng thực bản sao, Đống Đa",
            return_url="http://127.0.0.1/b/LPABC?xong=1",
            callback_url=self.callback_url,
            payer_ip="203.0.113.7",
            created_at=clock.now(),
        )

    def order_id(self, order_ref: str) -> str:
        """What the provider calls our order."""
        return order_ref

    def order_ref(self, order_id: str) -> str:
        """Which order of ours it is."""
        return order_id

    async def visit(self, started: AcceptedAttempt) -> None:
        """Nothing: the order was taken when `start` called."""

    async def genuine(self) -> list[RawCallback]:
        notices = []
        for outcome in _OUTCOMES:
            request = self.request()
            started = await self.gateway().start(request)
            assert isinstance(started, AcceptedAttempt)
            await self.visit(started)
            self.pay(request.order_ref, outcome)
            notices += self.callbacks(request.order_ref)
        return notices

    def ends_the_calls(self, answer: Acknowledgement) -> bool:
        return dialects()[self.name].acknowledged(answer.status, answer.body.decode())

    def spoil_start(self, how: Spoil) -> None:
        self._spoil(Operation.CREATE, how)

    def spoil_query(self, how: Spoil) -> None:
        self._spoil(Operation.QUERY, how)

    def spoil_refund(self, how: Spoil) -> None:
        self._spoil(Operation.REFUND, how)

    def refunds(self, order_ref: str) -> dict[str, int]:
        order = self.state.order(self.merchant.id, self.order_id(order_ref))
        assert order is not None
        return {one.refund_id: one.amount for one in self.state.store.refunds_of(order)}

    def behave(self) -> None:
        self.state.faults.clear()

    def start_calls(self, order_ref: str) -> int:
        called = self.state.store.create_calls
        return called.get((self.merchant.id, self.order_id(order_ref)), 0)

    def orders(self) -> dict[str, int]:
        orders = self.state.store.orders.values()
        return {self.order_ref(order.order_id): order.amount for order in orders}

    def pay(self, order_ref: str, outcome: Outcome, amount: int | None = None) -> None:
        order = self.state.order(self.merchant.id, self.order_id(order_ref))
        assert order is not None, f"the gateway never took {order_ref}"
        self.state.pay(order, _OUTCOMES[outcome], amount=amount)

    def callbacks(self, order_ref: str) -> list[RawCallback]:
        return [
            RawCallback(
                method=delivery.message.method,
                path=urlsplit(delivery.url).path,
                query=urlsplit(delivery.url).query,
                headers={k.lower(): v for k, v in self.state.headers_for(delivery).items()},
                body=delivery.body,
                received_at=clock.now(),
            )
            for delivery in self.state.deliveries.all
            if delivery.subject == self.order_id(order_ref)
        ]

    def _http(self, account: GatewayAccount, patience: float) -> GatewayHttp:
        async def no_sleep(_seconds: float) -> None:
            return None

        return GatewayHttp(
            account.base_url,
            total_deadline=patience,
            untouched=self.untouched,
            sleep=no_sleep,
        )

    def _account(self, base_url: str) -> GatewayAccount:
        return GatewayAccount(self.name, "thu", base_url, self.credentials)

    def _spoil(self, operation: Operation, how: Spoil) -> None:
        self.state.faults.script(
            self.merchant.id, operation, _SPOILS[how], retry_after="0", takes_effect=True
        )
