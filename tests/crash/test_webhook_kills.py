"""SIGKILL of the worker between a call and its mark: every receiver hears everything, in order."""

import asyncio
import json
import signal
from dataclasses import dataclass, field

import pytest

from app.wiring import parts_of
from core.settings import Settings
from payments.agencies.queries import find_agency
from payments.ports import Acknowledgement, RawCallback
from payments.webhooks.commands import create_endpoint
from tests.crash.harness import CrashSystem, kept
from tests.crash.payer import Payer
from tests.support.receiver import receiving

#: Processes start anew in these, on a machine that may be busy.
pytestmark = pytest.mark.timeout(400)
#: Bills that are paid, each of which is told of, and its receipt too.
BILLS = 3
ALL = set(range(1, 2 * BILLS + 1))


@dataclass
class Told:
    """What a receiver was told: number and id of each message, in the order in which it came."""

    heard: list[tuple[int, str]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def answer(self, notice: RawCallback) -> Acknowledgement:
        self.heard.append((json.loads(notice.body)["sequence"], notice.headers["webhook-id"]))
        self.changed.set()
        return Acknowledgement(200, b"{}")

    async def until_all(self) -> None:
        while not {number for number, _ in self.heard} >= ALL:
            self.changed.clear()
            await self.changed.wait()


async def register(system: CrashSystem, url: str) -> None:
    settings = Settings(
        mode="test",
        database_url=system.environment["LEPHI_DATABASE_URL"],
        data_dir=system.data_dir,
        log_level="error",
    )
    async with parts_of(settings) as parts, parts.database.transaction() as session:
        agency = await find_agency(session, system.ground.agency)
        assert agency is not None
        await create_endpoint(
            session, parts.cipher, agency_id=agency.id, url=url, types=[], actor="system:test"
        )


def count(system: CrashSystem, state: str) -> int:
    """How many messages are in such a state."""
    with system.ground.server.connect(system.database) as connection:
        row = connection.execute(
            f"SELECT count(*) FROM webhook_message WHERE state {state}"
        ).fetchone()
    return int(str(row[0])) if row else 0


async def test_a_kill_between_a_call_and_its_mark_tells_the_same_again(
    system: CrashSystem,
) -> None:
    told, payer = Told(), Payer(system)
    system.environment["LEPHI_WEBHOOK_LOOPBACK"] = "true"
    async with receiving(told.answer) as place:
        await register(system, place.url)
        await system.open("webhook.after_send=kill:2")
        async with kept(system):
            # What is paid quickly is told in one go, and the second going is what is armed.
            await payer.pay_at_gateway()
            async with asyncio.timeout(60):
                await told.changed.wait()
            for _ in range(BILLS - 1):
                await payer.pay_at_gateway()
            await system.until_dead("worker")
            # The dead worker's lease runs out as it would in a minute.
            with system.ground.server.connect(system.database) as connection:
                connection.execute("UPDATE webhook_endpoint SET leased_until = now()")
            async with asyncio.timeout(120):
                await told.until_all()
                while count(system, "<> 'acknowledged'"):  # noqa: ASYNC110  another process's rows
                    await asyncio.sleep(0.05)
    assert [child.status for child in system.dead] == [-signal.SIGKILL]
    # Each number has one id, however often it came; what came twice came twice with the same.
    assert len(set(told.heard)) == len(ALL)
    assert len(told.heard) > len(ALL)
    first = list(dict.fromkeys(number for number, _ in told.heard))
    assert first == sorted(ALL)


async def test_marking_before_the_call_is_caught(system: CrashSystem) -> None:
    """The negative control: killed in between, a message is taken to be told and is not."""
    told, payer = Told(), Payer(system)
    system.environment["LEPHI_WEBHOOK_LOOPBACK"] = "true"
    async with receiving(told.answer) as place:
        await register(system, place.url)
        await system.open("webhook.after_send=kill:1", variant="mark_webhooks_before_sending")
        async with kept(system):
            await payer.pay_at_gateway()
            await system.until_dead("worker")
            marked = count(system, "= 'acknowledged'")
    assert len({number for number, _ in told.heard}) < marked
