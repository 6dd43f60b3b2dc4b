"""Matching a day of one account: the bank's reference first, then the payer's, days kept apart."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from core.calendar import Calendar, national
from core.calendar_files import DayChanges
from core.references import new_reference
from payments.books.queries import DayPayment
from reconciliation.matching.day import came_by_bank, match_day
from reconciliation.matching.day_findings import told_of_gateways
from reconciliation.matching.pairing import PairedMoney
from reconciliation.matching.reversals import reversals_of
from reconciliation.matching.values import DayLine, DayResult

MONDAY = date(2026, 11, 23)
#: 09:00 on that Monday in Vietnam.
MORNING = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
ONE, TWO = new_reference(), new_reference()


def payment(
    name: str,
    reference: str = "",
    amount: int = 10_000,
    *,
    ref: str = "",
    at: datetime = MORNING,
    gateway: str = "bank",
) -> DayPayment:
    on = (at + timedelta(hours=7)).date()
    return DayPayment(name, reference, amount, at, on, gateway, ref or f"FT-{name}")


def line(
    name: str,
    narrative: str = "",
    amount: int = 10_000,
    *,
    ref: str = "",
    at: datetime = MORNING,
    direction: str = "credit",
) -> DayLine:
    return DayLine(name, at, amount, direction, "", narrative, ref)


def matched(day: DayResult) -> dict[str, tuple[str, str]]:
    return {one.payment_id: (one.line_id, one.rule) for one in day.matches}


def classes(day: DayResult) -> dict[str, str]:
    return {odd.object_id: odd.kind for odd in day.discrepancies}


def run(
    payments: list[DayPayment],
    lines: list[DayLine],
    on: date = MONDAY,
    calendar: Calendar | None = None,
    cut_off: time = time(16),
) -> DayResult:
    found = match_day(on, came_by_bank(payments), lines, cut_off, calendar or national())
    return told_of_gateways(found, payments, lines)


def test_the_banks_own_reference_comes_before_the_payers() -> None:
    day = run(
        [payment("p1", ONE, ref="FT1"), payment("p2", ONE, ref="FT2")],
        [line("l2", ONE, ref="FT1"), line("l1", ONE, ref="FT2")],
    )
    assert matched(day) == {"p1": ("l2", "bank_ref"), "p2": ("l1", "bank_ref")}
    assert classes(day) == {}


def test_a_bank_reference_with_another_amount_is_not_the_money() -> None:
    day = run([payment("p1", ONE, ref="FT1")], [line("l1", "", 9_000, ref="FT1")])
    assert matched(day) == {}
    assert classes(day) == {"p1": "missing_in_ledger", "l1": "unknown_in_ledger"}


def test_a_reference_that_several_payments_carry_is_paired_in_order_of_time() -> None:
    later = MORNING + timedelta(hours=1)
    day = run(
        [payment("p1", ONE), payment("p2", ONE, at=later)],
        [line("l2", ONE.lower(), at=later), line("l1", f"x {ONE[:5]} {ONE[5:]}")],
    )
    assert matched(day) == {"p1": ("l1", "reference"), "p2": ("l2", "reference")}
    assert classes(day) == {}


def test_more_payments_than_lines_that_fit_alike_are_ambiguous_and_name_all() -> None:
    payments = [payment(name, ONE) for name in ("p1", "p2", "p3")]
    day = run(payments, [line("l1", ONE), line("l2", ONE)])
    assert matched(day) == {}
    assert classes(day) == dict.fromkeys(("p1", "p2", "p3", "l1", "l2"), "ambiguous")
    reasons = {odd.object_id: odd.reason for odd in day.discrepancies}
    assert "p1, p2, p3" in reasons["l1"]
    assert "l1, l2" in reasons["p3"]


def test_the_nearest_in_time_is_not_ambiguous() -> None:
    payments = [payment("p1", ONE), payment("p2", ONE, at=MORNING - timedelta(days=1))]
    day = run(payments, [line("l1", ONE)])
    assert matched(day) == {"p1": ("l1", "reference")}


def test_a_line_that_names_several_payments_of_its_amount_is_ambiguous() -> None:
    day = run([payment("p1", ONE), payment("p2", TWO)], [line("l1", f"{ONE} {TWO}")])
    assert classes(day)["l1"] == "ambiguous"
    other = run([payment("p1", ONE), payment("p2", TWO, 9_000)], [line("l1", f"{ONE} {TWO}")])
    assert classes(other)["l1"] == "unknown_in_ledger"


@pytest.mark.parametrize(
    "blank", ["", " ", "0", "000", "NONREF", "nonref;1", "N/A", "----", "KHONG CO"]
)
def test_blank_and_placeholder_references_are_equal_to_nothing(blank: str) -> None:
    day = run([payment("p1", ref=blank)], [line("l1", ref=blank)])
    assert matched(day) == {}
    assert classes(day) == {"p1": "missing_in_ledger", "l1": "unknown_in_ledger"}


def test_without_the_reading_of_bank_references_placeholders_would_match(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The negative control: references are compared as they are written."""
    monkeypatch.setattr("reconciliation.matching.day.plain_bank_ref", lambda ref: ref)
    day = run([payment("p1", ref="NONREF")], [line("l1", ref="NONREF")])
    assert matched(day) == {"p1": ("l1", "bank_ref")}


def test_first_come_would_choose_where_nobody_can_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: whoever comes first is taken."""

    def first_come(some: Sequence[DayPayment], alike: Sequence[DayLine], _: object) -> PairedMoney:
        return PairedMoney(pairs=list(zip(some, alike, strict=False)))

    monkeypatch.setattr("reconciliation.matching.day.pair_alike", first_come)
    payments = [payment(name, ONE) for name in ("p1", "p2", "p3")]
    day = run(payments, [line("l1", ONE), line("l2", ONE)])
    assert "ambiguous" not in classes(day).values()


def test_what_people_have_taken_apart_is_not_put_together_again() -> None:
    payments, lines = [payment("p1", ONE, ref="FT1")], [line("l1", ONE, ref="FT1")]
    assert matched(run(payments, lines)) == {"p1": ("l1", "bank_ref")}
    day = match_day(MONDAY, payments, lines, time(16), national(), {("p1", "l1")})
    assert matched(day) == {}
    assert classes(day) == {"p1": "missing_in_ledger", "l1": "unknown_in_ledger"}


def test_a_gateways_money_is_not_judged_by_the_credits_of_the_account() -> None:
    day = run([payment("p1", ONE, gateway="paygov")], [line("l1", f"PAYGOV TT {ONE.lower()}01 X")])
    assert matched(day) == {}
    assert classes(day) == {"l1": "unknown_in_ledger"}
    (odd,) = day.discrepancies
    assert (odd.reference, "nộp qua cổng" in odd.reason) == (ONE, True)


def test_what_a_closed_day_left_waiting_is_matched_on_the_day_it_was_carried_to() -> None:
    tuesday = MORNING + timedelta(days=1)
    payments = [payment("p1", ONE, at=MORNING + timedelta(hours=8))]
    lines = [line("l1", ONE, at=tuesday)]
    told = (date(2026, 11, 24), payments, lines, time(16), national(), frozenset[tuple[str, str]]())
    assert matched(match_day(*told, {"p1"})) == {"p1": ("l1", "narrative")}
    left = match_day(*told)
    assert (matched(left), [one.place for one in left.places]) == ({}, ["other_day"])


def test_money_booked_the_next_day_belongs_to_the_day_it_was_paid() -> None:
    tuesday = MORNING + timedelta(days=1)
    evening = MORNING + timedelta(hours=8)  # 17:00, after the cut-off
    payments = [payment("p1", ONE, at=evening), payment("p2", TWO)]
    lines = [line("l1", ONE, at=tuesday), line("l2", TWO, at=tuesday)]
    day = run(payments, lines)
    assert set(matched(day)) == {"p1", "p2"}
    assert classes(day) == {"p2": "late"}
    next_day = run(payments, lines, on=date(2026, 11, 24))
    assert matched(next_day) == {}
    assert classes(next_day) == {}


def test_what_belongs_to_nobody_is_named_on_the_day_it_was_booked() -> None:
    lines = [line("l1", "no reference here"), line("l2", "sweep", direction="debit")]
    day = run([], lines)
    assert classes(day) == {"l1": "unknown_in_ledger"}
    assert day.summary()["debits"] == {"count": 1, "sum": 10_000}
    assert classes(run([], lines, on=date(2026, 11, 24))) == {}


def test_the_summary_counts_every_payment_of_the_day_once() -> None:
    payments = [payment("p1", ONE), payment("p2", TWO, 7_000), payment("p3")]
    day = run(payments, [line("l1", ONE), line("l2", TWO, 6_000)])
    summary = day.summary()
    assert summary["matched"] == {"count": 1, "sum": 10_000}
    assert summary["amount_mismatch"] == {"count": 1, "sum": 7_000}
    assert summary["missing_in_ledger"] == {"count": 1, "sum": 10_000}


BACK = "HOÀN TRẢ"


@pytest.mark.parametrize(
    "words",
    [
        *("HOAN TRA {}", "Hủy giao dịch {}", "tra lai {}", "REVERSAL {}", "Thoái trả {}"),
        *("HOAN-LE-PHI/{}", "Bút toán đảo {}", "CHUYEN HOAN {}", "hoantra.{}", "RVSL {}"),
        *("{} RETURNED", "CHARGE BACK {}", "GD loi, {}", "Hoàn phí {}", "STORNO {}"),
    ],
)
def test_a_credit_that_the_bank_took_back_settles_nothing(words: str) -> None:
    lines = [
        line("c", f"{ONE} nop phi", ref="FT58675382"),
        line("d", words.format(ONE), ref="FT58675382", direction="debit"),
    ]
    day = run([], lines)
    assert (matched(day), classes(day)) == ({}, {"c": "reversed"})
    assert day.summary()["reversed"] == {"count": 1, "sum": 10_000}
    assert day.summary()["unknown_in_ledger"]["count"] == 0


@pytest.mark.parametrize(
    ("told", "back"), [("FT900", "FT900"), ("NONREF", "0"), ("FT900", "FT901")]
)
def test_a_payment_whose_credit_was_taken_back_is_told(told: str, back: str) -> None:
    lines = [
        line("c", ONE, ref=told),
        line("d", f"{BACK} {ONE}", ref=back, direction="debit", at=MORNING + timedelta(days=1)),
    ]
    day = run([payment("p", ONE, ref=told)], lines)
    assert (matched(day), classes(day)) == ({}, {"p": "reversed"})


def test_what_is_taken_back_is_the_newest_credit_until_then_that_very_moment_included() -> None:
    at = {"c1": MORNING - timedelta(hours=1), "c2": MORNING, "c3": MORNING + timedelta(hours=1)}
    lines = [line(name, ONE, ref=f"FT90{name}", at=moment) for name, moment in at.items()]
    payments = [
        payment(f"p{one.line_id}", ONE, ref=one.bank_ref, at=one.booked_at) for one in lines
    ]
    debit = line("d", f"{BACK} {ONE}", ref="0", direction="debit", at=MORNING)
    assert classes(run(payments, [*lines, debit])) == {"pc2": "reversed"}


def test_a_credit_that_was_taken_back_is_that_of_one_payment_alone() -> None:
    """No bank reference tells two payers of one reference apart: one of them has lost money."""
    lines = [
        line("c", ONE, ref="NONREF"),
        line("d", f"{BACK} {ONE}", ref="NONREF", direction="debit", at=MORNING + timedelta(days=1)),
    ]
    day = run([payment(name, ONE, ref="NONREF") for name in ("p1", "p2")], lines)
    assert matched(day) == {}
    assert classes(day) == {"p1": "reversed", "p2": "missing_in_ledger"}
    assert day.summary()["reversed"] == {"count": 1, "sum": 10_000}
    assert [odd.reference for odd in day.discrepancies] == [ONE, ONE]


@pytest.mark.parametrize(
    "debit",
    [
        line("d", f"{BACK} {ONE}", 9_999, ref="FT900", direction="debit"),
        line("d", f"KET CHUYEN {ONE}", ref="FT900", direction="debit"),
        line("d", BACK, ref="FT901", direction="debit"),
        line("d", f"{BACK} {ONE}", ref="FT900", direction="debit", at=MORNING - timedelta(days=1)),
        line("d", f"{BACK} {ONE}", ref="FT900", direction="debit", at=MORNING + timedelta(days=15)),
    ],
)
def test_other_debits_take_nothing_back(debit: DayLine) -> None:
    day = run([payment("p", ONE, ref="FT900")], [line("c", ONE, ref="FT900"), debit])
    assert matched(day) == {"p": ("c", "bank_ref")}


def test_paid_again_after_it_was_taken_back_it_is_paid() -> None:
    later = MORNING + timedelta(hours=2)
    lines = [
        line("c1", ONE, ref="FT900"),
        line("d", f"{BACK} {ONE}", ref="FT900", direction="debit", at=MORNING + timedelta(hours=1)),
        line("c2", ONE, ref="FT902", at=later),
    ]
    day = run([payment("p1", ONE, ref="FT900"), payment("p2", ONE, ref="FT902", at=later)], lines)
    assert matched(day) == {"p2": ("c2", "bank_ref")}
    assert classes(day) == {"p1": "reversed"}


def test_of_another_bank_reference_it_is_other_money_though_it_was_taken_back() -> None:
    lines = [
        line("c", ONE, ref="FT901"),
        line("d", f"{BACK} {ONE}", ref="FT901", direction="debit"),
    ]
    day = run([payment("p", ONE, ref="FT900")], lines)
    assert classes(day) == {"p": "missing_in_ledger", "c": "reversed"}


@pytest.mark.parametrize(("days", "kind"), [(14, "reversed"), (15, "missing_in_ledger")])
def test_a_credit_of_two_weeks_later_may_be_a_payments_and_no_later_one(
    days: int, kind: str
) -> None:
    at = MORNING + timedelta(days=days)
    lines = [
        line("c", ONE, ref="NONREF", at=at),
        line("d", f"{BACK} {ONE}", ref="NONREF", direction="debit", at=at),
    ]
    assert classes(run([payment("p", ONE, ref="NONREF")], lines)) == {"p": kind}


def test_each_credit_line_of_a_day_is_in_one_place() -> None:
    friday = MORNING - timedelta(days=3)
    three, four = new_reference(), new_reference()
    lines = [
        line("paid", ONE, ref="FT91"),
        line("back", TWO, ref="FT92"),
        line("d1", f"{BACK} {TWO}", ref="FT92", direction="debit"),
        line("old", three, ref="FT93"),
        line("old-back", four, ref="FT94"),
        line("d2", f"{BACK} {four}", ref="FT94", direction="debit"),
    ]
    payments = [
        payment("p1", ONE, ref="FT91"),
        payment("p2", TWO, ref="FT92"),
        payment("p3", three, ref="FT93", at=friday),
        payment("p4", four, ref="FT94", at=friday),
    ]
    day = run(payments, lines)
    assert (matched(day), classes(day)) == ({"p1": ("paid", "bank_ref")}, {"p2": "reversed"})
    assert day.returned == {"p2": "d1"}
    assert [(one.line_id, one.place, one.payment_id) for one in day.places] == [
        ("back", "reversed", "p2"),
        ("old", "other_day", "p3"),
        ("old-back", "other_day", "p4"),
    ]
    before = run(payments, lines, on=friday.date())
    assert matched(before) == {"p3": ("old", "bank_ref")}
    assert before.returned == {"p4": "d2"}
    assert before.places == []
    assert ([one.line_id for one in day.debits], before.debits) == (["d1", "d2"], [])


def test_a_matching_that_overlooks_reversals_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciliation.matching.day.reversals_of", lambda lines: {})
    with pytest.raises(AssertionError):
        test_a_credit_that_the_bank_took_back_settles_nothing("HOAN TRA {}")


def test_the_rules_are_asked_only_of_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(**_: object) -> None:
        raise LookupError

    monkeypatch.setattr("reconciliation.matching.day.connect", asked)
    paid, told = payment("p", ONE, ref="FT1"), line("l", ONE, ref="FT1")
    assert matched(run([paid], [told, line("d", direction="debit")])) == {"p": ("l", "bank_ref")}
    assert run([], []) == DayResult()
    for payments, lines in (([paid], []), ([], [told])):
        with pytest.raises(LookupError):
            run(payments, lines)


def test_without_a_statement_nothing_is_said_to_be_missing() -> None:
    yesterday = line("l", ONE, at=MORNING - timedelta(days=1), direction="debit")
    for lines in ([], [yesterday]):
        assert classes(run([payment("p", ONE)], lines)) == {"p": "no_statement"}
    later = line("l", "x", at=MORNING + timedelta(days=1), direction="debit")
    assert classes(run([payment("p", ONE)], [later])) == {"p": "missing_in_ledger"}


def test_a_second_credit_of_a_paid_reference_is_said_to_be_one() -> None:
    lines = [line("l1", ONE, ref="FT900"), line("l2", f"{ONE} lan nua", ref="FT901")]
    day = run([payment("p", ONE, ref="FT900")], lines)
    (odd,) = day.discrepancies
    assert (odd.object_id, odd.kind, odd.reference) == ("l2", "unknown_in_ledger", ONE)
    assert odd.reason.startswith(f"Mã {ONE} đã có khoản thanh toán trong sổ, khớp với dòng khác")


def test_a_credit_under_another_bank_reference_is_not_said_to_have_a_line_of_its_own() -> None:
    said = DayLine("l1", MORNING, 10_000, "credit", "HS-12345", ONE, "FT2633311")
    day = run([payment("p1", ONE, ref="FT26333117")], [said])
    assert classes(day) == {"p1": "missing_in_ledger", "l1": "unknown_in_ledger"}
    odd = next(one for one in day.discrepancies if one.side == "line")
    assert odd.reference == ONE
    assert "khớp với dòng khác" not in odd.reason
    assert "chưa khớp với dòng nào" in odd.reason


@pytest.mark.parametrize("ref", ["FT1", ""], ids=["by the bank's reference", "by the payer's"])
def test_a_day_asks_the_calendar_it_is_given(ref: str) -> None:
    """Both ways of finding a line: one of them knew of no day off but the library's."""
    paid = payment("p", ONE, ref=ref or "FT-other")
    booked = line("l", ONE, ref=ref, at=MORNING + timedelta(days=1))
    assert classes(run([paid], [booked])) == {"p": "late"}
    off = national().with_changes(DayChanges(off=frozenset({MONDAY})))
    assert classes(run([paid], [booked], calendar=off)) == {}


def test_a_saturday_that_is_worked_is_a_day_to_be_booked_on() -> None:
    friday_evening = datetime(2026, 1, 9, 10, 0, tzinfo=UTC)
    monday = datetime(2026, 1, 12, 2, 0, tzinfo=UTC)
    paid, booked = payment("p", ONE, ref="FT1", at=friday_evening), line("l", ref="FT1", at=monday)
    assert classes(run([paid], [booked], on=date(2026, 1, 9))) == {"p": "late"}
    library_only = Calendar(DayChanges())
    assert classes(run([paid], [booked], on=date(2026, 1, 9), calendar=library_only)) == {}


@pytest.mark.parametrize("ref", ["FT1", ""])
@pytest.mark.parametrize(
    ("cut_off", "late"), [(time(8), False), (time(10), True), (time(16), True)]
)
def test_what_is_late_is_said_by_the_cut_off_that_is_given(
    ref: str, cut_off: time, late: bool
) -> None:
    """Paid at nine; who closes at eight books it the next day, and that is in time."""
    day = run(
        [payment("p1", ONE, ref=ref or "-")],
        [line("l1", ONE, ref=ref, at=MORNING + timedelta(days=1))],
        cut_off=cut_off,
    )
    assert matched(day) == {"p1": ("l1", "bank_ref" if ref else "narrative")}
    assert classes(day) == ({"p1": "late"} if late else {})


def test_a_line_that_names_the_references_of_two_payments_is_neithers() -> None:
    both = f"{ONE} {TWO}"
    single = run([payment("p1", ONE, ref="-"), payment("p2", TWO, ref="-")], [line("l1", both)])
    assert matched(single) == {}
    assert set(classes(single)) == {"p1", "p2", "l1"}
    # Nor where several carry the first of them, as they do a poster's.
    several = [payment(name, ONE, ref="-") for name in ("p1", "p2")]
    day = run([*several, payment("p3", TWO, ref="-")], [line("l1", both)])
    assert matched(day) == {}
    assert set(classes(day)) == {"p1", "p2", "p3", "l1"}


def test_a_credit_that_two_people_have_said_brought_a_batch_is_of_its_own_class() -> None:
    by_line = replace(payment("p1", ref="NONREF"), is_batch=True, batch_line="l1")
    by_feed = replace(payment("p2", amount=20_000, ref="FT2"), is_batch=True)
    day = run(
        [by_line, by_feed],
        [line("l1", ref="NONREF"), line("l2", amount=20_000, ref="FT2"), line("l3", ref="NONREF")],
    )
    assert matched(day) == {"p1": ("l1", "batch"), "p2": ("l2", "batch")}
    assert classes(day) == {"l3": "unknown_in_ledger"}
    assert day.summary()["batch"] == {"count": 2, "sum": 30_000}
    assert day.summary()["matched"] == {"count": 2, "sum": 30_000}


def test_a_line_of_another_amount_is_not_the_credit_of_a_batch() -> None:
    odd = replace(payment("p1", ref="NONREF"), is_batch=True, batch_line="l1")
    day = run([odd], [line("l1", amount=9_000, ref="NONREF")])
    assert matched(day) == {}
    assert classes(day) == {"p1": "missing_in_ledger", "l1": "unknown_in_ledger"}
    # Nor one that is not among the lines any more.
    day = run([replace(odd, batch_line="l0")], [line("l1", amount=9_000, ref="NONREF")])
    assert classes(day) == {"p1": "missing_in_ledger", "l1": "unknown_in_ledger"}


def test_a_line_of_an_odd_amount_is_held_against_one_payment_of_its_reference() -> None:
    day = run([payment("p1", ONE), payment("p2", ONE, 12_000)], [line("l1", ONE, 7_000)])
    assert matched(day) == {}
    assert classes(day) == {"p1": "amount_mismatch", "p2": "missing_in_ledger"}


def test_each_debit_takes_back_a_credit_of_its_own() -> None:
    credits_ = [line(name, ONE, ref="FT900") for name in ("c1", "c2")]
    debits = [line(name, f"{BACK} {ONE}", ref="FT900", direction="debit") for name in ("d1", "d2")]
    taken_back = reversals_of([*credits_, *debits])
    assert {credit: debit.line_id for credit, debit in taken_back.items()} == {
        "c2": "d1",
        "c1": "d2",
    }


def test_a_debit_that_does_not_say_so_takes_back_only_where_it_need_not() -> None:
    lines = [line("c", ONE, ref="FT900"), line("d", ONE, ref="FT900", direction="debit")]
    assert reversals_of(lines) == {}
    assert reversals_of(lines, worded=False).keys() == {"c"}
