"""The glossary names what is in the code, and says each word once."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("core", "payments", "receipts", "reconciliation", "adapters", "app")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| English")
]


def is_in_the_code(name: str, source: str) -> bool:
    if "/" in name:
        return (ROOT / name).exists()
    word = re.escape(name)
    # The name first, for which the whole source is searched quickly, and then what is around it.
    return re.search(rf"{word}(?<!\w{word})(?!\w)", source) is not None


@pytest.fixture(scope="module")
def source() -> str:
    files = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    assert files
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def test_every_row_has_four_full_cells() -> None:
    assert len(ROWS) > 50
    assert [row for row in ROWS if len(row) != 4 or not all(row)] == []


def test_each_word_is_explained_once_in_each_language() -> None:
    for column in (0, 1):
        words = [row[column] for row in ROWS]
        assert sorted(words) == sorted(set(words))


def test_every_name_is_in_the_code_unless_it_is_planned(source: str) -> None:
    named = [
        (row[0], name)
        for row in ROWS
        if "*planned*" not in row[2]
        for name in re.findall(r"`([^`]+)`", row[2])
    ]
    assert len(named) > 80
    assert [pair for pair in named if not is_in_the_code(pair[1], source)] == []


def test_a_name_that_is_not_in_the_code_is_noticed(source: str) -> None:
    assert is_in_the_code("Bill", source)
    assert is_in_the_code("receipts/words.py", source)
    assert not is_in_the_code("Bil", source)
    assert not is_in_the_code("receipts/wards.py", source)
