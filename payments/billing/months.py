"""Months that open by themselves: the worker begins a market's run on its opening day.

It is the run of `lephi billing run`, begun by the system. Whose turn it is, is written down for ten
minutes: who is killed within leaves a run that is `running`, and another takes it up then. Two at
once would do no harm, for a charge is billed once; they would only do the same work. What fails is
tried again when the turn is over.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Final

from sqlalchemy import update
from sqlmodel import col, or_, select

from core import clock
from core.clocks import MOST_APART
from core.crypto import Cipher
from core.db import Database, DatabaseUnavailable
from core.errors import LephiError
from core.log import get
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.billing.loading import MarketValue
from payments.billing.models import BillingRun, Market
from payments.billing.periods import Period, month_opened_by
from payments.billing.runs import run_billing

log = get(__name__)

#: Who opens months, as the audit log names them.
ACTOR: Final = "system:billing"
TURN: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class MonthToOpen:
    """A market's month whose opening day has come."""

    market: MarketValue
    period: Period


@dataclass(frozen=True, slots=True)
class _KnownRun:
    market_id: str
    period: str
    state: str
    started_by: str


async def open_due_months(database: Database, cipher: Cipher) -> int:
    """Open the month of one market that is due and free; 1 where there was one, else 0."""
    async with database.reading() as session:
        due = await list_due_months(session)
    for one in due:
        if await database.run(partial(_take_turn, market_id=one.market.id)):
            await _open(database, cipher, one)
            return 1
    return 0


async def list_due_months(session: ReadSession) -> list[MonthToOpen]:
    """The months whose opening day has come and that are not billed, while they last."""
    today = clock.business_date(clock.now())
    row = Market
    markets = await session.all(
        values_of(MarketValue, row)
        .where(col(row.opens_itself_from_on) <= today)
        .order_by(col(row.id))
    )
    runs = await session.all(
        values_of(_KnownRun, BillingRun).where(
            col(BillingRun.kind) == "month",
            col(BillingRun.market_id).in_([one.id for one in markets]),
            col(BillingRun.last_on) >= today,
        )
    )
    known = {(one.market_id, one.period): one for one in runs}
    return [
        MonthToOpen(market, period)
        for market in markets
        if (period := _due(market, today)) is not None
        and _is_open(known.get((market.id, period.name)))
    ]


def _due(market: MarketValue, today: date) -> Period | None:
    period, opened_on = month_opened_by(today, market.opening_day, market.due_day)
    since = market.opens_itself_from_on
    return period if since is not None and opened_on >= since and today <= period.last else None


def _is_open(run: _KnownRun | None) -> bool:
    """Whether there is something to do: no run yet, or one of ours that was stopped.

    What a person has begun and left, that person goes on with.
    """
    return run is None or (run.state == "running" and run.started_by == ACTOR)


async def _take_turn(session: WriteSession, market_id: str) -> bool:
    now, row = clock.now(), Market
    free = select(row.id).where(
        col(row.id) == market_id,
        or_(
            col(row.opening_until).is_(None),
            col(row.opening_until) <= now,
            # What a clock that was wrong has dated further ahead than we do holds nobody up.
            col(row.opening_until) > now + TURN + MOST_APART,
        ),
    )
    if not await session.lock_all(free, skip_locked=True):
        return False
    taken = update(row).where(col(row.id) == market_id)
    return await session.write(taken.values(opening_until=now + TURN)) > 0


async def _open(database: Database, cipher: Cipher, month: MonthToOpen) -> None:
    market, period = month.market, month.period
    try:
        done = await run_billing(database, cipher, market, period, actor=ACTOR)
    except DatabaseUnavailable:
        raise  # whoever comes when the turn is over takes it up
    except Exception as error:  # noqa: BLE001  whatever it is, other markets must go on
        reason = error.code if isinstance(error, LephiError) else type(error).__name__
        log.error("month not opened", market=market.code, period=period.name, reason=reason)
        return
    log.info("month opened", market=market.code, period=period.name, bills=done.bills)

    async def give_back(session: WriteSession) -> None:
        ended = update(Market).where(col(Market.id) == market.id)
        await session.write(ended.values(opening_until=None))

    await database.run(give_back)
