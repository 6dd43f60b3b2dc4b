"""Days are reconciled by themselves: each once, in order, made up for, and never twice."""

import asyncio
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from core import clock
from core.calendar import national
from core.clock import VIETNAM, FrozenClock
from core.errors import Invalid
from core.ids import new_id
from payments.agencies.queries import CollectionAccountValue, find_collection_account
from reconciliation.days import nightly
from reconciliation.days.commands import reconcile
from reconciliation.days.nightly_models import NightlyRun
from reconciliation.days.nights import ScheduledTime, due_days
from reconciliation.days.schedules import NewSchedule, ScheduleStands, set_schedule
from tests.support.neighbour import neighbour_of
from tests.support.problems import problem
from tests.support.staff import finance_office, key_of_person
from tests.support.system import System

#: A Monday evening: Friday's money and the weekend's has to be booked by now.
MONDAY = datetime(2026, 11, 30, 18, 0, tzinfo=VIETNAM)
EVENING = time(17, 30)


@pytest.fixture
def now() -> Iterator[FrozenClock]:
    with clock.frozen(datetime(2026, 11, 27, 9, 0, tzinfo=VIETNAM)) as frozen:
        yield frozen


async def account_of(system: System) -> CollectionAccountValue:
    async with system.parts.database.reading() as session:
        found = await find_collection_account(session, system.body.collection_code)
    assert found is not None
    return found


async def schedule(system: System, *, own: bool = False, **changes: Any) -> str:
    """From 27/11/2026 on, a Friday, at half past five; of the body unless of its `own` account."""
    account = await account_of(system)
    new: dict[str, Any] = {"valid_from": date(2026, 11, 27), "at": EVENING} | changes
    async with system.parts.database.transaction() as session:
        return await set_schedule(
            session,
            NewSchedule(system.body.agency_id, account if own else None, **new),
            actor="test",
        )


async def runs(system: System) -> list[tuple[date, str]]:
    """The days of the account that were reconciled at night, each as often as it was."""
    async with system.parts.database.transaction() as session:
        rows = await session.execute(
            text(
                "SELECT r.business_on, n.state FROM reconciliation r"
                " JOIN collection_account c ON c.id = r.collection_account_id"
                " LEFT JOIN nightly_run n ON n.reconciliation_id = r.id"
                " WHERE c.code = :account AND r.created_by = 'system:nightly'"
                " ORDER BY r.created_at, r.id"
            ),
            {"account": system.body.collection_code},
        )
        return [(row.business_on, row.state) for row in rows]


async def work(system: System) -> int:
    done = 0
    while made := await nightly.run_due(system.parts.reconciling):
        done += made
    return done


FRIDAY_TO_SUNDAY = [(date(2026, 11, day), "done") for day in (27, 28, 29)]


async def test_the_weekends_days_are_reconciled_on_monday_evening_and_once(
    system: System, now: FrozenClock
) -> None:
    await schedule(system, own=True)
    now.move_to(MONDAY - timedelta(minutes=31))
    assert await work(system) == 0
    now.move_to(MONDAY)
    assert await work(system) == 3
    assert await runs(system) == FRIDAY_TO_SUNDAY
    assert await work(system) == 0
    now.advance(timedelta(days=1))
    assert await work(system) == 1
    assert await runs(system) == [*FRIDAY_TO_SUNDAY, (date(2026, 11, 30), "done")]
    assert await system.broken() == []


async def test_missed_nights_are_made_up_for_the_oldest_first(
    system: System, now: FrozenClock
) -> None:
    await schedule(system, own=True)
    now.move_to(MONDAY + timedelta(days=9))
    async with system.parts.database.reading() as session:
        missed = await nightly.list_open_nights(session, national())
        words = await nightly.find_missed_nights(session, national())
    assert words is not None
    # The twelfth has been due for half an hour only.
    assert words.startswith("11 missed, since 27/11/2026 of ")
    assert [one.business_on.day for one in missed] == [27, 28, 29, 30, *range(1, 9)]
    assert {one.state for one in missed} == {"due"}
    assert await work(system) == 12
    assert [day for day, _ in await runs(system)] == [one.business_on for one in missed]


async def test_several_workers_reconcile_a_day_once(system: System, now: FrozenClock) -> None:
    await schedule(system, own=True)
    now.move_to(MONDAY)
    await asyncio.gather(*(work(system) for _ in range(4)))
    assert sorted(await runs(system)) == FRIDAY_TO_SUNDAY


@pytest.fixture
def held_up(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """The first night stops before its run until this is set."""
    go, first = asyncio.Event(), [True]

    async def hold(*arguments: Any, **named: Any) -> str:
        if first and first.pop():
            await go.wait()
        return await reconcile(*arguments, **named)

    monkeypatch.setattr(nightly, "reconcile", hold)
    return go


async def overtaken(system: System, now: FrozenClock, go: asyncio.Event) -> None:
    """One worker is held up for so long that another takes its night over; then it goes on."""
    await schedule(system, own=True)
    now.move_to(MONDAY)
    slow = asyncio.create_task(nightly.run_due(system.parts.reconciling))
    for _ in range(200):
        async with system.parts.database.transaction() as session:
            if await session.scalar(text("SELECT count(*) FROM nightly_run")):
                break
        await asyncio.sleep(0.01)
    now.advance(nightly.SILENCE + timedelta(seconds=1))
    assert await work(system) == 3
    go.set()
    await slow


async def test_a_worker_that_was_held_up_stores_nothing_where_another_took_over(
    system: System, now: FrozenClock, held_up: asyncio.Event
) -> None:
    await overtaken(system, now, held_up)
    assert await runs(system) == FRIDAY_TO_SUNDAY


async def test_without_looking_whose_night_it_is_a_day_is_reconciled_twice(
    system: System,
    now: FrozenClock,
    held_up: asyncio.Event,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The negative control of the test above."""
    monkeypatch.setattr(
        nightly,
        "_ours",
        lambda day, _: (NightlyRun.business_on == day.business_on,),
    )
    await overtaken(system, now, held_up)
    assert len(await runs(system)) == 4


async def test_what_fails_is_tried_again_and_people_are_alerted(
    system: System, now: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await schedule(system, own=True)
    now.move_to(MONDAY)

    async def fail(*_: Any, **__: Any) -> str:
        raise Invalid("Hỏng.", code="spoilt")

    monkeypatch.setattr(nightly, "reconcile", fail)
    for _ in range(nightly.ALERT_AFTER):
        await work(system)
        now.advance(timedelta(hours=1))
    async with system.parts.database.reading() as session:
        told = (await nightly.list_open_nights(session, national()))[0]
    assert (told.state, told.tries, told.error) == ("waiting", nightly.ALERT_AFTER, "spoilt")
    alerts = [line for line in (await system.metrics()).text.splitlines() if "nightly" in line]
    assert alerts == ['lephi_alerts{kind="nightly.failed"} 3.0']
    monkeypatch.setattr(nightly, "reconcile", reconcile)
    assert await work(system) == 3
    assert await runs(system) == FRIDAY_TO_SUNDAY


async def test_a_schedule_is_dated_after_the_cut_off_and_ends(
    system: System, now: FrozenClock
) -> None:
    with pytest.raises(Invalid, match="ngừng giao dịch"):
        await schedule(system, at=time(15, 59))
    with pytest.raises(Invalid, match="hôm nay"):
        await schedule(system, valid_from=date(2026, 11, 26))
    await schedule(system)
    with pytest.raises(ScheduleStands):
        await schedule(system)
    # The account's own wins over the body's: it ends at once.
    await schedule(system, own=True, at=None)
    now.move_to(MONDAY)
    await work(system)
    assert await runs(system) == []
    async with system.parts.database.transaction() as session:
        logged = await session.scalars(
            text(
                "SELECT details->>'at' FROM audit_entry WHERE action = 'nightly_schedule.set'"
                " ORDER BY id"
            )
        )
        assert list(logged) == ["17:30", None]


async def test_a_schedule_is_set_and_read_over_the_api(system: System, now: FrozenClock) -> None:
    office, path = await finance_office(system), "/api/v1/nightly-schedules"
    account, agency = system.body.collection_code, system.body.agency_code

    async def asked(**wanted: object) -> httpx2.Response:
        body = {"valid_from": "2026-11-27", "at": "17:30"} | wanted
        return await office.post("/nightly-schedules", body)

    for wrong, field in (
        ({}, "body"),
        ({"account": account, "agency": agency}, "body"),
        ({"account": account, "at": "24:00"}, "at"),
        ({"account": account, "at": "15:59"}, "at"),
        ({"account": account, "valid_from": "2026-11-26"}, "valid_from"),
    ):
        told = problem(await asked(**wrong), 422)["errors"]
        assert [one["field"] for one in told] == [field], told
    made = await asked(agency=agency)
    assert made.status_code == 201, made.text
    problem(await asked(agency=agency), 409, "schedule_stands")
    ended = (await asked(account=account, at=None, valid_from="2026-11-30")).json()
    assert (ended["account"], ended["at"]) == (account, None)
    listed = (await system.office.get(path)).json()["items"]
    assert listed == [made.json(), ended]
    assert listed[0]["at"] == "17:30"
    assert listed[0]["created_by"].startswith("staff:")
    clerk = await key_of_person(system, "clerk")
    key = {"Idempotency-Key": new_id("k")}
    problem(await system.browser.post(path, headers=clerk | key, json={}), 403)
    async with neighbour_of(system) as other:
        theirs = await key_of_person(system, "finance", agency_id=other.agency_id)
        assert (await system.browser.get(path, headers=theirs)).json()["items"] == []
    now.move_to(MONDAY)
    # The account's own wins as soon as there is one: of no day before it begins is there a night.
    await work(system)
    assert await runs(system) == []


async def test_a_day_that_was_closed_before_its_night_is_left_alone(
    system: System, now: FrozenClock
) -> None:
    await schedule(system, own=True)
    now.move_to(MONDAY)
    account = await account_of(system)
    run = await reconcile(system.parts.reconciling, account, date(2026, 11, 28), actor="test")
    async with system.parts.database.transaction() as session:
        await session.execute(
            text("INSERT INTO closed_day VALUES (:account, '2026-11-28', :run, now())"),
            {"account": account.id, "run": run},
        )
    assert await work(system) == 3
    assert await runs(system) == [(date(2026, 11, 29), "done")]


@pytest.mark.parametrize(
    ("at", "due"),
    [
        (datetime(2027, 2, 3, 23, 59, tzinfo=VIETNAM), [1, 2]),
        # Tết of 2027: what came from Wednesday on is due when offices open again.
        (datetime(2027, 2, 10, 15, 59, tzinfo=VIETNAM), [1, 2]),
    ],
)
def test_over_tet_nothing_is_due_before_offices_open(at: datetime, due: list[int]) -> None:
    times = [ScheduledTime(date(2027, 2, 1), EVENING)]
    found = list(due_days("a", time(16, 0), times, national(), at))
    assert [day.business_on.day for day in found] == due


def test_a_time_before_a_later_cut_off_waits_for_it() -> None:
    times = [ScheduledTime(date(2026, 11, 24), time(16, 30))]
    at = datetime(2026, 11, 25, 17, 0, tzinfo=VIETNAM)
    assert len(list(due_days("a", time(16, 0), times, national(), at))) == 1
    assert list(due_days("a", time(18, 0), times, national(), at)) == []
