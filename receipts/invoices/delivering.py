"""Asks for invoices that are wanted, one at a time, with no transaction open.

An invoice is taken up in one transaction, asked for, and marked in another. Who is killed between
leaves one of which nobody knows: then the provider is asked which invoice there is of its key,
before it is asked for under that key again. So it is with a call that had no readable answer. It
stays `unknown` until the provider has said, however long that takes, and at the account at which it
may be: never is another one asked for. Where all of its money has gone back meanwhile the provider
is only asked: an invoice that was made is to be adjusted, one that was not is wanted no more.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import update
from sqlmodel import col, select

from core import audit, clock, failpoints
from core.clocks import ClocksDisagree, require_agreement
from core.db import DatabaseUnavailable
from core.log import get
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from receipts.invoice_calls import (
    AdjustedInvoice,
    InvoiceAnswer,
    InvoiceFate,
    InvoiceOrder,
    InvoiceParty,
)
from receipts.invoices.accounts import (
    OpenAccount,
    find_invoice_account,
    get_invoice_account,
)
from receipts.invoices.adjusting import AdjustedRow, get_adjusted, note_adjusted
from receipts.invoices.amounts import invoice_lines
from receipts.invoices.context import InvoiceContext
from receipts.invoices.models import Invoice
from receipts.invoices.ordering import ACTOR

log = get(__name__)

#: How long an invoice is one worker's; longer than the two calls that it makes at most.
LEASE: Final = timedelta(seconds=120)
#: How long one that nothing has become of is tried before it is set aside.
TRIED_FOR: Final = timedelta(days=1)
#: How long the others go first after a provider gave no answer.
RESTS: Final = timedelta(minutes=1)
_PAUSES: Final = tuple(timedelta(minutes=one) for one in (1, 5, 15, 60))
_LARGEST_NUMBER: Final = 99_999_999
#: So long after it may have been asked for last a provider that has never heard of a key is
#: believed where none is wanted any more: what a call, or a worker killed in it, left under way is
#: there by then. How often it was tried before says nothing about the last call.
SURE_AFTER: Final = timedelta(minutes=15)

_ROW = Invoice


@dataclass(frozen=True, slots=True)
class _DueInvoice:
    id: str
    bill_id: str
    agency_id: str
    account_id: str
    form: str
    symbol: str
    issued_on: date
    amount: int
    vat_percent: int | None
    money_back: int
    adjusts: str | None
    change: int | None
    state: str
    turn: int
    attempts: int
    asked_for_at: datetime | None
    waits_since: datetime
    content: bytes = field(repr=False)

    @property
    def is_doubtful(self) -> bool:
        """Whether the provider may have made it already."""
        return self.state != "waiting"

    @property
    def is_wanted_no_more(self) -> bool:
        """Whether all of its money has gone back: where there is none yet, none is asked for."""
        return self.money_back == self.amount

    def is_sure_at(self, now: datetime) -> bool:
        """Whether what was asked for last would be there by now."""
        return self.asked_for_at is None or now - self.asked_for_at >= SURE_AFTER


@dataclass(frozen=True, slots=True)
class _ClaimedInvoice:
    """An invoice that is this worker's for a while, and the account at which it is asked for."""

    due: _DueInvoice
    account: OpenAccount
    order: InvoiceOrder = field(repr=False)


async def ask_for_next(context: InvoiceContext) -> int:
    """Ask for the invoice that has been due for longest; 1, or 0 where none is."""
    tried: list[_DueInvoice] = []
    try:
        claimed = await _take_up(context, tried)
    except (DatabaseUnavailable, ClocksDisagree):
        raise
    except Exception as error:
        if not tried:
            raise
        # Whatever is wrong with it, the others must go on: it makes way for them.
        log.exception("invoice cannot be asked for", invoice=tried[0].id)
        await _make_way(context, tried[0], type(error).__name__)
        return 1
    if claimed is None:
        return len(tried)
    answer = await _ask(context, claimed)
    if answer.fate in (InvoiceFate.LATER, InvoiceFate.UNCLEAR):
        context.resting[claimed.account.id] = clock.now() + RESTS
    failpoints.hit("invoice.after_call")
    async with context.database.transaction() as session:
        await _mark(session, claimed, answer)
    return 1


async def _take_up(context: InvoiceContext, tried: list[_DueInvoice]) -> _ClaimedInvoice | None:
    """Take up what is due, which is told in `tried`; None where there is nothing to be asked."""
    async with context.database.transaction() as session:
        due = await _next_due(context, session)
        if due is None:
            return None
        tried.append(due)
        return await _claim(context, session, due)


async def _make_way(context: InvoiceContext, due: _DueInvoice, reason: str) -> None:
    now, tries = clock.now(), due.attempts + 1
    async with context.database.transaction() as session:
        told = {"due_at": now + _pause(tries), "attempts": tries, "last_error": reason}
        await _set(session, due, **told)


def _pause(tries: int) -> timedelta:
    return _PAUSES[min(tries, len(_PAUSES)) - 1]


async def _next_due(context: InvoiceContext, session: WriteSession) -> _DueInvoice | None:
    now = clock.now()
    over = [one for one, until in context.resting.items() if not now < until <= now + RESTS]
    for account_id in over:
        del context.resting[account_id]
    due = values_of(_DueInvoice, _ROW).where(
        col(_ROW.state).in_(("waiting", "asking", "unknown")), col(_ROW.due_at) <= now
    )
    rested = col(_ROW.account_id).in_(list(context.resting))
    # False sorts before true: whose provider gave no answer makes way.
    order = due.order_by(rested, col(_ROW.due_at), col(_ROW.id)).limit(1)
    found = await session.lock_all(order, skip_locked=True)
    return found[0] if found else None


async def _claim(
    context: InvoiceContext, session: WriteSession, due: _DueInvoice
) -> _ClaimedInvoice | None:
    """Take an invoice up, unless it is not wanted any more or there is nobody to ask."""
    original = None if due.adjusts is None else await get_adjusted(session, due.adjusts)
    if due.is_doubtful:
        account = await get_invoice_account(session, context.cipher, due.account_id)
    else:
        if due.is_wanted_no_more:
            await _set(session, due, state="dropped", due_at=None, last_error=None)
            return None
        if original is not None and original.change != due.change:
            # More or less went back meanwhile: somebody looks, and asks for another.
            told = {"state": "dropped", "due_at": None, "last_error": "money_back_changed"}
            await _set(session, due, **told)
            return None
        found = await _account_for(session, context, due)
        if found is None:
            told = {"state": "set_aside", "due_at": None, "last_error": "no provider"}
            await _set(session, due, **told)
            return None
        account = found
        # Its day is the day of its issue, and its symbol that of the year.
        await require_agreement(session)
        day = clock.business_date(clock.now())
        symbol = account.kind.symbol_in(day.year)
        due = replace(
            due,
            account_id=account.id,
            form=account.kind.form,
            symbol=symbol,
            issued_on=day,
            # An adjusting one takes off the tax that the first had.
            vat_percent=account.vat_percent if original is None else original.vat_percent,
        )
    now = clock.now()
    only_asked_about = due.is_doubtful and due.is_wanted_no_more
    taken = replace(
        due,
        turn=due.turn + 1,
        attempts=due.attempts + 1,
        # Written before the call: who is killed in it has said since when silence counts.
        asked_for_at=due.asked_for_at if only_asked_about else now,
    )
    await _set(
        session,
        due,
        state="asking",
        account_id=due.account_id,
        form=due.form,
        symbol=due.symbol,
        issued_on=due.issued_on,
        vat_percent=due.vat_percent,
        turn=taken.turn,
        attempts=taken.attempts,
        asked_for_at=taken.asked_for_at,
        due_at=now + LEASE,
    )
    return _ClaimedInvoice(taken, account, _order_of(context, due, original))


async def _account_for(
    session: ReadSession, context: InvoiceContext, due: _DueInvoice
) -> OpenAccount | None:
    """Where it is asked for: what adjusts another, at the account that made the other one."""
    if due.adjusts is not None:
        return await get_invoice_account(session, context.cipher, due.account_id)
    return await find_invoice_account(session, context.cipher, due.agency_id)


def _order_of(
    context: InvoiceContext, due: _DueInvoice, original: AdjustedRow | None
) -> InvoiceOrder:
    said = json.loads(context.cipher.decrypt(bytes(due.content), f"invoice:{due.id}"))
    costing = [(str(description), int(amount)) for description, amount in said["lines"]]
    lines = invoice_lines(costing, due.vat_percent)
    vat = sum(one.vat for one in lines)
    return InvoiceOrder(
        key=due.id,
        form=due.form,
        symbol=due.symbol,
        issued_on=due.issued_on,
        seller=InvoiceParty(**said["seller"]),
        buyer=InvoiceParty(**said["buyer"]),
        lines=lines,
        amount=due.amount,
        net=due.amount - vat,
        vat=vat,
        vat_percent=due.vat_percent,
        payment_method=said["payment_method"],
        adjusts=_adjusted_of(original, due.change or 0),
    )


def _adjusted_of(original: AdjustedRow | None, change: int) -> AdjustedInvoice | None:
    if original is None or original.number is None:
        return None
    kind = (original.form, original.symbol, original.number)
    return AdjustedInvoice(original.id, *kind, original.issued_on, decreases=change < 0)


async def _ask(context: InvoiceContext, claimed: _ClaimedInvoice) -> InvoiceAnswer:
    access, order = claimed.account.access, claimed.order
    if claimed.due.is_doubtful:
        answer = await context.providers.find(access, order.key)
        if answer.fate is InvoiceFate.REFUSED:
            # No word about whether there is one.
            return replace(answer, fate=InvoiceFate.UNCLEAR)
        if answer.fate is not InvoiceFate.ABSENT or claimed.due.is_wanted_no_more:
            return _believed(claimed, answer)
    return _believed(claimed, await context.providers.issue(access, order))


def _believed(claimed: _ClaimedInvoice, answer: InvoiceAnswer) -> InvoiceAnswer:
    """The answer, unless it tells of an invoice that is not the one that was asked for."""
    if answer.fate is not InvoiceFate.ISSUED:
        return answer
    if answer.number is None or not 1 <= answer.number <= _LARGEST_NUMBER:
        return InvoiceAnswer(InvoiceFate.UNCLEAR, fault="the answer has no number")
    told = (answer.symbol, claimed.due.amount if answer.amount is None else answer.amount)
    if told != (claimed.due.symbol, claimed.due.amount):
        return InvoiceAnswer(InvoiceFate.UNCLEAR, fault="the answer is of another invoice")
    return answer


async def _mark(session: WriteSession, claimed: _ClaimedInvoice, answer: InvoiceAnswer) -> None:
    """Write down what became of a call, unless another has taken the invoice up by now."""
    due, now = claimed.due, clock.now()
    ours = await _lock_ours(session, due)
    if ours is None:
        log.warning("invoice: another has taken it up", invoice=due.id)
        return
    if answer.fate is InvoiceFate.ISSUED and await _is_taken(session, due, answer.number):
        answer = InvoiceAnswer(InvoiceFate.UNCLEAR, fault="the number is another invoice's")
    told: dict[str, object] = {"last_error": answer.fault}
    again = now + _pause(due.attempts)
    match answer.fate:
        case InvoiceFate.ISSUED:
            told |= {
                "state": "issued",
                "due_at": None,
                "number": answer.number,
                "authority_code": answer.authority_code,
                "lookup_url": answer.lookup_url,
                "issued_at": now,
            }
            await audit.record(
                session,
                actor=ACTOR,
                action="invoice.issued",
                object_id=due.id,
                details={"bill": due.bill_id, "symbol": due.symbol, "number": answer.number},
            )
            if due.adjusts is not None:
                original = await get_adjusted(session, due.adjusts)
                adjusted = original.adjusted - (due.change or 0)
                name = f"{due.form}{due.symbol}-{answer.number}"
                await note_adjusted(session, original, adjusted, name, actor=ACTOR)
        case InvoiceFate.REFUSED:
            told |= {"state": "set_aside", "due_at": None}
        case InvoiceFate.ABSENT if ours.money_back < due.amount:
            # Its money has come again while the provider was asked: it is wanted after all.
            told |= {"state": "unknown", "due_at": now}
        case InvoiceFate.ABSENT if due.is_sure_at(now):
            # It is dropped for good: a clock that was put forward must not say so.
            await require_agreement(session)
            told |= {"state": "dropped", "due_at": None}
        case InvoiceFate.LATER if not due.is_doubtful and due.waits_since <= now - TRIED_FOR:
            told |= {"state": "set_aside", "due_at": None}
        case InvoiceFate.LATER if not due.is_doubtful:
            told |= {"state": "waiting", "due_at": again}
        case _:
            told |= {"state": "unknown", "due_at": again}
    await _set(session, due, **told)
    if answer.fate is not InvoiceFate.ISSUED:
        said: Mapping[str, object] = {"state": told["state"], "reason": answer.fault}
        log.warning("invoice not issued", invoice=due.id, **said)


async def _lock_ours(session: WriteSession, due: _DueInvoice) -> "_InvoiceTurn | None":
    """It as it stands, if it is still this worker's; nobody else changes it before our end."""
    wanted = values_of(_InvoiceTurn, _ROW).where(
        col(_ROW.id) == due.id, col(_ROW.turn) == due.turn, col(_ROW.state) == "asking"
    )
    return await session.lock_first(wanted)


async def _is_taken(session: ReadSession, due: _DueInvoice, number: int | None) -> bool:
    others = select(_ROW.id).where(
        col(_ROW.account_id) == due.account_id,
        *(col(_ROW.form) == due.form, col(_ROW.symbol) == due.symbol),
        *(col(_ROW.number) == number, col(_ROW.id) != due.id),
    )
    return await session.first(others) is not None


@dataclass(frozen=True, slots=True)
class _InvoiceTurn:
    turn: int
    money_back: int


async def _set(session: WriteSession, due: _DueInvoice, **values: object) -> None:
    """Change an invoice, unless another has taken it up since."""
    ours = update(_ROW).where(col(_ROW.id) == due.id, col(_ROW.turn) == due.turn)
    await session.write(ours.values(values))
