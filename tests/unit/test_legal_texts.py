"""Reading the numbers of legal texts out of a basis."""

import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from payments.catalogue.rules.legal_texts import legal_numbers, unclear_numbers
from payments.catalogue.upkeep.entries import LegalReferenceEntry


@pytest.mark.parametrize(
    ("basis", "numbers"),
    [
        ("TT 226/2016/TT-BTC, Điều 4", ["226/2016/TT-BTC"]),
        (
            "TT 226/2016/TT-BTC, Điều 4; NQ 06/2020/NQ-HĐND của HĐND TP Hà Nội",
            ["226/2016/TT-BTC", "06/2020/NQ-HĐND"],
        ),
        ("Luật Hộ tịch số 60/2014/QH13", ["60/2014/QH13"]),
        ("Luật 97/2015/QH13 (Luật Phí và lệ phí)", ["97/2015/QH13"]),
        ("254/2026/NĐ-CP", ["254/2026/NĐ-CP"]),
        ("Nghị quyết 1210/2016/UBTVQH13", ["1210/2016/UBTVQH13"]),
        ("TTLT 158/2015/TTLT-BTC-BTP", ["158/2015/TTLT-BTC-BTP"]),
        ("43/2007/TTLT/BTC-BNV", ["43/2007/TTLT/BTC-BNV"]),
        ("QĐ 45/2016/QĐ-TTg", ["45/2016/QĐ-TTg"]),
        ("NQ 66.7/2025/NQ-CP, Điều 5.1", ["66.7/2025/NQ-CP"]),
        ("QĐ 15a/2016/QĐ-UBND", ["15a/2016/QĐ-UBND"]),
        ("TT 64/2025/TT-BTC (sửa TT 73/2024/TT-BTC)", ["64/2025/TT-BTC", "73/2024/TT-BTC"]),
        ("TT 64/2025/TT-BTC; TT 64/2025/TT-BTC, Điều 2", ["64/2025/TT-BTC"]),
        ("Thông tư số 226 / 2016 / TT – BTC", ["226/2016/TT-BTC"]),
        ("NQ 06/2020/NQ-HĐND – Hà Nội", ["06/2020/NQ-HĐND"]),
        ("NQ 06/2020/NQ-HĐND - TP Hà Nội", ["06/2020/NQ-HĐND"]),
        ("NQ 06/2020/NQ-HÐND", ["06/2020/NQ-HĐND"]),  # the Icelandic letter
        ("(TT 226/2016/TT-BTC)", ["226/2016/TT-BTC"]),
        ("TT 226/2016/TT-BTC.", ["226/2016/TT-BTC"]),
        ("ban hành ngày 07/10/2021", []),
        ("áp dụng từ 01/01/2026 - TT mới", []),
        ("Theo thông báo của cơ quan thuế", []),
        ("", []),
    ],
)
def test_the_numbers_in_full_are_found_in_order(basis: str, numbers: list[str]) -> None:
    assert list(legal_numbers(basis)) == numbers
    assert list(legal_numbers(unicodedata.normalize("NFD", basis))) == numbers


@pytest.mark.parametrize(
    ("basis", "unclear"),
    [
        ("QĐ 1450/QĐ-TCT ngày 07/10/2021", ["1450/QĐ-TCT"]),
        ("NQ 66.22, Điều 5", ["NQ 66.22"]),
        ("TT 226/2016, Điều 4", ["TT 226/2016"]),
        ("Thông tư số 226", ["Thông tư số 226"]),
        ("TT 226/2016/TT-BTC và QĐ 1450/QĐ-TCT", ["1450/QĐ-TCT"]),
        ("TT 226/2016/TT-BTC, Điều 4, khoản 2", []),
        ("Luật 97/2015/QH13", []),
        ("NQ 66.22/2026/NQ-CP", []),
        ("Luật Giá", []),
        ("ngày 07/10/2021", []),
    ],
)
def test_a_number_without_year_or_issuer_is_told_apart(basis: str, unclear: list[str]) -> None:
    assert list(unclear_numbers(basis)) == unclear


@pytest.mark.parametrize(
    ("number", "taken"),
    [
        ("226/2016/TT-BTC", True),
        ("66.22/2026/NQ-CP", True),
        ("45/2016/QĐ-TTg", True),
        ("1450/QĐ-TCT", False),
        ("226/2016", False),
        ("226 / 2016 / TT-BTC", False),
        ("TT 226/2016/TT-BTC", False),
        ("226/2016/TT-BTC, 227/2016/TT-BTC", False),
        ("", False),
    ],
)
def test_an_entry_of_a_legal_text_takes_the_number_as_a_basis_names_it(
    number: str, taken: bool
) -> None:
    entry = {
        "number": number,
        "issuer": "Chính phủ",
        "title_vi": "Văn bản",
        "title_en": "Text",
        "basis": "Công báo",
        "source": "Công báo",
        "certainty": "confirmed",
        "checked_on": date(2026, 11, 22),
        "valid_from": date(2017, 1, 1),
    }
    if taken:
        assert LegalReferenceEntry.model_validate(entry).number == number
    else:
        with pytest.raises(ValidationError, match="226/2016/TT-BTC"):
            LegalReferenceEntry.model_validate(entry)


kinds = st.sampled_from(["TT-BTC", "NĐ-CP", "NQ-HĐND", "QĐ-TTg", "QH13", "TTLT-BTC-BTP"])
written = st.builds(
    lambda number, year, kind: f"{number}/{year}/{kind}",
    st.integers(1, 999),
    st.integers(1990, 2040),
    kinds,
)
remarks = st.sampled_from(
    [", Điều 4", " của HĐND TP Hà Nội", "", " (hợp nhất)", ", khoản 2 Điều 5"]
)


@given(st.lists(st.tuples(written, remarks), max_size=5), st.sampled_from(["; ", ", ", " và "]))
def test_what_was_written_is_read_back(parts: list[tuple[str, str]], between: str) -> None:
    basis = between.join(f"TT {number}{remark}" for number, remark in parts)
    assert legal_numbers(basis) == tuple(dict.fromkeys(number for number, _ in parts))
    assert unclear_numbers(basis) == ()


@given(st.text(max_size=200))
def test_any_text_can_be_read_and_what_is_found_is_read_again(basis: str) -> None:
    for number in legal_numbers(basis):
        assert legal_numbers(number) == (number,)
