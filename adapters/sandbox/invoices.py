"""A provider of e-invoices as the sandbox plays it, in our plain dialect.

Written from the description and independent of our adapter: nothing is shared. It numbers each
seller's series from 1, makes one invoice for a key, and gives a made-up code where the symbol says
that the tax authority gives one. Under `/sandbox/invoices` is what was made;
`/sandbox/invoice-faults` plans how the next calls go wrong.
"""

import asyncio
import hashlib
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from core import json
from core.errors import Invalid

#: `slow` and `unclear` make the invoice: the answer comes late, or cannot be read. `mute` makes
#: none and answers the same way. `other` answers with another sum than was asked for.
InvoiceFault = Literal["slow", "unclear", "mute", "other", "refused", "busy"]

#: How long a slow answer takes, in seconds; a client that has gone is not waited for.
_SLOW_SECONDS: Final = 60.0
_NEEDED: Final = ("key", "form", "symbol", "seller", "buyer", "lines", "amount", "net", "vat")


@dataclass(slots=True)
class InvoiceOffice:
    """What the provider knows: invoices by key, their orders, each call, what goes wrong next."""

    made: dict[str, dict[str, Any]] = field(default_factory=dict)
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    faults: deque[InvoiceFault] = field(default_factory=deque)

    def make(self, order: dict[str, Any], base: str) -> dict[str, Any]:
        """The invoice of an order: the one of its key, or a new one with the next number."""
        key = str(order["key"])
        if key not in self.made:
            series = (str(order["seller"].get("tax_code", "")), f"{order['form']}{order['symbol']}")
            number = self.numbers[series] = self.numbers.get(series, 0) + 1
            has_code = str(order["symbol"]).startswith("C")
            code = hashlib.sha256(key.encode()).hexdigest()[:34].upper() if has_code else None
            self.orders[key] = order
            self.made[key] = {
                "key": key,
                "number": number,
                "symbol": order["symbol"],
                "amount": order["amount"],
                "authority_code": code,
                "lookup_url": f"{base}/lookup/{key}",
            }
        return self.made[key]


class InvoiceFaultInput(BaseModel):
    """How the next calls go wrong."""

    model_config = ConfigDict(extra="forbid")

    fault: InvoiceFault
    count: Annotated[int, Field(ge=1, le=1000)] = 1


def router(office: InvoiceOffice) -> APIRouter:
    """The provider and what tests see of it."""
    api = APIRouter()

    @api.get("/sandbox/invoices")
    async def invoices() -> dict[str, Any]:
        made = [office.made[key] | {"order": office.orders[key]} for key in office.made]
        return {"items": made, "calls": office.calls}

    @api.post("/sandbox/invoice-faults", status_code=201)
    async def plan(given: InvoiceFaultInput) -> dict[str, int]:
        office.faults.extend([given.fault] * given.count)
        return {"planned": len(office.faults)}

    @api.post("/e-invoices/invoices")
    async def issue(request: Request) -> Response:
        if (refused := _unknown_caller(request)) is not None:
            return refused
        order = await _order(request)
        if order is None:
            return JSONResponse({"reason": "malformed"}, 422)
        office.calls.append(f"issue {order['key']}")
        fault = office.faults.popleft() if office.faults else None
        match fault:
            case "refused":
                return JSONResponse({"reason": "series_not_registered"}, 422)
            case "busy":
                return JSONResponse({"reason": "busy"}, 429)
            case "mute":
                return Response("<html>", 502)
        if order["net"] + order["vat"] != order["amount"]:
            return JSONResponse({"reason": "sum"}, 422)
        if (adjusted := order.get("adjusts")) is not None:
            first = office.made.get(str(adjusted.get("key")))
            if first is None or first["number"] != adjusted.get("number"):
                return JSONResponse({"reason": "nothing_to_adjust"}, 422)
        known = office.orders.get(str(order["key"]))
        if known is not None and known != order:
            return JSONResponse({"reason": "another_order"}, 409)
        made = office.make(order, "https://hoadon.example.vn")
        return await _answer(request, fault, made)

    @api.get("/e-invoices/invoices/{key}")
    async def find(key: str, request: Request) -> Response:
        if (refused := _unknown_caller(request)) is not None:
            return refused
        office.calls.append(f"find {key}")
        fault = office.faults.popleft() if office.faults else None
        if fault == "mute":
            return Response("<html>", 502)
        made = office.made.get(key)
        if made is None:
            return JSONResponse({"reason": "absent"}, 404)
        return await _answer(request, fault, made)

    return api


def _unknown_caller(request: Request) -> Response | None:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind == "Bearer" and token:
        return None
    return JSONResponse({"reason": "unauthorized"}, 401)


async def _order(request: Request) -> dict[str, Any] | None:
    try:
        told = json.loads(await request.body())
    except Invalid:
        return None
    if not isinstance(told, dict) or any(name not in told for name in _NEEDED):
        return None
    return told


async def _answer(request: Request, fault: InvoiceFault | None, made: dict[str, Any]) -> Response:
    match fault:
        case "slow":
            with suppress(TimeoutError):
                async with asyncio.timeout(_SLOW_SECONDS):
                    while (await request.receive())["type"] != "http.disconnect":
                        pass
            return JSONResponse(made)
        case "unclear":
            return Response("<html>", 502)
        case "other":
            return JSONResponse(made | {"amount": made["amount"] + 1})
        case _:
            return JSONResponse(made)
