"""Every page of staff as everybody: what a role may, what another body's people see, what is said.

The routes come from the router, who may from `tests.support.staff_routes`.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
import pytest_asyncio
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext, iter_route_contexts

from app.web.policy import STRICT
from app.web.staff.doors import signed_in
from app.web.staff.page_rights import DeedRight, LonePageRight, PageRight
from payments.agencies.access.rights import Action, Role
from tests.support.every_route import Things, keys_of
from tests.support.neighbour import neighbour_of
from tests.support.rows import contents
from tests.support.staff_browser import StaffBrowser, signed_in_as
from tests.support.staff_routes import PAGES, PageCase
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Signing in and one's own sessions take no right.
OPEN = (
    *("/staff/sign-in", "/staff/second-factor", "/staff/sign-out", "/staff/sessions"),
    *("/staff/recovery-codes", "/staff/sign-on", "/staff/password"),
)
#: What another list is about.
ELSEWHERE = (
    *OPEN,
    *("/staff/days", "/staff/load", "/staff/approvals", "/staff/suspense"),
    *("/staff/takings", "/staff/opened", "/staff/refunds", "/staff/cash"),
)


@dataclass(frozen=True, slots=True)
class House:
    """The system, and a browser of each role at its body and at a stranger's."""

    system: System
    things: Things
    own: dict[str, StaffBrowser]
    stranger: dict[str, StaffBrowser]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(shared_system: System) -> AsyncIterator[House]:
    things = Things(shared_system, await keys_of(shared_system, shared_system.body.agency_id))
    async with AsyncExitStack() as open_, neighbour_of(shared_system) as neighbour:
        own, stranger = {}, {}
        for role in Role:
            own[str(role)] = await open_.enter_async_context(signed_in_as(shared_system, role))
            stranger[str(role)] = await open_.enter_async_context(
                signed_in_as(shared_system, role, agency_id=neighbour.agency_id)
            )
        yield House(shared_system, things, own, stranger)


def routes_of(app: FastAPI, but: tuple[str, ...] = ELSEWHERE) -> Iterator[tuple[str, RouteContext]]:
    """Every route of the pages of staff that does something behind the door."""
    for route in iter_route_contexts(app.routes):
        path = route.path or ""
        if path.startswith("/staff/") and not path.startswith(but):
            for method in sorted(route.methods or ()):
                if method not in ("HEAD", "OPTIONS"):
                    yield f"{method} {path}", route


def actions_of(route: RouteContext) -> list[Action]:
    """What a page says it needs."""

    def walk(dependant: Dependant) -> Iterator[Action]:
        if isinstance(dependant.call, PageRight | LonePageRight | DeedRight):
            yield dependant.call.action
        for one in dependant.dependencies:
            yield from walk(one)

    dependant: Dependant | None = getattr(route, "dependant", None)
    return [] if dependant is None else list(walk(dependant))


async def ask(case: PageCase, house: House, who: StaffBrowser, path: str = "") -> tuple[int, str]:
    path = path or await case.path(house.things)
    if case.method == "GET":
        answer = await who.get(path)
        if answer.status_code == 200 and answer.headers["content-type"].startswith("text/html"):
            # Nobody frames it, and nothing of it comes from elsewhere.
            assert answer.headers["content-security-policy"] == STRICT
            assert answer.headers["cache-control"] == "no-store"
    else:
        answer = await who.post(path, **await case.form(house.things))
    return answer.status_code, answer.text


async def mistakes(house: House, case: PageCase) -> list[str]:
    """Ask for a page as everybody; what is not as the case has it."""
    found = []
    named = await case.path(house.things)
    refused = [
        who for who in house.own if who not in (*case.roles.split(), *case.otherwise.split())
    ]
    before = await contents(house.system.parts.database)
    for whose, browsers in (("own", house.own), ("other", house.stranger)):
        for who in refused:
            status, _ = await ask(case, house, browsers[who], named)
            if status != 403:
                found.append(f"{case.route}, {who}, {whose}: {status}")
    if not found and await contents(house.system.parts.database) != before:
        found.append(f"{case.route}: something was written for who may not")
    for who in case.roles.split():
        status, text = await ask(case, house, house.stranger[who], named)
        if status != case.stranger:
            found.append(f"{case.route}, {who}, other: {status}")
        ours = house.system.body.agency_code
        if case.method == "GET" and ours in text and ours not in named:
            found.append(f"{case.route}, {who}, other: shows the system's body")
        # Only what is read can be asked for again.
        status, text = await ask(case, house, house.own[who], named if case.method == "GET" else "")
        if status != case.own:
            found.append(f"{case.route}, {who}, own: {status} {text[-1500:]}")
    for who in case.otherwise.split():
        for browser, wanted in ((house.own[who], 403), (house.stranger[who], case.stranger)):
            if (status := (await ask(case, house, browser, named))[0]) != wanted:
                found.append(f"{case.route}, {who}: {status}")
    return found


async def test_every_route_behind_the_door_says_one_right(house: House) -> None:
    told = {name: len(actions_of(route)) for name, route in routes_of(house.system.app, OPEN)}
    assert len(told) > 50
    assert {name: rights for name, rights in told.items() if rights != 1} == {}
    open_to_all = {name: actions_of(route) for name, route in routes_of(house.system.app, ())}
    assert open_to_all["GET /staff/sessions"] == []


async def test_every_page_says_what_it_needs_and_has_its_case(house: House) -> None:
    routes = dict(routes_of(house.system.app))
    assert {case.route for case in PAGES} == routes.keys()
    assert {name: actions_of(route) for name, route in routes.items()} == {
        name: [one] for name, route in routes.items() for one in actions_of(route)[:1]
    }


@pytest.mark.parametrize("case", PAGES, ids=lambda case: case.route)
async def test_everybody_sees_what_is_theirs_and_no_more(house: House, case: PageCase) -> None:
    assert await mistakes(house, case) == []


async def test_a_page_whose_check_is_switched_off_is_caught(house: House) -> None:
    """The negative control."""
    case = next(one for one in PAGES if one.route == "GET /staff/settings/users")
    overrides = house.system.app.dependency_overrides
    overrides[PageRight(Action.ADMINISTER)] = signed_in
    try:
        seen = await mistakes(house, case)
    finally:
        del overrides[PageRight(Action.ADMINISTER)]
    assert any(", clerk, own: 200" in line for line in seen)
