"""Where the money of a credit goes, for every bill and every sum: no đồng is lost or made."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.money import MAX_AMOUNT
from payments.books.allocation import (
    BillShare,
    Distribution,
    OwingBill,
    Reason,
    apportion,
    distribute,
    distribute_static,
    fill_oldest,
    pays_exactly,
    suspend,
)

AMOUNTS = st.integers(1, MAX_AMOUNT)
#: Waiting money is what earlier short credits left: never as much as the bill owes.
OWED_AND_WAITING = AMOUNTS.flatmap(lambda owed: st.tuples(st.just(owed), st.integers(0, owed - 1)))
STATUSES = st.sampled_from(("open", "expired", "paid", "exempt", "cancelled"))
#: Money close to what is missing, where an off-by-one would hide.
CLOSE = st.integers(-2, 2)


def faults(credit: int, distribution: Distribution) -> list[str]:
    """What is wrong with the parts of a credit; none if every đồng of it has one place."""
    parts = (distribution.allocated, distribution.suspense, distribution.refundable)
    found = []
    if sum(parts) != credit:
        found.append(f"{parts} do not make {credit}")
    if min(parts) < 0:
        found.append(f"{parts} has a negative part")
    if (distribution.suspense + distribution.refundable > 0) != (distribution.reason is not None):
        found.append(f"{parts} for the reason {distribution.reason}")
    return found


@given(STATUSES, OWED_AND_WAITING, AMOUNTS)
def test_the_parts_of_a_credit_make_the_credit(
    status: str, amounts: tuple[int, int], credit: int
) -> None:
    distribution = distribute(status, *amounts, credit)
    assert faults(credit, distribution) == []
    assert distribution.total == credit


@given(st.one_of(st.none(), AMOUNTS), AMOUNTS)
def test_the_parts_of_a_credit_for_a_poster_make_the_credit(price: int | None, credit: int) -> None:
    assert faults(credit, distribute_static(price, credit)) == []


@given(AMOUNTS, st.sampled_from(Reason))
def test_a_suspended_credit_waits_whole(credit: int, reason: Reason) -> None:
    distribution = suspend(credit, reason)
    assert faults(credit, distribution) == []
    assert (distribution.suspense, distribution.reason) == (credit, reason)


@given(st.sampled_from(("open", "expired")), OWED_AND_WAITING, AMOUNTS)
def test_a_bill_is_settled_exactly_when_the_sum_reaches_its_amount(
    status: str, amounts: tuple[int, int], credit: int
) -> None:
    owed, waiting = amounts
    distribution = distribute(status, owed, waiting, credit)
    settled = waiting + credit >= owed
    assert (distribution.allocated > 0) == settled
    if settled:
        assert distribution.allocated + waiting == owed
        assert distribution.takes_waiting == (waiting > 0)
        assert distribution.suspense == 0
    else:
        assert distribution == suspend(credit, Reason.SHORT)


@given(OWED_AND_WAITING, CLOSE)
def test_one_dong_decides(amounts: tuple[int, int], difference: int) -> None:
    owed, waiting = amounts
    credit = max(owed - waiting + difference, 1)
    over = waiting + credit - owed
    distribution = distribute("open", owed, waiting, credit)
    assert distribution.refundable == max(over, 0)
    assert (distribution.suspense > 0) == (over < 0)


@given(st.sampled_from(("paid", "exempt", "cancelled")), OWED_AND_WAITING, AMOUNTS)
def test_a_bill_that_owes_nothing_takes_nothing(
    status: str, amounts: tuple[int, int], credit: int
) -> None:
    distribution = distribute(status, *amounts, credit)
    assert distribution.allocated == 0
    assert not distribution.takes_waiting
    # Whether the service of a withdrawn bill is wanted after all is for a person to say.
    assert (distribution.suspense == credit) == (status == "cancelled")


@given(st.one_of(st.none(), AMOUNTS), AMOUNTS, CLOSE)
def test_a_poster_is_paid_by_its_exact_price_only(
    price: int | None, other: int, difference: int
) -> None:
    credit = other if price is None else max(price + difference, 1)
    distribution = distribute_static(price, credit)
    assert distribution.allocated == (credit if credit == price else 0)
    assert distribution.refundable == 0


@given(AMOUNTS, st.lists(AMOUNTS, min_size=1, max_size=12))
def test_credits_one_after_the_other_settle_a_bill_once(owed: int, credits: list[int]) -> None:
    """Follow a bill through several credits: it is given what it owes, once, and the rest goes."""
    status, waiting, given_in_all, back = "open", 0, 0, 0
    for credit in credits:
        distribution = distribute(status, owed, waiting, credit)
        given_in_all += distribution.allocated + (waiting if distribution.takes_waiting else 0)
        waiting = 0 if distribution.takes_waiting else waiting
        waiting += distribution.suspense
        back += distribution.refundable
        if distribution.allocated:
            status = "paid"
    assert given_in_all + waiting + back == sum(credits)
    assert given_in_all == (owed if sum(credits) >= owed else 0)
    assert waiting == 0 or status == "open"


@pytest.mark.parametrize(
    ("distribution", "wrong"),
    [
        (Distribution(allocated=99), "do not make"),
        (Distribution(allocated=100, refundable=1, reason=Reason.EXCESS), "do not make"),
        (Distribution(refundable=101, allocated=-1, reason=Reason.EXCESS), "negative"),
        (Distribution(allocated=60, refundable=40), "for the reason None"),
        (Distribution(allocated=100, reason=Reason.EXCESS), "for the reason excess"),
    ],
)
def test_a_broken_placement_is_caught(distribution: Distribution, wrong: str) -> None:
    found = faults(100, distribution)
    assert len(found) == 1
    assert wrong in found[0]


FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)


@st.composite
def owing_bills(draw: st.DrawFn) -> list[OwingBill]:
    """Some bills of one body, mostly still to be paid, in the order in which a payer names them."""
    bills = []
    for number in range(draw(st.integers(1, 6))):
        amount = draw(st.integers(1, 30))
        status = draw(st.sampled_from(("open", "open", "open", "expired", "paid", "cancelled")))
        bills.append(
            OwingBill(
                bill_id=f"bill_{number}",
                status=status,
                amount=amount,
                waiting=draw(st.integers(0, amount - 1)) if status == "open" else 0,
                due_at=FIRST_DAY + timedelta(days=draw(st.integers(0, 2))),
                priority=draw(st.integers(0, 1)),
            )
        )
    return bills


def _before(bill: OwingBill) -> tuple[int, datetime, str]:
    """What is paid first, as it was agreed: by kind of charge, then the older; said here anew."""
    return bill.priority, bill.due_at, bill.bill_id


def sharing_faults(bills: list[OwingBill], credit: int, shares: list[BillShare]) -> list[str]:
    """What is wrong with the shares of a credit that is for several bills."""
    known = {bill.bill_id: bill for bill in bills}
    found = [fault for one in shares for fault in faults(one.distribution.total, one.distribution)]
    if (total := sum(one.distribution.total for one in shares)) != credit:
        found.append(f"shares of {total} do not make {credit}")
    if len({one.bill_id for one in shares}) != len(shares):
        found.append("a bill has two shares")
    settled = {one.bill_id for one in shares if one.distribution.allocated}
    for one in shares:
        bill = known[one.bill_id]
        older = [b for b in bills if _before(b) < _before(bill) and b.missing]
        if (unpaid := [b.bill_id for b in older if b.bill_id not in settled]) and bill.missing:
            found.append(f"{bill.bill_id} gets something before {unpaid}")
        placed = one.distribution
        if placed.allocated and placed.allocated + bill.waiting != bill.amount:
            found.append(f"{bill.bill_id} is given {placed.allocated}, and is not settled by it")
        if placed.refundable and bill.missing and one is not shares[-1]:
            found.append(f"{bill.bill_id} is overpaid and others are not reached")
    return found


@given(owing_bills(), st.integers(1, 200), st.randoms())
def test_a_credit_for_several_bills_pays_the_oldest_first_and_loses_nothing(
    bills: list[OwingBill], credit: int, random: Random
) -> None:
    shares = apportion(bills, credit)
    assert sharing_faults(bills, credit, shares) == []
    # The order of the names in the payer's words decides nothing.
    other = list(bills)
    random.shuffle(other)
    assert apportion(other, credit) == shares


@given(owing_bills())
def test_a_credit_of_what_several_bills_owe_settles_each(bills: list[OwingBill]) -> None:
    owed = sum(bill.missing for bill in bills)
    takes = all(bill.missing for bill in bills)
    assert pays_exactly(bills, owed) == takes
    assert not pays_exactly(bills, owed + 1)
    assert not pays_exactly(bills, owed - 1)
    if takes:
        shares = apportion(bills, owed)
        assert [one.distribution.allocated for one in shares] == [
            bill.missing for bill in sorted(bills, key=lambda bill: bill.rank)
        ]
        assert all(one.distribution.reason is None for one in shares)


@given(owing_bills(), st.integers(1, 200), st.randoms())
def test_a_stalls_money_pays_the_oldest_first_and_keeps_the_rest(
    bills: list[OwingBill], credit: int, random: Random
) -> None:
    filled = fill_oldest(bills, credit)
    owed = sum(bill.missing for bill in bills)
    given = sum(one.distribution.total for one in filled.shares)
    assert (given, filled.left) == (min(credit, owed), max(credit - owed, 0))
    assert sharing_faults(bills, given, list(filled.shares)) == []
    assert sum(one.distribution.refundable for one in filled.shares) == 0
    other = list(bills)
    random.shuffle(other)
    assert fill_oldest(other, credit) == filled


def filled_one_by_one(bills: list[OwingBill], credits: list[int]) -> tuple[list[OwingBill], int]:
    """The bills as several credits leave them, one after the other, and what is left of these."""
    left = 0
    now = {bill.bill_id: bill for bill in bills}
    for credit in credits:
        filled = fill_oldest(list(now.values()), credit)
        left += filled.left
        for one in filled.shares:
            bill = now[one.bill_id]
            if one.distribution.allocated:
                now[one.bill_id] = replace(bill, status="paid", waiting=0)
            else:
                now[one.bill_id] = replace(bill, waiting=bill.waiting + one.distribution.suspense)
    return list(now.values()), left


@given(owing_bills(), st.lists(st.integers(1, 40), min_size=1, max_size=6), st.randoms())
def test_the_same_credits_in_any_order_leave_the_same_bills_and_the_same_rest(
    bills: list[OwingBill], credits: list[int], random: Random
) -> None:
    other = list(credits)
    random.shuffle(other)
    left = filled_one_by_one(bills, credits)
    assert filled_one_by_one(bills, other) == left
    # And no otherwise than if all of it had come at once.
    assert filled_one_by_one(bills, [sum(credits)]) == left


def test_money_that_is_given_in_the_order_of_names_would_be_caught() -> None:
    """The negative control of order: who does not look which is older pays what is named first."""
    older = OwingBill("older", "open", 10, 0, FIRST_DAY)
    newer = OwingBill("newer", "open", 10, 0, FIRST_DAY + timedelta(days=1))

    def by_names(bills: list[OwingBill], credit: int) -> list[BillShare]:
        first = bills[0]
        return [BillShare(first.bill_id, Distribution(allocated=min(credit, first.missing)))]

    assert fill_oldest([older, newer], 10) == fill_oldest([newer, older], 10)
    assert by_names([older, newer], 10) != by_names([newer, older], 10)
    told = sharing_faults([older, newer], 10, by_names([newer, older], 10))
    assert any("gets something before" in fault for fault in told)


def test_broken_shares_are_caught() -> None:
    older = OwingBill("older", "open", 10, 0, FIRST_DAY)
    newer = OwingBill("newer", "open", 10, 0, FIRST_DAY + timedelta(days=1))
    bills = [newer, older]
    sound = apportion(bills, 15)
    assert [one.bill_id for one in sound] == ["older", "newer"]
    whole, rest = sound
    wrong = {
        "gets something before": [BillShare("newer", Distribution(allocated=10)), rest],
        "do not make": [whole],
        "a bill has two shares": [whole, replace(rest, bill_id="older")],
        "is not settled by it": [BillShare("older", Distribution(allocated=15))],
        "others are not reached": [
            BillShare("older", Distribution(allocated=10, refundable=1, reason=Reason.EXCESS)),
            BillShare("newer", suspend(4, Reason.SHORT)),
        ],
    }
    for told, shares in wrong.items():
        assert any(told in fault for fault in sharing_faults(bills, 15, shares)), told
    with pytest.raises(ValueError, match="no bills"):
        apportion([], 1)
