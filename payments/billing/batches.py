"""One batch of a billing run: what its stalls owe and has not been billed, computed and written."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from sqlalchemy import exists, func, update
from sqlmodel import col, select

from core import clock, failpoints
from core.crypto import Cipher
from core.errors import Conflict
from core.json import loads
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.billing.charging import (
    BillingProblem,
    DatedWaiver,
    NewCharge,
    PriceList,
    StallFacts,
    charges_of,
)
from payments.billing.credit.commands import tell_of_credit
from payments.billing.loading import (
    MarketValue,
    among,
    find_billed,
    load_prices,
    load_stalls,
    load_waivers,
)
from payments.billing.markets import get_market, lock_market
from payments.billing.models import BillingRun, Market, Stall, StallCharge
from payments.billing.periods import Period, period_of
from payments.billing.writing import (
    OwedCharges,
    RunFacts,
    VendorData,
    write_bills,
    write_charges,
)
from payments.bills.models import Bill, PayerData

#: How many stalls are billed in one transaction.
BATCH = 2_000


class NoSuchRun(Conflict):
    """The run of that name is not there any more, or never was."""

    code = "no_such_run"


@dataclass(frozen=True, slots=True)
class RunState:
    """A billing run as it stands."""

    id: str
    market_id: str
    agency_id: str
    kind: str
    period: str
    opened_on: date
    due_on: date
    readings_until: date
    state: str


@dataclass(frozen=True, slots=True)
class BilledBatch:
    """What a batch did: the last stall it looked at ("" at the end), and counts."""

    upto: str
    stalls: int
    bills: int
    charges: int
    #: what it went by, for the next one
    prices: PriceList
    problems: list[BillingProblem]


@dataclass(frozen=True, slots=True)
class PricedBatch:
    """The charges of some stalls that are not billed yet, and what could not be priced."""

    stalls: Sequence[StallFacts]
    charges: list[tuple[str, NewCharge]]
    problems: list[BillingProblem]


@dataclass(frozen=True, slots=True)
class RunRules:
    """What all batches of a run go by, read once."""

    market: MarketValue
    period: Period
    prices: PriceList
    waivers: Sequence[DatedWaiver]
    readings_until: date


@dataclass(frozen=True, slots=True)
class _SealedVendor:
    subject_id: str
    data: bytes
    name_hash: str | None


RUNS = values_of(RunState, BillingRun, Market).join(
    Market, col(Market.id) == col(BillingRun.market_id)
)


async def read_run_rules(
    session: ReadSession,
    market: MarketValue,
    period: Period,
    readings_until: date,
    prices: PriceList | None = None,
) -> RunRules:
    """The tariffs and waivers that a run goes by; the tariffs are `prices` where they are known."""
    if prices is None:
        prices = await load_prices(session, market, max(period.last, readings_until))
    waivers = await load_waivers(session, market.id, period)
    return RunRules(market, period, prices, waivers, readings_until)


async def price_batch(
    session: ReadSession,
    rules: RunRules,
    *,
    after: str,
    limit: int = BATCH,
    only: Collection[str] | None = None,
) -> PricedBatch:
    """What the next stalls owe for a period and is not billed yet."""
    stalls = await load_stalls(
        session,
        rules.market,
        after=after,
        limit=limit,
        until=max(rules.period.last, rules.readings_until),
        only=only,
    )
    held = [contract.id for stall in stalls for contract in stall.contracts]
    billed = await find_billed(session, held, rules.period.name)
    charges: list[tuple[str, NewCharge]] = []
    problems: list[BillingProblem] = []
    for stall in stalls:
        made, missed = charges_of(
            stall, rules.prices, rules.waivers, rules.period, rules.readings_until
        )
        charges += [(stall.code, one) for one in made if (one.contract.id, one.kind) not in billed]
        problems += missed
    return PricedBatch(stalls, charges, problems)


async def bill_batch(
    session: WriteSession,
    run_id: str,
    cipher: Cipher,
    *,
    after: str,
    actor: str,
    limit: int = BATCH,
    prices: PriceList | None = None,
    only: Collection[str] | None = None,
) -> BilledBatch:
    """Bill the next stalls of a run in the caller's transaction; what is billed stays as it is.

    `prices` are those that the batch before went by: while there is a run, no tariff of its days
    begins. Raises `NoSuchRun`.
    """
    run = await session.first(RUNS.where(BillingRun.id == run_id))
    if run is None:
        raise NoSuchRun("Không có đợt lập khoản thu này.")
    await lock_market(session, run.market_id)
    market = await get_market(session, run.market_id)
    period = period_of(run.kind, run.period)  # type: ignore[arg-type]  # a CHECK keeps to these
    rules = await read_run_rules(session, market, period, run.readings_until, prices)
    stalls = await _next_stalls(session, market.id, after, limit, only)
    await _free_withdrawn(session, run_id, stalls)
    priced = await price_batch(session, rules, after="", limit=len(stalls), only=stalls)
    facts = RunFacts(
        run_id=run.id,
        agency_id=run.agency_id,
        period=run.period,
        opened_on=run.opened_on,
        due_on=run.due_on,
        market=market.code,
    )
    owed = _by_contract(priced.charges)
    of = {one.charges[0].contract.vendor_id for one in owed}
    vendors = await _vendors(session, of, cipher)
    bills = await write_bills(session, facts, owed, vendors, cipher, actor=actor)
    charges = await write_charges(session, facts, owed, bills)
    await tell_of_credit(session, stalls)
    failpoints.hit("billing.before_commit")
    upto = stalls[-1] if len(stalls) == limit else ""
    return BilledBatch(upto, len(stalls), len(bills), charges, rules.prices, priced.problems)


async def _next_stalls(
    session: ReadSession,
    market_id: str,
    after: str,
    limit: int,
    only: Collection[str] | None,
) -> list[str]:
    wanted = select(Stall.id).where(col(Stall.market_id) == market_id, col(Stall.id) > after)
    if only is not None:
        wanted = wanted.where(among(Stall.id, only))
    return await session.all(wanted.order_by(col(Stall.id)).limit(limit))


def _by_contract(charges: Sequence[tuple[str, NewCharge]]) -> list[OwedCharges]:
    """What each contract owes, in the order in which it is paid."""
    ordered = sorted(charges, key=lambda one: (one[1].contract.id, one[1].priority, one[1].kind))
    return [
        OwedCharges(listed[0][0], [charge for _, charge in listed])
        for listed in (
            list(group) for _, group in groupby(ordered, key=lambda one: one[1].contract.id)
        )
    ]


async def _free_withdrawn(session: WriteSession, run_id: str, stall_ids: Collection[str]) -> None:
    """Charges whose bill was withdrawn stand no more: they are billed anew."""
    withdrawn = exists().where(
        col(Bill.id) == col(StallCharge.bill_id), col(Bill.status) == "cancelled"
    )
    await session.write(
        update(StallCharge)
        .where(
            col(StallCharge.run_id) == run_id,
            among(StallCharge.stall_id, stall_ids),
            col(StallCharge.voided_at).is_(None),
            withdrawn,
        )
        .values(voided_at=clock.now())
    )


async def _vendors(
    session: ReadSession, vendor_ids: Collection[str], cipher: Cipher
) -> dict[str, VendorData]:
    """The personal data of vendors, open: it goes onto their bills, sealed anew."""
    found = await session.all(
        values_of(_SealedVendor, PayerData).where(among(PayerData.subject_id, vendor_ids))
    )
    return {
        one.subject_id: VendorData(opened_vendor(cipher, one.subject_id, one.data), one.name_hash)
        for one in found
    }


def opened_vendor(cipher: Cipher, vendor_id: str, sealed: bytes) -> dict[str, str]:
    """A vendor's personal data: `name`, and `phone` and `payer_tax_number` where they are known."""
    said = loads(cipher.decrypt(sealed, f"payer:{vendor_id}"))
    return {str(name): str(value) for name, value in said.items()} if isinstance(said, dict) else {}


async def count_stalls(session: ReadSession, market_id: str) -> int:
    """How many stalls a market has."""
    wanted = select(func.count()).select_from(Stall).where(col(Stall.market_id) == market_id)
    return await session.one(wanted)
