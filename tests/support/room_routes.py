"""The routes that are kept room by room, together: parts of `every_route`, which is long enough."""

from typing import TYPE_CHECKING

from tests.support.debt_routes import debt_cases
from tests.support.invoice_routes import invoice_cases
from tests.support.market_routes import market_cases
from tests.support.receipt_routes import receipt_cases

if TYPE_CHECKING:
    from tests.support.every_route import Case


def room_cases(case: type["Case"]) -> list["Case"]:
    """The cases of all of these rooms."""
    return [
        *market_cases(case),
        *debt_cases(case),
        *receipt_cases(case),
        *invoice_cases(case),
    ]
