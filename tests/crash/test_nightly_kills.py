"""SIGKILL of the worker while it reconciles by night: no night is lost, none is worked twice."""

import asyncio
import time
from datetime import timedelta
from typing import Any

import pytest

from app.seed.agency import DEMO_ACCOUNT
from core import clock
from core.calendar import national
from core.failpoints import FAILPOINTS
from core.ids import new_id
from reconciliation.days.nights import ScheduledTime, due_days
from tests.crash.harness import CrashSystem, kept
from tests.crash.payer import Payer

OF_NIGHTS = [point.name for point in FAILPOINTS if point.name.startswith("nightly.")]
#: How long all nights may take, in seconds.
PATIENCE = 240.0
#: Where a worker is killed while it reconciles by night.
PLACES = (*OF_NIGHTS, "run.before_commit", "run.after_commit")
#: Processes start anew in these, on a machine that may be busy.
pytestmark = pytest.mark.timeout(400)


def ask(system: CrashSystem, statement: str, *values: object) -> list[tuple[Any, ...]]:
    with system.ground.server.connect(system.database) as connection:
        answered = connection.execute(statement, list(values))
        return answered.fetchall() if answered.description else []


def schedule(system: CrashSystem, missed: int) -> int:
    """A schedule of before, of which nobody has worked the nights; how many are due.

    As many as were missed or more, whatever day and season it is.
    """
    named = "SELECT id, agency_id, cut_off FROM collection_account WHERE account_number = %s"
    ((account, agency, cut_off),) = ask(system, named, DEMO_ACCOUNT)
    first, due = clock.business_date(clock.now()), 0
    while due < missed:
        first -= timedelta(days=1)
        times = [ScheduledTime(first, cut_off)]
        due = len(list(due_days(account, cut_off, times, national(), clock.now())))
    ask(
        system,
        "INSERT INTO nightly_schedule VALUES (%s, %s, %s, %s, %s, 'test', now())",
        *(new_id("nightly"), agency, account, first, cut_off),
    )
    return due


async def all_nights(system: CrashSystem, due: int) -> None:
    """Wait until each is done; a night whose worker was killed is taken to be silent at once."""
    deadline = time.monotonic() + PATIENCE
    done = "SELECT count(*) FROM nightly_run WHERE state = 'done'"
    with system.ground.server.connect(system.database) as connection:
        while connection.execute(done).fetchone() != (due,):
            assert time.monotonic() < deadline, ask(system, "SELECT state, tries FROM nightly_run")
            if system.dead:
                connection.execute(
                    "UPDATE nightly_run SET beat_at = beat_at - interval '5 minutes'"
                    " WHERE state = 'running' AND beat_at < now() - interval '1 second'"
                )
            await asyncio.sleep(0.09)


def faults(system: CrashSystem) -> list[tuple[Any, ...]]:
    """Nights without a run of their own, and days that were run by night more than once."""
    return ask(
        system,
        "SELECT n.business_on, n.state, count(r.id) FROM nightly_run n"
        " LEFT JOIN reconciliation r ON r.collection_account_id = n.collection_account_id"
        " AND r.business_on = n.business_on AND r.created_by = 'system:nightly'"
        " GROUP BY n.collection_account_id, n.business_on"
        " HAVING count(r.id) <> 1 OR bool_or(n.reconciliation_id IS DISTINCT FROM r.id)",
    )


async def test_a_kill_at_any_place_loses_no_night_and_doubles_none(system: CrashSystem) -> None:
    """One worker is killed at each place, each in its place at the next, and the last goes on."""
    due = schedule(system, missed=len(PLACES) + 1)
    first, *others = PLACES
    await system.open(f"{first}=kill:2", *(f"{name}=kill:1" for name in others))
    async with kept(system):
        await Payer(system).pay_by_transfer()
        await all_nights(system, due)
    system.assert_killed(*["worker"] * len(PLACES))
    assert faults(system) == []


async def test_a_night_that_is_done_before_its_run_is_caught(system: CrashSystem) -> None:
    """The negative control: killed in between, the night is lost."""
    due = schedule(system, missed=2)
    await system.open("run.before_commit=kill:1", variant="night_done_before_run")
    async with kept(system):
        await system.until_dead("worker")
        await all_nights(system, due)
    assert faults(system)
