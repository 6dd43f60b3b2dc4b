"""The page of failures names a test for each of its rows, and each test is there."""

import ast
import re

from tests.architecture.source import ROOT

PAGE = (ROOT / "docs" / "failures.md").read_text("utf-8")
_ROW = re.compile(r"^\| (\d+) \| (.+?) \| (.+?) \| (.+) \|$", re.MULTILINE)
_NAMED = re.compile(r"`(test_\w+)` in `(tests/[\w/]+\.py)`")


def names_in(path: str) -> set[str]:
    """The tests of a file, by name; none where there is no such file."""
    place = ROOT / path
    tree = ast.parse(place.read_text("utf-8")) if place.exists() else ast.Module([], [])
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    return {node.name for node in tree.body if isinstance(node, functions)}


def faults(page: str) -> list[str]:
    """What is wrong with a page: a row that is missing, a row without a test or with one that is
    not there."""
    rows = _ROW.findall(page)
    found = [] if [int(row[0]) for row in rows] == list(range(1, 43)) else ["not the rows 1 to 42"]
    for number, _, _, tests in rows:
        named = _NAMED.findall(tests)
        if not named or "no test" in tests.lower():
            found.append(f"{number}: it lacks a test")
        found += [f"{number}: no {name} in {path}" for name, path in named
                  if name not in names_in(path)]  # fmt: skip
    return found


def test_every_failure_has_its_test() -> None:
    assert faults(PAGE) == []


def test_a_page_that_promises_a_test_that_is_not_there_is_caught() -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith("| 7 "))
    assert faults(PAGE.replace(row, "")) == ["not the rows 1 to 42"]
    name, _ = _NAMED.findall(row)[0]
    assert faults(PAGE.replace(f"`{name}`", f"`{name}_x`")) != []
    assert faults(PAGE.replace(row, "| 7 | a | b | soon |")) != []
