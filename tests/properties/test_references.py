"""What the check characters must catch, tried on every single wrong character and every swap.

The last test runs a plain checksum through the same search and sees it fail: a search that has
never found a fault proves nothing.
"""

from collections.abc import Callable, Iterator
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from core.references import (
    ALPHABET,
    check_characters,
    find_references,
    is_reference,
    new_reference,
    normalise,
)
from tests.support.examples import examples

Checker = Callable[[str], str]

BODIES = st.text(ALPHABET, min_size=10, max_size=10)
#: What a bank may put around or inside a reference; no letter or digit inside.
SEPARATORS = st.text(" .-_/:;,\t\n", max_size=3)
SAMPLE = [new_reference()[2:-2] for _ in range(40)] + ["A" * 10, "9" * 10, "LPLPLPLPLP"]


def single_errors(word: str) -> Iterator[str]:
    for position, right in enumerate(word):
        for wrong in ALPHABET:
            if wrong != right:
                yield word[:position] + wrong + word[position + 1 :]


def swaps(word: str, *, adjacent: bool) -> Iterator[str]:
    for left, right in combinations(range(len(word)), 2):
        if word[left] != word[right] and (right == left + 1 or not adjacent):
            characters = list(word)
            characters[left], characters[right] = characters[right], characters[left]
            yield "".join(characters)


def missed(checker: Checker, bodies: list[str], damage: Callable[[str], Iterator[str]]) -> int:
    """How many damaged words (body and check characters) `checker` still takes for right."""
    return sum(
        checker(damaged[:10]) == damaged[10:]
        for body in bodies
        for damaged in damage(body + checker(body))
    )


def adjacent_swaps(word: str) -> Iterator[str]:
    return swaps(word, adjacent=True)


def all_swaps(word: str) -> Iterator[str]:
    return swaps(word, adjacent=False)


def test_every_single_wrong_character_is_detected() -> None:
    assert sum(1 for _ in single_errors("A" * 12)) == 12 * 31
    assert missed(check_characters, SAMPLE, single_errors) == 0


def test_every_swap_of_two_different_characters_is_detected() -> None:
    assert missed(check_characters, SAMPLE, adjacent_swaps) == 0
    assert missed(check_characters, SAMPLE, all_swaps) == 0


def test_every_pair_of_wrong_characters_in_one_reference_is_detected() -> None:
    # The distance of the code, exhaustively for one word: linearity carries it to all others.
    word = "A" * 10 + check_characters("A" * 10)
    for left, right in combinations(range(12), 2):
        for damaged in single_errors(word[left]):
            for other in single_errors(word[right]):
                two = word[:left] + damaged + word[left + 1 : right] + other + word[right + 1 :]
                assert check_characters(two[:10]) != two[10:]


def test_the_search_finds_that_a_plain_sum_misses_swaps() -> None:
    def plain_sum(body: str) -> str:
        total = sum(ALPHABET.index(character) for character in body)
        return ALPHABET[total // 32 % 32] + ALPHABET[total % 32]

    assert missed(plain_sum, SAMPLE, single_errors) == 0
    assert missed(plain_sum, SAMPLE, adjacent_swaps) > 0


def test_the_search_finds_that_one_repeated_check_character_misses_pairs() -> None:
    def last_only(body: str) -> str:
        return body[-1] * 2

    assert missed(last_only, SAMPLE, single_errors) > 0
    assert missed(last_only, SAMPLE, all_swaps) > 0


@given(BODIES)
def test_a_body_with_its_check_characters_is_a_reference(body: str) -> None:
    assert is_reference("LP" + body + check_characters(body))


@given(BODIES, BODIES)
def test_the_code_is_linear(left: str, right: str) -> None:
    """So that a fault is detected in every reference once it is detected in one."""

    def add(one: str, other: str) -> str:
        return "".join(
            ALPHABET[ALPHABET.index(a) ^ ALPHABET.index(b)] for a, b in zip(one, other, strict=True)
        )

    zero = check_characters("A" * 10)
    both = add(check_characters(left), check_characters(right))
    assert add(check_characters(add(left, right)), zero) == both


@given(BODIES, st.data())
@settings(max_examples=examples(60))
def test_a_reference_is_found_in_lower_case_with_separators_anywhere(
    body: str, data: st.DataObject
) -> None:
    reference = "LP" + body + check_characters(body)
    spread = "".join(
        character + data.draw(SEPARATORS)
        for character in (reference.lower() if data.draw(st.booleans()) else reference)
    )
    assert reference in find_references(f"MBVCB.1.{spread}.CT tu 0011 NGUYEN VAN A toi 0022")


@given(BODIES, st.text(max_size=20), st.text(max_size=20))
@settings(max_examples=examples(60))
def test_a_reference_is_found_whatever_text_surrounds_it(
    body: str, before: str, after: str
) -> None:
    reference = "LP" + body + check_characters(body)
    # A combining mark right after would belong to the last character; it is dropped all the same.
    assert reference in find_references(before + reference + after)


@given(st.text(max_size=80))
def test_whatever_is_found_is_valid_and_is_there(text: str) -> None:
    for reference in find_references(text):
        assert is_reference(reference)
        assert reference in normalise(text)


@given(st.text())
def test_normalising_leaves_only_plain_capitals_and_digits_and_is_idempotent(text: str) -> None:
    plain = normalise(text)
    assert plain == "" or (plain.isascii() and plain.isalnum() and plain == plain.upper())
    assert normalise(plain) == plain
