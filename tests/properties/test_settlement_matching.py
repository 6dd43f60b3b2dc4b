"""Settlements compared: money is conserved, order does not matter, everything has one place."""

import random
from collections import Counter
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciliation.settlements.batch_matching import BankCredit, compare_batches
from reconciliation.settlements.matching import SettledLine, TakenPayment, compare_settlement
from tests.support.examples import examples

ON, NEXT = date(2026, 11, 27), date(2026, 11, 28)
relaxed = settings(max_examples=examples(200), deadline=None)

# Few of each, so that they meet.
REFS = st.sampled_from(["", "0", "NONREF", "G1", "g-1", "G2", "G3"])
ORDERS = st.sampled_from(["", "LP1", "LP2", "LP3"])
AMOUNTS = st.sampled_from([1000, 2000, 5000])
BATCHES = ["BATCH-1", "BATCH-10", "BATCH-2"]

KINDS = st.sampled_from(["payment", "refund", "chargeback"])
payments = st.lists(
    st.builds(TakenPayment, st.just(""), REFS, ORDERS, AMOUNTS, st.sampled_from([ON, NEXT]))
).map(lambda some: [replace(one, payment_id=f"p{n:02}") for n, one in enumerate(some)])
lines = st.lists(
    st.builds(
        SettledLine,
        *(
            st.just(""),
            st.sampled_from(BATCHES),
            KINDS,
        ),
        *(REFS, ORDERS, AMOUNTS, st.sampled_from([0, 100, 1000])),
    )
).map(lambda some: [replace(one, line_id=f"l{n:02}") for n, one in enumerate(some)])
WORDS = ["PAYGOV", "qt batch 1", "QT BATCH10", "batch-2 va batch-1", ""]
told = st.lists(
    st.builds(
        BankCredit,
        *(st.just(""), st.sampled_from(WORDS)),
        *(st.integers(1, 12).map(lambda n: n * 900), st.booleans()),
    )
).map(lambda some: [replace(one, line_id=f"c{n:02}") for n, one in enumerate(some)])


@relaxed
@given(payments, lines)
def test_each_payment_and_line_has_exactly_one_place(
    some: list[TakenPayment], other: list[SettledLine]
) -> None:
    places = compare_settlement(some, other, {ON})
    own = Counter(place.payment_id for place in places if place.payment_id is not None)
    assert own == Counter(one.payment_id for one in some)
    assert Counter(line for place in places for line in place.line_ids) == Counter(
        one.line_id for one in other
    )


@relaxed
@given(payments, lines)
def test_what_matches_is_the_same_number_and_the_same_amount(
    some: list[TakenPayment], other: list[SettledLine]
) -> None:
    by_id = {one.payment_id: one for one in some}
    line_of = {one.line_id: one for one in other}
    for place in compare_settlement(some, other, {ON}):
        if place.kind == "matched":
            (line,) = (line_of[one] for one in place.line_ids)
            payment = by_id[str(place.payment_id)]
            assert line.amount == payment.amount
            number = line.gateway_ref.lower().replace("-", "")
            same_number = number == payment.gateway_ref.lower().replace("-", "")
            assert (same_number and number not in ("", "0", "nonref")) or (
                line.order_ref == payment.order_ref != ""
            )


@relaxed
@given(payments, lines, told, st.integers())
def test_order_does_not_matter(
    some: list[TakenPayment], other: list[SettledLine], bank: list[BankCredit], seed: int
) -> None:
    mixed = random.Random(seed)  # to mix, not to hide
    before = compare_settlement(some, other, {ON}), compare_batches(other, bank)
    for one in (some, other, bank):
        mixed.shuffle(one)
    assert before == (compare_settlement(some, other, {ON}), compare_batches(other, bank))


@relaxed
@given(lines, told)
def test_batches_conserve_money_and_no_credit_is_of_two(
    other: list[SettledLine], bank: list[BankCredit]
) -> None:
    places, left = compare_batches(other, bank)
    assert sum(place.net for place in places) == sum(line.paid_over for line in other)
    assert all(place.net == place.amount - place.fee for place in places)
    assert [place.batch_ref for place in places] == sorted({line.batch_ref for line in other})
    mismatched = [place for place in places if place.kind == "amount_mismatch"]
    used = Counter(one for place in mismatched for one in place.credit_ids)
    assert all(times == 1 for times in used.values())
    named = {one for place in places for one in place.credit_ids}
    assert named | set(left) == {one.line_id for one in bank}
    assert not named & set(left)
    amount_of = {one.line_id: one.amount for one in bank}
    # One credit brings what it is matched with, or may bring, to the đồng.
    for kind in ("matched", "suggested"):
        sums: Counter[str] = Counter()
        for place in places:
            if place.kind == kind:
                (one,) = place.credit_ids
                sums[one] += place.net
        assert all(amount_of[one] == brought for one, brought in sums.items())


def payment(number: str = "G1", order: str = "LP1", amount: int = 5000) -> TakenPayment:
    return TakenPayment("p1", number, order, amount, ON)


def line(
    number: str = "G1",
    order: str = "LP1",
    amount: int = 5000,
    *,
    name: str = "l1",
    batch: str = "B",
) -> SettledLine:
    return SettledLine(name, batch, "payment", number, order, amount, 100)


@pytest.mark.parametrize(
    ("ours", "theirs", "kinds"),
    [
        ([payment()], [line()], ["matched"]),
        ([payment()], [line("g-1", "")], ["matched"]),
        ([payment()], [line("", "LP1")], ["matched"]),
        ([payment()], [line(amount=4000)], ["amount_mismatch"]),
        ([payment()], [line(), line(name="l2")], ["duplicate"]),
        # Of equal amount, and that is all.
        ([payment()], [line("G9", "LP9")], ["unknown_in_settlement", "missing_in_settlement"]),
        # What stands for no number is no number.
        (
            [payment("NONREF", "")],
            [line("NONREF", "")],
            ["unknown_in_settlement", "missing_in_settlement"],
        ),
        ([replace(payment(), business_on=NEXT)], [], ["expected"]),
        # A number that two payments have tells neither.
        (
            [payment(), replace(payment(order="LP2"), payment_id="p2")],
            [line("G1", "LP2")],
            ["missing_in_settlement", "matched"],
        ),
    ],
)
def test_payments_and_lines(
    ours: list[TakenPayment], theirs: list[SettledLine], kinds: list[str]
) -> None:
    assert [place.kind for place in compare_settlement(ours, theirs, {ON})] == kinds


def credit(words: str, amount: int = 4900, *, name: str = "c1", ours: bool = True) -> BankCredit:
    return BankCredit(name, words, amount, ours)


@pytest.mark.parametrize(
    ("batches", "bank", "kinds"),
    [
        (["BATCH-1"], [credit("QT batch 1", ours=False)], ["matched"]),
        (["BATCH-1"], [credit("QT batch 1", 4800)], ["amount_mismatch"]),
        (["BATCH-1"], [credit("PAYGOV")], ["matched"]),
        # Equal amount alone says nothing.
        (["BATCH-1"], [credit("nop phi", ours=False)], ["missing"]),
        (["BATCH-1"], [credit("PAYGOV", 4800)], ["missing"]),
        (["BATCH-1"], [credit("PAYGOV"), credit("PAYGOV", name="c2")], ["ambiguous"]),
        (["BATCH-1", "BATCH-2"], [credit("PAYGOV")], ["ambiguous", "ambiguous"]),
        (["BATCH-1"], [credit("batch 1"), credit("batch 1", name="c2")], ["ambiguous"]),
        # A reference that begins another one is not in its words.
        (["BATCH-1", "BATCH-10"], [credit("batch 10")], ["missing", "matched"]),
        # Two are short enough to stand in any words.
        (["B1"], [credit("ab1c", ours=False)], ["missing"]),
    ],
)
def test_batches_and_credits(batches: list[str], bank: list[BankCredit], kinds: list[str]) -> None:
    some = [line(name=f"l{n}", batch=batch) for n, batch in enumerate(batches)]
    assert [place.kind for place in compare_batches(some, bank)[0]] == kinds


def test_batches_of_two_gateways_are_two_though_they_are_called_alike() -> None:
    one = line(batch="BATCH-1")
    places, _ = compare_batches([one, replace(one, line_id="l2", gateway="g")], [credit("batch 1")])
    assert [(place.gateway, place.kind) for place in places] == [
        ("", "ambiguous"),
        ("g", "ambiguous"),
    ]


def test_a_batch_of_refunds_alone_is_due_nothing() -> None:
    back = replace(line(batch="BATCH-1"), kind="refund")
    (place,), left = compare_batches([back], [credit("batch 1")])
    assert (place.kind, place.net, place.credit_ids, left) == ("nothing_due", -4900, (), ["c1"])
