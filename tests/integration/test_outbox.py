"""The outbox on a real database: leases, two workers, failures, and work set aside."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from app.cli.books import outbox as command
from app.handlers import HANDLERS
from app.parts import Parts
from app.seed.agency import seed_body
from app.wiring import parts_of
from app.worker import deliver
from core import clock, failpoints, outbox
from core.db import Database
from core.events import Event
from core.handlers import Handler
from core.outbox import LEASE, MAX_ATTEMPTS, Delivery, LeaseLost
from core.sessions import WriteSession
from core.settings import Settings
from payments.bills.locks import lock_bill
from payments.events import BillPaid
from receipts.commands import issue
from tests.support.bare_rows import add_bill, add_paid_bill, insert
from tests.support.locks import until_someone_waits
from tests.support.rows import count

START = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)
LONGEST_PAUSE = timedelta(minutes=10)
#: What two machines may be apart; what is dated further ahead, a wrong clock has written.
CLOCKS_APART = timedelta(seconds=30)

#: The handler whose deliveries are looked at; others may hear of the same events.
ISSUING = HANDLERS[0]
ISSUE_RECEIPTS = ISSUING.name


@dataclass(frozen=True, slots=True)
class Unheard(Event):
    """A fact that nobody asked to be told."""

    name: ClassVar[str] = "test.unheard"

    bill_id: str


@pytest.fixture
async def parts(database_url: str, tmp_path: Path) -> AsyncIterator[Parts]:
    """The service's parts without a server in front of them."""
    settings = Settings(
        mode="test", database_url=database_url, data_dir=tmp_path, log_level="error"
    )
    async with parts_of(settings) as opened:
        yield opened


async def tell(database: Database, *bill_ids: str) -> None:
    """Tell that bills are paid; whoever listens hears of each."""
    async with database.transaction() as session:
        for bill_id in bill_ids:
            await outbox.emit(session, BillPaid(bill_id, "agency", 5000))


async def take(database: Database, limit: int = 10) -> list[Delivery]:
    async with database.transaction() as session:
        return await outbox.claim(session, ISSUE_RECEIPTS, limit)


def told(deliveries: Sequence[Delivery]) -> list[str]:
    return [delivery.payload["bill_id"] for delivery in deliveries]


async def states(database: Database) -> list[tuple[str, int]]:
    """State and attempts of each of its deliveries, oldest first."""
    async with database.transaction() as session:
        rows = await session.execute(
            text(
                "SELECT state, attempts FROM outbox_delivery WHERE handler = :handler"
                " ORDER BY event_id"
            ),
            {"handler": ISSUE_RECEIPTS},
        )
        return [(row.state, row.attempts) for row in rows]


async def test_what_is_told_in_a_transaction_that_fails_was_never_told(parts: Parts) -> None:
    async def tell_and_fail() -> None:
        async with parts.database.transaction() as session:
            await outbox.emit(session, BillPaid("bill_1", "agency", 5000))
            raise RuntimeError("not after all")

    with pytest.raises(RuntimeError, match="after all"):
        await tell_and_fail()
    await tell(parts.database, "bill_2")
    assert told(await take(parts.database)) == ["bill_2"]


async def test_a_fact_that_nobody_hears_is_not_kept(parts: Parts) -> None:
    async with parts.database.transaction() as session:
        await outbox.emit(session, Unheard("bill_1"))
    assert await count(parts.database, "outbox_event") == 0


async def test_a_leased_delivery_is_given_again_only_when_the_lease_is_over(parts: Parts) -> None:
    with clock.frozen(START) as now:
        await tell(parts.database, "bill_1", "bill_2", "bill_3")
        assert told(await take(parts.database, 2)) == ["bill_1", "bill_2"]
        assert told(await take(parts.database, 2)) == ["bill_3"]
        now.advance(LEASE - timedelta(microseconds=1))
        assert await take(parts.database) == []
        now.advance(timedelta(microseconds=1))
        again = await take(parts.database)
        assert told(again) == ["bill_1", "bill_2", "bill_3"]
        assert {delivery.attempts for delivery in again} == {2}


async def test_only_what_is_dated_further_ahead_than_any_pause_and_lease_goes_waits_for_nobody(
    parts: Parts,
) -> None:
    with clock.frozen(START):
        await tell(parts.database, "bill_1")
        due, leased = START + LONGEST_PAUSE + CLOCKS_APART, START + LEASE + CLOCKS_APART
        moment = timedelta(microseconds=1)
        for due_at, leased_until, given in (
            (due, None, []),
            (due + moment, None, ["bill_1"]),
            (START, leased, []),
            (START, leased + moment, ["bill_1"]),
        ):
            async with parts.database.transaction() as session:
                await session.execute(
                    text("UPDATE outbox_delivery SET due_at = :due, leased_until = :leased"),
                    {"due": due_at, "leased": leased_until},
                )
            assert told(await take(parts.database)) == given


async def test_two_claimers_at_once_share_without_waiting_for_each_other(parts: Parts) -> None:
    bills = [f"bill_{number}" for number in range(6)]
    await tell(parts.database, *bills)
    async with parts.database.transaction() as one:
        first = await outbox.claim(one, ISSUE_RECEIPTS, 3)
        # The first has not committed; a second that waited for its rows would run into the
        # lock time-out and fail.
        async with parts.database.transaction() as other:
            second = await outbox.claim(other, ISSUE_RECEIPTS, 10)
    assert (told(first), told(second)) == (bills[:3], bills[3:])


async def test_many_claimers_get_every_delivery_once(parts: Parts) -> None:
    bills = [f"bill_{number:02}" for number in range(40)]
    await tell(parts.database, *bills)
    shares = await asyncio.gather(*(take(parts.database, 7) for _ in range(8)))
    shares.append(await take(parts.database, 40))
    assert sorted(bill for share in shares for bill in told(share)) == bills


async def test_work_under_a_lost_lease_is_rolled_back(parts: Parts) -> None:
    with clock.frozen(START) as now:
        await tell(parts.database, "bill_1", "bill_2")
        slow = await take(parts.database)
        now.advance(LEASE)
        quick = await take(parts.database, 1)
        assert told(quick) == ["bill_1"]

        async def work(deliveries: Sequence[Delivery]) -> None:
            async with parts.database.transaction() as session:
                for one in deliveries:
                    values = {"subject_id": f"{one.payload['bill_id']}:{one.attempts}"}
                    row = values | {"data": b"done", "created_at": clock.now()}
                    await insert(session, "payer_data", row)
                await outbox.complete(session, deliveries)

        with pytest.raises(LeaseLost):
            await work(slow)
        assert await count(parts.database, "payer_data") == 0
        await work(quick)
        assert await count(parts.database, "payer_data", "subject_id = 'bill_1:2'") == 1
        # Done is done: nobody does it a second time, not even who did it.
        async with parts.database.transaction() as session:
            with pytest.raises(LeaseLost):
                await outbox.complete(session, quick)
        assert await states(parts.database) == [("done", 2), ("waiting", 1)]


async def test_a_failure_noted_by_who_lost_the_lease_changes_nothing(parts: Parts) -> None:
    with clock.frozen(START) as now:
        await tell(parts.database, "bill_1")
        (slow,) = await take(parts.database)
        now.advance(LEASE)
        (quick,) = await take(parts.database)
        async with parts.database.transaction() as session:
            await outbox.fail(session, slow, "too late to say so")
        async with parts.database.transaction() as session:
            await outbox.complete(session, [quick])
        assert await states(parts.database) == [("done", 2)]
        assert await count(parts.database, "outbox_delivery", "last_error IS NOT NULL") == 0


async def test_each_failure_is_followed_by_a_longer_pause_until_it_is_set_aside(
    parts: Parts,
) -> None:
    pauses = []
    with clock.frozen(START) as now:
        await tell(parts.database, "bill_1")
        for attempt in range(1, MAX_ATTEMPTS + 1):
            (one,) = await take(parts.database)
            assert one.attempts == attempt
            async with parts.database.transaction() as session:
                aside = await outbox.fail(session, one, "no " * 400)
                due = await session.scalar(
                    text("SELECT due_at FROM outbox_delivery WHERE handler = :handler"),
                    {"handler": ISSUE_RECEIPTS},
                )
            assert aside == (attempt == MAX_ATTEMPTS)
            assert due is not None
            pauses.append(due - now.at)
            now.move_to(due - timedelta(microseconds=1))
            assert await take(parts.database) == []
            now.move_to(due)
        assert pauses == sorted(set(pauses))
        assert pauses[-1] <= LONGEST_PAUSE
        now.advance(timedelta(days=365))
        assert await take(parts.database) == []
    assert await states(parts.database) == [("set_aside", MAX_ATTEMPTS)]
    assert await count(parts.database, "outbox_delivery", "length(last_error) = 500") == 1


#: Another handler's delivery of each event, as far as the looked-at one's.
_TWINS = """
INSERT INTO outbox_delivery (event_id, handler, state, attempts, due_at, leased_until)
SELECT event_id, 'twin', state, attempts, due_at, leased_until FROM outbox_delivery
WHERE handler = :handler
"""


async def test_a_failure_is_noted_on_its_own_delivery_alone(parts: Parts) -> None:
    with clock.frozen(START):
        await tell(parts.database, "bill_1", "bill_2")
        first, second = await take(parts.database)
        async with parts.database.transaction() as session:
            await session.execute(text(_TWINS), {"handler": ISSUE_RECEIPTS})
            await outbox.complete(session, [second])
        async with parts.database.transaction() as session:
            await outbox.fail(session, first, "away")
            await outbox.fail(session, second, "too late: it is done")
    assert await states(parts.database) == [("waiting", 1), ("done", 1)]
    assert await count(parts.database, "outbox_delivery", "last_error IS NOT NULL") == 1
    own = f"handler = '{ISSUE_RECEIPTS}' AND last_error = 'away'"
    assert await count(parts.database, "outbox_delivery", own) == 1


async def test_a_delivery_is_set_aside_as_often_as_the_operator_is_told(parts: Parts) -> None:
    """docs/ARCHITECTURE.md promises eight, and a minute until others may have what was leased;
    other numbers have to be promised first."""
    assert timedelta(minutes=1) == LEASE
    with clock.frozen(START) as now:
        await tell(parts.database, "bill_1")
        for _ in range(8):
            (one,) = await take(parts.database)
            async with parts.database.transaction() as session:
                await outbox.fail(session, one, "no")
            now.advance(LONGEST_PAUSE)
    assert await states(parts.database) == [("set_aside", 8)]


async def test_a_worker_tries_a_failed_batch_one_by_one(parts: Parts) -> None:
    tried: list[list[str]] = []

    async def work(_parts: Parts, _session: WriteSession, events: Sequence[BillPaid]) -> None:
        tried.append([event.bill_id for event in events])
        if "bill_bad" in tried[-1]:
            raise ValueError("this one never works")

    await tell(parts.database, "bill_1", "bill_bad", "bill_2")
    handler = Handler(BillPaid, ISSUE_RECEIPTS, work)
    assert await deliver(parts, handler) == 3
    assert tried == [["bill_1", "bill_bad", "bill_2"], ["bill_1"], ["bill_bad"], ["bill_2"]]
    assert await states(parts.database) == [("done", 1), ("waiting", 1), ("done", 1)]
    assert await deliver(parts, handler) == 0


async def receipts(parts: Parts) -> list[tuple[int, str]]:
    """Number and bill of every receipt."""
    async with parts.database.transaction() as session:
        rows = await session.execute(text("SELECT number, bill_id FROM receipt ORDER BY number"))
        return [(row.number, row.bill_id) for row in rows]


async def poisoned(parts: Parts) -> tuple[str, list[str]]:
    """Three paid bills told of, and before them one whose payer's data cannot be decrypted."""
    async with parts.database.transaction() as session:
        body = await seed_body(session)
        bad = await add_paid_bill(session, body)
        row = {"subject_id": bad, "data": b"not ours", "created_at": clock.now()}
        await insert(session, "payer_data", row)
        good = [await add_paid_bill(session, body) for _ in range(3)]
    await tell(parts.database, bad, *good)
    return bad, good


async def exhaust(parts: Parts) -> None:
    """Let the worker try until there is nothing left that it would try again."""
    with clock.frozen(clock.now()) as now:
        for _ in range(MAX_ATTEMPTS):
            await deliver(parts, ISSUING)
            now.advance(LONGEST_PAUSE)


async def test_a_poisoned_delivery_is_set_aside_and_takes_no_number(parts: Parts) -> None:
    _, good = await poisoned(parts)
    assert await deliver(parts, ISSUING) == 4
    # The others of its batch do not wait for it.
    assert await receipts(parts) == list(enumerate(good, start=1))
    await exhaust(parts)
    assert await states(parts.database) == [("set_aside", MAX_ATTEMPTS), *[("done", 1)] * 3]
    assert await receipts(parts) == list(enumerate(good, start=1))
    async with parts.database.transaction() as session:
        assert await session.scalar(text("SELECT last_number FROM receipt_series")) == 3
        (aside,) = await outbox.list_set_aside(session)
    assert aside.name == "bill.paid"
    assert aside.last_error


async def test_what_was_set_aside_is_told_with_the_oldest_event_first(parts: Parts) -> None:
    """Whoever the deliveries of an event are to; of one event, by the names of its handlers."""
    await tell(parts.database, "bill_1", "bill_2")
    async with parts.database.transaction() as session:
        every = "SELECT id FROM outbox_event ORDER BY id"
        older, newer = (await session.scalars(text(every))).all()
        await session.execute(text("DELETE FROM outbox_delivery"))
        for event_id, handler in ((newer, "a"), (older, "c"), (older, "b")):
            row = {"event_id": event_id, "handler": handler, "state": "set_aside"}
            await insert(session, "outbox_delivery", {**row, "attempts": 8, "due_at": clock.now()})
        aside = await outbox.list_set_aside(session)
    told = [(one.event_id, one.handler) for one in aside]
    assert told == [(older, "b"), (older, "c"), (newer, "a")]


async def test_a_delivery_told_twice_gives_one_receipt(parts: Parts) -> None:
    async with parts.database.transaction() as session:
        body = await seed_body(session)
        paid = await add_paid_bill(session, body)
        still_open = await add_bill(session, body)
    await tell(parts.database, paid, paid, still_open)
    assert await deliver(parts, ISSUING) == 3
    await tell(parts.database, paid)
    assert await deliver(parts, ISSUING) == 1
    assert await receipts(parts) == [(1, paid)]


@pytest.mark.parametrize(
    ("place", "left"),
    [
        ("receipt.after_number", []),
        ("receipt.before_commit", []),
        ("receipt.after_commit", [(1, "paid")]),
    ],
)
async def test_issuing_that_stops_half_way_leaves_a_receipt_with_its_number_or_neither(
    parts: Parts, place: str, left: list[tuple[int, str]]
) -> None:
    async def issue_one() -> None:
        async with parts.database.transaction() as session:
            await issue(session, parts.issuing, ["paid"])

    async with parts.database.transaction() as session:
        await add_paid_bill(session, await seed_body(session), id="paid")
    failpoints.configure(f"{place}=raise")
    try:
        with pytest.raises(failpoints.FailpointReached):
            await issue_one()
    finally:
        failpoints.clear()
    assert await receipts(parts) == left
    await issue_one()
    assert await receipts(parts) == [(1, "paid")]


async def test_a_bill_that_is_reopened_meanwhile_gets_no_receipt(parts: Parts) -> None:
    async with parts.database.transaction() as session:
        paid = await add_paid_bill(session, await seed_body(session))
    await tell(parts.database, paid)
    async with parts.database.transaction() as reopening:
        await lock_bill(reopening, paid)
        issuing = asyncio.create_task(deliver(parts, ISSUING))
        await until_someone_waits(parts.database)
        reopened = "UPDATE bill SET status = 'open', paid_at = NULL WHERE id = :id"
        await reopening.execute(text(reopened), {"id": paid})
    assert await issuing == 1
    assert await receipts(parts) == []


async def test_an_operator_sees_what_was_set_aside_and_puts_it_back(
    parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEPHI_DATABASE_URL", parts.database.url)
    monkeypatch.setenv("LEPHI_DATA_DIR", str(tmp_path))

    async def lephi_outbox(*arguments: str) -> Result:
        # The command runs a loop of its own, which needs a thread of its own.
        return await asyncio.to_thread(CliRunner().invoke, command, list(arguments))

    assert "Nothing was set aside." in (await lephi_outbox("list")).stdout
    bad, good = await poisoned(parts)
    await exhaust(parts)
    (seen,) = json.loads((await lephi_outbox("list", "--json")).stdout)
    assert (seen["handler"], seen["attempts"]) == (ISSUE_RECEIPTS, MAX_ATTEMPTS)
    assert str(seen["event_id"]) in (await lephi_outbox("list")).stdout

    other = str(seen["event_id"] + 1)
    assert (await lephi_outbox("replay", "--event", other)).stdout.startswith("0 ")
    assert await deliver(parts, ISSUING) == 0

    async with parts.database.transaction() as session:
        await session.execute(text("DELETE FROM payer_data WHERE subject_id = :id"), {"id": bad})
    replayed = await lephi_outbox("replay", "--event", str(seen["event_id"]), "--json")
    assert json.loads(replayed.stdout) == {"replayed": 1}
    # Its failures of before are forgotten: it has all its attempts again.
    assert (await states(parts.database))[0] == ("waiting", 0)
    assert await deliver(parts, ISSUING) == 1
    assert await receipts(parts) == list(enumerate([*good, bad], start=1))
    assert "Nothing was set aside." in (await lephi_outbox("list")).stdout
