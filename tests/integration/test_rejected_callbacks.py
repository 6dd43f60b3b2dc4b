"""Refused callbacks are counted by gateway and reason; a stranger's words make no new figure."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import httpx2
import pytest

from adapters.sandbox.dialects import paygov, sepay
from core import clock
from payments.ports import CallbackFault
from tests.support.callbacks import PAYGOV, SEPAY, merchant_of, notice_of, order_of, result_of
from tests.support.gateway_setups import FEED_SECRET
from tests.support.rows import contents
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

_LINE = re.compile(
    r'lephi_callbacks_rejected_total\{gateway="([^"]*)",reason="([^"]*)"\} ([0-9.]+)'
)


async def counted(system: System) -> dict[tuple[str, str], float]:
    """The figures as Prometheus reads them."""
    page = (await system.browser.get("/metrics")).text
    return {(gateway, reason): float(value) for gateway, reason, value in _LINE.findall(page)}


async def more(
    system: System, before: dict[tuple[str, str], float]
) -> dict[tuple[str, str], float]:
    """What has grown since, and by how much."""
    now = await counted(system)
    return {
        key: value - before.get(key, 0) for key, value in now.items() if value != before.get(key, 0)
    }


@dataclass(frozen=True, slots=True)
class Call:
    """A callback of a test: where it goes and with what."""

    path: str
    body: bytes = b"{}"
    headers: dict[str, str] | None = None
    method: str = "POST"

    async def send(self, system: System) -> httpx2.Response:
        return await system.browser.request(
            self.method, self.path, content=self.body, headers=self.headers
        )


def notice(system: System, *, late: float = 0, secret: str = FEED_SECRET, **more: object) -> Call:
    body = notice_of(system, 5000, "chuyen tien")
    if more:
        body = json.dumps(json.loads(body) | more).encode()
    at = clock.now() + timedelta(seconds=late)
    return Call(SEPAY, body, sepay.notice_headers(secret, body, at))


REFUSED: dict[str, tuple[str, CallbackFault, Callable[[System], Call]]] = {
    "forged notice": (
        "sepay", CallbackFault.WRONG_SIGNATURE, lambda s: notice(s, secret="guessed")
    ),
    "old notice": ("sepay", CallbackFault.TOO_OLD, lambda s: notice(s, late=-7200)),
    "notice from tomorrow": ("sepay", CallbackFault.TOO_OLD, lambda s: notice(s, late=86_400)),
    "unreadable notice": (
        "sepay", CallbackFault.UNREADABLE, lambda s: notice(s, transferAmount=5000.5)
    ),
    "forged callback": (
        "paygov",
        CallbackFault.WRONG_SIGNATURE,
        lambda s: Call(PAYGOV, paygov.callback_body(merchant_of(s), {"amount": 1})[:-9] + b'"}'),
    ),
    "no json": ("paygov", CallbackFault.MALFORMED, lambda _: Call(PAYGOV, b"amount=1")),
    "by get": ("paygov", CallbackFault.MALFORMED, lambda _: Call(PAYGOV, method="GET")),
    "too large": ("paygov", CallbackFault.TOO_LARGE, lambda _: Call(PAYGOV, b" " * 70_000)),
    "no such account": (
        "paygov", CallbackFault.UNKNOWN_ACCOUNT, lambda _: Call("/callbacks/paygov/other")
    ),
    "no such gateway": (
        "unknown", CallbackFault.UNKNOWN_GATEWAY, lambda _: Call("/callbacks/nobody/test")
    ),
    "no such gateway, too large": (
        "unknown", CallbackFault.TOO_LARGE, lambda _: Call("/callbacks/nobody/x", b" " * 70_000)
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
async def test_a_refused_callback_is_counted_under_its_gateway_and_reason(
    shared_system: System, kind: str
) -> None:
    gateway, fault, made = REFUSED[kind]
    call = made(shared_system)
    before = await counted(shared_system)
    await call.send(shared_system)
    assert await more(shared_system, before) == {(gateway, fault.value): 1}


async def test_a_genuine_callback_is_counted_nowhere(shared_system: System) -> None:
    system = shared_system
    order = order_of(system, await system.start(await system.create_bill()))
    before = await counted(system)
    call = Call(PAYGOV, result_of(system, order), {"Content-Type": "application/json"})
    assert (await call.send(system)).json()["error_code"] == "SUCCESSFUL"
    assert (await notice(system).send(system)).json() == {"success": True}
    assert await more(system, before) == {}


async def test_whatever_strangers_call_the_figures_stay_few_and_write_nothing(
    shared_system: System,
) -> None:
    system = shared_system
    before, rows = await counted(system), await contents(system.parts.database)
    for number in range(30):
        await Call(f"/callbacks/g{number}/a{number}").send(system)
        await Call(f"/callbacks/paygov/a{number}").send(system)
    assert await more(system, before) == {
        ("unknown", "unknown_gateway"): 30,
        ("paygov", "unknown_account"): 30,
    }
    assert {reason for _, reason in await counted(system)} <= set(CallbackFault)
    assert await contents(system.parts.database) == rows
