"""The route of receipts that gateways make out themselves: a part of `every_route`."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.every_route import Case, Things

_WHO = "clerk finance chief admin auditor collector"


async def _payment(things: "Things") -> str:
    return await things.payment()


def receipt_cases(case: type["Case"]) -> list["Case"]:
    """No gateway's receipt is kept of the payment: whoever may look is told so."""
    path = "GET /payments/{payment_id}/gateway-receipt"
    return [case(path, _WHO, "bills", 404, 404, thing=_payment)]
