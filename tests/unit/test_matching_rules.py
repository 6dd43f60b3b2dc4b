"""One list of rules: what matches says which of them did, and the page lists all in their order."""

import re
from datetime import date, timedelta
from typing import get_args

import pytest

from reconciliation.matching.rules import RULES, Comparison, RuleName
from reconciliation.settlements.batch_matching import BankCredit, compare_batches
from reconciliation.settlements.matching import SettledLine, TakenPayment, compare_settlement
from tests.architecture.source import ROOT

ON = date(2026, 11, 27)


def test_the_list_is_whole_and_each_rule_is_asked_somewhere() -> None:
    assert [rule.name for rule in RULES] == list(get_args(RuleName))
    assert {one for rule in RULES for one in rule.comparisons} == set(get_args(Comparison))
    # What only suggests comes after everything that matches.
    assert [rule.suggests for rule in RULES] == sorted(rule.suggests for rule in RULES)


def test_the_page_has_the_same_list_in_the_same_order() -> None:
    page = (ROOT / "docs" / "reconcile.md").read_text("utf-8")
    part = page.split("## Which rule matches\n")[1].split("\n## ")[0]
    assert re.findall(r"^\| \d+ \| `(\w+)` \|", part, re.MULTILINE) == [rule.name for rule in RULES]


def test_the_rules_of_runs_are_among_them() -> None:
    """What `day.py` and `matching.sql` write as a match's rule."""
    day = (ROOT / "reconciliation" / "matching" / "day.py").read_text("utf-8")
    sql = (ROOT / "reconciliation" / "matching" / "matching.sql").read_text("utf-8")
    said = set(re.findall(r"'(narrative|reference)' END AS rule", sql))
    said |= set(re.findall(r"ELSE '(\w+)' END AS rule", sql))
    for name in ("bank_ref", "reference", "batch"):
        assert f'"{name}"' in day
    assert said <= {rule.name for rule in RULES}


def line(batch: str, amount: int = 5000, *, name: str = "l1", order: str = "LP1") -> SettledLine:
    return SettledLine(name, batch, "payment", "G1", order, amount, 100, "g", ON)


def credit(words: str, amount: int, *, name: str = "c1", ours: bool = True) -> BankCredit:
    return BankCredit(name, words, amount, ours, ON + timedelta(days=1))


@pytest.mark.parametrize(
    ("number", "order", "rule"),
    [("G1", "LP9", "gateway_ref"), ("G9", "LP1", "order_ref"), ("G9", "LP9", None)],
)
def test_a_payment_and_its_line_say_by_what(number: str, order: str, rule: str | None) -> None:
    ours = [TakenPayment("p1", number, order, 5000, ON)]
    (place,) = [one for one in compare_settlement(ours, [line("B")], {ON}) if one.payment_id]
    assert place.rule == rule


BATCHES = [line("BATCH-1"), line("BATCH-2", 7000, name="l2"), line("BATCH-3", 9000, name="l3")]


@pytest.mark.parametrize(
    ("bank", "kinds", "rules"),
    [
        # The reference goes before the gateway's words.
        ([credit("batch 1", 4900)], ["matched"], ["batch_ref"]),
        ([credit("PAYGOV", 4900)], ["matched"], ["settlement_words"]),
        # One credit for two, named and whole; then not whole; then not named.
        (
            [credit("batch 1 batch 2", 11_800)],
            ["matched", "matched"],
            ["batch_ref", "batch_ref"],
        ),
        ([credit("batch 1 batch 2", 11_900)], ["ambiguous"] * 2, ["batch_ref"] * 2),
        ([credit("PAYGOV", 11_800)], ["suggested", "suggested"], ["subset_sum", "subset_sum"]),
        # Neither words nor reference: only the amount, and a day near.
        ([credit("CK DEN", 4900, ours=False)], ["suggested"], ["amount"]),
        ([credit("CK DEN", 11_800, ours=False)], ["missing"], [None]),
    ],
)
def test_a_batch_says_by_what(bank: list[BankCredit], kinds: list[str], rules: list[str]) -> None:
    places, _ = compare_batches(BATCHES, bank)
    first = places[: len(kinds)]
    assert ([one.kind for one in first], [one.rule for one in first]) == (kinds, rules)


def test_two_sets_of_one_sum_are_ambiguous_and_so_are_two_credits_for_one_set() -> None:
    both = [line("BATCH-1"), line("BATCH-2", name="l2"), line("BATCH-3", 9000, name="l3")]
    places, _ = compare_batches(both, [credit("PAYGOV", 13_800)])
    assert [one.kind for one in places] == ["ambiguous"] * 3
    twice = [credit("PAYGOV", 11_800), credit("PAYGOV", 11_800, name="c2")]
    places, _ = compare_batches(BATCHES, twice)
    assert [one.kind for one in places] == ["ambiguous", "ambiguous", "missing"]


def test_an_amount_suggests_nothing_that_is_known_far_or_there_twice() -> None:
    own = [line("BATCH-1")]
    known = BankCredit("c1", "CK", 4900, False, ON, is_known=True)
    far = BankCredit("c1", "CK", 4900, False, ON + timedelta(days=30))
    twice = [credit("CK", 4900, ours=False), credit("CK", 4900, name="c2", ours=False)]
    for bank in ([known], [far], twice):
        ((place,), _) = compare_batches(own, bank)
        assert (place.kind, place.rule) == ("missing", None)


def test_what_two_people_have_said_goes_before_everything() -> None:
    bank = [credit("batch 2", 4900), credit("batch 1", 4900, name="c2")]
    places, left = compare_batches(BATCHES[:2], bank, {("g", "BATCH-1"): "c1"})
    assert [(one.kind, one.rule, one.credit_ids) for one in places] == [
        ("matched", "batch", ("c1",)),
        ("missing", None, ()),
    ]
    assert left == ["c2"]
