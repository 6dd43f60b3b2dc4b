"""A relief that an asset has once a year, among the lines of one bill."""

from dataclasses import replace

import pytest

from payments.catalogue.rules import granting
from payments.catalogue.rules.circumstances import Circumstances
from payments.catalogue.rules.fee_requests import FeeRequest, LineRequest
from payments.catalogue.rules.kinds import FixedFee
from payments.catalogue.rules.pricing import price_lines
from payments.catalogue.rules.reliefs import ReliefValue
from payments.catalogue.rules.schedule import Schedule
from tests.support.catalogues import PROVINCE, TODAY, fee, relief

SMALL, GREAT = fee("nho", FixedFee(10_000)), fee("to", FixedFee(90_000))
YEARLY = relief("nam", fees=frozenset({"nho", "to"}), once_a_year=True)
OTHER = replace(YEARLY, id="relief_khac", code="khac", fees=frozenset({"to"}), percent=40)


def left(*codes: str, reliefs: tuple[ReliefValue, ...]) -> list[int]:
    """What is left to pay of each line, for somebody with an asset."""
    schedule = Schedule([SMALL, GREAT], reliefs, (PROVINCE.id,))
    requests = [LineRequest(code, FeeRequest()) for code in codes]
    priced = price_lines(schedule, requests, Circumstances(TODAY, asset="29A-123.45"))
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
