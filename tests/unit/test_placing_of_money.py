"""Where money of a credit goes, when it came and what it is called, with every figure said.

The walks of `tests/properties/test_allocation.py` say what must hold of all; here are the borders.
"""

from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from core.calendar_files import FIRST_DAY
from payments.books.allocation import (
    BillShare,
    Distribution,
    FilledBills,
    OwingBill,
    Reason,
    apportion,
    distribute,
    distribute_static,
    fill_oldest,
    pays_exactly,
    suspend,
)
from payments.books.closed_days import open_day
from payments.books.dates import MoneyDate, money_date
from payments.books.destination import Destination, joined

DUE = datetime(2026, 11, 1, tzinfo=UTC)


def owing(bill_id: str, amount: int, *, days: int = 0, **other: object) -> OwingBill:
    """An open bill for which nothing waits, due so many days after the first."""
    bill = OwingBill(bill_id, "open", amount, 0, DUE + timedelta(days=days))
    return replace(bill, **other)  # type: ignore[arg-type]


def test_money_that_nobody_has_placed_is_nowhere() -> None:
    assert asdict(Distribution()) == {
        "allocated": 0,
        "suspense": 0,
        "refundable": 0,
        "reversed": 0,
        "in_transit": 0,
        "collector_cash": 0,
        "reason": None,
        "takes_waiting": False,
    }


def test_every_place_is_a_part_of_the_credit() -> None:
    placed = Distribution(1, 20, 300, 4000, 50_000, 600_000)
    assert placed.total == 654_321


@pytest.mark.parametrize(
    ("status", "owed", "waiting", "credit", "placed"),
    [
        ("open", 10, 0, 9, Distribution(suspense=9, reason=Reason.SHORT)),
        ("open", 10, 0, 10, Distribution(allocated=10)),
        ("open", 10, 0, 13, Distribution(allocated=10, refundable=3, reason=Reason.EXCESS)),
        ("expired", 10, 0, 10, Distribution(allocated=10)),
        ("open", 10, 4, 5, Distribution(suspense=5, reason=Reason.SHORT)),
        ("open", 10, 1, 9, Distribution(allocated=9, takes_waiting=True)),
        ("open", 10, 4, 6, Distribution(allocated=6, takes_waiting=True)),
        (
            *("open", 10, 4, 8),
            Distribution(6, refundable=2, reason=Reason.EXCESS, takes_waiting=True),
        ),
        ("paid", 10, 0, 10, Distribution(refundable=10, reason=Reason.BILL_ALREADY_PAID)),
        ("exempt", 0, 0, 10, Distribution(refundable=10, reason=Reason.NOTHING_OWED)),
        ("cancelled", 10, 0, 10, Distribution(suspense=10, reason=Reason.BILL_CANCELLED)),
    ],
)
def test_a_credit_for_one_bill(
    status: str, owed: int, waiting: int, credit: int, placed: Distribution
) -> None:
    assert distribute(status, owed, waiting, credit) == placed


@pytest.mark.parametrize(
    ("price", "placed"),
    [
        (None, Distribution(suspense=10, reason=Reason.FEE_NOT_IN_FORCE)),
        (11, Distribution(suspense=10, reason=Reason.STATIC_AMOUNT)),
        (10, Distribution(allocated=10)),
    ],
)
def test_a_credit_for_a_poster(price: int | None, placed: Distribution) -> None:
    assert distribute_static(price, 10) == placed


@pytest.mark.parametrize(
    ("bill", "missing"),
    [
        (owing("b", 10), 10),
        (owing("b", 10, waiting=4), 6),
        (owing("b", 10, waiting=10), 0),
        (owing("b", 10, waiting=11), 0),
        (owing("b", 10, status="expired"), 10),
        (owing("b", 10, status="paid"), 0),
        (owing("b", 10, status="cancelled"), 0),
    ],
)
def test_what_a_bill_still_takes(bill: OwingBill, missing: int) -> None:
    assert bill.missing == missing


def test_a_charge_of_no_kind_is_among_the_first() -> None:
    assert owing("b", 10).rank == (0, DUE, "b")
    assert owing("b", 10, priority=1).rank > owing("a", 10, days=9).rank


def allocated(bill_id: str, amount: int, **other: object) -> BillShare:
    return BillShare(bill_id, Distribution(allocated=amount, **other))  # type: ignore[arg-type]


def test_a_credit_for_several_bills() -> None:
    older, newer = owing("z-older", 10), owing("a-newer", 20, days=1)
    paid = owing("paid", 5, days=-1, status="paid")
    bills = [newer, paid, older]
    assert apportion(bills, 30) == [allocated("z-older", 10), allocated("a-newer", 20)]
    assert apportion(bills, 10) == [allocated("z-older", 10)]
    short = suspend(1, Reason.SHORT)
    assert apportion(bills, 11) == [allocated("z-older", 10), BillShare("a-newer", short)]
    assert apportion(bills, 4) == [BillShare("z-older", suspend(4, Reason.SHORT))]
    over = allocated("a-newer", 20, refundable=7, reason=Reason.EXCESS)
    assert apportion(bills, 37) == [allocated("z-older", 10), over]
    waits = replace(older, waiting=4)
    assert apportion([waits], 6) == [allocated("z-older", 6, takes_waiting=True)]


def test_where_no_bill_takes_any_all_goes_with_the_first() -> None:
    first, second = (owing(name, 10, status="paid") for name in ("a", "b"))
    paid = Distribution(refundable=10, reason=Reason.BILL_ALREADY_PAID)
    assert apportion([second, first], 10) == [BillShare("a", paid)]
    with pytest.raises(ValueError, match="no bills"):
        apportion([], 10)


def test_a_debtors_credit_fills_the_oldest_and_the_rest_is_left() -> None:
    older, newer = owing("z-older", 10, waiting=3), owing("a-newer", 20, days=1)
    bills = [newer, owing("paid", 5, days=-1, status="paid"), older]
    first = allocated("z-older", 7, takes_waiting=True)
    assert fill_oldest(bills, 7) == FilledBills((first,), 0)
    waits = BillShare("a-newer", suspend(2, Reason.SHORT))
    assert fill_oldest(bills, 9) == FilledBills((first, waits), 0)
    assert fill_oldest(bills, 31) == FilledBills((first, allocated("a-newer", 20)), 4)
    assert fill_oldest([], 31) == FilledBills((), 31)


def test_only_the_sum_of_bills_that_each_take_some_is_theirs_exactly() -> None:
    one, two = owing("a", 10), owing("b", 20, waiting=5)
    assert pays_exactly([one, two], 25)
    assert not pays_exactly([one, two], 26)
    assert not pays_exactly([one, owing("b", 20, status="paid")], 10)
    assert not pays_exactly([], 0)


NOW = datetime(2026, 11, 30, 3, 0, tzinfo=UTC)
VIETNAM = timezone(timedelta(hours=7))


@pytest.mark.parametrize(
    ("told", "opened_on", "counts"),
    [
        (NOW, None, MoneyDate(NOW)),
        (NOW + timedelta(days=2), None, MoneyDate(NOW + timedelta(days=2))),
        (
            NOW + timedelta(days=2, microseconds=1),
            None,
            MoneyDate(NOW, NOW + timedelta(days=2, microseconds=1), Reason.DATED_AHEAD),
        ),
        (
            datetime(2026, 11, 10, 0, 0, tzinfo=VIETNAM),
            date(2026, 11, 10),
            MoneyDate(datetime(2026, 11, 10, 0, 0, tzinfo=VIETNAM)),
        ),
        (
            datetime(2026, 11, 9, 23, 59, 59, tzinfo=VIETNAM),
            date(2026, 11, 10),
            MoneyDate(NOW, datetime(2026, 11, 9, 23, 59, 59, tzinfo=VIETNAM), Reason.DATED_BEFORE),
        ),
    ],
)
def test_when_told_money_came(told: datetime, opened_on: date | None, counts: MoneyDate) -> None:
    assert money_date(told, NOW, opened_on) == counts


@pytest.mark.parametrize("opened_on", [None, date(1990, 1, 1)])
def test_no_money_came_before_the_days_that_the_books_know(opened_on: date | None) -> None:
    first = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=VIETNAM)
    assert money_date(first, NOW, opened_on) == MoneyDate(first)
    before = first - timedelta(seconds=1)
    assert money_date(before, NOW, opened_on) == MoneyDate(NOW, before, Reason.DATED_BEFORE)


def test_what_is_of_a_closed_day_counts_for_the_day_after_the_last_closed() -> None:
    last = date(2026, 11, 28)
    assert open_day(None, last) == last
    assert open_day(last, date(2026, 11, 27)) == date(2026, 11, 29)
    assert open_day(last, last) == date(2026, 11, 29)
    assert open_day(last, date(2026, 11, 29)) == date(2026, 11, 29)
    assert open_day(last, date(2026, 11, 30)) == date(2026, 11, 30)


def test_what_a_credit_is_for() -> None:
    none = Destination(Reason.NO_REFERENCE)
    assert asdict(none) == {
        "reason": Reason.NO_REFERENCE,
        "bill_id": None,
        "reference": None,
        "static": None,
        "several": (),
        "agency_id": None,
        "astray": False,
    }
    assert none.bill_ids == ()
    assert replace(none, bill_id="bill_1").bill_ids == ("bill_1",)
    assert replace(none, several=("bill_1", "bill_2")).bill_ids == ("bill_1", "bill_2")
    assert joined(["LPB", "LPA", "LPB"]) == "LPA LPB"
