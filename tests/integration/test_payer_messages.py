"""Messages over real HTTP and SMTP: sent once, asked about, set aside, replayed; never in a log."""

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from sqlalchemy import text

from adapters.http import GatewayHttp
from adapters.messages import zns
from adapters.messages.senders import Senders
from core import clock, log
from core.crypto import Cipher
from core.db import Database
from core.ids import new_id
from core.sessions import WriteSession
from payments.message_calls import ChannelAccess, ChannelKind, OutgoingText, SendAnswer
from payments.messages import delivering
from payments.messages.commands import MessageUnderWay, NewMessage, expire, replay, write_messages
from payments.messages.delivering import (
    ComposedMessage,
    MessageContext,
    MessageDrop,
    MessageFacts,
    deliver_next,
)
from payments.messages.queries import get_message, list_messages
from payments.messages.rules import KEPT_FOR, MESSAGE_KINDS, TRIED_FOR
from tests.support.letterbox import Letterbox, letterbox
from tests.support.markets import new_body
from tests.support.messaging import (
    ACTOR,
    EMAIL,
    MOBILE,
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


@pytest.fixture
async def phones() -> AsyncIterator[Telephones]:
    async with telephones() as found:
        yield found


@pytest.fixture
async def box() -> AsyncIterator[Letterbox]:
    async with letterbox() as found:
        yield found


@pytest.fixture
def context(database: Database) -> MessageContext:
    return sending(database, CIPHER, compose_anything)


def new(agency_id: str, channel: ChannelKind, **facts: str) -> NewMessage:
    once, subject = new_id("once"), new_id("bill")
    return NewMessage(agency_id, "receipt", once, new_id("rcpt"), subject, channel, facts=facts)


async def wait_with(
    database: Database, url: str, *kinds: ChannelKind, count: int = 1, **facts: str
) -> str:
    """Messages that wait, for the first of some channels that a new body has; the body's id."""
    async with database.transaction() as session:
        body = await new_body(session)
        for kind in kinds:
            await open_channel(session, CIPHER, body, kind, url)
        await write_messages(session, [new(body, kinds[0], **facts) for _ in range(count)])
    return body


async def test_an_sms_goes_once_without_marks_under_its_own_id(
    database: Database, phones: Telephones, context: MessageContext
) -> None:
    await wait_with(database, phones.url, "sms", count=3)
    await asyncio.gather(*(send_all(context) for _ in range(3)))
    found = await phones.arrived()
    async with database.reading() as session:
        told = (await list_messages(session, None)).items
    assert sorted(one["id"] for one in found) == sorted(one.id for one in told)
    assert len(found) == len(await phones.calls()) == 3
    assert {one["phone"] for one in found} == {MOBILE}
    assert {one["sender"] for one in found} == {"PHIPHUONG"}
    assert found[0]["text"] == f"Viec cua ban: {found[0]['id']}"
    assert {(one.state, one.attempts, one.parts) for one in told} == {("sent", 1, 1)}


async def test_a_notification_carries_its_template_and_parameters(
    database: Database, phones: Telephones, context: MessageContext
) -> None:
    await wait_with(database, phones.url, "zns")
    await send_all(context)
    (found,) = await phones.arrived()
    assert (found["service"], found["template"]) == ("zns", "102")
    assert found["params"] == {"id": found["id"]}


async def test_nothing_personal_and_no_secret_is_kept_or_logged(
    database: Database,
    phones: Telephones,
    context: MessageContext,
) -> None:
    lines = io.StringIO()
    await wait_with(database, phones.url, "sms", "zns")
    await phones.plan("sms", "refused_number")
    log.configure("debug", lines)
    try:
        await send_all(context)
    finally:
        log.configure("error")
    assert await standing(database) == [("set_aside", "sms", 1, "99: the number is blocked")]
    kept = "\n".join((await dump(database)).values())
    for secret in (MOBILE, MOBILE[2:], "canary", "Viec cua ban", "Việc của bạn"):
        assert secret not in kept
        assert secret not in lines.getvalue()
    assert "message not taken" in lines.getvalue()


@pytest.mark.parametrize("fault", ["unclear", "slow"])
async def test_an_unclear_answer_is_asked_about_under_the_same_id(
    database: Database, phones: Telephones, context: MessageContext, fault: str
) -> None:
    await wait_with(database, phones.url, "sms")
    await phones.plan("sms", fault)
    assert await send_all(context) == 1
    ((state, _, tries, error),) = await standing(database)
    assert (state, tries) == ("unknown", 1)
    assert error
    # It is not asked again at once.
    assert await deliver_next(context) == 0
    await make_due(database)
    await send_all(context)
    assert await standing(database) == [("sent", "sms", 2, None)]
    assert len(await phones.calls()) == 2
    assert len(await phones.arrived()) == 1


async def test_another_id_at_each_try_is_caught(database: Database, phones: Telephones) -> None:
    """The negative control: the same message arrives twice."""

    class Forgetful(Senders):
        async def send(self, channel: ChannelAccess, message: OutgoingText) -> SendAnswer:
            return await super().send(channel, replace(message, id=new_id("sms")))

    whole = sending(database, CIPHER, compose_anything)
    context = replace(whole, senders=Forgetful(total_deadline=0.4))
    await wait_with(database, phones.url, "sms")
    await phones.plan("sms", "unclear")
    await send_all(context)
    await make_due(database)
    await send_all(context)
    assert len(await phones.arrived()) == 2


async def test_where_nobody_can_be_asked_an_unclear_answer_waits_for_a_person(
    database: Database, phones: Telephones, context: MessageContext
) -> None:
    await wait_with(database, phones.url, "zns")
    await phones.plan("zns", "unclear")
    await send_all(context)
    await make_due(database)
    assert await deliver_next(context) == 0
    ((state, _, _, _),) = await standing(database)
    assert state == "unknown"
    assert len(await phones.calls()) == 1
    async with database.transaction() as session:
        (one,) = (await list_messages(session, None, state="unknown")).items
        await replay(session, one, actor=ACTOR)
    await send_all(context)
    assert await standing(database) == [("sent", "zns", 1, None)]
    async with database.transaction() as session:
        with pytest.raises(MessageUnderWay):
            await replay(session, await get_message(session, one.id, None), actor=ACTOR)


async def test_what_was_being_sent_when_its_worker_died_is_as_unclear(
    database: Database, phones: Telephones, context: MessageContext
) -> None:
    class Killed(BaseException):
        """What ends a worker."""

    class Deadly(Senders):
        async def send(self, channel: ChannelAccess, message: OutgoingText) -> SendAnswer:
            await super().send(channel, message)
            raise Killed

    deadly = replace(context, senders=Deadly(total_deadline=0.4))
    await wait_with(database, phones.url, "sms")
    await wait_with(database, phones.url, "zns")
    for _ in range(2):
        with pytest.raises(Killed):
            await deliver_next(deadly)
    assert await deliver_next(context) == 0
    await make_due(database)
    await send_all(context)
    assert [(state, channel) for state, channel, _, _ in await standing(database)] == [
        *(("sent", "sms"), ("unknown", "zns"))
    ]
    assert len(await phones.arrived()) == 2


async def test_an_answer_that_comes_when_its_message_was_given_up_still_counts(
    database: Database, phones: Telephones, context: MessageContext
) -> None:
    class Late(Senders):
        async def send(self, channel: ChannelAccess, message: OutgoingText) -> SendAnswer:
            answer = await super().send(channel, message)
            await make_due(database)
            await deliver_next(context)
            assert [one[0] for one in await standing(database)] == ["unknown"]
            return answer

    await wait_with(database, phones.url, "zns")
    await deliver_next(replace(context, senders=Late(total_deadline=0.4)))
    assert await standing(database) == [("sent", "zns", 1, None)]


async def test_who_has_no_zalo_gets_an_sms(
    database: Database, phones: Telephones, context: MessageContext
) -> None:
    await wait_with(database, phones.url, "zns", "sms")
    await phones.plan("zns", "refused_number")
    await send_all(context)
    assert [one["service"] for one in await phones.arrived()] == ["sms"]
    assert await standing(database) == [("sent", "sms", 2, None)]


async def test_who_refuses_it_at_zalo_gets_no_sms(
    database: Database, phones: Telephones, context: MessageContext
) -> None:
    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={"error": -141, "message": "refused"})

    class Refusing(Senders):
        async def send(self, channel: ChannelAccess, message: OutgoingText) -> SendAnswer:
            http = GatewayHttp(channel.url, transport=httpx2.MockTransport(answer))
            return await zns.send(http, channel, message)

    await wait_with(database, phones.url, "zns", "sms")
    await send_all(replace(context, senders=Refusing()))
    refused = "-141: its holder refuses this sender"
    assert await standing(database) == [("set_aside", "zns", 1, refused)]


async def test_without_quota_it_waits_for_a_day_and_is_set_aside(
    database: Database, phones: Telephones, context: MessageContext
) -> None:
    body = await wait_with(database, phones.url, "zns")
    await phones.plan("zns", "out_of_quota", 3)
    with clock.frozen(clock.now()) as now:
        await send_all(context)
        expected = "-144: the day's quota is used up"
        assert await standing(database) == [("waiting", "zns", 1, expected)]
        now.advance(timedelta(minutes=1))
        assert await deliver_next(context) == 1
        assert await deliver_next(context) == 0
        now.advance(TRIED_FOR)
        await send_all(context)
        assert await standing(database) == [("set_aside", "zns", 3, expected)]
        async with database.transaction() as session:
            (one,) = (await list_messages(session, [body], state="set_aside")).items
            await replay(session, one, actor=ACTOR)
        await send_all(context)
        assert await standing(database) == [("sent", "zns", 1, None)]
        # What was sent is forgotten in the end; nothing else is.
        now.advance(KEPT_FOR + timedelta(days=1))
        async with database.transaction() as session:
            await write_messages(session, [new(body, "zns")])
            assert await expire(session) == 1
        assert len(await standing(database)) == 1


async def test_no_connection_and_no_channel_are_said(
    database: Database, context: MessageContext
) -> None:
    await wait_with(database, "http://127.0.0.1:1", "sms")
    async with database.transaction() as session:
        await write_messages(session, [new(await new_body(session), "sms")])
    await send_all(context)
    (away, none) = await standing(database)
    assert away[:2] == ("waiting", "sms")
    assert "not connected" in away[3]
    assert none == ("set_aside", "sms", 0, "no channel")


async def test_a_provider_that_is_away_keeps_no_other_body_waiting(
    database: Database, phones: Telephones, context: MessageContext
) -> None:
    await wait_with(database, "http://127.0.0.1:9", "sms", count=5)
    await wait_with(database, phones.url, "sms")
    assert [await deliver_next(context) for _ in range(2)] == [1, 1]
    assert len(await phones.arrived()) == 1
    # Where nothing else is due, what waits there is tried all the same.
    assert await send_all(context) == 4


async def test_whoever_has_just_paid_does_not_wait_for_a_market_of_reminders(
    database: Database, phones: Telephones, context: MessageContext
) -> None:
    with clock.frozen(datetime(2026, 11, 5, 3, tzinfo=UTC)) as now:
        body = await wait_with(database, phones.url, "sms")
        async with database.transaction() as session:
            await session.execute(text("UPDATE payer_message SET kind = 'reminder'"))
        now.advance(timedelta(minutes=1))
        async with database.transaction() as session:
            await write_messages(session, [receipt := new(body, "sms")])
        assert await deliver_next(context, ["receipt"]) == 1
        async with database.transaction() as session:
            sent = await session.execute(text("SELECT once, kind, state FROM payer_message"))
            assert {(row.once, row.state) for row in sent if row.kind == "receipt"} == {
                (receipt.once, "sent")
            }
        assert await deliver_next(context, ["receipt"]) == 0
        assert await deliver_next(context) == 1


async def test_who_could_not_put_a_message_together_puts_off_none_that_another_has_sent(
    database: Database, phones: Telephones, context: MessageContext
) -> None:
    await wait_with(database, phones.url, "sms")
    async with database.transaction() as session:
        seen = await delivering._next_due(context, session, MESSAGE_KINDS)
    assert seen is not None
    await deliver_next(context)
    async with database.transaction() as session:
        await delivering._put_off(session, seen, "KeyError")
    assert await standing(database) == [("sent", "sms", 1, None)]


async def test_what_is_not_true_any_more_is_dropped(
    database: Database, phones: Telephones, context: MessageContext
) -> None:
    await wait_with(database, phones.url, "sms", drop="paid")
    await send_all(context)
    assert await standing(database) == [("dropped", "sms", 0, "paid")]
    assert await phones.calls() == []


async def test_one_that_cannot_be_put_together_makes_way(
    database: Database, phones: Telephones
) -> None:
    async def compose(
        session: WriteSession, message: MessageFacts
    ) -> ComposedMessage | MessageDrop:
        if message.facts.get("poison"):
            raise ZeroDivisionError
        return await compose_anything(session, message)

    context = sending(database, CIPHER, compose)
    await wait_with(database, phones.url, "sms", poison="yes")
    await wait_with(database, phones.url, "sms")
    with clock.frozen(clock.now()) as now:
        await send_all(context)
        assert [one[0] for one in await standing(database)] == ["waiting", "sent"]
        now.advance(TRIED_FOR)
        await send_all(context)
    assert (await standing(database))[0] == ("set_aside", "sms", 2, "ZeroDivisionError")


async def test_a_units_messages_go_through_the_channel_above(
    database: Database, phones: Telephones, context: MessageContext
) -> None:
    async with database.transaction() as session:
        above, below = await new_body(session), await new_body(session)
        moved = text("UPDATE agency SET parent_id = :above WHERE id = :below")
        await session.execute(moved, {"above": above, "below": below})
        await open_channel(session, CIPHER, above, "sms", phones.url)
        await write_messages(session, [new(below, "sms")])
    await send_all(context)
    assert len(await phones.arrived()) == 1


async def test_a_letter_has_both_languages_and_our_id(
    database: Database, box: Letterbox, context: MessageContext
) -> None:
    await wait_with(database, box.url, "email")
    await send_all(context)
    (letter,) = box.letters
    assert (letter["To"], letter["From"], letter["Subject"]) == (EMAIL, "phi@example.vn", "Việc")
    async with database.reading() as session:
        (one,) = (await list_messages(session, None)).items
    assert letter["Message-ID"] == f"<{one.id}@message.lephi>"
    assert letter.get_content().split() == ["Việc", "của", "bạn:", one.id, "Yours"]
    assert one.state == "sent"


@pytest.mark.parametrize(
    ("mood", "state", "letters"),
    [("refuses", "set_aside", 0), ("busy", "waiting", 0), ("goes away", "unknown", 1)],
)
async def test_a_mail_server_that_does_not_take_a_letter(
    database: Database, box: Letterbox, context: MessageContext, mood: str, state: str, letters: int
) -> None:
    box.mood = mood  # type: ignore[assignment]  # of the test's own list
    await wait_with(database, box.url, "email")
    await send_all(context)
    ((found, _, _, error),) = await standing(database)
    assert found == state
    assert EMAIL not in error
    box.mood = "takes"
    await make_due(database)
    await send_all(context)
    # Only what certainly was not taken is sent again by itself.
    assert len(box.letters) == letters + (state == "waiting")
