"""What a bank's reference tells, however it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.bank_refs import plain_bank_ref

PLACEHOLDERS = ("NONREF", "0", "-", "N/A", "000000000000", "", "9999999", "5.26E+15", "khong")


@pytest.mark.parametrize("ref", PLACEHOLDERS)
def test_a_placeholder_tells_nothing(ref: str) -> None:
    assert plain_bank_ref(ref) == ""
    assert plain_bank_ref(f" {ref.lower()} ") == ""


REFERENCES = st.from_regex(r"[1-9A-Z][0-9A-Z]{3,10}[0-9]", fullmatch=True).filter(
    lambda ref: len(set(ref)) > 1 and "E" not in ref
)


@given(REFERENCES, st.sampled_from(["{}", " {} ", "00{}", "{}\\BNK", "{};1"]), st.booleans())
def test_however_it_is_written_a_reference_tells_the_same(ref: str, way: str, low: bool) -> None:
    written = way.format(ref)
    assert plain_bank_ref(written.lower() if low else written) == plain_bank_ref(ref) == ref


@given(REFERENCES, REFERENCES)
def test_two_references_stay_two(one: str, other: str) -> None:
    assert (plain_bank_ref(one) == plain_bank_ref(other)) == (one == other)
