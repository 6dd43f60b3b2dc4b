"""Rows as COPY reads them: whatever a text holds, it comes out as it went in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.copying import copy_line


def read_back(line: str) -> list[str | None]:
    """A line read by the rules of PostgreSQL's documentation, not by ours."""
    assert line.endswith("\n")
    escapes = {"\\": "\\", "t": "\t", "n": "\n", "r": "\r"}
    cells: list[str | None] = []
    for cell in line[:-1].split("\t"):
        if cell == "\\N":
            cells.append(None)
            continue
        assert "\n" not in cell
        assert "\r" not in cell
        text, rest = "", iter(cell)
        for character in rest:
            text += escapes[next(rest)] if character == "\\" else character
        cells.append(text)
    return cells


CELLS = st.none() | st.text(alphabet=st.characters(exclude_categories=["Cs"]))


@given(st.lists(CELLS, min_size=1, max_size=6))
def test_what_goes_in_comes_out(cells: list[str | None]) -> None:
    assert read_back(copy_line(cells)) == cells


@pytest.mark.parametrize("text", ["\\N", "\\.", "a\tb", "a\\", "\r\n", "", "Nguyễn\x0b"])
def test_what_copy_would_read_otherwise(text: str) -> None:
    assert read_back(copy_line([text, None, text])) == [text, None, text]


def test_numbers_are_written_out() -> None:
    assert copy_line([1, -20_000, None]) == "1\t-20000\t\\N\n"
