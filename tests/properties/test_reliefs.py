"""What holds for every relief and every priced bill; and broken reliefs that the checks catch."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import clock
from core.errors import Invalid
from core.money import MAX_AMOUNT
from payments.bills.request import circumstances_of, priced_lines
from payments.bills.schemas import BillIn
from payments.catalogue.rules import reliefs
from payments.catalogue.rules.certainty import Certainty
from payments.catalogue.rules.circumstances import Circumstances
from payments.catalogue.rules.fee_requests import FeeRequest
from payments.catalogue.rules.fees import FeeRule, PricedLine
from payments.catalogue.rules.kinds import FixedFee
from payments.catalogue.rules.lines import NewLine
from payments.catalogue.rules.pricing import price_fee
from payments.catalogue.rules.reliefs import Ground, ReliefValue
from payments.catalogue.rules.schedule import Applicability, FeeValue, Schedule
from payments.catalogue.rules.wording import LocalizedText
from tests.properties.test_fees import asked_of, rules
from tests.support.examples import examples
from tests.support.explanations import left_told_en, left_told_vi
from tests.support.seeded_fees import seeded_schedule

EXAMPLES = settings(max_examples=examples(120), deadline=None)
TODAY = date(2026, 11, 22)
BEGAN = date(2026, 1, 1)
PAGE = LocalizedText("trang", "page")


def fee_of(rule: FeeRule) -> FeeValue:
    """A fee with this rule."""
    return FeeValue(
        id="fee_1",
        code="phi-thu",
        procedure_code="9.000001",
        agency_id=None,
        name=LocalizedText("Phí thử", "Trial fee"),
        unit=PAGE,
        rule=rule,
        charged=Applicability.ALWAYS,
        sub_item="2716",
        basis="TT 1/2026/TT-BTC",
        source="made up",
        certainty=Certainty.CONFIRMED,
        checked_on=TODAY,
        valid_from=BEGAN,
        valid_to=None,
    )


@st.composite
def relief_values(draw: st.DrawFn, code: str = "") -> ReliefValue:
    """Any relief from the trial fee, with any conditions."""
    by_percent = draw(st.booleans())
    age_from = draw(st.none() | st.integers(0, 70))
    age_below = draw(st.none() | st.integers((age_from or 0) + 1, 100))
    return ReliefValue(
        id="relief_1",
        code=code or draw(st.sampled_from(["a", "b", "c"])),
        agency_id=None,
        name=LocalizedText("Giảm thử", "Trial relief"),
        fees=frozenset({"phi-thu"}),
        percent=draw(st.integers(1, 100)) if by_percent else None,
        each=None if by_percent else draw(st.integers(0, 1_000_000)),
        cap=draw(st.none() | st.integers(1, 2_000_000)),
        ground=draw(st.none() | st.sampled_from(Ground)),
        channel=draw(st.none() | st.just("online")),
        age_from=age_from,
        age_below=age_below,
        once_a_year=draw(st.booleans()),
        basis="TT 117/2026/TT-BTC, Điều 1",
        source="made up",
        certainty=Certainty.SECONDARY,
        checked_on=TODAY,
        valid_from=draw(st.dates(BEGAN, date(2027, 1, 1))),
        valid_to=None,
    )


@st.composite
def several_reliefs(draw: st.DrawFn) -> list[ReliefValue]:
    """Up to four reliefs with codes of their own."""
    return [draw(relief_values(code)) for code in "abcd"[: draw(st.integers(0, 4))]]


circumstances = st.builds(
    Circumstances,
    on=st.dates(date(2026, 6, 1), date(2027, 6, 1)),
    channel=st.sampled_from(["counter", "online", "api"]),
    claims=st.frozensets(st.sampled_from(list(Ground)), max_size=4),
    born_on=st.none() | st.dates(date(1920, 1, 1), date(2026, 6, 1)),
    identified=st.booleans(),
)
cases = rules.flatmap(lambda rule: st.tuples(st.just(rule), asked_of(rule)))


def line_of(
    rule: FeeRule, asked: FeeRequest, offered: list[ReliefValue], facts: Circumstances
) -> NewLine:
    """The priced line."""
    fee = fee_of(rule)
    return price_fee(Schedule([fee], offered), fee, asked, facts)


def check_line(line: NewLine) -> None:
    """What every line must keep: nothing raised, nothing negative, told as it is."""
    assert 0 <= line.amount <= line.full_amount <= MAX_AMOUNT
    off = line.relief["amount"] if line.relief else 0
    assert line.amount == line.full_amount - off
    assert (line.relief is None) or off > 0
    units = line.quantity * line.copies
    assert left_told_vi(line.explanation or "", line.relief, units) == line.amount
    assert left_told_en(line.explanation_en or "", line.relief, units) == line.amount


@EXAMPLES
@given(cases, several_reliefs(), circumstances)
def test_a_relief_never_raises_an_amount_nor_makes_it_negative_and_is_told_right(
    case: tuple[FeeRule, FeeRequest], offered: list[ReliefValue], facts: Circumstances
) -> None:
    rule, asked = case
    line = line_of(rule, asked, offered, facts)
    check_line(line)
    assert line.full_amount == line_of(rule, asked, [], facts).amount


@EXAMPLES
@given(cases, several_reliefs(), circumstances)
def test_of_several_reliefs_the_highest_is_given_and_no_other(
    case: tuple[FeeRule, FeeRequest], offered: list[ReliefValue], facts: Circumstances
) -> None:
    rule, asked = case
    alone = [line_of(rule, asked, [relief], facts).amount for relief in offered]
    full = line_of(rule, asked, [], facts).amount
    together = line_of(rule, asked, offered, facts)
    assert together.amount == min([full, *alone])
    reversed_ = line_of(rule, asked, offered[::-1], facts)
    assert reversed_ == together, "the order of the reliefs decides"


@EXAMPLES
@given(cases, several_reliefs(), circumstances, st.sampled_from(list(Ground)))
def test_claiming_more_never_costs_more(
    case: tuple[FeeRule, FeeRequest],
    offered: list[ReliefValue],
    facts: Circumstances,
    ground: Ground,
) -> None:
    rule, asked = case
    more = replace(facts, claims=facts.claims | {ground})
    before, after = (line_of(rule, asked, offered, one) for one in (facts, more))
    assert after.amount <= before.amount


@EXAMPLES
@given(relief_values(), circumstances)
def test_a_relief_holds_only_where_each_of_its_conditions_does(
    relief: ReliefValue, facts: Circumstances
) -> None:
    if not relief.applies(facts):
        return
    assert relief.valid_from <= facts.on
    assert relief.channel in (None, facts.channel)
    assert not relief.once_a_year or facts.identified
    if relief.by_age:
        assert facts.age is not None
        assert (relief.age_from or 0) <= facts.age < (relief.age_below or 200)
    if relief.ground is not None and not (
        relief.by_age and relief.ground in (Ground.CHILD, Ground.ELDERLY)
    ):
        assert relief.ground in facts.claims


@settings(max_examples=examples(200), deadline=None)
@given(st.dates(date(1900, 1, 1), TODAY), st.dates(TODAY, date(2040, 1, 1)))
def test_an_age_rises_by_one_on_each_birthday_and_on_no_other_day(born: date, on: date) -> None:
    facts = Circumstances(on, born_on=born)
    before = Circumstances(on - timedelta(days=1), born_on=born)
    leapling = (born.month, born.day) == (2, 29)
    birthday = (on.month, on.day) == (born.month, born.day)
    if leapling and not _leap(on.year):
        birthday = (on.month, on.day) == (3, 1)
    assert (facts.age or 0) - (before.age or 0) == int(birthday)
    assert facts.age is not None
    assert facts.age >= 0


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


# Whole bills


#: Who may have a relief once a year.
PAYER = {"identity_number": "001099123456"}

LINES = st.lists(
    st.sampled_from(
        [
            {"fee": "2.000815", "quantity": 3},
            {"fee": "2.000815", "quantity": 250, "copies": 2},
            {"fee": "2.001195", "quantity": 1},
            {"fee": "thuong-tru", "quantity": 2},
            {"fee": "khai-sinh-dung-han", "quantity": 1},
            {"fee": "truoc-ba-to-khai-nhan-chuyen-nhuong", "value": 3_333_333_333},
            {"description": "Phí khác", "amount": 7_000, "sub_item": "2999"},
        ]
    ),
    min_size=1,
    max_size=6,
)


def body_of(lines: list[dict[str, object]], **more: object) -> BillIn:
    """A body of a new bill."""
    return BillIn.model_validate({"agency": "ubnd-a", "lines": lines} | more)


def amounts_of(body: BillIn, at: datetime) -> tuple[int, list[NewLine]]:
    """The amount of a bill opened at an instant, and its lines. Raises `Invalid`."""
    lines, faults = priced_lines(SCHEDULE, body, circumstances_of(body, clock.business_date(at)))
    if faults:
        raise Invalid(faults[0].detail, errors=faults)
    return sum(line.amount for line in lines), lines


SCHEDULE = seeded_schedule({"ha-noi": "agency_1"})


@EXAMPLES
@given(LINES, st.sampled_from(["api", "counter", "online"]), st.booleans())
def test_a_total_is_the_sum_of_its_lines_whose_words_add_up_to_it(
    lines: list[dict[str, object]], channel: str, claims: bool
) -> None:
    relief = {"claims": ["identity_level_2"]} if claims else None
    noon = datetime(2026, 11, 22, 5, tzinfo=UTC)
    total, priced = amounts_of(body_of(lines, channel=channel, relief=relief, payer=PAYER), noon)
    assert len(priced) == len(lines)
    for line in priced:
        if line.fee is not None:
            check_line(line)
    told = sum(
        left_told_vi(line.explanation, line.relief, line.quantity * line.copies)
        if line.explanation
        else line.amount
        for line in priced
    )
    assert told == total


@settings(max_examples=examples(60), deadline=None)
@given(
    LINES,
    st.sampled_from([date(2026, 12, 31), date(2027, 1, 1), date(2027, 2, 28), date(2027, 3, 1)]),
    st.times(),
)
def test_the_amount_is_the_same_at_any_hour_of_a_vietnamese_day(
    lines: list[dict[str, object]], day: date, hour: time
) -> None:
    body = body_of(lines, channel="online", relief="identity_level_2", payer=PAYER)
    first = datetime.combine(day, time(0), clock.VIETNAM)
    some = datetime.combine(day, hour, clock.VIETNAM).astimezone(UTC)
    try:
        expected = amounts_of(body, first)
    except Invalid as refused:
        with pytest.raises(Invalid, match=refused.detail[:20]):
            amounts_of(body, some)
        return
    assert amounts_of(body, some) == expected


_ELSEWHERE = """
import json, sys
from datetime import datetime
from tests.properties.test_reliefs import PAYER, amounts_of, body_of
lines = [
    {"fee": "2.000815", "quantity": 77, "copies": 3},
    {"fee": "2.001195", "quantity": 1},
    {"fee": "truoc-ba-to-khai-nhan-chuyen-nhuong", "value": 1234567890},
]
body = body_of(lines, channel="online", relief="identity_level_2", payer=PAYER)
total, priced = amounts_of(body, datetime.fromisoformat("2026-12-31T16:59:59+00:00"))
print(json.dumps([total, [(n.amount, n.explanation, n.relief) for n in priced]]))
"""


def test_the_amount_is_the_same_on_any_machine() -> None:
    machines = [
        {"TZ": "UTC", "LANG": "C", "PYTHONHASHSEED": "1"},
        {"TZ": "Pacific/Kiritimati", "LANG": "C.UTF-8", "PYTHONHASHSEED": "2"},
    ]
    told = []
    for machine in machines:
        ran = subprocess.run(
            [sys.executable, "-X", "utf8", "-c", _ELSEWHERE],
            env=os.environ | machine,
            cwd=Path(__file__).parents[2],
            capture_output=True,
            check=True,
        )
        told.append(json.loads(ran.stdout))
    assert told[0] == told[1]
    assert told[0][0] > 0


# Broken variants


RELIEF = ReliefValue(
    id="relief_1",
    code="a",
    agency_id=None,
    name=LocalizedText("Giảm thử", "Trial relief"),
    fees=frozenset({"phi-thu"}),
    percent=None,
    each=12_000,
    cap=None,
    ground=None,
    channel=None,
    age_from=None,
    age_below=None,
    once_a_year=False,
    basis="TT 117/2026/TT-BTC",
    source="made up",
    certainty=Certainty.CONFIRMED,
    checked_on=TODAY,
    valid_from=BEGAN,
    valid_to=None,
)


class Careless(ReliefValue):
    """A relief that forgets that it may cost more than the fee."""

    def off(self, line: PricedLine) -> int:
        return line.amount - (self.each or 0) * line.quantity * line.copies


def test_a_relief_that_raises_the_amount_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = Circumstances(TODAY)
    check_line(line_of(FixedFee(10_000), FeeRequest(), [RELIEF], facts))
    careless = Careless(**{name: getattr(RELIEF, name) for name in RELIEF.__slots__})

    def give_always(_offered: object, line: PricedLine, _facts: object) -> reliefs.GrantedRelief:
        return reliefs.GrantedRelief(careless, careless.off(line), LocalizedText("", ""))

    monkeypatch.setattr("payments.catalogue.rules.granting.best", give_always)
    with pytest.raises(AssertionError):
        check_line(line_of(FixedFee(10_000), FeeRequest(), [careless], facts))


@pytest.mark.parametrize("broken", ["another amount", "no cap told", "another remainder"])
def test_a_relief_whose_words_are_wrong_is_caught(
    broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    relief = replace(RELIEF, percent=50, each=None, cap=3_000)
    facts = Circumstances(TODAY)
    check_line(line_of(FixedFee(10_000), FeeRequest(), [relief], facts))
    told = {
        "another amount": ("giảm 50 %, giảm tối đa 3.000 đ: −4.000 đ, còn 6.000 đ",),
        "no cap told": ("giảm 50 %: −3.000 đ, còn 7.000 đ",),
        "another remainder": ("giảm 50 %, giảm tối đa 3.000 đ: −3.000 đ, còn 8.000 đ",),
    }[broken]
    monkeypatch.setattr(reliefs, "_told", lambda *_: LocalizedText(told[0], ""))
    with pytest.raises(ValueError):  # noqa: PT011  the parser's own words do not matter here
        check_line(line_of(FixedFee(10_000), FeeRequest(), [relief], facts))


def test_giving_every_relief_that_holds_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    half = replace(RELIEF, code="b", percent=50, each=None)
    offered = [half, replace(half, code="c")]
    facts = Circumstances(TODAY)
    assert line_of(FixedFee(10_000), FeeRequest(), offered, facts).amount == 5_000
    best = reliefs.best

    def add_up(found: list[ReliefValue], *rest: object) -> object:
        given_one = best(found, *rest)  # type: ignore[arg-type]
        return None if given_one is None else replace(given_one, off=given_one.off * len(found))

    monkeypatch.setattr("payments.catalogue.rules.granting.best", add_up)
    alone = [line_of(FixedFee(10_000), FeeRequest(), [relief], facts).amount for relief in offered]
    assert line_of(FixedFee(10_000), FeeRequest(), offered, facts).amount != min(alone)
