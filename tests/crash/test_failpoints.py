"""SIGKILL at every named place between a bill and its receipt: afterwards all promises hold."""

import asyncio
import signal

import pytest

from core.failpoints import FAILPOINTS
from tests.crash.harness import CrashSystem, kept
from tests.crash.oracle import find_faults
from tests.crash.payer import Payer

#: A large statement's are reached in tests/integration/test_large_statements.py.
PAYING = [point.name for point in FAILPOINTS if not point.name.startswith("statement.")]


@pytest.mark.parametrize("name", PAYING)
async def test_a_kill_at_this_place_breaks_no_promise(system: CrashSystem, name: str) -> None:
    payer = Payer(system)
    # The first payment passes the place, so that there is something to be broken by the second.
    await system.open(failpoints=f"{name}=kill:2")
    async with kept(system):
        await payer.pay_at_gateway()
        assert system.dead == []
        async with asyncio.TaskGroup() as group:
            for payment in (
                payer.pay_at_gateway(),
                payer.pay_at_gateway("duplicate_callback"),
                payer.pay_by_transfer(),
                payer.pay_poster(),
            ):
                group.create_task(payment)
        faults = await find_faults(system, payer)
    assert [child.status for child in system.dead if child.status == -signal.SIGKILL], (
        f"nothing was killed: no payment reaches {name}"
    )
    assert faults == []
