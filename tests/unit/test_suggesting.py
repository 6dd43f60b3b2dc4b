"""What a credit may be that matching could not place: each sign, and where none is sure."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from bench.labelled_day import generate
from bench.match_accuracy import match_day, score, shuffled
from core.references import ALPHABET, LENGTH, check_characters, new_reference
from reconciliation.matching.suggesting import Candidate, PlainCredit, Suggestion, suggest

AT = datetime(2026, 11, 2, 3, tzinfo=UTC)


def bill(name: str, reference: str, amount: int = 5000) -> Candidate:
    return Candidate(name, reference, amount, AT)


def line(words: str, amount: int = 5000, name: str = "L1") -> PlainCredit:
    return PlainCredit(name, words, amount, AT + timedelta(minutes=5))


def first(lines: list[PlainCredit], *bills: Candidate) -> Suggestion:
    return suggest(lines, bills)[lines[0].line_id][0]


def damages(reference: str) -> dict[str, str]:
    at = 7
    other = next(letter for letter in ALPHABET if letter not in reference)
    swapped = reference[:at] + reference[at + 1] + reference[at] + reference[at + 2 :]
    return {
        "wrong": reference[:at] + other + reference[at + 1 :],
        "outside the alphabet": reference[:at] + "0" + reference[at + 1 :],
        "swapped": swapped,
        "lost": reference[:at] + reference[at + 1 :],
        "added": reference[:at] + other + reference[at:],
        "cut": reference[:9],
        "the last one lost": reference[:-1],
    }


def _with_two_unlike() -> Iterator[str]:
    """References in which the two characters that are swapped differ."""
    while True:
        if (made := new_reference())[7] != made[8]:
            yield made


@pytest.mark.parametrize("how", list(damages("LPABCDEFGHJKMN")))
def test_a_damaged_reference_is_suggested_and_never_surely_another(how: str) -> None:
    one = bill("a", next(iter(_with_two_unlike())))
    others = [bill(f"b{number}", new_reference()) for number in range(200)]
    said = damages(one.reference)[how]
    found = first([line(f"nop phi {said}")], one, *others)
    assert (found.object_ids, found.rule) == (("a",), "damaged")
    assert found.confidence >= 95


def test_another_amount_makes_a_damaged_reference_unsure() -> None:
    one = bill("a", new_reference(), amount=7000)
    found = first([line(damages(one.reference)["wrong"])], one)
    assert found.confidence < 95


def test_a_cut_that_two_begin_with_is_sure_of_neither() -> None:
    begun = new_reference()
    two = begun[:9] + ("A" if begun[9] != "A" else "B") + begun[10:]
    some = suggest([line(f"phi {begun[:9]}")], [bill("a", begun), bill("b", two)])["L1"]
    assert {one.object_ids for one in some} == {("a",), ("b",)}
    assert all(one.confidence < 50 for one in some)


def test_a_cut_goes_before_what_is_no_character_of_a_reference() -> None:
    """Otherwise any reference that begins like another would be taken for it."""
    begun, other = new_reference(), new_reference()
    words = f"phi {begun[:9]}{other[9:]}AAAA"
    assert suggest([line(words)], [bill("a", begun)]).get("L1", []) == [] or (
        first([line(words)], bill("a", begun)).rule == "amount"
    )


def test_one_transfer_for_several_bills_and_several_for_one() -> None:
    one, two = bill("a", new_reference(), 3000), bill("b", new_reference(), 2000)
    found = first([line(f"{one.reference} {two.reference}")], one, two)
    assert (found.object_ids, found.rule) == (("a", "b"), "several")
    parts = [line(one.reference, 1000, "L1"), line(one.reference, 2000, "L2")]
    found = first(parts, one, two)
    assert (found.line_ids, found.object_ids, found.rule) == (("L1", "L2"), ("a",), "together")
    assert first([line(one.reference, 3000)], one, two).rule == "named"
    assert first([line(one.reference, 2999)], one, two).rule == "other_amount"


@pytest.mark.parametrize(("paid", "told"), [(4000, "thiếu 1.000 đ"), (9000, "thừa 4.000 đ")])
def test_several_that_do_not_add_up_are_all_suggested_and_not_surely(paid: int, told: str) -> None:
    one, two = bill("a", new_reference(), 3000), bill("b", new_reference(), 2000)
    (only,) = suggest([line(f"{one.reference} va {two.reference}", paid)], [one, two])["L1"]
    assert (only.object_ids, only.rule) == (("a", "b"), "several_other_amount")
    assert only.confidence < 95
    assert told in only.reason.replace("\xa0", " ")


def test_several_of_which_some_add_up_are_suggested_as_these() -> None:
    """Who names three, one of them paid before, pays two; sets that fit alike are less sure."""
    some = [
        bill(name, new_reference(), amount)
        for name, amount in zip("abc", (3000, 2000, 9000), strict=True)
    ]
    words = ", ".join(one.reference for one in some)
    (only,) = suggest([line(words, 5000)], some)["L1"]
    assert (only.object_ids, only.rule, only.confidence) == (("a", "b"), "several_part", 60)
    alike = [bill(name, new_reference(), 2000) for name in "abc"]
    words = ", ".join(one.reference for one in alike)
    found = suggest([line(words, 4000)], alike)["L1"]
    assert {one.object_ids for one in found} == {("a", "b"), ("a", "c"), ("b", "c")}
    assert {one.confidence for one in found} == {20}


@pytest.mark.parametrize("how", list(damages("LPABCDEFGHJKMN")))
@pytest.mark.parametrize("joint", [" ", ", ", " va ", ""])
def test_one_of_several_may_be_damaged(how: str, joint: str) -> None:
    made = _with_two_unlike()
    one, two = bill("a", next(made), 3000), bill("b", next(made), 2000)
    others = [bill(f"c{number}", new_reference()) for number in range(100)]
    said = damages(two.reference)[how]
    for words in (f"{one.reference}{joint}{said}", f"{said}{joint}{one.reference}"):
        if how == "cut" and joint == " va " and words.startswith(said):
            continue  # "va" is two characters that a reference may have
        found = first([line(f"nop {words}")], one, two, *others)
        assert (found.object_ids, found.rule) == (("a", "b"), "several"), words
        assert found.confidence >= 95
        short = first([line(f"nop {words}", 4500)], one, two, *others)
        assert (short.object_ids, short.rule) == (("a", "b"), "several_other_amount"), words


def test_a_cut_is_found_where_what_follows_goes_on_like_the_reference_by_chance() -> None:
    made = new_reference()
    begun = f"{made[:9]}L{made[10:12]}"
    one = bill("a", f"{begun}{check_characters(begun[2:])}", 3000)
    two = bill("b", new_reference(), 2000)
    found = first([line(f"{one.reference[:9]}{two.reference}")], one, two)
    assert (found.object_ids, found.rule) == (("a", "b"), "several")


def test_all_of_several_may_be_damaged() -> None:
    made = _with_two_unlike()
    one, two = bill("a", next(made), 3000), bill("b", next(made), 2000)
    words = f"{damages(one.reference)['wrong']} {damages(two.reference)['the last one lost']}"
    found = first([line(words)], one, two)
    assert (found.object_ids, found.rule) == (("a", "b"), "several")


def test_a_repeated_name_is_no_second_bill() -> None:
    one = bill("a", next(_with_two_unlike()))
    for words in (f"{one.reference} {one.reference[:9]}", f"{one.reference} {one.reference}"):
        assert first([line(words)], one).rule == "named"
    damaged = damages(one.reference)
    found = first([line(f"{damaged['wrong']} {damaged['cut']}")], one)
    assert (found.object_ids, found.rule) == (("a",), "damaged")


def test_words_that_name_another_bill_are_not_read_as_saying_nothing() -> None:
    one = bill("a", new_reference())
    assert suggest([line(f"nop {new_reference()}")], [one]) == {}
    assert first([line(f"{new_reference()} {one.reference}")], one).rule == "named"


def test_hundreds_of_names_in_one_line_end_at_once() -> None:
    """Sets are tried only where they are few; otherwise all that is named is told."""
    many = [bill(f"b{number:03d}", new_reference(), 2000 + number) for number in range(300)]
    words = " ".join(one.reference for one in many)
    found = first([line(words, 999)], *many)
    assert (len(found.object_ids), found.rule) == (300, "several_other_amount")
    cut = " ".join(one.reference[:9] for one in many[:40])
    alike = [
        bill(f"x{number}", one.reference[:9] + new_reference()[9:])
        for number, one in enumerate(many[:40])
    ]
    suggest([line(cut, 999)], [*many, *alike])


def test_amount_alone_is_never_sure() -> None:
    one = bill("a", new_reference())
    (alone,) = suggest([line("chuyen tien")], [one])["L1"]
    assert (alone.rule, alone.confidence) == ("amount", 60)
    lines = [line("chuyen tien"), line("", name="L2")]
    assert {x.confidence for some in suggest(lines, [one]).values() for x in some} == {25}
    late = PlainCredit("L1", "chuyen tien", 5000, AT + timedelta(days=4))
    assert suggest([late], [one]) == {}
    early = PlainCredit("L1", "chuyen tien", 5000, AT - timedelta(seconds=1))
    assert suggest([early], [one]) == {}


def test_the_order_does_not_matter() -> None:
    day = generate(400)
    ours = match_day(day)
    assert ours.suggested
    for seed in range(5):
        assert match_day(shuffled(day, random.Random(seed))).digest == ours.digest


def test_nothing_is_matched_wrongly_by_itself_and_a_wrong_rule_is_seen() -> None:
    """With its negative control: the rule by amount only, on the same labelled lines."""
    day = generate(2_000)
    ours = match_day(day)
    suggested = ours.suggested
    assert score(day, ours.matched).wrong == 0
    sure = [(name, one) for name, some in suggested.items() for one in some if one.confidence >= 95]
    assert len(sure) > 50
    assert all(frozenset(one.object_ids) == day.truth[name] for name, one in sure)
    by_amount = {one.amount: one.payment_id for one in day.payments}
    wrong = {
        line.line_id: frozenset({by_amount[line.amount]})
        for line in day.lines
        if line.direction == "credit" and line.amount in by_amount
    }
    assert score(day, wrong).wrong > 1_000


def test_a_reference_has_the_length_that_damages_are_looked_for_in() -> None:
    assert len(new_reference()) == LENGTH
