"""The status inquiry: ask gateways about open attempts, and only then let them and bills expire.

Callbacks get lost and answers time out; the gateway's own books do not. An attempt that is
`submitted` or `unknown` is asked about with growing pauses, and once more when its time is over
(`payments.attempts.asking`); where a gateway cannot be asked it never ends by itself, but only when
its payer chooses another way (`payments.attempts.leaving`).
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from sqlalchemy import ColumnElement, SQLColumnExpression, or_, update
from sqlmodel import col, exists, func, select

from core import clock
from core.clocks import require_agreement
from core.log import get
from core.statements import values_of
from payments.attempts.asking import ACTOR, AskedAttempt, ask_safely
from payments.bills.locks import LockedBill
from payments.bills.models import Bill, Payment
from payments.books.moves import move_bill
from payments.context import Context
from payments.states import LIVE

log = get(__name__)

_LONGEST_PAUSE = timedelta(minutes=5)

#: How many questions to one account are under way at once.
AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class DueAttempt(AskedAttempt):
    """An attempt that the gateway is to be asked about now; `asked` is how often it was."""

    asked: int


def pause(asked: int) -> timedelta:
    """How long to wait before asking again: 15 s, 30 s, 60 s … at most 5 minutes."""
    return min(timedelta(seconds=15 * 2 ** min(asked, 10)), _LONGEST_PAUSE)


async def inquire(context: Context, limit: int = 20) -> int:
    """Ask about attempts that are due, so many of each account; how many were asked about."""
    accounts = await _due_accounts(context)
    return sum(await asyncio.gather(*(_ask_account(context, one, limit) for one in accounts)))


class Inquiries:
    """The questions of one worker: each account's for themselves, so many at once.

    An account whose gateway does not answer keeps nobody else's from being asked; it is asked
    about one attempt only, with growing pauses, until it answers again.
    """

    def __init__(self, context: Context, at_once: int = AT_ONCE) -> None:
        self._context = context
        self._at_once = at_once
        self._lanes: dict[str, asyncio.Task[None]] = {}
        #: how often in a row each account has answered nothing, and until when it is left alone
        self._silent: dict[str, tuple[int, float]] = {}

    async def begin(self) -> int:
        """Begin what is due and not under way; 0, for nobody has to wait for it."""
        now = asyncio.get_running_loop().time()
        for account in await _due_accounts(self._context):
            _, until = self._silent.get(account, (0, 0.0))
            if account not in self._lanes and until <= now:
                lane = asyncio.create_task(self._ask(account))
                self._lanes[account] = lane
                lane.add_done_callback(partial(self._ended, account))
        return 0

    async def aclose(self) -> None:
        """Break off what is under way: it is asked again when it is due."""
        lanes = list(self._lanes.values())
        for lane in lanes:
            lane.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)

    def _ended(self, account: str, _: asyncio.Task[None]) -> None:
        self._lanes.pop(account, None)

    async def _ask(self, account: str) -> None:
        """Ask one account until nothing is due, or it is silent."""
        answered = [True]
        try:
            while answered and any(answered):
                most = 1 if account in self._silent else self._at_once
                answered = await _answers_of(self._context, account, most)
                if any(answered):
                    self._silent.pop(account, None)
        except Exception as error:  # noqa: BLE001  whatever it is, the next round begins anew
            log.error("inquiries broke off", account=account, reason=repr(error))
            return
        if answered:
            times = self._silent.get(account, (0, 0.0))[0] + 1
            rest = pause(times).total_seconds()
            self._silent[account] = times, asyncio.get_running_loop().time() + rest
            log.warning("gateway does not answer", account=account, times=times, rest=rest)


async def _due_accounts(context: Context) -> list[str]:
    """The accounts of which an attempt is due, whose is due longest first."""
    accounts = (
        select(func.coalesce(Payment.gateway_account_id, ""))
        .where(col(Payment.gateway_account_id).is_not(None), *_is_due())
        .group_by(col(Payment.gateway_account_id))
        .order_by(func.min(Payment.ask_at))
    )
    async with context.database.reading() as session:
        found: list[str] = await session.all(accounts)
    return found


def _is_due() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (
        col(Payment.ask_at) <= clock.now(),
        or_(col(Payment.status) == "expired", col(Payment.status).in_(sorted(LIVE))),
    )


async def _ask_account(context: Context, account: str, limit: int) -> int:
    return len(await _answers_of(context, account, limit))


async def _answers_of(context: Context, account: str, limit: int) -> list[bool]:
    """Ask an account about so many attempts that are due; of each, whether it answered clearly."""
    now = clock.now()
    due = (
        values_of(DueAttempt, Payment)
        .where(col(Payment.gateway_account_id) == account, *_is_due())
        .order_by(col(Payment.ask_at))
        .limit(limit)
    )
    async with context.database.transaction() as session:
        attempts = await session.lock_all(due, skip_locked=True)
        for attempt in attempts:
            asked = update(Payment).where(col(Payment.id) == attempt.id)
            await session.write(
                asked.values(
                    ask_at=now + pause(attempt.asked), asked=attempt.asked + 1, asked_at=now
                )
            )
    # At once, for one question that hangs must not keep us from asking the others.
    results = await asyncio.gather(*(ask_safely(context, attempt) for attempt in attempts))
    return [result is not None for result in results]


async def expire_bills(context: Context, limit: int = 100) -> int:
    """Close bills past their time whose gateways have been asked; how many.

    A bill with an attempt still open is not closed: the attempt ends first, with its own question.
    Raises `ClocksDisagree` where now cannot be believed.
    """
    due = (
        values_of(LockedBill, Bill)
        .where(
            Bill.status == "open",
            col(Bill.expires_at) <= clock.now(),
            ~exists().where(_is_live_attempt_of(col(Bill.id))),
        )
        .order_by(col(Bill.expires_at))
        .limit(limit)
    )
    closed = 0
    async with context.database.transaction() as session:
        await require_agreement(session)
        for bill in await session.lock_all(due, skip_locked=True):
            # Again, for one may have been started while we came to the lock.
            live = select(func.count()).where(_is_live_attempt_of(bill.id))
            if not await session.one(live):
                await move_bill(session, ACTOR, bill, "expired", {})
                closed += 1
    return closed


def _is_live_attempt_of(bill_id: SQLColumnExpression[str] | str) -> ColumnElement[bool]:
    return (col(Payment.bill_id) == bill_id) & col(Payment.status).in_(sorted(LIVE))
