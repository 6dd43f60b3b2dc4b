"""A payer's bank disputes a payment: gateways that can tell of it do.

It is the sandbox's user who decides how far the dispute is; nothing moves by itself.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Final, Protocol, runtime_checkable

from adapters.sandbox.engine.deliveries import WebhookDelivery
from adapters.sandbox.engine.dialect import Dialect, WebhookMessage
from adapters.sandbox.engine.state import SandboxState
from adapters.sandbox.engine.store import Charge, Merchant, Order

#: How long a body has to answer.
ANSWERED_WITHIN: Final = timedelta(days=7)


class DisputeStep(StrEnum):
    """What the payer's bank has come to."""

    INQUIRY = "inquiry"
    OPENED = "opened"
    WON = "won"
    LOST = "lost"


class NotDisputable(Exception):
    """Nothing was taken for the order, or its gateway tells of no disputes."""


@runtime_checkable
class DisputedDialect(Dialect, Protocol):
    """A gateway that tells of disputes."""

    def disputed(
        self, merchant: Merchant, charge: Charge, step: DisputeStep, amount: int
    ) -> WebhookMessage:
        """The notice of a step; `amount` đồng of the charge are disputed."""
        ...


def dispute(
    state: SandboxState, order: Order, step: DisputeStep, amount: int | None = None
) -> WebhookDelivery:
    """Plan the notice that the order's charge, or `amount` đồng of it, is disputed so far.

    Raises `NotDisputable`.
    """
    merchant = state.store.merchants[order.merchant_id]
    dialect = state.dialects.get(merchant.dialect)
    if not order.charges or not isinstance(dialect, DisputedDialect):
        raise NotDisputable(order.order_id)
    charge = order.charges[-1]
    message = dialect.disputed(merchant, charge, step, amount or charge.amount)
    return state.deliveries.plan(
        *(merchant.dialect, merchant.id, order.order_id, f"dispute {step}", message, state.now())
    )
