"""The graded sheets are true: every rule's test is there and runs over whom it grades."""

from collections import Counter
from dataclasses import replace

import pytest

from adapters.registry import ADAPTERS
from scripts.grades import HEAD, PAGE
from tests.support import grading
from tests.support.grading import (
    LEAST,
    LEAST_DONE,
    RULES,
    Rule,
    drawn,
    faults,
    grades_of,
    unlisted,
)


def test_every_rule_has_a_test_that_runs_over_the_adapter_or_a_reason() -> None:
    assert faults() == []


def test_every_check_and_every_ending_is_a_rule() -> None:
    assert unlisted() == []


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_adapter_is_graded_by_enough_rules_each_with_a_test_or_a_reason(name: str) -> None:
    grades = grades_of(name)
    assert len(grades) >= LEAST
    assert all(bool(one.done) != bool(one.exempt) for one in grades)
    assert sum(1 for one in grades if one.done) >= LEAST_DONE


def test_the_page_is_what_the_command_draws() -> None:
    assert PAGE.read_text("utf-8") == f"{HEAD}\n{drawn()}\n"


def test_no_rule_is_counted_twice() -> None:
    named = Counter((rule.test, rule.case) for rule in RULES)
    assert [one for one, count in named.items() if count > 1] == []


def _reasonless(rule: Rule) -> Rule:
    return replace(rule, excuse=lambda _name: None)


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (replace(RULES[0], test="test_that_was_taken_away"), "no test_that_was_taken_away in"),
        (replace(RULES[0], path="tests/gone.py"), "in tests/gone.py"),
        (replace(RULES[0], case="a_check_that_was_taken_away"), "does not run with"),
        (_reasonless(RULES[0]), "is excused=False"),
        (replace(RULES[0], excuse=lambda _name: "too hard"), "is excused=True"),
    ],
)
def test_a_sheet_that_promises_too_much_is_caught(broken: Rule, complaint: str) -> None:
    assert any(complaint in one for one in faults([broken]))


def test_a_check_without_a_rule_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grading, "RULES", RULES[1:])
    assert grading.unlisted() == [f"{RULES[0].test}[{RULES[0].case}]"]
