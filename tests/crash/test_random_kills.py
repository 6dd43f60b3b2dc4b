"""SIGKILLs at moments nobody chose, of service, worker and PostgreSQL, while people pay.

LEPHI_TEST_KILLS=n kills n times instead of five, or 25 in the profile `thorough`;
LEPHI_TEST_SEED=n repeats a printed run (its choices; the moments depend on the machine).
"""

import asyncio
import os
import random
import signal

import pytest

from tests.crash.harness import CrashSystem, kept
from tests.crash.oracle import find_faults
from tests.crash.payer import Payer
from tests.support.examples import examples

PAYERS = 5
VICTIMS = ("serve", "worker", "postgres")
KILLS = int(os.environ.get("LEPHI_TEST_KILLS") or max(len(VICTIMS), examples(5)))
OUTCOMES = ("success", "success", "duplicate_callback", "late_callback", "lost_callback")


async def pay(payer: Payer, rng: random.Random, over: asyncio.Event) -> int:
    """Pay one bill after the other until it is over; how many."""
    paid = 0
    while not over.is_set():
        match rng.choice(("gateway", "gateway", "transfer", "poster")):
            case "gateway":
                await payer.pay_at_gateway(rng.choice(OUTCOMES))
            case "transfer":
                await payer.pay_by_transfer()
            case "poster":
                await payer.pay_poster()
        paid += 1
    return paid


async def kill(system: CrashSystem, payer: Payer, rng: random.Random) -> list[str]:
    """Kill again and again, everything at least once; what was killed, in order."""
    every = rng.sample(VICTIMS, len(VICTIMS))
    victims = [every[n] if n < len(every) else rng.choice(VICTIMS) for n in range(KILLS)]
    for victim in victims:
        known = len(payer.bills)
        await asyncio.sleep(rng.uniform(0.5, 2.5))
        # On a slow machine, too, there must be something to break.
        while len(payer.bills) < known + 2:  # noqa: ASYNC110  an event would make the moment less random
            await asyncio.sleep(rng.uniform(0.0, 0.2))
        if victim == "postgres":
            await system.kill_database()
        else:
            system.kill(victim)
    return victims


@pytest.mark.timeout(120 + 20 * KILLS)
async def test_random_kills_under_load_break_no_promise(system: CrashSystem) -> None:
    seed = int(os.environ.get("LEPHI_TEST_SEED") or random.SystemRandom().randrange(10**6))
    print(f"LEPHI_TEST_SEED={seed} LEPHI_TEST_KILLS={KILLS}")  # noqa: T201  to repeat a failure
    rng = random.Random(seed)
    payer = Payer(system)
    over = asyncio.Event()
    await system.open()
    async with kept(system), asyncio.TaskGroup() as group:
        paying = [
            group.create_task(pay(payer, random.Random(rng.random()), over)) for _ in range(PAYERS)
        ]
        victims = await kill(system, payer, rng)
        over.set()
        paid = sum(await asyncio.gather(*paying))
        faults = await find_faults(system, payer)
    print(f"killed {victims}; {paid} paid, {len(payer.receipts)} receipts")  # noqa: T201  likewise
    killed = [child.name for child in system.dead if child.status == -signal.SIGKILL]
    assert sorted(killed) == sorted(victim for victim in victims if victim != "postgres")
    assert paid >= PAYERS
    assert faults == []
