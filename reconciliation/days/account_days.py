"""What a run finds of the account itself, beside its payments and credits.

* a working day between two statements that none of them tells of (`missing_day`), unless the
  balances around it say that nothing moved;
* statements of one day, or of one day after the other, whose balances contradict each other
  (`balance_conflict`);
* which debits sweep the account, sweeps of another sum than there was (`wrong_sweep`), and a
  working day that is over without one (`missing_sweep`), where a rule says that each has one;
* by when money that no line told of has to come (`reconciliation.matching.ageing`);
* where the payments at gateways are (`reconciliation.settlements.places`).
"""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import BigInteger, ColumnElement, case, cast, func
from sqlmodel import col, select

from core import clock
from core.calendar import Calendar
from core.clock import VIETNAM, business_date
from core.crypto import Cipher
from core.days import day_text
from core.money import format_vnd
from core.sessions import ReadSession
from core.statements import values_of
from payments.agencies.queries import CollectionAccountValue
from payments.books.queries import DayPayment
from reconciliation.days.control_totals import list_conflicts
from reconciliation.days.day_rules import list_day_rules
from reconciliation.days.gateway_money import place_gateway_money
from reconciliation.matching.ageing import DayRuleValue, rule_on, with_ages
from reconciliation.matching.sweeps import (
    SweepDue,
    by_moment,
    is_sweep,
    missing_sweep,
    wrong_sweeps,
)
from reconciliation.matching.values import DayDiscrepancy, DayLine, DayResult
from reconciliation.models import Statement, StatementLine
from reconciliation.statements.lines import STORED_LINES

#: A sweep before is looked for so far back (Tết); one further back is as none.
_SWEPT_WITHIN: Final = timedelta(days=40)

#: Credits less debits, in đồng.
_NET = select(
    cast(
        func.coalesce(
            func.sum(
                case(
                    (col(StatementLine.direction) == "credit", col(StatementLine.amount)),
                    else_=-col(StatementLine.amount),
                )
            ),
            0,
        ),
        BigInteger,
    )
)
MISSING_DAY = "missing_day"
BALANCE_CONFLICT = "balance_conflict"


@dataclass(frozen=True, slots=True)
class StatedDays:
    """The days that a statement tells of, and its balances in đồng where it tells them."""

    id: str
    first_on: date
    last_on: date
    opening_balance: int | None
    closing_balance: int | None


@dataclass(frozen=True, slots=True)
class StatementGap:
    """Working days between two statements that none tells of, and the balances around them.

    `days` may be empty: then the statements are of days that follow, and only balances differ.
    """

    after: date
    until: date
    days: tuple[date, ...]
    closing: int | None
    opening: int | None

    @property
    def differs(self) -> bool:
        """Whether both balances are told and are not the same."""
        return None not in (self.closing, self.opening) and self.closing != self.opening

    @property
    def is_proven(self) -> bool:
        """Whether the balances say that nothing moved in between."""
        return self.closing is not None and self.closing == self.opening

    @property
    def amount(self) -> int:
        """How far the balances are apart, in đồng; 0 where one is not told."""
        if self.closing is None or self.opening is None:
            return 0
        return abs(self.opening - self.closing)

    @property
    def words(self) -> str:
        """What the balances say, for people."""
        told = [
            f"số dư {which} ngày {day_text(on)} là {format_vnd(amount)}"
            for which, on, amount in (
                ("cuối", self.after, self.closing),
                ("đầu", self.until, self.opening),
            )
            if amount is not None
        ]
        apart = [f"chênh {format_vnd(self.amount)}"] if self.differs else []
        return ", ".join([*told, *apart])


async def completed(
    session: ReadSession,
    cipher: Cipher,
    calendar: Calendar,
    account: CollectionAccountValue,
    on: date,
    result: DayResult,
    payments: Iterable[DayPayment],
    carried: Set[str] = frozenset(),
) -> DayResult:
    """A day's result with what is found of the account itself and of its gateways' money.

    `payments` are those that were matched, `carried` those of earlier days that count for `on`. The
    result that was given stays as it is.
    """
    rules = await list_day_rules(session, account.id)
    today = business_date(clock.now())
    known = {one.payment_id: one for one in payments}
    own = [one for one in known.values() if one.accounting_on == on or one.payment_id in carried]
    at_gateways = await place_gateway_money(session, account, on, own)
    odd = [*result.discrepancies, *at_gateways.others]
    found = with_ages(odd, known, rules, account.cut_off, calendar, today)
    gap = await find_gap(session, calendar, account.id, on)
    found += [] if gap is None else _gap_discrepancies(gap, on)
    found += [
        DayDiscrepancy(
            *("account", one.statement_id, BALANCE_CONFLICT, "", one.closing or one.opening or 0),
            None,
            "Số dư của sao kê này trái với sao kê khác của cùng ngày: hãy rút hoặc thay tệp sai.",
        )
        for one in await list_conflicts(session, account.id, on)
    ]
    rule = rule_on(rules, "", on)
    swept = [line for line in result.debits if is_sweep(line, rule)]
    if swept:
        found += wrong_sweeps(await _sweeps_due(session, cipher, account.id, swept, rules))
    elif rule.swept_daily and on < today and calendar.is_working_day(on):
        due = await _left_unswept(session, cipher, account, on, rules)
        found += [missing_sweep(on, due)] if due > 0 else []
    sweeping = {line.line_id for line in swept}
    return replace(
        result,
        discrepancies=sorted(found, key=lambda odd: (odd.side, odd.object_id, odd.kind)),
        debits=[line for line in result.debits if line.line_id not in sweeping],
        swept=swept,
        settled=list(at_gateways.settled),
    )


async def find_gap(
    session: ReadSession, calendar: Calendar, account_id: str, on: date
) -> StatementGap | None:
    """What is missing on a day, or before it where it is the first that is told of again.

    None where a statement tells of the day and of the working day before, in balances that agree;
    and where no statement follows: its file may still come.
    """
    standing = values_of(StatedDays, Statement).where(
        col(Statement.collection_account_id) == account_id,
        col(Statement.withdrawn_at).is_(None),
        col(Statement.first_on).is_not(None),
    )
    near = standing.where(
        col(Statement.first_on) <= on + _SWEPT_WITHIN,
        col(Statement.last_on) >= on - _SWEPT_WITHIN,
    )
    return gap_around(on, await session.all(near), calendar)


def gap_around(on: date, stated: Sequence[StatedDays], calendar: Calendar) -> StatementGap | None:
    """As `find_gap`, of the statements that stand."""
    until = min((one.first_on for one in stated if one.first_on >= on), default=None)
    covered = [one for one in stated if one.first_on <= on <= one.last_on]
    if until is None or any(one.first_on < on for one in covered):
        return None
    after = max((one.last_on for one in stated if one.last_on < on), default=None)
    if after is None:
        return None
    between = [after + timedelta(days=n) for n in range(1, (until - after).days)]
    gap = StatementGap(
        after,
        until,
        tuple(day for day in between if calendar.is_working_day(day)),
        _end([one for one in stated if one.last_on == after], at_end=True),
        _end([one for one in stated if one.first_on == until], at_end=False),
    )
    if gap.is_proven or not (gap.days or gap.differs):
        return None
    return gap


def _end(stated: Sequence[StatedDays], *, at_end: bool) -> int | None:
    """The balance at the outer end of a day's statements; None where it is not told for certain."""
    outer = [one.closing_balance if at_end else one.opening_balance for one in stated]
    inner = [one.opening_balance if at_end else one.closing_balance for one in stated]
    told = {amount for amount in outer if amount is not None}
    ends = told - set(inner) if len(told) > 1 else told
    return ends.pop() if len(ends) == 1 else None


def _gap_discrepancies(gap: StatementGap, on: date) -> list[DayDiscrepancy]:
    if not gap.days and on == gap.until:
        reason = f"Sao kê không nối tiếp: {gap.words}."
        return [
            DayDiscrepancy(
                "account", on.isoformat(), BALANCE_CONFLICT, "", gap.amount, None, reason
            )
        ]
    told = f": {gap.words}" if gap.words else ", và không có số dư để biết có phát sinh hay không"
    return [
        DayDiscrepancy(
            *("account", day.isoformat(), MISSING_DAY, "", gap.amount, None),
            f"Chưa nạp sao kê ngày {day_text(day)}, giữa {day_text(gap.after)} và"
            f" {day_text(gap.until)}{told}.",
        )
        for day in gap.days
        if on in (day, gap.until)
    ]


async def _sweeps_due(
    session: ReadSession,
    cipher: Cipher,
    account_id: str,
    swept: Sequence[DayLine],
    rules: Sequence[DayRuleValue],
) -> list[SweepDue]:
    """What each sweep of a day had to take, by all lines since the sweep before."""
    last = max(line.booked_at for line in swept)
    since = min(line.booked_at for line in swept) - _SWEPT_WITHIN
    of_account = _lines_until(account_id, last)
    ids = {line.line_id for line in swept}
    found, before = [], _begin(rules, since)
    for moment in await _list_sweeps(session, cipher, account_id, rules, since, last):
        at = moment[0].booked_at
        if ids.intersection(line.line_id for line in moment):
            between = (col(StatementLine.booked_at) > before, col(StatementLine.booked_at) <= at)
            others = col(StatementLine.id).not_in([line.line_id for line in moment])
            due = await session.one(_NET.where(*of_account, *between, others))
            found.append(SweepDue(moment, due))
        before = at
    return found


def _lines_until(account_id: str, last: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        col(StatementLine.collection_account_id) == account_id,
        col(StatementLine.withdrawn_at).is_(None),
        col(StatementLine.booked_at) <= last,
    )


async def _list_sweeps(
    session: ReadSession,
    cipher: Cipher,
    account_id: str,
    rules: Sequence[DayRuleValue],
    since: datetime,
    last: datetime,
) -> list[tuple[DayLine, ...]]:
    """The sweeps of an account in a time, each moment's together, in order."""
    debits = (col(StatementLine.direction) == "debit", col(StatementLine.booked_at) >= since)
    stored = await session.all(STORED_LINES.where(*_lines_until(account_id, last), *debits))
    opened = [one.opened(cipher) for one in stored]
    return by_moment(
        line for line in opened if is_sweep(line, rule_on(rules, "", business_date(line.booked_at)))
    )


async def _left_unswept(
    session: ReadSession,
    cipher: Cipher,
    account: CollectionAccountValue,
    on: date,
    rules: Sequence[DayRuleValue],
) -> int:
    """What an account had by a day's cut-off that no sweep had taken, in đồng.

    0 where no statement tells of the day: its file may tell of a sweep. What came after the cut-off
    belongs to the next working day (TT 81/2025/TT-BTC, art. 5.3b).
    """
    told = select(Statement.id).where(
        col(Statement.collection_account_id) == account.id,
        col(Statement.withdrawn_at).is_(None),
        col(Statement.first_on) <= on,
        col(Statement.last_on) >= on,
    )
    if await session.first(told) is None:
        return 0
    last = datetime.combine(on, account.cut_off, VIETNAM)
    since = last - _SWEPT_WITHIN
    sweeps = await _list_sweeps(session, cipher, account.id, rules, since, last)
    before = sweeps[-1][0].booked_at if sweeps else _begin(rules, since)
    others = col(StatementLine.booked_at) > before
    return await session.one(_NET.where(*_lines_until(account.id, last), others))


def _begin(rules: Sequence[DayRuleValue], since: datetime) -> datetime:
    """From when on money counts that no sweep has taken: a rule begins on an empty account."""
    first = min((one.valid_from for one in rules if one.tells_sweeps), default=None)
    if first is None:
        return since
    return max(since, clock.day_bounds(first, first)[0] - timedelta(microseconds=1))
