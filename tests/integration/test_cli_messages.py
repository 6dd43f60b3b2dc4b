"""`lephi messages` as an operator uses it."""

import asyncio
import json
from pathlib import Path

import pytest
from sqlalchemy import text

from core.db import Database
from core.ids import new_id
from payments.messages.commands import NewMessage, write_messages
from tests.support.command_families import Lephi, commands_of
from tests.support.proposing import add_body


async def fill(url: str) -> None:
    """A body, and a message of its that was set aside."""
    database = Database(url, pool_size=1)
    async with database.transaction() as session:
        body = (await add_body(session, "phuong-a")).agency_id
        new = NewMessage(body, "receipt", "once", new_id("rcpt"), new_id("bill"), "sms")
        await write_messages(session, [new])
        aside = text("UPDATE payer_message SET state = 'set_aside', due_at = NULL")
        await session.execute(aside)
    await database.dispose()


@pytest.fixture
def lephi(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lephi:
    asyncio.run(fill(database_url))
    return commands_of("messages", database_url, tmp_path, monkeypatch)


def test_a_channel_is_set_up_and_taken_away(lephi: Lephi, tmp_path: Path) -> None:
    assert "không tin nào được gửi" in lephi("channels").output
    file = tmp_path / "sms.json"
    file.write_text('{"url": "https://sms.example.vn", "api_key": "k", "secret_key": "canary"}')
    words = ("--agency", "phuong-a", "--kind", "sms", "--sender", "PHUONGA", "--access", str(file))
    lephi("channel", *words)
    lephi("channel", *words, "--accents")
    (listed,) = json.loads(lephi("channels", "--json").stdout)
    assert (listed["agency"], listed["kind"], listed["accents"]) == ("phuong-a", "sms", True)
    assert "PHUONGA" in lephi("channels", "--agency", "phuong-a").stdout
    assert "canary" not in lephi("channels").output
    lephi("remove-channel", "--agency", "phuong-a", "--kind", "sms")
    assert json.loads(lephi("channels", "--json").stdout) == []
    lephi("remove-channel", "--agency", "phuong-a", "--kind", "sms", code=1)


def test_what_is_wrong_is_said_and_no_secret(lephi: Lephi, tmp_path: Path) -> None:
    file = tmp_path / "sms.json"
    words = ("--agency", "phuong-a", "--kind", "sms", "--sender", "A", "--access", str(file))
    file.write_text('{"url": "http://sms.example.vn", "secret_key": "canary"}')
    refused = lephi("channel", *words, code=1).output
    assert "api_key" in refused
    assert "url" in refused
    file.write_text("canary {")
    assert "not JSON" in lephi("channel", *words, code=1).output
    assert "canary" not in refused + lephi("channel", *words, code=1).output
    assert "There is no channel" in lephi("channel", *words, "--kind", "fax", code=1).output


def test_a_message_that_was_set_aside_is_sent_again(lephi: Lephi) -> None:
    (one,) = json.loads(lephi("list", "--state", "set_aside", "--json").stdout)
    assert one["agency"] == "phuong-a"
    assert "set_aside" in lephi("list").stdout
    lephi("replay", one["id"])
    (again,) = json.loads(lephi("list", "--json").stdout)
    assert again["state"] == "waiting"
    lephi("replay", one["id"], code=1)
    lephi("replay", "sms_none", code=1)
    lephi("list", "--state", "lost", code=1)
