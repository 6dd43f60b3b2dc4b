"""SIGKILL between sending a message and marking it: it arrives once all the same."""

import asyncio
import signal

import pytest

from core.crypto import Cipher
from core.db import Database
from core.ids import new_id
from payments.messages.commands import NewMessage, write_messages
from tests.support.forked_programs import run_program
from tests.support.markets import new_body
from tests.support.messaging import make_due, open_channel, standing, telephones

CIPHER = Cipher(b"c" * 32)

#: Sends what waits; `another_id` gives each call a new id, as a broken worker would.
PROGRAM = """
import asyncio, sys
from dataclasses import replace
from adapters.messages.senders import Senders
from core import failpoints
from core.crypto import Cipher
from core.db import Database
from core.ids import new_id
from tests.support.messaging import compose_anything, send_all, sending

url, armed, variant = sys.argv[1:]
failpoints.configure(armed)

class Forgetful(Senders):
    async def send(self, channel, message):
        return await super().send(channel, replace(message, id=new_id("sms")))

async def main():
    database = Database(url, pool_size=2)
    context = sending(database, Cipher(b"c" * 32), compose_anything)
    senders = Forgetful if variant == "another_id" else Senders
    await send_all(replace(context, senders=senders()))
    await database.dispose()

asyncio.run(main())
"""


async def run(url: str, armed: str = "", variant: str = "") -> int:
    """The status of a process that sends; negative for the signal that ended it."""
    return await asyncio.to_thread(run_program, PROGRAM, (url, armed, variant))


@pytest.mark.parametrize(("variant", "arrived"), [("", 2), ("another_id", 3)])
async def test_a_kill_after_the_call_sends_nothing_twice(
    database_url: str, variant: str, arrived: int
) -> None:
    """With another id at each call, the negative control, one arrives twice."""
    database = Database(database_url, pool_size=1)
    async with telephones() as phones:
        async with database.transaction() as session:
            body = await new_body(session)
            await open_channel(session, CIPHER, body, "sms", phones.url)
            names = [new_id("rcpt"), new_id("rcpt")]
            new = [NewMessage(body, "receipt", one, one, new_id("bill"), "sms") for one in names]
            await write_messages(session, new)
        killed = await run(database_url, "message.after_send=kill:2", variant)
        assert killed == -signal.SIGKILL
        assert [one[0] for one in await standing(database)] == ["sent", "sending"]
        # The dead worker's time runs out as it would in a minute and a half.
        await make_due(database)
        assert await run(database_url, "", variant) == 0
        assert [one[0] for one in await standing(database)] == ["sent", "sent"]
        assert len(await phones.arrived()) == arrived
    await database.dispose()


#: Asks for a channel's tokens, as the worker does.
RENEWING = """
import asyncio, sys
from core import failpoints
from core.crypto import Cipher
from core.db import Database
from payments.messages.renewing import renew_next
from tests.support.messaging import compose_anything, sending

failpoints.configure(sys.argv[2])

async def main():
    database = Database(sys.argv[1], pool_size=2)
    await renew_next(sending(database, Cipher(b"c" * 32), compose_anything, 10))
    await database.dispose()

asyncio.run(main())
"""


async def test_a_kill_before_new_tokens_are_kept_leaves_the_channel_sending(
    database_url: str,
) -> None:
    """The refresh token is spent and the new one lost: messages go on by the token of before."""
    database = Database(database_url, pool_size=1)
    async with telephones() as phones:
        async with database.transaction() as session:
            body = await new_body(session)
            await open_channel(session, CIPHER, body, "zns", phones.url, renewed=True)
            one = new_id("rcpt")
            await write_messages(
                session, [NewMessage(body, "receipt", one, one, new_id("bill"), "zns")]
            )
        told = (database_url, "message.after_renewal=kill:1")
        assert await asyncio.to_thread(run_program, RENEWING, told) == -signal.SIGKILL
        assert await phones.calls() == ["renew canary-1"]
        assert await run(database_url) == 0
        assert [one[0] for one in await standing(database)] == ["sent"]
        assert len(await phones.arrived()) == 1
    await database.dispose()
