"""A call that was cut off and is made again by a new process: the same key, the same bytes.

An adapter keeps nothing between two calls that a restart would lose: what it sends is made of the
attempt alone, and a gateway that knows repeats for one request knows this one.
"""

import dataclasses
from datetime import timedelta

import pytest

from adapters.sandbox.engine.traffic import Exchange
from core import clock
from payments.ports import AcceptedAttempt, PaymentGateway, StartRequest
from tests.contracts.test_payment_gateway import GATEWAYS
from tests.support.rigs.every import GATEWAY_RIGS
from tests.support.rigs.of_sandbox import SandboxRig

#: Headers that name the request or say who sends it; others are the connection's.
_OURS = ("idempotency-key", "authorization", "x-api-key", "x-client-id", "content-type")


def sent(exchange: Exchange) -> tuple[str, ...]:
    """What of a request the gateway could tell two of them apart by."""
    headers = (exchange.headers.get(name, "") for name in _OURS)
    return (exchange.method, exchange.path, exchange.query, exchange.body, *headers)


async def asked_twice(
    rig: SandboxRig, first: PaymentGateway, second: PaymentGateway, request: StartRequest
) -> list[tuple[str, ...]]:
    """What each of two adapters sends for one attempt, the second a minute later."""
    made = []
    with clock.frozen(request.created_at) as now:
        for gateway in (first, second):
            started = await gateway.start(request)
            assert isinstance(started, AcceptedAttempt)
            if rig.calls_at_start:
                made.append(sent(rig.state.traffic.newest()[0]))
            else:
                made.append((str(started.url),))
            now.advance(timedelta(minutes=1))
    return made


@pytest.mark.parametrize("name", GATEWAYS)
async def test_a_new_process_sends_the_same_bytes_under_the_same_key(name: str) -> None:
    rig = GATEWAY_RIGS[name]()
    assert isinstance(rig, SandboxRig)
    async with rig.running():
        request = dataclasses.replace(rig.request(), created_at=clock.now())
        first, again = await asked_twice(rig, rig.gateway(), rig.gateway(), request)
        assert first == again
        if rig.calls_at_start:
            assert request.order_ref in "".join(first) or "orderCode" in "".join(first)
            assert list(rig.orders()) == [request.order_ref]


@pytest.mark.parametrize("name", [one for one in GATEWAYS if GATEWAY_RIGS[one]().calls_at_start])
async def test_a_name_made_up_for_each_call_is_caught(name: str) -> None:
    """The negative control: another process calls the attempt by another name."""
    rig = GATEWAY_RIGS[name]()
    assert isinstance(rig, SandboxRig)
    async with rig.running():
        request = dataclasses.replace(rig.request(), created_at=clock.now())
        other = dataclasses.replace(rig.request(), created_at=request.created_at)
        (first,) = (await asked_twice(rig, rig.gateway(), rig.gateway(), request))[:1]
        (again,) = (await asked_twice(rig, rig.gateway(), rig.gateway(), other))[:1]
        assert first != again
        assert len(rig.orders()) == 2
