"""What a version does with debts: every đồng that is owed is asked for once, and none twice."""

from collections.abc import Sequence

from hypothesis import example, given
from hypothesis import strategies as st

from payments.debts.comparing import (
    MOST_SHOWN,
    DebtComparison,
    ListName,
    StandingDebt,
    decision_about,
    hash_of_facts,
)
from payments.debts.findings import DebtChange, DebtDecision, DebtFinding, StandingPart, decide
from payments.debts.sheets import DebtRow

STATES = (("open", False), ("open", True), ("paid", True), ("cancelled", False), ("expired", False))


@st.composite
def standing(draw: st.DrawFn) -> list[StandingPart]:
    """A debt with its supplements: a supplement is of a debt that was paid."""
    status, has_money = draw(st.sampled_from(STATES))
    own = StandingPart("debt_0", "bill_0", draw(st.integers(1, 50)), status, has_money)
    more = draw(st.integers(0, 3)) if status == "paid" else 0
    parts = [own]
    for place in range(1, more + 1):
        status, has_money = draw(st.sampled_from(STATES))
        amount = draw(st.integers(1, 50))
        parts.append(StandingPart(f"debt_{place}", f"bill_{place}", amount, status, has_money))
    return parts


def asked_after(parts: Sequence[StandingPart], done: DebtDecision) -> int:
    """What the bills that stand ask for when it is done."""
    kept = [one for one in parts if one not in done.withdrawn and one.status != "cancelled"]
    return sum(one.amount for one in kept) + done.billed


def faults(parts: Sequence[StandingPart], amount: int, done: DebtDecision) -> list[str]:
    """What would be lost, doubled or touched that has money."""
    wrong = []
    if any(one.has_money or one.is_paid for one in done.withdrawn):
        wrong.append("a bill with money is withdrawn")
    asked = asked_after(parts, done)
    if done.finding is None and asked != amount:
        wrong.append(f"{asked} is asked for, {amount} is owed")
    if (
        done.finding in (DebtFinding.OVERPAID, DebtFinding.NOT_OWED)
        and asked - amount != done.difference
    ):
        wrong.append(f"{asked - amount} is too much, {done.difference} is told of")
    if done.finding in (DebtFinding.UNDER_WAY, DebtFinding.OTHER_FACTS) and (
        done.billed or done.withdrawn
    ):
        wrong.append("what is left to people is changed")
    return wrong


@given(standing(), st.integers(0, 120), st.booleans())
@example(
    [StandingPart("d", "b", 10, "paid", has_money=True)], 15, False
)  # hypothesis takes them by place
def test_what_is_owed_is_asked_for_once(
    parts: list[StandingPart], amount: int, is_same: bool
) -> None:
    assert faults(parts, amount, decide(parts, amount, is_same=is_same)) == []


def test_the_whole_amount_beside_what_was_paid_is_caught() -> None:
    """The negative control: a supplement of everything would be paid twice."""
    paid = StandingPart("d", "b", 10, "paid", has_money=True)
    assert faults([paid], 15, DebtDecision(DebtChange.SUPPLEMENT, billed=15)) != []
    assert faults([paid], 5, DebtDecision(DebtChange.ANEW, (paid,), billed=5)) != []


def test_each_case_has_its_word() -> None:
    free = StandingPart("d", "b", 10, "open", has_money=False)
    paid = StandingPart("d", "b", 10, "paid", has_money=True)
    moving = StandingPart("d", "b", 10, "open", has_money=True)
    said = {
        (one.status, one.has_money, amount): decide([one], amount, is_same=False)
        for one in (free, paid, moving)
        for amount in (0, 5, 10, 15)
    }
    assert said["open", False, 15].change is DebtChange.ANEW
    assert said["open", False, 0].change is DebtChange.WITHDRAWN
    assert said["open", True, 0].finding is DebtFinding.UNDER_WAY
    assert (said["paid", True, 15].change, said["paid", True, 15].billed) == ("supplement", 5)
    assert said["paid", True, 10].finding is DebtFinding.OTHER_FACTS
    assert (said["paid", True, 5].finding, said["paid", True, 5].difference) == ("overpaid", 5)
    assert (said["paid", True, 0].finding, said["paid", True, 0].difference) == ("not_owed", 10)
    assert decide([paid], 10, is_same=True).change is DebtChange.SAME
    gone = StandingPart("d", "b", 10, "cancelled", has_money=False)
    assert decide([gone], 10, is_same=True).change is DebtChange.ANEW


def test_what_was_given_back_is_given_back_once() -> None:
    """Of 10 that were paid 4 went back: 6 are kept."""
    paid = StandingPart("d", "b", 10, "paid", has_money=True, given_back=4)
    assert decide([paid], 6, is_same=True).change is DebtChange.SAME
    assert decide([paid], 6, is_same=False).finding is DebtFinding.OTHER_FACTS
    less, none = decide([paid], 5, is_same=True), decide([paid], 0, is_same=False)
    assert (less.finding, less.difference) == ("overpaid", 1)
    assert (none.finding, none.difference) == ("not_owed", 6)
    more = decide([paid], 8, is_same=True)
    assert (more.change, more.billed) == ("supplement", 2)
    # What the row always said is not billed again: who was given it back may have paid elsewhere.
    assert decide([paid], 10, is_same=True).change is DebtChange.SAME
    gone = StandingPart("d", "b", 10, "paid", has_money=True, given_back=10)
    ended = decide([gone], 0, is_same=False)
    assert (ended.finding, ended.difference, ended.withdrawn) == (None, 0, ())


def test_new_debts_take_no_place_of_those_that_change() -> None:
    """Whoever approves a version sees what it changes, however many new debts come before."""
    compared = DebtComparison()
    for at in range(MOST_SHOWN + 5):
        compared.add(f"N-{at}", DebtDecision(DebtChange.NEW, billed=1_000), 0, 1_000)
    compared.add("C-1", DebtDecision(DebtChange.WITHDRAWN), 5_000, 0)
    assert [one.code for one in compared.shown[:2]] == ["C-1", "N-0"]
    assert len(compared.shown) == MOST_SHOWN


def test_a_phone_that_is_mended_now_is_no_other_fact_than_when_it_was_not() -> None:
    """Else the file of before, sent again, would withdraw every bill and ask for it anew."""
    name, key = ListName("agcy_1", "land", "L-1"), b"k" * 32
    before = DebtRow(2, "ID-1", 10, "Lê Ba", phone="912345678")
    facts = hash_of_facts(key, name.agency_id, before)
    part = StandingPart("debt_0", "bill_0", 10, "open", has_money=False)
    standing_debt = StandingDebt(name.code, facts, (part,))
    for phone, mended, change in (
        ("0912345678", True, DebtChange.SAME),
        ("0912345679", True, DebtChange.ANEW),
        # Somebody has put the 0 there: that is what they want the payer to be reached by.
        ("0912345678", False, DebtChange.ANEW),
    ):
        row = DebtRow(2, "ID-1", 10, "Lê Ba", phone=phone, mended_phone=mended)
        assert decision_about(name, standing_debt, row, key).change is change
