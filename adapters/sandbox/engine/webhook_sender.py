"""Sends the sandbox's callbacks over real HTTP, each as often as its schedule says."""

import asyncio
from collections.abc import Iterable
from typing import Final

import httpx2

from adapters.http import trusting_tls
from adapters.sandbox.engine.deliveries import WebhookDelivery
from adapters.sandbox.engine.dialect import WebhookMessage
from adapters.sandbox.engine.state import SandboxState

#: seconds a receiver has to answer
_PATIENCE: Final = 15.0
_LONGEST_ANSWER: Final = 64 * 1024
#: the clock of the state may stand still or jump in a test: look again at least this often
_LONGEST_SLEEP: Final = 0.5


class WebhookSender:
    """One for each running sandbox; `run` until cancelled, then `aclose`."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state
        self._wake = asyncio.Event()
        self._client = httpx2.AsyncClient(
            timeout=_PATIENCE, follow_redirects=False, trust_env=False, verify=trusting_tls()
        )
        self._running: set[asyncio.Task[None]] = set()
        state.deliveries.on_planned = self._wake.set

    async def run(self) -> None:
        """Send whatever is due, at the moment it is due, without waiting for one another."""
        while True:
            self._wake.clear()
            now = self._state.now()
            for delivery in self._state.deliveries.take_due(now):
                task = asyncio.create_task(self._send(delivery))
                self._running.add(task)
                task.add_done_callback(self._running.discard)
            due_at = self._state.deliveries.next_due_at()
            wait = None
            if due_at is not None:
                wait = min(max((due_at - now).total_seconds(), 0.0), _LONGEST_SLEEP)
            try:
                await asyncio.wait_for(self._wake.wait(), wait)
            except TimeoutError:
                continue

    async def send_now(self, deliveries: Iterable[WebhookDelivery]) -> None:
        """Send these now and come back when each has an answer or none."""
        mine = [d for d in deliveries if self._state.deliveries.take(d)]
        await asyncio.gather(*(self._send(delivery) for delivery in mine))

    async def ask(self, message: WebhookMessage) -> str:
        """The answer to a question that is posted once; empty where there is none."""
        try:
            async with asyncio.timeout(_PATIENCE):
                answer = await self._client.request(
                    message.method,
                    message.url,
                    content=message.body,
                    headers={"Content-Type": message.media_type},
                )
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, OSError):
            return ""
        return answer.text[:_LONGEST_ANSWER] if answer.status_code == 200 else ""

    async def aclose(self) -> None:
        """Stop whatever is on its way."""
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self._client.aclose()

    async def _send(self, delivery: WebhookDelivery) -> None:
        headers = self._state.headers_for(delivery)
        status: int | None = None
        answer = b""
        error = ""
        try:
            async with asyncio.timeout(_PATIENCE):
                request = self._client.build_request(
                    delivery.message.method,
                    delivery.url,
                    content=delivery.body or None,
                    headers=headers,
                )
                response = await self._client.send(request, stream=True)
                try:
                    status = response.status_code
                    async for chunk in response.aiter_bytes():
                        answer += chunk
                        if len(answer) > _LONGEST_ANSWER:
                            break
                finally:
                    await response.aclose()
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, OSError) as failure:
            status = None
            error = type(failure).__name__
        self._state.answered(delivery, headers, status, answer, error)
