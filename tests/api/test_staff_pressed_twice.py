"""Forms of the set-up that are pressed twice: one thing is made, and both presses show the same."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx2
import pytest
import pytest_asyncio

from app.web.staff.deeds import StaffDeed
from core.ids import new_id
from core.sessions import WriteSession
from tests.support.every_route import Things, keys_of
from tests.support.markup import tree_of
from tests.support.rows import count
from tests.support.staff_browser import StaffBrowser, form_of, signed_in_as
from tests.support.staff_routes import PAGES, SETTINGS, PageCase
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: What makes something: each is asked for twice by the same form.
MAKING = [
    case
    for case in PAGES
    if case.route
    in {
        f"POST {SETTINGS}/users",
        f"POST {SETTINGS}/keys",
        f"POST {SETTINGS}/bodies",
        f"POST {SETTINGS}/accounts",
        f"POST {SETTINGS}/gateways",
        f"POST {SETTINGS}/catalogue/proposals",
        "POST /staff/payments/{payment_id}/refund",
        "POST /staff/markets/{market_id}/waivers",
        "POST /staff/markets/{market_id}/readings",
        "POST /staff/markets/{market_id}/runs",
    }
]
#: The table of what each makes.
TABLES = {
    "users": "staff_user",
    "keys": "api_key",
    "bodies": "agency",
    "accounts": "collection_account",
    "gateways": "gateway_account",
    "proposals": "catalogue_proposal",
    "refund": "refund",
    "waivers": "approval",
    "readings": "meter_reading",
    "runs": "billing_run",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(shared_system: System) -> AsyncIterator[tuple[Things, StaffBrowser]]:
    keys = await keys_of(shared_system, shared_system.body.agency_id)
    async with signed_in_as(shared_system, "admin", "finance") as browser:
        yield Things(shared_system, keys), browser


async def pressed_twice(
    case: PageCase, things: Things, browser: StaffBrowser, *, at_once: bool
) -> tuple[list[httpx2.Response], int]:
    """Both answers, and how many rows the table of what it makes has more."""
    path = await case.path(things)
    form = await case.form(things)
    data = form.pop("data", {}) | {"once": new_id("once")}
    table = TABLES[path.rpartition("/")[2]]
    database = things.system.parts.database

    before = await count(database, table)

    async def press() -> httpx2.Response:
        return await browser.post(path, dict(data), **form)

    if at_once:
        answers = list(await asyncio.gather(press(), press()))
    else:
        answers = [await press(), await press()]
    return answers, await count(database, table) - before


def said(answer: httpx2.Response) -> tuple[int, str, list[str]]:
    """Where an answer leads, and the secret that it shows."""
    shown = tree_of(answer.text).xpath("//code[@id='secret']/text()") if answer.text else []
    return answer.status_code, answer.headers.get("location", ""), [str(one) for one in shown]


@pytest.mark.parametrize("at_once", [False, True], ids=["one after the other", "at once"])
@pytest.mark.parametrize("case", MAKING, ids=[case.route for case in MAKING])
async def test_what_is_pressed_twice_is_made_once_and_both_presses_show_the_same(
    office: tuple[Things, StaffBrowser], case: PageCase, at_once: bool
) -> None:
    first, second = (told := await pressed_twice(case, *office, at_once=at_once))[0]
    assert said(first)[0] in (200, 303), first.text[-2000:]
    assert said(first) == said(second)
    assert told[1] == 1


async def test_every_form_that_makes_something_is_pressed_twice() -> None:
    assert len(MAKING) == len(TABLES)


async def test_a_form_that_makes_something_at_each_press_is_noticed(
    office: tuple[Things, StaffBrowser], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: a deed that does not look whether it was done."""

    async def each_time(deed: StaffDeed, work: Callable[[WriteSession], Awaitable[str]]) -> str:
        return await deed.database.run(work)

    monkeypatch.setattr(StaffDeed, "told_once", each_time)
    (case,) = [case for case in MAKING if case.route.endswith("/keys")]
    (first, second), made = await pressed_twice(case, *office, at_once=False)
    assert said(first) != said(second)
    assert made == 2


async def test_every_form_of_the_set_up_that_does_something_carries_its_name(
    office: tuple[Things, StaffBrowser],
) -> None:
    things, browser = office
    for page, action in (
        (f"{SETTINGS}/users/new", f"{SETTINGS}/users"),
        (f"{SETTINGS}/keys/new", f"{SETTINGS}/keys"),
        (f"{SETTINGS}/bodies/new", f"{SETTINGS}/bodies"),
        (f"{SETTINGS}/accounts/new", f"{SETTINGS}/accounts"),
        (f"{SETTINGS}/gateways/new?gateway=vnpay", f"{SETTINGS}/gateways"),
        (f"{SETTINGS}/catalogue/proposals/new", f"{SETTINGS}/catalogue/proposals"),
    ):
        names = [form_of((await browser.get(page)).text, action)["once"] for _ in range(2)]
        assert len(set(names)) == 2, page
    body = f"{SETTINGS}/bodies/{things.system.body.agency_code}"
    for action in ("change", "offers"):
        assert form_of((await browser.get(body)).text, f"{body}/{action}")["once"]


async def test_a_form_that_comes_again_with_something_else_is_told_so(
    office: tuple[Things, StaffBrowser],
) -> None:
    things, browser = office
    agency, once = things.system.body.agency_code, new_id("once")
    sent = {"scopes": "bills", "agency": agency, "once": once}
    await browser.post(f"{SETTINGS}/keys", sent | {"label": "một"})
    other = await browser.post(f"{SETTINGS}/keys", sent | {"label": "hai"})
    assert other.status_code == 422
    assert "đã được gửi một lần với nội dung khác" in other.text
