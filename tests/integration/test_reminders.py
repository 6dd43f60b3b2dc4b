"""Reminders of a market: who gets one, when, of how much; and who gets none."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from core import clock
from core.crypto import Cipher
from core.db import Database
from core.ids import new_id
from core.sessions import ReadSession, WriteSession
from payments.billing.periods import period_of
from payments.billing.reminding import commands, queries
from payments.billing.reminding.commands import compose_reminder, set_reminders, write_reminders
from payments.billing.reminding.queries import RemindedVendor
from payments.billing.runs import run_billing
from payments.billing.setting_up import NewContract, NewStall, add_contracts, add_stalls
from payments.messages import delivering
from payments.messages.commands import NewMessage, write_messages
from payments.messages.delivering import (
    ComposedMessage,
    MessageContext,
    MessageDrop,
    MessageFacts,
    deliver_next,
)
from payments.urls import Urls
from tests.support.markets import ACTOR, MarketStalls, lay_out
from tests.support.messaging import (
    Telephones,
    open_channel,
    send_all,
    sending,
    standing,
    telephones,
)

CIPHER = Cipher(b"c" * 32)
URLS = Urls("https://phi.example.vn", b"u" * 32)
NOVEMBER = period_of("month", "2026-11")
RENT = 600_000


def at(local: str) -> datetime:
    """A moment of November, as "05 09:00" in Vietnam."""
    return datetime.fromisoformat(f"2026-11-{local}:00+07:00")


@pytest.fixture
async def phones() -> AsyncIterator[Telephones]:
    async with telephones() as found:
        yield found


@pytest.fixture
def context(database: Database) -> MessageContext:
    return sending(database, CIPHER, composed)


async def composed(session: WriteSession, message: MessageFacts) -> ComposedMessage | MessageDrop:
    return await compose_reminder(session, CIPHER, URLS, message)


@pytest.fixture
async def laid(database: Database, phones: Telephones) -> AsyncIterator[MarketStalls]:
    """Three stalls that owe November, on the fifth at nine."""
    with clock.frozen(at("05 09:00")):
        made = await lay_out(database, CIPHER, count=3, first_on=date(2026, 1, 1))
        async with database.transaction() as session:
            await open_channel(session, CIPHER, made.market.agency_id, "sms", phones.url)
        opened = date(2026, 11, 1)
        await run_billing(database, CIPHER, made.market, NOVEMBER, actor=ACTOR, opened_on=opened)
        yield made


async def write(database: Database) -> int:
    """How many markets had their day."""
    done = 0
    while True:
        async with database.transaction() as session:
            if not await write_reminders(session, CIPHER):
                return done
        done += 1


async def say(database: Database, statement: str, **values: object) -> None:
    async with database.transaction() as session:
        await session.execute(text(statement), values)


async def pay(database: Database, stall_id: str) -> None:
    await say(
        database,
        "UPDATE bill SET status = 'paid', paid_at = now() WHERE id IN"
        " (SELECT bill_id FROM charge WHERE stall_id = :stall)",
        stall=stall_id,
    )


async def states(database: Database) -> list[str]:
    return [str(one[0]) for one in await standing(database)]


async def test_each_vendor_is_reminded_once_on_each_reminder_day(
    database: Database, laid: MarketStalls, phones: Telephones, context: MessageContext
) -> None:
    for day in ("05", "06", "09", "10", "11"):
        with clock.frozen(at(f"{day} 09:00")):
            await write(database)
            await write(database)
            await send_all(context)
    found = await phones.arrived()
    assert sorted(one["phone"] for one in found) == sorted(
        2 * [f"8491200000{number}" for number in (1, 2, 3)]
    )
    first = next(one for one in found if one["phone"] == "84912000001")
    async with database.transaction() as session:
        wanted = text("SELECT reference FROM stall WHERE code = 'A-001'")
        reference = (await session.execute(wanted)).scalar_one()
    vendor = laid.vendors["TT-001"]
    code = laid.market.agency_id
    assert first["text"] == (
        "A: sap A-001, Cho Mot con 600.000 VND tien thang 11/2026, han 15/11/2026."
        f" Xem va tra: https://phi.example.vn/v/{code}/{reference}"
        " Neu da tra, xin bo qua tin nay. Xin cam on. Khong nhan tin nhac:"
        f" {URLS.stop_reminders(reference, vendor)}"
    )


async def test_nothing_is_written_twice_even_where_the_market_forgets_its_day(
    database: Database, laid: MarketStalls
) -> None:
    assert await write(database) == 1
    await say(database, "UPDATE market SET reminded_on = NULL")
    assert await write(database) == 1
    assert len(await states(database)) == 3


async def test_what_is_paid_between_writing_and_sending_is_not_asked_for(
    database: Database, laid: MarketStalls, phones: Telephones, context: MessageContext
) -> None:
    await write(database)
    await pay(database, laid.stalls["A-001"])
    await send_all(context)
    assert sorted(await states(database)) == ["dropped", "sent", "sent"]
    assert "84912000001" not in [one["phone"] for one in await phones.arrived()]


async def test_a_sender_that_does_not_look_again_is_caught(
    database: Database,
    laid: MarketStalls,
    phones: Telephones,
    context: MessageContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The negative control: what was owed when it was written is asked for."""
    await write(database)
    async with database.transaction() as session:
        then = await queries.list_due_at(session, laid.market.id, NOVEMBER.first, NOVEMBER.last)
    await pay(database, laid.stalls["A-001"])

    async def as_it_was(_: object, vendor_id: str, __: str) -> list[queries.OwedStall]:
        return [one for one in then if one.vendor_id == vendor_id]

    monkeypatch.setattr(commands, "list_owed_by", as_it_was)
    await send_all(context)
    assert "84912000001" in [one["phone"] for one in await phones.arrived()]


async def test_of_two_stalls_one_message_tells_what_is_left(
    database: Database, laid: MarketStalls, phones: Telephones, context: MessageContext
) -> None:
    async with database.transaction() as session:
        new = NewStall("A-009", "covered", 1_000)
        stalls = await add_stalls(session, laid.market, [new], actor=ACTOR)
        held = NewContract(stalls["A-009"], laid.vendors["TT-001"], date(2026, 1, 1))
        await add_contracts(session, laid.market, [held], actor=ACTOR)
    await run_billing(database, CIPHER, laid.market, NOVEMBER, actor=ACTOR)
    await write(database)
    async with database.transaction() as session:
        wanted = text("SELECT count(*) FROM payer_message WHERE subject_id = :vendor")
        found = await session.execute(wanted, {"vendor": laid.vendors["TT-001"]})
        assert found.scalar_one() == 1
    await send_all(context)
    (told,) = [one for one in await phones.arrived() if one["phone"] == "84912000001"]
    assert "sap A-001, A-009" in told["text"]
    assert "1.200.000 VND" in told["text"]
    await pay(database, stalls["A-009"])
    with clock.frozen(at("10 08:00")):
        await write(database)
        await send_all(context)
    *_, told = [one for one in await phones.arrived() if one["phone"] == "84912000001"]
    assert "sap A-001, Cho Mot" in told["text"]
    assert "600.000 VND" in told["text"]


async def test_nobody_is_reminded_at_night(
    database: Database, laid: MarketStalls, phones: Telephones, context: MessageContext
) -> None:
    with clock.frozen(at("05 06:59")):
        assert await write(database) == 0
    with clock.frozen(at("05 20:59")) as now:
        assert await write(database) == 1
        now.advance(timedelta(minutes=1))
        await send_all(context)
        assert await phones.calls() == []
        now.move_to(at("06 06:59"))
        assert await deliver_next(context) == 0
        now.move_to(at("06 07:00"))
        await send_all(context)
        assert len(await phones.arrived()) == 3


@pytest.mark.parametrize("when", ["before", "after"])
async def test_who_refuses_gets_none(
    database: Database,
    laid: MarketStalls,
    phones: Telephones,
    context: MessageContext,
    when: str,
) -> None:
    async def refuse() -> None:
        async with database.transaction() as session:
            vendor = laid.vendors["TT-002"]
            await set_reminders(session, vendor, wanted=False, actor=ACTOR)

    if when == "before":
        await refuse()
    await write(database)
    if when == "after":
        await refuse()
    await send_all(context)
    assert sorted(one["phone"] for one in await phones.arrived()) == [
        *("84912000001", "84912000003")
    ]
    async with database.transaction() as session:
        await set_reminders(
            session, laid.vendors["TT-002"], wanted=True, language="en", actor=ACTOR
        )
    with clock.frozen(at("10 09:00")):
        await write(database)
        await send_all(context)
    (told,) = [one for one in await phones.arrived() if one["phone"] == "84912000002"]
    assert "600,000 VND for November 2026, due 15 November 2026" in told["text"]


async def test_a_worker_without_quiet_hours_is_caught(
    database: Database,
    laid: MarketStalls,
    phones: Telephones,
    context: MessageContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The negative control: at nine in the evening somebody is reminded."""
    monkeypatch.setattr(delivering, "goes_at", lambda _, at: at)
    with clock.frozen(at("05 20:59")) as now:
        await write(database)
        now.advance(timedelta(minutes=1))
        await send_all(context)
    assert len(await phones.arrived()) == 3


async def test_a_worker_that_does_not_ask_who_refused_is_caught(
    database: Database,
    laid: MarketStalls,
    phones: Telephones,
    context: MessageContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The negative control: who refused is reminded."""

    async def as_if_nobody(session: ReadSession, ids: Sequence[str]) -> list[RemindedVendor]:
        found = await queries.list_vendors(session, ids)
        return [replace(one, reminders_refused_at=None) for one in found]

    async with database.transaction() as session:
        await set_reminders(session, laid.vendors["TT-002"], wanted=False, actor=ACTOR)
    monkeypatch.setattr(commands, "list_vendors", as_if_nobody)
    await write(database)
    await send_all(context)
    assert "84912000002" in [one["phone"] for one in await phones.arrived()]


async def test_a_key_without_vendor_and_day_is_caught(
    database: Database, laid: MarketStalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: a market that forgets its day reminds everybody twice."""

    async def anew(session: WriteSession, new: Sequence[NewMessage]) -> int:
        return await write_messages(session, [replace(one, once=new_id("once")) for one in new])

    monkeypatch.setattr(commands, "write_messages", anew)
    await write(database)
    await say(database, "UPDATE market SET reminded_on = NULL")
    await write(database)
    assert len(await states(database)) == 6


async def _no_days(database: Database, _: MarketStalls) -> None:
    await say(database, "UPDATE market SET reminder_days = '{}'")


async def _no_channel(database: Database, _: MarketStalls) -> None:
    await say(database, "UPDATE message_channel SET removed_at = now()")


async def _no_phone(database: Database, laid: MarketStalls) -> None:
    for vendor_id in laid.vendors.values():
        sealed = CIPHER.encrypt(b'{"name":"A","phone":"024 3333 4444"}', f"payer:{vendor_id}")
        await say(
            database,
            "UPDATE payer_data SET data = :data WHERE subject_id = :id",
            data=sealed,
            id=vendor_id,
        )


async def _withdrawn(database: Database, _: MarketStalls) -> None:
    await say(database, "UPDATE bill SET status = 'cancelled'")


async def _due_in_another_month(database: Database, _: MarketStalls) -> None:
    await say(database, "UPDATE billing_run SET due_on = '2026-12-15'")


@pytest.mark.parametrize(
    "change", [_no_days, _no_channel, _no_phone, _withdrawn, _due_in_another_month]
)
async def test_nobody_is_written_to_without_need_or_means(
    database: Database,
    laid: MarketStalls,
    change: Callable[[Database, MarketStalls], object],
) -> None:
    await change(database, laid)  # type: ignore[misc]  # each is a coroutine function
    await write(database)
    assert await states(database) == []


async def test_a_reminder_that_comes_days_late_is_dropped(
    database: Database, laid: MarketStalls, phones: Telephones, context: MessageContext
) -> None:
    await write(database)
    with clock.frozen(at("08 09:00")):
        await send_all(context)
    assert await states(database) == ["dropped"] * 3
    assert await phones.calls() == []


async def test_counts_of_a_round_are_in_the_log(database: Database, laid: MarketStalls) -> None:
    async with database.transaction() as session:
        await set_reminders(session, laid.vendors["TT-002"], wanted=False, actor=ACTOR)
    await write(database)
    async with database.transaction() as session:
        wanted = text("SELECT details FROM audit_entry WHERE action = 'market.reminded'")
        (details,) = (await session.execute(wanted)).scalars()
    assert details == {"written": 2, "refused": 1, "unreachable": 0}


async def test_a_market_is_as_large_as_it_likes(database: Database, laid: MarketStalls) -> None:
    """A statement has 65,535 parameters at most."""
    ids = [*laid.vendors.values(), *(f"vendor_{number}" for number in range(70_000))]
    async with database.transaction() as session:
        assert len(await queries.list_vendors(session, ids)) == 3


async def test_a_vendor_whose_data_cannot_be_read_keeps_no_other_from_a_reminder(
    database: Database, laid: MarketStalls
) -> None:
    await say(
        database,
        "UPDATE payer_data SET data = '\\x00' WHERE subject_id = :vendor",
        vendor=laid.vendors["TT-002"],
    )
    assert await write(database) == 1
    assert len(await states(database)) == 2


async def test_a_market_that_fails_keeps_no_other_from_its_reminders(
    database: Database, laid: MarketStalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = commands._write_for

    async def failing(session: WriteSession, cipher: Cipher, market_id: str, *more: Any) -> object:
        if market_id == first:
            raise ZeroDivisionError
        return await whole(session, cipher, market_id, *more)

    other = await lay_out(database, CIPHER, count=1, code="cho-2", first_on=date(2026, 1, 1))
    first = min(laid.market.id, other.market.id)
    monkeypatch.setattr(commands, "_write_for", failing)
    for _ in range(50):
        with suppress(ZeroDivisionError):
            await write(database)
    async with database.transaction() as session:
        had = await session.execute(text("SELECT id FROM market WHERE reminded_on IS NOT NULL"))
        assert list(had.scalars()) == [max(laid.market.id, other.market.id)]


async def test_a_clock_that_was_put_forward_ends_no_reminders(
    database: Database, laid: MarketStalls
) -> None:
    with clock.frozen(datetime.fromisoformat("2036-11-05T09:00:00+07:00")):
        assert await write(database) == 1
    assert await write(database) == 1
    assert len(await states(database)) == 3
