"""Messages to payers in tests: a body's channels at the sandbox's providers, and what arrived."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
from sqlalchemy import text

from adapters.messages.senders import Senders
from adapters.sandbox.engine.server import running
from adapters.sandbox.engine.state import SandboxState
from core.crypto import Cipher
from core.db import Database
from core.sessions import WriteSession
from payments.message_calls import ChannelAccess, ChannelKind
from payments.messages.channels import set_channel
from payments.messages.delivering import (
    ComposedMessage,
    Composer,
    MessageContext,
    MessageDrop,
    MessageFacts,
    deliver_next,
)
from payments.messages.rules import Contact
from payments.messages.wording import MessageWords
from tests.support.system import client_of

ACTOR = "system:test"
MOBILE = "84912345678"
EMAIL = "ba.buoi@example.vn"
#: What the sandbox is called with; `canary` is never to be seen anywhere.
CREDENTIALS: Mapping[ChannelKind, dict[str, str]] = {
    "sms": {"api_key": "key", "secret_key": "canary"},
    "zns": {"access_token": "canary", "template_reminder": "101", "template_receipt": "102"},
    "email": {},
}


@dataclass(slots=True)
class Telephones:
    """The sandbox's two providers of messages, asked over HTTP."""

    url: str
    client: httpx2.AsyncClient

    async def arrived(self) -> list[dict[str, Any]]:
        """What has arrived, in order."""
        found: list[dict[str, Any]] = (await self._told())["items"]
        return found

    async def calls(self) -> list[str]:
        """The ids of all calls, whatever was answered."""
        found: list[str] = (await self._told())["calls"]
        return found

    async def plan(self, service: str, fault: str, count: int = 1) -> None:
        """Let the next calls go wrong."""
        told = {"service": service, "fault": fault, "count": count}
        answer = await self.client.post(f"{self.url}/sandbox/message-faults", json=told)
        assert answer.status_code == 201, answer.text

    async def _told(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.client.get(f"{self.url}/sandbox/messages")).json()
        return found


@asynccontextmanager
async def telephones() -> AsyncIterator[Telephones]:
    """A sandbox of one's own."""
    async with running(SandboxState(seed=1)) as url, client_of(url) as client:
        yield Telephones(url, client)


async def open_channel(
    session: WriteSession,
    cipher: Cipher,
    agency_id: str,
    kind: ChannelKind,
    url: str,
    *,
    accents: bool = False,
    renewed: bool = False,
) -> None:
    """A body's channel at the sandbox (or, for e-mail, at a mail server); `renewed` by itself."""
    place = url if kind == "email" else f"{url}/phones/{kind}"
    sender = "phi@example.vn" if kind == "email" else "PHIPHUONG"
    credentials = dict(CREDENTIALS[kind])
    if renewed:
        credentials |= {"app_id": "7", "app_secret": "canary", "refresh_token": "canary-1"}
        credentials["oauth_url"] = place
    access = ChannelAccess(kind, place, sender, accents, credentials)
    await set_channel(session, cipher, Senders(), agency_id, access, actor=ACTOR)


async def compose_anything(_: WriteSession, message: MessageFacts) -> ComposedMessage | MessageDrop:
    """What a test's message says; nothing where its facts say so."""
    if message.facts.get("drop"):
        return MessageDrop(message.facts["drop"])
    words = MessageWords("Việc", f"Việc của bạn: {message.id}", {"id": message.id})
    return ComposedMessage(Contact(MOBILE, EMAIL), words, MessageWords("Matter", "Yours", {}))


def sending(
    database: Database, cipher: Cipher, composer: Composer, total_deadline: float = 0.4
) -> MessageContext:
    """What sends messages of both kinds that one composer puts together; nobody waits for long."""
    composers = {"reminder": composer, "receipt": composer}
    return MessageContext(database, cipher, Senders(total_deadline=total_deadline), composers)


async def send_all(context: MessageContext) -> int:
    """Send until nothing is due; how many were looked at."""
    done = 0
    while await deliver_next(context):
        done += 1
        assert done < 1000
    return done


async def standing(database: Database) -> list[tuple[Any, ...]]:
    """State, channel, tries and fault of each message, in order."""
    async with database.transaction() as session:
        found = await session.execute(
            text("SELECT state, channel, attempts, last_error FROM payer_message ORDER BY id")
        )
        return [tuple(row) for row in found]


async def make_due(database: Database) -> None:
    """What waits for another look is looked at now, as when its time has come."""
    async with database.transaction() as session:
        await session.execute(
            text("UPDATE payer_message SET due_at = now() WHERE due_at IS NOT NULL")
        )
