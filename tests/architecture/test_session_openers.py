"""Who opens a session: the request, the flows that need several transactions, worker and CLI."""

import ast

import pytest

from tests.architecture.source import Source, calls, place, sources
from tests.architecture.test_house_rules import dotted

#: Where a session may be opened, and why there.
OPENERS = {
    "core/db.py": "the request's dependency",
    "core/auth.py": "whose key it is, known before the request's own session is asked for",
    "payments/attempts/checkout.py": "a gateway is called between two transactions",
    "payments/incoming/notices.py": "a notice is stored before it is acted upon",
    "payments/attempts/inquiry.py": "a gateway is asked between two transactions",
    "receipts/display.py": "a receipt is drawn between two transactions",
    "reconciliation/commands.py": "a day is matched between two transactions",
    "app/worker.py": "the worker",
    "app/cli/": "the command line",
    "app/demo_seed.py": "the command line: what a demonstration starts with",
    "app/health.py": "a database that is away is an answer, not an error",
}
#: Who opens one today and shall not: each still does, or is taken off.
NOT_YET = {
    "app/web/pages.py",
    "app/web/posters.py",
    "app/web/receipts.py",
    "payments/agencies/queries.py",
    "payments/api.py",
    "payments/catalogue/prices.py",
    "payments/bills/create.py",
    "reconciliation/api.py",
}


def openings(source: Source) -> list[str]:
    """Calls of a database's `transaction`, `reading` and `run`, outside the allowed modules."""
    if source.path.startswith(tuple(OPENERS)):
        return []
    return [place(source, call) for call in calls(source) if _opens(call)]


def _opens(call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Attribute):
        return False
    whose = dotted(call.func.value).rpartition(".")[2]
    return call.func.attr in ("transaction", "reading") or (
        call.func.attr == "run" and whose.strip("_") == "database"
    )


def test_a_session_is_opened_where_it_may_be() -> None:
    found = [o for s in sources() if s.path not in NOT_YET for o in openings(s)]
    assert found == []


def test_whoever_opens_none_any_more_is_off_the_lists() -> None:
    opening = {s.path for s in sources() if any(_opens(call) for call in calls(s))}
    assert sorted(NOT_YET - opening) == []
    unused = [path for path in OPENERS if not any(o.startswith(path) for o in opening)]
    assert unused == []


@pytest.mark.parametrize(
    "code",
    [
        "async with database.transaction() as session:\n    pass\n",
        "async with self._database.reading() as session:\n    pass\n",
        "await context.database.run(work)\n",
        "await self._database.run(work)\n",
    ],
)
def test_a_session_opened_elsewhere_is_caught(code: str) -> None:
    lines = "\n    ".join(code.splitlines())
    source = Source("payments/commands.py", f"async def work():\n    {lines}\n")
    assert openings(source) == ["payments/commands.py:2"]
    assert openings(Source("payments/attempts/checkout.py", source.text)) == []


def test_running_something_else_opens_no_session() -> None:
    code = "asyncio.run(main())\nsubprocess.run(command)\n"
    assert openings(Source("payments/commands.py", code)) == []
