"""Who may do what, asked of every route as everybody: roles, scopes, and other agencies' things.

The routes come from the router, who may from `tests.support.every_route`; the requests are real
ones, with real keys.
"""

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from fastapi import APIRouter, Depends, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext, iter_route_contexts
from sqlalchemy import text

import payments.bills.api
from payments.agencies.access.principals import PrincipalDep, RequiredRight, needs, principal
from payments.agencies.access.rights import RIGHTS, Action, Role, Scope
from payments.bills.queries import get_bill
from tests.support.every_route import CASES, Case, Keys, Things, keys_of
from tests.support.neighbour import neighbour_of
from tests.support.problems import problem
from tests.support.rows import contents
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

PREFIX = "/api/v1"
#: What is under the prefix and open to everybody.
OPEN = {"GET /openapi.json"}
EVERYBODY = [*Role, *Scope]


@dataclass(frozen=True, slots=True)
class Street:
    """The system and a stranger to it, each with all keys; `things` are the system's."""

    system: System
    own: Keys
    stranger: Keys
    things: Things


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def street(shared_system: System) -> AsyncIterator[Street]:
    own = await keys_of(shared_system, shared_system.body.agency_id)
    async with neighbour_of(shared_system) as neighbour:
        stranger = await keys_of(shared_system, neighbour.agency_id)
        yield Street(shared_system, own, stranger, Things(shared_system, own))


def routes_of(app: FastAPI) -> Iterator[tuple[str, RouteContext]]:
    """Every route of the API as `METHOD /path`, whatever kind of route it is."""
    for route in iter_route_contexts(app.routes):
        path = route.path or ""
        if path.startswith(PREFIX):
            for method in sorted(route.methods or {"ANY"}):
                if method not in ("HEAD", "OPTIONS"):
                    yield f"{method} {path.removeprefix(PREFIX)}", route


def actions_of(route: RouteContext) -> list[Action]:
    """What a route says it needs."""

    def walk(dependant: Dependant) -> Iterator[Action]:
        if isinstance(dependant.call, RequiredRight):
            yield dependant.call.action
        for one in dependant.dependencies:
            yield from walk(one)

    dependant: Dependant | None = getattr(route, "dependant", None)
    return [] if dependant is None else list(walk(dependant))


def undeclared(app: FastAPI) -> list[str]:
    """The routes that do not say what they need, or say it more than once."""
    return [
        name for name, route in routes_of(app) if name not in OPEN and len(actions_of(route)) != 1
    ]


def unlisted(app: FastAPI, cases: Iterable[Case]) -> list[str]:
    """The routes that no case is about, and the cases of no route."""
    return sorted({name for name, _ in routes_of(app)} - OPEN ^ {case.route for case in cases})


async def mistakes(street: Street, case: Case) -> list[str]:
    """Ask a route as everybody, of the system and a stranger; what is not as the case has it."""
    things, found = street.things, []
    ours = street.system.body.agency_code
    named = None if case.thing is None else await case.thing(things)
    before = await contents(street.system.parts.database)
    for keys, whose in ((street.own, "own"), (street.stranger, "other")):
        for who in refused(case):
            answer = await case.ask(things, keys.secrets[who], named)
            if answer.status_code != 403 or answer.json()["code"] != _code(case, who):
                found.append(f"{case.route}, {who}, {whose}: {answer.status_code}")
    if not found and await contents(street.system.parts.database) != before:
        found.append(f"{case.route}: something was written for who may not")
    for who in EVERYBODY:
        if case.may(who):
            answer = await case.ask(things, street.stranger.secrets[who], named)
            if answer.status_code != case.stranger or _tells(answer.text, case, ours):
                found.append(f"{case.route}, {who}, other: {answer.status_code}")
            # Only what is read can be asked for again.
            again = named if case.method == "GET" else None
            answer = await case.ask(things, street.own.secrets[who], again)
            if answer.status_code != case.own:
                found.append(f"{case.route}, {who}, own: {answer.status_code} {answer.text[:200]}")
    return found


def _code(case: Case, who: str) -> str:
    return "scope_missing" if who in set(Scope) and case.scopes else "not_allowed"


def _tells(text: str, case: Case, ours: str) -> bool:
    """Whether a list shows a stranger anything of the system's, whose body's code is `ours`."""
    if case.route.endswith(("GET /agencies", "/accounts", "/gateway-accounts")):
        return f'"{ours}"' in text
    if case.stranger != 200 or "catalogue/changes" in case.route or "export" in case.route:
        return False
    return '"items":[]' not in text


async def test_every_role_and_scope_is_asked_as() -> None:
    known = {who for case in CASES for who in (*case.roles.split(), *case.scopes.split())}
    assert known == {str(who) for who in EVERYBODY}


def refused(case: Case) -> list[str]:
    return [who for who in EVERYBODY if not case.may(who)]


async def test_every_route_says_what_it_needs_and_has_its_case(street: Street) -> None:
    app = street.system.app
    assert len(list(routes_of(app))) > 25
    assert undeclared(app) == []
    assert unlisted(app, CASES) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.route)
async def test_everybody_gets_what_is_theirs_and_no_more(street: Street, case: Case) -> None:
    assert await mistakes(street, case) == []


SETTING_UP = [case for case in CASES if case.roles == "admin" and case.method == "POST"]


@pytest.mark.parametrize("case", SETTING_UP, ids=lambda case: case.route)
async def test_every_command_that_sets_up_leaves_an_audit_row(street: Street, case: Case) -> None:
    named = None if case.thing is None else await case.thing(street.things)
    before = await audited(street.system)
    answer = await case.ask(street.things, street.own.secrets["admin"], named)
    assert answer.status_code == case.own, answer.text
    (actor,) = (await audited(street.system))[len(before) :]
    assert actor.startswith("staff:")


async def audited(system: System) -> list[str]:
    """Who has done something, deed by deed."""
    async with system.parts.database.transaction() as session:
        entries = await session.scalars(text("SELECT actor FROM audit_entry ORDER BY id"))
        return list(entries)


async def test_every_action_of_the_table_is_asked_for_somewhere(street: Street) -> None:
    asked = {action for _, route in routes_of(street.system.app) for action in actions_of(route)}
    # The national catalogue is changed at the command line only; what deciding takes says the kind;
    # a walk, the counting of its cash and notes on bills are pages alone (`test_staff_rights`).
    assert set(RIGHTS) == set(Action)
    by_kind = {Action.DECIDE_APPROVAL, Action.DECIDE_SETTING}
    on_pages = {Action.COLLECT, Action.COUNT_CASH, Action.MARK_BILL}
    assert set(Action) - asked == {Action.CHANGE_NATIONAL, *by_kind, *on_pages}


# Negative controls: each of these would be a hole, and is seen.


def planted(*dependencies: Any) -> FastAPI:
    app, router = FastAPI(openapi_url=None), APIRouter(prefix=PREFIX)

    @router.get("/secrets", dependencies=dependencies)
    async def secrets(principal: PrincipalDep) -> str:
        return principal.actor

    app.include_router(router)
    return app


async def test_a_route_without_a_declaration_is_caught() -> None:
    assert undeclared(planted()) == ["GET /secrets"]
    assert undeclared(planted(Depends(principal))) == ["GET /secrets"]
    assert undeclared(planted(needs(Action.READ_BILLS))) == []
    mounted = FastAPI(openapi_url=None)
    mounted.mount(f"{PREFIX}/more", planted())
    assert undeclared(mounted) == ["ANY /more"]


async def test_a_route_without_a_case_is_caught(street: Street) -> None:
    assert "GET /secrets" in unlisted(planted(needs(Action.READ_BILLS)), CASES)
    assert unlisted(street.system.app, CASES[1:]) == [CASES[0].route]


def case_of(route: str) -> Case:
    (found,) = [case for case in CASES if case.route == route]
    return found


@pytest.mark.parametrize(
    "route", ["POST /bills/{bill_id}/cancel", "POST /users", "GET /reconciliations/{run_id}"]
)
async def test_a_route_whose_check_is_switched_off_is_caught(street: Street, route: str) -> None:
    case = case_of(route)
    (action,) = {
        one for name, it in routes_of(street.system.app) if name == route for one in actions_of(it)
    }
    overrides = street.system.app.dependency_overrides
    overrides[RequiredRight(action)] = principal
    try:
        seen = await mistakes(street, case)
    finally:
        del overrides[RequiredRight(action)]
    for who in EVERYBODY:
        if not case.may(who):
            assert any(f", {who}, own: 20" in line for line in seen), who
    assert await mistakes(street, case) == []


@pytest.mark.parametrize(
    ("action", "route", "who"),
    [
        (Action.CANCEL_BILL, "POST /bills/{bill_id}/cancel", "collector"),
        (Action.RECONCILE, "POST /reconciliations", "bills"),
        (Action.ADMINISTER, "POST /api-keys", "catalogue"),
    ],
)
async def test_an_entry_that_is_too_generous_is_caught(
    street: Street, monkeypatch: pytest.MonkeyPatch, action: Action, route: str, who: str
) -> None:
    right = RIGHTS[action]
    roles = right.roles | {role for role in Role if role == who}
    scopes = right.scopes | {scope for scope in Scope if scope == who}
    with monkeypatch.context() as patch:
        patch.setitem(RIGHTS, action, type(right)(right.title, roles, scopes))
        seen = await mistakes(street, case_of(route))
    assert f"{route}, {who}, own: 20" in "\n".join(seen)


async def test_an_entry_that_is_too_strict_is_caught(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = RIGHTS[Action.READ_RECEIPTS]
    fewer = type(right)(right.title, right.roles - {Role.AUDITOR}, right.scopes)
    with monkeypatch.context() as patch:
        patch.setitem(RIGHTS, Action.READ_RECEIPTS, fewer)
        seen = await mistakes(street, case_of("GET /receipts/{receipt_id}"))
    assert len(seen) == 2
    assert all("auditor" in line and ": 403" in line for line in seen)


async def test_a_query_that_forgets_whose_it_is_is_caught(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def whoever(session: Any, bill_id: str, _: object) -> Any:
        return await get_bill(session, bill_id, frozenset({street.system.body.agency_id}))

    with monkeypatch.context() as patch:
        patch.setattr(payments.bills.api, "get_bill", whoever)
        case = case_of("GET /bills/{bill_id}")
        seen = await mistakes(street, case)
    allowed = [who for who in EVERYBODY if case.may(who)]
    assert len(allowed) >= 7
    assert len([line for line in seen if "other: 200" in line]) == len(allowed)


async def test_a_missing_scope_is_named(street: Street) -> None:
    case = case_of("POST /statements")
    answer = await case.ask(street.things, street.own.secrets["bills"])
    found = problem(answer, 403, "scope_missing", "Authorization")
    assert "statements" in found["detail"]
    assert "statements" in found["errors"][0]["detail"]
