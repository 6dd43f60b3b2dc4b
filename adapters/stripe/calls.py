"""Stripe's SDK over our own way out, so that what happened to a call is never guessed.

The SDK writes the forms, pins the version of the API and reads the answers; each call goes through
`adapters.http`, whose four endings pass through it. The SDK repeats nothing: it has no client of
its own here.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, NoReturn

import stripe

from adapters.http import GatewayHttp

# It would log each call under Stripe's own address, wherever it goes, with the numbers of payers'
# payments in it; what goes wrong is raised.
logging.getLogger(stripe.__name__).setLevel(logging.WARNING)


class OwnWayOut(stripe.HTTPClient):
    """A client for the SDK that calls through `GatewayHttp`."""

    name = "lephi"

    def __init__(self, http: GatewayHttp) -> None:
        super().__init__()
        self._http = http

    async def request_with_retries_async(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        post_data: Any = None,
        max_network_retries: int | None = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Body, status and headers of the answer; raises as `GatewayHttp` does."""
        path = "/" + url.split("/", 3)[3]
        # Who calls and from which machine is nobody's business.
        sent = {k: v for k, v in headers.items() if not k.startswith(("X-Stripe-", "User-"))}
        if method.upper() == "GET":
            answer = await self._http.get(path, sent)
        else:
            body = (post_data or "").encode()
            answer = await self._http.post_form(path, body, sent)
        return answer.body, answer.status, {}

    async def sleep_async(self, secs: float) -> None:
        """The SDK waits for nothing."""
        await asyncio.sleep(0)

    def request(self, *_: Any, **__: Any) -> NoReturn:
        """Not this way."""
        raise NotImplementedError

    async def close_async(self) -> None:
        """The way out is its account's, and closed with it."""

    def close(self) -> None:
        """See `close_async`."""
