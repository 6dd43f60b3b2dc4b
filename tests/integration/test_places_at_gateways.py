"""Many citizens at a gateway that hangs: nothing of the database is held for them meanwhile."""

import asyncio
from typing import Any

import httpx2
import pytest

from adapters.paygov.gateway import PayGov
from payments.ports import OutcomeUnknown, StartRequest
from tests.support.gateway_setups import PAYGOV
from tests.support.system import System

pytestmark = pytest.mark.asyncio

PLACES = 3
CITIZENS = 12


async def press(system: System, bill: dict[str, Any]) -> httpx2.Response:
    page, _, token = bill["pay_url"].partition("?t=")
    path = page[page.index("/b/") :]
    return await system.browser.post(f"{path}/pay", data={"gateway": PAYGOV.name, "t": token})


async def test_who_waits_holds_no_connection_and_who_finds_no_place_leaves_nothing(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, under_way = asyncio.Event(), 0

    async def hangs(self: PayGov, request: StartRequest) -> Any:
        nonlocal under_way
        under_way += 1
        try:
            await go.wait()
        finally:
            under_way -= 1
        raise OutcomeUnknown("no answer")

    monkeypatch.setattr(PayGov, "start", hangs)
    monkeypatch.setattr(system.parts.payments.starting, "_places", PLACES)
    bills = [await system.create_bill() for _ in range(CITIZENS)]
    answers = await asyncio.gather(*(press(system, bill) for bill in bills[:PLACES]))
    answers += await asyncio.gather(*(press(system, bill) for bill in bills[PLACES:]))
    assert {one.status_code for one in answers} == {303}
    assert under_way == PLACES
    assert system.parts.database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    for bill in bills[PLACES:]:
        assert (await system.read(bill))["payments"] == []
    key = "the same again"
    path = f"/api/v1/bills/{bills[-1]['id']}/payments"
    refused = await system.post(path, {"gateway": PAYGOV.name}, key)
    assert (refused.status_code, refused.json()["code"]) == (503, "gateway_crowded")
    go.set()
    async with asyncio.timeout(30):
        while system.parts.payments.starting._inside:  # noqa: ASYNC110 - no event of ours
            await asyncio.sleep(0.02)
    assert await system.broken() == []


async def test_a_start_that_breaks_off_gives_its_place_back(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However it ends: an odd exception, or whoever waited is cancelled."""
    monkeypatch.setattr(system.parts.payments.starting, "_places", 1)
    began = asyncio.Event()

    async def odd(self: PayGov, request: StartRequest) -> Any:
        raise ValueError("odd")

    async def hangs(self: PayGov, request: StartRequest) -> Any:
        began.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(PayGov, "start", odd)
    await press(system, await system.create_bill())
    assert not system.parts.payments.starting._inside
    monkeypatch.setattr(PayGov, "start", hangs)
    await press(system, await system.create_bill())
    await began.wait()
    assert system.parts.payments.starting._inside
    await system.parts.payments.background.aclose()
    assert not system.parts.payments.starting._inside
