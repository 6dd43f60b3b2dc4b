"""Rules of the house that no ready-made checker knows, read from the syntax trees.

Each rule is a function from one file to the places that break it; each is also shown to catch a
planted breach.
"""

import ast
from collections.abc import Callable, Collection

import pytest

from tests.architecture.source import Source, calls, place, sources

#: Where a transaction may be ended: everybody else takes a session and never commits.
COMMITTERS = (
    *("core/db.py", "payments/attempts/checkout.py", "app/worker.py", "app/cli/"),
    "app/migrations/",  # a step and its mark in the version table are one transaction
)
#: Who may write by a statement without a session, for a measured reason (docs/decisions/0006).
LONE_WRITERS = ("payments/bills/create.py", "payments/bills/untouched.py")
#: Where now is made.
CLOCK = "core/clock.py"
_NOW = frozenset(
    {
        "datetime.now",
        "datetime.utcnow",
        "datetime.today",
        "date.today",
        "time.time",
        "time.time_ns",
        "time.localtime",
        "time.gmtime",
    }
)


def dotted(node: ast.expr) -> str:
    """`a.b.c` for a name or an attribute of one; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""


def stray_commits(source: Source) -> list[str]:
    """Calls of `commit`, and of a session's or an engine's `begin`, outside the allowed modules."""
    if source.path.startswith(COMMITTERS):
        return []
    return [
        place(source, call)
        for call in calls(source)
        if isinstance(call.func, ast.Attribute) and call.func.attr in {"commit", "begin"}
    ]


def lone_writes(source: Source) -> list[str]:
    """Calls of `write_alone` outside the allowed modules, one of which only reads by it."""
    if source.path in LONE_WRITERS:
        return []
    return [
        place(source, call)
        for call in calls(source)
        if isinstance(call.func, ast.Attribute) and call.func.attr == "write_alone"
    ]


def other_clocks(source: Source) -> list[str]:
    """Calls that ask the machine for the time of day; how long something took is no such call."""
    if source.path == CLOCK:
        return []
    renamed = _imported_names(source)
    found = []
    for call in calls(source):
        name = dotted(call.func)
        first, _, rest = name.partition(".")
        name = renamed.get(first, first) + (f".{rest}" if rest else "")
        if ".".join(name.split(".")[-2:]) in _NOW:
            found.append(place(source, call))
    return found


def _imported_names(source: Source) -> dict[str, str]:
    """What names stand for: `from time import time as t` gives t → time.time."""
    names = {}
    for node in source.nodes:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name] = alias.name
    return names


def generators(source: Source) -> set[str]:
    """The names of functions that yield: as dependencies they have an exit that must be timed."""
    return {
        node.name
        for node in source.nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and any(isinstance(part, ast.Yield) for part in ast.walk(node))
    }


def late_exits(source: Source, yielding: Collection[str]) -> list[str]:
    """Dependencies that yield, or are called a session, without `scope="function"`.

    FastAPI would run their exit, and with it the commit, after the answer has gone out.
    """
    found = []
    for call in calls(source):
        if dotted(call.func).split(".")[-1] != "Depends" or not call.args:
            continue
        name = dotted(call.args[0]).split(".")[-1]
        scopes = [
            keyword.value.value
            for keyword in call.keywords
            if keyword.arg == "scope" and isinstance(keyword.value, ast.Constant)
        ]
        if (name in yielding or name.endswith("session")) and scopes != ["function"]:
            found.append(place(source, call))
    return found


def threaded_dependencies(source: Source) -> list[str]:
    """Dependencies of this file that are plain functions.

    FastAPI runs each in a thread, which costs a request more than most of them do.
    """
    plain = {node.name for node in source.nodes if isinstance(node, ast.FunctionDef)}
    return [
        place(source, call)
        for call in calls(source)
        if dotted(call.func).split(".")[-1] == "Depends"
        and call.args
        and isinstance(call.args[0], ast.Name)
        and call.args[0].id in plain
    ]


@pytest.mark.parametrize("rule", [stray_commits, lone_writes, other_clocks, threaded_dependencies])
def test_every_shipped_file_keeps_the_rule(rule: Callable[[Source], list[str]]) -> None:
    assert [breach for source in sources() for breach in rule(source)] == []


def test_a_session_is_committed_before_the_answer() -> None:
    yielding = {name for source in sources() for name in generators(source)}
    assert yielding, "no dependency yields any more: is the rule still about anything?"
    assert [breach for source in sources() for breach in late_exits(source, yielding)] == []


@pytest.mark.parametrize(
    "line",
    ["await session.commit()", "connection.commit()", "async with engine.begin() as c: ..."],
)
def test_a_stray_commit_is_caught(line: str) -> None:
    code = f"async def pay(session, connection, engine):\n    {line}\n"
    assert stray_commits(Source("payments/commands.py", code)) == ["payments/commands.py:2"]
    assert stray_commits(Source("payments/attempts/checkout.py", code)) == []
    assert stray_commits(Source("app/cli/seed.py", code)) == []


def test_a_write_without_a_session_is_caught() -> None:
    code = "async def pay(database):\n    await database.write_alone('SELECT 1', {})\n"
    assert lone_writes(Source("payments/commands.py", code)) == ["payments/commands.py:2"]
    assert lone_writes(Source("payments/bills/create.py", code)) == []


@pytest.mark.parametrize(
    "code",
    [
        "from datetime import UTC, datetime\nx = datetime.now(UTC)",
        "import datetime as d\nx = d.datetime.now(d.UTC)",
        "import time\nx = time.time()",
        "from time import time as t\nx = t()",
        "import datetime\nx = datetime.date.today()",
    ],
)
def test_another_clock_is_caught(code: str) -> None:
    assert other_clocks(Source("payments/commands.py", code)) == ["payments/commands.py:2"]
    assert other_clocks(Source(CLOCK, code)) == []


def test_asking_core_clock_or_a_stopwatch_is_no_other_clock() -> None:
    code = "import time\nfrom core import clock\nx = clock.now()\ny = time.monotonic()\n"
    assert other_clocks(Source("payments/commands.py", code)) == []


@pytest.mark.parametrize(
    "dependency",
    ["Depends(session)", 'Depends(db.session, scope="request")', "fastapi.Depends(connection)"],
)
def test_a_dependency_that_commits_after_the_answer_is_caught(dependency: str) -> None:
    code = f"Dep = Annotated[WriteSession, {dependency}]\n"
    assert late_exits(Source("payments/api.py", code), {"connection"}) == ["payments/api.py:1"]


def test_a_dependency_with_the_right_scope_passes() -> None:
    code = 'Dep = Annotated[WriteSession, Depends(session, scope="function")]\nB = Depends(body)\n'
    assert late_exits(Source("payments/api.py", code), {"session"}) == []
    assert generators(Source("core/db.py", "async def session():\n    yield 1\n")) == {"session"}


def test_a_dependency_that_needs_a_thread_is_caught() -> None:
    plain = "def context(request):\n    return 1\nDep = Annotated[int, Depends(context)]\n"
    assert threaded_dependencies(Source("payments/context.py", plain)) == ["payments/context.py:3"]
    assert threaded_dependencies(Source("payments/context.py", f"async {plain}")) == []
    made = "def body(model):\n    return read\nDep = Annotated[int, Depends(body(int))]\n"
    assert threaded_dependencies(Source("payments/api.py", made)) == []
