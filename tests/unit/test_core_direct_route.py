"""Routes that need the request alone are called without FastAPI's search, to the same end."""

from collections.abc import Callable
from typing import Annotated, Any

import httpx2
import pytest
from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response

from core.direct_route import DirectRoute, direct_calls
from core.errors import NotFound
from core.problems import install
from payments.bills import api


async def first(request: Request) -> str:
    request.state.order = ["first"]
    if "refuse" in request.headers:
        raise NotFound("Không có.")
    return "one"


async def second(request: Request) -> str:
    request.state.order.append("second")
    return "two"


async def endpoint(
    a: Annotated[str, Depends(first)], b: Annotated[str, Depends(second)], request: Request
) -> Response:
    return Response(f"{a} {b} {request.state.order}")


def app_with(route_class: type[Any]) -> FastAPI:
    app, router = FastAPI(openapi_url=None), APIRouter(prefix="/api", route_class=route_class)
    router.post("/made", status_code=201)(endpoint)
    app.include_router(router)
    install(app)
    return app


async def ask(app: FastAPI, **headers: str) -> tuple[int, str]:
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.post("/api/made", headers=headers)
    return answer.status_code, answer.text


def is_direct(asked: Callable[..., Any]) -> bool:
    router = APIRouter(route_class=DirectRoute)
    router.get("/x")(asked)
    (route,) = router.routes
    assert isinstance(route, DirectRoute)
    return direct_calls(route) is not None


async def test_it_answers_as_the_frameworks_own_route() -> None:
    own, direct = app_with(DirectRoute.__base__ or object), app_with(DirectRoute)
    assert await ask(direct) == await ask(own) == (200, "one two ['first', 'second']")
    (refused, _), (status, text) = await ask(own, refuse="1"), await ask(direct, refuse="1")
    assert refused == status == 404
    assert '"code":"not_found"' in text.replace(" ", "")


async def test_overridden_dependencies_are_overridden() -> None:
    app = app_with(DirectRoute)
    app.dependency_overrides[second] = lambda: "other"
    assert await ask(app) == (200, "one other ['first']")


def test_bills_are_created_by_a_direct_route() -> None:
    direct = [
        route
        for route in api.router.routes
        if isinstance(route, DirectRoute) and direct_calls(route) is not None
    ]
    assert [(route.path, route.methods) for route in direct] == [("/api/v1/bills", {"POST"})]


async def of_the_address(q: str) -> Response:
    return Response(q)


async def of_a_query(a: Annotated[str, Depends(first)], q: Annotated[int, Query()]) -> Response:
    return Response(f"{a}{q}")


async def deeper(a: Annotated[str, Depends(first)]) -> str:
    return a


async def of_a_deeper_one(a: Annotated[str, Depends(deeper)]) -> Response:
    return Response(a)


async def of_no_response(request: Request) -> str:
    return request.url.path


def in_a_thread(request: Request) -> Response:
    return Response(request.url.path)


@pytest.mark.parametrize(
    "asked", [of_the_address, of_a_query, of_a_deeper_one, of_no_response, in_a_thread]
)
def test_what_asks_for_more_is_left_to_the_framework(asked: Callable[..., Any]) -> None:
    assert is_direct(endpoint)
    assert not is_direct(asked)
