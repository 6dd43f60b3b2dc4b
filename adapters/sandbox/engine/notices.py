"""What the sandbox's gateways tell of orders: written by their dialects, planned, and signed.

No sockets and no clock of its own, as the rest of the engine.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from adapters.sandbox.engine.deliveries import Deliveries, WebhookDelivery
from adapters.sandbox.engine.dialect import Dialect, WebhookMessage
from adapters.sandbox.engine.gateway import GatewayDialect, SigningDialect, gateway_named
from adapters.sandbox.engine.store import Charge, Merchant, Order, Store


class Notices:
    """The callbacks of all gateways; `now` gives aware UTC times."""

    def __init__(
        self,
        store: Store,
        deliveries: Deliveries,
        dialects: Mapping[str, Dialect],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._deliveries = deliveries
        self._dialects = dialects
        self._now = now

    def report(
        self,
        merchant: Merchant,
        order: Order,
        charge: Charge,
        kind: str,
        *,
        after: float = 0,
        lost: bool = False,
    ) -> WebhookDelivery | None:
        """Plan the callback that tells of a charge, `after` seconds from now, if one does."""
        message = gateway_named(self._dialects, merchant.dialect).paid(merchant, order, charge)
        if message is None:
            return None
        due_at = self._now() + timedelta(seconds=after)
        return self._plan(merchant, order.order_id, kind, message, due_at, lost=lost)

    def fail(self, merchant: Merchant, order: Order, transaction_no: str) -> None:
        """Plan the callback that tells of a try that failed, by its own number, if one does."""
        dialect = gateway_named(self._dialects, merchant.dialect)
        message = dialect.failed(merchant, order, transaction_no)
        if message is not None:
            self._plan(merchant, order.order_id, "failure", message, self._now())

    def forge(self, merchant: Merchant, order_id: str, charge: Charge) -> WebhookDelivery:
        """Plan an outsider's callback: everything right but the key."""
        dialect = gateway_named(self._dialects, merchant.dialect)
        order = self._store.orders.get((merchant.id, order_id))
        message = dialect.forged(merchant, order_id, order, charge)
        return self._plan(merchant, order_id, "forged", message, self._now())

    def headers_for(self, delivery: WebhookDelivery) -> dict[str, str]:
        """What signs a gateway's notice in its headers; a forged one is signed by another key."""
        dialect = self._dialects.get(delivery.dialect)
        merchant = self._store.merchants.get(delivery.account)
        if merchant is None or not isinstance(dialect, GatewayDialect):
            return {}
        if not isinstance(dialect, SigningDialect):
            return {}
        if delivery.kind == "forged":
            keys = {name: f"not {value}" for name, value in merchant.credentials.items()}
            merchant = replace(merchant, credentials=keys)
        return dialect.headers(merchant, delivery.body, self._now())

    def _plan(
        self,
        merchant: Merchant,
        order_id: str,
        kind: str,
        message: WebhookMessage,
        due_at: datetime,
        *,
        lost: bool = False,
    ) -> WebhookDelivery:
        return self._deliveries.plan(
            merchant.dialect, merchant.id, order_id, kind, message, due_at, lost=lost
        )
