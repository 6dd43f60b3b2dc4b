"""What a vendor's page says: periods in words, what an amount would pay, what was proved."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from app.web.citizen.typed import amount as read_amount
from core.days import day_text
from core.errors import FieldError
from core.money import MAX_AMOUNT
from payments.billing.dues.queries import PeriodBill
from payments.books.allocation import fill_oldest
from payments.catalogue.rules.wording import LocalizedText

#: Periods that can be chosen by their number, the oldest first; more are paid by all or an amount.
MOST_CHOICES = 6

#: What is said of the first sum that no QR can hold.
_MOST = MAX_AMOUNT - 1

_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


@dataclass(frozen=True, slots=True)
class PaidPart:
    """What of an amount would go to a period's bill, in đồng; `whole` where that pays it."""

    bill: PeriodBill
    amount: int
    whole: bool


@dataclass(frozen=True, slots=True)
class PayPlan:
    """What `amount` đồng on the stall's reference would pay, and what would be left for later."""

    amount: int
    parts: tuple[PaidPart, ...]
    left: int


@dataclass(frozen=True, slots=True)
class PayChoice:
    """So many periods, the oldest first, and what they come to; `name` is the form's value."""

    name: str
    count: int
    amount: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class PayWish:
    """What the form asked for: an amount to plan for, or what was wrong with it."""

    choice: str
    amount: int
    typed: str = ""
    faults: tuple[FieldError, ...] = ()


def period_words(kind: str, period: str) -> LocalizedText:
    """A period as people call it: 2026-11, 2026-W45 or 2026-11-05."""
    year, _, rest = period.partition("-")
    if kind == "month":
        return LocalizedText(f"Tháng {int(rest)}/{year}", f"{_MONTHS[int(rest) - 1]} {year}")
    if kind == "week":
        return LocalizedText(f"Tuần {int(rest[1:])}/{year}", f"Week {int(rest[1:])}, {year}")
    day = date.fromisoformat(period)
    return LocalizedText(f"Ngày {day_text(day)}", f"{day.day} {_MONTHS[day.month - 1]} {day.year}")


def read_choice(owed: Sequence[PeriodBill], pay: str, typed: str) -> PayWish:
    """What the form asks for: an amount where one is typed, else periods; all where neither is."""
    total = sum(bill.missing for bill in owed)
    if typed.strip():
        try:
            wished = read_amount(typed) or 0
        except ValueError:
            wished = 0
        if not 1 <= wished <= _MOST:
            detail = "Hãy ghi số tiền bằng chữ số, ví dụ 300.000."
            return PayWish("amount", total, typed, (FieldError("amount", "invalid", detail),))
        return PayWish("amount", wished, typed)
    if pay.isascii() and pay.isdigit() and 1 <= int(pay[:3]) < len(owed):
        return PayWish(pay, sum(bill.missing for bill in owed[: int(pay[:3])]))
    return PayWish("all", total)


def choices_of(owed: Sequence[PeriodBill], asked: PayWish) -> list[PayChoice]:
    """The periods that the form offers: the oldest, the two oldest, and so on, then all."""
    some = [
        PayChoice(str(count), count, sum(bill.missing for bill in owed[:count]), False)
        for count in range(1, min(len(owed), MOST_CHOICES + 1))
    ]
    every = PayChoice("all", len(owed), sum(bill.missing for bill in owed), False)
    return [
        PayChoice(one.name, one.count, one.amount, one.name == asked.choice)
        for one in [*some, every]
    ]


def plan_of(owed: Sequence[PeriodBill], amount: int) -> PayPlan:
    """What an amount would pay: the same rule by which the books will give it away."""
    filled = fill_oldest([bill.owing for bill in owed], amount)
    known = {bill.bill_id: bill for bill in owed}
    parts = tuple(
        PaidPart(
            known[one.bill_id],
            one.distribution.total,
            one.distribution.allocated > 0,
        )
        for one in filled.shares
    )
    return PayPlan(amount, parts, filled.left)
