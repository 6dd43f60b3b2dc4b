"""Billing runs: begun, gone on with batch by batch, done; run again, they add what is missing.

A run holds no transaction open from one batch to the next: one that was killed is `running`, what
its batches committed is billed, and whoever runs it again bills the rest. A charge is billed once
for a contract, kind and period, which the database itself sees to.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from core import audit, clock, failpoints
from core.crypto import Cipher
from core.db import Database
from core.errors import FieldError, Invalid
from core.ids import new_id
from core.sessions import WriteSession
from payments.billing.batches import BATCH, BilledBatch, bill_batch, count_stalls
from payments.billing.charging import BillingProblem, PriceList
from payments.billing.loading import MarketValue
from payments.billing.markets import lock_market
from payments.billing.models import BillingRun
from payments.billing.periods import Period

#: Told how many stalls are done, and of how many.
Progress = Callable[[int, int], None]

#: How many problems a run keeps; the rest are counted.
MOST_PROBLEMS = 200


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What running did this time: counts of what was added, and all that could not be billed."""

    run_id: str
    stalls: int
    bills: int
    charges: int
    problems: list[BillingProblem]


def _untold(_done: int, _of: int) -> None:
    """Nobody wants to know how far a run is."""


async def begin_run(
    session: WriteSession,
    market: MarketValue,
    period: Period,
    *,
    actor: str,
    opened_on: date | None = None,
    readings_until: date | None = None,
) -> str:
    """Begin the run of a market and period, or take it up again; its id.

    What a first run has said of its days stays. Raises `Invalid` for a period that begins more than
    a month after it is opened: it would be billed by tariffs that may still change.
    """
    today = opened_on or clock.business_date(clock.now())
    if (period.first - today).days > 31:
        detail = "Kỳ này còn quá xa: chỉ lập trước nhiều nhất một tháng."
        raise Invalid(detail, errors=[FieldError("period", "out_of_range", detail)])
    await lock_market(session, market.id)
    row = {
        "id": new_id("brun"),
        "market_id": market.id,
        "kind": period.kind,
        "period": period.name,
        "first_on": period.first,
        "last_on": period.last,
        "opened_on": today,
        "due_on": period.due_on(market.due_day, today),
        "readings_until": readings_until or today,
        "state": "running",
        "started_by": actor,
        "created_at": clock.now(),
        "problems": [],
    }
    once = insert(BillingRun).on_conflict_do_nothing(index_elements=["market_id", "kind", "period"])
    first = await session.write(once, row)
    found: str = await session.one(
        select(BillingRun.id).where(
            BillingRun.market_id == market.id,
            BillingRun.kind == period.kind,
            BillingRun.period == period.name,
        )
    )
    if not first:
        again = update(BillingRun).where(col(BillingRun.id) == found)
        await session.write(again.values(state="running", finished_at=None))
    told = {"market": market.code, "period": period.name, "again": not first}
    action = "billing_run.started"
    await audit.record(session, actor=actor, action=action, object_id=found, details=told)
    return found


async def finish_run(session: WriteSession, outcome: RunOutcome, *, actor: str) -> None:
    """Say that a run is done, and what it could not bill."""
    kept = [asdict(one) for one in outcome.problems[:MOST_PROBLEMS]]
    await session.write(
        update(BillingRun)
        .where(col(BillingRun.id) == outcome.run_id)
        .values(state="done", finished_at=clock.now(), problems=kept)
    )
    told = {
        "bills": outcome.bills,
        "charges": outcome.charges,
        "problems": len(outcome.problems),
    }
    await audit.record(
        session,
        actor=actor,
        action="billing_run.finished",
        object_id=outcome.run_id,
        details=told,
    )


async def run_billing(
    database: Database,
    cipher: Cipher,
    market: MarketValue,
    period: Period,
    *,
    actor: str,
    opened_on: date | None = None,
    readings_until: date | None = None,
    tell: Progress = _untold,
    batch: int = BATCH,
) -> RunOutcome:
    """Bill a market for a period, in transactions of a batch each; may be killed and run again.

    Raises what `begin_run` does.
    """

    async def begin(session: WriteSession) -> str:
        return await begin_run(
            session,
            market,
            period,
            actor=actor,
            opened_on=opened_on,
            readings_until=readings_until,
        )

    run_id = await database.run(begin)
    return await go_on(database, cipher, market, run_id, actor=actor, tell=tell, batch=batch)


async def go_on(
    database: Database,
    cipher: Cipher,
    market: MarketValue,
    run_id: str,
    *,
    actor: str,
    tell: Progress = _untold,
    batch: int = BATCH,
) -> RunOutcome:
    """Bill all that is missing of a run of the market that was begun, and say that it is done."""
    async with database.reading() as session:
        of = await count_stalls(session, market.id)
    after, stalls, bills, charges = "", 0, 0, 0
    prices: PriceList | None = None
    problems: list[BillingProblem] = []
    while True:
        done = await _one_batch(database, cipher, run_id, after, actor, batch, prices)
        prices = done.prices
        stalls, bills, charges = stalls + done.stalls, bills + done.bills, charges + done.charges
        problems += done.problems
        tell(min(stalls, of), of)
        if not done.upto:
            break
        after = done.upto
        failpoints.hit("billing.after_batch")
    outcome = RunOutcome(run_id, stalls, bills, charges, problems)

    async def finish(session: WriteSession) -> None:
        await finish_run(session, outcome, actor=actor)

    await database.run(finish)
    return outcome


async def _one_batch(
    database: Database,
    cipher: Cipher,
    run_id: str,
    after: str,
    actor: str,
    batch: int,
    prices: PriceList | None,
) -> BilledBatch:
    async def work(session: WriteSession) -> BilledBatch:
        return await bill_batch(
            session, run_id, cipher, after=after, actor=actor, limit=batch, prices=prices
        )

    return await database.run(work)
