"""What a procedure's page offers: which fees go together, and who would pay less."""

from datetime import date
from typing import Any

import pytest

from app.web.citizen.fee_cards import card_of, least_certain
from app.web.citizen.offer import needs_no_proof, offer_of, price_offer
from app.web.citizen.typed import TypedForm
from core.errors import Invalid
from payments.catalogue.rules.certainty import Certainty
from payments.catalogue.rules.reliefs import ReliefValue
from payments.catalogue.rules.schedule import FeeValue, Schedule
from payments.catalogue.upkeep.entries import FeeEntry, ReliefEntry

TODAY = date(2026, 11, 22)

_DATED: dict[str, Any] = {
    "basis": "NQ 1/2020/NQ-HĐND",
    "source": "thử nghiệm",
    "certainty": "confirmed",
    "checked_on": TODAY,
    "valid_from": date(2020, 1, 1),
    "name_vi": "Tên",
    "name_en": "Name",
}


def fee(code: str, amount: int = 10_000, **changes: Any) -> FeeValue:
    given = {"code": code, "procedure": "1.1", "kind": "fixed", "rule": {"amount": amount}}
    units = {"unit_vi": "hồ sơ", "unit_en": "dossier", "sub_item": "2716"}
    return FeeEntry.model_validate(_DATED | given | units | changes).value(None)


def relief(code: str, *fees: str, **changes: Any) -> ReliefValue:
    return ReliefEntry.model_validate(_DATED | {"code": code, "fees": list(fees)} | changes).value(
        None
    )


ALWAYS = fee("always")
FIRST = fee("first", charged="choice")
SECOND = fee("second", charged="choice")
WISHED = fee("wished", charged="on_request")
POSTAGE = fee("postage", procedure=None, charged="on_request")


def codes(fees: tuple[FeeValue, ...]) -> list[str]:
    return [one.code for one in fees]


@pytest.mark.parametrize(
    ("fees", "named", "together"),
    [
        ([ALWAYS], None, ["always"]),
        ([ALWAYS, fee("also")], None, ["also", "always"]),
        ([ALWAYS, fee("also")], ALWAYS, ["also", "always"]),
        ([ALWAYS, FIRST, SECOND], None, []),
        ([ALWAYS, FIRST, SECOND], ALWAYS, []),
        ([ALWAYS, FIRST, SECOND], SECOND, ["second", "always"]),
        ([ALWAYS, FIRST], None, ["first", "always"]),
        ([ALWAYS, WISHED, POSTAGE], WISHED, ["wished"]),
        ([ALWAYS, WISHED], None, ["always"]),
        ([], None, []),
    ],
)
def test_fees_go_together_as_the_procedure_takes_them(
    fees: list[FeeValue], named: FeeValue | None, together: list[str]
) -> None:
    offer = offer_of(Schedule(fees), "1.1", named, TODAY)
    assert codes(offer.together) == together


def test_what_may_be_added_is_what_is_on_request_and_what_goes_with_any_procedure() -> None:
    offer = offer_of(Schedule([ALWAYS, WISHED, POSTAGE]), "1.1", None, TODAY)
    assert codes(offer.extras) == ["wished", "postage"]
    alone = offer_of(Schedule([ALWAYS, POSTAGE]), None, POSTAGE, TODAY)
    assert (codes(alone.together), codes(alone.extras)) == (["postage"], [])


@pytest.mark.parametrize(
    ("kind", "rule"),
    [("assessed", {}), ("foreign_currency", {"currency": "USD", "amount": 5})],
)
def test_one_fee_that_cannot_be_worked_out_keeps_the_whole_from_being_paid(
    kind: str, rule: dict[str, object]
) -> None:
    assert offer_of(Schedule([ALWAYS]), "1.1", None, TODAY).payable
    schedule = Schedule([ALWAYS, fee("other", kind=kind, rule=rule)])
    assert not offer_of(schedule, "1.1", None, TODAY).payable


@pytest.mark.parametrize(
    ("rule", "by_copies"),
    [
        ({"steps": [{"from": 1, "each": 5}]}, False),
        ({"steps": [{"from": 1, "each": 5}, {"from": 3, "each": 2}]}, True),
        ({"steps": [{"from": 1, "each": 5}], "cap": 100}, True),
        ({"steps": [{"from": 1, "each": 5}], "minimum": 20}, True),
    ],
)
def test_copies_are_asked_for_only_where_they_are_not_just_more_units(
    rule: dict[str, object], by_copies: bool
) -> None:
    schedule = Schedule([fee("counted", kind="per_unit", rule=rule)])
    assert offer_of(schedule, "1.1", None, TODAY).by_copies is by_copies


def test_only_a_relief_that_asks_nothing_of_a_person_needs_no_proof() -> None:
    assert needs_no_proof(relief("a", "always", percent=50))
    assert needs_no_proof(relief("a", "always", percent=50, channel="online"))
    for condition in ({"ground": "merit"}, {"age_from": 60}, {"once_a_year": True}):
        assert not needs_no_proof(relief("a", "always", percent=50, **condition))


def test_who_would_pay_less_is_told_the_amount_of_the_whole_bill() -> None:
    reliefs = [
        relief("poor", "always", percent=100, ground="poor_household"),
        relief("of-merit", "always", "also", percent=50, ground="merit"),
        relief("weak", "always", percent=5, ground="child"),
        relief("all", "always", percent=10),
    ]
    schedule = Schedule([ALWAYS, fee("also", 40_000)], reliefs)
    priced = price_offer(schedule, offer_of(schedule, "1.1", None, TODAY), TypedForm(), TODAY)
    assert (priced.full_amount, priced.amount) == (50_000, 49_000)
    assert [(less.relief.code, less.amount) for less in priced.less] == [
        ("of-merit", 25_000),
        ("poor", 40_000),
    ]


def test_what_a_citizen_may_have_once_counts_for_one_line() -> None:
    yearly = relief("yearly", "always", "also", percent=50, once_a_year=True)
    schedule = Schedule([ALWAYS, fee("also", 40_000)], [yearly])
    priced = price_offer(schedule, offer_of(schedule, "1.1", None, TODAY), TypedForm(), TODAY)
    (less,) = priced.less
    # The first line, of 40,000 đ, has it.
    assert less.amount == 30_000


def test_every_fault_names_its_input_once() -> None:
    page: dict[str, Any] = {
        "kind": "per_unit",
        "rule": {"steps": [{"from": 1, "each": 5}], "cap": 9},
    }
    share: dict[str, Any] = {"kind": "percentage", "rule": {"percent": "1"}}
    schedule = Schedule(
        [
            fee("a", **page),
            fee("b", **page),
            fee("c", **page, unit_vi="trang"),
            fee("d", **share),
            fee("e", **share),
        ]
    )
    offer = offer_of(schedule, "1.1", None, TODAY)
    with pytest.raises(Invalid) as caught:
        price_offer(schedule, offer, TypedForm(("0", "x"), "0", ""), TODAY)
    fields = [fault.field for fault in caught.value.errors]
    assert sorted(fields) == ["copies", "quantity", "quantity-2", "value"]
    assert set(fields) <= set(offer.labels)


def test_more_than_a_bill_can_hold_is_refused_as_a_whole() -> None:
    schedule = Schedule([fee("a", 6 * 10**12), fee("b", 6 * 10**12)])
    offer = offer_of(schedule, "1.1", None, TODAY)
    with pytest.raises(Invalid, match="tối đa"):
        price_offer(schedule, offer, TypedForm(), TODAY)


def test_a_fee_that_ends_tells_what_follows_it() -> None:
    ending = fee("a", 25_000, valid_to=date(2026, 12, 31))
    following = fee("a", 50_000, valid_from=date(2027, 1, 1))
    later = card_of(Schedule([ending, following]), ending, TODAY).later_tariff
    assert later is not None
    assert later.vi == "50.000 đ mỗi hồ sơ"
    assert card_of(Schedule([ending]), ending, TODAY).later_tariff is None


def test_the_most_doubtful_mark_is_shown_for_several() -> None:
    marks = [Certainty.CONFIRMED, Certainty.UNCONFIRMED, Certainty.SECONDARY]
    assert least_certain(marks) == Certainty.UNCONFIRMED
    assert least_certain([]) == Certainty.CONFIRMED
