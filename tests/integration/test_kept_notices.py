"""Authentic money stays readable: what was verified is kept, tried for a while, and set aside."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text
from typer.testing import CliRunner, Result

from app.cli.main import build
from app.seed.agency import DEMO_ACCOUNT, configure_gateway
from core import clock, failpoints
from core.errors import NotFound
from core.ids import new_id
from payments.incoming import notices
from payments.incoming.hearing import GatewayHearing, list_hearings
from payments.incoming.keeping import keep
from payments.incoming.notices import MOST_ATTEMPTS, pause
from payments.incoming.sealing import open_sealed
from payments.incoming.set_aside import list_set_aside, replay
from payments.ports import Credit, RawCallback
from tests.support.callbacks import call, notice_of, notify, order_of, result_of
from tests.support.gateway_setups import FEED_SECRET, MERCHANT
from tests.support.rows import count
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

MOMENT = timedelta(microseconds=1)

Send = Callable[[], Awaitable[Any]]


async def configure(system: System, gateway: str, credentials: dict[str, str]) -> None:
    async with system.parts.database.transaction() as session:
        await configure_gateway(
            session,
            system.parts.cipher,
            agency_id=system.body.agency_id,
            collection_account_id=system.body.collection_account_id,
            gateway=gateway,
            account="test",
            base_url=f"{system.sandbox_url}/{gateway}",
            credentials=credentials,
        )
    system.parts.payments.agencies.forget()


FEED = {"account_number": DEMO_ACCOUNT, "secret": FEED_SECRET}
ROTATED: dict[str, dict[str, str]] = {
    "paygov": {**MERCHANT, "secret_key": "new-secret"},
    "sepay": {**FEED, "secret": "new-secret"},
}


@pytest_asyncio.fixture(loop_scope="module")
async def system(shared_system: System) -> AsyncIterator[System]:
    """The shared system, whose accounts have their own credentials again afterwards."""
    yield shared_system
    await configure(shared_system, "paygov", MERCHANT)
    await configure(shared_system, "sepay", FEED)
    async with shared_system.parts.database.transaction() as session:
        await session.execute(text("DELETE FROM callback WHERE state <> 'applied'"))


async def kept(system: System, source: str) -> tuple[dict[str, Any], str]:
    """A bill, and the id of the callback that tells of its money: kept, but not applied."""
    bill = await system.create_bill()
    if source == "paygov":
        body = result_of(system, order_of(system, await system.start(bill)))
        send: Send = lambda: call(system, body)  # noqa: E731  # either of the two
    else:
        notice = notice_of(system, 5_000, bill["reference"])
        send = lambda: notify(system, notice)  # noqa: E731
    failpoints.configure("callback.after_raw=raise")
    try:
        assert (await send()).status_code == 500
    finally:
        failpoints.clear()
    async with system.parts.database.transaction() as session:
        found = await session.scalar(text("SELECT id FROM callback WHERE state = 'received'"))
    assert isinstance(found, str)
    return bill, found


async def row_of(system: System, callback_id: str) -> Any:
    async with system.parts.database.transaction() as session:
        statement = text("SELECT * FROM callback WHERE id = :id")
        return (await session.execute(statement, {"id": callback_id})).one()


async def change(system: System, callback_id: str, what: str) -> None:
    async with system.parts.database.transaction() as session:
        await session.execute(
            text(f"UPDATE callback SET {what} WHERE id = :id"), {"id": callback_id}
        )


async def apply_later(system: System, seconds: float = 11) -> int:
    with clock.frozen(clock.now() + timedelta(seconds=seconds)):
        return await notices.apply_waiting(system.parts.payments)


@pytest.mark.parametrize("source", ["paygov", "sepay"])
async def test_a_rotated_secret_makes_no_money_unreadable(system: System, source: str) -> None:
    bill, callback_id = await kept(system, source)
    await configure(system, source, ROTATED[source])
    assert await apply_later(system) == 1
    assert (await system.read(bill))["status"] == "paid"
    row = await row_of(system, callback_id)
    assert (row.state, row.result, row.attempts) == ("applied", "accepted", 1)


@pytest.mark.parametrize("source", ["paygov", "sepay"])
async def test_verifying_again_would_lose_it(
    system: System, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broken variant: the worker asks the adapter once more, as it did before."""

    def again(context: Any, account: Any, notice: Any) -> Any:
        raw = open_sealed(context.cipher, notice.id, notice.raw)
        return (context.gateways.reader(account.access).read_notice(raw),)

    monkeypatch.setattr(notices, "_told_by", again)
    bill, _ = await kept(system, source)
    await configure(system, source, ROTATED[source])
    assert await apply_later(system) == 0
    assert (await system.read(bill))["status"] == "open"


async def test_a_row_of_an_older_version_is_read_by_its_adapter(system: System) -> None:
    bill, callback_id = await kept(system, "paygov")
    await change(system, callback_id, "content = NULL")
    assert await apply_later(system) == 1
    assert (await system.read(bill))["status"] == "paid"


async def test_the_worker_leaves_a_fresh_notice_to_the_request_that_brought_it(
    system: System,
) -> None:
    with clock.frozen(clock.now()) as time:
        _, callback_id = await kept(system, "paygov")
        assert (await row_of(system, callback_id)).received_at == clock.now()
        time.advance(timedelta(seconds=10) - MOMENT)
        assert await notices.apply_waiting(system.parts.payments) == 0
        time.advance(MOMENT)
        assert await notices.apply_waiting(system.parts.payments) == 1


async def test_a_time_that_no_pause_reaches_is_a_wrong_clocks_and_waits_for_nobody(
    system: System,
) -> None:
    """The longest pause is an hour, and two clocks may be half a minute apart."""
    bill, callback_id = await kept(system, "paygov")
    with clock.frozen(clock.now()):
        furthest = clock.now() + timedelta(hours=1, seconds=30)
        await change(system, callback_id, f"due_at = '{furthest}'")
        assert await notices.apply_waiting(system.parts.payments) == 0
        await change(system, callback_id, f"due_at = '{furthest + MOMENT}'")
        assert await notices.apply_waiting(system.parts.payments) == 1
    assert (await system.read(bill))["status"] == "paid"


async def test_the_same_event_told_under_two_accounts_is_kept_for_each(system: System) -> None:
    told = (Credit("n-1", "FT-1", "", 5_000, "x", clock.now()),) * 2
    raw = RawCallback("POST", "/", "", {}, b"{}", clock.now())
    kept_ids = []
    for name in ("paygov", "sepay"):
        account = await system.parts.payments.agencies.get_gateway(name, "test")
        one, same = await keep(system.parts.payments, account, told, raw, (), notices.PATIENCE)
        assert one.id == same.id
        assert (await row_of(system, one.id)).gateway_account_id == account.id
        kept_ids.append(one.id)
    assert len(set(kept_ids)) == 2


async def test_a_gateway_is_heard_of_for_a_day(system: System) -> None:
    async def heard(account: str) -> GatewayHearing | None:
        async with system.parts.database.reading() as session:
            return (await list_hearings(session, [account])).get(account)

    _, first = await kept(system, "paygov")
    account = (await row_of(system, first)).gateway_account_id
    await change(system, first, "state = 'set_aside'")
    await kept(system, "paygov")
    of_account = (system.parts.database, "callback", "gateway_account_id = :account")
    told = await count(*of_account, account=account)
    for hours in (0, 23):
        with clock.frozen(clock.now() + timedelta(hours=hours)):
            now = await heard(account)
        assert now is not None
        assert (now.count, now.set_aside) == (told, 1)
        assert await count(*of_account[:2], "received_at > :at", at=now.last_at) == 0
    with clock.frozen(clock.now() + timedelta(hours=25)):
        assert await heard(account) is None


async def test_what_an_adapter_wants_kept_is_kept_and_nothing_else(system: System) -> None:
    _, callback_id = await kept(system, "sepay")
    row = await row_of(system, callback_id)
    cipher = system.parts.cipher
    raw = json.loads(cipher.decrypt(bytes(row.raw), f"callback:{callback_id}"))
    names = {"content-type", "x-sepay-timestamp", "x-sepay-signature"}
    assert set(raw["headers"]) == names
    content = json.loads(cipher.decrypt(bytes(row.content), f"callback:{callback_id}:content"))
    assert (content["version"], content["credit"]["amount"]) == (1, 5_000)


async def test_a_kept_value_is_bound_to_its_row(system: System) -> None:
    bill, first = await kept(system, "paygov")
    await apply_later(system)
    other, second = await kept(system, "paygov")
    content = "content = (SELECT content FROM callback WHERE id = :other)"
    async with system.parts.database.transaction() as session:
        statement = text(f"UPDATE callback SET {content} WHERE id = :id")
        await session.execute(statement, {"id": second, "other": first})
    assert await apply_later(system) == 0
    assert (await system.read(bill))["status"] == "paid"
    assert (await system.read(other))["status"] == "open"
    assert (await row_of(system, second)).last_error.startswith("decryption_failed: ")


async def test_what_fails_again_and_again_is_set_aside_listed_and_can_be_replayed(
    system: System,
) -> None:
    bill, callback_id = await kept(system, "paygov")
    await change(system, callback_id, "content = NULL")
    await configure(system, "paygov", ROTATED["paygov"])
    with clock.frozen(clock.now()) as time:
        time.advance(timedelta(seconds=11))
        for attempt in range(MOST_ATTEMPTS):
            row = await row_of(system, callback_id)
            assert (row.state, row.attempts) == ("received", attempt)
            assert await notices.apply_waiting(system.parts.payments) == 0
            row = await row_of(system, callback_id)
            assert row.due_at == clock.now() + pause(attempt), "no growing pause"
            time.move_to(row.due_at)
        row = await row_of(system, callback_id)
        assert (row.state, row.attempts) == ("set_aside", MOST_ATTEMPTS)
        assert row.last_error == "callback_rejected: paygov: checksum: wrong"
        time.advance(timedelta(days=2))
        assert await notices.apply_waiting(system.parts.payments) == 0
        assert (await row_of(system, callback_id)).attempts == MOST_ATTEMPTS, "tried for ever"

    assert 'lephi_callbacks{kind="set_aside"} 1' in (await system.metrics()).text
    async with system.parts.database.reading() as reading:
        listed = await list_set_aside(reading)
    (one,) = listed
    assert (one.id, one.attempts) == (callback_id, MOST_ATTEMPTS)
    assert (one.gateway, one.account) == ("paygov", "test")

    await configure(system, "paygov", MERCHANT)
    async with system.parts.database.transaction() as session:
        await replay(session, callback_id, actor="system:test")
        with pytest.raises(NotFound):
            await replay(session, new_id("cb"), actor="system:test")
    row = await row_of(system, callback_id)
    assert (row.state, row.attempts) == ("received", 0), "it has all its tries again"
    assert await apply_later(system) == 1
    assert (await system.read(bill))["status"] == "paid"
    assert await system.broken() == []


async def test_one_that_was_set_aside_is_applied_when_it_is_told_again(system: System) -> None:
    bill, callback_id = await kept(system, "paygov")
    await change(system, callback_id, "state = 'set_aside', attempts = 20")
    (order,) = (
        o for o in system.sandbox.store.orders.values() if o.order_id.startswith(bill["reference"])
    )
    (charge,) = order.charges
    system.sandbox.store.orders[order.merchant_id, order.order_id].charges.clear()
    body = result_of(system, order, transaction_no=charge.transaction_no)
    assert (await call(system, body)).json()["error_code"] == "SUCCESSFUL"
    assert (await system.read(bill))["status"] == "paid"
    assert (await row_of(system, callback_id)).state == "applied"


async def test_the_command_lists_what_was_set_aside_and_replays_it(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill, callback_id = await kept(system, "paygov")
    await change(system, callback_id, "state = 'set_aside', last_error = 'timed out'")
    settings = system.parts.settings
    monkeypatch.setenv("LEPHI_DATABASE_URL", str(settings.database_url))
    monkeypatch.setenv("LEPHI_DATA_DIR", str(settings.data_dir))

    async def lephi(*arguments: str) -> Result:
        # The command runs a loop of its own, which needs a thread of its own.
        return await asyncio.to_thread(CliRunner().invoke, build("notices"), arguments)

    (listed,) = json.loads((await lephi("notices", "list", "--json")).stdout)
    assert (listed["id"], listed["last_error"]) == (callback_id, "timed out")
    assert callback_id in (await lephi("notices", "list")).stdout
    assert (await lephi("notices", "replay", "cb_nobody")).exit_code == 1
    assert (await lephi("notices", "replay", callback_id)).exit_code == 0
    assert "Nothing was set aside" in (await lephi("notices", "list")).stdout
    async with system.parts.database.transaction() as session:
        statement = text("SELECT actor FROM audit_entry WHERE action = 'callback.replayed'")
        assert "system:cli" in list(await session.scalars(statement))
    assert await apply_later(system) == 1
    assert (await system.read(bill))["status"] == "paid"


async def test_pauses_grow_to_an_hour_and_all_tries_take_half_a_day() -> None:
    pauses = [pause(attempt) for attempt in range(20)]
    assert len(pauses) == MOST_ATTEMPTS
    assert pauses == sorted(pauses)
    assert [one.total_seconds() for one in pauses[:4]] == [10, 20, 40, 80]
    assert pauses[-1] == timedelta(hours=1)
    assert timedelta(hours=8) < sum(pauses, timedelta()) < timedelta(hours=24)
