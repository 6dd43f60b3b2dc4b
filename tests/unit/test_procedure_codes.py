"""A procedure under its other codes: of a level, or of before its ministry numbered anew."""

from dataclasses import replace
from datetime import date

import pytest

from app.seed.catalogue import read_seed
from core.errors import Invalid
from payments.catalogue.rules.procedure_codes import NO_CODES, ProcedureCodes
from payments.catalogue.rules.schedule import FeeValue, Schedule
from payments.catalogue.upkeep.entries import ProcedureEntry
from tests.support.catalogues import LONG_AGO, TODAY, fee

MERGED = ProcedureCodes("1.116405", "1.116407", "1.116410")
EXCHANGE = fee("doi", procedure_code="2.001195", procedure_codes=MERGED)
AGAIN = fee("cap-lai", procedure_code="2.001194", procedure_codes=MERGED)
CAR = fee("o-to", procedure_code="1.013067", procedure_codes=ProcedureCodes(other=("1.115970",)))
PLATE = replace(CAR, id="fee_bien", code="bien")


def named(*fees: FeeValue, code: str, on: date = TODAY) -> list[str]:
    """The fees that a line asks for by `code`."""
    return [found.code for found in Schedule(fees).get_all(code, on)]


def refusal(*fees: FeeValue, code: str, offered: set[str] | None = None) -> tuple[str, str]:
    """Why a line that asks for `code` is refused: the fault's code, and its words."""
    with pytest.raises(Invalid) as refused:
        Schedule(fees, offered=offered).get_all(code, TODAY)
    (fault,) = refused.value.errors
    return fault.code, fault.detail


@pytest.mark.parametrize("code", ["1.116405", "1.116407", "1.116410", "2.001195", "doi"])
def test_a_procedure_is_found_under_each_of_its_codes(code: str) -> None:
    assert named(EXCHANGE, CAR, code=code) == ["doi"]
    found = Schedule([EXCHANGE, CAR]).find(code, TODAY)
    assert found is not None
    assert found.procedure_code == "2.001195"


def test_all_that_one_procedure_always_takes_is_taken_under_another_code_too() -> None:
    assert named(CAR, PLATE, code="1.115970") == named(CAR, PLATE, code="1.013067")


def test_a_code_of_several_procedures_takes_the_fees_of_none() -> None:
    """One code came to stand for two: whoever names it must not be charged for both."""
    code, detail = refusal(EXCHANGE, AGAIN, code="1.116410")
    assert code == "ambiguous"
    assert "2.001194, 2.001195" in detail
    assert "cap-lai, doi" in detail
    assert named(EXCHANGE, AGAIN, code="2.001195") == ["doi"]
    # The control: of one procedure, the same fees would all be charged.
    one = [replace(two, procedure_code="1") for two in (EXCHANGE, AGAIN)]
    assert sorted(named(*one, code="1.116410")) == ["cap-lai", "doi"]


def test_a_procedures_own_code_goes_before_another_ones_other_code() -> None:
    newcomer = fee("moi", procedure_code="1.116410")
    assert named(EXCHANGE, AGAIN, newcomer, code="1.116410") == ["moi"]


def test_a_procedure_that_is_not_offered_is_not_offered_under_another_code() -> None:
    assert refusal(EXCHANGE, CAR, code="1.116410", offered={"1.013067"})[0] == "not_offered"
    only_one = Schedule([EXCHANGE, AGAIN], offered={"2.001195"})
    assert [one.code for one in only_one.get_all("1.116410", TODAY)] == ["doi"]


def test_a_fee_that_has_ended_says_so_under_another_code() -> None:
    ended = replace(EXCHANGE, valid_from=LONG_AGO, valid_to=date(2026, 1, 1))
    code, detail = refusal(ended, code="1.116410")
    assert code == "not_in_force"
    assert "01/01/2026" in detail
    assert refusal(ended, code="1.116411")[0] == "unknown"


def test_each_code_is_told_once_the_communes_first() -> None:
    assert ProcedureCodes("a", "b", "c", ("a", "d")).all == ("c", "b", "a", "d")
    assert NO_CODES.all == ()


def test_no_other_code_of_the_seed_is_some_procedures_own() -> None:
    procedures = [one for one in read_seed().national if isinstance(one, ProcedureEntry)]
    own = {one.code for one in procedures}
    for one in procedures:
        levels = (one.ministry_code, one.province_code, one.commune_code)
        assert own.isdisjoint({*one.other_codes, *filter(None, levels)})
    assert {one.commune_code for one in procedures} >= {"1.116410", "1.115970"}
