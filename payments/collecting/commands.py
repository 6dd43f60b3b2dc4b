"""Writing down what a collector did: each action once, whatever becomes of the network meanwhile.

The phone makes an action's id. The same id with the same content has the same answer, however
often it comes; with another content it is refused, and what came first stands. Cash is kept
whatever else is wrong with it: it lies in somebody's bag. What the collector could not know, for
another was there meanwhile, is a `conflict` that is told and overwrites nothing.

Commands take a session and never commit; each action is a transaction of its own.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import insert
from sqlmodel import col, select

from core import audit, clock
from core.crypto import Cipher
from core.errors import Invalid, NotFound
from core.json import canonical
from core.name_locks import lock_names
from core.sessions import WriteSession
from core.statements import values_of
from payments.agencies.queries import find_agency
from payments.billing.commands import record_reading
from payments.billing.contracts import ReadingBilled
from payments.billing.credit.queries import holder_on, list_holdings
from payments.billing.dues.queries import VendorStall, list_owed, sum_credit
from payments.billing.loading import MarketValue
from payments.billing.markets import get_market
from payments.billing.models import MeterReadingRow
from payments.bills.create import create_bill_within
from payments.bills.locks import lock_bill
from payments.books.cash import NewCash, take_bill_cash, take_stall_cash
from payments.collecting.blocks import find_number_fault
from payments.collecting.collectors import Collector
from payments.collecting.models import CollectedAction
from payments.collecting.queries import find_own_stall
from payments.collecting.schemas import (
    CashActionIn,
    ReadingActionIn,
    TicketActionIn,
    VisitActionIn,
    VoidActionIn,
    WalkActionIn,
)
from payments.collecting.tickets import find_rate, ticket_request

#: What a phone says that it did longer ago than this, or ahead of now, counts from when it came.
_OLDEST: Final = timedelta(days=31)
#: So much a phone's clock may go ahead before anybody is told.
_AHEAD: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class ActionAnswer:
    """What became of an action; see `CollectedAction`. `reason` are codes with spaces between.

    `again` says that it had come before; `figures` are what goes with the reason, in đồng.
    """

    id: str
    outcome: str
    reason: str = ""
    figures: dict[str, Any] = field(default_factory=dict)
    again: bool = False


@dataclass(frozen=True, slots=True)
class _KnownAction:
    """An action that was written down before."""

    told_hash: str
    collector_id: str
    outcome: str
    reason: str
    figures: dict[str, Any]


@dataclass(slots=True)
class _Outcome:
    """What an action has come to, as it is being worked out; `refused` where nothing was done."""

    refused: bool = False
    reasons: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    number: int | None = None
    stall_id: str | None = None
    market_id: str | None = None
    payment_id: str | None = None
    bill_id: str | None = None

    def refuse(self, reason: str) -> "_Outcome":
        """Nothing can be done by it, and why."""
        self.refused = True
        self.reasons.append(reason)
        return self

    @property
    def name(self) -> str:
        """As it is written down."""
        if self.refused:
            return "refused"
        return "conflict" if self.reasons else "taken"


async def take_action(
    session: WriteSession, who: Collector, action: WalkActionIn, *, cipher: Cipher
) -> ActionAnswer:
    """Write an action down and do what it says, once; the answer, now or when it came first."""
    await lock_names(session, f"collect:{action.id}")
    told = action.model_dump(mode="json")
    told_hash = sha256(canonical(told)).hexdigest()
    known = await session.first(
        values_of(_KnownAction, CollectedAction).where(col(CollectedAction.id) == action.id)
    )
    if known is not None:
        if (known.told_hash, known.collector_id) != (told_hash, who.staff_id):
            return ActionAnswer(action.id, "refused", "other_content")
        return ActionAnswer(action.id, known.outcome, known.reason, known.figures, again=True)
    now = clock.now()
    done = await _do(session, who, action, now, cipher)
    row = {
        "id": action.id,
        "agency_id": who.agency_id,
        "collector_id": who.staff_id,
        "device": action.device,
        "kind": action.kind,
        "stall_id": done.stall_id,
        "market_id": done.market_id,
        "amount": action.amount if isinstance(action, CashActionIn | TicketActionIn) else None,
        "number": done.number,
        "told": told,
        "told_hash": told_hash,
        "done_at": action.at,
        "received_at": now,
        "outcome": done.name,
        "reason": " ".join(done.reasons),
        "figures": done.figures,
        "payment_id": done.payment_id,
        "bill_id": done.bill_id,
    }
    await session.write(insert(CollectedAction), row)
    noted = {"kind": action.kind, "outcome": done.name, "reason": row["reason"]}
    await audit.record(
        session, actor=who.actor, action="collecting.done", object_id=action.id, details=noted
    )
    return ActionAnswer(action.id, done.name, str(row["reason"]), done.figures)


async def _do(
    session: WriteSession, who: Collector, action: WalkActionIn, now: datetime, cipher: Cipher
) -> _Outcome:
    if isinstance(action, CashActionIn):
        return await _cash(session, who, action, now)
    if isinstance(action, TicketActionIn):
        return await _ticket(session, who, action, now, cipher)
    if isinstance(action, ReadingActionIn):
        return await _reading(session, who, action)
    if isinstance(action, VisitActionIn):
        found = await find_own_stall(session, action.stall, who.agency_ids)
        return _Outcome().refuse("unknown_stall") if found is None else _Outcome(stall_id=found.id)
    return await _void(session, who, action)


async def _cash(
    session: WriteSession, who: Collector, action: CashActionIn, now: datetime
) -> _Outcome:
    """Cash for a stall: it pays what is owed there, and what nobody owes any more is credit."""
    done = _Outcome()
    slip = await _slip(session, who, action.id, action.device, action.number, done)
    stall = await find_own_stall(session, action.stall, who.agency_ids)
    if stall is None:
        return done.refuse("unknown_stall")
    done.stall_id = stall.id
    account_id = await _account_of(session, stall.agency_id)
    if account_id is None:
        return done.refuse("no_account")
    # Two who took cash here meanwhile are told of one another.
    await lock_names(session, f"collect:stall:{stall.id}")
    taken_at = _taken_at(action.at, now, done)
    await _compare(session, stall, action, taken_at, done)
    cash = NewCash(
        name=action.id,
        slip=slip,
        amount=action.amount,
        taken_at=taken_at,
        reference=stall.reference,
        agency_id=stall.agency_id,
        collection_account_id=account_id,
    )
    done.payment_id = await take_stall_cash(session, cash, actor=who.actor)
    return done


async def _compare(
    session: WriteSession,
    stall: VendorStall,
    action: CashActionIn,
    taken_at: datetime,
    done: _Outcome,
) -> None:
    """Say what the collector could not see: that less is owed by now than the phone's list said."""
    holdings = await list_holdings(session, [stall.reference])
    holder = holder_on(holdings, clock.business_date(taken_at))
    if holder is None:
        done.reasons.append("nobody_holds")
        done.figures |= {"kept": action.amount}
        return
    owed = sum(bill.missing for bill in await list_owed(session, holder))
    waiting = await sum_credit(session, holdings, holder.vendor_id)
    owed = max(owed - waiting, 0)
    kept = max(action.amount - owed, 0)
    done.figures |= {"owed": owed, "kept": kept}
    if kept and owed < action.owed:
        done.reasons.append("paid_meanwhile")


async def _ticket(
    session: WriteSession,
    who: Collector,
    action: TicketActionIn,
    now: datetime,
    cipher: Cipher,
) -> _Outcome:
    """Tickets: a bill of their own, which the cash settles at once."""
    done = _Outcome()
    slip = await _slip(session, who, action.id, action.device, action.number, done)
    market = await _find_market(session, who, action.market)
    if market is None:
        return done.refuse("unknown_market")
    done.market_id = market.id
    account_id = await _account_of(session, market.agency_id)
    if account_id is None:
        return done.refuse("no_account")
    taken_at = _taken_at(action.at, now, done)
    on = clock.business_date(taken_at)
    rate = await find_rate(session, market.id, action.code, on)
    if rate is None:
        done.reasons.append("unknown_rate")
    elif rate.price * action.quantity != action.amount:
        done.reasons.append("other_price")
        done.figures |= {"asked": rate.price * action.quantity}
    request = ticket_request(market, rate, action.quantity, action.amount, on, slip)
    bill = await create_bill_within(session, request, actor=who.actor, cipher=cipher)
    cash = NewCash(
        name=action.id,
        slip=slip,
        amount=action.amount,
        taken_at=taken_at,
        reference=bill.reference,
        agency_id=market.agency_id,
        collection_account_id=account_id,
    )
    done.bill_id = bill.id
    locked = await lock_bill(session, bill.id)
    done.payment_id = await take_bill_cash(session, cash, locked, actor=who.actor)
    return done


async def _slip(
    session: WriteSession,
    who: Collector,
    action_id: str,
    device: str,
    number: int,
    done: _Outcome,
) -> str:
    """What the slip is called; a number that cannot be its own is told, and the money is kept."""
    fault = await find_number_fault(session, who, device, number)
    if fault is None:
        done.number = number
    else:
        done.reasons.append(fault)
        done.figures |= {"number": number}
    return f"{slip_name(number)}/{action_id[:8]}"


def slip_name(number: int) -> str:
    """What a slip's number is called on it: PT-000123."""
    return f"PT-{number:06d}"


def _taken_at(said: datetime, now: datetime, done: _Outcome) -> datetime:
    """When cash counts as taken: as the phone says, unless its clock must be wrong."""
    if not now - _OLDEST <= said <= now + _AHEAD:
        done.reasons.append("clock_off")
        return now
    return min(said, now)


async def _reading(session: WriteSession, who: Collector, action: ReadingActionIn) -> _Outcome:
    """What a meter shows; what somebody else has read on that day is not overwritten."""
    done = _Outcome()
    stall = await find_own_stall(session, action.stall, who.agency_ids)
    if stall is None:
        return done.refuse("unknown_stall")
    done.stall_id = stall.id
    await lock_names(session, f"collect:stall:{stall.id}")
    row = MeterReadingRow
    other = await session.first(
        select(row.shows).where(
            col(row.stall_id) == stall.id,
            col(row.meter) == action.meter,
            col(row.read_on) == action.read_on,
            col(row.voided_at).is_(None),
        )
    )
    if other is not None:
        if other == action.shows:
            return done
        done.figures |= {"shows": other}
        return done.refuse("read_already")
    try:
        await record_reading(
            session,
            stall.id,
            action.meter,
            action.read_on,
            action.shows,
            who.agency_ids,
            began_anew=action.began_anew,
            actor=who.actor,
        )
    except ReadingBilled:
        return done.refuse("reading_billed")
    except Invalid as error:
        backwards = any(one.code == "meter_backwards" for one in error.errors)
        return done.refuse("meter_backwards" if backwards else "read_in_future")
    return done


async def _void(session: WriteSession, who: Collector, action: VoidActionIn) -> _Outcome:
    done = _Outcome(figures={"number": action.number})
    fault = await find_number_fault(session, who, action.device, action.number)
    if fault is not None:
        return done.refuse(fault)
    done.number = action.number
    return done


async def _find_market(session: WriteSession, who: Collector, market: str) -> MarketValue | None:
    try:
        return await get_market(session, market, who.agency_ids)
    except NotFound:
        return None


async def _account_of(session: WriteSession, agency_id: str) -> str | None:
    agency = await find_agency(session, agency_id)
    return None if agency is None or agency.account is None else agency.account.id
