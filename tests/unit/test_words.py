import csv
from pathlib import Path
from typing import Any

import pytest

from core.errors import Invalid
from core.money import MAX_AMOUNT
from receipts.words import amount_in_words
from tests.support.words_parser import Unreadable, read_amount

GOLDEN = Path(__file__).parents[1] / "golden" / "words.csv"


def golden() -> list[tuple[int, str]]:
    with GOLDEN.open(encoding="utf-8", newline="") as file:
        return [(int(row["amount"]), row["words"]) for row in csv.DictReader(file)]


@pytest.mark.parametrize(("amount", "words"), golden())
def test_an_amount_is_spelled_as_the_golden_file_has_it(amount: int, words: str) -> None:
    assert amount_in_words(amount) == words


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (15, "Mười lăm đồng"),
        (21, "Hai mươi mốt đồng"),
        (24, "Hai mươi tư đồng"),
        (25, "Hai mươi lăm đồng"),
        (105, "Một trăm linh năm đồng"),
        (1_015, "Một nghìn không trăm mười lăm đồng"),
        (1_000_005, "Một triệu không trăm linh năm đồng"),
        (1_005_000, "Một triệu không trăm linh năm nghìn đồng"),
    ],
)
def test_what_the_libraries_get_wrong_is_right(amount: int, words: str) -> None:
    assert amount_in_words(amount) == words


@pytest.mark.parametrize("amount", [-5, -1, MAX_AMOUNT + 1, True, 5.0, "5", None])
def test_what_is_no_amount_is_refused(amount: Any) -> None:
    with pytest.raises(Invalid):
        amount_in_words(amount)


def test_every_number_below_ten_thousand_is_read_back() -> None:
    assert all(read_amount(amount_in_words(n)) == n for n in range(10_000))


@pytest.mark.parametrize(
    ("words", "amount"),
    [
        ("Một trăm lẻ năm đồng", 105),
        ("Hai mươi bốn đồng", 24),
        ("Năm nghìn đồng", 5000),
    ],
)
def test_the_parser_takes_the_other_usual_readings(words: str, amount: int) -> None:
    assert read_amount(words) == amount


@pytest.mark.parametrize(
    "words",
    [
        "Một nghìn lẻ mười lăm đồng",
        "Một triệu lẻ năm đồng",
        "Một triệu năm nghìn đồng",
        "Một nghìn năm đồng",
        "Hai mươi một đồng",
        "Mười mốt đồng",
        "Hai mươi năm đồng",
        "Mười năm đồng",
        "Một mươi đồng",
        "Một trăm năm đồng",
        "Không trăm linh năm đồng",
        "Một nghìn không trăm đồng",
        "Năm nghìn hai triệu đồng",
        "Hai tỷ ba tỷ đồng",
        "năm đồng",
        "Năm",
        "",
    ],
)
def test_the_parser_refuses_what_a_careful_reader_would(words: str) -> None:
    with pytest.raises(Unreadable):
        read_amount(words)
