"""What the demonstration's vendors have paid of two months: most of it, some late, some ahead.

By the doors that money comes through: credits that a bank's feed tells of, with the stall's own
reference (a sticker's VietQR, a standing order) or a bill's, and then what the worker does with
them. Cash is in `walk`. Who pays when is the same at every demonstration.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import update
from sqlmodel import col, select

from core import clock
from core.crypto import Cipher
from core.sessions import ReadSession, WriteSession
from payments.agencies.queries import CollectionAccountValue
from payments.billing.credit.commands import take_credit
from payments.billing.credit.queries import beginning_of, list_holdings
from payments.billing.dues.queries import PeriodBill, list_owed
from payments.billing.loading import MarketValue
from payments.billing.models import Stall
from payments.billing.periods import month_of
from payments.bills.models import Payment
from payments.books.credits import record_credit
from payments.ports import Credit

_ACTOR: Final = "system:demo"
#: Whose notices the credits are, as a feed's account is called.
_FEED: Final = "demo"
#: Of each ten stalls this one is in arrears with everything.
_IN_ARREARS: Final = 9
#: Of each of these, one pays a month on its own bill's code, one does so ahead.
_BY_BILL: Final = 4
_AHEAD: Final = 13
#: Of each three stalls, one has not paid this month yet.
_WAITING: Final = 3
#: The stalls that have paid a part of this month so far.
_IN_PART: Final = frozenset({3, 12})


@dataclass(frozen=True, slots=True)
class _Transfer:
    """What a vendor sent, and when: `amount` in đồng, under a stall's or a bill's reference."""

    at: datetime
    amount: int
    reference: str
    words: str


async def seed_market_money(
    session: WriteSession, market: MarketValue, account: CollectionAccountValue, cipher: Cipher
) -> None:
    """Have most of the market's two months paid, once: where no money has come to it yet."""
    wanted = select(Stall).where(col(Stall.market_id) == market.id)
    stalls = await session.all(wanted.order_by(col(Stall.route_order), col(Stall.code)))
    references = [stall.reference for stall in stalls]
    if await _has_money(session, references):
        return
    transfers = [
        transfer
        for number, stall in enumerate(stalls)
        for transfer in await _sent(session, number, stall)
    ]
    for number, one in enumerate(sorted(transfers, key=lambda one: one.at)):
        name = f"{_name_of(market)}{number:04d}"
        credit = Credit(
            feed_ref=name,
            bank_ref=f"FT{name}",
            account_number=account.account_number,
            amount=one.amount,
            narrative=f"{one.reference} {one.words}",
            credited_at=one.at,
        )
        await record_credit(session, account, credit, source=_FEED, actor=_ACTOR, cipher=cipher)
    await take_credit(session, set(references))
    # Noted when it came, as a bank's feed would have had it; the log keeps when it was.
    ours = (
        col(Payment.gateway_ref).startswith(f"FT{_name_of(market)}"),
        col(Payment.kind) == "credit",
    )
    await session.write(update(Payment).where(*ours).values(created_at=Payment.paid_at))


def _name_of(market: MarketValue) -> str:
    """How the bank's numbers of this money begin."""
    return f"DEMO{market.code.upper()}"


async def _has_money(session: ReadSession, references: list[str]) -> bool:
    came = select(Payment.id).where(col(Payment.reference).in_(references))
    return await session.first(came.limit(1)) is not None


async def _sent(session: ReadSession, number: int, stall: Stall) -> list[_Transfer]:
    """What the holders of a stall have sent for the two months that were billed."""
    sent: list[_Transfer] = []
    if number % 10 == _IN_ARREARS:
        return sent
    this_month = month_of(clock.business_date(clock.now()))
    holdings = await list_holdings(session, [stall.reference])
    for holding in holdings:
        for bill in await list_owed(session, holding):
            now = bill.period == this_month.name
            amount = _paid_of(number, bill, now=now)
            if amount:
                # Where it changed hands, each pays what is theirs by its own code.
                own = len(holdings) > 1 or (number % _BY_BILL == 0 and amount == bill.missing)
                at = _moment(this_month.first, number, now=now)
                sent.append(_transfer(at, stall, bill if own else None, amount))
    return sent


def _paid_of(number: int, bill: PeriodBill, *, now: bool) -> int:
    """What somebody pays of a bill, in đồng: of this month not everybody yet, some more than it."""
    if now and number in _IN_PART:
        return bill.missing // 2
    if now and number % _WAITING == 0:
        return 0
    return bill.missing * (2 if now and number % _AHEAD == 1 else 1)


def _transfer(at: datetime, stall: Stall, bill: PeriodBill | None, amount: int) -> _Transfer:
    if bill is not None:
        return _Transfer(at, amount, bill.reference, "tien cho")
    return _Transfer(at, amount, stall.reference, f"{stall.code} tien cho dinh ky")


def _moment(opened_on: date, number: int, *, now: bool) -> datetime:
    """When money comes: within a month's first fifteen days, and never ahead of this moment.

    This month was opened on `opened_on`; what is not paid `now` is of the month before.
    """
    day = opened_on if now else month_of(opened_on - timedelta(days=1)).first
    first = beginning_of(day)
    until = first + timedelta(days=15)
    if now:
        until = min(until, clock.now() - timedelta(minutes=5))
    part = (7 * number % 40 + 1) / 41
    return max(first, first + (until - first) * part)
