"""Money that no line has told of yet: expected, then late, then missing. Pure.

A payment's money is due on the treasury's day of it (cut-off and calendar), for a gateway some
working days later. Until that day is over it is `expected`: waiting is no exception. From the next
working day on it is `late`, and after as many working days as its rule says it is `missing`. The
rules are dated rows of an account, or of a gateway for it; where there is none, `DEFAULT` holds.
What a gateway took is awaited from the gateway: it waits `with_gateway`, or `on_the_way` once the
gateway has told of it. What is not due when its day is closed goes on to the next day.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import cache, partial
from typing import Final, Protocol

from core.calendar import Calendar
from core.days import day_text
from reconciliation.matching.values import DayDiscrepancy

EXPECTED, LATE, MISSING = "expected", "late", "missing"
#: Every stage, in the order in which money goes through them.
STAGES: Final = (EXPECTED, LATE, MISSING)

#: The `gateway` of money that comes to the account by itself.
BANK: Final = "bank"
WITH_GATEWAY, ON_THE_WAY = "with_gateway", "on_the_way"
#: Classes of money that is not due yet: it keeps no day open.
WAITING: Final = (EXPECTED, WITH_GATEWAY, ON_THE_WAY)
#: Classes of a gateway's money, and what they are once it is due.
_OVERDUE: Final = {
    WITH_GATEWAY: ("missing_in_settlement", "chưa có trong tệp quyết toán"),
    ON_THE_WAY: ("not_paid_over", "đã có trong tệp quyết toán, lô chưa gắn với khoản ghi có"),
}
#: Classes of payments that no line told of.
_AWAITED: Final = ("missing_in_ledger", "no_statement", *_OVERDUE)


class AwaitedPayment(Protocol):
    """What is asked of a payment whose money no line told of."""

    @property
    def paid_at(self) -> datetime: ...
    @property
    def gateway(self) -> str: ...


@dataclass(frozen=True, slots=True)
class DayRuleValue:
    """What holds of an account's days from `valid_from` on; of a gateway's money, if it names one.

    `due_after` and `missing_after` are working days. A debit whose words hold one of `sweep_words`
    or of `sweep_accounts` sweeps the account; `swept_daily` if one does on each working day.
    """

    gateway: str
    valid_from: date
    sweep_words: Sequence[str] = ()
    sweep_accounts: Sequence[str] = ()
    due_after: int = 0
    missing_after: int = 3
    swept_daily: bool = False

    @property
    def tells_sweeps(self) -> bool:
        """Whether it says what a sweep is."""
        return bool(self.sweep_words or self.sweep_accounts)


#: What holds where nobody has said anything: due on the treasury's day, missing after three.
DEFAULT: Final = DayRuleValue("", date.min)


def rule_on(rules: Iterable[DayRuleValue], gateway: str, on: date) -> DayRuleValue:
    """The rule in force on a day: the gateway's own, else the account's, else `DEFAULT`."""
    begun = [rule for rule in rules if rule.valid_from <= on]
    own = [rule for rule in begun if rule.gateway == gateway != BANK]
    whole = [rule for rule in begun if not rule.gateway]
    return max(own or whole, key=lambda rule: rule.valid_from, default=DEFAULT)


def working_days_since(calendar: Calendar, on: date, today: date) -> int:
    """How many working days have begun since `on`."""
    days = (today - on).days
    return sum(calendar.is_working_day(on + timedelta(days=n)) for n in range(1, days + 1))


def working_days_after(calendar: Calendar, on: date, count: int) -> date:
    """The day that is `count` working days after `on`; `on` itself for 0."""
    for _ in range(count):
        on = calendar.next_working_day(on)
    return on


def stage_of(calendar: Calendar, expected_on: date, missing_after: int, today: date) -> str:
    """How far money is that had to be booked by `expected_on`: one of `STAGES`."""
    begun = working_days_since(calendar, expected_on, today)
    if begun == 0:
        return EXPECTED
    return LATE if begun < missing_after else MISSING


def first_late_day(calendar: Calendar, today: date) -> date:
    """What is due on this day or later is still `expected` today; what was due before is not."""
    while not calendar.is_working_day(today):
        today -= timedelta(days=1)
    return today


def with_ages(
    discrepancies: Iterable[DayDiscrepancy],
    payments: Mapping[str, AwaitedPayment],
    rules: Sequence[DayRuleValue],
    cut_off: time,
    calendar: Calendar,
    today: date,
) -> list[DayDiscrepancy]:
    """The discrepancies, each payment that no line told of with the day by which one has to.

    What a statement could tell of and is not due yet is of the class `expected`; a gateway's money
    keeps its class until it is due.
    """
    # A day has few answers and may have hundreds of thousands that ask.
    due_of = cache(partial(_due_of, rules, calendar, today))

    def aged(odd: DayDiscrepancy) -> DayDiscrepancy:
        if odd.side != "payment" or odd.kind not in _AWAITED:
            return odd
        payment = payments[odd.object_id]
        return _aged(odd, due_of(calendar.treasury_day(payment.paid_at, cut_off), payment.gateway))

    return [aged(odd) for odd in discrepancies]


@dataclass(frozen=True, slots=True)
class _DueDay:
    """By when money has to be booked, after how many working days it is missing, and whether any
    has begun since."""

    on: date
    missing_after: int
    is_over: bool


def _due_of(
    rules: Sequence[DayRuleValue], calendar: Calendar, today: date, booked: date, gateway: str
) -> _DueDay:
    rule = rule_on(rules, gateway, booked)
    due = working_days_after(calendar, booked, rule.due_after)
    over = working_days_since(calendar, due, today) > 0
    return _DueDay(due, rule.missing_after, over)


def _aged(odd: DayDiscrepancy, due: _DueDay) -> DayDiscrepancy:
    told = replace(odd, expected_on=due.on, missing_after=due.missing_after)
    if odd.kind in _OVERDUE:
        overdue, words = _OVERDUE[odd.kind]
        if due.is_over:
            reason = f"Cổng đã thu, {words}; hạn {day_text(due.on)}."
            return replace(told, kind=overdue, reason=reason)
        return replace(told, reason=f"{odd.reason} Chậm nhất {day_text(due.on)}.")
    if odd.kind == "no_statement" or due.is_over:
        return told
    return replace(told, kind=EXPECTED, reason=f"Đang chờ ghi có, chậm nhất {day_text(due.on)}.")
