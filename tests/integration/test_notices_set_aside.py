"""What was set aside is read again, listed and replayed, and who has told of anything is known."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete
from sqlmodel import col, select

from adapters.bank_feeds.sepay import SePayFeed
from core import clock
from core.errors import NotFound
from core.ids import first_id, new_id
from payments.bills.models import Payment
from payments.incoming import notices
from payments.incoming.hearing import GatewayHearing, list_hearings
from payments.incoming.keeping import event_key, set_aside_unread
from payments.incoming.models import UNREADABLE, Callback
from payments.incoming.notices import apply, apply_waiting
from payments.incoming.sealing import content_of, open_sealed
from payments.incoming.set_aside import NoticeSetAside, list_set_aside, replay, replay_unreadable
from payments.notice_json import read_notice
from payments.ports import (
    Credit,
    NoticeUnreadable,
)
from tests.support.kept_notices import (
    AT,
    SECOND,
    account_of,
    credit,
    kept,
    plant,
    raw,
    rows,
    system,
)
from tests.support.rows import audited
from tests.support.system import System

__all__ = ["system"]

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def unread(system: System, *bodies: bytes, gateway: str = "sepay") -> list[str]:
    """Notices that no adapter could read, and that the worker is to read again; their ids."""
    context, account = system.parts.payments, await account_of(system, gateway)
    before = await rows(system)
    for body in bodies:
        await set_aside_unread(context, account, raw(body), (), NoticeUnreadable("sepay: x"))
    async with system.parts.database.transaction() as session:
        await replay_unreadable(session, actor="test")
    return [name for name in await rows(system) if name not in before]


async def test_what_can_be_read_at_last_is_applied_unless_it_is_known_by_then(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, foreign, new = credit(), credit(6_000), credit(5_000)
    told: dict[bytes, Credit | None] = {b"known": known, b"foreign": foreign}
    told |= {b"new": new, b"out": None}
    monkeypatch.setattr(SePayFeed, "read_notice", lambda _, notice: told[notice.body])
    (before,) = await kept(system, known)
    await apply(system.parts.payments, before)
    await kept(system, foreign, gateway="paygov")  # another account's event of the same name
    async with system.parts.database.transaction() as session:
        await session.write(delete(Callback).where(col(Callback.state) == "set_aside"))
    names = dict(zip(told, await unread(system, *told), strict=True))
    with clock.frozen(clock.now() + SECOND):
        now = clock.now()
        # Of these the foreign and the new; and the other account's own.
        assert await apply_waiting(system.parts.payments) == 3
    found = await rows(system)
    keys = {body: found[name].event_key for body, name in names.items()}
    assert keys[b"foreign"] == event_key(foreign)
    assert keys[b"new"] == event_key(new)
    assert keys[b"known"].startswith(UNREADABLE)
    assert keys[b"out"].startswith(UNREADABLE)
    for body, name in names.items():
        row = found[name]
        assert (row.state, row.result, row.applied_at) == ("applied", "accepted", now), body
        assert (row.content is not None) == (body in (b"foreign", b"new"))
    assert [found[names[body]].last_error for body in (b"known", b"out")] == [None, None]
    content = found[names[b"new"]].content or b""
    said = system.parts.cipher.decrypt(content, content_of(names[b"new"]))
    assert read_notice(said) == new
    async with system.parts.database.reading() as session:
        money = [known.bank_ref, foreign.bank_ref, new.bank_ref]
        credited = await session.all(
            select(col(Payment.credited))
            .where(col(Payment.gateway_ref).in_(money))
            .order_by(col(Payment.credited))
        )
    assert credited == [5_000, 6_000, 7_000]


async def test_several_that_can_be_read_at_last_are_counted_and_the_notice_is_done(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    several = credit(), credit(8_000)
    monkeypatch.setattr(notices, "verified", lambda *_: several)
    (name,) = await unread(system, b"several")
    beside = await plant(system, due_at=AT)
    assert await apply_waiting(system.parts.payments) == 2
    found = await rows(system)
    assert (found[name].state, found[name].result) == ("applied", "accepted")
    assert (found[beside].state, found[beside].result) == ("received", None)
    for one in several:
        (row,) = (row for row in found.values() if row.event_key == event_key(one))
        assert (row.state, row.attempts) == ("applied", 1)
        came = open_sealed(system.parts.cipher, row.id, row.raw)
        assert (came.body, came.headers) == (b"several", {})


async def test_what_was_set_aside_is_listed_of_whom_one_asks_for_the_oldest_first(
    system: System,
) -> None:
    with clock.frozen(AT):
        one, two, three = [
            await plant(
                *(system, "", gateway),
                state="set_aside", attempts=n, last_error=error, received_at=AT - n * SECOND,
            )
            for n, gateway, error in ((5, "sepay", None), (7, "paygov", "x"), (1, "sepay", "y"))
        ]  # fmt: skip
        await plant(system, state="received")
    own = system.body.agency_id
    expected = [
        NoticeSetAside(two, "paygov", "test", 7, AT - 7 * SECOND, "x"),
        NoticeSetAside(one, "sepay", "test", 5, AT - 5 * SECOND, None),
        NoticeSetAside(three, "sepay", "test", 1, AT - SECOND, "y"),
    ]
    async with system.parts.database.reading() as session:
        assert await list_set_aside(session) == expected
        assert await list_set_aside(session, [own]) == expected
        assert await list_set_aside(session, [own], 2) == expected[:2]
        assert await list_set_aside(session, ["agency_of_nobody"]) == []
        assert await list_set_aside(session, []) == []


async def test_a_hundred_of_them_are_listed_unless_told_otherwise(system: System) -> None:
    account = await account_of(system)
    async with system.parts.database.transaction() as session:
        session.add_all(
            Callback(
                id=new_id("cb"), gateway_account_id=account.id, event_key=f"planted-{n}",
                raw=b"", state="set_aside", received_at=AT, due_at=AT,
            )
            for n in range(101)
        )  # fmt: skip
    async with system.parts.database.reading() as session:
        assert len(await list_set_aside(session)) == 100


async def test_one_is_replayed_or_all_that_could_not_be_read_and_nothing_else(
    system: System,
) -> None:
    aside: dict[str, Any] = {"state": "set_aside", "attempts": 20}
    one, other = await plant(system, **aside), await plant(system, **aside)
    waits = await plant(system, attempts=3, due_at=AT)
    odd_one, odd_two = [
        await plant(system, event_key=f"{UNREADABLE}{new_id('x')}", **aside) for _ in range(2)
    ]
    odd_done = await plant(
        system, event_key=f"{UNREADABLE}{new_id('x')}", state="applied", attempts=9
    )
    database = system.parts.database

    async def now() -> dict[str, tuple[str, int]]:
        return {name: (row.state, row.attempts) for name, row in (await rows(system)).items()}

    was = await now()
    with clock.frozen(AT):
        async with database.transaction() as session:
            await replay(session, one, actor="user:một")
        for refused in (one, waits, odd_done):
            with pytest.raises(NotFound):
                async with database.transaction() as session:
                    await replay(session, refused, actor="user:một")
        assert await now() == was | {one: ("received", 0)}
        assert (await rows(system))[one].due_at == AT
        async with database.transaction() as session:
            replayed = await replay_unreadable(session, actor="user:hai")
    assert sorted(replayed) == sorted([odd_one, odd_two])
    done = dict.fromkeys((one, odd_one, odd_two), ("received", 0))
    assert await now() == was | done
    found = await rows(system)
    assert [found[name].due_at for name in (odd_one, odd_two)] == [AT, AT]
    for name, actor in ((one, "user:một"), (odd_one, "user:hai"), (odd_two, "user:hai")):
        assert await audited(database, name) == [("callback.replayed", actor, {})]
    assert await audited(database, other) == []


async def test_what_an_account_has_told_within_a_day_is_counted_by_itself(system: System) -> None:
    sepay, paygov = await account_of(system), await account_of(system, "paygov")
    for gateway, ago, state in (
        ("sepay", timedelta(days=1), "received"),
        ("sepay", timedelta(hours=2), "set_aside"),
        ("sepay", timedelta(hours=3), "applied"),
        ("sepay", timedelta(days=1, milliseconds=1), "set_aside"),
        ("paygov", timedelta(hours=5), "applied"),
    ):
        at = AT - ago
        id_ = f"{first_id('cb', at)}7{0:03}8{0:015}"
        await plant(system, id_, gateway, received_at=at, state=state)
    of_sepay = GatewayHearing(sepay.id, 3, AT - timedelta(hours=2), 1)
    of_paygov = GatewayHearing(paygov.id, 1, AT - timedelta(hours=5), 0)
    with clock.frozen(AT):
        async with system.parts.database.reading() as session:
            assert await list_hearings(session, [sepay.id]) == {sepay.id: of_sepay}
            both = await list_hearings(session, [sepay.id, paygov.id, "gacct_nobody"])
            assert both == {sepay.id: of_sepay, paygov.id: of_paygov}
            assert await list_hearings(session, []) == {}
