"""Collectors of a test, with a phone each: what it tells, and what the service answers."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from sqlalchemy import text

from core import clock
from tests.support.staff_browser import StaffBrowser, signed_in_as
from tests.support.system import System

Told = dict[str, Any]


@dataclass(slots=True)
class Walker:
    """Somebody who collects, signed in; `numbers` are those that their phone may give away."""

    system: System
    browser: StaffBrowser
    device: str = field(default_factory=lambda: str(uuid4()))
    numbers: list[int] = field(default_factory=list)

    def act(self, kind: str, **more: Any) -> Told:
        """An action as the phone writes it down; of cash and tickets with the next number."""
        told: Told = {"id": str(uuid4()), "device": self.device, "done_at": clock.now().isoformat()}
        if kind in ("cash", "ticket"):
            told |= {"number": more.pop("number", None) or self.numbers.pop(0)}
        return told | {"kind": kind} | more

    async def send(self, *actions: Told) -> list[Told]:
        """What the service answers, in order; the phone has its numbers afterwards."""
        answer = await self.browser.post(
            f"/collect/actions?device={self.device}", {"actions": json.dumps(actions)}
        )
        assert answer.status_code == 200, answer.text
        told = answer.json()
        if not self.numbers:
            self.numbers = [
                number
                for block in told["numbers"]
                for number in range(block["first"], block["last"] + 1)
                if number not in block["gone"]
            ]
        answers: list[Told] = told["answers"]
        return answers

    async def walk(self, market: str) -> Told:
        """What the phone is told of a market."""
        answer = await self.browser.get(f"/collect/walk?market={market}")
        assert answer.status_code == 200, answer.text
        told: Told = answer.json()
        return told


@asynccontextmanager
async def walker(system: System, *roles: str) -> AsyncIterator[Walker]:
    """A new collector of the system's body whose phone has its numbers."""
    async with signed_in_as(system, "collector", *roles) as browser:
        made = Walker(system, browser)
        await made.send()
        yield made


async def rows(system: System, statement: str, **values: object) -> Sequence[Any]:
    """What a question to the database gives."""
    async with system.parts.database.transaction() as session:
        return (await session.execute(text(statement), values)).all()


async def ledger_of(system: System) -> dict[str, int]:
    """What each ledger of the books has, in đồng."""
    found = await rows(system, "SELECT ledger, CAST(sum(amount) AS bigint) FROM posting GROUP BY 1")
    return {name: amount for name, amount in found if amount}
