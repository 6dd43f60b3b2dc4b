"""What a bank owes for booking late, by hand."""

from datetime import date

import pytest

from reconciliation.matching.late_claims import LateMoney, NoClaimRule, claim_for, rule_on


def money(amount: int, due: int, booked: int) -> LateMoney:
    return LateMoney("pay", "line", "LP", amount, date(2026, 11, due), date(2026, 11, booked))


@pytest.mark.parametrize(
    ("amount", "days", "rate", "claim"),
    [
        # 1,000,000,000 × 150 % × 0.1 % × 3 / 365 = 12,328.77
        (1_000_000_000, 3, 10, 12_329),
        # 5,000 × 150 % × 0.2 % × 1 / 365 = 0.04
        (5_000, 1, 20, 0),
        # 365,000,000 × 150 % × 0.1 % × 1 / 365 = 1,500 exactly
        (365_000_000, 1, 10, 1_500),
        # Half a đồng goes up: 1,216,666,667 × … would hide it; 3,650,000 × 150 % × 0.1 % / 365 = 15
        (3_650_000, 1, 10, 15),
        (121_667, 1, 10, 1),  # 0.50000137
        (121_666, 1, 10, 0),  # 0.49999726
    ],
)
def test_a_claim_is_the_circulars(amount: int, days: int, rate: int, claim: int) -> None:
    found = claim_for(money(amount, 2, 2 + days), rule_on(date(2026, 11, 2)), rate)
    assert (found.days_late, found.claim) == (days, claim)


def test_money_that_was_in_time_is_no_claim() -> None:
    rule = rule_on(date(2026, 11, 2))
    assert claim_for(money(10**12, 5, 5), rule, 10).claim == 0
    assert claim_for(money(10**12, 5, 4), rule, 10).claim == 0


def test_the_rule_is_that_of_the_day() -> None:
    assert "81/2025" in rule_on(date(2025, 10, 1)).basis
    with pytest.raises(NoClaimRule):
        rule_on(date(2025, 9, 30))
