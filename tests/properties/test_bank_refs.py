"""What a bank's reference tells, however it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.bank_refs import is_rounded, line_bank_ref, plain_bank_ref

PLACEHOLDERS = (
    *("NONREF", "0", "-", "N/A", "000000000000", "", "9999999", "5.26E+15", "khong"),
    *("NONREF-0", "NONREF//000", "N/A 0", "REF: 0", "NOT APPLICABLE", "undefined", "(null)", "…"),
    *("Không có", "KHÔNG XÁC ĐỊNH", "Không có số tham chiếu", "chưa cập nhật", "Chuyển khoản"),
    *("Ｎ/Ａ", "0,00", "5,26 E+15", '="5.26E+015"', "DEFAULT", "pending"),
)


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


LONG = st.from_regex(r"[A-Z]{2}[0-9]{6,12}", fullmatch=True)
LABELS = st.from_regex(r"[A-Z]{2,4}", fullmatch=True)
BEFORE_LABELS = ("{}/{}", "{} {}", "{}-{}", "{} ({})", "{}|{}", "{}.{}")


@given(LONG, LABELS, st.sampled_from(BEFORE_LABELS))
def test_the_label_of_who_tells_it_is_no_part_of_a_long_reference(
    ref: str, label: str, way: str
) -> None:
    assert plain_bank_ref(way.format(ref, label)) == plain_bank_ref(ref) == ref


@pytest.mark.parametrize("written", ["5260001.0", "5260001,00", " 5260001.00", "5260001"])
def test_a_number_that_became_a_fraction_is_that_number(written: str) -> None:
    assert plain_bank_ref(written) == "5260001"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # What tells members of a batch apart is no label.
        ("FT26331000123/1", "FT26331000123/2"),
        ("FT26331000123-01", "FT26331000123-02"),
        ("TT2026/AB", "TT2026/CD"),
        ("FT26331000123/ABCDE", "FT26331000123/VWXYZ"),
        ("5260001.1", "5260001"),
    ],
)
def test_what_tells_two_apart_is_kept(one: str, other: str) -> None:
    assert plain_bank_ref(one) != plain_bank_ref(other)


@pytest.mark.parametrize("ref", ["5.26E+15", "5,26e15", "5.26 E+15", '="5.26E+15"', "'1E+20"])
def test_a_rounded_number_is_known_however_it_is_quoted(ref: str) -> None:
    assert is_rounded(ref)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("FT26331000123\\BNK", "FT26331000123"),
        ("FT26331000123/BNK", "FT26331000123BNK"),
        ("Không tham chiếu", "KHNGTHAMCHIU"),
        ("NONREF-0", "NONREF0"),
        ("NONREF", ""),
        ("5260001.0", "52600010"),
    ],
)
def test_what_stored_lines_are_known_by_does_not_change(written: str, name: str) -> None:
    """A file that tells of them again after an upgrade would make them two."""
    assert line_bank_ref(written) == name


@given(REFERENCES, REFERENCES)
def test_two_references_stay_two(one: str, other: str) -> None:
    assert (plain_bank_ref(one) == plain_bank_ref(other)) == (one == other)
