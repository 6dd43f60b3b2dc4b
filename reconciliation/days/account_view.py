"""What a day's view shows of the account: its statements, what is missing, what is awaited."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import BigInteger, cast, func
from sqlmodel import col

from core.calendar import Calendar
from core.clock import business_date, now
from core.sessions import ReadSession
from core.statements import ValueSelect, values_of
from reconciliation.days.account_days import StatementGap, find_gap
from reconciliation.days.day_rules import list_day_rules
from reconciliation.matching.ageing import (
    STAGES,
    DayRuleValue,
    rule_on,
    stage_of,
    working_days_after,
)
from reconciliation.models import Discrepancy, Statement


@dataclass(frozen=True, slots=True)
class StatementTotals:
    """A statement's control totals: what its lines come to, and the balances that it tells.

    Amounts in đồng; counts and sums are None of statements before these were kept.
    `totals_stated` says that a trailer of the file tells them too.
    """

    id: str
    file_name: str
    version: int
    supersedes: str | None
    credit_count: int | None
    credited: int | None
    debit_count: int | None
    debited: int | None
    totals_stated: bool | None
    opening_balance: int | None
    closing_balance: int | None


@dataclass(frozen=True, slots=True)
class GatewayDue:
    """By when a gateway has to tell of a day's money, and how far that is today."""

    due_on: date
    stage: str


@dataclass(frozen=True, slots=True)
class AccountDay:
    """The account's side of a day. `waiting` maps each stage to count and sum (đồng)."""

    statements: list[StatementTotals]
    gap: StatementGap | None
    waiting: Mapping[str, tuple[int, int]]
    rules: Sequence[DayRuleValue]
    calendar: Calendar
    on: date

    @property
    def tells_sweeps(self) -> bool:
        """Whether a rule says which debits of the day sweep the account."""
        return rule_on(self.rules, "", self.on).tells_sweeps

    def gateway_due(self, gateway: str) -> GatewayDue:
        """By when a gateway has to tell of the day's money, by its rule."""
        working = self.calendar.is_working_day(self.on)
        begins = self.on if working else self.calendar.next_working_day(self.on)
        rule = rule_on(self.rules, gateway, begins)
        due = working_days_after(self.calendar, begins, rule.due_after)
        today = business_date(now())
        return GatewayDue(due, stage_of(self.calendar, due, rule.missing_after, today))


@dataclass(frozen=True, slots=True)
class _AwaitedSum:
    expected_on: date
    missing_after: int
    count: int
    sum: int


async def view_account_day(
    session: ReadSession, calendar: Calendar, account_id: str, on: date, run_id: str | None
) -> AccountDay:
    """The account's side of a day as it is now; `run_id` is the day's standing run."""
    totals = values_of(StatementTotals, Statement).where(
        col(Statement.collection_account_id) == account_id,
        col(Statement.withdrawn_at).is_(None),
        col(Statement.first_on) <= on,
        col(Statement.last_on) >= on,
    )
    waiting = dict.fromkeys(STAGES, (0, 0))
    today = business_date(now())
    for one in [] if run_id is None else await session.all(_awaited(run_id)):
        stage = stage_of(calendar, one.expected_on, one.missing_after, today)
        count, amount = waiting[stage]
        waiting[stage] = (count + one.count, amount + one.sum)
    return AccountDay(
        statements=await session.all(totals.order_by(col(Statement.id))),
        gap=await find_gap(session, calendar, account_id, on),
        waiting=waiting,
        rules=await list_day_rules(session, account_id),
        calendar=calendar,
        on=on,
    )


def _awaited(run_id: str) -> ValueSelect[_AwaitedSum]:
    awaited = values_of(
        _AwaitedSum,
        Discrepancy,
        count=func.count(),
        sum=cast(func.sum(Discrepancy.amount), BigInteger),
    ).where(col(Discrepancy.reconciliation_id) == run_id, col(Discrepancy.expected_on).is_not(None))
    return awaited.group_by(col(Discrepancy.expected_on), col(Discrepancy.missing_after))
