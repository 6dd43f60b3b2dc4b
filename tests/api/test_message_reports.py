"""Reports of what was delivered: taken from the provider alone, once, in any order."""

from typing import Any

import pytest
from sqlalchemy import text

from adapters.messages.senders import Senders
from core.ids import new_id
from payments.message_calls import ChannelAccess, ChannelKind
from payments.messages.channels import set_channel
from payments.messages.commands import NewMessage, write_messages
from payments.messages.delivering import MessageContext, deliver_next
from tests.support.markets import ACTOR, new_body
from tests.support.messaging import CREDENTIALS, Telephones, compose_anything, telephones
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: By which the sandbox signs as Zalo does.
SIGNED = {"app_id": "7", "secret": "oa-secret"}


async def sent(system: System, phones: Telephones, kind: ChannelKind) -> tuple[str, str]:
    """A message that its provider has taken, and where its channel's reports go."""
    parts = system.parts
    credentials = dict(CREDENTIALS[kind])
    if kind == "zns":
        renewal = {"app_id": "7", "app_secret": "s", "refresh_token": "r"}
        credentials |= {**renewal, "oa_secret": "oa-secret"}
    access = ChannelAccess(kind, f"{phones.url}/phones/{kind}", "PHIPHUONG", False, credentials)
    once = new_id("once")
    async with parts.database.transaction() as session:
        body = await new_body(session)
        channel = await set_channel(session, parts.cipher, Senders(), body, access, actor=ACTOR)
        new = NewMessage(body, "receipt", once, new_id("rcpt"), new_id("bill"), kind)
        await write_messages(session, [new])
    context = MessageContext(
        *(parts.database, parts.cipher, Senders(), {"receipt": compose_anything}),
        report_url=parts.payments.urls.message_reports,
    )
    while await deliver_next(context, ["receipt"]):
        pass
    async with parts.database.transaction() as session:
        found = text("SELECT id FROM payer_message WHERE once = :once")
        message = str(await session.scalar(found, {"once": once}))
    return message, parts.payments.urls.message_reports(channel)


async def standing(system: System, message: str) -> tuple[Any, ...]:
    async with system.parts.database.transaction() as session:
        found = text("SELECT state, delivery FROM payer_message WHERE id = :id")
        return tuple((await session.execute(found, {"id": message})).one())


async def report(phones: Telephones, message: str, **more: object) -> int:
    told = {"id": message, **more}
    answer = await phones.client.post(f"{phones.url}/sandbox/message-reports", json=told)
    assert answer.status_code == 200, answer.text
    return int(answer.json()["status"])


async def test_an_sms_that_did_not_arrive_is_known_and_one_that_did_stays(
    shared_system: System,
) -> None:
    async with telephones() as phones:
        message, _ = await sent(shared_system, phones, "sms")
        assert await standing(shared_system, message) == ("sent", None)
        assert await report(phones, message, delivered=False) == 200
        assert await standing(shared_system, message) == ("sent", "failed")
        for delivered in (True, False):
            assert await report(phones, message, delivered=delivered) == 200
        assert await standing(shared_system, message) == ("sent", "delivered")
        assert len(await phones.arrived()) == 1


async def test_a_notification_of_which_nobody_knew_is_known_by_its_report(
    shared_system: System,
) -> None:
    async with telephones() as phones:
        await phones.plan("zns", "unclear")
        message, url = await sent(shared_system, phones, "zns")
        assert (await standing(shared_system, message))[0] == "unknown"
        assert await report(phones, message, url=url, **SIGNED) == 200
        assert await standing(shared_system, message) == ("sent", "delivered")


async def test_only_its_provider_is_believed(shared_system: System) -> None:
    async with telephones() as phones:
        message, url = await sent(shared_system, phones, "zns")
        for wrong in ({"secret": "other"}, {"app_id": "8"}):
            assert await report(phones, message, url=url, **SIGNED | wrong) == 401
        other = url.rpartition("/")[0] + "/aaaaaaaaaaaaaaaaaaaa"
        assert await report(phones, message, url=other, **SIGNED) == 404
        assert await standing(shared_system, message) == ("sent", None)
        # What is no report of a delivery is acknowledged and changes nothing.
        client = shared_system.client
        assert (await client.get(url)).status_code == 401
        sms, sms_url = await sent(shared_system, phones, "sms")
        waiting = {"SMSID": "x", "SendStatus": "7", "RequestId": sms}
        assert (await client.get(sms_url, params=waiting)).status_code == 200
        assert (await client.get(sms_url, params={"RequestId": sms})).status_code == 401
        assert await standing(shared_system, sms) == ("sent", None)
