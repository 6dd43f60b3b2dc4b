"""Months that open by themselves: on their day, once, again where stopped, or not at all."""

import asyncio
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import text

from core import clock
from core.crypto import Cipher
from core.db import Database
from core.sessions import WriteSession
from payments.billing import months
from payments.billing.markets import get_market
from payments.billing.months import TURN, list_due_months, open_due_months
from payments.billing.periods import period_of
from payments.billing.runs import begin_run, run_billing
from payments.billing.setting_up import schedule_market
from tests.support.markets import ACTOR, MarketStalls, lay_out

CIPHER = Cipher(b"c" * 32)


def at(local: str) -> datetime:
    """A moment in Vietnam."""
    return datetime.fromisoformat(f"{local}:00+07:00")


async def laid_out(database: Database, *, itself: bool = True) -> MarketStalls:
    laid = await lay_out(database, CIPHER, count=4, first_on=date(2026, 1, 1))
    async with database.transaction() as session:
        await schedule_market(session, laid.market, opens_itself=itself, actor=ACTOR)
    return laid


async def runs(database: Database) -> list[tuple[str, str, int]]:
    """Each run's period and state, and how many bills it has."""
    async with database.transaction() as session:
        found = await session.execute(
            text(
                "SELECT r.period, r.state, count(DISTINCT c.bill_id) FROM billing_run r"
                " LEFT JOIN charge c ON c.run_id = r.id GROUP BY r.id ORDER BY r.period"
            )
        )
        return [(row[0], row[1], row[2]) for row in found]


async def begun(database: Database) -> int:
    """How often a run was begun or taken up."""
    async with database.transaction() as session:
        wanted = text("SELECT count(*) FROM audit_entry WHERE action = 'billing_run.started'")
        return int((await session.execute(wanted)).scalar_one())


async def open_all(database: Database) -> int:
    done = 0
    while await open_due_months(database, CIPHER):
        done += 1
        assert done < 10
    return done


async def test_a_month_opens_on_its_day_and_once(database: Database) -> None:
    with clock.frozen(at("2026-11-20T09:00")) as now:
        await laid_out(database)
        # It was set up after November's day: people bill that, as they like.
        assert await open_all(database) == 0
        now.move_to(at("2026-12-01T00:01"))
        assert await open_all(database) == 1
        assert await runs(database) == [("2026-12", "done", 4)]
        now.move_to(at("2026-12-31T23:00"))
        assert await open_all(database) == 0
        assert await begun(database) == 1
        # A worker that slept for days opens it late, and not when the month is over.
        now.move_to(at("2027-01-20T09:00"))
        assert await open_all(database) == 1
    assert [one[0] for one in await runs(database)] == ["2026-12", "2027-01"]


async def test_who_opened_it_and_until_when_it_is_due_are_in_the_run(database: Database) -> None:
    with clock.frozen(at("2026-11-20T09:00")) as now:
        laid = await laid_out(database)
        async with database.transaction() as session:
            market = await get_market(session, laid.market.id)
            await schedule_market(session, market, opening_day=25, actor=ACTOR)
        now.move_to(at("2026-11-25T08:00"))
        await open_all(database)
    async with database.transaction() as session:
        row = (
            await session.execute(
                text("SELECT period, opened_on, due_on, started_by FROM billing_run")
            )
        ).one()
    assert tuple(row) == ("2026-12", date(2026, 11, 25), date(2026, 12, 15), months.ACTOR)


async def test_two_workers_do_the_work_of_one(database: Database) -> None:
    with clock.frozen(at("2026-11-20T09:00")) as now:
        await laid_out(database)
        now.move_to(at("2026-12-01T08:00"))
        await asyncio.gather(*(open_due_months(database, CIPHER) for _ in range(3)))
    assert await runs(database) == [("2026-12", "done", 4)]
    assert await begun(database) == 1


async def test_workers_that_take_no_turns_are_caught(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: each begins the run, and nobody is billed twice all the same."""

    async def always(_: WriteSession, market_id: str) -> bool:
        await both.wait()
        return bool(market_id)

    both = asyncio.Barrier(2)
    monkeypatch.setattr(months, "_take_turn", always)
    with clock.frozen(at("2026-11-20T09:00")) as now:
        await laid_out(database)
        now.move_to(at("2026-12-01T08:00"))
        await asyncio.gather(*(open_due_months(database, CIPHER) for _ in range(2)))
    assert await begun(database) == 2
    assert await runs(database) == [("2026-12", "done", 4)]


async def test_a_run_that_was_stopped_is_gone_on_with_when_its_turn_is_over(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """What ends a worker."""

    async def killed(*given: object, **more: object) -> None:
        await whole(*given, **(more | {"tell": stop}))  # type: ignore[arg-type]

    def stop(done: int, of: int) -> None:
        raise Killed

    whole = run_billing
    with clock.frozen(at("2026-11-20T09:00")) as now:
        await laid_out(database)
        now.move_to(at("2026-12-01T08:00"))
        with monkeypatch.context() as patch:
            patch.setattr(months, "run_billing", killed)
            with pytest.raises(Killed):
                await open_due_months(database, CIPHER)
        assert [one[:2] for one in await runs(database)] == [("2026-12", "running")]
        assert await open_all(database) == 0
        now.advance(TURN)
        assert await open_all(database) == 1
        assert await runs(database) == [("2026-12", "done", 4)]


async def test_a_market_that_fails_holds_no_other_up(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(*given: object, **more: object) -> object:
        if len(tried) == 0:
            tried.append(given)
            raise ZeroDivisionError
        return await whole(*given, **more)  # type: ignore[arg-type]

    tried: list[object] = []
    whole = run_billing
    monkeypatch.setattr(months, "run_billing", failing)
    with clock.frozen(at("2026-11-20T09:00")) as now:
        await laid_out(database)
        laid = await lay_out(database, CIPHER, count=1, code="cho-2", first_on=date(2026, 1, 1))
        async with database.transaction() as session:
            await schedule_market(session, laid.market, opens_itself=True, actor=ACTOR)
        now.move_to(at("2026-12-01T08:00"))
        assert await open_all(database) == 2
        assert len(await runs(database)) == 1
        now.advance(TURN)
        assert await open_all(database) == 1
    assert [one[1] for one in await runs(database)] == ["done", "done"]


async def test_a_market_that_is_switched_off_is_billed_by_people(database: Database) -> None:
    with clock.frozen(at("2026-11-20T09:00")) as now:
        laid = await laid_out(database)
        async with database.transaction() as session:
            market = await get_market(session, laid.market.id)
            assert market.opens_itself
            await schedule_market(session, market, opens_itself=False, actor=ACTOR)
            assert not (await get_market(session, laid.market.id)).opens_itself
        now.move_to(at("2026-12-01T08:00"))
        assert await open_all(database) == 0
        # Switched on after its day, it does not open that month.
        async with database.transaction() as session:
            market = await get_market(session, laid.market.id)
            await schedule_market(session, market, opens_itself=True, actor=ACTOR)
        now.advance(timedelta(days=3))
        assert await open_all(database) == 0


async def test_the_same_opening_day_told_again_puts_no_month_off(database: Database) -> None:
    """As whoever changes the days of reminders does, and sends all there is of the market."""
    with clock.frozen(at("2026-11-20T09:00")) as now:
        laid = await laid_out(database)
        now.move_to(at("2026-12-01T00:00"))
        async with database.transaction() as session:
            market = await get_market(session, laid.market.id)
            await schedule_market(session, market, opening_day=1, reminder_days=[7], actor=ACTOR)
            assert (await get_market(session, market.id)).reminder_days == [7]
        assert await open_all(database) == 1
    assert await runs(database) == [("2026-12", "done", 4)]


@pytest.mark.parametrize(
    ("old", "changed_at", "new", "opened"),
    [
        (10, "2026-12-07T09:00", 5, ["2026-12"]),
        (1, "2026-11-25T09:00", 20, ["2026-12"]),
        (1, "2026-12-02T09:00", 2, ["2026-12"]),
        # What was to be opened before it was switched on stays with people.
        (1, "2026-11-20T10:00", 15, []),
        (10, "2026-11-20T10:00", 15, []),
    ],
)
async def test_another_opening_day_passes_over_no_month(
    database: Database, old: int, changed_at: str, new: int, opened: list[str]
) -> None:
    with clock.frozen(at("2026-11-20T09:00")) as now:
        laid = await laid_out(database)
        for moment, day in (("2026-11-20T09:30", old), (changed_at, new)):
            now.move_to(at(moment))
            async with database.transaction() as session:
                market = await get_market(session, laid.market.id)
                await schedule_market(session, market, opening_day=day, actor=ACTOR)
        await open_all(database)
    assert [one[0] for one in await runs(database)] == opened


async def test_what_a_person_has_begun_is_theirs(database: Database) -> None:
    with clock.frozen(at("2026-11-20T09:00")) as now:
        laid = await laid_out(database)
        now.move_to(at("2026-12-01T08:00"))
        async with database.transaction() as session:
            december = period_of("month", "2026-12")
            await begin_run(session, laid.market, december, actor="user:ke-toan")
        assert await open_all(database) == 0
        async with database.transaction() as session:
            assert await list_due_months(session) == []
