"""The few tests that say whatever any test says to PostgreSQL."""

import json
from pathlib import Path

import pytest

from tests.support.said_statements import _Leading, plain, quickest


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT  a\n FROM b", "SELECT a FROM b"),
        ("… WHERE a IN (%(a_1)s::VARCHAR, %(a_2)s::VARCHAR)", "… WHERE a IN (?)"),
        ("… WHERE a IN (%(a_1)s::VARCHAR)", "… WHERE a IN (?)"),
        ("… VALUES (%(a)s, %(b)s), (%(c)s, %(d)s)", "… VALUES (?)"),
    ],
)
def test_how_many_values_there_are_makes_no_other_statement(statement: str, expected: str) -> None:
    assert plain(statement) == expected


def test_other_columns_make_another_statement() -> None:
    assert plain("SELECT a FROM t WHERE b = %(b)s") != plain("SELECT a FROM t WHERE c = %(b)s")


def test_the_chosen_say_everything_and_the_quicker_of_two_alike_is_chosen() -> None:
    said = {
        "a.py::slow": {"1", "2"},
        "a.py::quick": {"1", "2"},
        "b.py::only": {"3"},
        "b.py::nothing_new": {"3", "1"},
    }
    seconds = {"a.py::slow": 9.0, "a.py::quick": 1.0, "b.py::only": 0.1, "b.py::nothing_new": 4.0}
    assert sorted(quickest(said, seconds)) == ["a.py::quick", "b.py::only"]


def test_one_that_has_become_needless_is_left_out() -> None:
    said = {"a.py::first": {"1", "2"}, "a.py::left": {"1", "3"}, "a.py::right": {"2", "4"}}
    seconds = {"a.py::first": 0.0, "a.py::left": 2.0, "a.py::right": 2.0}
    assert sorted(quickest(said, seconds)) == ["a.py::left", "a.py::right"]


@pytest.mark.parametrize(
    ("unsaid", "verdict"),
    [
        (3, "97 of 100 statements were said."),
        (4, "4 of 100 statements were not said once more:\n  SELECT 0"),
    ],
)
def test_a_run_that_leaves_statements_unsaid_is_caught(
    tmp_path: Path, unsaid: int, verdict: str
) -> None:
    wanted = {str(n): f"SELECT {n}" for n in range(100)}
    (tmp_path / "list.json").write_text(json.dumps(wanted))
    said = {"a.py::some": {str(n) for n in range(unsaid, 100)}}
    leading = _Leading(None, str(tmp_path / "list"), said=said)
    missing = leading._missing(tmp_path / "list")
    assert (missing or leading.verdict).startswith(verdict)
    assert (missing is None) == (unsaid == 3)


def test_a_run_that_said_nothing_leaves_no_list_of_an_earlier_one(tmp_path: Path) -> None:
    old = tmp_path / "list"
    old.write_text("a.py::test_of_yesterday\n")
    _Leading(str(old), None)._choose(old)
    assert not old.exists()
