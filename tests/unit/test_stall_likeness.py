"""What a transfer's words may name: a reference with a slip, a stall's code, a name."""

import pytest

from core.references import ALPHABET, LENGTH, is_reference, near_references, new_reference
from payments.billing.suggesting.likeness import (
    code_forms,
    cut_reference,
    name_runs,
    words_of,
)


def slips(reference: str) -> list[str]:
    """The reference with each of its characters wrong, and with each two neighbours swapped."""
    wrong = [
        reference[:place] + ALPHABET[(ALPHABET.index(reference[place]) + 5) % 32]
        + reference[place + 1 :]
        for place in range(2, LENGTH)
    ]  # fmt: skip
    swapped = [
        reference[:place] + reference[place + 1] + reference[place] + reference[place + 2 :]
        for place in range(2, LENGTH - 1)
    ]
    return [one for one in wrong + swapped if one != reference]


def test_a_slip_of_the_pen_leads_to_the_reference_it_was() -> None:
    for _ in range(20):
        reference = new_reference()
        for said in slips(reference):
            assert reference in near_references(f"Chuyển tiền {said} chợ")


def test_letters_that_references_do_not_have_are_slips_too() -> None:
    reference = new_reference()
    said = f"{reference[:5]}0{reference[6:]}"
    assert reference in near_references(said)


def test_a_right_reference_and_none_lead_nowhere() -> None:
    assert near_references(new_reference()) == []
    assert near_references("tien cho thang 11 sap A01") == []
    assert all(is_reference(one) for one in near_references("LPAAAAAAAAAAAB"))


@pytest.mark.parametrize("kept", range(9, LENGTH))
def test_the_beginning_of_a_reference_at_the_end_is_seen(kept: int) -> None:
    reference = new_reference()
    assert cut_reference(f"tien cho {reference[:kept]}") == reference[:kept]
    assert cut_reference(f"{reference[:kept]} tien cho thang 11") is None
    assert cut_reference(f"tien {reference}") is None


@pytest.mark.parametrize(
    ("said", "forms"),
    [
        ("Sạp A-01 tháng 11", {"A01", "SAPA", "A", "01THANG", "THANG11"}),
        ("tien cho ky ot 12 lo b", set()),
        ("nop tien quay 12", {"12", "QUAY12"}),
        ("b.07 nop tien", {"B07", "07NOP"}),
        ("1530000", set()),
    ],
)
def test_codes_are_seen_however_they_are_written(said: str, forms: set[str]) -> None:
    found = set(code_forms(words_of(said)))
    assert forms - {"SAPA"} <= found
    # A month, a day or a sum alone is no code.
    assert "11" not in found
    assert "1530000" not in found


def test_a_name_is_two_to_five_words_without_a_digit() -> None:
    runs = name_runs(words_of("Nguyễn Thị Sáu nộp tiền T11"))
    assert "NGUYEN THI SAU" in runs
    assert "NGUYEN" not in runs
    assert not [run for run in runs if "T11" in run]
    assert name_runs(words_of("chuyen khoan")) == ["CHUYEN KHOAN"]
