"""The preview of changes agrees with the schedule on every day; and broken previews are caught."""

from collections.abc import Callable
from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments.catalogue.rules.circumstances import Circumstances
from payments.catalogue.rules.fee_requests import AssessmentNotice, FeeRequest, MeasuredBy
from payments.catalogue.rules.fees import FeeRule
from payments.catalogue.rules.kinds import AssessedFee, FixedFee
from payments.catalogue.rules.pricing import price_fee
from payments.catalogue.rules.reliefs import Ground, ReliefValue
from payments.catalogue.rules.schedule import FeeValue, Schedule
from payments.catalogue.upkeep.changes.planned import DayOfChanges, planned_changes
from tests.support.catalogues import COPY, PROVINCE, SHARE, WARD, fee, relief
from tests.support.examples import examples

START = date(2027, 1, 10)
DAYS = 14
WINDOW = (START, START + timedelta(days=DAYS - 1))
CODES = ("a", "b")
OWNERS = (None, PROVINCE.id, WARD.id)

#: Nobody has a birthday in the window: what changes is the schedule and not the person.
ASKING = [
    Circumstances(START, channel, claims, born_on, identified)
    for channel, claims, (born_on, identified) in product(
        ("online", "counter"),
        (frozenset[str](), frozenset({"child"}), frozenset({"x"})),
        ((None, False), (date(2015, 7, 1), True), (date(1950, 7, 1), False)),
    )
]

rules: st.SearchStrategy[FeeRule] = st.sampled_from(
    [FixedFee(0), FixedFee(10_000), FixedFee(12_000), COPY, SHARE, AssessedFee()]
)


@st.composite
def spans(draw: st.DrawFn) -> list[tuple[date, date | None]]:
    """Up to three rows of one name: in order, apart, beginning before, in or after the window."""
    cuts = sorted(draw(st.sets(st.integers(-3, DAYS + 3), min_size=2, max_size=6)))
    rows: list[tuple[date, date | None]] = [
        (START + timedelta(days=first), START + timedelta(days=after - 1))
        for first, after in zip(cuts[::2], cuts[1::2], strict=False)
    ]
    if draw(st.booleans()):
        rows[-1] = (rows[-1][0], None)
    return rows


@st.composite
def fee_rows(draw: st.DrawFn, code: str, owner: str | None) -> list[FeeValue]:
    """The rows of one fee of one owner."""
    return [
        fee(
            code,
            draw(rules),
            agency_id=owner,
            valid_from=first,
            valid_to=last,
            basis=draw(st.sampled_from(["TT 1/2026/TT-BTC", "TT 2/2026/TT-BTC"])),
        )
        for first, last in draw(spans())
    ]


@st.composite
def relief_rows(draw: st.DrawFn, code: str, owner: str | None) -> list[ReliefValue]:
    """The rows of one relief of one owner."""
    found = []
    for first, last in draw(spans()):
        percent = draw(st.sampled_from([None, 50, 100]))
        found.append(
            relief(
                code,
                agency_id=owner,
                valid_from=first,
                valid_to=last,
                fees=draw(st.sampled_from([frozenset({"a"}), frozenset({"b"}), frozenset(CODES)])),
                percent=percent,
                each=500 if percent is None else None,
                cap=draw(st.sampled_from([None, 3_000])),
                ground=draw(st.sampled_from([None, Ground.CHILD])),
                channel=draw(st.sampled_from([None, "online"])),
                age_below=draw(st.sampled_from([None, 16])),
                once_a_year=draw(st.booleans()),
            )
        )
    return found


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    """A ward's schedule: two fees and two reliefs, each of any of three owners or of several."""
    fees: list[FeeValue] = []
    reliefs: list[ReliefValue] = []
    for code in CODES:
        for owner in draw(st.sets(st.sampled_from(OWNERS), max_size=2)):
            fees += draw(fee_rows(code, owner))
    for code in ("x", "y"):
        for owner in draw(st.sets(st.sampled_from(OWNERS), max_size=2)):
            reliefs += draw(relief_rows(code, owner))
    return Schedule(fees, reliefs, (WARD.id, PROVINCE.id))


def asked_of(rule: FeeRule) -> list[FeeRequest]:
    if rule.measured_by is MeasuredBy.VALUE:
        return [FeeRequest(value=1_000_000), FeeRequest(value=10_000_000_000)]
    if rule.measured_by is MeasuredBy.NOTICE:
        return [
            FeeRequest(
                notice=AssessmentNotice(
                    70_000, "1/TB-CCT", date(2026, 12, 1), "KBNN khu vực I", "757", "2801"
                )
            )
        ]
    return [FeeRequest(1), FeeRequest(3, 2), FeeRequest(400)]


def costs(schedule: Schedule, code: str, day: date) -> list[object]:
    """What a fee comes to on a day, for everybody who asks and in every quantity; empty if none."""
    found: list[object] = []
    in_force = schedule.find(code, day)
    if in_force is None:
        return []
    for asking in ASKING:
        on_that_day = Circumstances(
            day, asking.channel, asking.claims, asking.born_on, asking.identified
        )
        for asked in asked_of(in_force.rule):
            line = price_fee(schedule, in_force, asked, on_that_day)
            relief_of_line = line.relief["code"] if line.relief else None
            found.append((line.amount, line.full_amount, line.basis, relief_of_line))
    return found


Preview = Callable[[Schedule, date, date], tuple[DayOfChanges, ...]]


def disagreements(schedule: Schedule, preview: Preview) -> list[str]:
    """Where a preview and the schedule tell different stories."""
    by_day = {found.day: found for found in preview(schedule, *WINDOW)}
    listed = {
        (day, change.fee_code): change for day, found in by_day.items() for change in found.changes
    }
    wrong = []
    before = {code: costs(schedule, code, START - timedelta(days=1)) for code in CODES}
    for number in range(DAYS):
        day = START + timedelta(days=number)
        for code in CODES:
            yesterday, today = before[code], costs(schedule, code, day)
            before[code] = today
            change = listed.pop((day, code), None)
            if change is None:
                if yesterday != today:
                    wrong.append(f"{code} costs something else on {day}, and is not listed")
                continue
            if change.before == change.after:
                wrong.append(f"{code} is listed on {day}, and nothing differs")
            if (change.before is None, change.after is None) != (not yesterday, not today):
                wrong.append(f"{code} begins or ends on {day}, and the preview says otherwise")
    wrong += [f"{code} is listed on {day}, which nobody asked for" for day, code in listed]
    return wrong


@given(schedules())
@settings(max_examples=examples(60), deadline=None)
def test_the_preview_agrees_with_the_schedule_on_every_day(schedule: Schedule) -> None:
    assert disagreements(schedule, planned_changes) == []


@given(schedules())
@settings(max_examples=examples(40), deadline=None)
def test_a_preview_of_parts_is_the_preview_of_the_whole(schedule: Schedule) -> None:
    middle = START + timedelta(days=DAYS // 2)
    whole = planned_changes(schedule, *WINDOW)
    first = planned_changes(schedule, START, middle)
    second = planned_changes(schedule, middle + timedelta(days=1), WINDOW[1])
    assert first + second == whole


def _without_reliefs(schedule: Schedule, first: date, last: date) -> tuple[DayOfChanges, ...]:
    return planned_changes(Schedule(schedule.fees, (), (WARD.id, PROVINCE.id)), first, last)


def _a_day_late(schedule: Schedule, first: date, last: date) -> tuple[DayOfChanges, ...]:
    day = timedelta(days=1)
    return tuple(
        DayOfChanges(found.day + day, found.changes)
        for found in planned_changes(schedule, first - day, last - day)
    )


def _without_ends(schedule: Schedule, first: date, last: date) -> tuple[DayOfChanges, ...]:
    begins = {fee.valid_from for fee in schedule.fees}
    begins |= {relief.valid_from for relief in schedule.reliefs}
    return tuple(found for found in planned_changes(schedule, first, last) if found.day in begins)


@pytest.mark.parametrize("broken", [_without_reliefs, _a_day_late, _without_ends])
def test_a_broken_preview_is_caught(broken: Preview) -> None:
    ends = START + timedelta(days=6)
    schedule = Schedule(
        [fee("a", valid_to=ends), fee("b")], [relief("x", fees=frozenset({"b"}), valid_to=ends)]
    )
    assert disagreements(schedule, planned_changes) == []
    assert disagreements(schedule, broken) != []
