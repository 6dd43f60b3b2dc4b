"""Who opens a session: the request, the flows that need several transactions, worker and CLI."""

import ast

import pytest

from tests.architecture.source import Source, calls, place, sources
from tests.architecture.test_house_rules import dotted

#: Where a session may be opened, and why there.
OPENERS = {
    "core/db.py": "the request's dependency",
    "core/idempotency.py": "whatever creates something, once for a key",
    "payments/bills/create.py": "a bill is one statement, and who was first is read after it",
    "payments/bills/api.py": "a repeat gets its first answer even when its fee has gone",
    "payments/agencies/access/principals.py": "whose key it is, before the request's own session",
    "payments/agencies/memory.py": "what is remembered is read where nobody has a session open",
    "payments/agencies/breakers.py": "what is remembered is read where nobody has a session open",
    "payments/catalogue/prices.py": "what is remembered is read where nobody has a session open",
    "payments/billing/months.py": "whose turn it is to open a month is written down before it",
    "payments/messages/renewing.py": "a provider is asked for tokens between two transactions",
    "payments/messages/delivering.py": "a message is sent between two transactions",
    "payments/billing/runs": "a market is billed in batches, each a transaction of its own",
    "payments/billing/imports/loading.py": "a file is loaded in batches, each a transaction",
    "payments/debts/loading.py": "a list is loaded in batches, each a transaction of its own",
    "payments/attempts/checkout.py": "a gateway is called between two transactions",
    "payments/incoming/pulls.py": "who asks is known before anything is read",
    "payments/incoming/keeping.py": "a notice is stored before it is acted upon",
    "payments/incoming/notices.py": "a notice is stored before it is acted upon",
    "payments/webhooks/delivering.py": "a receiver is called between two transactions",
    "payments/attempts/gateway_receipts.py": "a gateway is called between two transactions",
    "payments/attempts/inquiry.py": "a gateway is asked between two transactions",
    "payments/attempts/api.py": "what an attempt became is read after it was left",
    "payments/attempts/asking.py": "a gateway is asked between two transactions",
    "payments/attempts/commands.py": "a gateway is asked between two transactions",
    "payments/attempts/leaving.py": "a gateway is asked before an attempt is left",
    "payments/refunds/sending.py": "a gateway is called between two transactions",
    "receipts/invoices/delivering.py": "a provider is asked between two transactions",
    "receipts/api.py": "a receipt is drawn after it was read, with no transaction open",
    "receipts/display.py": "a receipt is drawn between two transactions",
    "reconciliation/days/commands.py": "a day is matched between two transactions",
    "reconciliation/days/run_api.py": "a day is matched between two transactions",
    "reconciliation/days/nightly.py": "a night is claimed, run and noted one by one",
    "reconciliation/days/rerun.py": "a day is matched between two transactions",
    "reconciliation/cases/asking.py": "a gateway is asked between two transactions",
    "reconciliation/cases/api.py": "a gateway is asked between two transactions",
    "reconciliation/closing/api.py": "minutes are drawn after the day is closed",
    "reconciliation/closing/minutes_files.py": "minutes are drawn between two transactions",
    "reconciliation/statements/takings.py": "who waits for a turn holds no connection meanwhile",
    "reconciliation/statements/uploads.py": "a large statement is taken in after its answer",
    "reconciliation/statements/large.py": "a process of its own, with a database of its own",
    "reconciliation/settlements/owners.py": "whose a file is, before it is read",
    "reconciliation/statements/superseding_api.py": "a file is read between two transactions",
    "reconciliation/days/exports.py": "between two pages of a slow file none is held",
    "app/web/citizen/": "a page shows what a flow of several transactions has left",
    "app/web/staff/": "a form that is refused leaves nothing, and its page is read anew",
    "app/web/rate.py": "a turn is taken, whatever becomes of the request",
    "app/worker.py": "the worker",
    "app/anchors.py": "an anchor is signed and sent with no transaction open",
    "app/cli/": "the command line",
    "app/demo_seed.py": "the command line: what a demonstration starts with",
    "app/health.py": "a database that is away is an answer, not an error",
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
    found = [o for s in sources() for o in openings(s)]
    assert found == []


def test_whoever_opens_none_any_more_is_off_the_lists() -> None:
    opening = {s.path for s in sources() if any(_opens(call) for call in calls(s))}
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
