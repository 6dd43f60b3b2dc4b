"""One door each: every bill, every creation, every handler comes into being in one place."""

import ast
from collections.abc import Callable

import pytest

from app.handlers import HANDLERS
from tests.architecture.source import Source, calls, place, sources
from tests.architecture.test_house_rules import dotted

#: What is made in one module only, and which that is.
MADE_IN = {
    "NewBill": "payments/bills/create.py",
    "Handler": "app/handlers.py",
}
#: Keys of requests are handled by `Idempotency`, and by the two flows that cannot be one
#: transaction or must be one statement (docs/decisions/0013).
KEYS = ("core/idempotency.py", "payments/bills/", "payments/attempts/")
_OF_KEYS = frozenset({"begin", "begin_or_replay", "finish", "forget"})


def made_elsewhere(source: Source) -> list[str]:
    """Calls of a class that only one module may call."""
    return [
        place(source, call)
        for call in calls(source)
        if source.path != MADE_IN.get(dotted(call.func).rpartition(".")[2], source.path)
    ]


def loose_keys(source: Source) -> list[str]:
    """Idempotency keys that are begun or finished by hand."""
    if source.path.startswith(KEYS):
        return []
    return [
        place(source, call)
        for call in calls(source)
        if dotted(call.func).rpartition(".")[2] in _OF_KEYS
        and dotted(call.func).startswith("idempotency.")
    ]


def unguarded_creations(source: Source) -> list[str]:
    """Routes that answer 201, and so create something, without taking a key."""
    found: list[str] = []
    if source.path.startswith("adapters/sandbox/"):  # what it plays is somebody else's API
        return found
    for node in source.nodes:
        if not isinstance(node, ast.AsyncFunctionDef):
            continue
        creates = any(
            isinstance(one, ast.Call)
            and any(
                word.arg == "status_code" and ast.unparse(word.value) == "201"
                for word in one.keywords
            )
            for one in node.decorator_list
        )
        given = {ast.unparse(one.annotation) for one in node.args.args if one.annotation}
        if creates and not given & {"IdempotencyDep", "KeyDep"}:
            found.append(place(source, node))
    return found


RULES: tuple[Callable[[Source], list[str]], ...] = (
    made_elsewhere,
    loose_keys,
    unguarded_creations,
)


@pytest.mark.parametrize("rule", RULES)
def test_there_is_one_door(rule: Callable[[Source], list[str]]) -> None:
    assert [one for source in sources() for one in rule(source)] == []


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (made_elsewhere, "bill = NewBill(id='x')\n"),
        (made_elsewhere, "mine = handlers.Handler(BillPaid, 'x', work)\n"),
        (loose_keys, "await idempotency.begin_or_replay(session, claim, 'x', cipher)\n"),
        (
            unguarded_creations,
            "@router.post('/x', status_code=201)\nasync def make(body: Body) -> Response: ...\n",
        ),
    ],
)
def test_another_door_is_noticed(rule: Callable[[Source], list[str]], code: str) -> None:
    assert rule(Source("payments/planted.py", code)) != []


def test_no_two_handlers_bear_one_name() -> None:
    names = [handler.name for handler in HANDLERS]
    assert len(set(names)) == len(names) > 0
