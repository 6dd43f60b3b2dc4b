"""The pages of a market with who may use them, and what is typed into them; for `staff_routes`."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from tests.support import market_routes
from tests.support.every_route import EVERYONE, Things

Form = dict[str, Any]
MARKETS: Final = "/staff/markets"
_REPORTS: Final = "finance chief admin auditor"
_ASKING: Final = "finance chief"
_KEEPING: Final = "finance chief admin"
_READING: Final = "finance chief admin collector"


async def _nothing(_: Things) -> Form:
    return {}


async def _period(_: Things) -> Form:
    return {"data": {"kind": "month", "period": "2026-11"}}


def _typed(ask: Callable[[Things], Awaitable[Any]]) -> Callable[[Things], Awaitable[Form]]:
    """What the API is sent, as somebody types it."""

    async def typed(things: Things) -> Form:
        body = (await ask(things))["json"]
        return {"data": {name: str(value) for name, value in body.items()}}

    return typed


async def _reading(things: Things) -> Form:
    """Of a stall that every market of the tests has."""
    typed: Form = await _typed(market_routes.reading)(things)
    return {"data": typed["data"] | {"stall": "A-001"}}


#: Route, roles, what its own get, what a stranger gets, what is sent, and of what thing.
CASES: Final = (
    (f"GET {MARKETS}", EVERYONE, 200, 200),
    (f"GET {MARKETS}/rates", _REPORTS, 200, 200),
    (f"GET {MARKETS}/arrears", _REPORTS, 200, 200),
    (f"GET {MARKETS}/runs/{{run_id}}", _REPORTS, 200, 404, _nothing, market_routes.billing_run),
    (f"GET {MARKETS}/{{market_id}}", EVERYONE, 200, 404, _nothing, market_routes.market),
    (f"GET {MARKETS}/{{market_id}}/map.svg", EVERYONE, 200, 404, _nothing, market_routes.market),
    (f"GET {MARKETS}/{{market_id}}/arrears", _REPORTS, 200, 404, _nothing, market_routes.market),
    (f"GET {MARKETS}/{{market_id}}/runs", _REPORTS, 200, 404, _nothing, market_routes.market),
    (
        *(f"GET {MARKETS}/{{market_id}}/runs/preview", _REPORTS, 200, 404),
        *(_nothing, market_routes.market),
    ),
    (f"POST {MARKETS}/{{market_id}}/runs", _ASKING, 303, 404, _period, market_routes.market),
    (f"GET {MARKETS}/{{market_id}}/tariffs", EVERYONE, 200, 404, _nothing, market_routes.market),
    (
        *(f"POST {MARKETS}/{{market_id}}/stall-tariffs", _ASKING, 303, 404),
        *(_typed(market_routes.stall_tariff), market_routes.market),
    ),
    (
        *(f"POST {MARKETS}/{{market_id}}/charge-tariffs", _ASKING, 303, 404),
        *(_typed(market_routes.charge_tariff), market_routes.market),
    ),
    (
        *(f"POST {MARKETS}/{{market_id}}/waivers", _ASKING, 303, 404),
        *(_typed(market_routes.waiver), market_routes.market),
    ),
    (f"GET {MARKETS}/{{market_id}}/readings", _READING, 200, 404, _nothing, market_routes.market),
    (f"POST {MARKETS}/{{market_id}}/readings", _READING, 303, 404, _reading, market_routes.market),
    (f"GET {MARKETS}/{{market_id}}/import", _KEEPING, 200, 404, _nothing, market_routes.market),
    (
        *(f"POST {MARKETS}/{{market_id}}/import", _KEEPING, 303, 404),
        *(market_routes.sheet, market_routes.market),
    ),
    (
        *(f"GET {MARKETS}/imports/{{import_id}}", EVERYONE, 200, 404),
        *(_nothing, market_routes.stall_import),
    ),
    ("GET /staff/stalls/{stall_id}", EVERYONE, 200, 404, _nothing, market_routes.stall),
)
