"""Whatever is spelled is read back as the same amount."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.money import MAX_AMOUNT
from receipts.words import amount_in_words
from tests.support.examples import examples
from tests.support.words_parser import Unreadable, read_amount

#: Numbers with empty and nearly empty groups are where spellers go wrong.
GROUPS = st.lists(
    st.one_of(st.sampled_from([0, 1, 4, 5, 10, 11, 15, 21, 24, 100, 105]), st.integers(0, 999)),
    min_size=1,
    max_size=4,
).map(lambda groups: sum(group * 1000**power for power, group in enumerate(groups)))
AMOUNTS = st.one_of(st.integers(0, MAX_AMOUNT), GROUPS, GROUPS.map(lambda n: n * 10 % MAX_AMOUNT))


@given(AMOUNTS)
@settings(max_examples=examples(400))
def test_an_amount_is_read_back_from_its_words(amount: int) -> None:
    words = amount_in_words(amount)
    assert read_amount(words) == amount
    assert unicodedata.is_normalized("NFC", words)


@given(st.integers(0, MAX_AMOUNT), st.integers(0, MAX_AMOUNT))
@settings(max_examples=examples(100))
def test_two_amounts_never_share_their_words(one: int, other: int) -> None:
    assert (amount_in_words(one) == amount_in_words(other)) == (one == other)


@given(st.integers(1, 999), st.integers(1, 99))
@settings(max_examples=examples(100))
def test_a_speller_that_leaves_out_the_empty_hundred_is_caught(thousands: int, rest: int) -> None:
    amount = thousands * 1000 + rest
    broken = amount_in_words(amount).replace("không trăm linh ", "lẻ ").replace("không trăm ", "")
    with pytest.raises(Unreadable):
        read_amount(broken)
