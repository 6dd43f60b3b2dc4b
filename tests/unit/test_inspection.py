"""Inspecting the catalogue: every finding is provoked, and put right it is gone."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from payments.catalogue.rules.certainty import Certainty
from payments.catalogue.rules.natures import FeeNature, nature_of_sub_item
from payments.catalogue.rules.schedule import Applicability
from payments.catalogue.rules.spans import FOREVER, Span, between, collisions, common, uncovered
from payments.catalogue.rules.wording import LocalizedText
from payments.catalogue.upkeep.inspection.contents import Catalogue, LegalTextValue, Owner
from payments.catalogue.upkeep.inspection.findings import Finding, FindingCode, Level
from payments.catalogue.upkeep.inspection.legal_bases import texts_meant
from payments.catalogue.upkeep.inspection.rules import inspect
from tests.support.catalogues import (
    ELSEWHERE,
    LONG_AGO,
    PROVINCE,
    TODAY,
    WARD,
    fee,
    law,
    procedure,
    relief,
    share,
    sound_catalogue,
    sub_item,
)

HORIZON = TODAY + timedelta(days=365)
LAST_DAY = date(2027, 2, 28)
NEXT_DAY = date(2027, 3, 1)
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)


def found(catalogue: Catalogue, on: date = TODAY, horizon: date = HORIZON) -> list[Finding]:
    return list(inspect(catalogue, on, horizon))


def told(catalogue: Catalogue, on: date = TODAY) -> list[tuple[str, str, str]]:
    return [(one.level, one.code, one.subject) for one in found(catalogue, on)]


def with_(**parts: Any) -> Catalogue:
    """The sound catalogue with more entries."""
    base = sound_catalogue()
    changed: dict[str, Any] = {
        name: (*getattr(base, name), *entries) for name, entries in parts.items()
    }
    return replace(base, **changed)


def only(**parts: Any) -> Catalogue:
    """The sound catalogue with other entries in the place of those named."""
    changed: dict[str, Any] = {name: tuple(entries) for name, entries in parts.items()}
    return replace(sound_catalogue(), **changed)


def test_nothing_is_found_in_a_sound_catalogue() -> None:
    assert found(sound_catalogue()) == []
    assert found(Catalogue()) == []


def test_a_horizon_before_the_day_is_refused() -> None:
    with pytest.raises(ValueError, match="horizon"):
        inspect(sound_catalogue(), TODAY, YESTERDAY)


@pytest.mark.parametrize(
    ("first_ends", "second_begins", "level"),
    [
        (YESTERDAY, TOMORROW, "error"),  # a gap of today alone
        (date(2020, 1, 1), date(2020, 1, 3), "warning"),
        (LAST_DAY, date(2027, 3, 2), "warning"),
    ],
)
def test_days_between_two_rows_are_a_gap(first_ends: date, second_begins: date, level: str) -> None:
    rows = [fee(valid_to=first_ends), fee(valid_from=second_begins)]
    gaps = [one for one in found(only(fees=rows)) if one.code == "gap"]
    (gap,) = gaps
    assert (gap.level, gap.subject, gap.owner) == (level, "phi", None)
    day = timedelta(days=1)
    assert gap.span == (first_ends + day, second_begins - day)
    mended = [fee(valid_to=first_ends), fee(valid_from=first_ends + day)]
    assert found(only(fees=mended)) == []


def test_the_nations_fee_fills_a_gap_of_an_agencys_own() -> None:
    own = [
        fee(agency_id=WARD.id, valid_to=YESTERDAY),
        fee(agency_id=WARD.id, valid_from=TOMORROW),
    ]
    assert found(only(fees=[fee(), *own])) == []
    assert found(only(fees=[fee(agency_id=PROVINCE.id), *own])) == []
    for other in (fee(agency_id=ELSEWHERE.id), fee("phi-khac")):
        (gap,) = [one for one in found(only(fees=[other, *own])) if one.code == "gap"]
        assert (gap.level, gap.owner) == ("error", "phuong-a")


def test_gaps_of_reliefs_sub_items_and_texts_are_found() -> None:
    ended: dict[str, Any] = {"valid_to": YESTERDAY}
    later: dict[str, Any] = {"valid_from": TOMORROW}
    assert ("warning", "gap", "giam") in told(only(reliefs=[relief(**ended), relief(**later)]))
    index = told(only(sub_items=[sub_item(**ended), sub_item(**later)]))
    assert ("error", "gap", "2716") in index
    texts = told(only(legal_texts=[law(**ended), law(**later)]))
    assert ("warning", "gap", "226/2016/TT-BTC (Bộ Tài chính)") in texts


def test_two_rows_on_one_day_overlap() -> None:
    until: dict[str, Any] = {"valid_to": TODAY}
    for parts in (
        {"fees": [fee(**until), fee(valid_from=TODAY)]},
        {"reliefs": [relief(**until), relief(valid_from=TODAY)]},
        {"sub_items": [sub_item(**until), sub_item(valid_from=TODAY)]},
        {"legal_texts": [law(**until), law(valid_from=TODAY)]},
    ):
        (overlap,) = found(only(**parts))
        assert (overlap.level, overlap.code) == ("error", "overlap")
        assert overlap.span == (TODAY, TODAY)
    beside = [
        fee(**until),
        fee(valid_from=TODAY, agency_id=PROVINCE.id),
        fee(valid_from=TOMORROW),
    ]
    assert found(only(fees=beside)) == []


def test_texts_of_one_number_and_two_issuers_do_not_overlap() -> None:
    assert found(with_(legal_texts=[law(issuer="HĐND tỉnh Bắc Ninh")])) == []


def test_an_end_that_nothing_follows_is_told() -> None:
    (ends,) = found(only(reliefs=[relief(valid_to=LAST_DAY)]))
    assert (ends.level, ends.code, ends.last_day) == ("warning", "ends", LAST_DAY)
    assert "28/02/2027" in ends.words.vi
    assert "28/02/2027" in ends.words.en
    followed = [relief(valid_to=LAST_DAY), relief(valid_from=NEXT_DAY, percent=20)]
    assert found(only(reliefs=followed)) == []


def test_an_end_is_told_from_the_first_day_to_the_last_of_the_horizon() -> None:
    def ends(valid_to: date) -> bool:
        catalogue = with_(fees=[fee("them", charged=Applicability.ON_REQUEST, valid_to=valid_to)])
        return [one.subject for one in found(catalogue) if one.code == "ends"] == ["them"]

    assert [ends(day) for day in (YESTERDAY, TODAY)] == [False, True]
    assert [ends(day) for day in (HORIZON, HORIZON + timedelta(days=1))] == [True, False]


def test_the_nations_fee_follows_an_agencys_own() -> None:
    own = fee(agency_id=PROVINCE.id, valid_to=LAST_DAY)
    assert found(only(fees=[fee(), own])) == []
    (ends,) = [one for one in found(only(fees=[own], reliefs=[])) if one.code == "ends"]
    assert (ends.subject, ends.owner) == ("phi", "ha-noi")


@pytest.mark.parametrize(
    ("dates", "level", "first"),
    [
        ({"valid_to": YESTERDAY}, "error", TODAY),
        ({"valid_to": LAST_DAY}, "warning", NEXT_DAY),
        ({"valid_from": TOMORROW}, "error", TODAY),
    ],
)
def test_a_basis_out_of_force_is_an_error_today_and_a_warning_later(
    dates: dict[str, Any], level: str, first: date
) -> None:
    catalogue = only(legal_texts=[law(**dates)])
    expired = [one for one in found(catalogue) if one.code == "expired_basis"]
    assert {(one.table, one.level) for one in expired} == {
        ("fees", level),
        ("reliefs", level),
        ("sub_items", "warning"),
    }
    assert {one.first_day for one in expired} == {first}
    assert all("226/2016/TT-BTC" in one.words.vi for one in expired)


def test_a_fee_that_ends_with_its_text_is_in_order() -> None:
    parts = {"sub_items": [sub_item(basis="TT 130/2025/TT-BTC")]}
    texts = [law(valid_to=LAST_DAY), law("130/2025/TT-BTC"), law("5/2027/TT-BTC")]
    now: dict[str, Any] = {"valid_to": LAST_DAY}
    then: dict[str, Any] = {"valid_from": NEXT_DAY, "basis": "TT 5/2027/TT-BTC"}
    catalogue = only(
        fees=[fee(**now), fee(**then)],
        reliefs=[relief(**now), relief(**then)],
        legal_texts=texts,
        **parts,
    )
    assert found(catalogue) == []
    late = replace(catalogue, fees=(fee(),))
    assert told(late) == [("warning", "expired_basis", "phi")]


def test_a_text_that_expires_beyond_the_horizon_is_not_told_of() -> None:
    assert found(only(legal_texts=[law(valid_to=HORIZON)])) == []
    assert found(only(legal_texts=[law(valid_to=HORIZON - timedelta(days=1))])) != []


def test_a_basis_in_an_unknown_text_is_told_once_with_all_that_rest_on_it() -> None:
    (unknown,) = found(only(legal_texts=[]))
    assert (unknown.level, unknown.code) == ("warning", "unknown_text")
    assert unknown.subject == "226/2016/TT-BTC"
    assert unknown.items == ("phi", "buu-chinh", "giam", "2716")


@pytest.mark.parametrize("basis", ["Quyết định của UBND", "NQ 66.22", "QĐ 1450/QĐ-TCT"])
def test_a_basis_without_a_number_in_full_is_unclear(basis: str) -> None:
    assert told(with_(fees=[fee("them", basis=basis)])) == [("warning", "unclear_basis", "them")]
    (unclear,) = found(with_(fees=[fee("them", basis=basis)]))
    assert basis.removeprefix("QĐ ") in unclear.words.vi


def test_of_texts_with_one_number_that_of_the_named_issuer_counts() -> None:
    ha_noi = law("06/2020/NQ-HĐND", issuer="HĐND thành phố Hà Nội", valid_to=YESTERDAY)
    bac_ninh = law("06/2020/NQ-HĐND", issuer="HĐND tỉnh Bắc Ninh")
    assert meant("NQ 06/2020/NQ-HĐND của HĐND TP Hà Nội", ha_noi, bac_ninh) == [ha_noi]
    assert meant("NQ 06/2020/NQ-HĐND tỉnh Bắc Ninh", ha_noi, bac_ninh) == [bac_ninh]
    assert meant("NQ 06/2020/NQ-HĐND", ha_noi, bac_ninh) == [ha_noi, bac_ninh]
    basis = "NQ 06/2020/NQ-HĐND của HĐND TP Hà Nội"
    texts = [law(), ha_noi, bac_ninh]
    expired = with_(fees=[fee("them", basis=basis)], legal_texts=texts[1:])
    assert told(expired) == [("error", "expired_basis", "them")]
    named = with_(fees=[fee("them", basis=f"{basis}, Bắc Ninh tỉnh")], legal_texts=texts[1:])
    assert told(named) == []


def meant(basis: str, *texts: LegalTextValue) -> list[LegalTextValue]:
    return texts_meant(basis, texts)


def test_what_is_not_in_force_in_that_time_is_left_alone() -> None:
    old = fee("cu", basis="ngày xưa", sub_item="9999", valid_to=YESTERDAY)
    later = fee("sau", basis="mai sau", sub_item="9999", valid_from=HORIZON + timedelta(days=1))
    assert found(with_(fees=[old, later])) == []


def test_a_sub_item_that_the_index_never_has_is_an_error() -> None:
    assert told(only(sub_items=[])) == [("error", "missing_sub_item", "phi")] * 2
    later = fee("sau", sub_item="9999", valid_from=NEXT_DAY)
    assert told(with_(fees=[later])) == [("error", "missing_sub_item", "sau")]


def test_a_fee_of_a_procedure_without_a_sub_item_is_a_warning() -> None:
    (none,) = found(with_(fees=[fee("them", sub_item=None, valid_from=NEXT_DAY)]))
    assert (none.level, none.code, none.subject) == ("warning", "no_sub_item", "them")
    assert none.span == (NEXT_DAY, FOREVER)
    assert "2.000001" in none.words.vi
    assert found(with_(fees=[fee("them", sub_item="2716", valid_from=NEXT_DAY)])) == []
    ended = fee("them", sub_item=None, valid_to=YESTERDAY)
    postage = fee("them", sub_item=None, procedure_code=None, charged=Applicability.ON_REQUEST)
    assert found(with_(fees=[ended])) == found(with_(fees=[postage])) == []


@pytest.mark.parametrize(("until", "level"), [(YESTERDAY, "error"), (LAST_DAY, "warning")])
def test_a_sub_item_missing_in_a_year_is_an_error_once_it_is_that_year(
    until: date, level: str
) -> None:
    missing = found(only(sub_items=[sub_item(valid_to=until)]))
    assert {(one.level, one.code, one.first_day) for one in missing} == {
        (level, "missing_sub_item", until + timedelta(days=1))
    }
    assert [one.owner for one in missing] == [None, "ha-noi"]


def test_a_sub_item_that_nobody_vouches_for_is_a_warning() -> None:
    doubtful = only(sub_items=[sub_item(certainty=Certainty.UNCONFIRMED)])
    (one,) = [one for one in found(doubtful) if one.code == "unconfirmed_sub_item"]
    assert (one.level, one.subject, one.items) == ("warning", "2716", ("2716: phi",))
    secondary = only(sub_items=[sub_item(certainty=Certainty.SECONDARY)])
    assert [code for _, code, _ in told(secondary)] == ["unconfirmed"]


def test_a_sub_item_vouched_for_until_next_year_is_a_warning() -> None:
    rows = [
        sub_item(valid_to=LAST_DAY),
        sub_item(valid_from=NEXT_DAY, certainty=Certainty.UNCONFIRMED),
    ]
    codes = [code for _, code, _ in told(only(sub_items=rows))]
    assert codes == ["unconfirmed", "unconfirmed_sub_item"]


def test_a_procedure_without_a_fee_on_the_day_is_a_warning() -> None:
    assert told(with_(procedures=[procedure("2.000002")])) == [("warning", "no_fee", "2.000002")]
    later = with_(
        procedures=[procedure("2.000002")],
        fees=[fee("them", procedure_code="2.000002", valid_from=TOMORROW)],
    )
    assert told(later) == [("warning", "no_fee", "2.000002")]
    assert told(later, on=TOMORROW) == []


def test_a_fee_of_an_unknown_procedure_is_an_error() -> None:
    assert told(with_(fees=[fee("them", procedure_code="2.9")])) == [
        ("error", "unknown_procedure", "them")
    ]


def test_fees_always_taken_beside_fees_to_choose_are_a_warning() -> None:
    choice = fee("chon", charged=Applicability.CHOICE)
    (mixed,) = found(with_(fees=[choice]))
    assert (mixed.level, mixed.code, mixed.owner) == ("warning", "mixed_charges", None)
    both = [fee(charged=Applicability.CHOICE), choice]
    assert found(only(fees=both)) == []
    assert found(with_(fees=[fee("chon", charged=Applicability.ON_REQUEST)])) == []


def test_a_mix_that_begins_later_or_by_an_agencys_own_fee_is_told() -> None:
    later = fee("chon", charged=Applicability.CHOICE, valid_from=NEXT_DAY)
    (mixed,) = found(with_(fees=[later]))
    assert mixed.first_day == NEXT_DAY
    own = fee("chon", charged=Applicability.CHOICE, agency_id=WARD.id)
    (mixed,) = found(with_(fees=[own]))
    assert (mixed.owner, mixed.first_day) == ("phuong-a", TODAY)


def test_an_agencys_choices_in_the_place_of_the_nations_fee_are_no_mix() -> None:
    own = [
        fee(charged=Applicability.CHOICE, agency_id=WARD.id),
        fee("chon", charged=Applicability.CHOICE, agency_id=WARD.id),
    ]
    assert found(with_(fees=own)) == []


def test_a_relief_from_a_fee_that_is_not_there_is_an_error() -> None:
    wrong = relief("nham", fees=frozenset({"phi", "khong-co"}))
    (unknown,) = found(with_(reliefs=[wrong]))
    assert (unknown.level, unknown.code, unknown.subject) == ("error", "unknown_fee", "nham")
    assert "khong-co" in unknown.words.vi
    ended = relief("nham", fees=frozenset({"khong-co"}), valid_to=YESTERDAY)
    assert found(with_(reliefs=[ended])) == []


def test_a_fee_of_another_agency_is_not_there_for_a_relief() -> None:
    theirs = fee("rieng", agency_id=ELSEWHERE.id)
    mine = relief("rieng", fees=frozenset({"rieng"}), agency_id=WARD.id)
    assert told(with_(fees=[theirs], reliefs=[mine])) == [("error", "unknown_fee", "rieng")]
    for owner_id in (WARD.id, PROVINCE.id, None):
        assert found(with_(fees=[replace(theirs, agency_id=owner_id)], reliefs=[mine])) == []
    of_a_province = replace(mine, agency_id=PROVINCE.id)
    of_a_ward = replace(theirs, agency_id=WARD.id)
    assert found(with_(fees=[of_a_ward], reliefs=[of_a_province])) == []
    assert found(with_(fees=[theirs], reliefs=[replace(mine, agency_id=None)])) == []


def test_a_national_relief_may_name_fees_that_only_other_agencies_have() -> None:
    theirs = fee("rieng", agency_id=ELSEWHERE.id)
    catalogue = with_(fees=[theirs], reliefs=[relief("rieng", fees=frozenset({"rieng"}))])
    assert told(catalogue.seen_by(WARD.id)) == []
    assert told(replace(catalogue.seen_by(WARD.id), fees_elsewhere=frozenset())) == [
        ("error", "unknown_fee", "rieng")
    ]
    own = with_(
        fees=[theirs], reliefs=[relief("rieng", fees=frozenset({"rieng"}), agency_id=WARD.id)]
    )
    assert told(own.seen_by(WARD.id)) == [("error", "unknown_fee", "rieng")]


def test_an_agency_sees_its_own_that_of_the_bodies_above_and_the_nations() -> None:
    fees = [fee("a", agency_id=owner.id) for owner in (PROVINCE, WARD, ELSEWHERE)]
    catalogue = with_(fees=fees, reliefs=[relief("b", agency_id=ELSEWHERE.id)])
    seen = catalogue.seen_by(WARD.id)
    assert {one.agency_id for one in seen.fees} == {None, PROVINCE.id, WARD.id}
    assert [one.code for one in seen.reliefs] == ["giam"]
    assert seen.fees_elsewhere == frozenset()
    assert {one.agency_id for one in catalogue.seen_by(PROVINCE.id).fees} == {None, PROVINCE.id}


def test_a_relief_longer_than_its_fee_is_a_warning() -> None:
    short = fee("ngan", charged=Applicability.ON_REQUEST, valid_to=LAST_DAY)
    long = relief("dai", fees=frozenset({"ngan"}))
    idle = [one for one in found(with_(fees=[short], reliefs=[long])) if one.code != "ends"]
    assert [(one.level, one.code, one.subject) for one in idle] == [
        ("warning", "idle_relief", "dai")
    ]
    assert (idle[0].span, idle[0].items) == ((NEXT_DAY, FOREVER), ("ngan",))
    equal = with_(fees=[short], reliefs=[replace(long, valid_to=LAST_DAY)])
    assert {one.code for one in found(equal)} == {"ends"}


def test_unconfirmed_figures_are_counted_in_one_warning_for_each_certainty() -> None:
    catalogue = with_(
        procedures=[procedure("2.000002", code_certainty=Certainty.UNCONFIRMED)],
        fees=[
            fee("a", certainty=Certainty.UNCONFIRMED, procedure_code="2.000002"),
            fee("b", certainty=Certainty.UNCONFIRMED, agency_id=WARD.id),
            fee("c", certainty=Certainty.SECONDARY),
            fee("cu", certainty=Certainty.SECONDARY, valid_to=YESTERDAY),
        ],
    )
    secondary, unconfirmed = found(catalogue)
    assert (secondary.code, secondary.subject) == ("unconfirmed", "secondary")
    assert secondary.items == ("khoản thu c",)
    assert unconfirmed.items == ("khoản thu a", "khoản thu b (phuong-a)", "thủ tục 2.000002")
    assert unconfirmed.words.vi.startswith("1 thủ tục, 2 khoản thu chưa xác nhận.")
    assert unconfirmed.words.en.startswith("1 procedure, 2 fees not confirmed.")


def test_figures_checked_too_long_ago_are_counted() -> None:
    limit = TODAY - timedelta(days=365)
    old = with_(fees=[fee("a", checked_on=limit - timedelta(days=1)), fee("b", checked_on=limit)])
    (stale,) = found(old)
    assert (stale.level, stale.code, stale.items) == ("warning", "stale", ("khoản thu a",))
    assert inspect(old, TODAY, HORIZON, checked_within=366) == ()
    assert len(inspect(sound_catalogue(), TODAY, HORIZON, checked_within=0)) == 0
    (all_old,) = inspect(sound_catalogue(), TOMORROW, HORIZON, checked_within=0)
    assert all_old.words.vi.startswith("3 khoản thu, 1 mức miễn, giảm, 1 tiểu mục, 1 văn bản")


def test_errors_come_first_and_every_finding_says_what_to_do_in_both_languages() -> None:
    catalogue = Catalogue(
        procedures=(procedure(other_codes=("1.1",)), procedure("2.000002", other_codes=("1.1",))),
        fees=(
            fee("gia", nature=FeeNature.PRICE),
            fee(valid_to=YESTERDAY, certainty=Certainty.SECONDARY),
            fee(valid_from=TOMORROW, sub_item="9999", checked_on=LONG_AGO),
            fee("chon", charged=Applicability.CHOICE, basis="TT 999/2020/TT-BTC"),
            fee("luon", valid_to=LAST_DAY, procedure_code="2.9", basis="không rõ"),
            fee("luon", valid_from=LAST_DAY),
            fee("het", valid_to=LAST_DAY, sub_item="2718"),
            fee("khong-tieu-muc", sub_item=None),
        ),
        reliefs=(relief(fees=frozenset({"het", "khong-co"})),),
        sub_items=(sub_item(), sub_item("2718", certainty=Certainty.UNCONFIRMED)),
        legal_texts=(law(valid_to=LAST_DAY),),
    )
    findings = found(catalogue)
    assert {one.code for one in findings} == set(FindingCode)
    levels = [one.level for one in findings]
    assert levels == sorted(levels)
    assert set(levels) == set(Level)
    for one in findings:
        assert one.words.vi.endswith(".")
        assert one.words.en.endswith(".")
        assert one.words.vi.count(". ") + one.words.vi.count(": ") >= 1, one
        assert one.words.vi != one.words.en


def test_an_owner_that_is_not_listed_stands_alone() -> None:
    unlisted = replace(sound_catalogue(), owners={})
    assert found(unlisted) == []
    assert unlisted.owner("agency_x") == Owner("agency_x", "agency_x")


DAYS = [TODAY + timedelta(days=n) for n in range(10)]


@pytest.mark.parametrize(
    ("covers", "left"),
    [
        ([], [(0, 9)]),
        ([(0, 9)], []),
        ([(0, 3), (4, 9)], []),
        ([(0, 3), (5, 9)], [(4, 4)]),
        ([(2, 3), (2, 6)], [(0, 1), (7, 9)]),
        ([(4, 9), (0, 1)], [(2, 3)]),
        ([(0, 8), (1, 2)], [(9, 9)]),
    ],
)
def test_what_is_left_uncovered(covers: list[tuple[int, int]], left: list[tuple[int, int]]) -> None:
    def days(pairs: list[tuple[int, int]]) -> list[Span]:
        return [(DAYS[first], DAYS[last]) for first, last in pairs]

    assert list(uncovered((DAYS[0], DAYS[9]), days(covers))) == days(left)


def test_spans_without_an_end() -> None:
    forever = (TODAY, FOREVER)
    assert uncovered(forever, [forever]) == ()
    assert uncovered(forever, [(TODAY, TODAY)]) == ((TOMORROW, FOREVER),)
    assert common(forever, (LONG_AGO, TODAY)) == (TODAY, TODAY)
    assert common(forever, (LONG_AGO, YESTERDAY)) is None
    assert between([forever, (LONG_AGO, TODAY)]) == (LONG_AGO, FOREVER)
    assert collisions([forever, (YESTERDAY, TOMORROW), (TOMORROW, FOREVER)]) == (
        (TODAY, TOMORROW),
        (TOMORROW, FOREVER),
    )


@pytest.mark.parametrize(
    ("nature", "index_name"),
    [
        (FeeNature.FEE, "Phí chứng thực"),
        (FeeNature.CHARGE, "Lệ phí hộ tịch"),
        (FeeNature.FEE, "Lệ phí trước bạ nhà đất"),
        (FeeNature.PRICE, "Phí chứng thực"),
    ],
)
def test_a_nature_that_does_not_fit_its_sub_item_is_a_warning(
    nature: FeeNature, index_name: str
) -> None:
    named = replace(sub_item(), name=LocalizedText(index_name, index_name))
    wrong = fee("sai", nature=nature)
    assert (Level.WARNING, FindingCode.OTHER_NATURE, "sai") in [
        (one.level, one.code, one.subject)
        for one in found(replace(with_(fees=[wrong]), sub_items=(named,)))
    ]
    right = nature_of_sub_item(index_name)
    mended = replace(with_(fees=[replace(wrong, nature=right)]), sub_items=(named,))
    assert "sai" not in [
        one.subject for one in found(mended) if one.code == FindingCode.OTHER_NATURE
    ]


def test_a_code_of_several_procedures_is_a_warning() -> None:
    one, other = procedure("2.000001"), procedure("2.000009")
    clashing = replace(other, other_codes=("1.1", "2.000001"))
    catalogue = only(procedures=[replace(one, other_codes=("1.1",)), clashing])
    clashes = [
        (each.subject, each.items)
        for each in found(catalogue)
        if each.code == FindingCode.CLASHING_CODES
    ]
    both = ("2.000001", "2.000009")
    assert clashes == [("1.1", both), ("2.000001", both)]
    apart = only(procedures=[one, replace(other, other_codes=("1.1",))])
    assert FindingCode.CLASHING_CODES not in [each.code for each in found(apart)]


def test_shares_are_looked_at_like_other_dated_rows() -> None:
    assert found(only(shares=[share()])) == []
    until: dict[str, Any] = {"valid_to": TODAY}
    overlap = told(only(shares=[share(**until), share(valid_from=TODAY)]))
    assert overlap == [("error", "overlap", "phi")]
    gap = [share(valid_to=YESTERDAY), share(valid_from=TOMORROW)]
    assert ("warning", "gap", "phi") in told(only(shares=gap))
    assert told(only(shares=[share("khong-co")])) == [("warning", "unknown_fee", "khong-co")]
    unknown = told(only(shares=[share(basis="TT 9/2020/TT-BTC")]))
    assert "unknown_text" in {code for _, code, _ in unknown}
