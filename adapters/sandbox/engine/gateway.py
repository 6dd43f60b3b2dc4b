"""What the engine asks of a dialect that takes orders, and what that may use of the engine."""

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from adapters.sandbox.engine.dialect import Dialect, WebhookMessage
from adapters.sandbox.engine.faults import Operation, PlannedFault
from adapters.sandbox.engine.replies import Reply
from adapters.sandbox.engine.store import (
    Charge,
    Merchant,
    MoneyBack,
    Order,
    OrderRequest,
    RefundStatus,
    Store,
)


@dataclass(frozen=True, slots=True)
class ProviderRequest:
    """A request to the provider. `path` is what follows the dialect's name; header names are
    lower case; `query` is as it came."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Engine(Protocol):
    """What a dialect may use of the sandbox."""

    base_url: str
    store: Store

    def now(self) -> datetime:
        """The sandbox's time, aware UTC."""
        ...

    def merchant(self, dialect: str, merchant_id: str) -> Merchant | None:
        """An account opened in that dialect."""
        ...

    def sealed(self, good: bool) -> bool:
        """`good`, noted for people who watch: whether the request's signature, or the key in it,
        was its account's."""
        ...

    def next_fault(self, merchant: Merchant, operation: Operation) -> PlannedFault | None:
        """The lie planned for this request, if any; it is used up."""
        ...

    def take(self, merchant: Merchant, request: OrderRequest) -> Order:
        """Take an order. Raises `OtherOrder` for other bytes under a known id."""
        ...

    def refund(
        self, order: Order, refund_id: str, amount: int, *, status: RefundStatus
    ) -> MoneyBack:
        """Give money back; the same id is the same refund. Raises `OtherOrder` for another amount
        or order under a known id, `TooMuchBack` for more than was taken."""
        ...

    def answer_create(self, planned: PlannedFault | None, order: Order, body: bytes) -> Reply:
        """The answer to a call that made `order`, with the lie played out."""
        ...


@runtime_checkable
class SigningDialect(Protocol):
    """A gateway whose notices are signed in their headers, anew each time they are sent."""

    def headers(self, merchant: Merchant, body: bytes, at: datetime) -> dict[str, str]:
        """What signs a notice sent at `at`."""
        ...


@runtime_checkable
class CheckingDialect(Protocol):
    """A gateway that asks whose an order is before it takes money for it."""

    def check(self, merchant: Merchant, order: Order) -> WebhookMessage:
        """The question, as it is posted."""
        ...

    def confirmed(self, merchant: Merchant, order: Order, answer: str) -> bool:
        """Whether it takes the money after this answer; an empty one is none."""
        ...


@runtime_checkable
class StraightDialect(Protocol):
    """A gateway that keeps no money: its payers transfer to the body's own account."""

    def credited(self, order: Order) -> str:
        """The number of the account that an order's money comes to."""
        ...


@runtime_checkable
class SealingDialect(Protocol):
    """A gateway that signs its answers to `seals_answers_to`, not its notices alone."""

    seals_answers_to: Collection[Operation]


@runtime_checkable
class GatewayDialect(Dialect, Protocol):
    """A gateway: it takes orders, shows the payment page and tells results.

    `calls` are those of ours that it answers: none else can be made to go wrong.
    """

    calls: Collection[Operation]

    def account_id(self, credentials: Mapping[str, str]) -> str:
        """The name of the account with these credentials. Raises `KeyError`."""
        ...

    def handle(self, engine: Engine, request: ProviderRequest) -> Reply | Order | None:
        """Answer a request. An order means: its payment page; None: no such address."""
        ...

    def transaction_no(self, now: datetime, rng: random.Random, count: int) -> str:
        """A number for a charge, as this provider's look; never the same."""
        ...

    def paid(self, merchant: Merchant, order: Order, charge: Charge) -> WebhookMessage | None:
        """The notice that money was taken (and perhaps is held); None where it tells nobody."""
        ...

    def failed(
        self, merchant: Merchant, order: Order, transaction_no: str
    ) -> WebhookMessage | None:
        """The notice that an attempt failed, with a number of its own; None: it tells nobody."""
        ...

    def forged(
        self, merchant: Merchant, order_id: str, order: Order | None, charge: Charge
    ) -> WebhookMessage:
        """The notice of somebody without the key: everything else is right."""
        ...

    def return_url(self, merchant: Merchant, order: Order, charge: Charge | None) -> str:
        """Where the payer's browser goes afterwards; a `charge` is a success."""
        ...


def gateway_named(dialects: Mapping[str, Dialect], name: str) -> GatewayDialect:
    """The dialect of that name, if it takes orders. Raises `LookupError`."""
    dialect = dialects[name]
    if not isinstance(dialect, GatewayDialect):
        raise LookupError(f"{name} takes no orders")
    return dialect
