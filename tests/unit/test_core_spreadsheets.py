"""What a spreadsheet could calculate is written so that it does not, and read back as it was."""

import re
from collections.abc import Sequence
from contextlib import closing

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import spreadsheets
from core.spreadsheets import PATTERN, inert, inert_sql, is_live, original
from tests.support.live_text import LIVE, STILL


@pytest.mark.parametrize("text", LIVE)
def test_what_could_be_calculated_gets_an_apostrophe(text: str) -> None:
    assert is_live(text)
    assert inert(text) == f"'{text}"


@pytest.mark.parametrize("text", STILL)
def test_what_is_only_text_stays_as_it_is(text: str) -> None:
    assert inert(text) == text


@given(st.text())
def test_every_text_is_read_back_as_it_was(text: str) -> None:
    assert original(inert(text)) == text


def by_duckdb(texts: Sequence[str]) -> list[str]:
    with closing(duckdb.connect()) as duck:
        found = duck.execute(
            f"SELECT {inert_sql('cell')} FROM (SELECT unnest(?::VARCHAR[]) AS cell)", [list(texts)]
        ).fetchall()
    return [cell for (cell,) in found]


#: Mostly what the pattern is about.
CHARACTERS = st.sampled_from(sorted({c for text in LIVE for c in text[:3]})) | st.characters(
    codec="utf-8", exclude_characters="\x00"
)


@given(st.lists(st.text(CHARACTERS, max_size=5), max_size=50))
def test_duckdb_says_the_same_as_python(texts: list[str]) -> None:
    assert by_duckdb([*texts, *LIVE]) == [inert(text) for text in (*texts, *LIVE)]


def test_a_pattern_that_looks_at_the_first_character_alone_would_be_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spreadsheets, "_LIVE", re.compile(r"^[=+\-@\t\r']"))
    assert [text for text in LIVE if not is_live(text)]
    assert re.compile(PATTERN).match(" =1")
