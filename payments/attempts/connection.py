"""Whether a gateway answers us and knows us, asked about an order that does not exist."""

from core import clock
from payments.gateway_info import Capability
from payments.ports import AttemptKey, GatewayAccount, GatewayDirectory, Outcome, Queryable


async def try_connection(gateways: GatewayDirectory, account: GatewayAccount) -> Outcome | None:
    """What a gateway says of an order that there is not; None for one that cannot be asked.

    `Outcome.NOT_FOUND` is what one says that knows us. Nothing is paid and nothing kept. Raises
    `GatewayUnavailable`, `OutcomeUnknown`, `GatewayMisuse` and `NotFound`; call it with no
    transaction open.
    """
    adapter = gateways.reader(account)
    if not isinstance(adapter, Queryable) or not adapter.info.can(
        Capability.QUERY, account.credentials
    ):
        return None
    return (await adapter.query(AttemptKey(adapter.info.no_order, clock.now()))).outcome
