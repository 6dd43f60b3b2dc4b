"""SIGKILL at every named place between a bill and its receipt: afterwards all promises hold."""

import asyncio
import signal

import pytest

from core.failpoints import FAILPOINTS
from tests.crash.harness import CrashHouse, kept
from tests.crash.judge import judge
from tests.crash.payer import Payer


@pytest.mark.parametrize("name", [point.name for point in FAILPOINTS])
async def test_a_kill_at_this_place_breaks_no_promise(house: CrashHouse, name: str) -> None:
    payer = Payer(house)
    # The first payment passes the place, so that there is something to be broken by the second.
    await house.open(failpoints=f"{name}=kill:2")
    async with kept(house):
        await payer.pay_at_gateway()
        assert house.dead == []
        async with asyncio.TaskGroup() as group:
            for payment in (
                payer.pay_at_gateway(),
                payer.pay_at_gateway("duplicate_callback"),
                payer.pay_by_transfer(),
                payer.pay_poster(),
            ):
                group.create_task(payment)
        faults = await judge(house, payer)
    assert [child.status for child in house.dead if child.status == -signal.SIGKILL], (
        f"nothing was killed: no payment reaches {name}"
    )
    assert faults == []
