"""What holds for every request before its route has done anything: who it is from, and how long.

A form is read by the framework before anything is asked of it, a file of it kept on disk. So where
a form needs a key, the key is looked at when the first byte of the body is asked for. How much a
body may hold is the framework's own business (`max_body_size`, `form_limits`, beside each route
that takes more). How long it may take to arrive is the server's (`app.server`), and does not count
here, nor does what it takes to send the answer.
"""

import asyncio
from collections.abc import Callable
from typing import Any, TypedDict

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.odd_addresses import refusal_of
from core import log
from core.deadlines import CURRENT, Deadline, DeadlinePassed, allowed
from core.errors import LephiError
from core.problems import CarriedProblem, body_of, problem_response, trace_id_of
from payments.agencies.access.principals import RequiredRight

_log = log.get(__name__)


class FormLimits(TypedDict, total=False):
    """What a form may hold, as FastAPI is told: numbers of fields and files, bytes of a field."""

    max_fields: int
    max_files: int
    max_part_size: int


#: Few fields, one file, no field longer than a reason that a person writes.
FORM = FormLimits(max_fields=100, max_files=1, max_part_size=65_536)


class RequestLimits:
    """Gives each request its deadline, and asks for a form's key before the form is read.

    An address that nothing could be found under goes no further. Each layer around the routes costs
    every request some microseconds, so that this is one of this layer's questions.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self._app = app
        self._seconds = seconds
        self._rights: dict[Callable[..., Any], RequiredRight | None] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; see the class."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = refusal_of(scope)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        deadline = Deadline(self._seconds, lambda: allowed(scope.get("endpoint"), self._seconds))
        asked = False

        async def received() -> Message:
            nonlocal asked
            if not asked:
                asked = True
                await self._ask_for_key(scope)
            deadline.pause()
            try:
                return await receive()
            finally:
                deadline.resume()

        async def answered(message: Message) -> None:
            deadline.end()
            await send(message)

        before = CURRENT.set(deadline)
        try:
            await self._app(scope, received, answered)
        except asyncio.CancelledError as error:
            if not deadline.caused(error):
                raise
            _log.warning("request took too long", seconds=self._seconds)
            passed = DeadlinePassed(
                "Hệ thống chưa trả lời kịp. Hãy gửi lại yêu cầu này với cùng Idempotency-Key."
            )
            answer = problem_response(body_of(passed, trace_id_of(scope)))
            await answer(scope, receive, send)
        finally:
            deadline.end()
            CURRENT.reset(before)

    async def _ask_for_key(self, scope: Scope) -> None:
        """Raise before a form is read that its caller may not send."""
        right = self._right_of(scope)
        if right is None:
            return
        try:
            await right(Request(scope))
        except LephiError as error:
            raise CarriedProblem(error) from error

    def _right_of(self, scope: Scope) -> RequiredRight | None:
        """What a route needs whose body the framework reads; None for all others."""
        endpoint = scope.get("endpoint")
        if endpoint is None:
            return None
        if endpoint not in self._rights:
            self._rights[endpoint] = _declared(scope.get("route"))
        return self._rights[endpoint]


def _declared(route: Any) -> RequiredRight | None:
    if getattr(route, "body_field", None) is None:
        return None
    calls = (needed.call for needed in route.dependant.dependencies)
    return next((call for call in calls if isinstance(call, RequiredRight)), None)
