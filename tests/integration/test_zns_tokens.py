"""Zalo's codes told apart, and its tokens: renewed long before they end, once, whatever is lost."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from core import clock
from core.crypto import Cipher
from core.db import Database
from core.ids import new_id
from payments.message_calls import ChannelAccess, RenewAnswer
from payments.messages import renewing
from payments.messages.channels import find_channel, list_channels, want_renewal
from payments.messages.commands import NewMessage, write_messages
from payments.messages.delivering import MessageContext
from payments.messages.renewing import renew_next
from tests.support.markets import new_body
from tests.support.messaging import (
    Telephones,
    compose_anything,
    make_due,
    open_channel,
    send_all,
    sending,
    standing,
    telephones,
)
from tests.support.rows import dump

CIPHER = Cipher(b"c" * 32)
#: How long the sandbox's tokens last.
LIFE = timedelta(seconds=90_000)


@pytest.fixture
async def phones() -> AsyncIterator[Telephones]:
    async with telephones() as found:
        yield found


@pytest.fixture
def context(database: Database) -> MessageContext:
    return sending(database, CIPHER, compose_anything, total_deadline=10)


async def body_with(context: MessageContext, url: str, *, sms: bool, renewed: bool = True) -> str:
    async with context.database.transaction() as session:
        body = await new_body(session)
        await open_channel(session, CIPHER, body, "zns", url, renewed=renewed)
        if sms:
            await open_channel(session, CIPHER, body, "sms", url)
    return body


async def tell(context: MessageContext, body: str) -> None:
    """A message by Zalo that waits, sent."""
    once = new_id("once")
    new = NewMessage(body, "receipt", once, new_id("rcpt"), new_id("bill"), "zns")
    async with context.database.transaction() as session:
        await write_messages(session, [new])
    await send_all(context)


async def credentials(context: MessageContext, body: str) -> dict[str, str]:
    async with context.database.reading() as session:
        found = await find_channel(session, CIPHER, body, "zns")
    assert found is not None
    return dict(found.credentials)


async def renewal(context: MessageContext) -> tuple[Any, ...]:
    """When the channel's tokens are asked for next, when they end, and what is wrong."""
    async with context.database.transaction() as session:
        wanted = text(
            "SELECT renewal_due_at, token_until, renewal_fault FROM message_channel"
            " WHERE kind = 'zns' AND removed_at IS NULL"
        )
        return tuple((await session.execute(wanted)).one())


async def renewal_due(context: MessageContext) -> None:
    async with context.database.transaction() as session:
        due = "UPDATE message_channel SET renewal_due_at = now() WHERE renewal_due_at IS NOT NULL"
        await session.execute(text(due))


async def renewals(phones: Telephones) -> list[str]:
    return [one for one in await phones.calls() if one.startswith("renew ")]


@pytest.mark.parametrize(
    ("fault", "sms", "state"),
    [
        ("refused_number", True, ("sent", "sms")),
        ("refused_number", False, ("set_aside", "zns")),
        ("template", True, ("sent", "sms")),
        ("template", False, ("set_aside", "zns")),
        # Whoever wants nothing of us gets nothing by another way either.
        ("opted_out", True, ("set_aside", "zns")),
        ("out_of_quota", True, ("waiting", "zns")),
        ("token_ended", True, ("waiting", "zns")),
    ],
)
async def test_what_a_code_says_is_what_is_done(
    phones: Telephones, context: MessageContext, fault: str, sms: bool, state: tuple[str, str]
) -> None:
    body = await body_with(context, phones.url, sms=sms)
    await phones.plan("zns", fault)
    await tell(context, body)
    ((found, channel, _, _),) = await standing(context.database)
    assert (found, channel) == state


async def test_tokens_are_renewed_once_and_the_next_message_bears_the_new_one(
    phones: Telephones, context: MessageContext
) -> None:
    body = await body_with(context, phones.url, sms=False)
    await asyncio.gather(*(renew_next(context) for _ in range(3)))
    assert await renewals(phones) == ["renew canary-1"]
    kept = await credentials(context, body)
    assert kept["access_token"] != "canary"
    assert kept["refresh_token"] != "canary-1"
    due, until, fault = await renewal(context)
    assert fault is None
    assert timedelta(0) <= until - due - LIFE / 2 <= timedelta(seconds=1)
    assert await renew_next(context) == 0
    await tell(context, body)
    assert len(await phones.arrived()) == 1
    # The next is asked for by the one that came.
    await renewal_due(context)
    assert await renew_next(context) == 1
    assert (await renewals(phones))[1] == f"renew {kept['refresh_token']}"
    stored = "\n".join((await dump(context.database)).values())
    for secret in ("canary", kept["access_token"], kept["refresh_token"]):
        assert secret not in stored


async def lose_an_answer(phones: Telephones, context: MessageContext, body: str) -> datetime:
    """Tokens that were renewed, and an answer to the next asking that nobody hears."""
    await renew_next(context)
    due: datetime = (await renewal(context))[0]
    await phones.plan("oauth", "unclear")
    with clock.frozen(due):
        assert await renew_next(context) == 1
    return due


async def test_a_lost_answer_stops_no_message_and_somebody_is_told(
    phones: Telephones, context: MessageContext
) -> None:
    body = await body_with(context, phones.url, sms=False)
    at = await lose_an_answer(phones, context, body)
    due, until, fault = await renewal(context)
    assert fault is not None
    # The token of before goes on for half of its life.
    assert until - at >= LIFE / 2 - timedelta(seconds=1)
    await tell(context, body)
    assert [one[0] for one in await standing(context.database)] == ["sent"]
    # The same refresh token is tried again, and has served: somebody must grant another.
    with clock.frozen(due):
        assert await renew_next(context) == 1
    due, _, fault = await renewal(context)
    assert (due, fault) == (None, "-14014: the refresh token is not valid, or was used")
    async with context.database.transaction() as session:
        wanted = text("SELECT count(*) FROM audit_entry WHERE action = :told")
        told = {"told": "message_channel.renewal_refused"}
        assert await session.scalar(wanted, told) == 1
    async with context.database.reading() as session:
        assert [one.renewal_fault for one in await list_channels(session)] == [fault]
    await tell(context, body)
    assert len(await phones.arrived()) == 2
    # Set up anew it goes on as if nothing had been.
    async with context.database.transaction() as session:
        await open_channel(session, CIPHER, body, "zns", phones.url)
    assert (await renewal(context))[2] is None


async def test_asked_for_at_the_end_a_lost_answer_would_leave_nothing(
    phones: Telephones, context: MessageContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control."""
    monkeypatch.setattr(renewing, "_PART", 1.0)
    body = await body_with(context, phones.url, sms=False)
    at = await lose_an_answer(phones, context, body)
    _, until, _ = await renewal(context)
    assert until <= at


async def test_a_provider_that_is_away_is_asked_again_by_the_same_token(
    context: MessageContext,
) -> None:
    await body_with(context, "http://127.0.0.1:9", sms=False)
    assert await renew_next(context) == 1
    due, until, fault = await renewal(context)
    assert (until, due > clock.now()) == (None, True)
    assert "not connected" in fault


async def test_a_token_that_has_ended_is_renewed_at_once_and_the_message_goes(
    phones: Telephones, context: MessageContext
) -> None:
    body = await body_with(context, phones.url, sms=False)
    await renew_next(context)
    await phones.plan("zns", "token_ended")
    await tell(context, body)
    assert await renew_next(context) == 1
    assert len(await renewals(phones)) == 2
    await make_due(context.database)
    context.resting.clear()
    await send_all(context)
    assert [one[0] for one in await standing(context.database)] == ["sent"]


async def test_tokens_that_are_being_asked_for_are_not_asked_for_by_another(
    phones: Telephones,
    context: MessageContext,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A refresh token serves once: a second asking would undo what the first got."""
    body = await body_with(context, phones.url, sms=False)
    await renew_next(context)
    await renewal_due(context)
    ask, another = context.senders.renew, sending(database, CIPHER, compose_anything, 10)

    async def meanwhile(channel: ChannelAccess) -> RenewAnswer:
        answer = await ask(channel)
        # A message went out by the token of before, and another worker looks what is due.
        async with database.transaction() as session:
            await want_renewal(session, body, "zns")
        assert await renew_next(another) == 0
        return answer

    monkeypatch.setattr(context.senders, "renew", meanwhile)
    assert await renew_next(context) == 1
    assert len(await renewals(phones)) == 2
    due, until, fault = await renewal(context)
    assert fault is None
    assert until > due > clock.now()


async def test_a_channel_without_renewal_is_left_to_whoever_set_it_up(
    phones: Telephones, context: MessageContext
) -> None:
    await body_with(context, phones.url, sms=False, renewed=False)
    assert await renew_next(context) == 0
    assert await renewals(phones) == []
