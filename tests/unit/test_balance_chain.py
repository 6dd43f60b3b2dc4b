"""The order of statements that tell no times is that of their balances, or it is not certain."""

from itertools import permutations

import pytest

from reconciliation.matching.balance_chain import ends_of_chain


@pytest.mark.parametrize(
    ("told", "ends"),
    [
        ([(0, 10)], (0, 10)),
        ([(10, 60), (0, 10)], (0, 60)),
        # There and back again on the way.
        ([(0, 10), (10, 0), (0, 30)], (0, 30)),
        ([(5, 5), (5, 7)], (5, 7)),
        # The whole day twice, the later export longer.
        ([(0, 10), (0, 30)], None),
        ([(0, 10), (0, 10)], None),
        # A statement is missing in between, or a circle stands aside.
        ([(0, 10), (20, 30)], None),
        ([(100, 110), (110, 100), (95, 120)], None),
        # A circle begins anywhere.
        ([(0, 10), (10, 0)], None),
        ([], None),
    ],
)
def test_ends_are_told_only_where_one_chain_uses_every_statement(
    told: list[tuple[int, int]], ends: tuple[int, int] | None
) -> None:
    assert {ends_of_chain(order) for order in permutations(told)} == {ends}
