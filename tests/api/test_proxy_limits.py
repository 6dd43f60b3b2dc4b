"""The proxy that docs/operate.md proposes lets through whatever a route of ours takes."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from core.bodies import MOST_BYTES
from tests.support.system import System

PAGE = Path(__file__).parents[2] / "docs" / "operate.md"
_LOCATION = re.compile(r"location ~ (\S+) \{[^}]*client_max_body_size (\d+)m;", re.DOTALL)


def large_routes(app: FastAPI) -> Iterator[tuple[str, int]]:
    """The addresses of routes that take more than usual, and how many bytes."""
    for route in iter_route_contexts(app.routes):
        most = getattr(route, "max_body_size", None) or 0
        if most > MOST_BYTES:
            yield re.sub(r"\{\w+\}", "x", route.path or ""), most


def cut_short(app: FastAPI, page: str) -> list[str]:
    """The addresses at which the proxy refuses what we would take."""
    told = [(re.compile(shape), int(size) << 20) for shape, size in _LOCATION.findall(page)]
    return [
        path
        for path, most in large_routes(app)
        if not any(shape.search(path) and most <= size for shape, size in told)
    ]


@pytest.mark.asyncio(loop_scope="module")
async def test_the_proxy_takes_what_we_take(shared_system: System) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert len(list(large_routes(shared_system.app))) > 10
    assert cut_short(shared_system.app, page) == []
    less = page.replace("client_max_body_size 9m", "client_max_body_size 8m")
    assert "/staff/settings/catalogue/proposals" in cut_short(shared_system.app, less)
    assert "/api/v1/settlements" in cut_short(shared_system.app, page.replace("settlements|", ""))
