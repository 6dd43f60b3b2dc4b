"""Whoever changes a receiver and whoever sends to it wait for each other in one order."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text

from core.crypto import Cipher
from core.db import Database
from core.sessions import WriteSession
from payments.events import BillPaid
from payments.webhooks.commands import change_endpoint, create_endpoint, replay
from payments.webhooks.handlers import tell_of_bills
from payments.webhooks.queries import WebhookEndpointValue
from tests.support.locks import until_someone_waits
from tests.support.markets import new_body

CIPHER = Cipher(b"c" * 32)
ACTOR = "system:test"

Change = Callable[[WriteSession, WebhookEndpointValue], Awaitable[object]]


async def switch_on(session: WriteSession, endpoint: WebhookEndpointValue) -> object:
    return await change_endpoint(session, endpoint, enabled=True, actor=ACTOR)


async def send_again(session: WriteSession, endpoint: WebhookEndpointValue) -> object:
    return await replay(session, endpoint, 1, 1, acknowledged=True, actor=ACTOR)


@pytest.mark.parametrize(("change", "state"), [(switch_on, "waiting"), (send_again, "set_aside")])
async def test_a_receiver_is_locked_before_its_messages(
    database: Database, change: Change, state: str
) -> None:
    async with database.transaction() as session:
        body = await new_body(session)
        url = "https://1.1.1.1/"
        endpoint, _ = await create_endpoint(
            session, CIPHER, agency_id=body, url=url, types=[], actor=ACTOR
        )
        await tell_of_bills(session, [BillPaid("bill_1", body, 1_000)])
        await session.execute(text("UPDATE webhook_message SET state = :state"), {"state": state})

    async def changing() -> None:
        async with database.transaction() as session:
            await change(session, endpoint)

    async with database.transaction() as session:
        # As whoever has sent does: the receiver, then what became of its messages.
        await session.execute(text("SELECT id FROM webhook_endpoint FOR UPDATE"))
        other = asyncio.create_task(changing())
        await until_someone_waits(database)
        await session.execute(text("UPDATE webhook_message SET attempts = attempts + 1"))
    await other
