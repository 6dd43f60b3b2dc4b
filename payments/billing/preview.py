"""What a run would bill, before anybody runs it, and how that differs from the run before it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import BigInteger, cast, func
from sqlmodel import col

from core import clock
from core.sessions import ReadSession
from core.statements import values_of
from payments.billing.batches import BATCH, price_batch, read_run_rules
from payments.billing.charging import BillingProblem
from payments.billing.loading import MarketValue
from payments.billing.models import BillingRun, Stall, StallCharge
from payments.billing.periods import Period

#: How many stalls of a difference are named, the largest ones first.
MOST_DIFFERENCES = 100


@dataclass(frozen=True, slots=True)
class PreviewSum:
    """Charges of one kind: how many, what would be owed, what is let off."""

    kind: str
    count: int
    amount: int
    waived: int


@dataclass(frozen=True, slots=True)
class StallDifference:
    """What a stall owed in the run before, and would owe in this one."""

    stall: str
    before: int
    now: int


@dataclass(frozen=True, slots=True)
class RunPreview:
    """What a run would add: counts, sums in đồng, problems, and differences to the run before it.

    `against` is that run's period, None where there is none of that kind.
    """

    period: str
    stalls: int
    bills: int
    amount: int
    sums: list[PreviewSum]
    against: str | None
    amount_before: int
    differing: int
    differences: list[StallDifference]
    problems: list[BillingProblem]


@dataclass(frozen=True, slots=True)
class _RunBefore:
    id: str
    period: str


@dataclass(frozen=True, slots=True)
class _StallSum:
    stall: str
    amount: int


async def preview_run(
    session: ReadSession,
    market: MarketValue,
    period: Period,
    *,
    readings_until: date | None = None,
) -> RunPreview:
    """Compute all that a run of the period would bill now; nothing is written."""
    until = readings_until or clock.business_date(clock.now())
    rules = await read_run_rules(session, market, period, until)
    amounts: Counter[str] = Counter()
    sums: dict[str, list[int]] = {}
    contracts: set[str] = set()
    problems: list[BillingProblem] = []
    stalls, after = 0, ""
    while True:
        priced = await price_batch(session, rules, after=after)
        stalls += len(priced.stalls)
        problems += priced.problems
        for stall, charge in priced.charges:
            amounts[stall] += charge.amount
            of_kind = sums.setdefault(charge.kind.partition(":")[0], [0, 0, 0])
            for place, part in enumerate((1, charge.amount, charge.waived)):
                of_kind[place] += part
            if charge.amount:
                contracts.add(charge.contract.id)
        if len(priced.stalls) < BATCH:
            break
        after = priced.stalls[-1].id
    against, before = await _before(session, market.id, period)
    differences = sorted(
        (
            StallDifference(stall, before.get(stall, 0), amounts[stall])
            for stall in before.keys() | amounts.keys()
            if before.get(stall, 0) != amounts[stall]
        ),
        key=lambda one: (-abs(one.now - one.before), one.stall),
    )
    return RunPreview(
        period=period.name,
        stalls=stalls,
        bills=len(contracts),
        amount=sum(amounts.values()),
        sums=[PreviewSum(kind, *of_kind) for kind, of_kind in sorted(sums.items())],
        against=against,
        amount_before=sum(before.values()),
        differing=len(differences),
        differences=differences[:MOST_DIFFERENCES],
        problems=problems,
    )


async def _before(
    session: ReadSession, market_id: str, period: Period
) -> tuple[str | None, Mapping[str, int]]:
    """The period of the last run of that kind before this one, and what each stall owed in it."""
    run = BillingRun
    last = await session.first(
        values_of(_RunBefore, run)
        .where(
            col(run.market_id) == market_id,
            col(run.kind) == period.kind,
            col(run.last_on) < period.first,
        )
        .order_by(col(run.last_on).desc())
        .limit(1)
    )
    if last is None:
        return None, {}
    charge = StallCharge
    found = await session.all(
        values_of(
            _StallSum,
            charge,
            stall=col(Stall.code),
            amount=cast(func.sum(charge.amount), BigInteger),
        )
        .join(Stall, col(Stall.id) == col(charge.stall_id))
        .where(col(charge.run_id) == last.id, col(charge.voided_at).is_(None))
        .group_by(col(Stall.code))
    )
    return last.period, {one.stall: one.amount for one in found}
