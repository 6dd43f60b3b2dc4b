"""Ways to be wrong, each one that a sound-looking implementation has: negative controls.

A process of a crash test that is started with a variant breaks itself before it begins. The oracle
must see what comes of it; an oracle that lets one of these pass proves nothing about the product.
"""

import asyncio
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

from sqlalchemy import text

from app import worker
from app.parts import Parts
from core import outbox
from core.db import Database
from core.handlers import Handler
from core.outbox import Delivery
from core.sessions import WriteSession
from payments.attempts.results import record_result
from payments.incoming import notices
from receipts import commands


def _replace(module: ModuleType | type, name: str, by: object) -> None:
    """For the rest of this process's life."""
    mock.patch.object(module, name, by).start()


def number_by_sequence() -> None:
    """Take receipt numbers from a database sequence, which never gives a number back."""
    issue_one = commands._issue_one

    async def issue_next(
        session: WriteSession, issuing: Any, source: Any, counter: Any, at: datetime
    ) -> str:
        number: int = (await session.execute(text("SELECT nextval('broken_numbers')"))).scalar_one()
        counter.last_number = number - 1
        return await issue_one(session, issuing, source, counter, at)

    _replace(commands, "_issue_one", issue_next)


def mark_before_issuing() -> None:
    """Mark a delivery done in a transaction of its own, then issue its receipt in another."""

    async def work(
        parts: Parts, handler: Handler[Parts, Any], deliveries: Sequence[Delivery]
    ) -> None:
        async with parts.database.transaction() as session:
            await outbox.complete(session, deliveries)
        async with parts.database.transaction() as session:
            await handler.handle(parts, session, deliveries)

    _replace(worker, "_work", work)


def count_every_callback() -> None:
    """Take every callback for new money: neither its event nor its charge is known again."""

    async def record(session: WriteSession, account: Any, report: Any, **more: Any) -> Any:
        recorded = await record_result(session, account, report, **more)
        forget = "UPDATE payment SET settlement_key = id WHERE gateway_ref = :ref"
        await session.execute(text(forget), {"ref": report.gateway_ref})
        return recorded

    _replace(notices, "event_key", lambda content: uuid.uuid4().hex)
    _replace(notices, "record_result", record)


def commit_after_the_answer() -> None:
    """Answer first and commit a little later, as a dependency's default exit would."""
    write_alone = Database.write_alone
    ending: set[asyncio.Task[None]] = set()

    async def write_late(self: Database, *values: Any) -> Any:
        async def end() -> None:
            await asyncio.sleep(0.2)
            await write_alone(self, *values)

        ending.add(asyncio.create_task(end()))
        return SimpleNamespace(locked=True, won=True)

    _replace(Database, "write_alone", write_late)


VARIANTS: dict[str, Callable[[], None]] = {
    made.__name__: made
    for made in (
        number_by_sequence,
        mark_before_issuing,
        count_every_callback,
        commit_after_the_answer,
    )
}
