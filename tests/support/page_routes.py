"""Which routes give pages, and whether a list of addresses leads to each of them."""

import re
from collections.abc import Iterable

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

#: Routes of pages that give no page themselves.
NO_PAGES = {
    *("/b/{reference}/qr.{extension}", "/b/{reference}/state", "/p/{agency}/{code}/qr.{extension}"),
    "/v/{agency}/{stall}/qr.{extension}",
    *("/r/{code}.pdf", "/r/{code}.xml", "/staff/second-factor/qr.svg"),
    *("/staff/markets/{market_id}/map.svg", "/staff/settings/catalogue/export"),
    *("/collect/worker.js", "/collect/manifest.json", "/collect/walk"),
    *("/staff/receipts/{receipt_id}.pdf", "/staff/receipts/{receipt_id}.xml"),
    "/staff/settings/catalogue/export",
}


def unlisted(app: FastAPI, addresses: Iterable[str], room: str = "app.web.citizen.") -> list[str]:
    """The routes of a room's pages that none of these addresses leads to."""
    paths = [address.partition("?")[0] for address in addresses]
    found = []
    for route in iter_route_contexts(app.routes):
        module = getattr(getattr(route, "endpoint", None), "__module__", "")
        if module.startswith(room) and "GET" in (route.methods or ()):
            shape = re.compile(re.sub(r"\{\w+\}", "[^/]+", route.path or ""))
            if route.path not in NO_PAGES and not any(map(shape.fullmatch, paths)):
                found.append(str(route.path))
    return found
