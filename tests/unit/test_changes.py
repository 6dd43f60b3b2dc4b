"""The preview of planned changes: which fees, on which day, in which words."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from core.errors import Invalid
from payments.catalogue.rules.certainty import Certainty
from payments.catalogue.rules.conditions import conditions
from payments.catalogue.rules.kinds import FixedFee
from payments.catalogue.rules.reliefs import Ground, ReliefValue
from payments.catalogue.rules.schedule import Applicability, FeeValue, Schedule
from payments.catalogue.rules.wording import LocalizedText
from payments.catalogue.upkeep.changes.planned import Change, days_asked, planned_changes
from tests.support.catalogues import (
    COPY,
    PROVINCE,
    SHARE,
    TODAY,
    WARD,
    catalogue_of,
    fee,
    relief,
)

LAST, FIRST = date(2027, 2, 28), date(2027, 3, 1)
A_YEAR_ON = TODAY + timedelta(days=365)


def changes(
    fees: list[FeeValue], reliefs: list[ReliefValue] | None = None, *owners: str
) -> list[Change]:
    schedule = Schedule(fees, reliefs or (), owners)
    return [change for day in planned_changes(schedule, TODAY, A_YEAR_ON) for change in day.changes]


def followed(**changed: Any) -> list[FeeValue]:
    """A fee that ends on 28/02/2027, and another of its code from 01/03/2027 on."""
    return [fee(valid_to=LAST), replace(fee(valid_from=FIRST), **changed)]


def test_nothing_changes_in_an_open_schedule() -> None:
    assert changes([fee()], [relief()]) == []
    assert changes([]) == []


def test_a_row_that_goes_on_as_before_is_no_change() -> None:
    assert changes(followed()) == []
    assert changes(followed(id="fee_new", source="đọc ở nơi khác", checked_on=TODAY)) == []


@pytest.mark.parametrize(
    ("changed", "kind", "before", "after"),
    [
        (
            {"rule": FixedFee(12_000)},
            "amount",
            "10.000 đ mỗi trường hợp",
            "12.000 đ mỗi trường hợp",
        ),
        (
            {"unit": LocalizedText("bản", "copy")},
            "amount",
            "10.000 đ mỗi trường hợp",
            "10.000 đ mỗi bản",
        ),
        (
            {"basis": "TT 5/2027/TT-BTC"},
            "basis",
            "10.000 đ mỗi trường hợp; căn cứ TT 226/2016/TT-BTC, Điều 4",
            "10.000 đ mỗi trường hợp; căn cứ TT 5/2027/TT-BTC",
        ),
        (
            {"rule": FixedFee(0), "basis": "TT 5/2027/TT-BTC"},
            "amount",
            "10.000 đ mỗi trường hợp; căn cứ TT 226/2016/TT-BTC, Điều 4",
            "không thu; căn cứ TT 5/2027/TT-BTC",
        ),
        (
            {"certainty": Certainty.UNCONFIRMED},
            "details",
            "10.000 đ mỗi trường hợp",
            "10.000 đ mỗi trường hợp, chưa xác nhận",
        ),
        (
            {"charged": Applicability.CHOICE},
            "details",
            "10.000 đ mỗi trường hợp; luôn thu",
            "10.000 đ mỗi trường hợp; một trong các mức để chọn",
        ),
        (
            {"sub_item": None},
            "details",
            "10.000 đ mỗi trường hợp; tiểu mục 2716",
            "10.000 đ mỗi trường hợp; không có tiểu mục",
        ),
        (
            {"procedure_code": "2.000002"},
            "details",
            "10.000 đ mỗi trường hợp; thủ tục 2.000001",
            "10.000 đ mỗi trường hợp; thủ tục 2.000002",
        ),
        (
            {"name": LocalizedText("Lệ phí", "Charge")},
            "details",
            "10.000 đ mỗi trường hợp; Phí phi",
            "10.000 đ mỗi trường hợp; Lệ phí",
        ),
    ],
)
def test_what_differs_is_said_before_and_after(
    changed: dict[str, Any], kind: str, before: str, after: str
) -> None:
    (change,) = changes(followed(**changed))
    assert (change.day, change.fee_code, change.kind) == (FIRST, "phi", kind)
    assert change.before is not None
    assert change.after is not None
    assert (change.before.vi, change.after.vi) == (before, after)
    assert change.before.en != change.after.en


def test_a_fee_that_begins_or_ends_is_told_with_reliefs_and_basis() -> None:
    (begins,) = changes([fee(valid_from=FIRST)])
    assert (begins.day, begins.kind, begins.before) == (FIRST, "begins", None)
    told = "10.000 đ mỗi trường hợp; không miễn, giảm; căn cứ TT 226/2016/TT-BTC, Điều 4"
    assert begins.after is not None
    assert begins.after.vi == told
    (ends,) = changes([fee(valid_to=LAST)], [relief()])
    assert (ends.day, ends.kind, ends.after) == (FIRST, "ends", None)
    assert ends.before is not None
    assert "Giảm giam: giảm 50 % (mọi trường hợp; TT 226/2016/TT-BTC, Điều 4; giam)" in (
        ends.before.vi
    )


def test_a_relief_that_ends_is_named_with_its_conditions_and_the_others_are_not() -> None:
    going = relief("het", ground=Ground.CHILD, channel="online", valid_to=LAST)
    staying = relief("con-lai")
    (change,) = changes([fee()], [going, staying])
    assert (change.day, change.kind) == (FIRST, "relief")
    assert change.before is not None
    assert change.after is not None
    assert change.before == LocalizedText(
        "10.000 đ mỗi trường hợp; Giảm het: giảm 50 % (trẻ em, nộp trực tuyến;"
        " TT 226/2016/TT-BTC, Điều 4; het)",
        "10,000 VND per case; Relief het: 50% off (child, applied for online;"
        " TT 226/2016/TT-BTC, Điều 4; het)",
    )
    assert change.after.vi == "10.000 đ mỗi trường hợp; không còn miễn, giảm này"
    (alone,) = changes([fee()], [going])
    assert alone.after is not None
    assert alone.after.vi == "10.000 đ mỗi trường hợp; không miễn, giảm"


def test_a_relief_that_begins_or_gives_something_else_is_told() -> None:
    (begins,) = changes([fee()], [relief("moi", valid_from=FIRST), relief("cu")])
    assert begins.before is not None
    assert begins.before.vi.endswith("chưa có miễn, giảm này")
    (other,) = changes([fee()], [relief(valid_to=LAST), relief(valid_from=FIRST, percent=20)])
    assert other.before is not None
    assert other.after is not None
    assert ("giảm 50 %" in other.before.vi, "giảm 20 %" in other.after.vi) == (True, True)


def test_a_relief_concerns_only_the_fees_it_names() -> None:
    ends = relief(fees=frozenset({"a", "b"}), valid_to=LAST)
    found = changes([fee("a"), fee("b"), fee("c")], [ends])
    assert [(change.fee_code, change.kind) for change in found] == [
        ("a", "relief"),
        ("b", "relief"),
    ]
    (day,) = planned_changes(Schedule([fee("a"), fee("b")], [ends]), TODAY, A_YEAR_ON)
    assert (day.day, len(day.changes)) == (FIRST, 2)


def test_an_agencys_own_fee_hides_a_change_of_the_nations_and_its_end_uncovers_it() -> None:
    own = fee(agency_id=WARD.id, rule=FixedFee(5_000))
    assert changes([*followed(rule=FixedFee(12_000)), own], None, WARD.id) == []
    (change,) = changes([fee(), replace(own, valid_to=LAST)], None, WARD.id, PROVINCE.id)
    assert change.kind == "amount"
    assert change.before is not None
    assert change.after is not None
    assert (change.before.vi, change.after.vi) == (
        "5.000 đ mỗi trường hợp",
        "10.000 đ mỗi trường hợp",
    )


def test_an_agencys_own_relief_that_names_other_fees_takes_one_away() -> None:
    nation = relief(fees=frozenset({"a", "b"}))
    own = relief(fees=frozenset({"b"}), agency_id=WARD.id, valid_from=FIRST)
    found = changes([fee("a"), fee("b")], [nation, own], WARD.id)
    assert [(change.fee_code, change.kind) for change in found] == [("a", "relief")]


def test_the_first_and_the_last_day_count() -> None:
    schedule = Schedule(followed(rule=FixedFee(12_000)))
    before, after = FIRST - timedelta(days=1), FIRST + timedelta(days=1)
    for first, last, count in (
        (FIRST, FIRST, 1),
        (TODAY, FIRST, 1),
        (FIRST, A_YEAR_ON, 1),
        (TODAY, before, 0),
        (after, A_YEAR_ON, 0),
        (A_YEAR_ON, TODAY, 0),
    ):
        assert len(planned_changes(schedule, first, last)) == count


def test_the_ends_of_time_are_no_changes() -> None:
    always = fee(valid_from=date.min, valid_to=date.max)
    assert planned_changes(Schedule([always]), date.min, date.max) == ()


def test_a_procedure_called_like_a_fee_does_not_stand_in_for_it() -> None:
    of_it = fee("khac", procedure_code="phi")
    (change,) = changes([fee(valid_to=LAST), of_it])
    assert (change.fee_code, change.kind) == ("phi", "ends")


def test_steps_and_shares_are_told_by_their_tariff() -> None:
    (change,) = changes([fee(rule=COPY, valid_to=LAST), fee(rule=SHARE, valid_from=FIRST)])
    assert change.after is not None
    assert change.before is not None
    assert change.after.vi == "0,15 % giá trị; tối đa 5.000.000 đ"
    assert change.before.vi.startswith("2.000 đ mỗi trường hợp; từ trường hợp thứ 3: 1.000 đ")


def test_conditions_in_words() -> None:
    assert conditions(relief()) == LocalizedText("mọi trường hợp", "everybody")
    full = relief(
        ground=Ground.ELDERLY, age_from=60, age_below=80, channel="counter", once_a_year=True
    )
    assert conditions(full) == LocalizedText(
        "người cao tuổi, từ 60 tuổi, dưới 80 tuổi, nộp tại quầy, mỗi công dân một lần trong năm",
        "elderly person, aged 60 or more, aged under 80, applied for at the counter,"
        " once a year for each citizen",
    )
    assert {conditions(relief(ground=ground)) for ground in Ground} == {g.words for g in Ground}


def test_the_days_asked_for_are_a_year_from_today_unless_something_is_said() -> None:
    assert days_asked(None, None, TODAY) == (TODAY, A_YEAR_ON)
    assert days_asked(FIRST, None, TODAY) == (FIRST, FIRST + timedelta(days=365))
    assert days_asked(None, FIRST, TODAY) == (TODAY, FIRST)
    assert days_asked(date.max, None, TODAY) == (date.max, date.max)
    assert days_asked(TODAY, date(2031, 11, 22), TODAY) == (TODAY, date(2031, 11, 22))
    for first, last in ((FIRST, LAST), (TODAY, date(2031, 12, 1)), (date.max, TODAY)):
        with pytest.raises(Invalid) as refused:
            days_asked(first, last, TODAY)
        assert [fault.field for fault in refused.value.errors] == ["to"]


def test_the_seeds_reliefs_of_2026_end_on_the_first_of_march() -> None:
    schedule = dict(catalogue_of().views())[None]
    (day,) = planned_changes(schedule, FIRST, FIRST)
    by_fee = {change.fee_code: change for change in day.changes}
    assert len(by_fee) == len(day.changes) >= 14
    permanent = by_fee["thuong-tru"]
    assert permanent.kind == "relief"
    assert permanent.before is not None
    assert permanent.after is not None
    assert "TT 117/2026/TT-BTC" in permanent.before.vi
    assert "TT 117/2026/TT-BTC" not in permanent.after.vi
