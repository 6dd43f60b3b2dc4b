"""A day of one account, with all three comparisons and where each đồng is.

Nothing is stored: what is with gateways is read from the books, the settlements and the statements
as they are now; the comparison of credits with payments is the day's standing run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import String, any_, literal
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col, select

from core.calendar import Calendar
from core.clock import VIETNAM, business_date
from core.crypto import Cipher
from core.sessions import ReadSession
from core.statements import values_of
from payments.agencies.queries import CollectionAccountValue, list_gateway_names
from payments.books.queries import (
    is_settlement,
    list_gateway_money,
    list_payout_lines,
    sum_ledgers,
)
from reconciliation.days.account_view import AccountDay, view_account_day
from reconciliation.days.gateway_days import (
    GatewayComparison,
    compare_gateways,
    list_lines_around,
)
from reconciliation.models import Match, Reconciliation, StatementLine
from reconciliation.settlements.batch_matching import BankCredit, BatchPlace, compare_batches
from reconciliation.settlements.batch_sums import list_paid_names
from reconciliation.settlements.stored import AFTER, BEFORE, told_of
from reconciliation.statements.lines import STORED_LINES


@dataclass(frozen=True, slots=True)
class DayView:
    """A day of an account. Sums are đồng.

    `batches` are those that gateways settle on the day. `run` is the day's standing
    reconciliation with its `summary`, None where there is none. `ledgers` is what each ledger of
    the account comes to at the end of the day; debits are positive. `on_the_way` is the net of
    batches settled until the day, in the two weeks before it, that no credit has brought. `account`
    is the account's side of it.
    """

    settlements: list[GatewayComparison]
    batches: list[BatchPlace]
    run: str | None
    summary: dict[str, Any]
    ledgers: dict[str, int]
    on_the_way: int
    account: AccountDay


@dataclass(frozen=True, slots=True)
class _StandingRun:
    id: str
    summary: dict[str, Any]


async def view_day(
    session: ReadSession,
    cipher: Cipher,
    calendar: Calendar,
    account: CollectionAccountValue,
    on: date,
) -> DayView:
    """The day as it is now. Whoever calls has looked whose account it is."""
    gateways = await list_gateway_names(session, account.id)
    name_of = {one.id: one.gateway for one in gateways}
    stored = await list_lines_around(session, list(name_of), on)
    money = await list_gateway_money(session, account.id, on - AFTER, on + BEFORE)
    settled = [one for one in stored if on - AFTER <= one.settled_on <= on + BEFORE]
    settled_on = {
        (name_of[one.gateway_account_id], one.batch_ref): one.settled_on for one in settled
    }
    lines_of_payouts = await list_payout_lines(session, account.id)
    paid = {
        (name_of[one.gateway_account_id], one.batch_ref): lines_of_payouts.get(one.payout_id)
        for one in await list_paid_names(session, list(name_of))
    }
    places, _ = compare_batches(
        [told_of(one, name_of) for one in settled],
        await _credits(session, cipher, account, on),
        {batch: line_id for batch, line_id in paid.items() if batch in settled_on},
    )
    run = await session.first(
        values_of(_StandingRun, Reconciliation).where(
            Reconciliation.collection_account_id == account.id,
            Reconciliation.business_on == on,
            col(Reconciliation.superseded_by).is_(None),
        )
    )
    return DayView(
        settlements=compare_gateways(on, money, stored, name_of),
        batches=[one for one in places if settled_on[one.gateway, one.batch_ref] == on],
        run=None if run is None else run.id,
        summary={} if run is None else run.summary,
        ledgers=await sum_ledgers(session, account.id, on),
        on_the_way=sum(
            one.net
            for one in places
            if one.kind in ("missing", "suggested") and settled_on[one.gateway, one.batch_ref] <= on
        ),
        account=await view_account_day(
            session, calendar, account.id, on, None if run is None else run.id
        ),
    )


async def _credits(
    session: ReadSession, cipher: Cipher, account: CollectionAccountValue, on: date
) -> list[BankCredit]:
    """The credits of the days around, with their words opened."""
    first = datetime.combine(on - AFTER, time(), VIETNAM)
    after = datetime.combine(on + AFTER, time(), VIETNAM)
    stored = await session.all(
        STORED_LINES.where(
            StatementLine.collection_account_id == account.id,
            StatementLine.direction == "credit",
            col(StatementLine.withdrawn_at).is_(None),
            col(StatementLine.booked_at) >= first,
            col(StatementLine.booked_at) < after,
        )
    )
    opened = [one.opened(cipher) for one in stored]
    known = await _matched(session, [one.line_id for one in opened])
    return [
        BankCredit(
            one.line_id,
            f"{one.reference} {one.narrative} {one.bank_ref}",
            one.amount,
            is_settlement(account, one.narrative),
            business_date(one.booked_at),
            one.line_id in known,
        )
        for one in opened
    ]


async def _matched(session: ReadSession, line_ids: Sequence[str]) -> set[str]:
    """Those of these lines that a standing run knows as somebody's payment."""
    matched = (
        select(Match.line_id)
        .join(Reconciliation, col(Reconciliation.id) == col(Match.reconciliation_id))
        .where(
            col(Match.line_id) == any_(literal(list(line_ids), ARRAY(String))),
            col(Reconciliation.superseded_by).is_(None),
        )
    )
    return set(await session.all(matched))
