"""Receivers of webhooks over HTTP and what they get: order, tries, replays, secrets."""

import asyncio
import json
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from hmac import new as hmac_new
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from app.worker import run_once
from core import clock
from payments.agencies.access.api_keys import create_api_key
from payments.events import BillPaid
from payments.ports import Acknowledgement, RawCallback
from payments.webhook_calls import WebhookAnswer
from payments.webhooks.delivering import deliver_next
from payments.webhooks.handlers import tell_of_bills
from tests.support.neighbour import neighbour_of
from tests.support.problems import problem
from tests.support.receiver import Receiver, receiving
from tests.support.rows import dump
from tests.support.system import System, client_of, system_at
from tests.support.system_builder import SystemTemplate

ENDPOINTS = "/api/v1/webhook-endpoints"


@dataclass
class Inbox:
    """What a receiver answers: `status` for all, or by the sequence of a message."""

    status: int = 204
    by_sequence: dict[int, int] = field(default_factory=dict)
    place: Receiver | None = None

    def answer(self, notice: RawCallback) -> Acknowledgement:
        number = json.loads(notice.body)["sequence"]
        return Acknowledgement(self.by_sequence.get(number, self.status), b"")

    @property
    def heard(self) -> list[RawCallback]:
        assert self.place is not None
        return self.place.heard

    @property
    def sequences(self) -> list[int]:
        return [json.loads(one.body)["sequence"] for one in self.heard]


@dataclass
class Desk:
    """A system whose webhooks may go to this machine, and a key that registers receivers."""

    system: System
    client: httpx2.AsyncClient

    async def register(self, url: str, **more: Any) -> dict[str, Any]:
        answer = await self.system.post(ENDPOINTS, {"url": url} | more, client=self.client)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def get(self, path: str, **params: Any) -> dict[str, Any]:
        answer = await self.client.get(f"{ENDPOINTS}{path}", params=params)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def tell(self, count: int) -> None:
        """Tell of so many paid bills."""
        agency = self.system.body.agency_id
        async with self.system.parts.database.transaction() as session:
            await tell_of_bills(session, [BillPaid(f"bill_{n}", agency, 1) for n in range(count)])

    async def send(self, most: int = 50) -> None:
        """Let the worker send until nothing is due."""
        for _ in range(most):
            if not await deliver_next(self.system.parts.webhooks):
                return


@asynccontextmanager
async def _desk(template: SystemTemplate, folder: Path, **changes: Any) -> AsyncIterator[Desk]:
    async with system_at(template, folder, **changes) as system:
        async with system.parts.database.transaction() as session:
            _, key = await create_api_key(
                session, agency_id=system.body.agency_id, label="hooks", scopes=["webhooks"]
            )
        async with client_of(system.base_url, key) as client:
            yield Desk(system, client)


@pytest.fixture
async def desk(system_template: SystemTemplate, tmp_path: Path) -> AsyncIterator[Desk]:
    async with _desk(system_template, tmp_path, webhook_loopback=True) as opened:
        yield opened


@pytest.fixture
async def inbox() -> AsyncIterator[Inbox]:
    made = Inbox()
    async with receiving(made.answer) as place:
        made.place = place
        yield made


def url_of(inbox: Inbox) -> str:
    assert inbox.place is not None
    return f"{inbox.place.url}/hooks?of=lephi"


def signed(secret: str, notice: RawCallback) -> list[bool]:
    """Whether each signature of a call is the secret's."""
    head = f"{notice.headers['webhook-id']}.{notice.headers['webhook-timestamp']}.".encode()
    key = b64decode(secret.removeprefix("whsec_"))
    digest = hmac_new(key, head + notice.body, sha256).digest()
    given = notice.headers["webhook-signature"].split(" ")
    return [b64decode(one.removeprefix("v1,")) == digest for one in given]


async def test_a_paid_bill_and_its_receipt_are_told_signed_and_in_order(
    desk: Desk, inbox: Inbox
) -> None:
    made = await desk.register(url_of(inbox))
    system = desk.system
    bill = await system.create_bill()
    await system.decide(await system.start(bill), "success")
    await system.until(bill, "paid")
    await system.work()
    found = await system.read(bill)
    said = [json.loads(one.body) for one in inbox.heard]
    assert [(one["type"], one["data"]) for one in said] == [
        ("bill.paid", {"id": bill["id"]}),
        ("receipt.issued", {"id": found["receipts"][0]["id"]}),
    ]
    assert [one["sequence"] for one in said] == [1, 2]
    assert all(one["version"] == 1 for one in said)
    assert [one.headers["webhook-id"] for one in inbox.heard] == [one["id"] for one in said]
    assert all(signed(made["secret"], one) == [True] for one in inbox.heard)
    # Nothing of who pays or how much.
    assert all(set(one) == {"id", "type", "version", "sequence", "timestamp", "data"}
               for one in said)  # fmt: skip
    assert (inbox.heard[0].path, inbox.heard[0].query) == ("/hooks", "of=lephi")
    messages = (await desk.get(f"/{made['id']}/messages"))["items"]
    assert [(one["state"], one["attempts"], one["last_status"]) for one in messages] == [
        ("acknowledged", 1, 204)
    ] * 2
    assert [one["body"].encode() for one in messages] == [one.body for one in inbox.heard]


async def test_a_later_message_never_overtakes_one_that_is_still_tried(
    desk: Desk, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await desk.register(url_of(inbox))
    inbox.by_sequence[2] = 500
    await desk.tell(4)
    await desk.send()
    assert inbox.sequences == [1, 2]
    ids = inbox.heard[1].headers["webhook-id"]
    standing = await desk.get(f"/{made['id']}")
    assert (standing["failures"], standing["waiting"]) == (1, 3)
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(seconds=6))
    inbox.by_sequence.clear()
    await desk.send()
    assert inbox.sequences == [1, 2, 2, 3, 4]
    assert inbox.heard[2].headers["webhook-id"] == ids
    assert inbox.heard[2].body == inbox.heard[1].body
    second = (await desk.get(f"/{made['id']}/messages", cursor=1, limit=1))["items"][0]
    assert (second["state"], second["attempts"], second["last_status"]) == ("acknowledged", 2, 204)


async def test_several_workers_at_once_tell_everything_once_and_in_order(
    desk: Desk, inbox: Inbox
) -> None:
    await desk.register(url_of(inbox))
    await desk.tell(20)
    webhooks = desk.system.parts.webhooks
    tried = await asyncio.gather(*(deliver_next(webhooks) for _ in range(4)))
    assert sorted(tried) == [0, 0, 0, 20]
    assert inbox.sequences == list(range(1, 21))


async def test_going_on_after_one_that_was_not_taken_is_caught(
    desk: Desk, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: whoever does not stop there lets later ones overtake."""
    monkeypatch.setattr(WebhookAnswer, "ok", property(lambda self: True))
    with pytest.raises(AssertionError):
        await test_a_later_message_never_overtakes_one_that_is_still_tried(desk, inbox, monkeypatch)


async def test_one_that_is_never_taken_is_set_aside_after_three_days_and_holds_up_no_other(
    desk: Desk, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await desk.register(url_of(inbox))
    inbox.by_sequence[1] = 500
    await desk.tell(3)
    began, tries = clock.now(), 0
    for hours in range(74):
        monkeypatch.setattr(clock, "now", lambda h=hours: began + timedelta(hours=h, minutes=h))
        await desk.send()
        tries = len(inbox.heard)
        if 2 in inbox.sequences:
            break
    assert inbox.sequences[-2:] == [2, 3]
    assert clock.now() - began >= timedelta(days=3)
    assert inbox.sequences[:-2] == [1] * (tries - 2)
    standing = await desk.get(f"/{made['id']}")
    assert (standing["waiting"], standing["set_aside"], standing["failures"]) == (0, 1, 0)
    assert 'lephi_webhook_messages{kind="set_aside"} 1.0' in (await desk.system.metrics()).text
    # Listed as not acknowledged, and replayed under its own id and number.
    (aside,) = (await desk.get(f"/{made['id']}/messages", unacknowledged=True))["items"]
    assert (aside["sequence"], aside["state"], aside["last_status"]) == (1, "set_aside", 500)
    inbox.by_sequence.clear()
    answer = await desk.client.post(f"{ENDPOINTS}/{made['id']}/replays", json={"from_sequence": 1})
    assert answer.json() == {"messages": 1}
    await desk.send()
    assert inbox.sequences[-1] == 1
    assert inbox.heard[-1].headers["webhook-id"] == aside["id"]


async def test_a_receiver_that_was_down_for_seven_days_gets_everything_in_order(
    desk: Desk, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await desk.register(url_of(inbox))
    inbox.status = 503
    began = clock.now()
    for hours in range(0, 7 * 24, 4):
        monkeypatch.setattr(clock, "now", lambda h=hours: began + timedelta(hours=h))
        await desk.tell(2)
        await desk.send()
    standing = await desk.get(f"/{made['id']}")
    assert standing["set_aside"] > 40
    assert standing["waiting"] > 30
    assert standing["waiting"] + standing["set_aside"] == 84
    tries = len(inbox.heard)
    assert tries < 7 * 24 + 84  # a silent receiver is not called for each message
    inbox.status = 200
    body = {"from_sequence": 1, "to_sequence": 84}
    answer = await desk.client.post(f"{ENDPOINTS}/{made['id']}/replays", json=body)
    assert answer.json() == {"messages": standing["set_aside"]}
    await desk.send()
    assert inbox.sequences[tries:] == list(range(1, 85))


async def test_a_receiver_fetches_what_it_has_not_acknowledged_and_says_that_it_has_it(
    desk: Desk, inbox: Inbox
) -> None:
    made = await desk.register(url_of(inbox))
    await desk.tell(5)
    path = f"/{made['id']}/messages"
    page = await desk.get(path, unacknowledged=True, limit=3)
    assert [json.loads(one["body"])["sequence"] for one in page["items"]] == [1, 2, 3]
    rest = await desk.get(path, unacknowledged=True, limit=3, cursor=page["next_cursor"])
    assert ([one["sequence"] for one in rest["items"]], rest["next_cursor"]) == ([4, 5], None)
    taken = await desk.client.post(
        f"{ENDPOINTS}/{made['id']}/acknowledgements", json={"through_sequence": 4}
    )
    assert taken.json() == {"messages": 4}
    await desk.send()
    assert inbox.sequences == [5]
    assert (await desk.get(path, unacknowledged=True))["items"] == []


async def test_both_secrets_sign_for_the_window_and_then_the_new_one_alone(
    desk: Desk, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await desk.register(url_of(inbox))
    answer = await desk.system.post(
        f"{ENDPOINTS}/{made['id']}/secret", {"keep_hours": 2}, client=desk.client
    )
    assert answer.status_code == 201, answer.text
    new = answer.json()["secret"]
    assert new != made["secret"]
    await desk.tell(1)
    await desk.send()
    assert signed(new, inbox.heard[0]) == [True, False]
    assert signed(made["secret"], inbox.heard[0]) == [False, True]
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(hours=2, seconds=1))
    await desk.tell(1)
    await desk.send()
    assert signed(new, inbox.heard[1]) == [True]


async def test_gone_switches_off_and_what_waits_is_sent_when_it_is_switched_on(
    desk: Desk, inbox: Inbox
) -> None:
    made = await desk.register(url_of(inbox))
    inbox.status = 410
    await desk.tell(2)
    await desk.send()
    assert (await desk.get(f"/{made['id']}"))["enabled"] is False
    inbox.status = 200
    await desk.tell(1)
    await desk.send()
    assert inbox.sequences == [1]
    on = await desk.client.patch(f"{ENDPOINTS}/{made['id']}", json={"enabled": True})
    assert on.json()["enabled"] is True
    await desk.send()
    assert inbox.sequences == [1, 1, 2, 3]


async def test_a_receiver_hears_only_the_types_that_it_asked_for_and_of_units_below(
    desk: Desk, inbox: Inbox
) -> None:
    await desk.register(url_of(inbox), types=["refund.paid"])
    made = await desk.register(url_of(inbox), types=["bill.paid"])
    parts = desk.system.parts
    async with (
        neighbour_of(desk.system, unit=True) as unit,
        neighbour_of(desk.system) as other,
        parts.database.transaction() as session,
    ):
        told = [BillPaid("bill_1", unit.agency_id, 1), BillPaid("bill_2", other.agency_id, 1)]
        await tell_of_bills(session, told)
    await desk.send()
    assert [json.loads(one.body)["data"]["id"] for one in inbox.heard] == ["bill_1"]
    assert (await desk.get(f"/{made['id']}"))["last_sequence"] == 1


async def test_one_that_was_removed_is_told_nothing_and_known_no_more(
    desk: Desk, inbox: Inbox
) -> None:
    made = await desk.register(url_of(inbox))
    await desk.tell(1)
    assert (await desk.client.delete(f"{ENDPOINTS}/{made['id']}")).status_code == 204
    await desk.tell(1)
    await desk.send()
    assert inbox.heard == []
    problem(await desk.client.get(f"{ENDPOINTS}/{made['id']}"), 404, "not_found")
    problem(await desk.client.delete(f"{ENDPOINTS}/{made['id']}"), 404, "not_found")


async def test_the_secret_is_kept_sealed_and_every_change_leaves_its_trace(
    desk: Desk, inbox: Inbox
) -> None:
    made = await desk.register(url_of(inbox))
    everything = str(await dump(desk.system.parts.database))
    async with desk.system.parts.database.transaction() as session:
        actions = await session.execute(
            text("SELECT action FROM audit_entry WHERE object_id = :id ORDER BY id"),
            {"id": made["id"]},
        )
        assert [one.action for one in actions] == ["webhook_endpoint.created"]
    raw = b64decode(made["secret"].removeprefix("whsec_"))
    assert made["id"] in everything
    assert made["secret"] not in everything
    assert raw.hex() not in everything


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("ftp://example.vn/x", "not_a_url"),
        ("https://", "not_a_url"),
        ("https://user:pw@example.vn/", "not_a_url"),
        ("https://10.0.0.1/", "not_public"),
        ("https://169.254.169.254/latest/meta-data", "not_public"),
        ("https://[::1]/", "not_public"),
        ("https://127.0.0.1/", "not_public"),
    ],
)
async def test_an_address_that_is_never_called_is_refused_when_it_is_registered(
    system_template: SystemTemplate, tmp_path: Path, url: str, code: str
) -> None:
    async with _desk(system_template, tmp_path) as desk:
        refused = await desk.system.post(ENDPOINTS, {"url": url}, client=desk.client)
        assert [one["code"] for one in problem(refused, 422, "invalid")["errors"]] == [code]


async def test_an_address_that_has_turned_inward_since_is_not_called_either(
    desk: Desk, inbox: Inbox, system_template: SystemTemplate
) -> None:
    made = await desk.register(url_of(inbox))
    await desk.tell(1)
    desk.system.parts.webhooks.caller._loopback = False  # type: ignore[attr-defined]
    await desk.send()
    assert inbox.heard == []
    (message,) = (await desk.get(f"/{made['id']}/messages"))["items"]
    assert message["state"] == "waiting"
    assert message["last_error"].startswith("not called")


async def test_the_worker_sends_by_itself_with_everything_else(desk: Desk, inbox: Inbox) -> None:
    await desk.register(url_of(inbox))
    await desk.tell(1)
    while await run_once(desk.system.parts):
        pass
    assert inbox.sequences == [1]
