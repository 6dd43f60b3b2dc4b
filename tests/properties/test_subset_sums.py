"""Sets that come to a sum: exact, unique or left to people, bounded, whatever the order."""

import random
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciliation.settlements.subset_sums import MOST_AMOUNTS, MOST_STEPS, subset_of
from tests.support.examples import examples

relaxed = settings(max_examples=examples(300), deadline=None)

some = st.lists(st.integers(1, 40).map(lambda n: n * 500), max_size=9).map(
    lambda found: {f"b{n}": amount for n, amount in enumerate(found)}
)


def every_set(amounts: dict[str, int], wanted: int) -> list[tuple[str, ...]]:
    """By trying all, as nobody would for more than a few."""
    return [
        chosen
        for size in range(1, len(amounts) + 1)
        for chosen in combinations(sorted(amounts), size)
        if sum(amounts[name] for name in chosen) == wanted
    ]


@relaxed
@given(some, st.integers(1, 60).map(lambda n: n * 500))
def test_it_is_what_trying_all_finds(amounts: dict[str, int], wanted: int) -> None:
    answer, all_sets = subset_of(amounts, wanted), every_set(amounts, wanted)
    assert answer.kind == {0: "none", 1: "unique"}.get(len(all_sets), "several")
    if answer.kind == "unique":
        assert answer.names == all_sets[0]


@relaxed
@given(some, st.integers(1, 60).map(lambda n: n * 500), st.integers())
def test_order_does_not_matter(amounts: dict[str, int], wanted: int, seed: int) -> None:
    mixed = list(amounts.items())
    random.Random(seed).shuffle(mixed)  # to mix, not to hide
    assert subset_of(dict(mixed), wanted) == subset_of(amounts, wanted)


@pytest.mark.parametrize(
    ("amounts", "wanted", "kind", "names"),
    [
        ({"a": 4945, "b": 9890}, 14_835, "unique", ("a", "b")),
        ({"a": 4945, "b": 4945, "c": 9890}, 14_835, "several", ("a", "b", "c")),
        ({"a": 5000, "b": 5000}, 5000, "several", ("a", "b")),
        ({"a": 5000}, 5001, "none", ()),
        ({"a": 0, "b": -500, "c": 500}, 500, "unique", ("c",)),
        ({}, 500, "none", ()),
    ],
)
def test_examples(amounts: dict[str, int], wanted: int, kind: str, names: tuple[str, ...]) -> None:
    answer = subset_of(amounts, wanted)
    assert (answer.kind, answer.names) == (kind, names)


def test_a_search_that_is_not_finished_says_nothing() -> None:
    # All even, and an odd sum: nothing fits, and no branch shows it soon.
    amounts = {f"b{n:02}": 2 * (1000 + n) for n in range(40)}
    answer = subset_of(amounts, 40_001)
    assert (answer.kind, answer.names) == ("unsure", ())
    assert answer.steps == MOST_STEPS + 1
    crowd = {f"b{n}": 1000 + n for n in range(MOST_AMOUNTS + 1)}
    assert subset_of(crowd, 2001).kind == "unsure"


def test_the_first_that_fits_would_be_wrong() -> None:
    """The negative control: whoever takes the first set decides what only people can."""

    def first_fit(amounts: dict[str, int], wanted: int) -> tuple[str, ...]:
        return every_set(amounts, wanted)[0]

    amounts = {"a": 3000, "b": 2000, "c": 5000}
    assert first_fit(amounts, 5000) == ("c",)
    assert subset_of(amounts, 5000).kind == "several"
