"""Where the money of a credit goes, for every bill and every sum: no đồng is lost or made."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.money import MAX_AMOUNT
from payments.books.allocation import Distribution, Reason, distribute, distribute_static, suspend

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
