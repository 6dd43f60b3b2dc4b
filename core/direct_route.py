"""Routes of which the framework needs nothing but the request.

FastAPI looks through path, query, headers and cookies for each dependency of each request, which
takes a bill a tenth of its time. Where endpoint and dependencies ask for the request alone there is
nothing to be found there.
"""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from inspect import iscoroutinefunction, isroutine
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute


class DirectRoute(APIRoute):
    """Calls its dependencies in their order, each with the request, and then its endpoint.

    A route that asks for more than the request, or gives anything but a `Response`, is as FastAPI
    has it; so is every route while an application overrides dependencies.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See the class."""
        usual, needed = super().get_route_handler(), direct_calls(self)
        if needed is None:
            return usual
        *before, endpoint = needed

        async def direct(request: Request) -> Response:
            if request.app.dependency_overrides:
                return await usual(request)
            given: dict[str, Any] = {}
            for one in before:
                found = await one.call(**one.given(request))
                if one.name is not None:
                    given[one.name] = found
            answer: Response = await endpoint.call(**given, **endpoint.given(request))
            return answer

        return direct


@dataclass(frozen=True, slots=True)
class DirectCall:
    """Something to be called with the request, under the name that it has it by, if it wants it;
    `name` is that of the endpoint's parameter that gets what it gives."""

    name: str | None
    call: Callable[..., Awaitable[Any]]
    asked: str | None

    def given(self, request: Request) -> dict[str, Any]:
        """Its arguments."""
        return {} if self.asked is None else {self.asked: request}


def direct_calls(route: APIRoute) -> list[DirectCall] | None:
    """What a route calls, its endpoint last; None where one of it asks for more than the request,
    or is anything but a coroutine function, or the endpoint does not say that it gives a response.
    """
    if route.endpoint.__annotations__.get("return") is not Response:
        return None
    calls = []
    for one in (*route.dependant.dependencies, route.dependant):
        if one is not route.dependant and (one.dependencies or one.scope or one.concurrency):
            return None
        if one.call is None or _asks_more(one) or not _is_coroutine(one.call):
            return None
        calls.append(DirectCall(one.name, one.call, one.request_param_name))
    return calls


def _is_coroutine(call: Callable[..., Any]) -> bool:
    return iscoroutinefunction(call if isroutine(call) else type(call).__call__)


def _asks_more(dependant: Dependant) -> bool:
    return any(
        (
            *(dependant.path_params, dependant.query_params, dependant.header_params),
            *(dependant.cookie_params, dependant.body_params, dependant.http_connection_param_name),
            *(dependant.websocket_param_name, dependant.background_tasks_param_name),
            *(dependant.response_param_name, dependant.security_scopes_param_name),
        )
    )
