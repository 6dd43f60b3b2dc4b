"""Notices that are kept, planted as told, and what is written of each."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest_asyncio
from sqlalchemy import delete
from sqlmodel import col, select

from core import clock
from core.ids import new_id
from payments.agencies.queries import GatewayAccountValue
from payments.incoming.keeping import KeptNotice, keep
from payments.incoming.models import Callback
from payments.incoming.rejections import REGISTRY
from payments.ports import Credit, NoticeContent, RawCallback
from tests.support.callbacks import SEPAY
from tests.support.system import System

#: After whatever a test keeps now: of what is counted since then, nothing else is counted too.
AT = datetime(clock.now().year + 1, 3, 1, 2, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MOMENT = timedelta(microseconds=1)


async def account_of(system: System, gateway: str = "sepay") -> GatewayAccountValue:
    return await system.parts.payments.agencies.get_gateway(gateway, "test")


def credit(amount: int = 7_000, **changes: Any) -> Credit:
    number = new_id("n")
    return replace(
        Credit(number, f"FT{number[-14:]}", "", amount, "CK DEN", clock.now()), **changes
    )


def raw(body: bytes = b"{}", at: datetime | None = None) -> RawCallback:
    headers = {"content-type": "text/plain", "cookie": "no"}
    return RawCallback("POST", SEPAY, "a=1", headers, body, at or clock.now())


async def kept(system: System, *told: NoticeContent, gateway: str = "sepay") -> list[KeptNotice]:
    """What was told and kept, and may be applied from now on."""
    account = await account_of(system, gateway)
    said = [*told] or [credit()]
    return await keep(system.parts.payments, account, said, raw(), (), timedelta())


async def rows(system: System) -> dict[str, Callback]:
    """Every kept notice by its id."""
    async with system.parts.database.reading() as session:
        return {
            row.id: row for row in await session.all(select(Callback).order_by(col(Callback.id)))
        }


async def plant(system: System, id_: str = "", gateway: str = "sepay", **columns: Any) -> str:
    """A row as told; one that nothing can be made of unless told otherwise."""
    account = await account_of(system, gateway)
    told: dict[str, Any] = {
        "gateway_account_id": account.id,
        "event_key": new_id("key"),
        "raw": b"nothing of ours",
        "state": "received",
        "received_at": clock.now(),
        "due_at": clock.now(),
    }
    name = id_ or new_id("cb")
    row = Callback(id=name, **(told | columns))
    async with system.parts.database.transaction() as session:
        session.add(row)
    return name


class Log:
    """The lines of a log, with what they say of whom."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, Any]]] = []

    def __getattr__(self, level: str) -> Any:
        return lambda event, **told: self.lines.append((level, event, told))


def counted() -> dict[tuple[str, str], float]:
    return {
        (one.labels["gateway"], one.labels["reason"]): one.value
        for family in REGISTRY.collect()
        for one in family.samples
        if one.name.endswith("_total")
    }


async def forget(system: System) -> None:
    """Leave no notice that waits for anybody."""
    async with system.parts.database.transaction() as session:
        await session.write(delete(Callback).where(col(Callback.state) != "applied"))


@pytest_asyncio.fixture(loop_scope="module")
async def system(shared_system: System) -> AsyncIterator[System]:
    """The shared system, with no notice that waits for anybody."""
    yield shared_system
    await forget(shared_system)
