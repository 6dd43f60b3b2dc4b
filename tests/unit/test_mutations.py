"""The small faults of `make mutants`: each kind once, one at a time, and nothing else changed."""

import ast
from pathlib import Path
from textwrap import dedent

import pytest

from scripts.mutants import ROOMS
from scripts.mutations import mutants_of

ROOT = Path(__file__).resolve().parents[2]


def bodies_of(source: str) -> list[str]:
    """What each mutant makes of the only statement of a function."""
    whole = "def f(a, b, c):\n" + "\n".join(f"    {line}" for line in dedent(source).splitlines())
    bodies = []
    for mutant in mutants_of(whole):
        (function,) = mutant.tree.body
        assert isinstance(function, ast.FunctionDef)
        assert not mutant.at_load
        bodies.append("\n".join(ast.unparse(one) for one in function.body))
    return bodies


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("return a == b", ["return a != b"]),
        ("return a <= b", ["return a < b"]),
        ("return a is not b", ["return a is b"]),
        ("return a and b and c", ["return b and c", "return a and c", "return a and b"]),
        ("return a & b", ["return a", "return b"]),
        ("return a - b", ["return a + b"]),
        ("return not a", ["return a"]),
        ("return True", ["return False"]),
        ("return 7", ["return 8"]),
        ("return b(a, c)", ["return b(c, a)"]),
        ("return min(a, c)", []),
        ("return a.where(b, c)", ["return a.where(c)", "return a.where(b)"]),
        ("await_ = a(b, b)", []),
        ("a.record(b)", ["pass"]),
        ("raise ValueError(a)", ["pass"]),
        ("return b if a else c", ["return b if not a else c"]),
    ],
)
def test_each_kind_of_fault_is_made(source: str, expected: list[str]) -> None:
    assert bodies_of(source) == expected


def test_what_is_declared_is_left_alone() -> None:
    source = "@dataclass(frozen=True)\nclass A:\n    a: str | None\n"
    assert list(mutants_of(source)) == []


def test_a_fault_says_where_it_is_and_which_line_has_to_be_entered() -> None:
    source = "LIMIT = 2\n\n\ndef f(a, b):\n    return g(\n        a == b,\n    )\n"
    limit, equal = sorted(mutants_of(source), key=lambda mutant: mutant.line)
    assert (limit.line, limit.at_load, limit.what) == (1, True, "2 → 3")
    assert (equal.line, equal.entered_at, equal.at_load) == (6, 5, False)
    assert equal.what == "a == b → a != b"


def test_a_fault_as_a_person_would_have_made_it_leaves_the_comments() -> None:
    """What a comment says to the type checker holds for a line with a fault as for any other."""
    source = "def f(ă: int) -> None:\n    g(\n        ă == 1 or\n        ă\n    )  # đồng\n"
    call, second, first, equal, one = (mutant.text for mutant in mutants_of(source))
    assert call == "def f(ă: int) -> None:\n    pass  # đồng\n"
    assert second == source.replace("ă == 1 or\n        ă", "(ă)")
    assert first == source.replace("ă == 1 or\n        ă", "(ă == 1)")
    assert equal == source.replace("ă == 1", "(ă != 1)")
    assert one == source.replace("1", "(2)")


def test_what_is_said_to_the_types_within_a_place_is_not_lost_unseen() -> None:
    swapped, *_ = mutants_of("f(  # type: ignore[arg-type]\n    a,\n    b,\n)\n")
    assert swapped.text is None


def test_every_test_of_a_room_is_there() -> None:
    """A name that meant another folder took the tests of matching money away, and nobody saw it."""
    asked = [test.partition("::") for _, tests in ROOMS.values() for test in tests]
    assert [file for file, _, _ in asked if not (ROOT / file).exists()] == []
    assert all(
        f"def {test}(" in (ROOT / file).read_text("utf-8") for file, _, test in asked if test
    )
    assert all(list(ROOT.glob(one)) for patterns, _ in ROOMS.values() for one in patterns)
