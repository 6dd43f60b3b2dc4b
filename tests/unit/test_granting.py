"""A relief that a citizen has once a year, among the lines of one bill."""

from dataclasses import replace
from datetime import date

import pytest

from payments.catalogue.rules import granting, schedule
from payments.catalogue.rules.circumstances import Circumstances
from payments.catalogue.rules.fee_requests import FeeRequest, LineRequest
from payments.catalogue.rules.kinds import FixedFee
from payments.catalogue.rules.pricing import price_lines
from payments.catalogue.rules.reliefs import ReliefValue, YearlyUse
from payments.catalogue.rules.schedule import Schedule
from tests.support.catalogues import PROVINCE, TODAY, fee, relief

SMALL, GREAT = fee("nho", FixedFee(10_000)), fee("to", FixedFee(90_000))
YEARLY = relief("nam", fees=frozenset({"nho", "to"}), once_a_year=True)
OTHER = replace(YEARLY, id="relief_khac", code="khac", fees=frozenset({"to"}), percent=40)


def left(*codes: str, reliefs: tuple[ReliefValue, ...]) -> list[int]:
    """What is left to pay of each line, for somebody who is named."""
    prices = Schedule([SMALL, GREAT], reliefs, (PROVINCE.id,))
    requests = [LineRequest(code, FeeRequest()) for code in codes]
    priced = price_lines(prices, requests, Circumstances(TODAY, identified=True))
    assert list(priced.faults) == []
    return [line.amount for lines in priced.lines for line in lines]


def test_it_goes_to_the_line_from_which_it_takes_most_off() -> None:
    assert left("nho", "to", reliefs=(YEARLY,)) == [10_000, 45_000]
    assert left("to", "nho", "to", reliefs=(YEARLY,)) == [45_000, 10_000, 90_000]


def test_the_line_that_may_not_have_it_again_has_the_next_best() -> None:
    always = relief("luon", fees=frozenset({"nho", "to"}), percent=10)
    assert left("nho", "to", reliefs=(YEARLY, always)) == [9_000, 45_000]


def test_several_yearly_reliefs_may_stand_in_one_bill() -> None:
    assert left("to", "to", reliefs=(YEARLY, OTHER)) == [45_000, 54_000]
    only_small = replace(YEARLY, fees=frozenset({"nho"}))
    assert left("nho", "to", reliefs=(only_small, OTHER)) == [5_000, 54_000]


def test_reliefs_of_two_owners_are_two_though_their_codes_are_one() -> None:
    nations = replace(YEARLY, fees=frozenset({"nho"}))
    assert nations.yearly == "nam"
    assert replace(nations, agency_id=PROVINCE.id).yearly == f"{PROVINCE.id}:nam"
    assert replace(nations, once_a_year=False).yearly is None


def test_giving_it_to_the_first_line_or_to_every_line_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    right = left("nho", "to", reliefs=(YEARLY,))
    monkeypatch.setattr(granting, "_off", lambda grants: 0)
    assert left("nho", "to", reliefs=(YEARLY,)) == [5_000, 90_000] != right
    monkeypatch.setattr(ReliefValue, "yearly", None)
    assert left("nho", "to", reliefs=(YEARLY,)) == [5_000, 45_000] != right


FIRST_DAY = date(2026, 8, 15)


def uses(on: date) -> list[YearlyUse | None]:
    """The use of a relief whose second row, from 2027, has another cap."""
    first = replace(YEARLY, valid_from=FIRST_DAY, valid_to=date(2026, 12, 31), cap=20_000)
    second = replace(first, valid_from=date(2027, 1, 1), valid_to=None, cap=30_000)
    rows = Schedule([GREAT], [second, first], (PROVINCE.id,))
    requests = [LineRequest("to", FeeRequest())]
    priced = price_lines(rows, requests, Circumstances(on, identified=True))
    return [line.yearly for lines in priced.lines for line in lines]


def test_a_relief_that_goes_on_with_another_cap_goes_on_in_the_same_year(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = [YearlyUse("nam", FIRST_DAY)]
    assert uses(date(2026, 12, 31)) == uses(date(2027, 1, 1)) == kept
    monkeypatch.setattr(schedule, "_with_first_days", tuple)
    assert uses(date(2027, 1, 1)) != kept, "counting from each row's own day is caught"
