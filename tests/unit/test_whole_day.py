"""A whole day with one thing of each kind beside another: everything that is said of it."""

import random
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from core.calendar import national
from core.references import new_reference
from payments.books.queries import DayPayment
from reconciliation.matching.day import match_day
from reconciliation.matching.values import DayLine, DayMatch, DayPlace, DayResult

MONDAY = date(2026, 11, 23)
FRIDAY, TUESDAY = date(2026, 11, 20), date(2026, 11, 24)
#: 09:00 in Vietnam on that Monday.
MORNING = datetime(2026, 11, 23, 2, tzinfo=UTC)
#: References by what they are for.
REF = {
    name: new_reference()
    for name in (
        *("alone", "late", "words", "poster", "odd", "twice", "back", "lost", "friday"),
        *("tuesday", "kept", "one", "two", "alike", "stall", "gone", "bank", "nobody"),
    )
}
BOTH = " ".join(sorted([REF["one"], REF["two"]]))


def payment(name: str, reference: str = "", amount: int = 10_000, **more: Any) -> DayPayment:
    at: datetime = more.pop("at", MORNING)
    on = (at + timedelta(hours=7)).date()
    bank_ref = more.pop("ref", "")
    named = DayPayment(name, REF.get(reference, reference), amount, at, on, "bank", bank_ref)
    return replace(named, **more)


def line(name: str, words: str = "", amount: int = 10_000, **more: Any) -> DayLine:
    told = " ".join(REF.get(word, word) for word in words.split())
    of_line: dict[str, Any] = {
        "direction": "credit",
        "reference": "",
        "bank_ref": "",
        "booked_at": MORNING,
    }
    return DayLine(line_id=name, amount=amount, narrative=told, **(of_line | more))


def on(days: int, hours: int = 0) -> datetime:
    return MORNING + timedelta(days=days, hours=hours)


DEBIT: dict[str, Any] = {"direction": "debit"}

PAYMENTS = [
    payment("p-alone", "alone", 11_000, ref="FT1001", statement_alone=True),
    payment("p-bank", "bank", 12_000, ref="FT1002"),
    payment("p-late", "late", 13_000, ref="FT1003"),
    payment("p-words", "words", 14_000),
    payment("p-batch", "", 15_000, ref="FT1005", is_batch=True),
    payment("p-named", "", 16_000, is_batch=True, batch_line="l-named"),
    payment("p-cut", "", 17_000, is_batch=True, batch_line="l-cut"),
    payment("p-poster1", "poster", 18_000, static=True, ref="-"),
    payment("p-poster2", "poster", 18_000, static=True, ref="-", at=on(0, 1)),
    payment("p-stall", "stall", 19_000, static=True),
    payment("p-both", BOTH, 20_000, ref="-"),
    payment("p-odd", "odd", 21_000),
    payment("p-twice", "twice", 22_000),
    payment("p-back", "back", 23_000, ref="FT1013"),
    payment("p-lost", "lost", 24_000, ref="NONREF"),
    payment("p-alike1", "alike", 25_000),
    payment("p-alike2", "alike", 25_000),
    payment("p-none", "", 26_000),
    payment("p-gone", "gone", 27_000),
    payment("p-friday", "friday", 28_000, ref="FT1018", at=on(-3)),
    payment("p-kept", "kept", 29_000, ref="FT1019", at=on(-3)),
    payment("p-tuesday", "tuesday", 30_000, at=on(1)),
]
LINES = [
    line("l-alone", "alone", 11_000, bank_ref="FT1001"),
    line("l-bank", "", 12_000, bank_ref="ft1002", booked_at=on(0, 2)),
    line("l-late", "late", 13_000, bank_ref="FT1003", booked_at=on(2)),
    line("l-words", "nop words phi", 14_000),
    line("l-batch", "", 15_000, bank_ref="FT1005"),
    line("l-named", "", 16_000),
    line("l-cut", "", 16_999),
    line("l-poster1", "poster", 18_000),
    line("l-poster2", "poster", 18_000, booked_at=on(0, 1)),
    line("l-stall", "stall", 19_000),
    line("l-both", "two one", 20_000),
    line("l-odd", "odd", 20_999),
    line("l-twice1", "twice", 22_000),
    line("l-twice2", "twice", 22_000, booked_at=on(0, 1)),
    line("l-back", "back", 23_000, bank_ref="FT1013"),
    line("d-back", "HOAN TRA back", 23_000, bank_ref="FT1013", **DEBIT),
    line("l-lost", "lost", 24_000, bank_ref="NONREF"),
    line("d-lost", "HOAN TRA lost", 24_000, booked_at=on(1), **DEBIT),
    line("l-nobody", "nobody", 31_000, bank_ref="FT1031"),
    line("d-nobody", "HOAN TRA", 31_000, bank_ref="FT1031", **DEBIT),
    line("l-alike", "alike", 25_000),
    line("l-friday", "friday", 28_000, bank_ref="FT1018"),
    line("l-kept", "kept", 29_000, bank_ref="FT1019"),
    line("l-tuesday", "tuesday", 30_000, booked_at=on(1)),
    line("l-again", "bank", 12_000, booked_at=on(0, 3)),
    line("l-unknown", "khong ro", 32_000),
    line("l-other-day", "khong ro", 33_000, booked_at=on(1)),
    line("l-turned-up", "khong ro", 34_000, booked_at=on(-5), late_on=MONDAY),
    line("d-fee", "PHI DICH VU", 35_000, **DEBIT),
    line("d-tuesday", "PHI DICH VU", 36_000, booked_at=on(1), **DEBIT),
]


def day_of(
    day: date, payments: list[DayPayment] = PAYMENTS, lines: list[DayLine] = LINES, **more: Any
) -> DayResult:
    carried = more.get("carried", {"p-kept"})
    return match_day(day, payments, lines, time(16), national(), carried=carried)


Odd = tuple[str, str, str, str, int, int | None]


def odds(day: DayResult) -> list[Odd]:
    return [
        (one.side, one.object_id, one.kind, one.reference or "", one.amount, one.other_amount)
        for one in day.discrepancies
    ]


@pytest.fixture(params=["as told", "the other way round", "mixed"])
def told(request: pytest.FixtureRequest) -> tuple[list[DayPayment], list[DayLine]]:
    """The payments and lines in an order: what is said of them does not depend on it."""
    payments, lines = [*PAYMENTS], [*LINES]
    if request.param == "the other way round":
        return payments[::-1], lines[::-1]
    if request.param == "mixed":
        chance = random.Random(7)
        return chance.sample(payments, len(payments)), chance.sample(lines, len(lines))
    return payments, lines


def match(name: str, reference: str, amount: int, rule: str, *, alone: bool = False) -> DayMatch:
    named = REF.get(reference, reference)
    return DayMatch(f"p-{name}", f"l-{name}", named, amount, rule, alone)


def of_payment(name: str, kind: str, amount: int, other: int | None = None, of: str = "") -> Odd:
    return "payment", f"p-{name}", kind, REF.get(of or name, ""), amount, other


def of_line(name: str, kind: str, amount: int, other: int | None = None, of: str = "") -> Odd:
    return "line", f"l-{name}", kind, REF.get(of, ""), amount, other


def test_everything_of_a_day_is_said_once(told: tuple[list[DayPayment], list[DayLine]]) -> None:
    day = day_of(MONDAY, *told)
    assert day.matches == [
        match("alone", "alone", 11_000, "bank_ref", alone=True),
        match("bank", "bank", 12_000, "bank_ref"),
        match("batch", "", 15_000, "batch"),
        match("both", BOTH, 20_000, "reference"),
        match("kept", "kept", 29_000, "bank_ref"),
        match("late", "late", 13_000, "bank_ref"),
        match("named", "", 16_000, "batch"),
        match("poster1", "poster", 18_000, "reference"),
        match("poster2", "poster", 18_000, "reference"),
        match("stall", "stall", 19_000, "reference"),
        match("words", "words", 14_000, "narrative"),
    ]
    assert odds(day) == [
        of_line("again", "unknown_in_ledger", 12_000, of="bank"),
        of_line("alike", "ambiguous", 25_000),
        of_line("cut", "unknown_in_ledger", 16_999),
        of_line("nobody", "reversed", 31_000, 0, of="nobody"),
        of_line("turned-up", "unknown_in_ledger", 34_000),
        of_line("unknown", "unknown_in_ledger", 32_000),
        of_payment("alike1", "ambiguous", 25_000, of="alike"),
        of_payment("alike2", "ambiguous", 25_000, of="alike"),
        of_payment("back", "reversed", 23_000, 0),
        of_payment("cut", "missing_in_ledger", 17_000),
        of_payment("gone", "missing_in_ledger", 27_000),
        of_payment("kept", "late", 29_000),
        of_payment("late", "late", 13_000),
        of_payment("lost", "reversed", 24_000, 0),
        of_payment("none", "missing_in_ledger", 26_000),
        of_payment("odd", "amount_mismatch", 21_000, 20_999),
        of_payment("twice", "duplicate", 22_000, 44_000),
    ]
    assert day.places == [
        DayPlace("l-back", "reversed", "p-back"),
        DayPlace("l-friday", "other_day", "p-friday"),
        DayPlace("l-lost", "reversed", "p-lost"),
        DayPlace("l-odd", "amount_mismatch", "p-odd"),
        DayPlace("l-twice1", "duplicate", "p-twice"),
        DayPlace("l-twice2", "duplicate", "p-twice"),
    ]
    assert day.returned == {"p-back": "d-back", "p-lost": "d-lost"}
    assert sorted(one.line_id for one in day.debits) == ["d-back", "d-fee", "d-nobody"]


def test_the_days_beside_it_have_what_is_theirs(
    told: tuple[list[DayPayment], list[DayLine]],
) -> None:
    friday, tuesday = day_of(FRIDAY, *told, carried=()), day_of(TUESDAY, *told, carried=())
    assert friday.matches == [
        match("friday", "friday", 28_000, "bank_ref"),
        match("kept", "kept", 29_000, "bank_ref"),
    ]
    assert odds(friday) == [
        of_payment("friday", "late", 28_000),
        of_payment("kept", "late", 29_000),
    ]
    assert (friday.places, friday.returned, friday.debits) == ([], {}, [])
    assert tuesday.matches == [match("tuesday", "tuesday", 30_000, "narrative")]
    assert odds(tuesday) == [of_line("other-day", "unknown_in_ledger", 33_000)]
    assert (tuesday.places, tuesday.returned) == ([], {})
    assert sorted(one.line_id for one in tuesday.debits) == ["d-lost", "d-tuesday"]


def test_debits_that_are_refunds_of_ours_take_nothing_back() -> None:
    day = match_day(
        *(MONDAY, PAYMENTS, LINES, time(16), national()),
        carried={"p-kept"},
        ours={"d-back", "d-lost", "d-nobody"},
    )
    rules = {one.payment_id: one.rule for one in day.matches}
    assert (rules["p-back"], rules["p-lost"]) == ("bank_ref", "narrative")
    assert day.returned == {}
    assert [one for one in odds(day) if one[2] == "reversed"] == []
    assert sorted(one.line_id for one in day.debits) == ["d-back", "d-fee", "d-nobody"]


def test_what_people_have_taken_apart_is_apart_by_whatever_it_was_found() -> None:
    undone = {("p-alone", "l-alone"), ("p-stall", "l-stall"), ("p-words", "l-words")}
    day = match_day(*(MONDAY, PAYMENTS, LINES, time(16), national(), undone), carried={"p-kept"})
    whole = day_of(MONDAY)
    assert day.matches == [
        *(one for one in whole.matches if (one.payment_id, one.line_id) not in undone)
    ]
    kinds = {name: kind for _, name, kind, *_ in odds(day)}
    for name in ("alone", "stall", "words"):
        assert (kinds[f"p-{name}"], kinds[f"l-{name}"]) == (
            *("missing_in_ledger", "unknown_in_ledger"),
        )


@pytest.mark.parametrize(
    ("ours", "theirs", "kind"),
    [
        ("NONREF", "FT901", "reversed"),
        ("FT900", "NONREF", "reversed"),
        ("FT900", "FT901", "missing_in_ledger"),
    ],
)
def test_of_two_bank_references_that_differ_each_is_other_money(
    ours: str, theirs: str, kind: str
) -> None:
    """One that tells nothing differs from nothing."""
    lines = [
        line("l-back", "back", 23_000, bank_ref=theirs),
        line("d-back", "HOAN TRA back", 23_000, bank_ref=theirs, **DEBIT),
    ]
    day = day_of(MONDAY, [payment("p-back", "back", 23_000, ref=ours)], lines)
    assert odds(day)[-1] == of_payment("back", kind, 23_000, 0 if kind == "reversed" else None)


def test_money_without_a_reference_is_never_paired_by_its_amount() -> None:
    payments = [payment(f"p-none{n}", "", 26_000) for n in (1, 2)]
    day = day_of(MONDAY, payments, [line("l-none1", "", 26_000), line("l-none2", "", 26_000)])
    assert day.matches == []
    assert odds(day) == [
        of_line("none1", "unknown_in_ledger", 26_000),
        of_line("none2", "unknown_in_ledger", 26_000),
        of_payment("none1", "missing_in_ledger", 26_000),
        of_payment("none2", "missing_in_ledger", 26_000),
    ]
    assert {one.reason for one in day.discrepancies if one.side == "payment"} == {
        "Chưa thấy trên sao kê."
    }


def test_what_is_left_of_a_posters_reference_is_another_payers() -> None:
    """And of a reference that one bill has alone, it is held against that bill."""
    lines = [line("l-poster", "poster", 18_600), line("l-odd", "odd", 20_999)]
    poster = payment("p-poster", "poster", 18_500, static=True)
    day = day_of(MONDAY, [poster, payment("p-odd", "odd", 21_000)], lines)
    assert odds(day) == [
        of_line("poster", "unknown_in_ledger", 18_600, of="poster"),
        of_payment("odd", "amount_mismatch", 21_000, 20_999),
        of_payment("poster", "missing_in_ledger", 18_500),
    ]
