"""No test sleeps for long: it waits for what it waits for, by an event or by asking again soon.

A suite of thousands pays for every tenth of a second, and a machine that is slower than whoever
wrote the number fails all the same.
"""

import ast

import pytest

from tests.architecture.source import Source, calls, place, sources

#: Sleeps of this many seconds or more have to be on the list below.
LONG = 0.1
#: Where the time that passes is what the test is about.
REASONS = {
    "tests/integration/test_operators_page.py": "another process writes what is awaited",
    "tests/support/hostile.py": "a server that sends byte by byte has to outlast a deadline",
}


def long_sleeps(source: Source) -> list[str]:
    """Calls of `sleep`, whosever, with a number of at least `LONG` written out."""
    return [
        place(source, call)
        for call in calls(source)
        if _name(call.func) == "sleep" and any(_is_long(given) for given in call.args)
    ]


def _name(called: ast.expr) -> str:
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def _is_long(given: ast.expr) -> bool:
    return (
        isinstance(given, ast.Constant)
        and isinstance(given.value, int | float)
        and given.value >= LONG
    )


def test_no_test_sleeps_without_a_reason() -> None:
    found = {source.path: long_sleeps(source) for source in sources(("tests",))}
    assert [one for path, some in found.items() if path not in REASONS for one in some] == []


def test_every_reason_is_still_needed() -> None:
    sleeping = {source.path for source in sources(("tests",)) if long_sleeps(source)}
    assert set(REASONS) - sleeping == set()


@pytest.mark.parametrize("line", ["time.sleep(0.1)", "await asyncio.sleep(2)", "sleep(0.25)"])
def test_a_long_sleep_is_caught(line: str) -> None:
    code = f"async def test_it():\n    {line}\n"
    assert long_sleeps(Source("tests/unit/test_it.py", code)) == ["tests/unit/test_it.py:2"]


@pytest.mark.parametrize("line", ["await asyncio.sleep(0.02)", "await asyncio.sleep(0)"])
def test_a_short_pause_between_two_looks_passes(line: str) -> None:
    code = f"async def test_it():\n    {line}\n"
    assert long_sleeps(Source("tests/unit/test_it.py", code)) == []
