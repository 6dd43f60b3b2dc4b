"""What was kept unread is read again once its adapter is mended."""

import json

import pytest

from adapters.bank_feeds.sepay import SePayFeed
from payments.incoming.set_aside import list_set_aside, replay_unreadable
from payments.ports import Credit, RawCallback
from tests.support.callbacks import notice_of, notify
from tests.support.system import System


async def test_a_mended_adapter_reads_again_what_was_set_aside(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill = await system.create_bill()
    said = json.loads(notice_of(system, bill["amount"], bill["reference"]))
    body = json.dumps(said | {"transferAmount": float(bill["amount"])}).encode()
    await notify(system, body)
    await system.work()
    assert (await system.read(bill))["status"] == "open"

    async def replayed() -> list[str]:
        async with system.parts.database.transaction() as session:
            return await replay_unreadable(session, actor="test")

    # Not mended yet: it is set aside again, at once.
    assert len(await replayed()) == 1
    await system.work()
    async with system.parts.database.reading() as session:
        (aside,) = await list_set_aside(session)
    assert aside.attempts == 1, "it had all its tries again"
    assert aside.last_error is not None
    assert "sepay" in aside.last_error

    read_notice = SePayFeed.read_notice

    def mended(feed: SePayFeed, notice: RawCallback) -> Credit | None:
        feed._verify(notice)
        told = json.loads(notice.body)
        return Credit(
            feed_ref=str(told["id"]),
            bank_ref=told["referenceCode"],
            account_number=told["accountNumber"],
            amount=int(told["transferAmount"]),
            narrative=told["content"],
            credited_at=notice.received_at,
        )

    monkeypatch.setattr(SePayFeed, "read_notice", mended)
    assert await replayed() == [aside.id]
    await system.work()
    assert (await system.read(bill))["status"] == "paid"
    assert await replayed() == []
    # Told again in words that could be read all along, it is known.
    monkeypatch.setattr(SePayFeed, "read_notice", read_notice)
    assert (await notify(system, json.dumps(said).encode())).status_code == 200
    assert len((await system.read(bill))["payments"]) == 1
    assert await system.broken() == []
